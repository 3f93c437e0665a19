"""Pharmacogenes as the report shows them: a phenotype's probability in every row, and each gene at a glance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

#: Where an undocumented variant is neither at a site of a definition nor in an exon.
ELSEWHERE = "elsewhere"

#: Bases of an allele that are shown.
LONGEST_ALLELE = 20

#: Phenotypes named for each gene; rarer ones are summed up.
N_PHENOTYPES = 4

#: Levels of evidence at which CPIC expects a change of prescribing.
ACTIONABLE = frozenset({"A", "A/B", "B"})


def with_phenotype_probability(diplotypes: pd.DataFrame) -> pd.DataFrame:
    """Add to each candidate the probability of its phenotype: the sum over candidates that share it.

    Parameters
    ----------
    diplotypes
        sample_id, gene, posterior and phenotype are read.

    Returns
    -------
    pandas.DataFrame
        The table with ``phenotype_probability``; NaN where no phenotype is assigned.

    Examples
    --------
    >>> table = pd.DataFrame({"sample_id": "a", "gene": "TPMT", "posterior": [0.5, 0.25, 0.25],
    ...                       "phenotype": ["Normal", "Poor", "Normal"]})
    >>> with_phenotype_probability(table)["phenotype_probability"].tolist()
    [0.75, 0.25, 0.75]
    """
    phenotype = diplotypes["phenotype"].fillna("").astype(str)
    keys = [diplotypes["sample_id"], diplotypes["gene"], phenotype]
    posterior = pd.to_numeric(diplotypes["posterior"], errors="coerce")
    if diplotypes.empty:
        return diplotypes.assign(phenotype_probability=posterior)
    # A candidate list is cut at the tail, and floating sums may pass 1 by a hair.
    summed = posterior.groupby(keys, sort=False).transform("sum", min_count=1).clip(upper=1.0)
    return diplotypes.assign(phenotype_probability=summed.where(phenotype != "", np.nan))


def gene_rows(diplotypes: pd.DataFrame, recommendations: pd.DataFrame) -> list[dict[str, Any]]:
    """Sum the cohort up by gene.

    Parameters
    ----------
    diplotypes
        Calls of every patient.
    recommendations
        Their guidance.

    Returns
    -------
    list of dict
        By gene: gene, called, unsettled and uncalled patients; phenotypes (pairs of name and patients, the
        most frequent first) of those called; drugs with guidance; reason (why it was not called, where that
        is the same for everybody).
    """
    first = diplotypes[pd.to_numeric(diplotypes["rank"], errors="coerce") == 1]
    drugs = _drugs(recommendations)
    rows = []
    for gene, table in first.groupby("gene"):
        status = table["status"].value_counts()
        called = table.loc[table["status"] == "called", "phenotype"].fillna("")
        counts = [(str(name), int(n)) for name, n in called[called != ""].value_counts().items()]
        counts.sort(key=lambda pair: (-pair[1], pair[0]))
        rest = sum(n for _, n in counts[N_PHENOTYPES:])
        reasons = set(table["reason"].fillna("").astype(str)) if "reason" in table else {""}
        rows.append(
            {
                "gene": str(gene),
                "called": int(status.get("called", 0)),
                "unsettled": int(status.get("ambiguous", 0)),
                "uncalled": int(status.get("abstain", 0)),
                "phenotypes": [*counts[:N_PHENOTYPES], *([("others", rest)] if rest else [])],
                "drugs": sorted(drugs.get(str(gene), set())),
                "reason": reasons.pop() if len(reasons) == 1 else "",
            }
        )
    return rows


def _drugs(recommendations: pd.DataFrame) -> dict[str, set[str]]:
    drugs: dict[str, set[str]] = {}
    pairs = recommendations[["gene", "drug"]].drop_duplicates()
    for genes, drug in zip(pairs["gene"].astype(str), pairs["drug"].astype(str), strict=True):
        for gene in genes.split("+"):
            drugs.setdefault(gene, set()).add(drug)
    return drugs


def listed_drugs(diplotypes: pd.DataFrame, recommendations: pd.DataFrame) -> dict[str, list[str]]:
    """List the drugs that CPIC names for a gene and that no statement of the guidance is about.

    Parameters
    ----------
    diplotypes
        Its genes are looked up.
    recommendations
        Guidance that is shown anyway.

    Returns
    -------
    dict
        By gene: drugs with CPIC's level, the strongest first.

    Examples
    --------
    >>> calls = pd.DataFrame({"gene": ["VKORC1"]})
    >>> listed_drugs(calls, pd.DataFrame({"gene": [], "drug": []}))["VKORC1"][0]
    'warfarin (A)'
    """
    from varimol import tables

    pairs = tables.gene_drugs()
    shown = _drugs(recommendations)
    pairs = pairs[pairs["cpic_level"].isin(ACTIONABLE) & pairs["gene"].isin(set(diplotypes["gene"]))]
    listed: dict[str, list[str]] = {}
    ordered = pairs.sort_values(["gene", "cpic_level", "drug"])
    for gene, drug, level in zip(ordered["gene"], ordered["drug"], ordered["cpic_level"], strict=True):
        if drug not in shown.get(gene, set()):
            listed.setdefault(gene, []).append(f"{drug} ({level})")
    return listed


def undocumented_rows(carriers: pd.DataFrame) -> pd.DataFrame:
    """Undocumented variants at sites of the definitions and in exons, the rarest first.

    Parameters
    ----------
    carriers
        The table ``undocumented_carriers``; the thousands elsewhere in the genes are left out.

    Returns
    -------
    pandas.DataFrame
        sample_id, gene, variant (``6:18133850 A>C``), place, copies, n_carriers, n_called.

    Examples
    --------
    >>> row = {"sample_id": "a", "gene": "TPMT", "contig": "6", "position": 18133850, "ref": "A", "alt": "C"}
    >>> row |= {"place": "exon", "copies": 1, "n_called": 3, "n_carriers": 1}
    >>> undocumented_rows(pd.DataFrame([row]))["variant"].tolist()
    ['6:18133850 A>C']
    """
    if "place" not in carriers:
        return carriers.iloc[:0]
    near = carriers[carriers["place"] != ELSEWHERE].sort_values(["n_carriers", "position"], kind="stable")
    where = near["contig"].astype(str) + ":" + near["position"].astype(str)
    told = near.assign(variant=where + " " + near["ref"].map(_shortened) + ">" + near["alt"].map(_shortened))
    return told[["sample_id", "gene", "variant", "place", "copies", "n_carriers", "n_called"]]


def _shortened(allele: str) -> str:
    """Cut a long insertion or deletion."""
    return allele if len(allele) <= LONGEST_ALLELE else f"{allele[:LONGEST_ALLELE]}…({len(allele)} bases)"


def reason_counts(diplotypes: pd.DataFrame) -> list[tuple[str, int]]:
    """Count why genes were not called, over patients and genes, the most frequent reason first.

    Examples
    --------
    >>> rows = {"rank": 1, "status": ["abstain", "called"], "reason": ["no site of the gene was observed", ""]}
    >>> reason_counts(pd.DataFrame(rows))
    [('no site of the gene was observed', 1)]
    """
    if "reason" not in diplotypes:
        return []
    first = diplotypes[(pd.to_numeric(diplotypes["rank"], errors="coerce") == 1)]
    reasons = first.loc[first["status"] == "abstain", "reason"].fillna("").astype(str)
    counts = [(str(name), int(n)) for name, n in reasons[reasons != ""].value_counts().items()]
    return sorted(counts, key=lambda pair: (-pair[1], pair[0]))
