from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from genomics.errors import InputError
from genomics.profiles import KINDS, GenotypeProfiles

NAN = np.nan


@pytest.fixture
def profiles() -> GenotypeProfiles:
    mutation = np.array([[1, 0, NAN], [0, NAN, 1]])
    copies = np.array([[1.0, 1.5], [NAN, 0.0]])
    tissue = pd.DataFrame({"tissue": ["lung", None]}, index=["L2", "L1"])
    return GenotypeProfiles.of(
        ["L2", "L1"], {"mutation": (["VHL", "APC", "KMT2D"], mutation), "copy_number": (["VHL", "APC"], copies)},
        tissue,
    )  # fmt: skip


def test_of__orders_samples_and_genes_by_name(profiles: GenotypeProfiles) -> None:
    assert profiles.sample_ids == ("L1", "L2")
    assert profiles.genes == {"mutation": ("APC", "KMT2D", "VHL"), "copy_number": ("APC", "VHL")}
    np.testing.assert_array_equal(profiles.blocks["mutation"], [[NAN, 1, 0], [0, NAN, 1]])
    assert profiles.covariates["tissue"].isna().tolist() == [True, False]
    assert profiles.blocks["mutation"].dtype == np.float32


def test_kinds__expression_is_no_genotype() -> None:
    blocks = {name: (["APC"], np.zeros((1, 1))) for name in KINDS}
    assert GenotypeProfiles.of(["A"], blocks).genotype_blocks == ("mutation", "copy_number", "burden")


def test_select__keeps_the_order_asked_for(profiles: GenotypeProfiles) -> None:
    chosen = profiles.select(["L2", "L1"])
    assert chosen.sample_ids == ("L2", "L1")
    np.testing.assert_array_equal(chosen.blocks["copy_number"], [[1.5, 1.0], [0.0, NAN]])
    assert chosen.covariates.index.tolist() == ["L2", "L1"]


def test_select__sample_without_profile(profiles: GenotypeProfiles) -> None:
    with pytest.raises(InputError, match=r"record L9: 1 of 2 samples have no profile \(L9\)"):
        profiles.select(["L1", "L9"])


def test_select__sample_twice(profiles: GenotypeProfiles) -> None:
    with pytest.raises(InputError, match="record L1: the sample comes twice"):
        profiles.select(["L1", "L1"])


def test_only__leaves_the_other_blocks_out(profiles: GenotypeProfiles) -> None:
    assert list(profiles.only("copy_number").blocks) == ["copy_number"]


def test_aligned_to__missing_genes_are_missing_and_said(profiles: GenotypeProfiles) -> None:
    wanted = {"mutation": ("TP53", "MLL2", "VHL"), "burden": ("VHL",)}
    aligned = profiles.aligned_to(wanted, {"MLL2": "KMT2D"})
    np.testing.assert_array_equal(aligned.blocks["mutation"], [[NAN, 1, 0], [NAN, NAN, 1]])
    assert np.isnan(aligned.blocks["burden"]).all() and aligned.kinds["burden"] == "genotype"
    assert aligned.genes == {"mutation": ("TP53", "MLL2", "VHL"), "burden": ("VHL",)}
    assert aligned.remarks == (
        "mutation: 1 gene is known under another name (KMT2D as MLL2)",
        "mutation: 1 of 3 genes is missing (TP53)",
        "burden: not in these profiles, missing for every gene",
        "left out: copy_number, which is not asked for",
    )
    assert profiles.genes["mutation"] == ("APC", "KMT2D", "VHL"), "the original is as it was"


def test_aligned_to__no_gene_known(profiles: GenotypeProfiles) -> None:
    with pytest.raises(InputError, match=r"field mutation: none of its 3 genes is known .* HGNC symbols"):
        profiles.aligned_to({"mutation": ["ENSG00000141510"]})


def test_aligned_to__no_block_in_common(profiles: GenotypeProfiles) -> None:
    with pytest.raises(InputError, match="expected one of expression, found mutation, copy_number"):
        profiles.aligned_to({"expression": ["VHL"]})


def test_missing_counts__per_sample_and_block(profiles: GenotypeProfiles) -> None:
    counts = profiles.missing_counts()
    assert counts.loc["L1"].tolist() == [1, 1] and counts.loc["L2"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ({"methylation": (["APC"], np.zeros((2, 1)))}, "field methylation: no such block"),
        ({"mutation": (["APC", "APC"], np.zeros((2, 2)))}, "record APC: the gene comes twice"),
    ],
)
def test_of__bad_blocks(blocks: dict[str, tuple[list[str], np.ndarray]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        GenotypeProfiles.of(["A", "B"], blocks)


def test_init__parts_that_do_not_fit(profiles: GenotypeProfiles) -> None:
    with pytest.raises(InputError, match="the covariates are not of these samples"):
        GenotypeProfiles(("A",), {}, {}, {}, pd.DataFrame(index=["B"]))
    with pytest.raises(InputError, match=r"field burden: the block is \(2, 1\); expected \(1, 1\)"):
        GenotypeProfiles(
            ("A",), {"burden": ("X",)}, {"burden": np.zeros((2, 1), np.float32)}, {"burden": "genotype"},
            pd.DataFrame(index=["A"]),
        )  # fmt: skip


@settings(max_examples=50)
@given(
    values=arrays(np.float32, (4, 3), elements=st.sampled_from([0.0, 1.0, NAN])),
    rows=st.permutations(range(4)),
    columns=st.permutations(range(3)),
)
def test_of__order_of_rows_and_columns_changes_nothing(
    values: np.ndarray, rows: list[int], columns: list[int]
) -> None:
    samples, genes = np.array(["D", "A", "C", "B"]), np.array(["VHL", "APC", "TP53"])
    first = GenotypeProfiles.of(samples.tolist(), {"mutation": (genes.tolist(), values)})
    second = GenotypeProfiles.of(
        samples[rows].tolist(), {"mutation": (genes[columns].tolist(), values[np.ix_(rows, columns)])}
    )
    assert first.sample_ids == second.sample_ids and first.genes == second.genes
    np.testing.assert_array_equal(first.blocks["mutation"], second.blocks["mutation"])
    assert np.isnan(first.blocks["mutation"]).sum() == np.isnan(values).sum(), "missing stays missing"
