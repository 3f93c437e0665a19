"""Tables of pairs read, and every way in which they can be wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chem.errors import InputError
from chem.standardise import standardise_smiles
from models.pair_checks import drop_unreadable
from models.pairs import PairData, read_pairs, read_smiles_protein_table, require_structures
from models.protein import PANEL_CONSTRUCTS

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
        ({"targets": TARGETS + "t3\tMK*L\n"}, "targets.tsv", 4, "sequence"),
        ({"targets": TARGETS + "t3\tMKL**\n"}, "targets.tsv", 4, "sequence"),
        ({"targets": TARGETS + "t3\t*\n"}, "targets.tsv", 4, "sequence"),
        ({"targets": TARGETS + "t3\tXXX\n"}, "targets.tsv", 4, "sequence"),
        (
            {"targets": "target_id\tsequence\tphosphorylated\nt1\tMKL\tno\nt2\tMKV\tperhaps\n"},
            "targets.tsv",
            3,
            "phosphorylated",
        ),
        ({"pairs": PAIRS + "d1\tt1\tyes\t1\n"}, "pairs.tsv", 5, "pkd"),
        ({"pairs": PAIRS + "d1\tt1\t-inf\t1\n"}, "pairs.tsv", 5, "pkd"),
        ({"pairs": PAIRS + "d1\tt1\t10000\t1\n"}, "pairs.tsv", 5, "pkd"),
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


@pytest.mark.parametrize("kind", ["drug", "target"])
def test_read_pairs__table_without_lines_is_named(write: Write, kind: str) -> None:
    header = {"drug": "drug_id\tsmiles\n", "target": "target_id\tsequence\n"}[kind]
    with pytest.raises(InputError, match=f"{kind}s table has a header and no lines") as raised:
        read_pairs(*write(**{f"{kind}s": header}))
    assert Path(raised.value.file or "").name == f"{kind}s.tsv" and raised.value.hint


def test_read_pairs__nucleotides_are_refused_by_name(write: Write) -> None:
    paths = write(targets="target_id\tsequence\nt1\tMKL\nt2\t" + "ATGGCN" * 6 + "\n")
    with pytest.raises(InputError, match="the sequence of 't2' looks like nucleotides") as raised:
        read_pairs(*paths)
    assert (raised.value.record, raised.value.field) == (3, "sequence")


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


def test_read_pairs__targets_as_given_or_as_assayed(write: Write) -> None:
    """The name says a variant, a phosphorylation and a domain: read, or the sequence alone."""
    paths = write(
        targets="target_id\tsequence\nt1\tMKL\nt2(K2R)p\tMKL\n", pairs="drug_id\ttarget_id\nd1\tt1\n"
    )
    assayed, given = read_pairs(*paths).targets[1], read_pairs(*paths, read_as="given").targets[1]
    assert (assayed.sequence, assayed.phosphorylated) == ("MRL", True)
    assert (given.sequence, given.phosphorylated, given.changes) == ("MKL", False, ())
    constructs = {"t1": {"phosphorylated": "yes"}}
    assert read_pairs(*paths, constructs=constructs).targets[0].phosphorylated
    with pytest.raises(InputError, match=r"targets\.tsv.*expected given or true"):
        read_pairs(*paths, read_as="both")  # type: ignore[arg-type]


def test_read_pairs__davis_as_given_has_fewer_sequences(shared_data: Path) -> None:
    folder = shared_data / "affinity" / "davis"
    paths = folder / "train.tsv.gz", folder / "drugs.tsv", folder / "targets.tsv"
    given = read_pairs(*paths, label="pkd", read_as="given")
    assayed = read_pairs(*paths, label="pkd", constructs=PANEL_CONSTRUCTS)
    assert len({t.sequence for t in given.targets}) == 379
    assert len({t.sequence for t in assayed.targets}) > 400
    np.testing.assert_array_equal(given.label, assayed.label)


@pytest.mark.parametrize(
    ("yes", "no"), [("Y", "N"), ("yes", "No"), ("True", "false"), (" active ", "inactive"), ("Y", "0")]
)
def test_read_pairs__words_are_one_and_zero(write: Write, yes: str, no: str) -> None:
    text = f"drug_id\ttarget_id\tbinds\nd1\tt1\t{yes}\nd2\tt1\t{no}\nd1\tt2\t\nd2\tt2\t1\n"
    pairs = read_pairs(*write(pairs=text), label="binds")
    np.testing.assert_array_equal(pairs.label, [1, 0, np.nan, 1])
    n_no = 0 if no == "0" else 1
    assert pairs.notes == (f"label 'binds': 1 yes and {n_no} no, in words, read as 1 and 0",)


def test_read_pairs__words_among_other_numbers(write: Write) -> None:
    text = "drug_id\ttarget_id\tactivity\nd1\tt1\t7.5\nd2\tt1\tN\n"
    with pytest.raises(InputError, match=r"pairs\.tsv, record 3, field activity: 'N' is not a number"):
        read_pairs(*write(pairs=text), label="activity")


def test_read_pairs__concentrations_called_pkd(write: Write) -> None:
    """The whole column in nM: one line that says so and gives the formula."""
    text = "drug_id\ttarget_id\tpKd\nd1\tt1\t\nd1\tt1\t43\nd2\tt1\t10000\n"
    paths = write(pairs=text)
    with pytest.raises(
        InputError, match=r"record 3, field pKd: 2 of 2 labels.*nM.*9 - log10\(nM\)"
    ) as raised:
        read_pairs(*paths, label="pKd")
    assert len(str(raised.value).splitlines()) == 1
    renamed = read_pairs(*write(pairs=text.replace("pKd", "Kd")), label="Kd")
    assert "9 - log10(nM)" in renamed.notes[0]
    np.testing.assert_array_equal(renamed.label, [np.nan, 43, 10000])


def test_read_pairs__residues_outside_the_twenty(write: Write) -> None:
    """Behind the chain a stop is cut off; inside it is refused, with its place; X, U and O are unknown residues."""
    pairs = read_pairs(*write(targets="target_id\tsequence\nt1\tMKXUOL*\nt2\tmkv\n"))
    assert [t.sequence for t in pairs.targets] == ["MKXUOL", "MKV"]
    assert pairs.notes == (
        "a stop codon (*) behind the chain cut off 1 sequence",
        "1 of 2 sequences have residues that are none of the twenty amino acids, read as unknown: X 1, U 1, O 1",
    )
    with pytest.raises(InputError, match="record 3, field sequence: a stop codon stands at residue 3 of 4"):
        read_pairs(*write(targets="target_id\tsequence\nt1\tMK\nt2\tMK*L\n"))


LONG_CHAIN = """
import resource, sys
import numpy as np
from models.kinase import SEED_DOMAIN, seed_profile
from models.pairs import read_pairs
from models.protein import encode_proteins
profile = seed_profile()
short, long = (read_pairs(*paths.split("|")) for paths in sys.argv[1:])
encode_proteins(short.targets, profile)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
arrays = encode_proteins(long.targets, profile)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, int((arrays.aligned[0] < 20).sum()))
"""


def test_read_pairs__35000_residues_take_little_memory(write: Write, tmp_path: Path) -> None:
    """A chain of titin's length with a kinase domain in it is aligned in less than 60 MB (9 MB measured)."""
    from models.kinase import AMINO_ACIDS, SEED_DOMAIN

    letters = np.random.default_rng(0).choice(list(AMINO_ACIDS), 35_000 - len(SEED_DOMAIN))
    chain = "".join(letters[:20_000]) + SEED_DOMAIN + "".join(letters[20_000:])
    arguments = []
    for name, sequence in (("short", SEED_DOMAIN), ("long", chain)):
        paths = write(pairs="drug_id\ttarget_id\nd1\tt1\n", targets=f"target_id\tsequence\nt1\t{sequence}\n")
        (tmp_path / name).mkdir()
        arguments.append("|".join(str(path.rename(tmp_path / name / path.name)) for path in paths))
    run = subprocess.run(
        [sys.executable, "-c", LONG_CHAIN, *arguments], capture_output=True, text=True, check=True
    )
    kilobytes, n_aligned = map(int, run.stdout.split())
    assert n_aligned == len(SEED_DOMAIN)
    assert kilobytes < 60_000


def test_read_smiles_protein_table__numbers_what_is_distinct(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("SMILES,Protein,Y\nOCC,MKL,1\nC1CC,MKV*,0\nOCC,mkv,Y\nCC,MKL,\n")
    pairs = read_smiles_protein_table(path)
    assert pairs.name == "Y"
    assert pairs.drug_ids == ("drug1", "drug2", "drug3")
    assert pairs.smiles == ("CCO", "", "CC") and pairs.drug_reasons[1]
    assert pairs.target_ids == ("protein1", "protein2")
    assert [t.sequence for t in pairs.targets] == ["MKL", "MKV"]
    assert pairs.drug.tolist() == [0, 1, 0, 2] and pairs.target.tolist() == [0, 1, 1, 0]
    np.testing.assert_array_equal(pairs.label, [1, 0, 1, np.nan])
    assert pairs.fold.tolist() == [-1] * 4
    assert pairs.notes == (
        "t.csv: label 'Y': 1 yes and 0 no, in words, read as 1 and 0",
        "t.csv: a stop codon (*) behind the chain cut off 1 sequence",
    )


def test_read_smiles_protein_table__several_are_one(tmp_path: Path) -> None:
    for name, line in (("a.csv", "C,MK,1"), ("b.csv", "C,MV,0")):
        (tmp_path / name).write_text(f"smi,seq,y\n{line}\n")
    pairs = read_smiles_protein_table([tmp_path / "a.csv", tmp_path / "b.csv"], "smi", "seq", None)
    assert (len(pairs.smiles), len(pairs.targets), pairs.fold.tolist()) == (1, 2, [1, 2])
    assert np.isnan(pairs.label).all() and pairs.name == ""
    with pytest.raises(InputError, match="no table"):
        read_smiles_protein_table([])


@pytest.mark.parametrize(
    ("text", "record", "field"),
    [
        ("SMILES,Y\nC,1\n", "header", "Protein"),
        ("SMILES,Protein,Y\nC,MK,1\nC,M*K,1\n", 3, "Protein"),
        ("SMILES,Protein,Y\nC,MK,1\nC,,1\n", 3, "Protein"),
        ("SMILES,Protein,Y\nC,MK,maybe\n", 2, "Y"),
        ("SMILES,Protein,Y\nC,MK,inf\n", 2, "Y"),
    ],
)
def test_read_smiles_protein_table__bad_input(
    tmp_path: Path, text: str, record: int | str, field: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(InputError) as raised:
        read_smiles_protein_table(path)
    assert (raised.value.file, raised.value.record, raised.value.field) == (str(path), record, field)


def test_read_smiles_protein_table__human_dti(shared_data: Path) -> None:
    """The numbering gives the lines of the files back; every SMILES of these parts can be read, 9 are complexes."""
    files = [shared_data / "affinity" / "human_dti" / "cold" / f"{part}.csv" for part in ("val", "test")]
    pairs = read_smiles_protein_table(files)
    table = pd.concat([pd.read_csv(path, dtype=str) for path in files], ignore_index=True)
    assert len(pairs) == 155 + 311 and np.bincount(pairs.fold).tolist() == [0, 155, 311]
    complexes = [bool(reason) for reason in pairs.drug_reasons]
    assert all(pairs.smiles) and all("without its" in reason for reason in pairs.drug_reasons if reason)
    assert np.isin(pairs.drug, np.flatnonzero(complexes)).sum() == 9
    assert len(pairs.drug_ids) == table["SMILES"].nunique()
    first = table.drop_duplicates("SMILES").index
    assert [pairs.smiles[d] for d in pairs.drug[first]] == [
        standardise_smiles(smiles).smiles for smiles in table["SMILES"][first]
    ]
    assert (
        table.groupby("SMILES")["SMILES"].ngroup().to_numpy()[first][pairs.drug]
        == table.groupby("SMILES")["SMILES"].ngroup().to_numpy()
    ).all()
    assert [pairs.targets[t].sequence for t in pairs.target] == table["Protein"].tolist()
    assert pairs.label.astype(int).astype(str).tolist() == table["Y"].tolist()


def test_read_pairs__a_complex_is_told_from_its_ligand(write: Write) -> None:
    drugs = "drug_id\tsmiles\nd1\t[NH3][Pt]([NH3])(Cl)Cl\nd2\tCC(=O)[O-].[Na+]\n"
    pairs = read_pairs(*write(drugs=drugs), label="pkd")
    assert pairs.smiles == ("N", "CC(=O)O")
    assert pairs.drug_reasons == ("the parent is without its Pt", "")
    require_structures(pairs, "drugs.tsv")
    used, notes = drop_unreadable(pairs)
    assert set(used.drug) == {1} and "d1 (the parent is without its Pt)" in notes[0]
