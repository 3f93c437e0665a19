from __future__ import annotations

import csv
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.errors import InputError
from genomics.recommendations import recommend
from varimol import tables
from varimol.curate.guidance import (
    ACTIONS,
    TABLE,
    WARNING_ACTIONS,
    deduced,
    digest,
    guidance_rows,
    read_words,
    words_of,
)
from varimol.curate.pharmacogene_release import MOVED, make_release

ORIGIN = {"source": "test", "source_version": "1"}
SUSCEPTIBLE, UNCERTAIN = "Malignant Hyperthermia Susceptibility", "Uncertain Susceptibility"
TRIGGERS = {
    "desflurane", "enflurane", "halothane", "isoflurane", "methoxyflurane", "sevoflurane", "succinylcholine",
}  # fmt: skip


@pytest.fixture(scope="module")
def published(shared_data: Path) -> list[dict[str, str]]:
    """Return the source's rows in their order."""
    path = shared_data / "pharmacogenes" / "pypgx_tables" / "recommendation-table.csv"
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def ours() -> pd.DataFrame:
    """Return the shipped guidance."""
    return tables.guidance()


def test_guidance_rows__a_sentence_without_words_is_refused(published: list[dict[str, str]]) -> None:
    changed = [dict(row) for row in published]
    changed[8]["Recommendation"] = "Start  with\n twice the dose of the full moon, every Tuesday."
    with pytest.raises(InputError, match=r"record 9.*'Start with twice the dose of the full'") as caught:
        guidance_rows(changed, ORIGIN)
    assert "Tuesday" not in str(caught.value)
    assert digest(changed[8]["Recommendation"]) in str(caught.value)


def test_guidance_rows__other_spaces_are_the_same_sentence(published: list[dict[str, str]]) -> None:
    spaced = [row | {"Recommendation": row["Recommendation"].replace(" ", "\n ")} for row in published]
    assert guidance_rows(spaced, ORIGIN) == guidance_rows(published, ORIGIN)


def test_words_of__one_number_of_a_dose_makes_another_sentence(published: list[dict[str, str]]) -> None:
    text = published[0]["Recommendation"]
    assert words_of(text, 1).action == "increase dose"
    with pytest.raises(InputError, match="record 1, "):
        words_of(text.replace("0.3", "0.5"), 1)


def test_words__one_row_for_each_sentence_of_the_source_and_no_other(published: list[dict[str, str]]) -> None:
    assert set(read_words(TABLE)) == {digest(row["Recommendation"]) for row in published}


def test_guidance__has_each_row_of_its_source(published: list[dict[str, str]], ours: pd.DataFrame) -> None:
    renamed = {"Favorable Response": "responsive", "Unfavorable Response": "non-responsive"}
    theirs = {
        tuple(row[name] for name in ("Drug", "Gene1", "Phenotype1")) + _second(row): row["Recommendation"]
        for row in published
    }
    found = 0
    for row in ours.itertuples():
        key = (row.drug, row.gene, row.phenotype, row.gene_2, row.phenotype_2)
        if row.gene == "CFTR" and row.phenotype != "Indeterminate":
            word = row.phenotype.removeprefix("ivacaftor ").removesuffix(" in CF patients")
            key = (*key[:2], next(name for name in renamed if renamed[name] == word), *key[3:])
        if row.source_row.startswith("as "):
            assert key not in theirs and row.action != "standard" and "Indeterminate" in key
            witness = published[int(row.source_row.removeprefix("as ")) - 1]
            assert words_of(witness["Recommendation"], 0).recommendation == row.recommendation
            continue
        own, *another = (published[int(number) - 1] for number in row.source_row.split(", as "))
        assert (own["Drug"], own["Gene1"], own["Phenotype1"], *_second(own)) == key
        assert theirs[key] == own["Recommendation"]
        assert len(another) == (own["Recommendation"] == "None" and row.action != "no recommendation")
        for text in another:
            assert words_of(text["Recommendation"], 0).recommendation == row.recommendation
        found += 1
    assert found == len(theirs) == len(published) == 724


def _second(row: Mapping[str, str]) -> tuple[str, str]:
    return ("", "") if row["Gene2"] == "None" else (row["Gene2"], row["Phenotype2"])


def _follows(gap: Mapping[str, str], published: list[dict[str, str]]) -> bool:
    """Tell from the source's sentences alone whether all it says for one of the phenotypes is one sentence."""
    for gene, phenotype in (("Gene1", "Phenotype1"), ("Gene2", "Phenotype2")):
        said = {
            row["Recommendation"]
            for row in published
            if (row["Drug"], row[gene], row[phenotype]) == (gap["Drug"], gap[gene], gap[phenotype])
        } - {"None"}
        if gap["Gene2"] != "None" and len(said) == 1:
            return True
    return False


def test_guidance__gaps_stay_open_unless_the_rest_of_the_source_decides(
    published: list[dict[str, str]], ours: pd.DataFrame
) -> None:
    said = {(r.drug, r.gene, r.phenotype, r.gene_2, r.phenotype_2): r.action for r in ours.itertuples()}
    filled = set()
    for row in published:
        if row["Recommendation"] == "None":
            action = said[(row["Drug"], row["Gene1"], row["Phenotype1"], *_second(row))]
            assert action in {*WARNING_ACTIONS, "no recommendation"}
            assert (action != "no recommendation") == _follows(row, published), row
            if action != "no recommendation":
                filled.add((row["Drug"], row["Phenotype1"], row["Phenotype2"], action))
    pairs = [(SUSCEPTIBLE, SUSCEPTIBLE), (SUSCEPTIBLE, "None"), ("None", SUSCEPTIBLE)]
    assert filled == {(drug, *pair, "avoid") for drug in TRIGGERS for pair in pairs}


def test_guidance__susceptible_by_either_gene_is_susceptible(ours: pd.DataFrame) -> None:
    table = ours[ours["drug"].isin(TRIGGERS)]
    susceptible = (table["phenotype"] == SUSCEPTIBLE) | (table["phenotype_2"] == SUSCEPTIBLE)
    assert (table.loc[susceptible, "action"] == "avoid").all() and susceptible.sum() == 7 * len(TRIGGERS)
    assert len(set(table.loc[susceptible, "recommendation"])) == 1
    assert (table.loc[~susceptible, "action"] == "no recommendation").all()


@pytest.mark.parametrize(
    ("first", "second", "action"),
    [
        (SUSCEPTIBLE, SUSCEPTIBLE, "avoid"),
        (SUSCEPTIBLE, None, "avoid"),
        (None, SUSCEPTIBLE, "avoid"),
        (SUSCEPTIBLE, UNCERTAIN, "avoid"),
        (UNCERTAIN, UNCERTAIN, "no recommendation"),
        (UNCERTAIN, None, "no recommendation"),
    ],
)
def test_recommend__malignant_hyperthermia(first: str | None, second: str | None, action: str) -> None:
    rows = [
        {
            "sample_id": "p", "gene": gene, "diplotype": "a/b", "posterior": 1.0, "posterior_no_prior": 1.0,
            "status": "called", "phenotype": phenotype, "sites_missing": "", "sites_settling": "", "reason": "",
        }
        for gene, phenotype in (("CACNA1S", first), ("RYR1", second))
        if phenotype
    ]  # fmt: skip
    told = recommend(pd.DataFrame(rows), tables.guidance()).set_index("drug").loc[sorted(TRIGGERS)]
    assert set(told["action"]) == {action}
    assert (told["active"] == (action == "avoid")).all()


@st.composite
def _rows_of_a_drug(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    said = []
    for number in range(draw(st.integers(0, 6))):
        action = draw(st.sampled_from(ACTIONS))
        said.append(
            {
                "phenotype": draw(st.sampled_from("AB")), "phenotype_2": draw(st.sampled_from("AB")),
                "action": action, "recommendation": draw(st.sampled_from(["x", "y"])), "population": "",
                "source_row": number + 1,
            }
        )  # fmt: skip
    gap = {"phenotype": "A", "phenotype_2": "A", "gene_2": draw(st.sampled_from(["", "G"])), "source_row": 9}
    return gap | {"action": "no recommendation", "recommendation": "none", "population": ""}, said


@given(_rows_of_a_drug())
def test_deduced__only_a_warning_that_all_share(case: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    gap, said = case
    filled = deduced(gap, said)
    assert filled["action"] in WARNING_ACTIONS or filled == gap
    if filled != gap:
        assert gap["gene_2"]
        agreeing = [{(r["action"], r["recommendation"]) for r in said if r[name] == "A"}
                    for name in ("phenotype", "phenotype_2")]  # fmt: skip
        assert {(filled["action"], filled["recommendation"])} in agreeing


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("d1\tavoid\t\tAvoid.\nd1\tmonitor\t\tWatch.\n", "record 2, field digest: d1 stands twice"),
        ("d1\tstop\t\tAvoid.\n", "record 1: the row is not complete; expected .*avoid"),
        ("d1\tavoid\tadults\t\n", "record 1: the row is not complete"),
        ("\tavoid\t\tAvoid.\n", "record 1: the row is not complete"),
        ("d1\tavoid\n", "record 1: the row is not complete"),
    ],
)
def test_read_words__malformed(tmp_path: Path, lines: str, message: str) -> None:
    path = tmp_path / "words.tsv"
    path.write_text("digest\taction\tpopulation\trecommendation\n" + lines)
    with pytest.raises(InputError, match=f"words.tsv, {message}"):
        read_words(path)


def test_make_release__a_recommendation_nobody_has_read_is_refused(shared_data: Path, tmp_path: Path) -> None:
    source, archive = shared_data / "pharmacogenes", tmp_path / "release.tar.gz"
    table = source / "pypgx_tables" / "recommendation-table.csv"
    changed = tmp_path / table.name
    text = table.read_text(encoding="utf-8")
    changed.write_text(text.replace("exceed 0.3 mg/kg/day", "exceed 0.4 mg/kg/day"), encoding="utf-8")
    with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
        for folder, place in MOVED.items():
            for path in sorted((source / place).glob("*.*")):
                chosen = changed if path == table else path
                packed.add(chosen, f"release/{folder}/{path.name}")
    before = Path(str(tables.data_file("pharmacogenes", "guidance.tsv"))).parent
    with pytest.raises(ValueError, match=r"record 1, .*'Increase starting dose 1\.5 to 2 times recommended"):
        make_release([archive], tmp_path / "out", before)
    assert not (tmp_path / "out").exists()
