"""What training and test share, found where it was planted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from models.leakage import folds_leakage, leakage_report
from models.pairs import read_pairs
from models.split_groups import time_blocks
from models.split_records import SplitRecords, identify_records, records_of_pairs
from models.split_similarity import nearest_similarity, packed_fingerprints
from models.splits import SplitSettings, split_folds, split_rounds
from varimol import tables


@pytest.fixture(scope="module")
def drugs() -> list[str]:
    """Return SMILES of 400 shipped drugs with different skeletons."""
    return tables.drugs().drop_duplicates("skeleton")["smiles"].tolist()[:400]


def rewritten(smiles: str) -> str:
    """Another SMILES of the same molecule."""
    molecule = Chem.MolFromSmiles(smiles)
    return str(Chem.MolToSmiles(molecule, rootedAtAtom=molecule.GetNumAtoms() - 1, canonical=False))


def test_leakage__planted_duplicate_shows_up(drugs: list[str]) -> None:
    split = split_folds(SplitRecords(smiles=drugs), SplitSettings("cold_drug", 4))
    assert split.report is not None and (split.report.table["shared_inchikey"] == 0).all()
    row = int(np.flatnonzero(split.fold == 1)[0])
    twin = int(np.flatnonzero(split.fold == 2)[0])
    leaking = list(drugs)
    leaking[twin] = rewritten(drugs[row]) + ".[Na+].[Cl-]"  # written in another way, with a salt
    table = folds_leakage(SplitRecords(smiles=leaking), split.fold).table.set_index("fold")
    assert table["shared_inchikey"].tolist() == [1, 1, 0, 0]
    assert table.loc[1, "rows_inchikey"] == pytest.approx(1 / (split.fold == 1).sum())
    assert (table["shared_skeleton"] >= [1, 1, 0, 0]).all() and table["nearest_ge_1.0"].iloc[:2].min() > 0
    assert "inchikey: up to 1 shared" in folds_leakage(SplitRecords(smiles=leaking), split.fold).text()
    assert "inchikey: none shared" in split.report.text()


def test_leakage__stereoisomer_shares_the_skeleton_alone() -> None:
    smiles = ["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "c1ccccc1", "CCO"]
    table = folds_leakage(SplitRecords(smiles=smiles), np.array([1, 2, 1, 2])).table
    assert table["shared_inchikey"].tolist() == [0, 0]
    assert table["shared_skeleton"].tolist() == [1, 1]
    assert table["rows_skeleton"].tolist() == [0.5, 0.5]


def test_leakage__scaffold_sequence_line_and_tissue() -> None:
    records = SplitRecords(
        smiles=["Cc1ccccc1", "CCc1ccccc1", "C1CCNC1", "CCO"], sequence=["MKV", "mkv", "AAA", "GGG"],
        line=["x", "y", "z", "x"], tissue=["lung", "lung", "skin", "lung"],
    )  # fmt: skip
    table = folds_leakage(records, np.array([1, 2, 1, 2])).table
    shared = table.filter(like="shared_").iloc[0].to_dict()
    assert shared == {
        "shared_inchikey": 0, "shared_skeleton": 0, "shared_scaffold": 1, "shared_sequence": 1, "shared_pair": 0,
        "shared_line": 1, "shared_tissue": 1,
    }  # fmt: skip
    assert table["rows_tissue"].tolist() == [0.5, 1.0]
    family = folds_leakage(replace(records, family=["p", "q", "", "p"]), np.array([1, 2, 1, 2])).table
    assert family["shared_family"].tolist() == [1, 1] and family["rows_family"].tolist() == [0.5, 0.5]


def test_leakage__unplaced_rows_are_on_neither_side() -> None:
    table = folds_leakage(SplitRecords(smiles=["CCO", "OCC", "CCN", "bad"]), np.array([1, -1, 2, 2])).table
    assert table["shared_inchikey"].tolist() == [0, 0]
    assert table["n_left_out"].tolist() == [1, 1]
    assert table[["n_train", "n_test"]].to_numpy().tolist() == [[2, 1], [1, 2]]


def test_leakage__time_looks_back_alone() -> None:
    smiles = ["CCO", "CCN", "CCO", "CCC"]
    fold = time_blocks(np.array([1, 2, 3, 4]), 2)
    table = folds_leakage(SplitRecords(smiles=smiles), fold, "time").table
    assert table["fold"].tolist() == [2] and table["shared_inchikey"].tolist() == [1]


def test_leakage__many_molecules_are_sampled(drugs: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.leakage.MOST_COMPARED", 60)
    fold = np.arange(len(drugs)) % 4 + 1
    full = folds_leakage(SplitRecords(smiles=drugs[:200]), fold[:200])
    some = folds_leakage(SplitRecords(smiles=drugs), fold)
    assert full.table["n_compared"].tolist() == [50] * 4 and "drawn" not in full.text()
    assert some.table["n_compared"].tolist() == [60] * 4 and some.table["n_molecules"].tolist() == [100] * 4
    assert (
        "of 60 molecules drawn" in some.text()
        and some.text() == folds_leakage(SplitRecords(smiles=drugs), fold).text()
    )


def test_leakage__nothing_placed() -> None:
    report = leakage_report(identify_records(SplitRecords(smiles=["bad"])), [])
    assert len(report.table) == 0
    split = split_folds(SplitRecords(smiles=["bad", ""]), SplitSettings("random"))
    assert split.fold.tolist() == [-1, -1] and "no fold for 1 rows: no structure" in str(split)


def test_nearest_similarity__same_as_rdkit(drugs: list[str]) -> None:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    prints = [generator.GetFingerprint(Chem.MolFromSmiles(text)) for text in drugs]
    packed = packed_fingerprints(drugs)
    ours = nearest_similarity(packed[:150], packed[150:])
    theirs = [max(DataStructs.BulkTanimotoSimilarity(one, prints[150:])) for one in prints[:150]]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(nearest_similarity(packed[:150], packed[150:], threads=3), ours)
    assert np.isnan(nearest_similarity(packed[:2], packed[:0])).all()
    assert nearest_similarity(packed[:0], packed).shape == (0,)


def test_nearest_similarity__any_counts_of_bits() -> None:
    """Random fingerprints from empty to full: the walk over bit counts misses nothing."""
    rng = np.random.default_rng(4)
    density = rng.uniform(0, 1, 700)
    bits = rng.uniform(size=(700, 256)) < density[:, None]
    bits[:3], bits[3:5] = False, True
    packed = np.packbits(bits, axis=1).view(np.uint64)
    a, b = bits[:300].astype(float), bits[300:].astype(float)
    shared = a @ b.T
    union = a.sum(1)[:, None] + b.sum(1) - shared
    expected = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0).max(axis=1)
    np.testing.assert_allclose(nearest_similarity(packed[:300], packed[300:]), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "label", "n_names", "n_sequences"),
    [("davis", "pkd", 442, 379), ("kiba", "kiba_score", 229, 229)],
)
def test_leakage__folds_of_deepdta(
    name: str,
    label: str,
    n_names: int,
    n_sequences: int,
    shared_data: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Random pairs: every test molecule and protein is in training; DAVIS mutants even as the same input."""
    folder = shared_data / "affinity" / name
    drugs = pd.read_csv(folder / "drugs.tsv", sep="\t", dtype=str)
    targets = pd.read_csv(folder / "targets.tsv", sep="\t", dtype=str).set_index("target_id")["sequence"]
    pairs = pd.read_csv(folder / "train.tsv.gz", sep="\t", dtype={"drug_id": str, "target_id": str})
    assert (len(targets), targets.nunique()) == (n_names, n_sequences)
    smiles = drugs.set_index("drug_id")["isomeric_smiles"]
    records = SplitRecords(
        smiles=smiles[pairs["drug_id"]].tolist(),
        sequence=targets[pairs["target_id"]].tolist(),
        standardised=True,
    )
    report = folds_leakage(records, pairs["fold"].to_numpy())
    with capsys.disabled():
        print(f"\n{name}, DeepDTA folds: {report.text()}")
    assert report.table["rows_inchikey"].min() > 0.95 and report.table["rows_sequence"].min() > 0.99
    assert report.table["nearest_ge_1.0"].min() > 0.95
    if name == "davis":
        assert report.table["rows_pair"].between(0.10, 0.25).all()  # published: 18.5% of the test inputs
    cold = split_folds(records, SplitSettings("cold_both", 5))
    assert cold.report is not None
    new = ["shared_inchikey", "shared_sequence", "shared_family", "shared_pair"]
    assert (cold.report.table[new] == 0).all(axis=None)


def test_leakage__pair_tables_are_read_as_they_are_trained(tmp_path: Path) -> None:
    """Sequences carry their variants, so a mutant is no copy of its wild type here."""
    (tmp_path / "d.tsv").write_text("drug_id\tsmiles\na\tCCO\nb\tCCN\n")
    (tmp_path / "t.tsv").write_text("target_id\tsequence\nG\tMKTAYIAKQR\nG(T3I)\tMKTAYIAKQR\n")
    (tmp_path / "p.tsv").write_text("drug_id\ttarget_id\ty\na\tG\t1\na\tG(T3I)\t2\nb\tG\t3\nb\tG(T3I)\t4\n")
    pairs = read_pairs(tmp_path / "p.tsv", tmp_path / "d.tsv", tmp_path / "t.tsv", label="y")
    keys = identify_records(records_of_pairs(pairs))
    report = leakage_report(keys, list(split_rounds(np.array([1, 2, 1, 2]))))
    assert report.table["shared_sequence"].tolist() == [0, 0]
    assert report.table["shared_family"].tolist() == [1, 1]
    assert report.table["shared_inchikey"].tolist() == [2, 2]
