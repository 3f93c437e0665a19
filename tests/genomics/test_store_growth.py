"""Stores that grow: killed and taken up again, extended by later files, packed into a zip file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import genomics.store
from genomics import InputError, ingest
from genomics.cohort import open_cohort

REPOSITORY = Path(__file__).resolve().parents[2]
N_RECORDS = 3500


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(genomics.store, "MAX_VARIANTS_CHUNK", 1000)


def _records(first: int, last: int, contig: str = "1") -> list[str]:
    rows = []
    for i in range(first, last):
        alt = "G,T" if i == 2900 else "G"
        calls = f"{i % 2}|1:{i % 40}:9 {'2/2' if i == 2900 else './.'}:.:{i % 300}"
        filters = "late" if i > 2950 else "PASS"
        rows.append(f"{contig} {i + 1} rs{i} A {alt} {i} {filters} . GT:DP:GQ {calls}")
    return rows


def _same_files(one: Path, other: Path) -> None:
    """Every file of two stores has the same bytes."""
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
    assert not [str(name) for name in files if (one / name).read_bytes() != (other / name).read_bytes()]


def _kill_at_checkpoint(source: Path, out: Path) -> None:
    """Ingest in another process that is killed once it has made a checkpoint."""
    code = (
        "import sys, time, genomics.store\n"
        "genomics.store.MAX_VARIANTS_CHUNK = 1000\n"
        "from genomics.ingest import _Copy, ingest\n"
        "after = _Copy._checkpoint\n"
        "def slow(self, n_rows):\n"
        "    after(self, n_rows)\n"
        "    if self.writer.n_variants >= 2000: time.sleep(60)\n"
        "_Copy._checkpoint = slow\n"
        "ingest(sys.argv[1], sys.argv[2], checkpoint_seconds=0, keep_going=True)\n"
    )
    program = subprocess.Popen([sys.executable, "-c", code, str(source), str(out)], cwd=REPOSITORY)
    progress = out.with_name(f".{out.name}.partial") / ".varimol-progress.json"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if progress.exists() and json.loads(progress.read_text())["n_variants"] >= 2000:
            break
        time.sleep(0.05)
    os.kill(program.pid, signal.SIGKILL)
    program.wait()


def test_ingest__killed_goes_on_from_its_checkpoint(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    records = _records(0, N_RECORDS)
    records[1200] = "1 1201 bad A G . PASS . GT:DP:GQ 0/x:1:1 0/0:1:1"
    source = make_vcf(records, header=["##contig=<ID=1>"])
    _kill_at_checkpoint(source, tmp_path / "c.vcz")
    assert not (tmp_path / "c.vcz").exists()
    read = []
    cohort = ingest(source, tmp_path / "c.vcz", keep_going=True, progress=read.append)
    whole = ingest(source, tmp_path / "whole.vcz", keep_going=True)
    assert cohort.n_variants == whole.n_variants == N_RECORDS - 1
    _same_files(tmp_path / "c.vcz", tmp_path / "whole.vcz")
    assert (tmp_path / "c.vcz.rejects.tsv").read_text() == (tmp_path / "whole.vcz.rejects.tsv").read_text()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_ingest__killed_does_not_redo_what_is_written(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    source = make_vcf(_records(0, N_RECORDS))
    _kill_at_checkpoint(source, tmp_path / "c.vcz")
    kept = tmp_path / ".c.vcz.partial" / "call_genotype" / "1.0.0"
    before = kept.stat().st_ino
    ingest(source, tmp_path / "c.vcz", keep_going=True)
    assert (tmp_path / "c.vcz" / "call_genotype" / "1.0.0").stat().st_ino == before


def test_ingest__another_task_starts_anew(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    source = make_vcf(_records(0, N_RECORDS))
    _kill_at_checkpoint(source, tmp_path / "c.vcz")
    cohort = ingest(source, tmp_path / "c.vcz", samples=["B"])
    assert cohort.sample_ids.tolist() == ["B"] and cohort.n_variants == N_RECORDS


def test_ingest__two_programs_on_one_store(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    from genomics.store import StoreWriter

    source = make_vcf(_records(0, 3))
    with (
        StoreWriter(tmp_path / "c.vcz", ["A", "B"]),
        pytest.raises(InputError, match=r"c\.vcz: another program writes this store"),
    ):
        ingest(source, tmp_path / "c.vcz")
    assert ingest(source, tmp_path / "c.vcz").n_variants == 3


@pytest.mark.parametrize("cut", [1, 1000, 2500, 3499])
def test_append__same_bytes_as_all_at_once(make_vcf: Callable[..., Path], tmp_path: Path, cut: int) -> None:
    header = ["##contig=<ID=1>", '##FILTER=<ID=late,Description="late">']
    one = make_vcf(_records(0, cut), "one.vcf", header=header)
    two = make_vcf(_records(cut, N_RECORDS), "two.vcf", header=header)
    ingest(one, tmp_path / "c.vcz")
    before = (tmp_path / "c.vcz" / "call_genotype").stat().st_ino
    ingest(two, tmp_path / "c.vcz", append=True)
    ingest([one, two], tmp_path / "whole.vcz")
    assert (tmp_path / "c.vcz" / "call_genotype").stat().st_ino != before
    a, b = open_cohort(tmp_path / "c.vcz"), open_cohort(tmp_path / "whole.vcz")
    for name in sorted(b.arrays.array_keys()):
        mine, other = np.asarray(a.arrays[name][:]), np.asarray(b.arrays[name][:])
        assert (
            mine.dtype == other.dtype and mine.tobytes() == other.tobytes()
        ) or mine.tolist() == other.tolist()
    _same_files(tmp_path / "c.vcz" / "call_genotype", tmp_path / "whole.vcz" / "call_genotype")


def test_append__refuses_what_does_not_follow(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    ingest(make_vcf(_records(5, 10), "one.vcf"), tmp_path / "c.vcz")
    with pytest.raises(InputError, match=r"the shard overlaps c\.vcz"):
        ingest(make_vcf(_records(0, 3), "two.vcf"), tmp_path / "c.vcz", append=True)
    with pytest.raises(InputError, match="the new files' samples are not those of the store"):
        ingest(make_vcf(_records(11, 13), "x.vcf", samples=("A", "C")), tmp_path / "c.vcz", append=True)
    with pytest.raises(InputError, match=r"two ways to name contigs"):
        ingest(make_vcf(_records(0, 3, "chr2"), "y.vcf"), tmp_path / "c.vcz", append=True)
    assert open_cohort(tmp_path / "c.vcz").n_variants == 5
    with pytest.raises(InputError, match="no such cohort store"):
        ingest(make_vcf(_records(0, 3), "z.vcf"), tmp_path / "none.vcz", append=True)


def test_append__leaves_the_old_store_as_it_was_when_it_fails(
    make_vcf: Callable[..., Path], tmp_path: Path
) -> None:
    ingest(make_vcf(_records(0, 1500), "one.vcf"), tmp_path / "c.vcz")
    before = {p: p.read_bytes() for p in (tmp_path / "c.vcz").rglob("*") if p.is_file()}
    bad = [*_records(1500, 1700), "1 1800 . A G . PASS . GT:DP:GQ 0/x:1:1 0/0:1:1"]
    with pytest.raises(InputError):
        ingest(make_vcf(bad, "two.vcf"), tmp_path / "c.vcz", append=True)
    assert {p: p.read_bytes() for p in (tmp_path / "c.vcz").rglob("*") if p.is_file()} == before


def test_ingest__zip_holds_the_same_arrays(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    source = make_vcf(_records(0, 1200))
    folder = ingest(source, tmp_path / "c.vcz")
    packed = ingest(source, tmp_path / "c.vcz.zip")
    assert (tmp_path / "c.vcz.zip").is_file()
    np.testing.assert_array_equal(packed.genotypes(slice(None)), folder.genotypes(slice(None)))
    assert packed.variants.equals(folder.variants)
    with pytest.raises(InputError, match="a zip file cannot be extended"):
        ingest(source, tmp_path / "c.vcz.zip", append=True)


def test_ingest__same_bytes_for_any_number_of_threads(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    source = make_vcf(_records(0, N_RECORDS), "c.vcf.gz")
    for threads in (1, 2, 5):
        ingest(source, tmp_path / f"{threads}.vcz", threads=threads)
    _same_files(tmp_path / "1.vcz", tmp_path / "2.vcz")
    _same_files(tmp_path / "1.vcz", tmp_path / "5.vcz")
