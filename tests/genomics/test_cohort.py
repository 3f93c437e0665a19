from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dask.array
import numpy as np
import pytest

from genomics.cohort import VARIANT_COLUMNS, Cohort, open_cohort, variant_key
from genomics.errors import InputError
from genomics.ingest import ingest

RECORDS = [
    "1 100 rs1;rs2 A G,T . PASS . GT:GQ:DP 0/1:50:9 1/2:10:30 2|2:99:3",
    "1 150 note A C . q10 . GT:GQ 0/1:50 0/0:50 ./.:50",
    "1 200 . C . . . . GT 0/0 0/0 0/0",
    "X 300 rs3 A G . . . GT:GQ 0:50 1:. 0/.:50",
]


@pytest.fixture
def cohort(make_vcf: Callable[..., Path], tmp_path: Path) -> Cohort:
    return ingest(make_vcf(RECORDS, samples=("A", "B", "C")), tmp_path / "c.vcz")


def test_variants__one_row_per_alt(cohort: Cohort) -> None:
    table = cohort.variants
    assert tuple(table.columns) == VARIANT_COLUMNS
    assert table["variant_id"].tolist() == ["1:100:A:G", "1:100:A:T", "1:150:A:C", "X:300:A:G"]
    assert table["record"].tolist() == [0, 0, 1, 3]
    assert table["alt_index"].tolist() == [1, 2, 1, 1]
    assert table["rsid"].tolist() == ["rs1", "rs1", "", "rs3"]
    assert table["filter_pass"].tolist() == [True, True, False, True]
    assert (table["consequence"] == "").all()


def test_dosage_blocks__counts_one_alt_against_all_others(cohort: Cohort) -> None:
    (rows, dosage), *rest = cohort.dosage_blocks()
    assert rest == [] and len(rows) == 4 and dosage.dtype == np.float32
    nan = np.nan
    expected = [[1, 1, 0], [0, 1, 2], [nan, nan, nan], [0, 1, nan]]
    np.testing.assert_array_equal(dosage, np.array(expected, np.float32))


def test_dosage_blocks__thresholds(cohort: Cohort) -> None:
    (_, by_quality), *_ = cohort.dosage_blocks(min_gq=20)
    assert np.isnan(by_quality[0]).tolist() == [False, True, False]
    assert np.isnan(by_quality[3]).tolist() == [False, True, True]  # no GQ where others have one
    (_, by_depth), *_ = cohort.dosage_blocks(min_dp=5)
    assert np.isnan(by_depth[0]).tolist() == [False, False, True]
    assert np.isnan(by_depth[3]).tolist() == [False, False, True]  # the record carries no DP at all


@pytest.mark.parametrize("block", [1, 2, 3, 100])
def test_dosage_blocks__any_rows_in_any_order(cohort: Cohort, block: int) -> None:
    (_, everything), *_ = cohort.dosage_blocks()
    order = [3, 0, 2, 1, 0]
    parts = list(cohort.dosage_blocks(cohort.variants.iloc[order], block=block))
    assert [len(rows) for rows, _ in parts] == [min(block, 5 - start) for start in range(0, 5, block)]
    np.testing.assert_array_equal(np.concatenate([d for _, d in parts]), everything[order])
    assert [name for rows, _ in parts for name in rows["variant_id"]] == [
        cohort.variants["variant_id"][index] for index in order
    ]


def test_genotypes__rows_in_the_order_asked_for(cohort: Cohort) -> None:
    whole = cohort.genotypes(slice(None))
    np.testing.assert_array_equal(cohort.genotypes([3, 0, 3]), whole[[3, 0, 3]])
    assert cohort.genotypes([]).shape == (0, 3, 2)
    assert cohort.states([1]).tolist() == [[2, 2, 1]]
    assert cohort.no_call_counts().tolist() == [0, 0, 2]


def test_dataset__is_lazy_and_keeps_missing_values(cohort: Cohort) -> None:
    data = cohort.dataset
    assert isinstance(data["call_genotype"].data, dask.array.Array)
    assert data["call_genotype"].dtype == np.int8
    assert dict(data.sizes)["samples"] == 3
    assert int((data["call_genotype"] == -1).sum()) == 3
    assert data["sample_id"].values.tolist() == ["A", "B", "C"]
    assert repr(cohort) == "Cohort('c.vcz': 4 records, 3 samples, unknown)"


def test_cohort__store_without_states_and_format_3(cohort: Cohort, tmp_path: Path) -> None:
    """A store as another program writes it: Zarr format 3, no call_state."""
    import zarr

    other = zarr.open_group(tmp_path / "other.vcz", mode="w", zarr_format=3)
    for name, array in cohort.arrays.arrays():
        if name in ("call_state", "variant_END") or array.dtype.kind not in "biuf":
            continue
        other.create_array(name, data=array[:], dimension_names=array.attrs["_ARRAY_DIMENSIONS"])
    for name in ("sample_id", "contig_id", "filter_id", "variant_id", "variant_allele"):
        values = np.asarray(cohort.arrays[name][:], dtype=object).astype("T")
        other.create_array(name, data=values, dimension_names=cohort.arrays[name].attrs["_ARRAY_DIMENSIONS"])
    opened = open_cohort(tmp_path / "other.vcz")
    np.testing.assert_array_equal(opened.states(slice(None)), cohort.states(slice(None)))
    np.testing.assert_array_equal(opened.states([3, 1]), cohort.states([3, 1]))
    assert opened.variants["variant_id"].tolist() == cohort.variants["variant_id"].tolist()
    assert opened.build == "unknown" and opened.build_evidence == {}


def test_open_cohort__missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such cohort store"):
        open_cohort(tmp_path / "none.vcz")
    (tmp_path / "file.vcz").write_text("")
    with pytest.raises(InputError, match="not a VCF Zarr store"):
        open_cohort(tmp_path / "file.vcz")


def test_variant_key__ignores_the_prefix() -> None:
    assert variant_key("chrX", 5, "A", "G") == variant_key("X", 5, "A", "G") == "X:5:A:G"
