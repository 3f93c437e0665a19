"""Scores against published values and the test data of their authors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rdkit import RDConfig

from chem.contrib import contrib_file, contrib_module
from chem.errors import InputError
from chem.score import SCORE_NAMES, scores

BICKERTON = {  # drug, SMILES, QED in the paper, QED in RDKit's own tests (its log P differs from the paper's)
    "paroxetine": ("c1cc2OCOc2cc1OCC1CNCCC1c1ccc(F)cc1", 0.935, 0.934),
    "leflunomide": ("C1=NOC(C)=C1C(=O)Nc1ccc(cc1)C(F)(F)F", 0.929, 0.911),
    "clomipramine": ("CN(C)CCCN1c2ccccc2CCc2ccc(Cl)cc21", 0.779, 0.818),
    "tegaserod": ("CCCCCNC(=N)NN=CC1=CNc2ccc(CO)cc21", 0.213, 0.235),
}


@pytest.mark.parametrize(("smiles", "paper", "rdkit"), BICKERTON.values(), ids=BICKERTON)
def test_qed__published(smiles: str, paper: float, rdkit: float) -> None:
    found = scores([smiles], ["qed"]).loc[0, "qed"]
    assert found == pytest.approx(rdkit, abs=5e-4)
    assert found == pytest.approx(paper, abs=0.05)


def test_sa_score__values_of_its_authors() -> None:
    """SA_Score comes with 100 molecules and their scores."""
    rows = [
        line.split("\t") for line in contrib_file("SA_Score/data/zim.100.txt").read_text().splitlines()[1:]
    ]
    found = scores([row[0] for row in rows], ["sa_score"])["sa_score"]
    assert len(found) == 100
    np.testing.assert_allclose(found, [float(row[2]) for row in rows], atol=1e-3)


def test_np_score__natural_products_above_synthetic_ones() -> None:
    """Ertl et al. 2008: natural products lie mostly above 0, synthetic molecules mostly below."""
    natural = [
        "CN1CC[C@]23c4c5ccc(O)c4O[C@H]2[C@@H](O)C=C[C@H]3[C@H]1C5",
        "C[C@]12CC[C@H]3[C@@H](CCC4=CC(=O)CC[C@]34C)[C@@H]1CC[C@@H]2O",
    ]
    made = ["CCS(=O)(=O)N1CC(CC#N)(n2cc(-c3ncnc4[nH]ccc34)cn2)C1", "CC(C)Cc1ccc(S(=O)(=O)NCCN2CCOCC2)cc1"]
    table = scores([*natural, *made])
    assert (table["np_score"][:2] > 1).all() and (table["np_score"][2:] < -0.5).all()
    assert table["np_confidence"].between(0, 1).all()


def test_np_score__same_as_its_program(capfd: pytest.CaptureFixture[str]) -> None:
    program = contrib_module("NP_Score/npscorer.py")
    model = program.readNPModel()
    capfd.readouterr()
    smiles = [smiles for smiles, *_ in BICKERTON.values()]
    from rdkit import Chem

    expected = [program.scoreMol(Chem.MolFromSmiles(text), model) for text in smiles]
    assert scores(smiles)["np_score"].tolist() == expected
    assert capfd.readouterr() == ("", "")  # the program itself announces that it reads its model


def test_scores__nothing() -> None:
    table = scores([])
    assert (
        table.shape == (0, 4)
        and tuple(table) == SCORE_NAMES
        and all(kind.name == "float64" for kind in table.dtypes)
    )


def test_scores__odd_molecules_are_finite() -> None:
    assert np.isfinite(scores(["*CCO", "[Na+].[Cl-]", "[He]", "[13CH4]", "CC[CH2]", "C" * 800])).all(
        axis=None
    )


def test_scores__bad_input() -> None:
    with pytest.raises(InputError, match="record 1, field smiles: 'C1CC' does not parse"):
        scores(["C", "C1CC"])
    with pytest.raises(InputError, match="no score 'beauty'; expected some of qed, sa_score"):
        scores(["C"], ["beauty"])


def test_contrib__absent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(RDConfig, "RDContribDir", str(tmp_path))
    contrib_module.cache_clear()
    with pytest.raises(InputError, match=r"sascorer\.py: is not part of this RDKit; install the wheel"):
        scores(["C"], ["sa_score"])
    assert scores(["C"], ["qed"]).notna().all(axis=None)
