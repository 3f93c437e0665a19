"""Peak memory of `varimol ingest` and `varimol export`, with many records and with many people.

``python -m benchmarks.memory [--data DIR] [--shapes 50000x1000,1000000x100,1000x100000] [--record]`` makes the calls with
GT:DP:GQ (`benchmarks.reading_data`), reads each file in a fresh process, writes it out again as VCF from
another, and prints and with ``--record`` writes benchmarks/results/reading_memory.tsv: one row per shape, file
and command, with wall and CPU seconds, the peak resident memory of its largest process in MB, and whether that stays
under 1,000 MB. The widest shape is read as BCF too. The memory includes the interpreter and its libraries.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.measure import measure_apart
from benchmarks.reading_data import CallSet, make_bcf, make_vcf
from benchmarks.reading_peers import remove
from benchmarks.record import write_results

SHAPES = "50000x1000,1000000x100,1000x100000"
LIMIT_MB = 1000.0
COMMANDS = ("ingest", "export")


def measure_file(
    path: Path, calls: CallSet, scratch: Path, commands: tuple[str, ...]
) -> list[dict[str, object]]:
    """Ingest one file, then run the other commands on its store; one row each."""
    store, calls_again = scratch / "cohort.vcz", scratch / "again.vcf.gz"
    arguments = {
        "ingest": [str(path), "--out", str(store)],
        "export": [str(store), "--out", str(calls_again)],
        "quality": [str(store), "--out", str(scratch / "quality")],
    }
    rows: list[dict[str, object]] = []
    for command in commands:
        program = [str(Path(sys.executable).with_name("varimol")), command, *arguments[command], "--quiet"]
        figures = measure_apart(program, [str(store if command == "ingest" else calls_again)])
        rows.append(
            {
                "command": command,
                "file": "BCF" if path.suffix == ".bcf" else "VCF",
                "n_variants": calls.n_variants,
                "n_samples": calls.n_samples,
                "seed": calls.seed,
                "input_bytes": path.stat().st_size,
                **{name: figures[name] for name in ("output_bytes", "wall_s", "cpu_s", "peak_mb")},
                "limit_mb": LIMIT_MB,
                "passed": figures["peak_mb"] < LIMIT_MB,
            }
        )
        print(rows[-1], flush=True)
    for path_left in (store, calls_again, scratch / "quality"):
        remove(path_left)
    return rows


def measure_shapes(
    shapes: list[CallSet], data: Path, scratch: Path, commands: tuple[str, ...] = COMMANDS
) -> pd.DataFrame:
    """Measure all shapes, the one with most people from BCF too."""
    rows = []
    for calls in shapes:
        files = [make_vcf(calls, data)]
        if calls.n_samples == max(other.n_samples for other in shapes):
            files.append(make_bcf(calls, data))
        for path in files:
            rows += measure_file(path, calls, scratch, commands)
    return pd.DataFrame(rows)


def parse_shapes(text: str, seed: int = 1) -> list[CallSet]:
    """Read ``VARIANTSxSAMPLES`` separated by commas.

    Examples
    --------
    >>> [shape.n_samples for shape in parse_shapes("10x3,20x5")]
    [3, 5]
    """
    sizes = [shape.split("x") for shape in text.split(",")]
    return [CallSet(int(n_variants), int(n_samples), True, seed) for n_variants, n_samples in sizes]


def main() -> None:
    """Measure and print, and write the table where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="keep the simulated files here")
    parser.add_argument("--shapes", default=SHAPES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commands", default=",".join(COMMANDS), help="ingest first; export, quality")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/reading_memory.tsv")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.data) as scratch:
        data = options.data or Path(scratch) / "data"
        shapes = parse_shapes(options.shapes, options.seed)
        table = measure_shapes(shapes, data, Path(scratch), tuple(options.commands.split(",")))
    print(table.to_string())
    if options.record:
        print(write_results(table, "reading_memory"))


if __name__ == "__main__":
    main()
