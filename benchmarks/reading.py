"""Time to read 50,000 variants of 1,000 people into a store, beside other programs.

``python -m benchmarks.reading [--data DIR] [--peers-python PATH] [--repeats 5] [--record]`` makes the calls
(`benchmarks.reading_data`), runs every program in turn, that many times, and prints and with ``--record`` writes
benchmarks/results/reading.tsv. Cases: (a) genotypes and phase alone, from a file with GT:DP:GQ and from one with GT;
(b) GT, DP and GQ. The files are read once before, so that they are in the page cache; all programs may use the
same number of threads (the column says how many each was given; scikit-allel has one); outputs are forced to the
disk inside the time. Readers in Python wait in processes of their own, imported, compiled and warm; what that
hides stands in the rows of case cold. Programs that are commands are timed from start to end.

After the last round every output is compared cell by cell with the store that varimol wrote: genotypes, phase,
DP and GQ as far as the program keeps them (the column ``compared``); a .pgen keeps the phase of heterozygous
calls alone, and scikit-allel none. ``ratio`` is the median over the rounds of the program's wall seconds over
those of varimol in the same round; ``cpu_ratio`` is that of CPU seconds, which a busy machine blurs less.

bio2zarr lives in an environment of its own, which ``make peers`` builds: ``--peers-python`` names its interpreter.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.reading_contenders import OURS, WARM_UP_RECORDS, Contender, Setting, contenders
from benchmarks.reading_data import CallSet, make_vcf
from benchmarks.reading_peers import Reader, different_cells
from benchmarks.record import write_results

ROOT = Path(__file__).resolve().parents[1]
CRITERIA: tuple[tuple[str, str, float], ...] = (
    ("a", "plink2 --make-pgen", 1.0),
    ("a", "bgzip -dc", 1 / 3),
    ("a", "cyvcf2", 5.0),
    ("a", "scikit-allel", 8.0),
    ("b", "vcf2zarr", 10.0),
    ("b", "cyvcf2", 3.0),
)
"""Case, program, and how many times the wall seconds of varimol it must take at least."""
READ_BACK_GB_PER_S = 1.0


def measure_rounds(found: Sequence[Contender], repeats: int) -> None:
    """Let all contenders take turns."""
    for number in range(1, repeats + 1):
        for contender in found:
            os.sync()  # or the outputs of one program are written in the time of the next
            contender.rounds.append(contender.runner.run())
            shown = f"{contender.case} {contender.file} {contender.program}"
            print(f"round {number}: {shown} {contender.rounds[-1]['wall_s']:.3f} s", flush=True)


def compare(found: Sequence[Contender]) -> dict[int, dict[str, int]]:
    """Count the cells of each output that differ from varimol's store, by place in the list."""
    counts, ours = {}, {}
    for place, contender in enumerate(found):
        contender.runner.save()
        key = (contender.case, contender.file)
        if contender.program == OURS and contender.load is not None:
            ours = {key: contender.load()}
        elif contender.load is not None:
            counts[place] = different_cells(contender.keeps(ours[key]), contender.load())
    return counts


def table_of(found: Sequence[Contender], counts: dict[int, dict[str, int]], calls: CallSet) -> pd.DataFrame:
    """Return one row per contender."""
    rows = []
    for place, contender in enumerate(found):
        walls = _figures(contender, "wall_s")
        base = next(c for c in found if (c.case, c.file, c.program) == (contender.case, contender.file, OURS))
        differing = counts.get(place)
        rows.append(
            _row(contender.case, contender.file, contender.program, walls, calls)
            | {
                "version": contender.version,
                "threads": contender.threads,
                "cpu_s": np.median(_figures(contender, "cpu_s")),
                "peak_mb": _figures(contender, "peak_mb").max(),
                "output_bytes": contender.rounds[-1]["output_bytes"],
                "ratio": np.median(walls / _figures(base, "wall_s")),
                "cpu_ratio": np.median(_figures(contender, "cpu_s") / _figures(base, "cpu_s")),
                "compared": "" if differing is None else ",".join(differing),
                "outputs_equal": "" if differing is None else str(not any(differing.values())),
            }
        )
    return pd.DataFrame(rows)


def _figures(contender: Contender, name: str) -> np.ndarray:
    return np.array([figures[name] for figures in contender.rounds])


def _row(case: str, file: str, program: str, walls: np.ndarray, calls: CallSet) -> dict[str, object]:
    return {
        "case": case,
        "file": file,
        "program": program,
        "wall_s": np.median(walls),
        "wall_min_s": walls.min(),
        "wall_max_s": walls.max(),
        "rounds": len(walls),
        "n_variants": calls.n_variants,
        "n_samples": calls.n_samples,
        "seed": calls.seed,
    }


_COLD = """
import json, sys, time
from pathlib import Path
start = time.perf_counter()
from genomics.ingest import ingest
marks = [time.perf_counter() - start]
for number in range(2):
    start = time.perf_counter()
    ingest(sys.argv[1], Path(sys.argv[2]) / f"{number}.vcz")
    marks.append(time.perf_counter() - start)
print(json.dumps(marks))
"""


def cold_rows(setting: Setting) -> pd.DataFrame:
    """Time the import and the first read, in a fresh process, without and with compiled code at hand."""
    small = make_vcf(
        CallSet(min(WARM_UP_RECORDS, setting.calls.n_variants), setting.calls.n_samples, True), setting.data
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(setting.scratch / "numba"), "PYTHONPATH": str(ROOT)}
    rows = []
    for state in ("compiling", "compiled before"):
        command = [sys.executable, "-c", _COLD, str(small), str(setting.scratch)]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        for what, seconds in zip(
            ("import", "first read", "second read"), json.loads(run.stdout), strict=True
        ):
            walls = np.array([seconds])
            rows.append(_row("cold", "GT:DP:GQ", f"varimol {what}, {state}", walls, setting.calls))
            rows[-1] |= {
                "n_variants": min(WARM_UP_RECORDS, setting.calls.n_variants),
                "version": version(OURS),
            }
    return pd.DataFrame(rows)


def read_back_row(setting: Setting, store: Path) -> pd.DataFrame:
    """Time `Cohort.genotypes` over a whole store, on one core."""
    runner = Reader("read back", store, setting.scratch / "none", fields=False, threads=1, warm_up=store)
    walls = np.array([runner.run()["wall_s"] for _ in range(setting.repeats)])
    runner.close()
    row = _row("read back", "store", "Cohort.genotypes", walls, setting.calls) | {"version": version(OURS)}
    size = 2 * setting.calls.n_variants * setting.calls.n_samples
    return pd.DataFrame([row | {"threads": 1, "gb_per_s": size / 1e9 / np.median(walls)}])


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """Hold the figures against what is asked for.

    Returns
    -------
    DataFrame
        criterion, value, limit (the least value allowed), passed; a program that was left out has no row.
    """
    rows = []
    for case, program, limit in CRITERIA:
        chosen = table[(table["case"] == case) & (table["program"] == program)]
        for file, ratio in zip(chosen["file"], chosen["ratio"]):
            rows.append((f"({case}) from {file}: {program} over varimol", float(ratio), limit))
    rows += [
        ("genotypes read back, GB/s on one core", float(speed), READ_BACK_GB_PER_S)
        for speed in table.get("gb_per_s", pd.Series(dtype=float)).dropna()
    ]
    equal = table["outputs_equal"].fillna("").astype(str)
    rows.append(("share of outputs equal to varimol's", float((equal[equal != ""] == "True").mean()), 1.0))
    frame = pd.DataFrame(rows, columns=["criterion", "value", "limit"])
    return frame.assign(passed=frame["value"] >= frame["limit"])


def measure_all(setting: Setting) -> pd.DataFrame:
    """Run the whole benchmark and return its table."""
    found = contenders(setting)
    try:
        measure_rounds(found, setting.repeats)
        counts = compare(found)
    finally:
        for contender in found:
            contender.runner.close()
    store = setting.scratch / "a-GT-DP-GQ" / f"{OURS}-0.vcz"
    parts = [table_of(found, counts, setting.calls), cold_rows(setting), read_back_row(setting, store)]
    return pd.concat(parts, ignore_index=True)


def main() -> None:
    """Measure, print the figures and what they are worth."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="keep the simulated files here")
    parser.add_argument("--variants", type=int, default=50_000)
    parser.add_argument("--samples", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers-python", type=Path, default=ROOT / ".venv/peers/vcztools/bin/python")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/reading.tsv")
    options = parser.parse_args()
    calls = CallSet(options.variants, options.samples, True, options.seed)
    with tempfile.TemporaryDirectory(dir=options.data) as scratch:
        data = options.data or Path(scratch) / "data"
        table = measure_all(
            Setting(calls, data, Path(scratch), options.threads, options.repeats, options.peers_python)
        )
    print(table.drop(columns=["n_variants", "n_samples", "seed"]).to_string())
    print(verdicts(table).to_string())
    if options.record:
        print(write_results(table, "reading"))


if __name__ == "__main__":
    main()
