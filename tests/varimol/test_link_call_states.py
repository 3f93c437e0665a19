"""From calls to evidence: four patients without the marker's allele, of whom only one was seen to lack it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from genomics.cohort import Cohort
from genomics.ingest import ingest
from genomics.marker_calls import COUNT_COLUMNS
from genomics.policy import CallPolicy
from genomics.preparation import Preparation
from varimol.commands import associate
from varimol.demo_cohort import PROTECTIVE

POLICY = CallPolicy(spanning_deletion="no-call")
MADE = {"reference": ".", "no-call": "./.", "filtered": "0/0:99:40:q10", "absent": "."}
BLOCK_START = PROTECTIVE.position - 20
LENGTHS = {"reference": 50, "absent": 10}


@pytest.fixture(scope="module")
def people(link_input: Any) -> dict[str, str]:
    """Sample by what is made of its call: cases all, for only patients get therapies."""
    trait = pd.read_csv(link_input.phenotypes, sep="\t", dtype={"sample_id": str})
    cases = trait.loc[trait[link_input.trait] == 1, "sample_id"].tolist()
    return dict(zip(MADE, cases[5:9], strict=True))


@pytest.fixture(scope="module")
def store(link_input: Any, people: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the cohort of `linked` with four calls at the marker changed, two of them to those of blocks."""
    folder = tmp_path_factory.mktemp("states")
    samples: list[str] = []
    has_block = False
    with gzip.open(link_input.variants, "rt") as lines, gzip.open(folder / "c.vcf.gz", "wt", 1) as out:
        for line in lines:
            columns = line.rstrip("\n").split("\t")
            if line.startswith("#CHROM"):
                samples = columns[9:]
                out.write('##FORMAT=<ID=FT,Number=1,Type=String,Description="Filter">\n')
                out.write('##FORMAT=<ID=LEN,Number=1,Type=Integer,Description="Length of the block">\n')
            elif columns[0] == PROTECTIVE.contig and int(columns[1]) >= BLOCK_START and not has_block:
                out.write(blocks(samples, {people[name]: length for name, length in LENGTHS.items()}))
                has_block = True
            if columns[:2] == [PROTECTIVE.contig, str(PROTECTIVE.position)]:
                line = with_made_calls(columns, [samples.index(name) for name in people.values()])
            out.write(line)
    site = pd.DataFrame([{name: getattr(PROTECTIVE, name) for name in ("contig", "position", "ref", "alt")}])
    site.to_csv(folder / "sites.tsv", sep="\t", index=False)
    preparation = Preparation(policy=POLICY, sites=folder / "sites.tsv")
    ingest(folder / "c.vcf.gz", folder / "c.vcz", preparation=preparation)
    return folder / "c.vcz"


def blocks(samples: list[str], lengths: dict[str, int]) -> str:
    """Write the reference blocks of some people: those of one cover the marker, those of another end before."""
    calls = [f"0/0:99:40:{lengths[name]}" if name in lengths else "." for name in samples]
    record = (PROTECTIVE.contig, BLOCK_START, ".", "N", "<*>", ".", ".", ".", "GT:GQ:DP:LEN", *calls)
    return "\t".join(map(str, record)) + "\n"


def with_made_calls(columns: list[str], places: list[int]) -> str:
    """Write the marker's record again, with FT, and the calls of four samples replaced."""
    names = columns[8].split(":")
    values = [dict(zip(names, call.split(":"), strict=False)) | {"FT": "PASS"} for call in columns[9:]]
    fields = ("GT", "GQ", "DP", "FT")
    for place, made in zip(places, MADE.values(), strict=True):
        values[place] = dict(zip(fields, made.split(":"), strict=False))
    calls = [":".join(value.get(name, ".") for name in fields) for value in values]
    return "\t".join([*columns[:8], ":".join(fields), *calls]) + "\n"


@pytest.fixture(scope="module")
def linked_states(link_input: Any, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("linked-states")
    smiles = "C[C@@H]1CCN(C[C@@H]1N(C)c1ncnc2[nH]ccc12)C(=O)CC#N"
    (folder / "drugs.tsv").write_text(f"compound_id\tname\tsmiles\nc1\ttofacitinib\t{smiles}\n")
    link_input.link(folder / "out", variants=store, compounds=folder / "drugs.tsv")
    return folder / "out"


def test_link__marker_table_counts_each_state(linked_states: Path, store: Path) -> None:
    markers = pd.read_parquet(linked_states / "markers.parquet")
    lead = markers[markers["position"] == PROTECTIVE.position].iloc[0]
    cohort = Cohort(store)
    row = cohort.variants[cohort.variants["position"] == PROTECTIVE.position].iloc[0]
    states = cohort.states([row["record"]])[0]
    assert lead[list(COUNT_COLUMNS)].sum() == cohort.n_samples == 250
    assert (lead["n_filtered"], lead["n_absent"]) == (1, 1)
    assert lead["n_no_call"] == (states == 1).sum() >= 1
    calls = cohort.genotypes([row["record"]])[0][states == 0].sum(axis=1)
    assert lead[["n_hom_ref", "n_het", "n_hom_alt"]].tolist() == np.bincount(calls).tolist()


def test_link__evidence_says_why_nothing_is_known(linked_states: Path, people: dict[str, str]) -> None:
    evidence = pd.read_parquet(linked_states / "evidence.parquet")
    predicted = evidence[evidence["lane"] == "predicted"].set_index("sample_id")
    assert not predicted.loc[people["reference"], "abstain"]
    for state in ("no-call", "filtered", "absent"):
        record = predicted.loc[people[state]]
        assert record["abstain"] and record["compound_id"] == ""
        assert record["reason"] == f"TYK2: the marker was not observed in this patient ({state})"


def test_link__page_and_ranking_carry_the_states_on(linked_states: Path, people: dict[str, str]) -> None:
    therapies = pd.read_parquet(linked_states / "therapies.parquet")
    for state in ("no-call", "filtered", "absent"):
        reasons = therapies.loc[therapies["sample_id"] == people[state], "reason"]
        assert reasons.str.contains(f"({state})", regex=False).any()
    assert "Calls at the markers" in (linked_states / "report.html").read_text("utf-8")


def test_call_policy__is_stated_with_the_missing_policy(
    linked_states: Path, link_input: Any, store: Path, tmp_path: Path
) -> None:
    manifest = json.loads((linked_states / "manifest.json").read_text())
    assert manifest["association"]["call_policy"] == POLICY.as_json()
    page = (linked_states / "report.html").read_text("utf-8")
    assert "the defaults, but spanning deletion: no-call" in page
    associate(store, link_input.phenotypes, link_input.trait, tmp_path)
    facts = json.loads((tmp_path / "association.json").read_text())
    assert (facts["missing_policy"], facts["call_policy"]) == ("drop", POLICY.as_json())
