"""Calls of a gene whose copies vary."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.ingest import ingest
from genomics.star_allele_depth import depth_log_likelihood, read_allele_depths
from genomics.star_alleles import StarGene, read_definitions
from genomics.star_copy_calls import STRUCTURAL, CopyCall, arrangement_name, arrangements, call_with_copies
from genomics.star_copy_number import read_copy_numbers
from genomics.star_fields import declared_star_fields
from genomics.star_match import CallPattern, match_diplotypes
from genomics.star_names import diplotype_activity, parse_haplotype
from genomics.star_sites import index_records, read_site_calls
from varimol import tables

ALLELES = ["*1", "*2", "*4", "*10", "*41"]


def call(pairs: list[tuple[str, str]], copy_number: float, **more) -> CopyCall:
    weights = np.arange(len(pairs), 0, -1, dtype=float)
    return call_with_copies(
        "CYP2D6", pairs, weights / max(weights.sum(), 1), np.ones(len(pairs)), copy_number, **more
    )


def test_call_with_copies__without_a_copy_number_it_abstains() -> None:
    found = call([("*1", "*4"), ("*1", "*10"), ("*2", "*4"), ("*2", "*10")], math.nan)
    assert (found.status, found.diplotypes) == ("abstain", ())
    assert found.reason.startswith("needs copy number")
    assert found.assumptions == "the variant calls alone would allow *1/*4, *1/*10, *2/*4 and 1 more"


def test_call_with_copies__two_copies_keep_the_candidates() -> None:
    found = call([("*1", "*4"), ("*1", "*10")], 2)
    assert found.diplotypes == ("*1/*4", "*1/*10")
    assert found.posterior.tolist() == pytest.approx([2 / 3, 1 / 3])
    sure = call([("*1", "*4")], 2)
    assert sure.status == "ambiguous"
    assert sure.assumptions == "hybrids (such as *13, *36, *61, *63, *68) were not looked for"
    assessed = call([("*1", "*4")], 2, hybrids_assessed=True)
    assert (assessed.status, assessed.assumptions) == ("called", "")


def test_call_with_copies__one_copy_is_the_other_chromosome_without_the_gene() -> None:
    # Frequencies 0.9 and 0.1: homozygous 0.81 and 0.01 at two copies, 0.9 and 0.1 with one.
    pairs = [("*1", "*1"), ("*1", "*10"), ("*10", "*10")]
    found = call_with_copies("CYP2D6", pairs, [0.81, 0.18, 0.01], [1 / 3] * 3, 1)
    assert found.diplotypes == ("*1/*5", "*5/*10")
    assert found.posterior.tolist() == pytest.approx([0.9, 0.1])
    assert found.posterior_no_prior.tolist() == pytest.approx([0.5, 0.5])
    assert found.status == "ambiguous"
    assert call([("*4", "*4")], 1, hybrids_assessed=True).status == "called"


@pytest.mark.parametrize("copy_number", [0, 1])
def test_call_with_copies__heterozygous_calls_contradict_fewer_than_two_copies(copy_number: int) -> None:
    found = call([("*1", "*4")], copy_number)
    assert (found.status, found.diplotypes) == ("abstain", ())
    assert "heterozygous calls" in found.reason


def test_call_with_copies__no_copy() -> None:
    for found in (call([("*1", "*1")], 0), call([], 0, observed=False)):
        assert (found.status, found.diplotypes, found.posterior.tolist()) == ("called", ("*5/*5",), [1.0])
    assert call_with_copies("TPMT", [("*1", "*1")], [1.0], [1.0], 0).status == "abstain"


def test_call_with_copies__which_allele_is_duplicated_is_not_known() -> None:
    found = call([("*1", "*4")], 3, hybrids_assessed=True)
    assert found.diplotypes == ("*1/*4x2", "*1x2/*4")
    assert found.posterior.tolist() == [0.5, 0.5] and found.status == "ambiguous"
    assert "either allele may be the one with more copies" in found.assumptions
    same = call([("*2", "*2")], 3, hybrids_assessed=True)
    assert (same.diplotypes, same.status) == (("*2/*2x2",), "called")
    assert "either allele" not in same.assumptions
    four = call([("*1", "*4")], 4)
    assert sorted(four.diplotypes) == ["*1/*4x3", "*1x2/*4x2", "*1x3/*4"]
    assert four.posterior.tolist() == pytest.approx([1 / 3] * 3)


def test_call_with_copies__depths_choose_the_arrangement() -> None:
    found = call([("*1", "*4")], 3, hybrids_assessed=True, log_likelihood=lambda way: 10.0 * way[1])
    assert found.diplotypes[0] == "*1x2/*4" and found.status == "called"
    assert found.posterior[0] == pytest.approx(1 / (1 + math.exp(-10)))
    assert "either allele" not in found.assumptions


@pytest.mark.parametrize("copy_number", [0, 1, 2, 3])
def test_call_with_copies__a_hybrid_is_never_called(copy_number: int) -> None:
    found = call([("*1", "*1")], copy_number, hybrid_suspected=True, hybrids_assessed=True)
    assert found.status == "abstain" and "hybrid" in found.reason


@pytest.mark.parametrize("copy_number", [1, 2, 3])
def test_call_with_copies__nothing_observed_or_nothing_explains(copy_number: int) -> None:
    assert call([], copy_number).reason.startswith("undocumented")
    assert call([("*1", "*1")], copy_number, observed=False).reason == "no site of the gene was observed"


def test_call_with_copies__haploid_calls() -> None:
    found = call_with_copies("CYP2D6", [("*1",), ("*10",)], [0.9, 0.1], [0.5, 0.5], 1)
    assert found.diplotypes == ("*1/*5", "*5/*10") and found.posterior.tolist() == pytest.approx([0.9, 0.1])
    assert "calls of one copy" in call_with_copies("CYP2D6", [("*1",)], [1.0], [1.0], 3).reason


@pytest.mark.parametrize("copy_number", [-1, 1.5, math.inf])
def test_call_with_copies__refuses_what_is_no_number_of_copies(copy_number: float) -> None:
    with pytest.raises(ValueError, match="copy number"):
        call([("*1", "*1")], copy_number)


PAIRS = st.lists(
    st.tuples(st.sampled_from(ALLELES), st.sampled_from(ALLELES)).map(lambda pair: tuple(sorted(pair))),
    min_size=1, max_size=5, unique=True,
)  # fmt: skip


@given(pairs=PAIRS, copy_number=st.integers(2, 6), seed=st.integers(0, 1000))
def test_call_with_copies__total_copies_are_the_copy_number(
    pairs: list[tuple[str, str]], copy_number: int, seed: int
) -> None:
    weights = np.random.default_rng(seed).dirichlet(np.ones(len(pairs)))
    found = call_with_copies("CYP2D6", pairs, weights, weights, copy_number)
    assert len(found.diplotypes) == len(set(found.diplotypes)) == len(found.posterior)
    assert found.posterior.sum() == pytest.approx(1) == found.posterior_no_prior.sum()
    assert (np.diff(found.posterior) <= 0).all()
    for name in found.diplotypes:
        units = [unit for haplotype in name.split("/") for unit in parse_haplotype(haplotype)]
        assert sum(unit.least for unit in units) == copy_number
    # What a pair of alleles has is shared among its arrangements, and the order of candidates is no matter.
    for pair, weight in zip(pairs, weights, strict=True):
        names = {arrangement_name(way) for way in arrangements(*pair, copy_number)}
        mine = sum(p for name, p in zip(found.diplotypes, found.posterior, strict=True) if name in names)
        assert mine == pytest.approx(weight)
    back = call_with_copies("CYP2D6", pairs[::-1], weights[::-1], weights[::-1], copy_number)
    assert dict(zip(back.diplotypes, back.posterior)) == pytest.approx(
        dict(zip(found.diplotypes, found.posterior))
    )


def test_structural_alleles__are_those_of_the_source(shared_data) -> None:
    import pandas as pd

    table = pd.read_csv(shared_data / "pharmacogenes" / "pypgx_tables" / "allele-table.csv", dtype=str)
    table = table[(table["Gene"] == "CYP2D6") & (table["SV"] == "TRUE")]
    known = STRUCTURAL["CYP2D6"]
    assert set(table["StarAllele"]) == {known.deletion, *known.hybrids}


# Alleles and copies of each chromosome, and what the calls, the copies and the depths together must give.
PEOPLE = {
    "*1/*4x2": (("*1", 1), ("*4", 2)),
    "*1x2/*4": (("*1", 2), ("*4", 1)),
    "*2/*2x2": (("*2", 1), ("*2", 2)),
    "*5/*10": (("*10", 1), ("*10", 0)),
    "*1/*4": (("*1", 1), ("*4", 1)),
}


def test_call_with_copies__from_records_to_calls(tmp_path: Path) -> None:
    gene = next(g for g in read_definitions(tables.allele_definitions()) if g.name == "CYP2D6")
    cohort: Any = write_people(tmp_path, gene)
    index = index_records(cohort)
    bodies = tables.genes("GRCh38").rename(columns={"symbol": "gene"}).query("gene == 'CYP2D6'")
    copies = read_copy_numbers(cohort, index, bodies)["copy_number"]
    assert copies.tolist() == [3, 3, 3, 1, 2]
    calls = read_site_calls(cohort, index, gene, "GRCh38")
    depths = read_allele_depths(cohort, index, gene, "GRCh38")
    values = tables.allele_functions().query("gene == 'CYP2D6'").set_index("allele")["activity_value"]
    for sample, expected in enumerate(PEOPLE):
        pattern = CallPattern(calls.codes[:, sample], calls.phase_sets[:, sample])
        found = match_diplotypes(gene, pattern)
        pairs = [tuple(gene.alleles[a] for a in pair) for pair in found.pairs]
        result = call_with_copies(
            gene.name, pairs, found.posterior, found.posterior_no_prior, copies[sample],
            hybrids_assessed=True, log_likelihood=depth_log_likelihood(gene, depths[:, sample]),
        )  # fmt: skip
        assert (result.diplotypes[0], result.status) == (expected, "called")
        score = sum(float(values[name]) * n for name, n in PEOPLE[expected])
        assert diplotype_activity(result.diplotypes[0], values.astype(float).to_dict()) == (score, score)


def write_people(folder: Path, gene: StarGene) -> Any:
    """Write and ingest a file of `PEOPLE` with all sites of the gene, 15 reads a copy, and a record of copies."""
    header = (
        '##fileformat=VCFv4.2\n##contig=<ID=22>\n##INFO=<ID=END,Number=1,Type=Integer,Description="e">\n'
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">\n'
        '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="d">\n'
        '##FORMAT=<ID=CN,Number=1,Type=Integer,Description="c">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
    )
    header += "\t".join(f"S{i}" for i in range(len(PEOPLE)))
    total = [str(sum(n for _, n in chromosomes)) for chromosomes in PEOPLE.values()]
    lines = [(42123000, "\t".join([".", "N", "<CNV>", ".", "PASS", "END=42135000", "CN", *total]))]
    carried = gene.allowed.argmax(axis=2)
    for number, site in enumerate(gene.sites):
        texts = []
        for chromosomes in PEOPLE.values():
            codes = [int(carried[gene.alleles.index(name), number]) for name, _ in chromosomes]
            reads = np.zeros(len(site.bases), dtype=int)
            for code, (_, n) in zip(codes, chromosomes, strict=True):
                reads[code] += 15 * n
            texts.append(f"{min(codes)}/{max(codes)}:{','.join(map(str, reads))}")
        fixed = [".", site.bases[0], ",".join(site.bases[1:]), ".", "PASS", ".", "GT:AD"]
        lines.append((site.positions["GRCh38"] or 0, "\t".join([*fixed, *texts])))
    path = folder / "people.vcf"
    path.write_text("\n".join([header, *(f"22\t{at}\t{rest}" for at, rest in sorted(lines))]) + "\n")
    return ingest(path, folder / "people.vcz", build="GRCh38", fields=declared_star_fields(path))
