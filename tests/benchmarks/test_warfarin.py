"""The simulated warfarin dose: the published algorithm on real genotypes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import warfarin
from benchmarks.warfarin import SITES, find_gene, main, read_copies, simulate_doses


def doses(vkorc1: int, star_2: int, star_3: int) -> float:
    copies = {
        "rs9923231": np.full(4000, vkorc1),
        "rs1799853": np.full(4000, star_2),
        "rs1057910": np.full(4000, star_3),
    }
    return float(np.sqrt(simulate_doses(copies, ["S"] * 4000, 1)["warfarin_dose"]).mean())


def test_doses__differ_by_the_published_effects() -> None:
    wild = doses(0, 0, 0)
    assert doses(1, 0, 0) - wild == pytest.approx(-0.8677, abs=0.01)
    assert doses(2, 0, 0) - wild == pytest.approx(-1.6974, abs=0.02)
    assert doses(0, 1, 0) - wild == pytest.approx(-0.5211, abs=0.01)
    assert doses(0, 1, 1) - wild == pytest.approx(-1.9206, abs=0.02)


def test_doses__none_without_a_genotype() -> None:
    copies = dict.fromkeys(SITES, np.array([0, -1]))
    assert simulate_doses(copies, ["A", "B"], 1)["warfarin_dose"].isna().tolist() == [False, True]


def test_main__real_genotypes_explain_the_dose(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shared_data / "pharmacogenes" / "1000genomes_grch37"
    out = tmp_path / "phenotypes.tsv"
    monkeypatch.setattr(sys, "argv", ["warfarin", "--variants", str(folder), "--out", str(out)])
    main()
    table = pd.read_csv(out, sep="\t")
    assert len(table) == 2504
    assert 25 < table["warfarin_dose"].mean() < 45
    samples, copies = read_copies(find_gene(folder, "VKORC1"), "rs9923231")
    assert samples == table["sample_id"].tolist()
    assert np.corrcoef(copies, table["warfarin_dose"])[0, 1] < -0.4


def test_find_gene__names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no VKORC1"):
        find_gene(tmp_path, "VKORC1")
    assert warfarin.NOISE > 0
