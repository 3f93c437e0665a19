"""Compounds to a library with graphs and fingerprints: how fast, in how much memory, and the same after a kill.

``python -m benchmarks.library [--records 10000,100000,all] [--source FILE] [--threads 2] [--out DIR] [--record]``
builds a library of the first so many records of MOSES (1.94 million SMILES, from the files of the installed wheel
``molsets``; nothing of it is imported) or of a file, and prints and with ``--record`` writes
benchmarks/results/library.tsv: one row per number of records, with records per second and the peak resident memory of
the parent and of the largest worker in MB (a million bytes). Anonymous memory is counted beside: resident memory
contains the pages of mapped files too, which the system takes back when it needs them.

A second build of the same records is killed (SIGKILL) with half of its parts done and started again. The column
``identical`` says whether SHA-256 of every file is that of the undisturbed build, ``resumed_s`` how long the second
half took. The memory of the largest build shall be that of the smaller ones, and every process under 1,000 MB.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.record import write_results

MOSES_FILES = ("train.csv.gz", "test.csv.gz", "test_scaffolds.csv.gz")
LIMIT_MB = 1000.0
_SAMPLE_S = 0.2
_KINDS = {"VmHWM": "peak_mb", "RssAnon": "anonymous_mb"}
_BUILD = """
import sys
from chem import build_library
build_library(sys.argv[1], sys.argv[2], threads=int(sys.argv[3]))
"""


def moses_smiles() -> Iterator[str]:
    """SMILES of MOSES: training, test and scaffold test set, in this order.

    References
    ----------
    Polykovskiy et al., Front. Pharmacol. 2020, 11, 565644, doi:10.3389/fphar.2020.565644.
    """
    wheel = distribution("molsets")
    places = {Path(str(file)).name: Path(str(wheel.locate_file(file))) for file in wheel.files or ()}
    for name in MOSES_FILES:
        with gzip.open(places[name], "rt") as handle:
            for row in csv.DictReader(io.StringIO(handle.read())):
                yield row["SMILES"]


def file_smiles(path: Path) -> Iterator[str]:
    """Structures of any compound file."""
    from chem import read_compounds

    return (record.input for record in read_compounds(path))


def write_source(smiles: Iterator[str], n_records: int | None, path: Path) -> int:
    """Write a CSV of the first so many structures; return how many there are."""
    count = 0
    with path.open("w", encoding="utf-8") as handle:
        handle.write("SMILES\n")
        for text in islice(smiles, n_records):
            handle.write(f"{text}\n")
            count += 1
    return count


def start(source: Path, out: Path, threads: int) -> subprocess.Popen[bytes]:
    """Start a build."""
    return subprocess.Popen([sys.executable, "-c", _BUILD, str(source), str(out), str(threads)])


def children(pid: int) -> list[int]:
    """Processes that a process has started."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def memory(pid: int) -> dict[str, float]:
    """Peak resident and present anonymous memory in MB; nothing for a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return {
        name: int(fields[field].split()[0]) * 1024 / 1e6 for field, name in _KINDS.items() if field in fields
    }


def watch(
    process: subprocess.Popen[bytes], stop: Callable[[], bool] = lambda: False
) -> tuple[float, dict[str, float]]:
    """Wait for a build, or kill it once `stop` is true; return seconds and peaks of memory."""
    began = time.perf_counter()
    peaks: dict[str, float] = {}
    while process.poll() is None:
        for role, pids in (("parent", [process.pid]), ("worker", children(process.pid))):
            for pid in pids:
                for name, value in memory(pid).items():
                    peaks[f"{role}_{name}"] = max(peaks.get(f"{role}_{name}", 0.0), value)
        if stop():
            process.send_signal(signal.SIGKILL)
            process.wait()
            break
        time.sleep(_SAMPLE_S)
    return time.perf_counter() - began, peaks


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a folder."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as handle:
            found[path.relative_to(folder).as_posix()] = hashlib.file_digest(handle, "sha256").hexdigest()
    return found


def measure(source: Path, n_records: int, scratch: Path, threads: int) -> dict[str, Any]:
    """Build, build again with a kill in the middle, and compare."""
    whole, killed = scratch / "whole", scratch / "killed"
    process = start(source, whole, threads)
    wall_s, peaks = watch(process)
    if process.returncode:
        raise SystemExit(f"the build ended with status {process.returncode}")
    parts, n_parts = scratch / ".killed.partial" / "parts", -(-n_records // 2048)
    half = max(1, n_parts // 2)

    def half_done() -> bool:
        return parts.is_dir() and sum(1 for _ in parts.glob("*.npz")) >= half

    killed_s, _ = watch(start(source, killed, threads), half_done)
    was_killed = not killed.exists()
    resumed_s, _ = watch(start(source, killed, threads))
    manifest = json.loads((whole / "library.json").read_text())
    return {
        "source": source.stem,
        "n_records": n_records,
        "threads": threads,
        "wall_s": wall_s,
        "records_per_s": n_records / wall_s,
        **peaks,
        "limit_mb": LIMIT_MB,
        "passed": max(peaks["parent_peak_mb"], peaks["worker_peak_mb"]) < LIMIT_MB,
        "output_bytes": sum(path.stat().st_size for path in whole.rglob("*") if path.is_file()),
        **{name: manifest[name] for name in ("n_usable", "n_duplicates", "n_rejected", "rdkit_version")},
        "killed": was_killed,
        "killed_s": killed_s,
        "resumed_s": resumed_s,
        "identical": digests(whole) == digests(killed),
    }


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", default="10000,100000,all")
    parser.add_argument("--source", type=Path, help="compound file instead of MOSES")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, help="keep the largest library there")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for text in given.records.split(","):
            scratch = Path(folder) / text
            scratch.mkdir()
            smiles = moses_smiles() if given.source is None else file_smiles(given.source)
            name = "moses" if given.source is None else given.source.stem
            source = scratch / f"{name}.csv"
            n_records = write_source(smiles, None if text == "all" else int(text), source)
            rows.append(measure(source, n_records, scratch, given.threads))
            print(pd.Series(rows[-1]).to_string(), flush=True)
            print(flush=True)
            if given.out is not None and text == given.records.split(",")[-1]:
                shutil.move(scratch / "whole", given.out)
            shutil.rmtree(scratch)
    table = pd.DataFrame(rows)
    if given.record:
        print(write_results(table, "library"))


if __name__ == "__main__":
    main()
