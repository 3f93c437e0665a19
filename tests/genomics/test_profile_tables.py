from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.errors import InputError
from genomics.profile_tables import read_profile_tables

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(text: str, name: str = "mutation.tsv") -> Path:
        path = tmp_path / name
        data = text.replace(" ", "\t").encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return put


MUTATION = "depmap_id VHL APC\nL2 1 0\nL1  1\n"


@pytest.mark.parametrize("name", ["m.tsv", "m.tsv.gz", "m.csv", "m.parquet"])
def test_read__every_format(write: Write, tmp_path: Path, name: str) -> None:
    if name == "m.parquet":
        path = tmp_path / name
        pd.DataFrame({"depmap_id": ["L2", "L1"], "VHL": [1, None], "APC": [False, True]}).to_parquet(path)
    else:
        path = write(MUTATION.replace(" ", "," if name == "m.csv" else "\t"), name)
    profiles = read_profile_tables({"mutation": path})
    assert profiles.sample_ids == ("L1", "L2") and profiles.genes == {"mutation": ("APC", "VHL")}
    np.testing.assert_array_equal(profiles.blocks["mutation"], [[1, np.nan], [0, 1]])
    assert profiles.remarks == ("mutation: 1 of 4 values is missing",)


def test_read__id_column_anywhere(write: Write) -> None:
    path = write("VHL line APC\n1 L1 0\n")
    assert read_profile_tables({"mutation": path}, "line").genes["mutation"] == ("APC", "VHL")


def test_read__a_sample_of_one_table_is_missing_in_the_other(write: Write) -> None:
    burden = write("depmap_id VHL\nL3 2\nL1 0\n", "burden.tsv")
    profiles = read_profile_tables({"mutation": write(MUTATION), "burden": burden})
    assert profiles.sample_ids == ("L1", "L2", "L3")
    np.testing.assert_array_equal(profiles.blocks["burden"], [[0], [np.nan], [2]])
    assert np.isnan(profiles.blocks["mutation"][2]).all()
    assert "burden: no row for 1 of 3 samples, missing there" in profiles.remarks


def test_read__renamed_genes_are_said(write: Write) -> None:
    path = write("depmap_id MLL2 VHL\nL1 1 0\n")
    profiles = read_profile_tables(
        {"mutation": path}, aliases={"MLL2": "KMT2D"}, known_genes=["MLL2", "TP53"]
    )
    assert profiles.genes["mutation"] == ("KMT2D", "VHL")
    assert profiles.remarks == (
        "mutation: renamed MLL2 to KMT2D",
        "mutation: 1 of 2 genes not known (VHL)",
    )


def test_read__absolute_copies_are_converted_when_declared(write: Write) -> None:
    genes = " ".join(f"G{i}" for i in range(20))
    path = write(f"depmap_id {genes}\nL1 {' '.join(['2'] * 19)} 6\n", "cn.tsv")
    with pytest.raises(InputError, match=r"cn\.tsv, field copy_number: .* look like absolute copies"):
        read_profile_tables({"copy_number": path})
    profiles = read_profile_tables({"copy_number": path}, copy_number_scale="absolute")
    assert sorted(set(profiles.blocks["copy_number"].ravel())) == [1.0, 2.0]
    assert profiles.remarks == ("copy_number: absolute copies, converted to log2(copies / 2 + 1)",)


def test_read__covariates_by_a_name_written_otherwise(write: Write) -> None:
    notes = write("Name depMapID type\nx L1 lung\ny L2 NA\nz L9 skin\n", "cells.tsv")
    profiles = read_profile_tables(
        {"mutation": write(MUTATION)}, covariates=notes, covariate_columns=["type"]
    )
    assert profiles.covariates["type"].isna().tolist() == [False, True]
    assert profiles.covariates.loc["L1", "type"] == "lung"
    assert "covariate type: missing for 1 of 2 samples" in profiles.remarks


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gene L1 L2\nTP53 0 1\nKRAS 0 0\n", r"record 1, field gene: the table is transposed"),
        ("depmap_id L1 L2\nTP53 0 1\n", r"record 1, field depmap_id: the table is transposed"),
        ("line VHL\nL1 0\n", "field depmap_id: has no column that names the samples"),
        ("depmap_id VHL\nL1 0\nL2 0\nL1 1\n", r"record 3, field depmap_id: the same sample \(L1\) as in record 1"),
        ("depmap_id VHL\nL1 0\n 1\n", "record 2, field depmap_id: no sample is named"),
        ("depmap_id VHL APC VHL\nL1 0 0 1\n", "field VHL: two columns have this name"),
        ("depmap_id VHL\nL1 0\nL2 lung\n", "record 2, field VHL: 'lung' is not a number"),
        ("depmap_id VHL\nL1 inf\n", "record 1, field VHL: 'inf' is not a number"),
        ("depmap_id VHL\nL1 1_0\n", "record 1, field VHL: '1_0' is not a number"),
        ("depmap_id VHL\nL1 2\n", "record 1, field VHL: 2 of sample L1 is no such value; expected 0, 1 or empty"),
        ("depmap_id VHL\nL1 0 1\n", "record 1: has 3 fields; expected 2"),
        ("depmap_id VHL\n", "has no row"),
        ("depmap_id\nL1\n", "has no gene"),
        ("", "is empty"),
    ],
)  # fmt: skip
def test_read__bad_tables(write: Write, text: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"mutation\.tsv.*{message}"):
        read_profile_tables({"mutation": write(text)})


def test_read__tables_without_a_sample_in_common(write: Write) -> None:
    good = write("depmap_id GENE1 GENE2\nL1 0.5 0.1\n", "expression.tsv")
    bad = write("depmap_id L1\nGENE1 0\nGENE2 1\n")
    with pytest.raises(
        InputError, match=r"mutation\.tsv, field depmap_id: no sample .* of expression\.tsv; .* transposed"
    ):
        read_profile_tables({"expression": good, "mutation": bad})


def test_read__no_gene_known(write: Write) -> None:
    path = write("depmap_id ENSG1 ENSG2\nL1 0 1\n")
    with pytest.raises(InputError, match=r"mutation\.tsv, field mutation: none of its 2 genes is known"):
        read_profile_tables({"mutation": path}, known_genes=["VHL"])


def test_read__bad_arguments(write: Write) -> None:
    path = write(MUTATION)
    with pytest.raises(InputError, match="field methylation: no such block"):
        read_profile_tables({"methylation": path})
    with pytest.raises(InputError, match="no table is given"):
        read_profile_tables({})
    with pytest.raises(InputError, match="field type: no table of covariates"):
        read_profile_tables({"mutation": path}, covariate_columns=["type"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("depmap_id kind\nL1 lung\n", "field type: the covariate is not a column"),
        ("line type\nL1 lung\n", "field depmap_id: has no column that names the samples"),
        ("depmap_id type\nL1 lung\nL1 skin\n", "record 2, field depmap_id: the same sample"),
        ("depmap_id type\nL8 lung\n", "field depmap_id: none of its rows is one of the samples"),
    ],
)
def test_read__bad_covariates(write: Write, text: str, message: str) -> None:
    notes = write(text, "cells.tsv")
    with pytest.raises(InputError, match=rf"cells\.tsv, {message}"):
        read_profile_tables({"mutation": write(MUTATION)}, covariates=notes, covariate_columns=["type"])


@settings(max_examples=30)
@given(
    cells=st.lists(st.sampled_from(["0", "1", ""]), min_size=12, max_size=12),
    rows=st.permutations(range(4)),
    columns=st.permutations(range(3)),
)
def test_read__order_of_rows_and_columns_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str], rows: list[int], columns: list[int]
) -> None:
    genes = ["VHL", "APC", "TP53"]

    def read(rows: list[int], columns: list[int]) -> np.ndarray:
        lines = ["\t".join(["depmap_id", *(genes[c] for c in columns)])]
        lines += ["\t".join([f"L{r}", *(cells[3 * r + c] for c in columns)]) for r in rows]
        path = tmp_path_factory.mktemp("order") / "mutation.tsv"
        path.write_text("\n".join(lines) + "\n")
        return read_profile_tables({"mutation": path}).blocks["mutation"]

    first = read(list(range(4)), list(range(3)))
    np.testing.assert_array_equal(first, read(rows, columns))
    assert np.isnan(first).sum() == cells.count(""), "missing stays missing"


def test_read__shared_tables_equal_pandas(shared_data: Path) -> None:
    """The same tables read by another program, cell by cell."""
    folder = shared_data / "response"
    tables = {name: folder / f"{name}_580x706.tsv.gz" for name in ("mutation", "copy_number", "expression")}
    profiles = read_profile_tables(
        tables, covariates=folder / "cell_annotations.tsv", covariate_columns=["type_refined"]
    )
    assert profiles.genotype_blocks == ("mutation", "copy_number")
    for name, path in tables.items():
        frame = pd.read_csv(path, sep="\t", index_col="depmap_id").sort_index().sort_index(axis=1)
        assert profiles.sample_ids == tuple(frame.index) and profiles.genes[name] == tuple(frame.columns)
        np.testing.assert_array_equal(profiles.blocks[name], frame.to_numpy(np.float32))
    notes = pd.read_csv(folder / "cell_annotations.tsv", sep="\t", index_col="depMapID")["type_refined"]
    assert profiles.covariates["type_refined"].tolist() == notes[list(profiles.sample_ids)].tolist()
    assert "covariate type_refined: missing for 12 of 580 samples" in profiles.remarks
