from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzz_vcf import check, write_seeds
from genomics.errors import InputError
from genomics.ingest import ingest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("seeds")
    write_seeds(folder)
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def test_check__seeds_are_read(seeds: list[bytes], tmp_path: Path) -> None:
    for data in seeds:
        check(data, tmp_path)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_check__spliced_and_changed_seeds(
    seeds: list[bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = data.draw(st.sampled_from(seeds))
    other = data.draw(st.sampled_from(seeds))
    at, to = sorted(data.draw(st.tuples(*[st.integers(1, len(whole))] * 2)))
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(other))] * 2)))
    new = data.draw(
        st.one_of(st.just(other[start:stop]), st.binary(max_size=4), st.sampled_from([b"\t", b":"]))
    )
    check(whole[:at] + new + whole[to:], tmp_path_factory.getbasetemp())


@pytest.mark.slow
def test_fuzz__bounded_atheris_run(tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed")
    command = [sys.executable, "-m", "benchmarks.fuzz_vcf", "--seconds", "20", "--corpus", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    units = [line.split()[-1] for line in run.stderr.splitlines() if "number_of_executed_units" in line]
    assert int(units[0]) > 100


def test_check__a_zero_byte_in_the_header_is_refused(tmp_path: Path) -> None:
    """htslib reads the header no further than that; an earlier version let its bare exception through."""
    text = (
        b'##fileformat=VCFv4.4\n##contig=<ID=1>\n##contig=<ID=chr2>\n##FILTER=\x02\'\x00<ID=q10,Description="low">\n'
        b'##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">\n'
        b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\tB\n1\t100\t.\tA\tG\t.\tPASS\t.\tGT\t0/1\t|1|2\n"
    )
    path = tmp_path / "in.vcf"
    path.write_bytes(text)
    with pytest.raises(InputError, match="record header: htslib cannot read the header"):
        ingest(path, tmp_path / "out.vcz", build="GRCh38")
