"""What the README says of reading variant calls, made from the raw results of the benchmarks."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

_PROGRAMS = (
    "varimol",
    "varimol, BCF",
    "varimol ingest",
    "bgzip -dc",
    "plink2 --make-pgen",
    "cyvcf2",
    "cyvcf2, BCF",
    "scikit-allel",
    "bcftools view -Ob",
    "vcf2zarr",
)


def reading_figures(results: Path) -> str:
    """Measured figures as Markdown; what was not measured is left out.

    Parameters
    ----------
    results
        Folder of the raw TSVs.
    """
    parts = [
        _times(results / "reading.tsv"),
        _memory(results / "reading_memory.tsv"),
        _quality(results / "quality_speed.tsv"),
        _corpus(results / "corpus.tsv"),
    ]
    return "\n\n".join(part for part in parts if part)


def _read(path: Path) -> pd.DataFrame | None:
    return pd.read_csv(path, sep="\t") if path.exists() else None


def _times(path: Path) -> str:
    table = _read(path)
    if table is None:
        return ""
    kinds = {
        ("a", "GT:DP:GQ"): "GT from GT:DP:GQ",
        ("a", "GT"): "GT from GT",
        ("b", "GT:DP:GQ"): "GT, DP, GQ",
    }
    header = ["wall s (times varimol's)", *kinds.values()]
    rows = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for program in _PROGRAMS:
        cells = []
        for case, file in kinds:
            found = table[(table["case"] == case) & (table["file"] == file) & (table["program"] == program)]
            cells.append(
                "" if found.empty else f"{found['wall_s'].iloc[0]:.2f} ({found['ratio'].iloc[0]:.2f})"
            )
        if any(cells):
            rows.append("| " + " | ".join([program, *cells]) + " |")
    timed = table[table["case"].isin(["a", "b"])]
    compared = timed["outputs_equal"].dropna()
    back = table[table["case"] == "read back"]["gb_per_s"].dropna()
    rounds = int(timed["rounds"].min())
    lead = (
        f"Reading 50,000 simulated variants of 1,000 people (`python -m benchmarks.reading`; medians of {rounds} rounds in "
        f"turn, 2 threads, {table['host'].iloc[0]}, disk flushed inside the time). varimol is timed warm, in its process, from "
        "the file to the finished store; `varimol ingest` is the whole command. bgzip only decompresses, cyvcf2 and "
        f"scikit-allel only fill arrays. {int(compared.sum())} of {len(compared)} outputs were compared with varimol's cell by cell and are equal."
    )
    end = f"Genotypes are read back at {back.iloc[0]:.1f} GB/s of int8 on one core." if len(back) else ""
    return lead + "\n\n" + "\n".join(rows) + "\n\n" + end


def _memory(path: Path) -> str:
    table = _read(path)
    if table is None:
        return ""
    shapes = [
        f"{row['peak_mb']:,.0f} MB for {row['n_variants']:,} x {row['n_samples']:,} ({row['file']})"
        for row in table[table["command"] == "ingest"].to_dict("records")
    ]
    return "Peak memory of `varimol ingest` (`python -m benchmarks.memory`): " + ", ".join(shapes) + "."


def _quality(path: Path) -> str:
    table = _read(path)
    if table is None:
        return ""
    wall = table.set_index("program")["wall_s"]
    ours = next(name for name in wall.index if name.startswith("varimol") and "2 threads" in name)
    theirs = "plink2, in process" if "plink2, in process" in wall.index else "plink2"
    ratio = table.set_index("program")["ratio"][ours]
    different = int(table["cells_different"].max())
    return (
        "Frequencies, Hardy-Weinberg and missing rates of the same calls (`python -m benchmarks.quality_speed`): "
        f"{1000 * wall[ours]:.0f} ms with 2 threads, {ratio:.1f} times PLINK 2's own {1000 * wall[theirs]:.0f} ms; "
        f"{different} of {int(table['cells_compared'].max()):,} cells differ."
    )


def _corpus(path: Path) -> str:
    table = _read(path)
    if table is None:
        return ""
    counts = table["verdict"].value_counts()
    other = counts.drop(["equal", "both fail"], errors="ignore")
    rest = "; ".join(f"{name}: {count}" for name, count in other.items())
    return (
        f"Of {len(table)} VCF and BCF files of other programs' test suites (`python -m benchmarks.corpus`), {counts.get('equal', 0)} "
        f"come back equal to bcftools and {counts.get('both fail', 0)} are refused by both"
        + (f" ({rest}; each is explained in benchmarks/results/corpus.tsv)." if rest else ".")
    )
