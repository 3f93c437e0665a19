"""Calls of other programs: what is read, what is refused, what becomes of our own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genomics.errors import InputError
from genomics.star_outside import apply_outside_calls, outside_diplotypes, read_outside_calls
from genomics.star_outside_fields import GeneNames

METABOLISERS = (
    "Poor Metabolizer",
    "Intermediate Metabolizer",
    "Normal Metabolizer",
    "Ultrarapid Metabolizer",
)
GENES = {
    "CYP2D6": GeneNames(("*1", "*2", "*4", "*5", "*10", "*36"), METABOLISERS),
    "CYP2C19": GeneNames(("*38", "*1", "*2", "*17"), METABOLISERS),
    "CYP2C9": GeneNames(("*1", "*2", "*3"), METABOLISERS),
    "UGT1A1": GeneNames(("*1", "*28", "*80", "*80+*28")),
    "G6PD": GeneNames(("B (reference)", "A- 202A_376G"), one_copy=True),
    "MT-RNR1": GeneNames(("Reference", "1555A>G"), one_copy=True),
    "HLA-A": GeneNames(),
    "HLA-B": GeneNames(),
}


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., pd.DataFrame]:
    """Return a function that reads a file of a text."""

    def make(text: str, samples: tuple[str, ...] = ("S1",), name: str = "calls.tsv") -> pd.DataFrame:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return read_outside_calls(path, samples, GENES)

    return make


def test_read_outside_calls__example_of_pharmcat(read: Callable[..., pd.DataFrame]) -> None:
    # The example of PharmCAT's documentation, its G6PD allele by today's name.
    text = (
        "# made by hand\nCYP2D6\t*1/*4\nCYP2C9\t\t\t2.0\nG6PD\tB (reference)/B (reference)\n"
        "HLA-B\t\t*57:01 positive\nMT-RNR1\t1555A>G\n"
    )
    table = read(text).set_index("gene")
    assert table.loc["CYP2D6", "diplotype"] == "*1/*4" and table.loc["CYP2D6", "phenotype"] == ""
    assert table.loc["CYP2C9", "activity_score"] == 2.0 and table.loc["CYP2C9", "diplotype"] == ""
    assert table.loc["G6PD", "diplotype"] == "B (reference)/B (reference)"
    assert table.loc["HLA-B", "phenotype"] == "*57:01 positive"
    assert table.loc["MT-RNR1", "diplotype"] == "1555A>G"
    assert table["line"].to_dict() == {"CYP2C9": 3, "CYP2D6": 2, "G6PD": 4, "HLA-B": 5, "MT-RNR1": 6}
    assert (
        set(table["sample_id"]) == {"S1"} and set(table["file"]) == {"calls.tsv"} and not any(table["note"])
    )
    assert table["activity_score"].drop("CYP2C9").isna().all()


@pytest.mark.parametrize(
    ("gene", "text", "expected"),
    [
        ("CYP2D6", "*4/*1", "*1/*4"),
        ("CYP2D6", " CYP2D6*4 / CYP2D6 *1 ", "*1/*4"),
        ("CYP2D6", "*4/*1x2", "*1x2/*4"),
        ("CYP2D6", "*1/*2xN", "*1/*2xN"),
        ("CYP2D6", "*1≥3/*4", "*1≥3/*4"),
        ("CYP2D6", "*10+*36/*1", "*1/*36+*10"),
        ("CYP2D6", "*1x2/[*2 + *4]", "*1x2/*4+*2"),
        ("CYP2D6", "[CYP2D6*36+CYP2D6*10]/*1", "*1/*36+*10"),
        ("CYP2C19", "*2/*38", "*38/*2"),
        ("UGT1A1", "*80+*28/*1", "*1/*80+*28"),
        ("HLA-B", "HLA-B*57:01/HLA-B*08:01", "*08:01/*57:01"),
        ("HLA-B", "B*57:01/*08:01", "*08:01/*57:01"),
        ("G6PD", "b (REFERENCE)", "B (reference)"),
    ],
)
def test_read_outside_calls__one_name_however_it_is_written(
    read: Callable[..., pd.DataFrame], gene: str, text: str, expected: str
) -> None:
    table = read(f"{gene.lower()}\t{text}\r\n")
    assert table.loc[0, "diplotype"] == expected and table.loc[0, "gene"] == gene
    assert table.loc[0, "note"] == ""


@pytest.mark.parametrize(
    ("gene", "text", "expected"),
    [
        ("CYP2D6", "poor metaboliser", "Poor Metabolizer"),
        ("CYP2D6", "CYP2D6 Ultrarapid Metabolizers (UM)", "Ultrarapid Metabolizer"),
        ("CYP2D6", "EM", "Normal Metabolizer"),
        ("HLA-B", "HLA-B*57:01 Positive", "*57:01 positive"),
        ("HLA-B", "*58:01 negative; *57:01 positive", "*57:01 positive; *58:01 negative"),
    ],
)
def test_read_outside_calls__phenotype_alone(
    read: Callable[..., pd.DataFrame], gene: str, text: str, expected: str
) -> None:
    row = read(f"{gene}\t\t{text}\n").loc[0]
    assert (row["phenotype"], row["diplotype"], row["note"]) == (expected, "", "")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("CYP2D6\t*1/*999", "*999 is not in our definitions of CYP2D6: no phenotype follows from it"),
        ("CYP2D6\t*1/*4.001", "*4.001 read as *4"),
        ("HLA-B\t*57:01:01/*08:01", "*57:01:01 read as *57:01"),
        ("CYP2D6\t\tfast", "'fast' is none of the phenotypes that we know for CYP2D6: kept as written"),
        ("CYP2D6\t\t\t≥3.0", "activity score ≥3.0 read as its lower bound"),
    ],
)
def test_read_outside_calls__tells_what_it_does_not_take_as_written(
    read: Callable[..., pd.DataFrame], line: str, told: str
) -> None:
    assert read(line + "\n").loc[0, "note"] == told


def test_read_outside_calls__no_call_says_nothing(read: Callable[..., pd.DataFrame]) -> None:
    table = read("CYP2D6\t./.\nCYP2C9\t.\tPM\n")
    assert table["gene"].tolist() == ["CYP2C9"] and table.loc[0, "phenotype"] == "Poor Metabolizer"


def test_read_outside_calls__results_of_hla_alleles_add_up(read: Callable[..., pd.DataFrame]) -> None:
    lines = ["HLA-B\t\t*58:01 negative", "HLA-B\t\t*57:01 positive", "HLA-B\t*57:01/*08:01"]
    for order in itertools.permutations(lines):
        row = read("\n".join(order)).loc[0]
        assert row["diplotype"] == "*08:01/*57:01"
        assert row["phenotype"] == "*57:01 positive; *58:01 negative"


def test_read_outside_calls__own_form_as_tsv_csv_and_parquet(tmp_path: Path) -> None:
    table = pd.DataFrame(
        [("B", "CYP2D6", "*4/*1", 1.0), ("A", "HLA-B", "", None), ("A", "CYP2D6", "*5/*5", None)],
        columns=["sample_id", "gene", "diplotype", "activity_score"],
    ).assign(phenotype=["", "*57:01 positive", ""])
    table.to_csv(tmp_path / "a.tsv", sep="\t", index=False)
    table.to_csv(tmp_path / "a.csv", index=False)
    table.to_parquet(tmp_path / "a.parquet")
    found = [
        read_outside_calls(tmp_path / f"a.{end}", ("A", "B"), GENES) for end in ("tsv", "csv", "parquet")
    ]
    for one in found:
        pd.testing.assert_frame_equal(
            one.drop(columns=["file", "line"]), found[0].drop(columns=["file", "line"])
        )
    assert found[0]["sample_id"].tolist() == ["A", "A", "B"]
    assert found[0]["diplotype"].tolist() == ["*5/*5", "", "*1/*4"]
    assert found[0]["line"].tolist() == [4, 3, 2] and found[2]["line"].tolist() == [3, 2, 1]


def test_read_outside_calls__as_spreadsheets_write_it(read: Callable[..., pd.DataFrame]) -> None:
    text = '\ufeffSample\tGene\tDiplotype\tPhenotype\tActivity Score\tcomment\nS2\tG6PD\t"B (reference)"\t\t1\tx, y\r\n'
    row = read(text, ("S1", "S2")).loc[0]
    assert row["sample_id"] == "S2"
    assert (row["diplotype"], row["activity_score"], row["line"]) == ("B (reference)", 1.0, 2)


def test_read_outside_calls__sample_is_in_the_file_name(tmp_path: Path) -> None:
    for name, line in (
        ("A.b.outside", "CYP2D6\t*1/*4"),
        ("C.outside", "CYP2D6\t*1/*1"),
        ("C.outside2", "CYP2C9\t*1/*2"),
    ):
        (tmp_path / f"{name}.tsv").write_text(line + "\n")
    (tmp_path / "rest.csv").write_text("sample_id,gene,diplotype\nD,CYP2D6,*2/*2\n")
    (tmp_path / "notes.md").write_text("not a table")
    table = read_outside_calls(tmp_path, ("C", "A.b", "D"), GENES)
    rows = table[["sample_id", "gene", "diplotype", "file"]].to_numpy().tolist()
    assert rows == [
        ["C", "CYP2C9", "*1/*2", "C.outside2.tsv"],
        ["C", "CYP2D6", "*1/*1", "C.outside.tsv"],
        ["A.b", "CYP2D6", "*1/*4", "A.b.outside.tsv"],
        ["D", "CYP2D6", "*2/*2", "rest.csv"],
    ]


@pytest.mark.parametrize(
    ("text", "record", "field", "words"),
    [
        ("CYP2D7\t*1/*4", 1, "gene", "no gene that we know"),
        ("\n#x\nCYP2D6\t", 3, "diplotype", "no alleles, no phenotype"),
        ("CYP2D6 *1/*4", 1, "gene", "separate fields by tabs"),
        ("CYP2D6", 1, "diplotype", "separate fields by tabs"),
        ("CYP2D6\t*1/*4/*5", 1, "diplotype", "no diplotype"),
        ("CYP2D6\t*1/", 1, "diplotype", "no diplotype"),
        ("CYP2D6\t*1", 1, "diplotype", "one allele"),
        ("CYP2D6\t*1/*2 or *1/*4", 1, "diplotype", "no diplotype"),
        ("CYP2D6\t*1/CYP2D6", 1, "diplotype", ""),
        ("HLA-B\tpresent/absent", 1, "diplotype", "no allele of HLA-B"),
        ("HLA-B\t\tcarrier", 1, "phenotype", "no result of HLA-B"),
        ("HLA-B\t\tabc positive", 1, "phenotype", "no allele of HLA-B"),
        ("HLA-B\t*57:01/*08:01\t*57:01 negative", 1, "phenotype", "contradicts"),
        ("HLA-B\t\t*57:01 negative\nHLA-B\t\t*57:01 positive", 2, "phenotype", "both positive and negative"),
        ("CYP2D6\t*1/*4\nCYP2D6\t*1/*1", 2, "gene", "stand twice"),
        ("CYP2D6\t*1/*4\nCYP2D6\t\tPM", 2, "gene", "stand twice"),
        ("CYP2D6\t\t\tlow", 1, "activity_score", "no activity score"),
        ("CYP2D6\t\t\t-1", 1, "activity_score", "no activity score"),
        ("CYP2D6\t*1/*4\t\t\textra", 1, "activity_score", "5 fields"),
        ("\t*1/*4", 1, "gene", "no gene"),
        ("sample_id\tgene\nS1\tCYP2D6", "header", "diplotype", "no column"),
        ("sample_id\tdiplotype\nS1\t*1/*4", "header", "gene", "no column"),
        ("gene\tgene\tdiplotype\nS1\tS1\t*1/*4", "header", "gene", "twice"),
        ("sample_id\tgene\tdiplotype\nX\tCYP2D6\t*1/*4", 2, "sample_id", "not in the cohort"),
        ("sample_id\tgene\tdiplotype\n\tCYP2D6\t*1/*4", 2, "sample_id", "not in the cohort"),
        ("# nothing\n\n", None, None, "no outside calls"),
    ],
)  # fmt: skip
def test_read_outside_calls__refusal_names_file_line_and_field(
    read: Callable[..., pd.DataFrame], text: str, record: int | str | None, field: str | None, words: str
) -> None:
    if words == "":
        # The gene's own name is no allele of it: it is taken as an unknown one, and told.
        assert "not in our definitions" in read(text).loc[0, "note"]
        return
    with pytest.raises(InputError, match=words) as refusal:
        read(text)
    assert (refusal.value.record, refusal.value.field) == (record, field)
    assert str(refusal.value).startswith("calls.tsv")


def test_read_outside_calls__headerless_file_needs_its_sample(read: Callable[..., pd.DataFrame]) -> None:
    with pytest.raises(InputError, match="not named, and the cohort has 2"):
        read("CYP2D6\t*1/*4\n", ("S1", "S2"))
    with pytest.raises(InputError, match="sample 'S3' is not in the cohort"):
        read("CYP2D6\t*1/*4\n", ("S1", "S2"), "S3.outside.tsv")
    # A file that names another patient is not given to the only one there is.
    with pytest.raises(InputError, match="sample 'S3' is not in the cohort"):
        read("CYP2D6\t*1/*4\n", ("S1",), "S3.outside.tsv")
    assert read("CYP2D6\t*1/*4\n", ("S1", "S2"), "S2.outside.tsv").loc[0, "sample_id"] == "S2"


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.tsv", b"CYP2D6\t\xff\xfe"), ("a.parquet", b"PAR1 but no"), ("none.tsv", None)],
)
def test_read_outside_calls__unreadable_file(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        read_outside_calls(tmp_path / name, ("S1",), GENES)


def test_read_outside_calls__empty_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no outside calls"):
        read_outside_calls(tmp_path, ("S1",), GENES)


ALLELES = st.sampled_from(["*1", "*2", "*4", "*10", "*1x2", "*2xN", "*36+*10", "*999"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    calls=st.dictionaries(st.sampled_from(["S1", "S2", "S3"]), st.tuples(ALLELES, ALLELES), min_size=1),
    seed=st.randoms(),
)
def test_read_outside_calls__order_of_lines_and_alleles_changes_nothing(
    read: Callable[..., pd.DataFrame], calls: dict[str, tuple[str, str]], seed
) -> None:
    def text(lines: list[tuple[str, tuple[str, str]]]) -> str:
        body = [f"{sample}\tCYP2D6\t{'/'.join(pair)}" for sample, pair in lines]
        return "\n".join(["sample_id\tgene\tdiplotype", *body])

    lines = list(calls.items())
    turned = [(sample, pair[::-1]) for sample, pair in lines]
    seed.shuffle(turned)
    samples = ("S2", "S1", "S3")
    one, other = (read(text(these), samples).drop(columns="line") for these in (lines, turned))
    pd.testing.assert_frame_equal(one, other)
    assert len(one) == len(calls)


def own_calls() -> pd.DataFrame:
    common = {"posterior_no_prior": 1.0, "sites_missing": "", "assumptions": "", "reason": ""}
    rows = [
        {
            "sample_id": sample,
            "gene": gene,
            "rank": rank,
            "diplotype": "",
            "posterior": 0.5,
            "status": "abstain",
        }
        | common
        for sample in ("S2", "S1")
        for gene in ("CYP2C9", "CYP2D6")
        for rank in (1, 2)
    ]
    return pd.DataFrame(rows)


def test_apply_outside_calls__takes_the_place_of_ours(read: Callable[..., pd.DataFrame]) -> None:
    outside = read(
        "CYP2D6\t*4/*4\nHLA-B\t\t*57:01 positive\nCYP2C9\t\t\t2.0\n", ("S2", "S1"), "S1.outside.tsv"
    )
    ours = own_calls()
    joined = apply_outside_calls(ours, outside)
    assert joined["sample_id"].tolist() == ["S2"] * 4 + ["S1"] * 3
    pd.testing.assert_frame_equal(joined.iloc[:4][list(ours.columns)], ours.iloc[:4])
    theirs = joined.iloc[4:].set_index("gene")
    assert theirs["diplotype"].to_dict() == {"CYP2C9": "", "CYP2D6": "*4/*4", "HLA-B": ""}
    assert theirs.loc["HLA-B", "phenotype"] == "*57:01 positive"
    assert theirs.loc["CYP2C9", "activity_score"] == 2.0
    assert set(theirs["status"]) == {"called"} and set(theirs["posterior"]) == {1.0}
    assert set(theirs["assumptions"]) == {"called by another program, taken as given"}
    assert set(joined.iloc[:4]["phenotype"]) == {""} and joined.iloc[:4]["activity_score"].isna().all()


def test_apply_outside_calls__given_phenotype_stands_and_disagreement_is_told(
    read: Callable[..., pd.DataFrame],
) -> None:
    outside = read("CYP2D6\t*4/*4\tNM\t1.5\nCYP2C9\t*1/*1\tNM\t2\n")
    expected = outside_diplotypes(outside).assign(
        phenotype=["Normal Metabolizer", "Poor Metabolizer"], activity_score=[2.0, 0.0]
    )
    joined = apply_outside_calls(own_calls(), outside, expected)
    row = joined[(joined["sample_id"] == "S1") & (joined["gene"] == "CYP2D6")].iloc[0]
    assert (row["phenotype"], row["activity_score"]) == ("Normal Metabolizer", 1.5)
    assert "the phenotype given stands, the rules give Poor Metabolizer" in row["assumptions"]
    assert "the activity score given stands, the rules give 0 " in row["assumptions"]
    other = joined[(joined["sample_id"] == "S1") & (joined["gene"] == "CYP2C9")].iloc[0]
    assert other["assumptions"] == "called by another program, taken as given"


def test_apply_outside_calls__nothing_outside_or_nothing_of_ours(read: Callable[..., pd.DataFrame]) -> None:
    ours = own_calls()
    same = apply_outside_calls(ours, read("CYP2D6\t./.\n"))
    pd.testing.assert_frame_equal(same[list(ours.columns)], ours)
    outside = read("CYP2D6\t*1/*4\n")
    alone = apply_outside_calls(ours.iloc[:0], outside)
    assert alone["diplotype"].tolist() == ["*1/*4"] and np.isnan(alone.loc[0, "activity_score"])
