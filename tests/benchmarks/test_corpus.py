from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.corpus import Reading, compare, explain, read_bcftools, read_varimol, variant_files

ROW = ("1", "5", ".", "A", "G", "30", "PASS", "0/1")


def test_compare__verdicts() -> None:
    one, none = Reading(("A",), (ROW,)), Reading(error="record 1, field POS: '9999999999' is too large")
    assert compare(one, one) == ("equal", "")
    assert compare(none, none)[0] == "both fail" and compare(one, none)[0] == "bcftools fails"
    verdict, reason = compare(none, one)
    assert verdict == "varimol fails" and "32-bit" in explain(verdict, reason)
    verdict, reason = compare(
        Reading(("A",), ((*ROW[:7], "0/1/2"),)), Reading(("A",), ((*ROW[:7], "0|1/2"),))
    )
    assert verdict == "differs" and "one phase flag" in explain(verdict, reason)
    verdict, reason = compare(Reading(("A",), ((*ROW[:7], "0/0"),)), one)
    assert reason == "1 x GT, first in record 1: 0/0 for 0/1" and explain(verdict, reason) == ""
    assert compare(Reading(("B",), (ROW,)), one)[0] == compare(Reading(("A",)), one)[0] == "differs"


def test_variant_files__by_name_or_content(tmp_path: Path) -> None:
    (tmp_path / "empty.vcf").write_bytes(b"")
    (tmp_path / "told_by_content").write_bytes(b"##fileformat=VCFv4.2\n")
    (tmp_path / "other.txt").write_bytes(b"text")
    (tmp_path / "a.vcf.gz.tbi").write_bytes(b"")
    assert [path.name for path in variant_files(tmp_path)] == ["empty.vcf", "told_by_content"]


@pytest.mark.slow
def test_corpus__every_tenth_file_as_bcftools(shared_data: Path) -> None:
    if shutil.which("bcftools") is None:
        pytest.skip("bcftools is not installed")
    folder = shared_data / "variants"
    files = variant_files(folder)[::10]
    assert len(files) > 50
    for path in files:
        verdict, reason = compare(read_varimol(path), read_bcftools(path))
        assert verdict in ("equal", "both fail") or explain(verdict, reason), (path.name, reason)
