"""`predict` with a patient's variants, on the shipped network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import varimol
from chem.errors import InputError
from varimol import tables
from varimol.networks import load_network
from varimol.predictions import read_input
from varimol.schemas import TABLES
from varimol.shifts import AT_LIMIT, UNBOUNDED, shift_table

DRUGS = {
    "imatinib": "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1",
    "ethanol": "CCO",
    "broken": "CC(",
}
NUMBERS = ["shift", "lower", "upper"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Tables of pairs, drugs and targets: three drugs, ABL1 and KIT."""
    folder = tmp_path_factory.mktemp("shifts")
    proteins = tables.proteins().set_index("symbol")["sequence"]
    texts = {
        "pairs": "drug_id\ttarget_id\n" + "".join(f"{d}\t{t}\n" for d in DRUGS for t in ("ABL1", "KIT")),
        "drugs": "drug_id\tsmiles\n" + "".join(f"{d}\t{s}\n" for d, s in DRUGS.items()),
        "targets": "target_id\tsequence\n" + "".join(f"{t}\t{proteins[t]}\n" for t in ("ABL1", "KIT")),
    }
    for name, text in texts.items():
        (folder / f"{name}.tsv").write_text(text)
    return [folder / f"{name}.tsv" for name in texts]


def test_predict__shift_of_a_resistance_variant(files: list[Path], tmp_path: Path) -> None:
    """T315I costs imatinib its binding to ABL1, as measured; pairs without a variant have no row."""
    said: list[str] = []
    predicted = varimol.predict(
        "kinase-affinity", *files, tmp_path / "p.tsv", endpoint="pkd", variants=["ABL1:T315I"],
        shifts=tmp_path / "s.tsv", tell=said.append,
    )  # fmt: skip
    table = pd.read_csv(tmp_path / "s.tsv", sep="\t", keep_default_na=False, na_values=[""])
    assert table.columns.tolist() == TABLES["shifts"].names
    assert table[["drug_id", "target_id", "variant"]].to_numpy().tolist() == [
        [drug, "ABL1", "T315I"] for drug in DRUGS
    ]
    imatinib, ethanol, broken = table.to_dict("records")
    assert imatinib["shift"] < -1 and imatinib["upper"] < 0 and imatinib["verdict"] == "weaker"
    assert 0.9 < imatinib["upper"] - imatinib["lower"] < 2
    assert not imatinib["abstain"] and imatinib["in_training"]
    assert ethanol["abstain"] and ethanol["reason"] == "no variant was measured with this drug"
    assert np.isfinite([ethanol["variant_prediction"], ethanol["wild_type_prediction"]]).all()
    assert np.isnan([ethanol[name] for name in NUMBERS]).all() and ethanol["verdict"] == "cannot tell"
    assert broken["abstain"] and broken["reason"].startswith("the structure cannot be read")
    assert np.isnan([broken[name] for name in NUMBERS]).all()
    rows, judged = said
    assert rows.startswith("3 rows, 2 abstain, most often (1 row): ")
    assert judged.startswith("pkd: ") and "sign of the shift was right in 87% of 395" in judged
    assert "91% of 260 losses and 79% of 135 gains; the 1,932 smaller shifts are not counted" in judged
    assert judged.endswith(
        "27 of the gains are from a wild type at the assay's limit, 5, where no other sign can be said"
    )
    assert predicted["notes"].tolist()[:2] == ["T315I applied", ""]
    assert predicted["variant"].tolist() == ["T315I", ""] * len(DRUGS)
    assert predicted["prediction"].iloc[0] == pytest.approx(imatinib["variant_prediction"], abs=1e-4)


def test_predict__a_combination_that_was_not_measured_is_abstained_from(
    files: list[Path], tmp_path: Path
) -> None:
    """Both changes cost imatinib its binding; together they cannot cost less than the worse one."""
    varimol.predict(
        "kinase-affinity", *files, tmp_path / "p.tsv", endpoint="pkd", variants=["ABL1:T315I+E255K"],
        shifts=tmp_path / "s.tsv",
    )  # fmt: skip
    imatinib = pd.read_csv(tmp_path / "s.tsv", sep="\t").iloc[0]
    assert imatinib["abstain"] and "combination of changes was not measured" in imatinib["reason"]
    assert np.isnan([imatinib[name] for name in NUMBERS]).all() and imatinib["verdict"] == "cannot tell"


def test_predict__the_order_of_changes_does_not_matter(files: list[Path], tmp_path: Path) -> None:
    """DAVIS measured gefitinib on EGFR(L858R,T790M): that is the combination, however it is written."""
    smiles = "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1"
    chain = str(tables.proteins().set_index("symbol").loc["EGFR", "sequence"])
    (tmp_path / "pairs.tsv").write_text("drug_id\ttarget_id\ngefitinib\tEGFR\n")
    (tmp_path / "drugs.tsv").write_text(f"drug_id\tsmiles\ngefitinib\t{smiles}\n")
    (tmp_path / "targets.tsv").write_text(f"target_id\tsequence\nEGFR\t{chain}\n")
    inputs = [tmp_path / f"{name}.tsv" for name in ("pairs", "drugs", "targets")]
    written = []
    for variants in (["EGFR:T790M+L858R"], ["EGFR:L858R+T790M"], ["EGFR:L858R", "EGFR:p.Thr790Met"]):
        out, shifts = tmp_path / "p.tsv", tmp_path / "s.tsv"
        varimol.predict("kinase-affinity", *inputs, out, endpoint="pkd", variants=variants, shifts=shifts)
        written.append((out.read_bytes(), shifts.read_bytes()))
    assert written[0] == written[1] == written[2]
    row = pd.read_csv(tmp_path / "s.tsv", sep="\t").iloc[0]
    assert row["variant"] == "T790M+L858R" and row["in_training"] and not row["abstain"]


KINASE_INHIBITORS = {
    "nintedanib": "COC(=O)c1ccc2c(c1)NC(=O)C2=C(Nc1ccc(N(C)C(=O)CN2CCN(C)CC2)cc1)c1ccccc1",
    "JNJ-7777120": "CN1CCN(C(=O)c2cc3cc(Cl)ccc3[nH]2)CC1",
    "gefitinib": "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1",
}


def _on_egfr(folder: Path, drugs: list[str], variant: str) -> pd.DataFrame:
    """Shifts of drugs on a variant of EGFR."""
    chain = str(tables.proteins().set_index("symbol").loc["EGFR", "sequence"])
    rows = {
        "pairs": ["drug_id\ttarget_id", *(f"{d}\tEGFR" for d in drugs)],
        "drugs": ["drug_id\tsmiles", *(f"{d}\t{KINASE_INHIBITORS[d]}" for d in drugs)],
        "targets": ["target_id\tsequence", f"EGFR\t{chain}"],
    }
    for name, lines in rows.items():
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    varimol.predict(
        "kinase-affinity", *(folder / f"{name}.tsv" for name in rows), folder / "p.tsv", endpoint="pkd",
        variants=[f"EGFR:{variant}"], shifts=folder / "s.tsv",
    )  # fmt: skip
    return pd.read_csv(folder / "s.tsv", sep="\t", keep_default_na=False, na_values=[""])


def test_predict__a_gain_from_the_limit_is_told_only_where_the_variant_is_predicted_above_it(
    tmp_path: Path,
) -> None:
    """Neither binds EGFR within DAVIS's limit of 5; on T790M nintedanib has 5.0 again, the other 5.96."""
    unseen, gained = _on_egfr(tmp_path, ["nintedanib", "JNJ-7777120"], "T790M").to_dict("records")
    assert unseen["verdict"] == "cannot tell" and unseen["lower"] == 0 < unseen["shift"] < unseen["upper"]
    assert unseen["reason"] == AT_LIMIT.format(limit=5, within=0.5) and not unseen["abstain"]
    assert "the assay's limit, 5," in unseen["reason"]
    assert gained["verdict"] == "stronger" and gained["lower"] > 0 and gained["variant_prediction"] > 5.5
    assert pd.isna(gained["reason"]) and gained["in_training"]


@pytest.mark.parametrize(
    ("variant", "measured"),
    [
        ("L747_E749del+A750P", True),
        ("L747_A750delinsP", True),
        ("L747_E749del", False),
        ("L747_T751delinsS", True),
    ],
)
def test_predict__a_measured_deletion_is_known_however_it_is_written(
    tmp_path: Path, variant: str, measured: bool
) -> None:
    """The panel's EGFR(L747E749del) also carries A750P, which its name in DAVIS leaves out."""
    row = _on_egfr(tmp_path, ["gefitinib"], variant).iloc[0]
    assert not row["abstain"] and row["in_training"] == measured


def test_predict__level_is_that_of_the_shift_too(files: list[Path], tmp_path: Path) -> None:
    varimol.predict(
        "kinase-affinity", *files, tmp_path / "p.tsv", endpoint="pkd", variants=["ABL1:T315I", "KIT:T670I"],
        level=0.5, shifts=tmp_path / "s.parquet",
    )  # fmt: skip
    abl1, kit = pd.read_parquet(tmp_path / "s.parquet").iloc[:2].to_dict("records")
    assert kit["target_id"] == "KIT" and kit["shift"] < -0.5 and not kit["in_training"]
    assert abl1["upper"] - abl1["lower"] < 0.9
    assert kit["lower"] < kit["shift"] < kit["upper"]


def test_predict__label_without_mutants_abstains(files: list[Path], tmp_path: Path) -> None:
    said: list[str] = []
    varimol.predict(
        "kinase-affinity", *files, tmp_path / "p.tsv", endpoint="kiba_score", variants=["ABL1:T315I"],
        shifts=tmp_path / "s.tsv", tell=said.append,
    )  # fmt: skip
    table = pd.read_csv(tmp_path / "s.tsv", sep="\t")
    assert table["abstain"].all() and table["reason"].str.contains("shifts from a wild type").iloc[0]
    assert table[NUMBERS].isna().all().all()
    assert said[0].startswith("3 rows, 3 abstain, most often (2 rows): the training labels hold 0 shifts")
    assert said[1].startswith("kiba_score: no shifts: the training labels hold 0 shifts")


def test_predict__wrong_reference_residue_is_refused(files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="target ABL1: variant K315I: residue 315 is T"):
        varimol.predict("kinase-affinity", *files, tmp_path / "p.tsv", variants=["ABL1:K315I"])
    assert not (tmp_path / "p.tsv").exists()


def test_predict__refuses_one_file_for_both_tables(files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="predictions and shifts in one file"):
        varimol.predict("kinase-affinity", *files, tmp_path / "p.tsv", shifts=tmp_path / "." / "p.tsv")
    assert not (tmp_path / "p.tsv").exists()


def test_predict__without_variants_says_why_there_are_no_shifts(files: list[Path], tmp_path: Path) -> None:
    said: list[str] = []
    varimol.predict(
        "kinase-affinity", *files, tmp_path / "p.tsv", endpoint="pkd", shifts=tmp_path / "s.tsv", tell=said.append
    )  # fmt: skip
    table = pd.read_csv(tmp_path / "s.tsv", sep="\t")
    assert table.empty and table.columns.tolist() == TABLES["shifts"].names
    assert said == ["no rows: no target carries a variant; name one with --variant TARGET:V600E"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("KIT(V560G)", "the targets that carry a variant are in no pair: KIT(V560G)"),
        (
            "ABL1(W315I)",
            "ABL1(W315I) names a variant that is not in its sequence: variant W315I: residue 315 is T",
        ),
    ],
)
def test_shift_table__says_why_it_is_empty(files: list[Path], tmp_path: Path, name: str, why: str) -> None:
    """A variant named in the table, of a target without pairs or one that does not fit."""
    asked = "ABL1" if name.startswith("KIT") else name
    (tmp_path / "t.tsv").write_text(
        files[2].read_text().replace(f"{name.split('(')[0]}\t", f"{name}\t"), encoding="utf-8"
    )
    (tmp_path / "p.tsv").write_text(f"drug_id\ttarget_id\nethanol\t{asked}\n")
    model = load_network("kinase-affinity")
    data, chains = read_input(model, tmp_path / "p.tsv", files[1], tmp_path / "t.tsv")
    table, notes = shift_table(model, data, chains, ["pkd"])
    assert table.empty and notes == [f"no rows: {why}"]
    none, _ = shift_table(model, data.select(np.zeros(1, bool)), chains, ["pkd"])
    assert none.empty


def test_shift_table__names_what_was_asked_for_and_not_all_that_carry_a_variant(
    files: list[Path], tmp_path: Path
) -> None:
    chain = str(tables.proteins().set_index("symbol").loc["KIT", "sequence"])
    others = ["KIT(V560G)", "KIT(D816V)", "KIT(T670I)"]
    (tmp_path / "t.tsv").write_text(files[2].read_text() + "".join(f"{t}\t{chain}\n" for t in others))
    (tmp_path / "p.tsv").write_text("drug_id\ttarget_id\nethanol\tKIT\n")
    model, asked = load_network("kinase-affinity"), ["ABL1:T315I", "ABL1:E255K"]
    data, chains = read_input(model, tmp_path / "p.tsv", files[1], tmp_path / "t.tsv", asked)
    notes = [shift_table(model, data, chains, ["pkd"], variants=v)[1] for v in (asked, [])]
    assert notes[0] == ["no rows: the targets that carry a variant are in no pair: ABL1"]
    assert notes[1][0].endswith(f"in no pair: {', '.join(['ABL1', *others])}")


def test_shift_table__without_a_bound_at_this_level_is_empty(files: list[Path]) -> None:
    """Of 429 calibrated shifts none can bound 99.99%: such a row abstains as one that was never judged."""
    model = load_network("kinase-affinity")
    data, chains = read_input(model, *files, ["ABL1:T315I"])
    table, _ = shift_table(model, data, chains, ["pkd"], level=0.9999)
    imatinib = table.iloc[0]
    assert imatinib["abstain"] and imatinib["reason"] == UNBOUNDED and imatinib["in_training"]
    assert table[NUMBERS].isna().all().all()
