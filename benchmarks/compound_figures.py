"""What the README says of compounds, made from the raw results of the benchmarks."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def compound_figures(results: Path) -> str:
    """Measured figures as Markdown; what was not measured is left out.

    Parameters
    ----------
    results
        Folder of the raw TSVs.
    """
    parts = [
        _graphs(results / "graphs.tsv"),
        _library(results / "library.tsv"),
        _similarity(results / "similarity.tsv"),
        _batches(results / "graph_batches.tsv"),
    ]
    return "\n\n".join(part for part in parts if part)


def _read(path: Path) -> pd.DataFrame | None:
    return pd.read_csv(path, sep="\t") if path.exists() else None


def _graphs(path: Path) -> str:
    table = _read(path)
    if table is None:
        return ""
    timed = table[table["over_pyg"].notna()]
    lead = (
        "SMILES of real molecules to stored graphs (`python -m benchmarks.graphs`; medians of "
        f"{int(timed['rounds'].iloc[0])} rounds in turn, one core; rates over that of the program named):"
    )
    rows = [
        "| molecules per CPU second | rate | over MolFromSmiles | over PyG from_smiles | over chemprop |",
        "|---|---|---|---|---|",
    ]
    for row in timed.to_dict("records"):
        cells = [f"{row[name]:.2f}" for name in ("over_parsing", "over_pyg", "over_chemprop")]
        rows.append(f"| {row['program']} | {row['rate']:,.0f} | " + " | ".join(cells) + " |")
    return lead + "\n\n" + "\n".join(rows) + "\n\n" + _rewriting(table)


def _rewriting(table: pd.DataFrame) -> str:
    ours = table[table["program"] == "varimol, rewritten"].iloc[0]
    theirs = table[table["program"] == "PyG from_smiles, rewritten"].iloc[0]
    two = table[table["program"] == "two processes"]["over_one"].iloc[0]
    return (
        f"Of {int(ours['molecules']):,} rewritten SMILES of chiral and E/Z molecules, {int(ours['changed'])} changed their "
        f"graph; PyG's features changed for {int(theirs['changed']):,}. ({int(ours['other_molecule'])} more rewrites were left "
        f"out, since RDKit itself reads them as another molecule.) Two processes do {two:.2f} times the work of one."
    )


def _library(path: Path) -> str:
    table = _read(path)
    if table is None:
        return ""
    rows = [
        "| records of MOSES to a library | records/s | peak MB: parent | largest worker | after kill -9 |",
        "|---|---|---|---|---|",
    ]
    for row in table.to_dict("records"):
        again = "the same bytes" if row["identical"] else "other bytes"
        rows.append(
            f"| {int(row['n_records']):,} | {row['records_per_s']:,.0f} | {row['parent_peak_mb']:.0f} | "
            f"{row['worker_peak_mb']:.0f} | {again if row['killed'] else 'not tried'} |"
        )
    lead = (
        "Standardised, with graphs and fingerprints, in "
        f"{int(table['threads'].iloc[0])} worker processes (`python -m benchmarks.library`):"
    )
    return lead + "\n\n" + "\n".join(rows)


def _similarity(path: Path) -> str:
    table = _read(path)
    if table is None:
        return ""
    top = table[table["case"].str.startswith("top ")].set_index("program")
    others = ", ".join(
        f"{name} {row['median_s'] * 1000:.0f} ms ({row['ratio']:.1f} times)"
        for name, row in top.iterrows()
        if name != "varimol"
    )
    ours = top.loc["varimol"]
    return (
        f"The {top['case'].iloc[0].removeprefix('top ')} most similar of {int(ours['n_molecules']):,} molecules "
        f"(`python -m benchmarks.similarity`): {ours['median_s'] * 1000:.1f} ms per query; {others}."
    )


def _batches(path: Path) -> str:
    table = _read(path)
    if table is None:
        return ""
    found = table.set_index(["figure", "of"])["value"]
    trip = found["round trip"].astype(int)
    return (
        f"Graphs on disk take {found['bytes over pickled', 'PyG from_smiles']:.3f} of the pickled list of PyG's; reloaded, "
        f"shuffled batches of 64 and 256 come {found['batches per second', 'PyG DataLoader, 64']:.1f} and "
        f"{found['batches per second', 'PyG DataLoader, 256']:.1f} times as fast as from its DataLoader. Of "
        f"{trip['molecules']:,} molecules ({trip['with marks of stereochemistry']:,} with stereochemistry) {trip['changed']} "
        f"come back changed from their graph, {trip['left open']} are left open (`python -m benchmarks.graph_batches`)."
    )
