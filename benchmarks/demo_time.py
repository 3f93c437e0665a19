"""Time and peak memory of `make demo` from a clean clone, and of `varimol link` on 2,504 people.

``python -m benchmarks.demo_time [--variants DIR]`` clones the repository into a temporary folder, makes the
environment there (set-up), runs `varimol demo` (run), and, where the folder with the 1000 Genomes
pharmacogenes is given, `varimol link` on it with the simulated warfarin dose. Wall seconds, CPU seconds and the
peak memory of the largest process, one row each, go to benchmarks/results/demo_time.tsv.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks.record import write_results

ROOT = Path(__file__).resolve().parents[1]


def measure(what: str, command: list[str], cwd: Path) -> dict[str, object]:
    """Run a command and report the time and memory of it and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    run = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL)
    _, status, used = _wait(run)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if status:
        raise SystemExit(f"{what} failed with status {status}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"what": what, "wall_s": wall, "cpu_s": cpu, "peak_mb": used.ru_maxrss / 1024}


def _wait(run: subprocess.Popen[bytes]) -> tuple[int, int, resource.struct_rusage]:
    import os

    pid, status, used = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(status)
    return pid, run.returncode, used


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "varimol"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        rows = [
            measure("make demo: set-up", ["make", "--silent", ".venv/.runtime"], clone),
            measure("make demo: run", ["make", "--silent", "demo"], clone),
        ]
        if arguments.variants is not None:
            varimol = str(clone / ".venv" / "bin" / "varimol")
            python = str(clone / ".venv" / "bin" / "python")
            variants = str(arguments.variants.resolve())
            dose = [python, "-m", "benchmarks.warfarin", "--variants", variants, "--out", "dose.tsv"]
            subprocess.run(dose, cwd=clone, check=True, stdout=subprocess.DEVNULL)
            link = [
                varimol, "link", "--quiet", "--variants", variants, "--phenotypes", "dose.tsv", "--trait",
                "warfarin_dose", "--covariates", "age,height,weight", "--compounds", "demo/input/drugs.tsv",
                "--assay", "wgs", "--out", "people",
            ]  # fmt: skip
            rows.append(measure("varimol link, 2,504 people x 24 genes", link, clone))
            rows.append(measure("varimol link, again (all steps reused)", link, clone))
    write_results(pd.DataFrame(rows), "demo_time")


if __name__ == "__main__":
    main()
