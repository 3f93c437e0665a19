"""Raw results of benchmarks as small TSV files, with the commit and the host they were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pandas as pd

RESULTS = Path(__file__).parent / "results"


def commit() -> str:
    """Short hash of the commit the code stands at, with a + where the tree differs from it."""
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    changed = subprocess.run(["git", "diff", "--quiet", "HEAD"], check=False).returncode != 0
    return head.stdout.strip() + ("+" if changed else "")


def host() -> str:
    """Kind of machine, for the reader to judge the figures by."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def write_results(table: pd.DataFrame, name: str) -> Path:
    """Write benchmarks/results/NAME.tsv, whole or not at all.

    Parameters
    ----------
    table
        The raw figures, one row per measurement.
    name
        File name without suffix.

    Returns
    -------
    Path
        The file.
    """
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.tsv"
    temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    table.assign(commit=commit(), host=host()).to_csv(temporary, sep="\t", index=False, float_format="%.5g")
    os.replace(temporary, path)
    return path
