import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from genomics.cohort import open_cohort
from genomics.errors import InputError
from genomics.ingest import ingest
from genomics.quality_statistics import CallStatistics, call_statistics
from genomics.store_files import INTEGRITY

N_SAMPLES = 60
_MALE = np.arange(N_SAMPLES) % 2 == 0
_STATES = ["n_observed", "n_no_call", "n_filtered", "n_absent"]


def _write_vcf(path, records, samples):
    header = ["##fileformat=VCFv4.2", '##FILTER=<ID=q10,Description="low">']
    header += [f"##contig=<ID={name}>" for name in ("1", "X")]
    for tag in ("GT", "FT"):
        header.append(f'##FORMAT=<ID={tag},Number=1,Type=String,Description="text">')
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    lines = ["\t".join(fields) for fields in ([*columns, *samples], *records)]
    path.write_text("\n".join([*header, *lines]) + "\n")
    return path


def _simulated_records(seed=7):
    """Two to four alleles, 5% missing and 2% half calls, on 1 and, men haploid, on X; nobody or all carry some."""
    rng = np.random.default_rng(seed)
    for i in range(120):
        contig, n_alleles = ("1" if i < 90 else "X"), (2, 2, 3, 4)[i % 4]
        shares = rng.dirichlet(np.ones(n_alleles)) if i % 10 else np.eye(n_alleles)[i // 10 % n_alleles]
        calls = []
        for male in _MALE:
            call = [str(allele) for allele in rng.choice(n_alleles, 2, p=shares)]
            lost = rng.random()
            call = [".", "."] if lost < 0.05 else [call[0], "."] if lost < 0.07 else call
            calls.append(call[0] if contig == "X" and male else "/".join(call))
        alts = ",".join("CGT"[: n_alleles - 1])
        yield [contig, str(5_000_000 + 100 * i), f"v{i}", "A", alts, ".", "PASS", ".", "GT", *calls]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Path of a VCF file, and the cohort made from it."""
    folder = tmp_path_factory.mktemp("simulated")
    path = _write_vcf(folder / "cohort.vcf", _simulated_records(), [f"s{j}" for j in range(N_SAMPLES)])
    return path, ingest(path, folder / "cohort.vcz")


def _assert_same(found: CallStatistics, expected: CallStatistics) -> None:
    for name in ("variants", "samples"):
        one, other = getattr(found, name), getattr(expected, name)
        pd.testing.assert_frame_equal(one, other, check_exact=True)
        for column in one.select_dtypes("number"):
            assert one[column].to_numpy().tobytes() == other[column].to_numpy().tobytes()


def _plink2(vcf, prefix, *options):
    if shutil.which("plink2") is None:
        pytest.skip("plink2 is not on the PATH")
    sexes = vcf.with_suffix(".psam")
    lines = [f"s{j}\t{1 if male else 2}" for j, male in enumerate(_MALE)]
    sexes.write_text("\n".join(["#IID\tSEX", *lines]) + "\n")
    command = ["plink2", "--vcf", vcf, "--psam", sexes, "--vcf-half-call", "missing", *options]
    subprocess.run([*map(str, command), "--threads", "1", "--out", prefix], check=True, capture_output=True)


def test_call_statistics__plink2_frequencies_and_missing(simulated, tmp_path):
    vcf, cohort = simulated
    _plink2(vcf, tmp_path / "counts", "--freq", "counts", "--missing")
    _plink2(vcf, tmp_path / "shares", "--freq")
    found = call_statistics(cohort)
    per_alt = {"ALT": "alt", "ALT_CTS": "allele_count", "OBS_CT": "allele_number"}
    counts = pd.read_csv(tmp_path / "counts.acount", sep="\t", dtype={"ALT_CTS": str})
    shares = pd.read_csv(tmp_path / "shares.afreq", sep="\t", dtype={"ALT_FREQS": str})
    counts["ALT_FREQS"] = shares["ALT_FREQS"]
    lists = ["ALT", "ALT_CTS", "ALT_FREQS"]
    counts = counts.assign(**{name: counts[name].str.split(",") for name in lists}).explode(lists)
    for theirs, ours in per_alt.items():
        assert found.variants[ours].astype(str).tolist() == counts[theirs].astype(str).tolist()
    assert [f"{share:.6g}" for share in found.variants["allele_frequency"]] == counts["ALT_FREQS"].tolist()
    variants = found.variants.drop_duplicates("record")
    missing = pd.read_csv(tmp_path / "counts.vmiss", sep="\t", dtype={"F_MISS": str})
    assert (N_SAMPLES - variants["n_observed"]).tolist() == missing["MISSING_CT"].tolist()
    assert [f"{share:.6g}" for share in variants["missing_rate"]] == missing["F_MISS"].tolist()
    missing = pd.read_csv(tmp_path / "counts.smiss", sep="\t", dtype={"F_MISS": str})
    assert found.samples["n_no_call"].tolist() == missing["MISSING_CT"].tolist()
    assert [f"{share:.6g}" for share in found.samples["missing_rate"]] == missing["F_MISS"].tolist()


def _hardy_by_alt(path, prefix=""):
    """PLINK's table with a row per ALT, in our names; of two alleles it has one row, of more one per allele."""
    table = pd.read_csv(path, sep="\t")
    n_rows = table.groupby("ID")["ID"].transform("size")
    first, last = (table[f"{prefix}{name}_CT"] for name in ("HOM_A1", "TWO_AX"))
    is_alt = (n_rows > 1) & (table["A1"] != "A")
    frame = pd.DataFrame({"n_hom_ref": first.where(~is_alt, last), "n_het": table[f"{prefix}HET_A1_CT"]})
    frame["n_hom_alt"] = last.where(~is_alt, first)
    if prefix:
        frame["n_haploid_ref"] = table["MALE_A1_CT"].where(~is_alt, table["MALE_AX_CT"])
        frame["n_haploid_alt"] = table["MALE_AX_CT"].where(~is_alt, table["MALE_A1_CT"])
    frame["p"] = table[table.columns[-1]]
    return frame[(n_rows == 1) | is_alt].reset_index(drop=True)


def test_call_statistics__plink2_hardy(simulated, tmp_path):
    vcf, cohort = simulated
    variants = call_statistics(cohort).variants
    autosome = variants[variants["contig"] == "1"].reset_index(drop=True)
    for option, column in (([], "hwe_p"), (["midp"], "hwe_mid_p")):
        prefix = tmp_path / f"hardy{column}"
        _plink2(vcf, prefix, "--hardy", *option)
        hardy = _hardy_by_alt(f"{prefix}.hardy")
        counts = ["n_hom_ref", "n_het", "n_hom_alt"]
        pd.testing.assert_frame_equal(autosome[counts], hardy[counts])
        # It writes six digits, so that its own rounding is up to 5e-6.
        np.testing.assert_allclose(autosome[column], hardy["p"], rtol=5.001e-6)
    assert autosome["hwe_p"].min() < 0.01 < 0.99 < autosome["hwe_p"].max()
    on_x = variants[variants["contig"] == "X"].reset_index(drop=True)
    counts += ["n_haploid_ref", "n_haploid_alt"]
    hardy = _hardy_by_alt(f"{prefix}.hardy.x", "FEMALE_")
    pd.testing.assert_frame_equal(on_x[counts], hardy[counts])


def test_call_statistics__scikit_allel(simulated):
    import allel

    _, cohort = simulated
    found = call_statistics(cohort)
    genotypes = cohort.genotypes(slice(0, 90))
    whole = allel.GenotypeArray(np.where((genotypes < 0).any(axis=2, keepdims=True), -1, genotypes))
    counts = whole.count_alleles(max_allele=3)
    rows = found.variants[found.variants["record"] < 90]
    assert rows["allele_count"].tolist() == counts[rows["record"], rows["alt_index"]].tolist()
    assert rows["ref_count"].tolist() == counts[rows["record"], 0].tolist()
    on_autosome = call_statistics(cohort.select(regions=["1"])).samples
    assert on_autosome["n_het"].tolist() == whole.count_het(axis=0).tolist()
    assert on_autosome["n_observed"].tolist() == whole.count_called(axis=0).tolist()
    single = [
        ((whole == allele) & (counts[:, allele] == 1)[:, None, None]).any(axis=2) for allele in (1, 2, 3)
    ]
    assert on_autosome["n_singletons"].tolist() == np.sum(single, axis=(0, 1)).tolist()
    assert on_autosome["n_singletons"].sum() > 0


def test_call_statistics__four_states(tmp_path):
    first = "1 100 . A G . PASS . GT:FT 0/1 0/1:q10 ./. 0/. 1/1"
    filtered = "1 200 . A G . q10 . GT 0/1 1/1 ./. 0/0 0/0"
    no_alt = "1 300 . A . . PASS . GT 0/0 0/0 ./. 0/0 0"
    no_gt = "1 400 . A G . PASS . FT PASS PASS PASS PASS PASS"
    records = [text.split() for text in (first, filtered, no_alt, no_gt)]
    cohort = ingest(_write_vcf(tmp_path / "few.vcf", records, "ABCDE"), tmp_path / "few.vcz")
    found = call_statistics(cohort)
    variants = found.variants
    assert variants["variant_id"].tolist() == ["1:100:A:G", "1:200:A:G", "1:300:A:.", "1:400:A:G"]
    assert variants["alt_index"].tolist() == [1, 1, 0, 1]
    assert variants[_STATES].to_numpy().tolist() == [[2, 2, 1, 0], [0, 1, 4, 0], [4, 1, 0, 0], [0, 5, 0, 0]]
    assert variants["call_rate"].tolist() == [0.4, 0.0, 0.8, 0.0]
    assert variants["allele_number"].tolist() == [4, 0, 7, 0]
    assert variants["ref_count"].tolist() == [1, 0, 7, 0]
    assert variants["allele_count"].tolist() == [3, 0, 0, 0]
    np.testing.assert_array_equal(variants["allele_frequency"], [0.75, np.nan, 0.0, np.nan])
    assert variants[["n_haploid_ref", "n_haploid_alt"]].to_numpy().tolist() == [
        [0, 0],
        [0, 0],
        [1, 0],
        [0, 0],
    ]
    assert variants["hwe_p"].isna().tolist() == [False, True, True, True]
    samples = found.samples
    assert samples["sample_id"].tolist() == list("ABCDE")
    assert samples[_STATES].sum(axis=1).tolist() == [4] * 5
    assert samples["n_filtered"].tolist() == [1, 2, 0, 1, 1]
    assert samples["n_het"].tolist() == [1, 0, 0, 0, 0]
    assert samples["call_rate"].tolist() == [0.5, 0.25, 0.0, 0.25, 0.5]


def test_call_statistics__absent_calls(tmp_path):
    import zarr

    records = [f"1 {position} . A G . PASS . GT 0/1 1/1".split() for position in (100, 200)]
    cohort = ingest(_write_vcf(tmp_path / "two.vcf", records, "AB"), tmp_path / "two.vcz")
    (tmp_path / "two.vcz" / INTEGRITY).unlink()  # as if another program had written the store
    states = zarr.open_group(tmp_path / "two.vcz", mode="r+")["call_state"]
    states[1, 0] = 3
    found = call_statistics(cohort)
    assert found.variants[_STATES].to_numpy().tolist() == [[2, 0, 0, 0], [1, 0, 0, 1]]
    assert found.variants["allele_count"].tolist() == [3, 2]
    assert found.samples["n_absent"].tolist() == [1, 0]


@pytest.mark.parametrize(("threads", "block_bytes"), [(1, 1), (3, 1), (2, 10_000)])
def test_call_statistics__same_for_any_threads_and_blocks(simulated, monkeypatch, threads, block_bytes):
    _, cohort = simulated
    expected = call_statistics(cohort)
    monkeypatch.setattr("genomics.quality_blocks._MAX_BLOCK_BYTES", block_bytes)
    done = []
    _assert_same(call_statistics(cohort, threads=threads, progress=done.append), expected)
    assert done == sorted(done) and done[-1] == 1.0 and len(done) > 1


def test_call_statistics__store_without_states(simulated, tmp_path):
    _, cohort = simulated
    expected = call_statistics(cohort)
    foreign = tmp_path / "foreign.vcz"
    shutil.copytree(cohort.path, foreign)
    shutil.rmtree(foreign / "call_state")
    for name in (".zmetadata", INTEGRITY):  # another program's store has neither states nor our checksums
        (foreign / name).unlink(missing_ok=True)
    other = open_cohort(foreign)
    assert "call_state" not in other.arrays
    _assert_same(call_statistics(other), expected)


def test_call_statistics__selection(simulated):
    _, cohort = simulated
    whole = call_statistics(cohort).variants
    chosen = cohort.select(samples=["s7", "s3", "s5"], regions=["1:5000000-5000550"])
    found = call_statistics(chosen)
    assert found.samples["sample_id"].tolist() == ["s7", "s3", "s5"]
    assert found.variants["variant_id"].tolist() == whole["variant_id"][: len(found.variants)].tolist()
    genotypes = chosen.genotypes(slice(None))
    complete = (genotypes >= 0).all(axis=2)
    assert found.variants.drop_duplicates("record")["n_observed"].tolist() == complete.sum(axis=1).tolist()
    empty = call_statistics(cohort.select(regions=["1:1-10"]))
    assert empty.variants.empty and list(empty.variants) == list(whole)
    assert empty.samples["call_rate"].isna().all() and len(empty.samples) == N_SAMPLES


def test_call_statistics__genotype_without_an_allele(tmp_path):
    import zarr

    records = [f"1 {i} . A {alt} . PASS . GT 0/1 1/1".split() for i, alt in ((100, "G,T"), (200, "G"))]
    cohort = ingest(_write_vcf(tmp_path / "two.vcf", records, "AB"), tmp_path / "two.vcz")
    (tmp_path / "two.vcz" / INTEGRITY).unlink()  # as if another program had written the store
    genotypes = zarr.open_group(tmp_path / "two.vcz", mode="r+")["call_genotype"]
    for allele in (2, 7):  # an allele of the other record, and of none
        genotypes[1, 0, 1] = allele
        with pytest.raises(InputError, match=r"two.vcz, record 2, field call_genotype: .*allele number"):
            call_statistics(cohort)


@pytest.mark.slow
def test_call_statistics__same_bytes_on_a_cluster(simulated, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    _, cohort = simulated
    expected = call_statistics(cohort, threads=1)
    monkeypatch.setattr("genomics.quality_blocks._MAX_BLOCK_BYTES", 1000)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        _assert_same(call_statistics(cohort, client=client), expected)
        chosen = cohort.select(samples=["s9", "s1"])
        _assert_same(call_statistics(chosen, client=client), call_statistics(chosen))
