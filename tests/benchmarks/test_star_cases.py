from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.star_case_verdicts import judge
from benchmarks.star_cases import CONDITIONS, allele_pairs, make_panels, run_condition, summarise
from varimol import tables

# All kinds of genes: repeats, deletions, a base that the builds differ in, X, MT, by variant, by genotype.
GENES = (
    "CACNA1S", "CYP2B6", "CYP2C19", "CYP2C9", "CYP3A5", "DPYD", "G6PD", "IFNL3", "MT-RNR1", "NUDT15",
    "SLCO1B1", "TPMT", "UGT1A1", "VKORC1",
)  # fmt: skip
CHOSEN = (
    "unphased", "GRCh37, phased", "calls missing, phase sets", "sites absent, phased, GRCh37",
    "shifted right, split, GRCh37", "padded, split", "variants only, declared wgs", "undocumented, unphased",
)  # fmt: skip


def definitions() -> pd.DataFrame:
    whole = tables.allele_definitions()
    return whole[whole["gene"].isin(GENES)]


@pytest.mark.parametrize("name", CHOSEN)
def test_call_diplotypes__cases_made_from_the_definitions(tmp_path: Path, name: str) -> None:
    """What is listed is what fits by trying every pair of alleles, with the same likelihood."""
    condition = replace(next(c for c in CONDITIONS if c.name == name), groups=1)
    table = definitions()
    panels = make_panels(table)
    wrong = {
        f"{case.gene.name} {case.patient.name}": verdict
        for panel in panels
        for case, _, verdict in run_condition(panel, table, condition, 8, tmp_path, seed=11)
        if verdict
    }
    assert sum(len(panel.genes) for panel in panels) == len(GENES)
    assert wrong == {}


def test_judge__tells_what_is_wrong(tmp_path: Path) -> None:
    table = tables.allele_definitions().query("gene in ('TPMT', 'DPYD')")
    phased = next(c for c in CONDITIONS if c.name == "phased")
    found = list(run_condition(make_panels(table)[0], table, phased, 6, tmp_path))
    assert len(found) == 12 and {verdict for _, _, verdict in found} == {""}
    for case, rows, _ in found:
        said = judge(case, rows.assign(diplotype="*98/*99"))
        assert said.startswith("first" if case.gene.name == "DPYD" else "listed")
        assert judge(case, rows.assign(status="ambiguous")).startswith("ambiguous, though")
        unseen = replace(case, seen=((None, None),) * len(case.seen))
        assert judge(unseen, rows) == "named without a site seen"


def test_judge__a_diplotype_left_out_is_missed(tmp_path: Path) -> None:
    table = tables.allele_definitions().query("gene == 'TPMT'")
    missing = next(c for c in CONDITIONS if c.name == "calls missing")
    found = run_condition(make_panels(table)[0], table, missing, 40, tmp_path)
    several = [(case, rows) for case, rows, _ in found if 1 < len(rows) <= 5]
    assert len(several) >= 3
    assert all(judge(case, rows.iloc[:-1]).startswith("only") for case, rows in several)


def test_make_panels__no_site_serves_two_genes_of_a_file() -> None:
    panels = make_panels(tables.allele_definitions())
    assert len(panels) > 1
    for panel in panels:
        places = [(gene.contig, site.positions["GRCh38"]) for gene in panel.genes for site in gene.sites]
        assert len(places) == len(set(places))


def test_allele_pairs__have_every_allele() -> None:
    import numpy as np

    for panel in make_panels(definitions()):
        for gene in panel.genes:
            pairs = allele_pairs(gene, np.random.default_rng(0))
            every = range(len(gene.alleles))
            assert {a for pair in pairs[: len(every)] for a in pair} == set(every)


def test_summarise__counts_failures() -> None:
    cases = pd.DataFrame(
        {"gene": ["A", "A", "B"], "status": ["called", "abstain", "called"], "wrong": ["", "x", ""]}
    )
    row = summarise(cases, "gene").set_index("of").loc["A"]
    assert row[["cases", "failures", "called", "ambiguous", "abstain"]].tolist() == [2, 1, 1, 0, 1]
