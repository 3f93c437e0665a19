"""Other programs that read and write VCF Zarr, each in an environment of its own (make peers)."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genomics.block import OBSERVED
from genomics.cohort import Cohort, open_cohort
from genomics.ingest import ingest

PEERS = Path(__file__).resolve().parents[2] / ".venv" / "peers"
QUERY = "%CHROM %POS %ID %REF %ALT %QUAL %FILTER %INFO/AC %INFO/AF %INFO/DB %INFO/END %INFO/STR[ %GT]"
CALL_FIELDS = "[%POS %SAMPLE %AD %DS %PL %PS\\n]"

SGKIT = """
import json, sys
import sgkit
for path in sys.argv[1:]:
    data = sgkit.load_dataset(path)
    stats = sgkit.variant_stats(data)
    print(json.dumps({
        "sizes": {str(name): int(length) for name, length in data.sizes.items()},
        "samples": data["sample_id"].values.tolist(),
        "genotypes": data["call_genotype"].values.tolist(),
        "call_allele_count": sgkit.count_call_alleles(data)["call_allele_count"].values.tolist(),
        "variant_allele_count": stats["variant_allele_count"].values.tolist(),
        "variant_n_called": stats["variant_n_called"].values.tolist(),
    }))
"""
VERIFY = """
import sys
from bio2zarr.vcz_verification import verify
verify(sys.argv[1], sys.argv[2])
"""


def _peer(name: str, program: str) -> Path:
    path = PEERS / name / "bin" / program
    if not path.exists():
        pytest.skip(f"the environment .venv/peers/{name} is not there: make peers")
    return path


def _run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout.decode()


def _bcftools() -> str:
    path = shutil.which("bcftools")
    if path is None:
        pytest.skip("bcftools is not installed")
    return path


@pytest.fixture
def edge_vcf(shared_data: Path) -> Path:
    """Half calls, haploid, triploid, multi-allelic, a gVCF block and a record without GT, in 15 records."""
    return shared_data / "variants" / "edge" / "edge.vcf"


@pytest.fixture
def edge(edge_vcf: Path, tmp_path: Path) -> Cohort:
    return ingest(edge_vcf, tmp_path / "edge.vcz", fields=["INFO/*", "FORMAT/*"])


@pytest.fixture
def random_vcf(make_vcf: Callable[..., Path]) -> Path:
    """300 records x 40 samples with depths, quality and missing calls, over two chunks of no size in particular."""
    rng = np.random.default_rng(7)
    records = []
    for index in range(300):
        calls = [
            f"{rng.integers(0, 2)}{'|/'[rng.integers(2)]}{rng.integers(0, 2)}:{rng.integers(60)}:{rng.integers(99)}"
            if rng.random() > 0.05
            else f"./.:{rng.integers(60)}:."
            for _ in range(40)
        ]
        quality = "PASS" if rng.random() > 0.1 else "q10"
        records.append(
            f"1 {100 + 7 * index} rs{index} A G {rng.integers(99)} {quality} . GT:DP:GQ {' '.join(calls)}"
        )
    header = [
        "##contig=<ID=1,length=249250621>",
        '##INFO=<ID=END,Number=1,Type=Integer,Description="last position">',
    ]
    return make_vcf(records, samples=[f"s{index}" for index in range(40)], header=header)


# -- sgkit -----------------------------------------------------------------------------------------


def _allele_counts(genotypes: np.ndarray, n_alleles: int) -> np.ndarray:
    return np.stack([(genotypes == allele).sum(axis=2) for allele in range(n_alleles)], axis=2)


def test_sgkit__reads_and_counts_the_same(edge: Cohort, random_vcf: Path, tmp_path: Path) -> None:
    random = ingest(random_vcf, tmp_path / "random.vcz")
    output = _run(_peer("sgkit", "python"), "-c", SGKIT, edge.path, random.path)
    for cohort, line in zip((edge, random), output.splitlines(), strict=True):
        read = json.loads(line)
        genotypes = cohort.genotypes(slice(None))
        assert read["samples"] == cohort.sample_ids.tolist()
        assert read["genotypes"] == genotypes.tolist()
        ours = _allele_counts(genotypes, read["sizes"]["alleles"])
        assert read["call_allele_count"] == ours.tolist()
        assert read["variant_allele_count"] == ours.sum(axis=1).tolist()
        assert read["variant_allele_count"] == cohort.to_allel().allele_counts().tolist()
    # Only where all calls are diploid does sgkit's "called" mean what the states mean.
    called = np.asarray(read["variant_n_called"])
    observed = (random.states(slice(None)) == OBSERVED).sum(axis=1)
    assert called[random.filter_pass].tolist() == observed[random.filter_pass].tolist()
    assert called.tolist() == (genotypes >= 0).all(axis=2).sum(axis=1).tolist()


# -- vcztools --------------------------------------------------------------------------------------


@pytest.mark.parametrize("peer", ["sgkit", "vcztools"])
@pytest.mark.parametrize("name", ["edge.vcz", "edge.vcz.zip"])
def test_vcztools__view_equals_bcftools(edge_vcf: Path, tmp_path: Path, peer: str, name: str) -> None:
    view, bcftools = _peer(peer, "vcztools"), _bcftools()
    cohort = ingest(edge_vcf, tmp_path / name, fields=["INFO/*", "FORMAT/*"])
    (tmp_path / "view.vcf").write_text(_run(view, "view", "--no-version", cohort.path))
    for query in (QUERY + "\\n", CALL_FIELDS):
        theirs = _run(bcftools, "query", "-f", query, tmp_path / "view.vcf")
        assert theirs == _run(bcftools, "query", "-f", query, edge_vcf)
    header = (tmp_path / "view.vcf").read_text()
    assert '##INFO=<ID=AC,Number=A,Type=Integer,Description="ac">' in header
    assert "##contig=<ID=HLA-A*01:01:01:01,length=3503>" in header


@pytest.mark.parametrize(
    ("peer", "region"), [("sgkit", "1:640-800"), ("vcztools", "1:501"), ("vcztools", "X")]
)
def test_vcztools__regions_and_samples(edge: Cohort, peer: str, region: str) -> None:
    text = _run(_peer(peer, "vcztools"), "view", "-H", "--no-version", "-r", region, "-s", "D,A", edge.path)
    rows = [line.split("\t") for line in text.splitlines() if line]
    ours = edge.select(regions=[region], samples=["D", "A"])
    assert [int(row[1]) for row in rows] == ours.read("variant_position").tolist()
    assert [[cell.split(":")[0] for cell in row[9:]] for row in rows] == [
        ours.calls([record])["gt"].tolist() for record in range(ours.n_variants)
    ]


# -- bio2zarr --------------------------------------------------------------------------------------


def _bgzip(vcf: Path, folder: Path) -> Path:
    out = folder / "indexed.vcf.gz"
    _run(_bcftools(), "view", "--no-version", "-Oz", "-o", out, vcf)
    _run(_bcftools(), "index", out)
    return out


def _vcf2zarr(vcf: Path, folder: Path, *options: str) -> Path:
    out = folder / "theirs.vcz"
    source = _bgzip(vcf, folder)
    _run(_peer("vcztools", "vcf2zarr"), "convert", "--no-progress", *options, source, out)
    return out


def test_bio2zarr__verifies_our_store(random_vcf: Path, tmp_path: Path) -> None:
    """Its own check of a store against the VCF, all arrays but `call_state`, which it takes for a field."""
    cohort = ingest(random_vcf, tmp_path / "c.vcz")
    shutil.rmtree(cohort.path / "call_state")
    for name in (".zmetadata", ".varimol-integrity.json"):
        (cohort.path / name).unlink(missing_ok=True)
    source = _bgzip(random_vcf, tmp_path)
    _run(_peer("vcztools", "python"), "-c", VERIFY, source, cohort.path)


@pytest.mark.parametrize("zarr_format", ["2", "3"])
def test_bio2zarr__its_store_opens_as_a_cohort(
    edge: Cohort, edge_vcf: Path, tmp_path: Path, zarr_format: str
) -> None:
    theirs = open_cohort(_vcf2zarr(edge_vcf, tmp_path, "--zarr-format", zarr_format))
    _same_calls(edge, theirs)
    assert theirs.verify() > 0
    assert theirs.dataset.sizes["variants"] == 15
    assert theirs.contigs == edge.contigs
    np.testing.assert_array_equal(theirs.variants.to_numpy(), edge.variants.to_numpy())


def test_bio2zarr__its_store_in_a_zip(edge: Cohort, edge_vcf: Path, tmp_path: Path) -> None:
    folder = _vcf2zarr(edge_vcf, tmp_path)
    packed = tmp_path / "theirs.vcz.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    theirs = open_cohort(packed)
    _same_calls(edge, theirs)
    assert theirs.verify() > 0


def _same_calls(ours: Cohort, theirs: Cohort) -> None:
    """Compare all but the record that came without GT: vcf2zarr writes it as missing, varimol as fill."""
    genotypes = ours.genotypes(slice(None)).copy()
    genotypes[(genotypes == -2).all(axis=(1, 2))] = -1
    np.testing.assert_array_equal(theirs.genotypes(slice(None)), genotypes)
    np.testing.assert_array_equal(theirs.states(slice(None)), ours.states(slice(None)))
    assert theirs.sample_ids.tolist() == ours.sample_ids.tolist()
    diploid = (genotypes != -2).sum(axis=2) > 1
    np.testing.assert_array_equal(theirs.phased(slice(None)) & diploid, ours.phased(slice(None)) & diploid)


def test_bio2zarr__same_arrays_as_ours(edge: Cohort, edge_vcf: Path, tmp_path: Path) -> None:
    """Array by array; a field that a record does not have may be all missing or missing and fill."""
    theirs = open_cohort(_vcf2zarr(edge_vcf, tmp_path))
    assert set(theirs.arrays) - set(edge.arrays) == set()
    assert {name for name in edge.arrays if name not in theirs.arrays} == {"call_state"}
    for name in theirs.arrays:
        if name.startswith("call_genotype"):
            continue
        ours, other = edge.read(name), theirs.read(name)
        if name == "filter_description":
            ours = other  # words
        width = min(ours.shape[-1], other.shape[-1])
        if name in ("call_AD", "call_PL", "variant_AF"):
            assert not _values(other[..., width:]).any(), name  # vcf2zarr keeps room for all alleles
            ours, other = ours[..., :width], other[..., :width]
        assert ours.shape == other.shape, name
        has_value = _values(ours)
        np.testing.assert_array_equal(has_value, _values(other), err_msg=name)
        np.testing.assert_array_equal(ours[has_value], other[has_value], err_msg=name)
        if name == "variant_quality":
            np.testing.assert_array_equal(ours.view(np.int32), other.view(np.int32))


def _values(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "i":
        return np.asarray((array != -1) & (array != -2))
    if array.dtype.kind == "f":
        return ~np.isnan(array)
    if array.dtype.kind == "b":
        return np.ones(array.shape, bool)
    texts = array.astype(object)
    return np.asarray((texts != ".") & (texts != ""), dtype=bool)
