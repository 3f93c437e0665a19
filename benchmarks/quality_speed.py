"""Time of frequencies, Hardy-Weinberg tests and missing rates, beside PLINK 2, and on a dask cluster.

``python -m benchmarks.quality_speed [--data DIR] [--vcf FILE] [--variants 50000] [--samples 1000] [--repeats 5]
[--record]`` makes the calls (`benchmarks.reading_data`: 1% missing, 1% of records with two ALTs, 2% filtered), or takes
those of FILE, writes them once as a store and once as .pgen, and lets these take turns: ``plink2 --freq --hardy midp
--missing`` with two threads, and `call_statistics` with one thread, with two, with two and both tables written as
Parquet, and on a dask cluster of two worker processes with one thread each. PLINK's tables are compared with ours
cell by cell, and the cluster's with ours byte by byte.

PLINK's own log tells whole seconds, so ``plink2, in process`` is its wall time less that of ``plink2 --version`` in the
same round. Ours are warm; the rows ``cold`` state what that hides, in processes of their own: imports, and the
first call on a store of a few records, with nothing compiled before and with numba's cache filled. ``ratio`` is the
median over the rounds of the wall seconds over those of ``plink2, in process`` in the same round, ``speed_up``
of those of one thread over its own; ``cpu_s`` counts all processes. ``load`` is the machine's load average
when the run began: above 0.5 other work disturbed it. ``--record`` writes benchmarks/results/quality_speed.tsv.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import write_results
from genomics.cohort import Cohort, open_cohort
from genomics.quality_statistics import CallStatistics, call_statistics

THREADS = 2
_COLD = """
import json, sys, time
start = time.perf_counter()
from genomics.cohort import open_cohort
from genomics.quality_statistics import call_statistics
imported = time.perf_counter()
for _ in range(2):
    before = time.perf_counter()
    call_statistics(open_cohort(sys.argv[1]))
    last = time.perf_counter() - before
print(json.dumps({"imports": imported - start, "first call": before - imported - last}))
"""


class Turns:
    """Wall and CPU seconds of some programs, round by round."""

    def __init__(self) -> None:
        self.wall: dict[str, list[float]] = {}
        self.cpu: dict[str, list[float]] = {}

    def time(self, name: str, work: Callable[[], Any], more_cpu: Callable[[], float] = lambda: 0.0) -> Any:
        """Do some work and write down its seconds; `more_cpu` tells those of processes that live on."""
        cpu, start = _cpu() + more_cpu(), time.perf_counter()
        result = work()
        self.wall.setdefault(name, []).append(time.perf_counter() - start)
        self.cpu.setdefault(name, []).append(_cpu() + more_cpu() - cpu)
        return result

    def less(self, name: str, whole: str, part: str) -> None:
        """Write down the seconds of one program less those of another as a program's."""
        for seconds in (self.wall, self.cpu):
            seconds[name] = [a - b for a, b in zip(seconds[whole], seconds[part], strict=True)]


def _cpu() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def _run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


def prepare(vcf: Path, folder: Path) -> tuple[Cohort, Path]:
    """Write a VCF file as a store and as .pgen, unless they are there."""
    from genomics.ingest import ingest

    name = vcf.name.removesuffix(".vcf.gz")
    store, prefix = folder / f"{name}.vcz", folder / name
    if not store.exists():
        ingest(vcf, store)
    if not prefix.with_name(f"{name}.pgen").exists():
        _run("plink2", "--vcf", vcf, "--make-pgen", "--out", prefix)
    return open_cohort(store), prefix


def written(found: CallStatistics, folder: Path) -> None:
    """Write both tables as Parquet and force them to the disk."""
    for name in ("variants", "samples"):
        path = folder / f"{name}.parquet"
        getattr(found, name).to_parquet(path)
        with path.open("rb") as file:
            os.fsync(file.fileno())


def measure(store: Path, prefix: Path, folder: Path, repeats: int) -> tuple[Turns, CallStatistics]:
    """Let all programs take turns; the result is that of one thread."""
    from distributed import Client, LocalCluster

    turns = Turns()
    plink2 = ["plink2", "--pfile", prefix, "--freq", "--hardy", "midp", "--missing"]
    plink2 += ["--threads", THREADS, "--out", folder / "plink"]
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):

        def on_workers() -> float:
            return sum(client.run(time.process_time).values())

        call_statistics(open_cohort(store), client=client)
        call_statistics(open_cohort(store))
        for number in range(1, repeats + 1):
            turns.time("plink2 --version", lambda: _run("plink2", "--version"))
            turns.time("plink2", lambda: _run(*plink2))
            one = turns.time("varimol, 1 thread", lambda: call_statistics(open_cohort(store), threads=1))
            two = turns.time(
                "varimol, 2 threads", lambda: call_statistics(open_cohort(store), threads=THREADS)
            )
            turns.time(
                "varimol, 2 threads, written", lambda: written(call_statistics(open_cohort(store)), folder)
            )
            far = turns.time(
                "varimol, dask, 2 workers",
                lambda: call_statistics(open_cohort(store), client=client),
                on_workers,
            )
            for other in (two, far):
                check_same_bytes(one, other)
            print(f"round {number}: " + ", ".join(f"{k} {v[-1]:.3f} s" for k, v in turns.wall.items()))
    turns.less("plink2, in process", "plink2", "plink2 --version")
    return turns, one


def check_same_bytes(one: CallStatistics, other: CallStatistics) -> None:
    """Raise AssertionError where a column of two results is not the same, byte for byte."""
    for name in ("variants", "samples"):
        first, second = getattr(one, name), getattr(other, name)
        pd.testing.assert_frame_equal(first, second, check_exact=True)
        for column in first.select_dtypes("number"):
            assert first[column].to_numpy().tobytes() == second[column].to_numpy().tobytes(), column


def different_cells(found: CallStatistics, cohort: Cohort, prefix: Path) -> tuple[int, int]:
    """Count the cells compared with PLINK's tables, and those that differ by more than its rounding.

    PLINK counts the calls of filtered records, which are not observed here: of those only the missing calls are
    compared.
    """
    passed = cohort.filter_pass
    frequency = pd.read_csv(f"{prefix}.afreq", sep="\t", dtype={"ALT_FREQS": str})[passed]
    frequency = frequency.assign(share=frequency["ALT_FREQS"].str.split(",")).explode("share")
    hardy = pd.read_csv(f"{prefix}.hardy", sep="\t")
    n_rows = hardy.groupby("ID")["ID"].transform("size")
    reference = pd.read_csv(f"{prefix}.afreq", sep="\t").set_index("ID")["REF"]
    hardy = hardy[(n_rows == 1) | (hardy["A1"] != hardy["ID"].map(reference))]
    rows = found.variants
    of_passed = rows[passed[rows["record"]]]
    ours = [f"{share:.6g}" for share in of_passed["allele_frequency"]]
    differing = int((np.array(ours) != frequency["share"].to_numpy()).sum())
    mid_p = hardy["MIDP"].to_numpy()[passed[rows["record"]]]
    differing += int((~np.isclose(of_passed["hwe_mid_p"], mid_p, rtol=5.001e-6)).sum())
    n = 2 * len(of_passed)
    tables = (("vmiss", rows.drop_duplicates("record")), ("smiss", found.samples))
    for end, table in tables:
        missing = pd.read_csv(f"{prefix}.{end}", sep="\t")["MISSING_CT"].to_numpy()
        differing += int((table["n_no_call"].to_numpy() != missing).sum())
        n += len(missing)
    return n, differing


def cold(store: Path) -> dict[str, float]:
    """Seconds of imports and of the first call, in new processes: nothing compiled before, then all cached."""
    figures = {}
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"NUMBA_CACHE_DIR": cache}
        for state in ("not compiled", "compiled before"):
            command = [sys.executable, "-c", _COLD, str(store)]
            said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
            for name, seconds in json.loads(said.stdout).items():
                figures[f"cold: {name}, {state}"] = seconds
    return figures


def small_store(folder: Path) -> Path:
    """Write a store of two records, for the first call that compiles."""
    from genomics.ingest import ingest

    lines = ["##fileformat=VCFv4.2", '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    lines += ["#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT A B".replace(" ", "\t")]
    lines += [f"1 {position} . A G . PASS . GT 0/1 ./.".replace(" ", "\t") for position in (1, 2)]
    (folder / "small.vcf").write_text("\n".join(lines) + "\n")
    return ingest(folder / "small.vcf", folder / "small.vcz").path


def table_of(turns: Turns, apart: dict[str, float]) -> pd.DataFrame:
    """Make one row per program."""
    base, alone = (np.array(turns.wall[name]) for name in ("plink2, in process", "varimol, 1 thread"))
    rows: list[dict[str, Any]] = []
    for name, seconds in turns.wall.items():
        wall = np.array(seconds)
        row = {"program": name, "wall_s": np.median(wall), "wall_min_s": wall.min(), "wall_max_s": wall.max()}
        row |= {"cpu_s": np.median(turns.cpu[name]), "ratio": np.median(wall / base)}
        rows.append(row | ({"speed_up": np.median(alone / wall)} if name.startswith("varimol") else {}))
    return pd.DataFrame(rows + [{"program": name, "wall_s": wall} for name, wall in apart.items()])


def main() -> None:
    """Measure, compare and print; write the table where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "varimol-reading")
    parser.add_argument("--vcf", type=Path)
    parser.add_argument("--variants", type=int, default=50_000)
    parser.add_argument("--samples", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    vcf = options.vcf
    if vcf is None:
        from benchmarks.reading_data import CallSet, make_vcf

        vcf = make_vcf(CallSet(options.variants, options.samples, False, options.seed), options.data)
    load = os.getloadavg()[0]
    cohort, prefix = prepare(vcf, options.data)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        turns, found = measure(cohort.path, prefix, folder, options.repeats)
        compared, differing = different_cells(found, cohort, folder / "plink")
        table = table_of(turns, cold(small_store(folder)))
    table = table.assign(
        variants=cohort.n_variants, samples=cohort.n_samples, threads=THREADS, repeats=options.repeats,
        cells_compared=compared, cells_different=differing, load=load, seed=options.seed,
    )  # fmt: skip
    print(table.iloc[:, :7].to_string(index=False, float_format="%.3f"))
    print(f"{differing} of {compared} cells differ from PLINK's; load average {load:.2f}")
    if options.record:
        print(write_results(table, "quality_speed"))


if __name__ == "__main__":
    main()
