"""The demo: offline, whole, honest about what was planted, and its carriers are flagged."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from genomics.simulate import simulate_cohort
from varimol import commands
from varimol.demo import demo
from varimol.demo_cohort import demo_haplotypes, demo_sites
from varimol.evidence import STANDARD_ACTIONS

ALTERED = {
    "clopidogrel": ("CYP2C19", {"*2", "*3"}, 2),
    "fluorouracil": ("DPYD", {"c.1905+1G>A (*2A)", "c.2846A>T"}, 1),
    "azathioprine": ("TPMT", {"*3A", "*3C", "*2"}, 1),
    "simvastatin": ("SLCO1B1", {"*5", "*15"}, 1),
}
"""Per drug, its gene, alleles of lost or lowered function, and how many copies call for a change."""


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return truth and recommendations of a cohort simulated at the demo's pharmacogenes."""
    folder = tmp_path_factory.mktemp("pharmacogenes")
    simulate_cohort(
        seed=20, frequencies=demo_sites(), haplotypes=demo_haplotypes(), n_samples=500, n_background=0
    ).write(folder)
    _, recommendations = commands.stars(folder / "cohort.vcf.gz", folder / "stars", assay="wgs")
    return json.loads((folder / "truth.json").read_text()), recommendations


@pytest.mark.parametrize("drug", ALTERED)
def test_demo__planted_carriers_are_flagged(called: tuple[dict[str, Any], pd.DataFrame], drug: str) -> None:
    truth, recommendations = called
    gene, alleles, n_copies = ALTERED[drug]
    mine = recommendations[recommendations["drug"].eq(drug) & recommendations["gene"].str.contains(gene)]
    changed = mine["active"].astype(bool) & ~mine["action"].isin(STANDARD_ACTIONS)
    flagged = set(mine.loc[changed, "sample_id"])
    copies = pd.Series(
        [sum(name in alleles for name in pair.split("/")) for pair in truth["diplotypes"][gene]],
        index=list(truth["populations"]),
    )
    carriers = set(copies.index[copies >= n_copies]) - set(truth["bad_samples"])
    assert len(carriers) >= 2
    assert len(carriers & flagged) >= 0.8 * len(carriers)
    reference = {
        name
        for name, pair in zip(truth["populations"], truth["diplotypes"][gene], strict=True)
        if pair in ("*1/*1", "Reference/Reference")
    }
    assert len(reference & flagged) <= 0.05 * len(reference)


@pytest.mark.slow
def test_demo__goes_the_whole_way_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the demo reached for the internet")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    told: list[tuple[str, bool]] = []
    page = demo(tmp_path / "demo", n_samples=150, progress=lambda *step: told.append(step))
    assert told[0] == ("simulate", False) and told[-1] == ("report", False)
    notes = json.loads((tmp_path / "demo" / "manifest.json").read_text())["notes"]
    said = " ".join(notes)
    assert "no patient is real" in said and "enlarged on purpose" in said and "0.6" in said
    assert "supports the target, not any one compound" in said
    assert page.stat().st_size < 25e6
    told.clear()
    demo(tmp_path / "demo", n_samples=150, progress=lambda *step: told.append(step))
    assert all(reused for _, reused in told)
