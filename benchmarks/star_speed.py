"""From VCF to phenotypes and recommendations for 2,504 people: wall and CPU seconds, and peak memory.

``python -m benchmarks.star_speed VCFS [--repeats 3] [--record]`` runs ``varimol stars`` as a user would, in a process of its
own: on the folder of VCF files (24 genes of 1000 Genomes), and on the store that ``varimol ingest`` makes of them first, each
command measured with everything it writes on the disk. The bar is 60 s on two cores for the whole. The machine may be
busy with other things: ``load_before`` is its load average when a command starts, and where that is above 0 the CPU
seconds, which no other work adds to, bound the wall seconds of an idle machine from above.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.measure import measure_apart
from benchmarks.reading_peers import remove
from benchmarks.record import write_results

LIMIT_S = 60.0


def measure_stars(vcfs: Path, scratch: Path, repeat: int) -> list[dict[str, object]]:
    """Run the whole from VCF, and its two halves; one row each."""
    store, result = scratch / "cohort.vcz", scratch / "stars"
    commands = {
        "stars from VCF": (["stars", str(vcfs), "--assay", "wgs", "--out", str(result)], result),
        "ingest": (["ingest", str(vcfs), "--out", str(store)], store),
        "stars from store": (["stars", str(store), "--assay", "wgs", "--out", str(result)], result),
    }
    program = str(Path(sys.executable).with_name("varimol"))
    rows: list[dict[str, object]] = []
    for name, (arguments, output) in commands.items():
        load = os.getloadavg()[0]
        figures = measure_apart([program, *arguments, "--quiet"], [str(output)])
        rows.append({
            "what": name, "repeat": repeat, "load_before": load,
            **{key: figures[key] for key in ("wall_s", "cpu_s", "peak_mb", "output_bytes")},
        })  # fmt: skip
        print(rows[-1], flush=True)
        remove(result)
    remove(store)
    return rows


def describe_result(vcfs: Path, scratch: Path) -> dict[str, object]:
    """How much was called: people, genes, and rows of each table."""
    import varimol

    diplotypes, recommendations = varimol.stars(vcfs, scratch / "described", assay="wgs")
    seen = diplotypes[(diplotypes["rank"] == 1) & (diplotypes["status"] != "abstain")]
    return {
        "n_files": len(list(vcfs.glob("*.vcf.gz"))), "n_people": diplotypes["sample_id"].nunique(),
        "n_genes": diplotypes["gene"].nunique(), "n_genes_seen": seen["gene"].nunique(),
        "n_diplotypes": len(diplotypes), "n_recommendations": len(recommendations),
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print, and write the table where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("vcfs", type=Path, help="folder of VCF files")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--scratch", type=Path, help="write here; a fast disk")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/star_speed.tsv")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        rows = [row for i in range(options.repeats) for row in measure_stars(options.vcfs, Path(scratch), i)]
        table = pd.DataFrame(rows).assign(**describe_result(options.vcfs, Path(scratch)))
    whole = table["what"] == "stars from VCF"
    table["limit_s"] = np.where(whole, LIMIT_S, np.nan)
    table["passed"] = np.where(whole, table["wall_s"] < LIMIT_S, None)
    print(table.to_string())
    if options.record:
        print(write_results(table, "star_speed"))


if __name__ == "__main__":
    main()
