r"""Where two programs' star alleles of the same people differ, and why.

Kinds of differences between ours and PyPGx's (`difference_kind`), with the cause that the definitions give:

``we abstain``
    CYP2D6 needs copy numbers, which PyPGx takes for normal. IFNL3's rs12979860 lies outside the file. Or a haplotype
    fits no allele: PyPGx leaves out the variants that its allele lacks, such as rs35694136 and rs17861157 of CYP1A2
    beside \*1F and \*1L; in ours the nearest alleles and what they lack stand in ``variants``.
``site not observed``
    Ours is ambiguous, theirs among our candidates. rs2279343 of CYP2B6 is missing from 1000 Genomes: PyPGx
    takes it for the reference and calls \*9 (rs3745274 alone) where \*6 (both) is far more common.
``variants, not a pair``
    Genes that we read variant by variant (DPYD, RYR1 by the lowest function; COMT, MTHFR as genotypes): PyPGx
    names one variant per haplotype, the first by its priority, and all that it names are in our list.
``allele of one table``
    One of the two names an allele that the other's table does not have: ours come from a newer release (NAT2 renamed,
    \*53 and \*54 of SLCO1B1, \*40 of CYP2C19), or PharmCAT leaves an allele of no consequence for its one drug to the
    reference (F508del of CFTR).
``defined otherwise``
    One of the alleles is defined by other variants in PharmCAT's definitions, which ours follow, than in PyPGx's.
``several fit``
    Several alleles of PyPGx are subsets of what a haplotype carries. It names the first by its priority (worst function,
    then most variants, then most that change the protein) and leaves the others' variants out. In CYP2B6 it says \*9 of
    rs3745274 with rs3211371, which together are \*7 where rs2279343 may be there too. In DPYD on GRCh37 its reference
    allele is a variant itself (that build carries \*9A) and comes before c.1896T>C, which changes no protein.
``other``
    None of these.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from varimol import tables

REFERENCE = "Reference"
INDETERMINATE = "Indeterminate"
Pair = tuple[str, ...]


def plain_name(allele: str, reference: str, known: Iterable[str]) -> str:
    """Write an allele of ours as PyPGx does.

    Examples
    --------
    >>> plain_name("rs9923231 reference (C)", "rs9923231 reference (C)", ["Reference", "rs9923231"])
    'Reference'
    >>> plain_name("rs9923231 variant (T)", "rs9923231 reference (C)", ["Reference", "rs9923231"])
    'rs9923231'
    """
    names = set(known)
    if allele in names:
        return allele
    if allele == reference and REFERENCE in names:
        return REFERENCE
    first = allele.split(" ")[0]
    return first if " variant (" in allele and first in names else allele


def name_pair(diplotype: str, reference: str = "", known: Iterable[str] = ()) -> Pair:
    """Alleles of a diplotype, order left out; none where nothing was called; a list of genotypes stays whole.

    Examples
    --------
    >>> name_pair("*3A/*1"), name_pair("rs1 A/G, rs2 C/T"), name_pair("Indeterminate")
    (('*1', '*3A'), ('rs1 A/G, rs2 C/T',), ())
    """
    if re.fullmatch(r"\S+ [ACGT-]+/[ACGT-]+(, .*)?", diplotype):
        return (diplotype,)
    alleles = [] if diplotype in ("", INDETERMINATE) else diplotype.split("/")
    return tuple(sorted(plain_name(allele, reference, known) for allele in alleles))


def variants_within(theirs: Pair, listed: str, alternates: Mapping[str, str]) -> bool:
    """Whether every variant that they name is in our list of variants or genotypes, as often.

    Examples
    --------
    >>> variants_within(("rs1", "rs2"), "rs1 A/G, rs2 C/T", {"rs1": "G", "rs2": "T"})
    True
    >>> variants_within(("rs1", "rs1"), "rs1 A/G", {"rs1": "G"})
    False
    """
    copies = Counter(allele for allele in theirs if allele != REFERENCE)
    told = dict(part.rsplit(" ", 1) for part in listed.split(", ") if "/" in part.rsplit(" ", 1)[-1])
    plain = set(listed.split(", "))
    return bool(listed and copies) and all(
        told[name].split("/").count(alternates.get(name, "")) >= count if name in told else name in plain
        for name, count in copies.items()
    )


def difference_kind(
    row: Any, candidates: set[Pair], gene: Mapping[str, Any], their_alleles: Iterable[str]
) -> str:
    """Why two answers differ; empty where they do not.

    Parameters
    ----------
    row
        ours and theirs (pairs), status, variants, haplotype_1, haplotype_2 (PyPGx's candidates, by ``;``).
    candidates
        Every pair that we list.
    gene
        alleles (ours, as PyPGx writes them), alternates (base of each rsID), redefined (alleles that the sources
        define otherwise).
    their_alleles
        Every allele of PyPGx's table.
    """
    ours, theirs = row.ours, row.theirs
    if row.status == "abstain":
        return "we abstain"
    if ours == theirs:
        return ""
    if row.status == "ambiguous" and theirs in candidates:
        return "site not observed"
    if variants_within(theirs, row.variants, gene["alternates"]):
        return "variants, not a pair"
    if set(theirs) - set(gene["alleles"]) or set(ours) - set(their_alleles):
        return "allele of one table"
    unequal = set((Counter(ours) - Counter(theirs)) + (Counter(theirs) - Counter(ours)))
    if unequal & gene["redefined"]:
        return "defined otherwise"
    if ";" in row.haplotype_1.strip(";") or ";" in row.haplotype_2.strip(";"):
        return "several fit"
    return "other"


def gene_facts(gene: str, their_alleles: Sequence[str]) -> dict[str, Any]:
    """What `difference_kind` wants to know of a gene."""
    definitions = tables.allele_definitions()
    part = definitions[definitions["gene"] == gene]
    place = tables.pharmacogenes().set_index("gene").loc[gene]
    disagree = tables.disagreements()
    otherwise = disagree[(disagree["gene"] == gene) & disagree["field"].str.startswith("definition")]
    reference = str(place["reference_allele"])
    return {
        "reference": reference,
        "alleles": {plain_name(allele, reference, their_alleles) for allele in part["allele"]},
        "alternates": dict(zip(part["rsid"], part["alt"], strict=True)),
        "redefined": {plain_name(allele, reference, their_alleles) for allele in otherwise["allele"]},
    }


def compare(ours: pd.DataFrame, theirs: pd.DataFrame, told: Mapping[str, Any]) -> pd.DataFrame:
    """One row per person of a gene: both pairs, both phenotypes, whether ours is called, the kind of difference."""
    facts = gene_facts(str(told["gene"]), told["alleles"])
    naming = facts["reference"], told["alleles"]
    pairs = {text: name_pair(text, *naming) for text in ours["diplotype"].unique()}
    listed = ours.assign(ours=ours["diplotype"].map(pairs))
    candidates = listed.groupby("sample_id")["ours"].agg(set)
    joined = listed[listed["rank"] == 1].merge(theirs, on="sample_id", suffixes=("_ours", ""))
    joined["theirs"] = [name_pair(text) for text in joined["diplotype"]]
    rows = list(joined.itertuples())
    joined["kind"] = [difference_kind(row, candidates[row.sample_id], facts, told["alleles"]) for row in rows]
    joined["among"] = [row.theirs in candidates[row.sample_id] for row in rows]
    return joined


def same_phenotype(ours: pd.Series, theirs: pd.Series) -> pd.Series:
    """Whether two phenotypes are the same; the gene's name before it does not matter (``G6PD Normal``)."""
    return pd.Series(
        [a.casefold() == b.casefold() for a, b in zip(ours, theirs, strict=True)],
        index=ours.index,
        dtype=bool,
    )


def summarise(gene: str, joined: pd.DataFrame) -> dict[str, Any]:
    """Counts of people of one gene."""
    answered = joined["status"] != "abstain"
    same = joined["ours"] == joined["theirs"]
    called = joined["status"] == "called"
    we, they = joined["given_phenotype"] != "", ~joined["phenotype"].isin(["", INDETERMINATE])
    counts = {
        "called": called, "ambiguous": joined["status"] == "ambiguous", "abstained": ~answered,
        "pypgx_abstained": joined["theirs"] == (), "same_diplotype": answered & same,
        "called_same": called & same, "called_other": called & ~same,
        "among_candidates": answered & joined["among"],
        "variants_agree": joined["kind"] == "variants, not a pair", "phenotype_ours": we,
        "phenotype_pypgx": they, "phenotype_both": we & they,
        "phenotype_same": we & they & same_phenotype(joined["given_phenotype"], joined["phenotype"]),
    }  # fmt: skip
    return {"gene": gene, "people": len(joined), **{name: int(which.sum()) for name, which in counts.items()}}


def differences(gene: str, joined: pd.DataFrame) -> pd.DataFrame:
    """Unequal answers of one gene, the most common first."""
    unequal = joined[joined["kind"] != ""].assign(
        gene=gene,
        varimol=lambda t: ["/".join(pair) for pair in t["ours"]],
        pypgx=lambda t: ["/".join(pair) for pair in t["theirs"]],
        why=lambda t: t["reason"],
    )
    keys = ["gene", "kind", "varimol", "status", "given_phenotype", "pypgx", "phenotype", "why"]
    return unequal.groupby(keys, as_index=False).size().sort_values(["gene", "size"], ascending=[True, False])
