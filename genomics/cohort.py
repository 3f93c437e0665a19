"""A cohort: the variant calls of many patients in one VCF Zarr store, read block by block."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from genomics.block import NO_CALL, OBSERVED, call_states
from genomics.contigs import canonical_contig, is_chromosome
from genomics.errors import InputError
from genomics.store import is_store

if TYPE_CHECKING:
    import xarray as xr

_DOSAGE_BLOCK_BYTES = 64_000_000
_RSID = re.compile(r"^rs\d+$")
VARIANT_COLUMNS: tuple[str, ...] = (
    "record",
    "variant_id",
    "contig",
    "position",
    "ref",
    "alt",
    "alt_index",
    "rsid",
    "filter_pass",
    "consequence_gene",
    "consequence",
    "amino_acid_change",
)


class Cohort:
    """Variant calls of many patients.

    Opening reads no calls. Arrays come from `dataset`, an xarray Dataset over dask, or, block by block,
    from the methods here. See the documentation of `genomics` for axes and values.

    Parameters
    ----------
    path
        A VCF Zarr store, as `ingest` or bio2zarr writes it.

    Raises
    ------
    InputError
        There is no store.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise InputError("no such cohort store", file=self.path, hint="make it with varimol ingest")
        if not is_store(self.path) or "variant_position" not in self.arrays:
            raise InputError(
                "not a VCF Zarr store",
                file=self.path,
                expected="a folder that varimol ingest wrote",
                hint="make it with varimol ingest",
            )

    def __repr__(self) -> str:
        size = f"{self.n_variants} records, {self.n_samples} samples"
        return f"Cohort({self.path.name!r}: {size}, {self.build})"

    @cached_property
    def arrays(self) -> Any:
        """The store itself, a zarr Group, for reading one array at a time."""
        import zarr

        return zarr.open_group(self.path, mode="r")

    def _array(self, name: str) -> Any:
        return self.arrays[name]

    @cached_property
    def dataset(self) -> xr.Dataset:
        """All arrays, as an xarray Dataset over dask; the values are as stored, -1 and -2 included."""
        import xarray as xr

        consolidated = (self.path / ".zmetadata").exists()
        return xr.open_zarr(self.path, consolidated=consolidated, mask_and_scale=False, chunks={})

    @property
    def build(self) -> str:
        """``GRCh37``, ``GRCh38`` or ``unknown``."""
        return str(self.arrays.attrs.get("build", "unknown"))

    @property
    def source(self) -> str:
        """Program and version that wrote the store."""
        return str(self.arrays.attrs.get("source", "unknown"))

    @property
    def build_evidence(self) -> dict[str, Any]:
        """What the build was decided on: counts of sites, the header's words, the reason."""
        evidence: Any = self.arrays.attrs.get("build_evidence", {})
        return dict(evidence)

    @cached_property
    def sample_ids(self) -> np.ndarray:
        """Sample identifiers in the order of the samples axis."""
        return np.asarray(self._array("sample_id")[:], dtype=object).astype(str)

    @property
    def n_variants(self) -> int:
        """Records in the store; a multi-allelic site is one."""
        return int(self._array("variant_position").shape[0])

    @property
    def n_samples(self) -> int:
        """Samples in the store."""
        return int(self._array("sample_id").shape[0])

    @property
    def ploidy(self) -> int:
        """Alleles of the call that has most."""
        return int(self._array("call_genotype").shape[2])

    @cached_property
    def contigs(self) -> list[str]:
        """Contigs that have records, in their order in the store, named as the file names them."""
        names = [str(name) for name in self._array("contig_id")[:]]
        codes = np.asarray(self._array("variant_contig")[:])
        _, first = np.unique(codes, return_index=True)
        return [names[codes[index]] for index in sorted(first)]

    @cached_property
    def filter_pass(self) -> np.ndarray:
        """Bool (n_variants,): FILTER is PASS or ``.``."""
        names = np.array([str(name) for name in self._array("filter_id")[:]], dtype=object)
        flags = np.asarray(self._array("variant_filter")[:])
        return np.logical_not(flags[:, names != "PASS"].any(axis=1))

    @cached_property
    def variants(self) -> pd.DataFrame:
        """One row per record and ALT, in the order of the store.

        Columns: record (row in the store), variant_id (contig:position:ref:alt), contig, position
        (1-based), ref, alt, alt_index (allele number of that ALT, from 1), rsid (the first rs number in
        ID, or ''), filter_pass (FILTER is PASS or '.'), consequence_gene, consequence, amino_acid_change
        ('' where the file carries no annotation). A record without ALT has no row.
        """
        alleles = np.asarray(self._array("variant_allele")[:], dtype=object).astype(str)
        record, alt_index = np.nonzero(alleles[:, 1:] != "")
        alt_index = alt_index + 1
        contig_names = np.array([str(name) for name in self._array("contig_id")[:]], dtype=object)
        contig = contig_names[np.asarray(self._array("variant_contig")[:])[record]].astype(str)
        position = np.asarray(self._array("variant_position")[:])[record].astype(np.int64)
        ref, alt = alleles[record, 0], alleles[record, alt_index]
        rsid = np.array([_first_rsid(text) for text in self._array("variant_id")[:]], dtype=object)
        table = {
            "record": record.astype(np.int64),
            "variant_id": [":".join(parts) for parts in zip(contig, position.astype(str), ref, alt)],
            "contig": contig.tolist(),
            "position": position,
            "ref": ref.tolist(),
            "alt": alt.tolist(),
            "alt_index": alt_index.astype(np.int64),
            "rsid": rsid[record].tolist(),
            "filter_pass": self.filter_pass[record],
        }
        for column, name in (
            ("consequence_gene", "variant_consequence_gene"),
            ("consequence", "variant_consequence"),
            ("amino_acid_change", "variant_amino_acid_change"),
        ):
            table[column] = self._per_alt(name, record, alt_index)
        frame = pd.DataFrame(table, columns=list(VARIANT_COLUMNS))
        texts = [c for c in VARIANT_COLUMNS if c not in ("record", "position", "alt_index", "filter_pass")]
        return frame.astype(dict.fromkeys(texts, "str"))

    def _per_alt(self, name: str, record: np.ndarray, alt_index: np.ndarray) -> list[str]:
        if name not in self.arrays:
            return [""] * len(record)
        return [str(text) for text in np.asarray(self._array(name)[:], dtype=object)[record, alt_index - 1]]

    def genotypes(self, records: Sequence[int] | np.ndarray | slice) -> np.ndarray:
        """Read calls of some records as they are stored.

        Parameters
        ----------
        records
            Rows of the store, in any order, or a slice.

        Returns
        -------
        int8 (int16 beyond 127 alleles), (n, n_samples, ploidy)
            Allele numbers, -1 missing, -2 fill.
        """
        return _read_rows(self._array("call_genotype"), records)

    def states(self, records: Sequence[int] | np.ndarray | slice) -> np.ndarray:
        """Read call states: 0 observed, 1 no-call, 2 filtered, 3 absent.

        A store that another program wrote carries none; they follow from its genotypes and filters then.

        Returns
        -------
        int8 (n, n_samples)
        """
        if "call_state" in self.arrays:
            return _read_rows(self._array("call_state"), records)
        filtered = ~self.filter_pass[records]
        return call_states(self.genotypes(records), filtered[:, None])

    def phased(self, records: Sequence[int] | np.ndarray | slice) -> np.ndarray:
        """Read which calls are phased throughout; bool (n, n_samples)."""
        return _read_rows(self._array("call_genotype_phased"), records)

    def dosage_blocks(
        self,
        rows: pd.DataFrame | None = None,
        *,
        min_gq: float | None = None,
        min_dp: float | None = None,
        block: int | None = None,
    ) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Count copies of each ALT, a block of variants at a time.

        Parameters
        ----------
        rows
            Rows of `variants`, all by default. Blocks come in their order.
        min_gq, min_dp
            A call below counts as not observed, and so does one without a value where others of its
            record have one. A record that carries no GQ (DP) at all is not held to it.
        block
            Variants per block; by default as many as make 64 MB, at most 1,000.

        Yields
        ------
        rows : DataFrame
            The block's rows of `variants`.
        dosage : float32 (n, n_samples)
            Copies of that ALT, counted against all other alleles (0 or 1 in a haploid call); NaN where
            the call is not observed in full or fails a threshold.
        """
        chosen = self.variants if rows is None else rows
        size = block or max(1, min(1000, _DOSAGE_BLOCK_BYTES // (4 * max(1, self.n_samples))))
        for start in range(0, len(chosen), size):
            part = chosen.iloc[start : start + size]
            yield part, self._dosage(part, min_gq, min_dp)

    def _dosage(self, rows: pd.DataFrame, min_gq: float | None, min_dp: float | None) -> np.ndarray:
        records, inverse = np.unique(rows["record"].to_numpy(), return_inverse=True)
        genotypes = self.genotypes(records)
        usable = self.states(records) == OBSERVED
        for threshold, name in ((min_gq, "call_GQ"), (min_dp, "call_DP")):
            if threshold is not None and name in self.arrays:
                values = _read_rows(self._array(name), records)
                without = (values < 0).all(axis=1, keepdims=True)
                usable &= (values >= threshold) | without
        numbers = rows["alt_index"].to_numpy().astype(genotypes.dtype)
        counted = np.zeros((len(rows), genotypes.shape[1]), np.float32)
        for allele in range(genotypes.shape[2]):
            counted += genotypes[inverse, :, allele] == numbers[:, None]
        counted[~usable[inverse]] = np.nan
        return counted

    def no_call_counts(self) -> np.ndarray:
        """Count the no-calls of each sample over all records; int64 (n_samples,)."""
        counts = np.zeros(self.n_samples, np.int64)
        for start in range(0, self.n_variants, 1000):
            counts += (self.states(slice(start, start + 1000)) == NO_CALL).sum(axis=0)
        return counts


def open_cohort(path: str | os.PathLike[str]) -> Cohort:
    """Open a cohort store.

    Parameters
    ----------
    path
        A VCF Zarr store.

    Returns
    -------
    Cohort

    Raises
    ------
    InputError
        There is no store under this name.

    Examples
    --------
    >>> open_cohort("/nowhere/cohort.vcz")
    Traceback (most recent call last):
    ...
    genomics.errors.InputError: cohort.vcz: no such cohort store; make it with varimol ingest
    """
    return Cohort(path)


def require_build(cohort: Cohort) -> str:
    """Return the build of a cohort, or refuse the steps that need genes.

    Raises
    ------
    InputError
        The build is not known.
    """
    if cohort.build in ("GRCh37", "GRCh38"):
        return cohort.build
    reason = str(cohort.build_evidence.get("reason", "no evidence was found"))
    raise InputError(
        f"the genome build is not known ({reason})",
        file=cohort.path,
        field="build",
        expected="GRCh37 or GRCh38, which genes and star alleles need",
        hint="give --build if you know it, or lift the calls over",
    )


def require_known_contigs(cohort: Cohort) -> None:
    """Refuse a cohort without a single human chromosome name, such as one on NC_000001.11.

    Raises
    ------
    InputError
        No contig is named like a chromosome.
    """
    if not cohort.contigs or any(is_chromosome(name) for name in cohort.contigs):
        return
    raise InputError(
        f"the contig naming is not known: {cohort.contigs[0]!r}",
        file=cohort.path,
        record=1,
        field="CHROM",
        expected="1 to 22, X, Y, MT, with or without chr",
        hint="rename the contigs (bcftools annotate --rename-chrs) and ingest again",
    )


def _read_rows(array: Any, records: Sequence[int] | np.ndarray | slice) -> np.ndarray:
    if isinstance(records, slice):
        return np.asarray(array[records])
    wanted = np.asarray(records, dtype=np.int64)
    if not len(wanted):
        return np.asarray(array[0:0])
    first, last = int(wanted.min()), int(wanted.max())
    # Most blocks are runs of neighbours: one slice is much faster than picking rows out of chunks.
    if last - first + 1 <= 2 * len(wanted) + array.chunks[0]:
        return np.asarray(array[first : last + 1])[wanted - first]
    unique, inverse = np.unique(wanted, return_inverse=True)
    return np.asarray(array.oindex[unique])[inverse]


def _first_rsid(text: str) -> str:
    return next((part for part in str(text).split(";") if _RSID.match(part)), "")


def variant_key(contig: str, position: int, ref: str, alt: str) -> str:
    """Name a variant whichever way its file writes contigs.

    Examples
    --------
    >>> variant_key("chr1", 100, "A", "G")
    '1:100:A:G'
    """
    return f"{canonical_contig(contig)}:{position}:{ref}:{alt}"
