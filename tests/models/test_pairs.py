"""Tables of pairs read, and every way in which they can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chem.errors import InputError
from models.pairs import PairData, read_pairs, read_table, require_structures

PAIRS = "drug_id\ttarget_id\tpkd\tfold\nd1\tt1\t5.0\t1\nd2\tt1\t\t2\nd1\tt2\t7.25\t1\n"
DRUGS = "drug_id\tsmiles\nd1\tOCC\nd2\tc1ccccc1\n"
TARGETS = "target_id\tsequence\nt1\tMKL\nt2\tmkv\n"

Write = Callable[..., tuple[Path, Path, Path]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_tables(
        pairs: str = PAIRS, drugs: str = DRUGS, targets: str = TARGETS
    ) -> tuple[Path, Path, Path]:
        paths = tmp_path / "pairs.tsv", tmp_path / "drugs.tsv", tmp_path / "targets.tsv"
        for path, text in zip(paths, (pairs, drugs, targets), strict=True):
            path.write_text(text)
        return paths

    return write_tables


def test_read_pairs__values_in_their_order(write: Write) -> None:
    pairs = read_pairs(*write(), label="pkd", folds="fold")
    assert pairs.name == "pkd"
    assert pairs.drug_ids == ("d1", "d2")
    assert pairs.smiles == ("CCO", "c1ccccc1")
    assert [t.sequence for t in pairs.targets] == ["MKL", "MKV"]
    assert pairs.drug.tolist() == [0, 1, 0]
    assert pairs.target.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(pairs.label, [5.0, np.nan, 7.25])
    assert pairs.fold.tolist() == [1, 2, 1]


def test_read_pairs__without_label_or_folds(write: Write) -> None:
    pairs = read_pairs(*write(pairs="target_id\tdrug_id\nt2\td2\n"))
    assert np.isnan(pairs.label).all()
    assert pairs.fold.tolist() == [-1]
    assert pairs.drug.tolist() == [1] and pairs.target.tolist() == [1]


def test_read_pairs__isomeric_structures_come_first(write: Write) -> None:
    drugs = "drug_id\tsmiles\tisomeric_smiles\nd1\tCC(O)Cl\tC[C@H](O)Cl\nd2\tCC\tCC\n"
    assert "@" in read_pairs(*write(drugs=drugs)).smiles[0]


def test_read_pairs__csv_gzip_and_parquet_alike(write: Write, tmp_path: Path) -> None:
    plain = write()
    expected = read_pairs(*plain, label="pkd")
    tables = [pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False) for path in plain]
    for suffix in ("csv", "tsv.gz", "parquet"):
        paths = [tmp_path / f"{name}.{suffix}" for name in ("p", "d", "t")]
        for path, table in zip(paths, tables, strict=True):
            if suffix == "parquet":
                table.to_parquet(path)
            else:
                table.to_csv(path, index=False, sep="," if suffix == "csv" else "\t")
        read = read_pairs(paths[0], paths[1], paths[2], label="pkd")
        assert read.smiles == expected.smiles
        np.testing.assert_array_equal(read.label, expected.label)


def test_read_pairs__davis_as_published(shared_data: Path) -> None:
    """68 drugs x 442 targets; a sixth of the pairs is the test fold; labels begin at 5."""
    folder = shared_data / "affinity" / "davis"
    pairs = read_pairs(
        folder / "train.tsv.gz", folder / "drugs.tsv", folder / "targets.tsv", label="pkd", folds="fold"
    )
    assert (len(pairs.smiles), len(pairs.targets)) == (68, 442)
    assert len(pairs) == pytest.approx(68 * 442 * 5 / 6, rel=0.01)
    assert not any(pairs.drug_reasons)
    assert pairs.label.min() == 5.0
    assert len(set(pairs.fold)) == 5


@pytest.mark.parametrize(
    ("changed", "file", "record", "field"),
    [
        ({"pairs": "drug_id\tpkd\tfold\nd1\t5\t1\n"}, "pairs.tsv", "header", "target_id"),
        ({"pairs": "drug_id\ttarget_id\tfold\nd1\tt1\t1\n"}, "pairs.tsv", "header", "pkd"),
        ({"drugs": "drug_id\nd1\n"}, "drugs.tsv", "header", "smiles"),
        ({"targets": "sequence\nMK\n"}, "targets.tsv", "header", "target_id"),
        ({"pairs": PAIRS + "d3\tt1\t5\t1\n"}, "pairs.tsv", 5, "drug_id"),
        ({"pairs": PAIRS + "d1\tt9\t5\t1\n"}, "pairs.tsv", 5, "target_id"),
        ({"pairs": PAIRS + "d1\tt1\t>10\t1\n"}, "pairs.tsv", 5, "pkd"),
        ({"pairs": PAIRS + "d1\tt1\tinf\t1\n"}, "pairs.tsv", 5, "pkd"),
        ({"pairs": PAIRS + "d1\tt1\t5\tone\n"}, "pairs.tsv", 5, "fold"),
        ({"pairs": PAIRS + "d1\tt1\t5\t\n"}, "pairs.tsv", 5, "fold"),
        ({"pairs": PAIRS + "d1\tt1\t5\t1.5\n"}, "pairs.tsv", 5, "fold"),
        ({"drugs": DRUGS + "d1\tCC\n"}, "drugs.tsv", 4, "drug_id"),
        ({"targets": TARGETS + "t2\tMK\n"}, "targets.tsv", 4, "target_id"),
        ({"pairs": ""}, "pairs.tsv", None, None),
        ({"drugs": ""}, "drugs.tsv", None, None),
        ({"targets": TARGETS + "t3\t\n"}, "targets.tsv", 4, "sequence"),
        ({"targets": TARGETS + "t3\tMK-1\n"}, "targets.tsv", 4, "sequence"),
    ],
)
def test_read_pairs__bad_input_is_one_line(
    write: Write, changed: dict[str, str], file: str, record: int | str | None, field: str | None
) -> None:
    with pytest.raises(InputError) as raised:
        read_pairs(*write(**changed), label="pkd", folds="fold")
    error = raised.value
    assert Path(error.file or "").name == file
    assert error.record == record
    assert error.field == field
    assert len(str(error).splitlines()) == 1
    assert error.hint or error.expected


def test_read_pairs__missing_file(tmp_path: Path, write: Write) -> None:
    _, drugs, targets = write()
    with pytest.raises(InputError, match=r"nowhere\.tsv: pairs table not found"):
        read_pairs(tmp_path / "nowhere.tsv", drugs, targets)


def test_read_table__not_a_table(tmp_path: Path) -> None:
    cut, binary, fake = b"\x1f\x8b\x08\x00\x00", b"\xff\xfe\x00\x81", b"PAR1"
    for name, content in (("cut.tsv.gz", cut), ("binary.tsv", binary), ("fake.parquet", fake)):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError, match=name):
            read_table(path, ("drug_id",), "drugs")


def test_require_structures__names_the_line(write: Write) -> None:
    paths = write(drugs="drug_id\tsmiles\nd1\tCC\nd2\tC1CC\n")
    pairs = read_pairs(*paths)
    assert pairs.smiles == ("CC", "")
    assert pairs.drug_reasons[0] == ""
    assert pairs.drug_reasons[1]
    with pytest.raises(InputError, match=r"drugs\.tsv, record 3, field smiles") as raised:
        require_structures(pairs, paths[1])
    assert len(str(raised.value).splitlines()) == 1


def test_select__keeps_drugs_and_targets(make_pairs: Callable[..., PairData]) -> None:
    pairs = make_pairs()
    rows = np.array([3, 0, 7])
    part = pairs.select(rows)
    assert part.smiles == pairs.smiles and part.targets == pairs.targets
    np.testing.assert_array_equal(part.label, pairs.label[rows])
    assert len(pairs.select(np.zeros(len(pairs), bool))) == 0
