from __future__ import annotations

import copy
import multiprocessing
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
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


# -- selection -------------------------------------------------------------------------------------

LONG = [
    "1 100 rs1 AT A . PASS . GT 0/1 1/1 0/0",
    "1 150 del N <DEL> . PASS END=400 GT 0/0 0/1 ./.",
    "1 500 . C G,T . q10 . GT 1/2 0/0 0/2",
    "X 50 x1;x2 A G . PASS . GT 0 1 0/1",
]
END = '##INFO=<ID=END,Number=1,Type=Integer,Description="end">'


@pytest.fixture
def sites(make_vcf: Callable[..., Path], tmp_path: Path) -> Cohort:
    return ingest(make_vcf(LONG, samples=("A", "B", "C"), header=[END]), tmp_path / "sites.vcz")


@pytest.mark.parametrize(
    ("regions", "positions"),
    [
        (["1:101"], [100]),  # by REF, two bases long
        (["1:102-149"], []),
        (["1:390-450"], [150]),  # by END
        (["1:400", "X"], [150, 50]),
        (["X:51-60"], []),
        (["1"], [100, 150, 500]),
        (["1:500-600", "1:90-100"], [100, 500]),
    ],
)
def test_select__regions_by_end(sites: Cohort, regions: list[str], positions: list[int]) -> None:
    chosen = sites.select(regions=regions)
    assert chosen.read("variant_position").tolist() == positions
    assert chosen.n_variants == len(positions) == len(chosen.filter_pass)
    whole = sites.read("variant_position").tolist()
    expected = sites.genotypes([whole.index(position) for position in positions])
    np.testing.assert_array_equal(chosen.genotypes(slice(None)), expected)
    assert chosen.dataset.sizes.get("variants") == len(positions)


def test_select__unknown_contig(sites: Cohort) -> None:
    with pytest.raises(InputError, match=r"no contig 'chr1'; the store names its contigs 1; .*ask for 1"):
        sites.select(regions=["chr1:100"])


def test_select__samples_in_the_order_asked_for(sites: Cohort) -> None:
    chosen = sites.select(samples=["C", "A"])
    assert chosen.sample_ids.tolist() == ["C", "A"] and chosen.n_samples == 2
    np.testing.assert_array_equal(chosen.genotypes(slice(None)), sites.genotypes(slice(None))[:, [2, 0]])
    np.testing.assert_array_equal(chosen.states([3, 0]), sites.states([3, 0])[:, [2, 0]])
    assert chosen.dataset["sample_id"].values.tolist() == ["C", "A"]
    assert chosen.select(remove=["C"]).sample_ids.tolist() == ["A"]
    assert sites.select(remove=["B"]).sample_ids.tolist() == ["A", "C"]
    with pytest.raises(
        InputError, match="1 of 2 samples asked for are not in the store, the first is number 2"
    ):
        sites.select(samples=["A", "Z"])
    with pytest.raises(InputError, match="names one twice"):
        sites.select(samples=["A", "A"])


def test_select__variants_by_name(sites: Cohort) -> None:
    assert sites.select(extract=["x2", "1:500:C:T"]).read("variant_position").tolist() == [500, 50]
    assert sites.select(exclude=["rs1", "del"]).read("variant_position").tolist() == [500, 50]
    assert sites.select(extract=["."]).n_variants == 0


def test_select__of_a_selection(sites: Cohort) -> None:
    once = sites.select(regions=["1"], samples=["C", "B"])
    twice = once.select(extract=["del", "1:500:C:G"], samples=["B"])
    assert twice.variants["record"].tolist() == [0, 1, 1]
    np.testing.assert_array_equal(twice.genotypes(slice(None)), sites.genotypes([1, 2])[:, [1]])
    (rows, dosage), *_ = twice.dosage_blocks()
    assert rows["variant_id"].tolist() == ["1:150:N:<DEL>", "1:500:C:G", "1:500:C:T"]
    assert np.nan_to_num(dosage, nan=-1).tolist() == [[1], [-1], [-1]]  # q10 is filtered
    assert sites.n_variants == 4 and sites.n_samples == 3
    assert twice.no_call_counts().tolist() == [0]


def test_cohort__goes_to_another_process(sites: Cohort) -> None:
    chosen = sites.select(regions=["1"], samples=["B"])
    expected = chosen.genotypes(slice(None))
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        there = pool.submit(chosen.genotypes, [0, 1, 2]).result()
    np.testing.assert_array_equal(there, expected)
    copied = copy.deepcopy(chosen)
    assert copied.path == sites.path and copied.sample_ids.tolist() == ["B"]
    np.testing.assert_array_equal(copied.genotypes(slice(None)), expected)


@pytest.mark.parametrize("seed", range(3))
def test_select__regions_equal_bcftools(make_vcf: Callable[..., Path], tmp_path: Path, seed: int) -> None:
    if shutil.which("bcftools") is None:
        pytest.skip("bcftools is not installed")
    rng = np.random.default_rng(seed)
    records = []
    for position in np.sort(rng.integers(1, 5000, 60)):
        ref = "A" * rng.integers(1, 40)
        info = f"END={position + rng.integers(0, 300)}" if rng.random() < 0.3 else "."
        records.append(f"1 {position} . {ref} {'<DEL>' if info != '.' else 'C'} . . {info} GT 0/1 0/0")
    vcf = make_vcf(records, header=["##contig=<ID=1>", END])
    cohort = ingest(vcf, tmp_path / "c.vcz")
    subprocess.run(["bcftools", "view", "-Oz", "-o", tmp_path / "i.vcf.gz", vcf], check=True)
    subprocess.run(["bcftools", "index", tmp_path / "i.vcf.gz"], check=True)
    for start in rng.integers(1, 5000, 12):
        region = f"1:{start}-{start + rng.integers(0, 200)}"
        view = ["bcftools", "view", "-H", "-r", region, str(tmp_path / "i.vcf.gz")]
        lines = subprocess.run(view, check=True, capture_output=True).stdout.splitlines()
        theirs = [line.split(b"\t")[1] for line in lines]
        ours = cohort.select(regions=[region]).read("variant_position")
        assert ours.tolist() == [int(text) for text in theirs], region


# -- scikit-allel and pandas -----------------------------------------------------------------------


def test_to_allel__diploid_calls_count_as_in_scikit_allel(make_cohort: Callable[..., Cohort]) -> None:
    allel = pytest.importorskip("allel")
    dosage = np.random.default_rng(3).integers(-1, 3, (50, 20))
    cohort = make_cohort(dosage)
    genotypes = cohort.to_allel().genotypes()
    assert isinstance(genotypes, allel.GenotypeArray)
    np.testing.assert_array_equal(genotypes.to_n_alt(fill=-1), dosage)
    np.testing.assert_array_equal(genotypes.count_alleles(), cohort.to_allel().allele_counts())
    lazy = cohort.to_allel().lazy_genotypes()
    np.testing.assert_array_equal(lazy.to_n_alt(fill=-1).compute(), dosage)
    np.testing.assert_array_equal(lazy.count_alleles().compute(), genotypes.count_alleles())


def test_to_allel__haploid_calls_are_never_lost_in_silence(cohort: Cohort) -> None:
    pytest.importorskip("allel")
    arrays = cohort.to_allel()
    with pytest.raises(
        InputError, match="2 calls have fewer than 2 alleles, which scikit-allel takes as not"
    ):
        arrays.genotypes()
    assert arrays.genotypes([0, 1, 2]).ploidy == 2
    lost = arrays.genotypes(mixed_ploidy="missing")
    assert lost[3].tolist() == [[0, -1], [1, -1], [0, -1]] and lost[3:].count_called() == 0
    doubled = arrays.genotypes(mixed_ploidy="double")
    assert doubled[3].tolist() == [[0, 0], [1, 1], [0, -1]] and doubled[3:].count_called() == 2
    assert arrays.lazy_genotypes(mixed_ploidy="double").compute().tolist() == doubled.tolist()
    assert arrays.allele_counts([3]).tolist() == [[2, 1, 0]]
    assert arrays.allele_counts([3], half_calls="missing").tolist() == [[1, 1, 0]]
    with pytest.raises(InputError, match="'most' is not known"):
        arrays.genotypes(mixed_ploidy="most")  # type: ignore[arg-type]


def test_to_allel__variants(cohort: Cohort) -> None:
    pytest.importorskip("allel")
    table = cohort.to_allel().variants()
    assert table["CHROM"].tolist() == ["1", "1", "1", "X"] and table["POS"].tolist() == [100, 150, 200, 300]
    assert table["ALT"].tolist() == [["G", "T"], ["C", ""], ["", ""], ["G", ""]]
    assert table["FILTER_PASS"].tolist() == [True, False, True, True]
    assert table.query("numalt > 1")["ID"].tolist() == ["rs1;rs2"]


def test_calls__long_form(cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    table = cohort.calls([3, 0], fields=["GQ"])
    assert table["sample_id"].tolist() == ["A", "B", "C"] * 2
    assert table["gt"].tolist() == ["0", "1", "0/.", "0/1", "1/2", "2|2"]
    assert table["state"].tolist() == ["observed", "observed", "no-call", *["observed"] * 3]
    assert table["GQ"].tolist()[:1] == [50] and table["GQ"].isna().tolist() == [False, True, *[False] * 4]
    assert table["position"].tolist() == [300] * 3 + [100] * 3
    with pytest.raises(InputError, match="no FORMAT field 'AD' of one value"):
        cohort.calls([0], fields=["AD"])
    monkeypatch.setattr("genomics.cohort_pandas.MAX_CALLS", 5)
    with pytest.raises(InputError, match=r"6 calls as a table .*expected at most 5"):
        cohort.calls([0, 1])


def test_to_pandas__is_a_copy(cohort: Cohort) -> None:
    table = cohort.to_pandas()
    table["contig"] = "2"
    assert cohort.variants["contig"].tolist() == ["1", "1", "1", "X"]
