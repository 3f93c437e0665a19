"""Genotype profiles: what is known of each gene in each cell line or patient.

A profile has up to four blocks, each with a row per sample and a column per gene.

===============  ==========  ==================================================================================
block            kind        values
===============  ==========  ==================================================================================
``mutation``     genotype    0 or 1: a variant of the gene is carried that alters its protein
``copy_number``  genotype    relative copies, log2(x + 1), x = copies / 2: 1 is two copies, 0 is none
``burden``       genotype    copies of alleles that alter the protein, summed over the gene's variants
``expression``   expression  as the table gives it. It is no genotype, and no arm that says genotype may use it
===============  ==========  ==================================================================================

NaN is missing and never wild type. Samples and genes stand in the order of their names, so that the order of
a file's rows and columns changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Float32

from genomics.errors import InputError
from genomics.gene_names import match_genes, shown

GENOTYPE, EXPRESSION = "genotype", "expression"
KINDS: dict[str, str] = {
    "mutation": GENOTYPE,
    "copy_number": GENOTYPE,
    "burden": GENOTYPE,
    "expression": EXPRESSION,
}
"""Kind of each block that a profile can have."""


@dataclass(frozen=True, eq=False)
class GenotypeProfiles:
    """Blocks of values per sample and gene, with the samples' covariates.

    Attributes
    ----------
    sample_ids
        Cell lines or patients.
    genes
        Genes of each block, in the order of its columns.
    blocks
        float32 (samples, genes) of each block; NaN is missing.
    kinds
        'genotype' or 'expression' of each block.
    covariates
        One row per sample, indexed by `sample_ids`, one column of text per covariate; a missing value is NaN.
    remarks
        What was changed or not found while these were read, for a person.

    Raises
    ------
    InputError
        The parts do not fit together.

    Examples
    --------
    >>> values = np.array([[1, 0], [np.nan, 1]], dtype=np.float32)
    >>> profiles = GenotypeProfiles.of(["B", "A"], {"mutation": (["KRAS", "APC"], values)})
    >>> profiles.sample_ids, profiles.genes["mutation"]
    (('A', 'B'), ('APC', 'KRAS'))
    >>> profiles.blocks["mutation"]
    array([[ 1., nan],
           [ 0.,  1.]], dtype=float32)
    """

    sample_ids: tuple[str, ...]
    genes: dict[str, tuple[str, ...]]
    blocks: dict[str, Float32[np.ndarray, "samples _genes"]]
    kinds: dict[str, str]
    covariates: pd.DataFrame
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_unique(self.sample_ids, "sample")
        for name, values in self.blocks.items():
            require_block_name(name)
            require_unique(self.genes[name], "gene")
            expected = (len(self.sample_ids), len(self.genes[name]))
            if values.shape != expected:
                raise InputError(f"the block is {values.shape}", field=name, expected=f"{expected}")
        if tuple(self.covariates.index) != self.sample_ids:
            raise InputError(
                "the covariates are not of these samples", field="covariates", expected="an index of samples"
            )

    @classmethod
    def of(
        cls,
        sample_ids: Sequence[str],
        blocks: Mapping[str, tuple[Sequence[str], np.ndarray]],
        covariates: pd.DataFrame | None = None,
        remarks: Sequence[str] = (),
    ) -> GenotypeProfiles:
        """Make profiles from arrays, samples and genes put in the order of their names.

        Parameters
        ----------
        sample_ids
            Rows of every block.
        blocks
            Genes and values (samples, genes) of each block, by its name.
        covariates
            One row per sample, indexed by sample; none by default.
        remarks
            See the class.

        Returns
        -------
        GenotypeProfiles

        Raises
        ------
        InputError
            A block has an unknown name or shape, or a sample or gene comes twice.
        """
        require_unique(sample_ids, "sample")
        order = np.argsort(np.asarray(sample_ids, dtype=object), kind="stable")
        ordered = tuple(str(sample_ids[row]) for row in order)
        genes, values = {}, {}
        for name, (symbols, block) in blocks.items():
            require_block_name(name)
            columns = np.argsort(np.asarray(symbols, dtype=object), kind="stable")
            genes[name] = tuple(str(symbols[column]) for column in columns)
            values[name] = np.asarray(block, dtype=np.float32)[np.ix_(order, columns)]
        table = pd.DataFrame(index=list(sample_ids)) if covariates is None else covariates
        table = table.reindex(list(ordered))
        return cls(ordered, genes, values, {name: KINDS[name] for name in values}, table, tuple(remarks))

    @property
    def genotype_blocks(self) -> tuple[str, ...]:
        """Blocks that are genotype."""
        return tuple(name for name, kind in self.kinds.items() if kind == GENOTYPE)

    def select(self, ids: Sequence[str]) -> GenotypeProfiles:
        """Return some samples, in the order given.

        Parameters
        ----------
        ids
            Samples.

        Returns
        -------
        GenotypeProfiles

        Raises
        ------
        InputError
            A sample has no profile, or is asked for twice.

        Examples
        --------
        >>> profiles = GenotypeProfiles.of(["A", "B"], {"mutation": (["APC"], np.array([[0], [1]]))})
        >>> profiles.select(["B"]).blocks["mutation"]
        array([[1.]], dtype=float32)
        """
        place = {name: row for row, name in enumerate(self.sample_ids)}
        absent = [name for name in ids if name not in place]
        if absent:
            raise InputError(
                f"{len(absent)} of {len(ids)} samples have no profile ({shown(absent)})",
                record=absent[0],
                expected=f"samples of the profiles, such as {', '.join(self.sample_ids[:3])}",
                hint="add them to the tables or leave them out",
            )
        rows = np.array([place[name] for name in ids], dtype=np.int64)
        return replace(
            self,
            sample_ids=tuple(ids),
            blocks={name: values[rows] for name, values in self.blocks.items()},
            covariates=self.covariates.iloc[rows],
        )

    def only(self, *blocks: str) -> GenotypeProfiles:
        """Return some of the blocks.

        Parameters
        ----------
        blocks
            Their names.

        Returns
        -------
        GenotypeProfiles

        Raises
        ------
        InputError
            There is no such block.

        Examples
        --------
        >>> GenotypeProfiles.of(["A"], {"mutation": (["APC"], np.array([[0]]))}).only("burden")
        Traceback (most recent call last):
        ...
        genomics.errors.InputError: field burden: the profiles have no such block; expected one of mutation
        """
        for name in blocks:
            if name not in self.blocks:
                raise InputError(
                    "the profiles have no such block", field=name, expected=f"one of {', '.join(self.blocks)}"
                )
        return replace(
            self,
            genes={name: self.genes[name] for name in blocks},
            blocks={name: self.blocks[name] for name in blocks},
            kinds={name: self.kinds[name] for name in blocks},
        )

    def aligned_to(
        self, genes: Mapping[str, Sequence[str]], aliases: Mapping[str, str] | None = None
    ) -> GenotypeProfiles:
        """Return the columns of another table, such as the one that a network was trained on.

        A gene that is not here is NaN in every sample, and so is a block. Blocks and genes that are not
        asked for are left out. All of it is said in `remarks`.

        Parameters
        ----------
        genes
            Genes of each block wanted, in order: `GenotypeProfiles.genes` of the training table.
        aliases
            Present symbol of each former one; a gene is found under either.

        Returns
        -------
        GenotypeProfiles

        Raises
        ------
        InputError
            A block has no gene in common with the one wanted, or no block is.

        Examples
        --------
        >>> patient = GenotypeProfiles.of(["P1"], {"mutation": (["KMT2D", "VHL"], np.array([[1, 0]]))})
        >>> aligned = patient.aligned_to({"mutation": ["APC", "MLL2"]}, {"MLL2": "KMT2D"})
        >>> aligned.blocks["mutation"]
        array([[nan,  1.]], dtype=float32)
        >>> for remark in aligned.remarks:
        ...     print(remark)
        mutation: 1 gene is known under another name (KMT2D as MLL2)
        mutation: 1 of 2 genes is missing (APC)
        """
        if not set(genes) & set(self.blocks):
            raise InputError(
                "the profiles have none of the blocks",
                field="blocks",
                expected=f"one of {', '.join(genes)}, found {', '.join(self.blocks) or 'none'}",
            )
        blocks, remarks = {}, list(self.remarks)
        for name, wanted in genes.items():
            require_block_name(name)
            blocks[name] = self._aligned_block(name, tuple(wanted), aliases or {}, remarks)
        left_out = [name for name in self.blocks if name not in genes]
        if left_out:
            remarks.append(f"left out: {', '.join(left_out)}, which is not asked for")
        return replace(
            self,
            genes={name: tuple(wanted) for name, wanted in genes.items()},
            blocks=blocks,
            kinds={name: KINDS[name] for name in genes},
            remarks=tuple(remarks),
        )

    def _aligned_block(
        self, name: str, wanted: tuple[str, ...], aliases: Mapping[str, str], remarks: list[str]
    ) -> Float32[np.ndarray, "samples wanted"]:
        if name not in self.blocks:
            remarks.append(f"{name}: not in these profiles, missing for every gene")
            return np.full((len(self.sample_ids), len(wanted)), np.nan, np.float32)
        where, renamed = match_genes(self.genes[name], wanted, aliases)
        if not (where >= 0).any():
            raise no_known_gene(name, self.genes[name], wanted)
        if renamed:
            verb = "gene is" if len(renamed) == 1 else "genes are"
            names = shown([f"{own} as {other}" for own, other in renamed.items()])
            remarks.append(f"{name}: {len(renamed)} {verb} known under another name ({names})")
        missing = [gene for gene, column in zip(wanted, where, strict=True) if column < 0]
        if missing:
            verb = "is" if len(missing) == 1 else "are"
            remarks.append(f"{name}: {len(missing)} of {len(wanted)} genes {verb} missing ({shown(missing)})")
        values = self.blocks[name][:, np.maximum(where, 0)]
        values[:, where < 0] = np.nan
        return values

    def missing_counts(self) -> pd.DataFrame:
        """Count genes without a value, per sample and block.

        Returns
        -------
        pandas.DataFrame
            Whole numbers, one row per sample, one column per block.

        Examples
        --------
        >>> values = np.array([[1, np.nan]])
        >>> GenotypeProfiles.of(["A"], {"burden": (["APC", "VHL"], values)}).missing_counts()
           burden
        A       1
        """
        counts = {name: np.isnan(values).sum(axis=1) for name, values in self.blocks.items()}
        return pd.DataFrame(counts, index=list(self.sample_ids))


def require_block_name(name: str) -> None:
    """Raise for a block that profiles cannot have.

    Raises
    ------
    InputError
        The name is not one of `KINDS`.
    """
    if name not in KINDS:
        raise InputError("no such block of a profile", field=name, expected=f"one of {', '.join(KINDS)}")


def require_unique(names: Sequence[str], what: str) -> None:
    """Raise where a name comes twice.

    Raises
    ------
    InputError
        It does.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"the {what} comes twice", record=name, expected=f"each {what} once")
        seen.add(name)


def no_known_gene(
    block: str, found: Sequence[str], expected: Sequence[str], file: str | None = None
) -> InputError:
    """Make the error for a block of which no gene is known."""
    return InputError(
        f"none of its {len(found)} genes is known ({shown(found)})",
        file=file,
        field=block,
        expected=f"symbols such as {', '.join(list(expected)[:3])}",
        hint="name genes by their HGNC symbols; an identifier of Ensembl or NCBI is none",
    )
