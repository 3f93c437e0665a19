"""From associated variants to markers: a lead per linked group, its gene, what it does to the protein."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genomics.contigs import canonical_contig, contig_rank
from genomics.errors import InputError
from genomics.marker_calls import COUNT_COLUMNS, count_marker_calls

if TYPE_CHECKING:
    from genomics.cohort import Cohort

GENOME_WIDE = float(-np.log10(5e-8))
GENE_WINDOW = 250_000
CLUMP_R2 = 0.1
_MOST_BYTES_AT_ONCE = 256_000_000
COLUMNS = (
    "marker_id",
    "contig",
    "position",
    "effect_allele",
    "other_allele",
    "effect_allele_frequency",
    "beta",
    "se",
    "log10p",
    "gene",
    "gene_distance",
    "consequence",
    "amino_acid_change",
    "consequence_variant_id",
    "consequence_effect_beta",
    "ld_r2",
    "n_in_clump",
    *COUNT_COLUMNS,
    "reason",
)
# Sequence Ontology terms, and bcftools csq's shorter spellings of them.
PROTEIN_CHANGING = frozenset(
    {
        "frameshift",
        "frameshift_variant",
        "inframe_altering",
        "inframe_deletion",
        "inframe_insertion",
        "missense",
        "missense_variant",
        "protein_altering_variant",
        "splice_acceptor",
        "splice_acceptor_variant",
        "splice_donor",
        "splice_donor_variant",
        "start_lost",
        "stop_gained",
        "stop_lost",
    }
)


def lead_markers(
    association: pd.DataFrame,
    cohort: Cohort,
    genes: pd.DataFrame,
    *,
    leads: pd.DataFrame | None = None,
    min_log10p: float = GENOME_WIDE,
    window: int = 500_000,
    clump_r2: float = CLUMP_R2,
    min_r2: float = 0.5,
    gene_window: int = GENE_WINDOW,
) -> pd.DataFrame:
    """Group significant variants by distance and linkage, and report one lead variant per group.

    Significant variants are taken from the smallest p value up. Each that no group has claimed leads a new
    one, and claims the unclaimed significant variants within `window` that have r2 of at least `clump_r2`
    with it. Linkage is the squared correlation of dosages in the cohort itself.

    A lead's gene is the one that the file's annotation names for a protein-changing variant (the lead itself
    or, failing that, the one most linked to it, with r2 of at least `min_r2`); else the gene that contains
    the lead, the one annotated for it before others and the shortest before longer ones; else the nearest
    within `gene_window`.

    Parameters
    ----------
    association
        Result of `associate`.
    cohort
        The cohort it was computed on.
    genes
        symbol, contig, start, end (1-based, closed), of the cohort's genome build.
    leads
        Result of `genomics.conditional.independent_signals`: then its variants are the leads, with their
        beta, se and log10p given the signals before them, and nothing is grouped.
    min_log10p
        Least -log10 p of a marker; 5e-8 by default.
    window
        Base pairs around a lead within which variants can belong to it.
    clump_r2
        Least r2 with the lead to belong to its group.
    min_r2
        Least r2 with the lead for a protein-changing variant to stand for it.
    gene_window
        Largest distance, in base pairs, of a gene that does not contain the lead.

    Returns
    -------
    pandas.DataFrame
        One row per marker, by genome position: marker_id (the lead's variant_id), contig, position,
        effect_allele, other_allele, effect_allele_frequency, beta, se, log10p, gene, gene_distance (0 is
        inside), consequence, amino_acid_change and consequence_variant_id of the protein-changing variant,
        consequence_effect_beta (beta per copy of *its* ALT, NaN if it was not tested), ld_r2 (with the lead),
        n_in_clump (the lead included), the samples by what is known of their call at the lead (n_hom_ref,
        n_het, n_hom_alt, n_other, n_no_call, n_filtered, n_absent; see `genomics.marker_calls`), reason (why
        there is no gene, or no distance to it).

    Raises
    ------
    InputError
        If a table lacks a column.
    """
    _require_columns(association, ("variant_id", *COLUMNS[1:9]), "association")
    _require_columns(genes, ("symbol", "contig", "start", "end"), "genes")
    significant = _by_strength(association[association["log10p"] >= min_log10p])
    variants = cohort.variants.drop_duplicates("variant_id").set_index("variant_id", drop=False)
    missing = significant.index.difference(variants.index)
    if len(missing):
        raise ValueError(f"the association is not of this cohort: {missing[0]} is not in it")
    table = genes.assign(contig=genes["contig"].map(canonical_contig))
    betas = association.drop_duplicates("variant_id").set_index("variant_id")["beta"]
    rows = []
    if leads is None:
        groups = _clumps(significant, cohort, variants, window, clump_r2)
    else:
        given = leads.set_index("variant_id")[["beta", "se", "log10p"]]
        significant = _by_strength(association[association["variant_id"].isin(given.index)])
        significant.loc[given.index, given.columns] = given
        groups = [(str(lead_id), [str(lead_id)]) for lead_id in given.index]
    counts = count_marker_calls(cohort, [lead_id for lead_id, _ in groups])
    counts_of = dict(zip(counts["variant_id"], counts[list(COUNT_COLUMNS)].to_dict("records"), strict=True))
    for lead_id, members in groups:
        lead = significant.loc[lead_id]
        variant = variants.loc[[lead_id]].iloc[0]
        effect = _protein_change(variant, cohort, variants, window, min_r2)
        gene = _gene_of(variant, effect["annotated_gene"], table, gene_window)
        row = {name: lead[name] for name in COLUMNS[1:9]}
        beta = float(betas.get(effect["consequence_variant_id"], np.nan))
        rows.append(
            {
                "marker_id": lead_id,
                **row,
                **effect,
                **gene,
                "consequence_effect_beta": beta,
                "n_in_clump": len(members),
                **counts_of[lead_id],
            }
        )
    return _sorted_markers(rows)


def squared_correlation(
    lead: NDArray[np.floating[Any]], others: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """r2 of one variant's dosages with those of others, over the samples called for both.

    Parameters
    ----------
    lead
        (n_samples,) dosages, NaN where missing.
    others
        (n_variants, n_samples) dosages, NaN where missing.

    Returns
    -------
    numpy.ndarray
        (n_variants,); NaN where either does not vary.

    Examples
    --------
    >>> others = np.array([[2, 1, 0, 1.0], [0, 0, 1, np.nan], [1, 1, 1, 1]])
    >>> squared_correlation(np.array([0, 1, 2, 1.0]), others)
    array([1.  , 0.75,  nan])
    """
    both = ~np.isnan(others) & ~np.isnan(lead)
    n = np.maximum(both.sum(axis=1), 1)
    x = np.where(both, lead, 0.0).astype(np.float64)
    y = np.where(both, others, 0.0).astype(np.float64)
    x = np.where(both, x - (x.sum(axis=1) / n)[:, None], 0.0)
    y = np.where(both, y - (y.sum(axis=1) / n)[:, None], 0.0)
    xx, yy, xy = (np.einsum("ij,ij->i", a, b) for a, b in ((x, x), (y, y), (x, y)))
    varies = (xx > 1e-9) & (yy > 1e-9)
    return np.where(varies, xy**2 / np.where(varies, xx * yy, 1.0), np.nan)


def changes_protein(consequence: str) -> bool:
    """Tell whether a consequence, terms joined by ``&``, alters the protein's sequence.

    Examples
    --------
    >>> changes_protein("missense_variant&splice_region_variant"), changes_protein("synonymous_variant")
    (True, False)
    """
    return not PROTEIN_CHANGING.isdisjoint(consequence.split("&"))


def _require_columns(table: pd.DataFrame, names: tuple[str, ...], what: str) -> None:
    for name in names:
        if name not in table.columns:
            raise InputError(f"the table of {what} lacks a column", field=name, expected=", ".join(names))


def _by_strength(association: pd.DataFrame) -> pd.DataFrame:
    """Significant variants, the smallest p value first, ties by the size of z and then by position."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.abs(association["beta"].to_numpy(dtype=float) / association["se"].to_numpy(dtype=float))
    keyed = association.assign(_z=z, _rank=_contig_order(association["contig"]))
    keyed = keyed.sort_values(
        ["log10p", "_z", "_rank", "position", "variant_id"], ascending=[False, False, True, True, True]
    )
    return (
        keyed.drop(columns=["_z", "_rank"]).drop_duplicates("variant_id").set_index("variant_id", drop=False)
    )


def _contig_order(contigs: pd.Series) -> NDArray[np.int64]:
    order = {name: i for i, name in enumerate(sorted(contigs.unique(), key=contig_rank))}
    return contigs.map(order).to_numpy(dtype=np.int64)


def _dosages(cohort: Cohort, rows: pd.DataFrame) -> NDArray[np.float32]:
    """Dosages of a few rows of ``cohort.variants``, in their order."""
    ordered = rows.sort_values("record", kind="stable")
    found: dict[str, NDArray[np.float32]] = {}
    for block, dosage in cohort.dosage_blocks(ordered):
        found.update(zip(block["variant_id"], dosage, strict=True))
    return np.stack([found[name] for name in rows["variant_id"]])


def _near(variants: pd.DataFrame, center: pd.Series, window: int) -> NDArray[np.bool_]:
    close = (variants["position"] - center["position"]).abs() <= window
    return (close & (variants["contig"] == center["contig"])).to_numpy(dtype=bool)


def _clumps(
    significant: pd.DataFrame, cohort: Cohort, variants: pd.DataFrame, window: int, clump_r2: float
) -> list[tuple[str, list[str]]]:
    """Lead and members of each clump, the strongest lead first."""
    free = np.ones(len(significant), dtype=bool)
    clumps = []
    few = len(significant) * cohort.n_samples * 4 <= _MOST_BYTES_AT_ONCE
    everything = _dosages(cohort, variants.loc[significant.index]) if few and len(significant) else None
    for i, lead_id in enumerate(significant.index):
        if not free[i]:
            continue
        candidates = np.flatnonzero(free & _near(significant, significant.iloc[i], window))
        if everything is None:
            dosage = _dosages(cohort, variants.loc[significant.index[candidates]])
        else:
            dosage = everything[candidates]
        r2 = squared_correlation(dosage[np.flatnonzero(candidates == i)[0]], dosage)
        claimed = candidates[(np.nan_to_num(r2) >= clump_r2) | (candidates == i)]
        free[claimed] = False
        clumps.append((str(lead_id), significant.index[claimed].tolist()))
    return clumps


def _protein_change(
    lead: pd.Series, cohort: Cohort, variants: pd.DataFrame, window: int, min_r2: float
) -> dict[str, Any]:
    """Protein-changing variant that is the lead or is linked to it, as columns of the result."""
    if changes_protein(str(lead["consequence"])):
        return _effect(lead, 1.0)
    near = variants[_near(variants, lead, window)]
    candidates = near[[changes_protein(str(consequence)) for consequence in near["consequence"]]]
    if len(candidates):
        dosage = _dosages(cohort, pd.concat([lead.to_frame().T.infer_objects(), candidates]))
        r2 = np.nan_to_num(squared_correlation(dosage[0], dosage[1:]))
        best = int(r2.argmax())
        if r2[best] >= min_r2:
            return _effect(candidates.iloc[best], float(r2[best]))
    return {
        "consequence": "",
        "amino_acid_change": "",
        "consequence_variant_id": "",
        "annotated_gene": "",
        "ld_r2": np.nan,
    }


def _effect(variant: pd.Series, r2: float) -> dict[str, Any]:
    return {
        "consequence": variant["consequence"],
        "amino_acid_change": variant["amino_acid_change"],
        "consequence_variant_id": variant["variant_id"],
        "annotated_gene": variant["consequence_gene"],
        "ld_r2": r2,
    }


def gene_distances(contig: str, position: int, genes: pd.DataFrame) -> pd.Series:
    """Distance from a position to each gene of its contig, 0 inside; genes of other contigs are left out.

    Parameters
    ----------
    contig, position
        1-based position; the contig by any name.
    genes
        symbol, contig (canonical), start, end.

    Returns
    -------
    pandas.Series
        Distances in base pairs, with the index of `genes`.

    Examples
    --------
    >>> genes = pd.DataFrame({"symbol": ["A", "B"], "contig": ["1", "1"], "start": [10, 50], "end": [20, 60]})
    >>> gene_distances("chr1", 25, genes).tolist()
    [5, 25]
    """
    here = genes[genes["contig"] == canonical_contig(contig)]
    before, after = here["start"] - position, position - here["end"]
    return pd.concat([before, after], axis=1).max(axis=1).clip(lower=0)


def _gene_of(lead: pd.Series, annotated: str, genes: pd.DataFrame, gene_window: int) -> dict[str, Any]:
    distances = gene_distances(lead["contig"], int(lead["position"]), genes)
    if annotated:
        own = distances[genes.loc[distances.index, "symbol"] == annotated]
        if len(own):
            return {"gene": annotated, "gene_distance": int(own.min()), "reason": ""}
        reason = (
            f"{annotated} is named by the file's annotation; the gene table has no such gene on this contig"
        )
        return {"gene": annotated, "gene_distance": None, "reason": reason}
    near = distances[distances <= gene_window]
    if not len(near):
        return {"gene": "", "gene_distance": None, "reason": f"no gene within {gene_window // 1000} kb"}
    choice = genes.loc[near.index].assign(
        distance=near,
        not_annotated=genes.loc[near.index, "symbol"] != lead["consequence_gene"],
        length=genes.loc[near.index, "end"] - genes.loc[near.index, "start"],
    )
    first = choice.sort_values(["distance", "not_annotated", "length", "symbol"]).iloc[0]
    return {"gene": str(first["symbol"]), "gene_distance": int(first["distance"]), "reason": ""}


def _sorted_markers(rows: list[dict[str, Any]]) -> pd.DataFrame:
    ordered = sorted(rows, key=lambda row: (contig_rank(row["contig"]), row["position"], row["marker_id"]))
    kinds: dict[str, Any] = dict.fromkeys(COLUMNS, str)
    kinds |= {"position": np.int64, "n_in_clump": np.int64, "gene_distance": "Int64"}
    kinds |= dict.fromkeys(COUNT_COLUMNS, np.int64)
    floats = ("effect_allele_frequency", "beta", "se", "log10p", "consequence_effect_beta", "ld_r2")
    kinds |= dict.fromkeys(floats, np.float64)
    return pd.DataFrame(
        {name: pd.Series([row[name] for row in ordered], dtype=kinds[name]) for name in COLUMNS}
    )
