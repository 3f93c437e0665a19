"""The measured figures of star alleles as Markdown: a page of tables, and what the README says of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

LEVELS = (0.1, 0.3, 0.5)
WEIGHTS = {
    "inferred": "populations inferred from the other genes (as shipped)",
    "equal": "all populations alike",
    "shares": "populations by their share",
}
BARS = {
    "ece_met": "calibration error under 0.02",
    "log_score_met": "log score above both baselines",
    "sure_wrong_met": "above 0.95: at most 1% wrong",
    "determined_met": "determined: 90% above 0.95",
}


def pharmacogene_figures(results: Path) -> str:
    """All figures of star alleles; what was not measured is left out.

    Parameters
    ----------
    results
        Folder of the raw TSVs.
    """
    parts = [
        _speed(results),
        _cases(results),
        _masking(results),
        _star6(results),
        _frequencies(results),
        _agreement(results),
        _masked_agreement(results),
    ]
    return "\n\n".join(part for part in parts if part)


def pharmacogene_summary(results: Path) -> str:
    """What the README says of star alleles, in a few sentences."""
    sentences = [
        _speed_sentence(_read(results, "star_speed")),
        _masking_sentence(_read(results, "star_masking")),
        _agreement_sentence(_read(results, "star_agreement"), _read(results, "star_agreement_masked")),
    ]
    told = " ".join(filter(None, sentences))
    if not told:
        return ""
    return f"Star alleles: {told} All of it: [figures of star alleles](docs/pharmacogene-figures.md)."


def _read(results: Path, name: str) -> pd.DataFrame | None:
    path = results / f"{name}.tsv"
    return pd.read_csv(path, sep="\t") if path.exists() else None


def _table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    names = list(header)
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    return "\n".join(lines + [f"| {' | '.join(map(str, row))} |" for row in rows])


def _speed_sentence(table: pd.DataFrame | None) -> str:
    if table is None:
        return ""
    whole = table[table["passed"].notna()]
    row = whole.iloc[0]
    seconds = " and ".join(f"{value:.0f}" for value in sorted(whole["wall_s"]))
    return (
        f"from {row['n_files']} VCF files of {row['n_people']:,} people to all tables and reports in {seconds} s on "
        f"{str(row['host']).split(', ')[-1]} ({whole['cpu_s'].median():.0f} CPU-s, {whole['peak_mb'].max():,.0f} MB)."
    )


def _speed(results: Path) -> str:
    table = _read(results, "star_speed")
    if table is None:
        return ""
    rows = [
        (
            row["what"],
            f"{row['wall_s']:.1f}",
            f"{row['cpu_s']:.1f}",
            f"{row['peak_mb']:,.0f}",
            f"{row['load_before']:.1f}",
        )
        for row in table.sort_values("what", kind="stable").to_dict("records")
    ]
    return (
        "## Speed\n\n"
        f"`python -m benchmarks.star_speed`: {table['n_files'].iloc[0]} VCF files of 1000 Genomes on GRCh37, "
        f"{table['n_people'].iloc[0]:,} people, {table['n_genes_seen'].iloc[0]} of {table['n_genes'].iloc[0]} genes in them, "
        f"on {table['host'].iloc[0]}; each run is a row, and the load tells what else the machine was doing:\n\n"
        + _table(["what", "wall s", "CPU s", "peak MB", "load before"], rows)
    )


def _cases(results: Path) -> str:
    table = _read(results, "star_cases")
    if table is None:
        return ""
    conditions = table[table["by"] == "condition"]
    rows = [
        (row["of"], *(f"{row[name]:,}" for name in ("cases", "called", "ambiguous", "abstain", "failures")))
        for row in conditions.to_dict("records")
    ]
    return (
        "## Cases made from the definitions\n\n"
        "`python -m benchmarks.star_cases` writes patients of known diplotypes of every gene as VCF, in "
        f"{len(conditions)} conditions, and calls them: {conditions['cases'].sum():,} cases over "
        f"{int((table['by'] == 'gene').sum())} genes, {conditions['failures'].sum()} failed. The expected answer comes from "
        "trying every pair of alleles by itself. A case fails where the diplotypes listed or their probabilities without "
        "frequencies are not the expected ones, where the one diplotype that explains the calls is not called, or where none "
        "does and one is named.\n\n"
        + _table(["condition", "cases", "called", "ambiguous", "abstained", "failed"], rows)
    )


def _masking_sentence(table: pd.DataFrame | None) -> str:
    if table is None:
        return ""
    judged = _judged(table, "inferred", "all", "all")
    told = [
        f"{part['ece_met'].sum()} of {len(part)} genes at {level:.0%}"
        for level, part in judged.groupby("masked")
    ]
    return (
        f"With sites masked, the calibration error of the probabilities stays under 0.02 in {', '.join(told)}; the log "
        f"score beats the prior and the uniform guess in {judged['log_score_met'].sum()} of {len(judged)} genes and "
        "levels (robustness to what was not measured, not accuracy)."
    )


def _judged(table: pd.DataFrame, weights: str, by: str, kind: str) -> pd.DataFrame:
    """Genes with enough calls, of one way of weighing and one class."""
    return table[
        (table["weights"] == weights) & (table["by"] == by) & (table["class"] == kind) & table["enough_calls"]
    ]


def _masking(results: Path) -> str:
    table = _read(results, "star_masking")
    if table is None:
        return ""
    people = int(table.loc[table["by"] == "all", "n_people"].max())
    return "\n\n".join([
        "## Sites masked",
        "`python -m benchmarks.star_masking`. Frequencies are counted in one half of the 2,504 people of 1000 Genomes, "
        f"balanced by population; the other half ({people:,} people) is judged. 10, 30 or 50% of a gene's sites are "
        "masked (four times), the gene is called again, and the call of all sites is taken for the truth. **This "
        "measures robustness to what was not observed, not accuracy.** Counted are genes with at least 200 calls; "
        "calibration error is that of the first diplotype's probability in bins of equal mass of 200 and more.",
        _masking_bars(table),
        "By the true class no probability can be calibrated where a site is gone that alone tells two alleles apart: the "
        "hidden carriers of a variant look like everybody else, and a call that is right with probability 0.9 is always "
        "right among those who have what it says and never among the others. By the called class and over all it can. "
        "A call of 0.96 may be wrong in 4%, so that *at most 1% wrong above 0.95* asks for more than calibration: the last column "
        "of the second table says how many the calls' own probabilities expect to be wrong.",
        _masking_genes(table),
    ])  # fmt: skip


def _masking_bars(table: pd.DataFrame) -> str:
    views = [
        ("inferred", "all", "all"), ("inferred", "called", "reference"), ("inferred", "called", "other"),
        ("inferred", "true", "reference"), ("inferred", "true", "other"),
        ("equal", "all", "all"), ("shares", "all", "all"),
    ]  # fmt: skip
    rows = []
    for weights, by, kind in views:
        judged = _judged(table, weights, by, kind)
        if judged.empty:
            continue
        classes = (
            "all calls" if by == "all" else f"{by} class {'*1/*1' if kind == 'reference' else 'not *1/*1'}"
        )
        cells = []
        for bar in BARS:
            levels = [judged.loc[judged["masked"] == level, bar] for level in LEVELS]
            cells.append(" / ".join(f"{met.sum()} of {len(met)}" for met in levels))
        rows.append((WEIGHTS[weights], classes, *cells))
    return "Genes that meet each bar at 10 / 30 / 50% masked:\n\n" + _table(
        ["prior", "of", *BARS.values()], rows
    )


def _masking_genes(table: pd.DataFrame) -> str:
    judged = _judged(table, "inferred", "all", "all")
    rows = []
    for gene, part in judged.groupby("gene", sort=True):
        known = part.set_index("masked")
        levels = [known.loc[level] for level in LEVELS if level in known.index]
        rows.append((
            gene,
            " / ".join(f"{row['ece']:.3f}" for row in levels),
            " / ".join(f"{row['log_score']:.3f}" for row in levels),
            " / ".join(f"{row['log_prior']:.3f}" for row in levels),
            " / ".join(f"{row['log_uniform']:.3f}" for row in levels),
            " / ".join(f"{row['share_sure']:.1%}" for row in levels),
            " / ".join(f"{row['sure_wrong']:.1%}" for row in levels),
            " / ".join(f"{row['sure_wrong_expected']:.1%}" for row in levels),
        ))  # fmt: skip
    return (
        "Every gene at 10 / 30 / 50% masked, with the populations inferred (scores in nats per call):\n\n"
        + _table(
            [
                "gene",
                "calibration error",
                "log score",
                "prior alone",
                "uniform",
                "calls above 0.95",
                "of these wrong",
                "by their own word",
            ],
            rows,
        )
    )


def _star6(results: Path) -> str:
    table = _read(results, "star_masking_cyp2b6")
    if table is None:
        return ""
    sums = table.groupby("masked")[
        ["carriers", "star9_among_candidates", "star6_too", "called_without_star6"]
    ].sum()
    rows = [
        (f"{level:.0%}", *(f"{count:,}" for count in row))
        for level, row in sums.iterrows()
    ]  # fmt: skip
    return (
        "CYP2B6 without rs2279343, which 1000 Genomes does not have: people with rs3745274 (\\*9 alone, \\*6 with the site "
        "that is missing). \\*6 has to stay among the candidates wherever \\*9 is one:\n\n"
        + _table(
            [
                "other sites masked",
                "carriers",
                "\\*9 among the candidates",
                "\\*6 too",
                "called without \\*6",
            ],
            rows,
        )
    )


def _frequencies(results: Path) -> str:
    table = _read(results, "star_frequencies")
    if table is None:
        return ""
    table = table[table["published"].notna()]
    rows = []
    for gene, part in table.groupby("gene", sort=True):
        same, other = part[part["same_people"]], part[~part["same_people"]]
        rows.append((
            gene,
            f"{same['agrees'].sum()} of {len(same)}" if len(same) else "-",
            f"{other['agrees'].sum()} of {len(other)}" if len(other) else "-",
            f"{part['difference'].abs().median():.4f}",
        ))  # fmt: skip
    missed = table[~table["agrees"]]
    cells = [
        (
            row["gene"], row["what"], row["population"], f"{row['frequency']:.4f} [{row['lower']:.4f}, {row['upper']:.4f}]",
            f"{row['published']:g}", row["source"],
        )
        for row in missed.to_dict("records")
    ]  # fmt: skip
    return "\n\n".join([
        "## Allele frequencies beside published ones",
        "`python -m benchmarks.star_frequencies`: frequencies by super-population of the calls of 2,504 people beside values "
        "that were published. They agree where the 95% interval of the difference holds 0 (Newcombe's interval; of values "
        "without a number of haplotypes, where ours holds the value).",
        _table(
            ["gene", "same people: agree", "other people: agree", "median absolute difference"], rows
        ),
        "Values that do not agree, all of them of other people than these:"
        if not missed["same_people"].any()
        else "Values that do not agree:",
        _table(["gene", "allele", "population", "ours [95% interval]", "published", "source"], cells),
    ])  # fmt: skip


def _agreement_sentence(table: pd.DataFrame | None, masked: pd.DataFrame | None) -> str:
    if table is None or masked is None:
        return ""
    theirs, ours = (masked[masked["program"] == name] for name in ("PyPGx", "varimol"))
    return (
        f"Phenotypes are PyPGx's in {table['phenotype_same'].sum():,} of {table['phenotype_both'].sum():,} that both give; "
        f"with 30% of a gene's sites gone from an array, {theirs['changed_called'].sum():,} of PyPGx's "
        f"{theirs['called'].sum():,} diplotypes become others without a word; varimol still calls "
        f"{ours['called'].sum():,}, of which {ours['changed_called'].sum():,} change, and leaves the rest open."
    )


def _agreement(results: Path) -> str:
    table = _read(results, "star_agreement")
    if table is None:
        return ""
    rows = [
        (
            row["gene"], row["called"], row["ambiguous"], row["abstained"], row["pypgx_abstained"],
            row["same_diplotype"], row["called_other"], f"{row['phenotype_same']} of {row['phenotype_both']}",
        )
        for row in table.to_dict("records")
    ]  # fmt: skip
    parts = [
        "## Beside PyPGx 0.27",
        f"`python -m benchmarks.star_agreement`, {table['people'].iloc[0]} people over {len(table)} genes, the same files, "
        "declared as whole genomes. *Other* counts calls of ours that PyPGx names otherwise:",
        _table(
            ["gene", "called", "ambiguous", "abstained", "PyPGx abstained", "same diplotype", "other", "phenotypes equal"],
            rows,
        ),
        _why(results),
        _seconds(results),
    ]  # fmt: skip
    return "\n\n".join(filter(None, parts))


def _why(results: Path) -> str:
    table = _read(results, "star_agreement_differences")
    if table is None:
        return ""
    counts = table.groupby("kind")["size"].sum().sort_values(ascending=False)
    told = ", ".join(f"{kind} {count}" for kind, count in counts.items())
    return (
        f"Why they differ, by kind ({told}): CYP2D6 needs copy numbers, which PyPGx takes for normal; a site that the file "
        "lacks is the reference to PyPGx and unknown here; genes that are read variant by variant are pairs of alleles to "
        "PyPGx; where a haplotype fits no allele, PyPGx leaves variants out until one fits and varimol abstains and names "
        "the nearest; a few alleles are in one program's tables only. Every difference, with its reason, is in "
        "`benchmarks/results/star_agreement_differences.tsv`."
    )


def _seconds(results: Path) -> str:
    table = _read(results, "star_agreement_seconds")
    if table is None:
        return ""
    ratio = table["cpu_ratio"]
    return (
        f"CPU time of {table['people'].iloc[0]} people, gene by gene in pairs of one run: PyPGx takes {ratio.median():.0f} times "
        f"as much (median of {len(table)} genes; from {ratio.min():.0f} to {ratio.max():.0f})."
    )


def _masked_agreement(results: Path) -> str:
    table = _read(results, "star_agreement_masked")
    if table is None:
        return ""
    rows = []
    for gene, part in table.groupby("gene", sort=True):
        known = part.set_index("program")
        ours, theirs = known.loc["varimol"], known.loc["PyPGx"]
        rows.append((
            gene, ours["sites"], f"{ours['changed_called']} of {ours['called']}", ours["ambiguous"], ours["abstained"],
            f"{theirs['changed_called']} of {theirs['called']}", theirs["abstained"],
        ))  # fmt: skip
    return (
        "With 30% of each gene's sites removed from the file, declared as an array: how many of the calls are another "
        "diplotype than the same program's call of the whole file.\n\n"
        + _table(
            ["gene", "sites left", "varimol: changed, of called", "ambiguous", "abstained",
             "PyPGx: changed, of called", "abstained"],
            rows,
        )
    )  # fmt: skip
