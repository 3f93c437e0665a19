"""The simulated files carry what was simulated, whoever reads them, and are the same for the same seed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cyvcf2 import VCF
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import reading_data
from benchmarks.reading_data import (
    CallSet,
    Records,
    _line,
    format_records,
    header,
    make_bcf,
    make_vcf,
    simulate,
)

pytest.importorskip("msprime", reason="msprime is not installed")
PROGRAMS = pytest.mark.skipif(
    not all(shutil.which(name) for name in ("bgzip", "tabix", "bcftools")),
    reason="bgzip, tabix or bcftools is not installed",
)
FIELDS, PLAIN = CallSet(300, 25, True), CallSet(300, 25, False)


def slow_text(records: Records, fields: bool) -> bytes:
    """The same records, formatted call by call."""
    lines = []
    for row, line in enumerate(records.lines):
        calls = []
        for sample in range(records.alleles.shape[1]):
            first, second = records.alleles[row, sample]
            if first < 0:
                calls.append("./.:.:." if fields else "./.")
                continue
            call = f"{first}{'|' if records.phased[row] else '/'}{second}"
            values = f":{records.depth[row, sample]}:{records.quality[row, sample]}" if fields else ""
            calls.append(call + values)
        lines.append(line + "\t".join(calls) + "\n")
    return "".join(lines).encode()


@given(st.data(), st.booleans())
def test_format_records__equals_a_string_per_call(data: st.DataObject, fields: bool) -> None:
    n, n_samples = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 5))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    shape = (n, n_samples)
    missing = rng.random(shape) < 0.3
    depth = np.where(missing, -1, rng.choice([0, 7, 42, 255, 999], shape)).astype(np.int16)
    quality = np.where(missing, -1, rng.choice([0, 5, 99], shape)).astype(np.int16)
    alleles = np.where(missing[..., None], -1, rng.integers(0, 3, (*shape, 2))).astype(np.int8)
    lines = ["1\t" + "9" * rng.integers(1, 6) + "\tx\t" for _ in range(n)]
    records = Records(lines, alleles, rng.random(n) < 0.5, depth, quality)
    assert format_records(records, fields=fields) == slow_text(records, fields)


@PROGRAMS
def test_make_vcf__reads_as_simulated(tmp_path: Path) -> None:
    with_fields, plain = (list(simulate(calls)) for calls in (FIELDS, PLAIN))
    assert np.array_equal(with_fields[0].alleles, plain[0].alleles)
    for path in (make_vcf(FIELDS, tmp_path), make_bcf(FIELDS, tmp_path)):
        calls = [(v.genotype.array(), v.format("DP"), v.format("GQ"), v.POS) for v in VCF(str(path))]
        genotypes = np.stack([call[0] for call in calls])
        records = with_fields[0]
        missing = records.alleles[..., 0] < 0
        assert np.array_equal(genotypes[..., :2], records.alleles)
        assert np.array_equal(genotypes[..., 2] == 1, records.phased[:, None] & ~missing)
        for place, values in ((1, records.depth), (2, records.quality)):
            read = np.stack([call[place][:, 0] for call in calls])
            assert np.array_equal(np.maximum(read, -1), values)
        assert [call[3] for call in calls] == sorted({call[3] for call in calls})


@PROGRAMS
def test_make_vcf__holds_missing_multiallelic_unphased_and_filtered(tmp_path: Path) -> None:
    path = make_vcf(CallSet(2000, 20, True), tmp_path)
    said = subprocess.run(["bcftools", "stats", str(path)], capture_output=True, text=True, check=True).stdout
    counts = dict(line.split("\t")[2:4] for line in said.splitlines() if line.startswith("SN\t"))
    assert counts["number of records:"] == "2000"
    assert 5 <= int(counts["number of multiallelic sites:"]) <= 40
    assert int(counts["number of indels:"]) > 50
    text = subprocess.run(
        ["bcftools", "view", "-H", str(path)], capture_output=True, text=True, check=True
    ).stdout
    assert 0.005 < text.count("./.:.:.") / (2000 * 20) < 0.015
    assert 10 <= text.count("\tq10\t") <= 90
    assert text.count("0/0") > 0


@PROGRAMS
def test_make_vcf__same_seed_gives_same_bytes(tmp_path: Path) -> None:
    first = make_vcf(FIELDS, tmp_path / "a").read_bytes()
    assert make_vcf(FIELDS, tmp_path / "b").read_bytes() == first
    other = CallSet(FIELDS.n_variants, FIELDS.n_samples, True, seed=2)
    assert make_vcf(other, tmp_path / "b").read_bytes() != first
    assert sorted(path.suffix for path in (tmp_path / "a").iterdir()) == [".gz", ".tbi"]


def test_line__goes_on_to_the_next_contig() -> None:
    line = _line(0, 200_000_010, False, np.random.default_rng(1), True)
    assert line.startswith("2\t11\trs1\t")
    assert "##contig=<ID=2," in header(FIELDS)


def test_simulate__positions_ascend_over_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_data, "SEGMENT_BASES", 10_000)
    lines = [line.split("\t")[:2] for records in simulate(PLAIN) for line in records.lines]
    positions = [int(position) for _, position in lines]
    assert len(positions) == PLAIN.n_variants
    assert positions == sorted(set(positions))
    assert positions[-1] > 5 * 10_000
