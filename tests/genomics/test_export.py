from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.errors import InputError
from genomics.export import export_calls, genotype_text
from genomics.ingest import ingest

CALLS = "[%CHROM %POS %REF %ALT %FILTER %SAMPLE %GT\\n]"


def _query(path: Path) -> str:
    done = subprocess.run(["bcftools", "query", "-f", CALLS, str(path)], check=True, capture_output=True)
    return done.stdout.decode()


@pytest.mark.parametrize("name", ["calls.vcf", "calls.vcf.gz"])
def test_export__edge_file_comes_back(shared_data: Path, tmp_path: Path, name: str) -> None:
    source = shared_data / "variants" / "edge" / "edge.vcf"
    cohort = ingest(source, tmp_path / "c.vcz")
    out = export_calls(cohort, tmp_path / name)
    again = ingest(out, tmp_path / "again.vcz")
    records = slice(None)
    np.testing.assert_array_equal(again.genotypes(records), cohort.genotypes(records))
    np.testing.assert_array_equal(again.states(records), cohort.states(records))
    np.testing.assert_array_equal(again.phased(records), cohort.phased(records))
    pd.testing.assert_frame_equal(again.variants, cohort.variants)
    for column in ("variant_quality", "variant_END", "variant_filter"):
        np.testing.assert_array_equal(again.arrays[column][:], cohort.arrays[column][:])
    if shutil.which("bcftools") is None:
        pytest.skip("bcftools is not installed: compared with a second ingest only")
    assert _query(out) == _query(source)


def test_export__tsv_same_as_bcftools(shared_data: Path, tmp_path: Path) -> None:
    if shutil.which("bcftools") is None:
        pytest.skip("bcftools is not installed")
    source = shared_data / "variants" / "edge" / "edge.vcf"
    out = export_calls(ingest(source, tmp_path / "c.vcz"), tmp_path / "calls.tsv")
    table = pd.read_csv(out, sep="\t", dtype=str, keep_default_na=False)
    columns = ["chrom", "pos", "ref", "alt", "filter", "sample", "gt"]
    assert table.columns.tolist() == [*columns, "state"]
    lines = [" ".join(row) for row in table[columns].to_numpy().tolist()]
    assert lines == _query(source).splitlines()
    states = table.set_index(["pos", "sample"])["state"]
    assert states["100", "A"] == "observed" and states["100", "D"] == "no-call"
    assert states["200", "A"] == "no-call" and states["200", "D"] == "filtered"


def test_export__real_exome_with_depths(shared_data: Path, tmp_path: Path) -> None:
    if shutil.which("bcftools") is None:
        pytest.skip("bcftools is not installed")
    source = shared_data / "variants" / "ceu_exon" / "CEU_Exon.vcf.gz"
    out = export_calls(ingest(source, tmp_path / "c.vcz"), tmp_path / "calls.vcf.gz")
    query = ["bcftools", "query", "-f", "[%GT:%DP ]\\n"]
    before = subprocess.run([*query, str(source)], check=True, capture_output=True).stdout
    after = subprocess.run([*query, str(out)], check=True, capture_output=True).stdout
    assert before == after


def test_export__bgzip_and_index(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    cohort = ingest(make_vcf(["1 5 . A G . PASS . GT 0/1 0/0"]), tmp_path / "c.vcz")
    out = export_calls(cohort, tmp_path / "calls.vcf.gz")
    data = out.read_bytes()
    assert data[12:14] == b"BC" and data.endswith(bytes.fromhex("1b0003000000000000000000"))
    assert gzip.decompress(data).splitlines()[-1].split(b"\t")[9:] == [b"0/1", b"0/0"]
    if shutil.which("tabix") is None and shutil.which("bcftools") is None:
        pytest.skip("neither tabix nor bcftools is installed")
    subprocess.run(["bcftools", "index", str(out)], check=True, capture_output=True)


def test_export__unknown_format_and_failure(
    make_vcf: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = ingest(make_vcf(["1 5 . A G . PASS . GT 0/1 0/0"]), tmp_path / "c.vcz")
    with pytest.raises(InputError, match=r"calls\.xlsx: .*expected \.tsv, \.vcf or \.vcf\.gz"):
        export_calls(cohort, tmp_path / "calls.xlsx")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("genomics.export.genotype_text", full)
    with pytest.raises(InputError, match="the disk is full while the exported file was written"):
        export_calls(cohort, tmp_path / "calls.tsv")
    assert not list(tmp_path.glob("calls*"))


_ALLELE = st.one_of(st.none(), st.integers(0, 130))


@given(st.lists(st.tuples(st.lists(_ALLELE, min_size=1, max_size=4), st.booleans()), min_size=1, max_size=30))
def test_genotype_text__writes_each_allele(calls: list[tuple[list[int | None], bool]]) -> None:
    array = np.full((len(calls), 4), -2, np.int16)
    for row, (alleles, _) in enumerate(calls):
        array[row, : len(alleles)] = [-1 if allele is None else allele for allele in alleles]
    phased = np.array([phase for _, phase in calls])
    expected = []
    for alleles, phase in calls:
        expected.append(("|" if phase else "/").join("." if a is None else str(a) for a in alleles))
    assert genotype_text(array, phased).tolist() == expected
