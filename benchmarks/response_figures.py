"""What docs/response-figures.md says was measured, made from the raw results of the benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

MODEL, TAUGHT, BY_FOLDS, BY_JUDGED = (
    "response_model",
    "response_model_taught",
    "mix_by_folds",
    "mix_by_judged",
)
PARTS = ("network_alone", "kernel_alone", "markers_alone")
BASELINES = ("means", "kernel_ridge", "elastic_net", "anova_ridge", "random_forest")
OF_COMPOUNDS = ("means", "nearest_compound")
ARMS = {
    "genotype": "genotype (mutation and copy number)",
    "genotype_tissue": "genotype and tissue",
    "genotype_tissue_expression": "genotype, tissue and expression (which is no genotype)",
}
SETTINGS = {
    "line": "lines",
    "tissue": "tissues",
    "compound": "compounds, in lines trained on",
    "both": "both lines and compounds",
}
SEEDS = (0, 1, 2)
WORDS = {
    MODEL: "**response model**", TAUGHT: "**response model, taught by expression**", "network_alone": "its networks alone",
    "kernel_alone": "its kernel regression alone", "markers_alone": "its marker ridge alone", "means": "means",
    "kernel_ridge": "kernel ridge", "elastic_net": "elastic net", "anova_ridge": "ANOVA ridge",
    "random_forest": "random forest", "nearest_compound": "nearest compound", BY_FOLDS: "weights found on the other folds",
    BY_JUDGED: "weights found on what is judged", "marker_anova": "analysis of variance",
}  # fmt: skip


def response_figures(results: Path) -> str:
    """Measured figures of response as Markdown; what was not measured is left out, and said at the end.

    Parameters
    ----------
    results
        Folder of the raw TSVs.
    """
    sweep, less = _read(results / "response_sweep.tsv"), _read(results / "response_differences.tsv")
    parts = [] if sweep is None or less is None else [
        _lines(sweep, less), _elsewhere(sweep, less), _taught(sweep, less), _weights(sweep, less),
    ]  # fmt: skip
    parts += [
        _diffusion(_read(results / "response_diffusion.tsv")),
        _kill(_read(results / "response_kill.tsv")),
        _biomarkers(_read(results / "response_biomarkers.tsv")),
    ]
    parts += [] if sweep is None else [_left(sweep)]
    return "\n\n".join(part for part in parts if part)


def verdict(
    less: pd.DataFrame, arm: str, metric: str, others: tuple[str, ...] = BASELINES, setting: str = "line"
) -> str:
    """In plain words: which models the response model is ahead of, and which not, with the first seed.

    Parameters
    ----------
    less
        response_differences.tsv.
    arm
        Whose differences.
    metric
        residual_r or ndcg.
    others
        The models that it is compared with.
    setting
        What was held out.
    """
    some = _of(less, arm, setting, SEEDS[0])
    some = some[(some["model"] == MODEL) & (some["metric"] == metric) & some["other"].isin(others)]
    ahead, behind = some[some["lower"] > 0], some[some["upper"] < 0]
    open_ = some[(some["lower"] <= 0) & (some["upper"] >= 0)]
    name = {"residual_r": "Residual r", "ndcg": "NDCG@10"}[metric]
    told = []
    if len(ahead):
        least = ahead.loc[ahead["difference"].idxmin()]
        all_of = "every plain model" if set(ahead["other"]) == set(BASELINES) else _names(ahead["other"])
        told.append(
            f"is above that of {all_of}, least so of {_plain(least['other'])}: {_interval(least, 'difference', sign='+')}"
        )
    if len(open_):
        told.append(f"is not shown to differ from that of {_names(open_['other'])}")
    if len(behind):
        told.append(f"is **below** that of {_names(behind['other'])}")
    return f"{name} {'; it '.join(told)}." if told else ""


def _lines(sweep: pd.DataFrame, less: pd.DataFrame) -> str:
    lead = (
        "Five folds of lines, the same for all models (`python -m benchmarks.response_sweep`, then `python -m "
        "benchmarks.response_summary`); GDSC2, ln IC50 in ln umol/l, 450 lines and 133 compounds. Residual r is the correlation over lines of "
        "what is neither the compound's nor the line's mean, averaged over compounds; NDCG@10 ranks a line's compounds by how "
        "far below their mean they are. Both are pooled over folds, with 95% intervals of lines drawn with replacement. "
        "The model alone weighs genes by how many drugs they are known with "
        "(DGIdb, 2014), which no plain model is told. The correlation of all pairs is nearly all that of the "
        f"means. Commit {', '.join(sweep['commit'].unique())}."
    )
    parts = ["### Unseen lines", lead]
    for arm, words in ARMS.items():
        some = _of(sweep, arm, "line", SEEDS[0])
        if not some.empty:
            models = (MODEL, *PARTS, *BASELINES)
            told = [verdict(less, arm, metric) for metric in ("residual_r", "ndcg")]
            told += [verdict(less, arm, "residual_r", PARTS)]
            said = " ".join(filter(None, told))
            parts += [
                f"#### {words[0].upper()}{words[1:]}",
                said,
                _table(some, _of(less, arm, "line", SEEDS[0]), models),
            ]
            parts += [_seeds(less, arm)]
    return "\n\n".join(filter(None, parts))


def _seeds(less: pd.DataFrame, arm: str) -> str:
    """Differences of residual r with other seeds of the folds and of the networks."""
    some = less[(less["arm"] == arm) & (less["setting"] == "line") & (less["metric"] == "residual_r")]
    some = some[(some["model"] == MODEL) & some["other"].isin(BASELINES[1:]) & (some["seed"] != SEEDS[0])]
    if some.empty:
        return ""
    told = [
        f"{_plain(other)} {', '.join(_interval(row, 'difference', sign='+') for row in rows.to_dict('records'))}"
        for other, rows in some.groupby("other", sort=False)
    ]
    seeds = ", ".join(str(seed) for seed in sorted(some["seed"].unique()))
    return f"Other folds (seed {seeds}), residual r of the model less that of: {'; '.join(told)}."


def _elsewhere(sweep: pd.DataFrame, less: pd.DataFrame) -> str:
    parts = []
    for setting in ("tissue", "compound", "both"):
        for arm, words in ARMS.items():
            some = _of(sweep, arm, setting, SEEDS[0])
            if not some.empty:
                others = BASELINES if setting == "tissue" else OF_COMPOUNDS
                told = [verdict(less, arm, metric, others, setting) for metric in ("residual_r", "ndcg")]
                parts += [
                    " ".join(filter(None, (f"Unseen {SETTINGS[setting]}; {words}.", *told))),
                    _table(some, _of(less, arm, setting, SEEDS[0]), (MODEL, *others)),
                ]
    if not parts:
        return ""
    lead = (
        "Whole primary sites held out (a fifth of them at a time); compounds held out by scaffold, in lines trained on; and both "
        "held out at once. Of an unseen compound the interaction is judged by residual r and NDCG@10, its predicted mean being "
        "taken away; `r of means` is the correlation of predicted with measured means over compounds."
    )
    return "\n\n".join(["### Unseen tissues and compounds", lead, *parts])


def _taught(sweep: pd.DataFrame, less: pd.DataFrame) -> str:
    rows = []
    for arm in ("genotype", "genotype_tissue"):
        some = _of(sweep, arm, "line", SEEDS[0]).set_index("model")
        if TAUGHT in some.index:
            against = _of(less, arm, "line", SEEDS[0]).set_index(["model", "metric", "other"])
            r, ndcg = (
                _interval(against.loc[(TAUGHT, metric, MODEL)], "difference", sign="+")
                for metric in ("residual_r", "ndcg")
            )
            rows.append([ARMS[arm], _figure(some.loc[TAUGHT]), r, _ndcg(some.loc[TAUGHT]), ndcg])
    if not rows:
        return ""
    lead = (
        "Expression of the training lines may teach; a predicted line needs none. The plain models beside have no teacher, so "
        "these figures stand apart."
    )
    header = ["profile", "residual r, taught", "gain", "NDCG@10, taught", "gain"]
    return "\n\n".join(["### Taught by expression", lead, _markdown(header, rows)])


def _weights(sweep: pd.DataFrame, less: pd.DataFrame) -> str:
    rows = []
    for arm, words in ARMS.items():
        some = _of(sweep, arm, "line", SEEDS[0]).set_index("model")
        for other in (BY_FOLDS, BY_JUDGED):
            if other in some.index and MODEL in some.index:
                against = _of(less, arm, "line", SEEDS[0]).set_index(["model", "metric", "other"])
                rows.append([words, WORDS[other], _figure(some.loc[other]),
                             _interval(against.loc[(MODEL, "residual_r", other)], "difference", digits=4, sign="+")])  # fmt: skip
    if not rows:
        return ""
    lead = (
        "The weights of networks, kernel and markers were set by hand with the figures of these lines in view. Weights found on the "
        "other folds tell what that was worth; those found on the very pairs that are judged tell the most it could have been. "
        "What features there are, and the few numbers in `ResponseSettings`, were chosen on these lines too, and nothing here "
        "corrects for that."
    )
    return "\n\n".join(
        [
            "### What was chosen, and on what",
            lead,
            _markdown(["profile", "weights", "residual r", "model less this"], rows),
        ]
    )


def _diffusion(table: pd.DataFrame | None) -> str:
    if table is None:
        return ""
    rows = []
    for row in table.to_dict("records"):
        r, ndcg = (
            _interval(row, f"gain_{metric}", f"gain_{metric}_", sign="+") if row["share"] else ""
            for metric in ("residual_r", "ndcg")
        )
        rows.append(
            [f"{row['share']:g}", _interval(row, "residual_r"), r, _interval(row, "ndcg10", "ndcg10_"), ndcg]
        )
    lead = (
        "Mutations spread over the genes of the same pathways before anything is fitted (random walk with restart over "
        "`varimol.pathways`), genotypes alone, the same folds of lines (`python -m benchmarks.response_diffusion`). The gain is "
        "over profiles as they are."
    )
    header = ["share that goes on", "residual r", "gain", "NDCG@10", "gain"]
    return "\n\n".join(["### Diffusion over pathways", lead, _markdown(header, rows)])


def _kill(table: pd.DataFrame | None) -> str:
    if table is None:
        return ""
    rows = []
    words = {
        "halves": "nothing",
        "genotypes": "profiles between lines",
        "labels": "values of each compound between lines",
    }
    for kind, name in words.items():
        for model in (MODEL, BY_FOLDS):
            some = table[(table["shuffled"] == kind) & (table["model"] == model)]
            if not some.empty:
                holds, value = ((some["lower"] <= 0) & (some["upper"] >= 0)).sum(), some["residual_r"]
                weights = "of the model" if model == MODEL else "found on the other half"
                told = f"{value.min():.3f} to {value.max():.3f}"
                rows.append(
                    [name, weights, str(len(some)), f"{value.mean():.3f}", told, f"{holds} of {len(some)}"]
                )
    lead = (
        "Two halves of the lines predict each other with genotypes alone, the whole model; then the same with everything in its "
        "place but one thing shuffled. Weights that are found on the other half lift the shuffled figures a little above 0: a half's "
        "weights come from how it teaches the other, which is nearly how the other teaches it. That is why the model's are fixed."
    )
    header = ["shuffled", "weights of parts", "times", "residual r, mean", "range", "95% interval holds 0"]
    return "\n\n".join(["### Kill tests", lead, _markdown(header, rows)])


def _biomarkers(table: pd.DataFrame | None) -> str:
    if table is None:
        return ""
    rows = [
        [
            str(row["pairs"]), f"{row['n_known']} ({row['n_genes']}, {row['n_compounds']})", WORDS.get(row["ranking"], row["ranking"]),
            _interval(row, "auroc"), "" if row["ranking"] == MODEL else _interval(row, "ahead", "ahead_", sign="+"),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    lead = (
        "Predictive evidence of CIViC (August 2021) on somatic mutations, amplifications and losses, for single compounds that are "
        "in GDSC2: how often a known pair of marker and compound scores above a pair of the same markers and compounds dealt "
        "anew, with as many pairs for each (`python -m benchmarks.response_biomarkers`). Genes and tissue; genes drawn with "
        "replacement for the 95% intervals. Both see all lines, so this is about what they name, not what they predict. A profile knows a gene as mutated or not: "
        "a resistance mutation of a gene whose other mutations make sensitive is lost in it."
    )
    header = ["pairs", "known (genes, compounds)", "ranking", "AUROC", "model less this"]
    return "\n\n".join(["### Known biomarkers", lead, _markdown(header, rows), biomarker_verdict(table)])


def biomarker_verdict(table: pd.DataFrame) -> str:
    """Whether the model names known biomarkers better than chance, and than the analysis of variance."""
    told = []
    for pairs, rows in table.groupby("pairs", sort=False):
        by = rows.set_index("ranking")
        own, other = by.loc[MODEL], by.loc["marker_anova"]
        chance = "above chance" if own["lower"] > 0.5 else "not shown to be above chance"
        ahead = (
            "ahead of"
            if other["ahead_lower"] > 0
            else "behind"
            if other["ahead_upper"] < 0
            else "not shown to differ from"
        )
        told.append(f"{pairs}: {chance}, {ahead} the analysis of variance")
    return f"In words, the model on {'; '.join(told)}."


def left_to_run(sweep: pd.DataFrame) -> Iterator[str]:
    """What of the plan has no figure yet."""
    done = set(sweep[["arm", "setting", "seed", "model"]].itertuples(index=False, name=None))
    for seed in SEEDS:
        for arm in ARMS:
            plans = {"line": (MODEL, *BASELINES)}
            if seed == SEEDS[0] and arm != "genotype_tissue_expression":
                plans["line"] += (TAUGHT,)
            if seed == SEEDS[0]:
                plans |= {"tissue": (MODEL, *BASELINES), "compound": (MODEL,), "both": (MODEL,)}
            for setting, models in plans.items():
                missing = [_plain(model) for model in models if (arm, setting, seed, model) not in done]
                if missing:
                    yield f"{SETTINGS[setting]}, {ARMS[arm]}, seed {seed}: {', '.join(missing)}"


def _left(sweep: pd.DataFrame) -> str:
    left = list(left_to_run(sweep))
    return "\n".join(["### Not run yet", "", *(f"- {line}" for line in left)]) if left else ""


def _table(some: pd.DataFrame, less: pd.DataFrame, models: tuple[str, ...]) -> str:
    by = some.set_index("model")
    against = less[(less["model"] == MODEL) & (less["metric"] == "residual_r")].set_index("other")
    unseen = set(some["setting"]) <= {"compound", "both"}
    header = [
        "model",
        "residual r",
        "NDCG@10",
        "RMSE",
        "r of all pairs",
        *(["r of means"] if unseen else []),
        "model less this, residual r",
    ]
    rows = []
    for model in [name for name in models if name in by.index]:
        row = by.loc[model]
        gap = _interval(against.loc[model], "difference", sign="+") if model in against.index else ""
        mean = [f"{row['r_compound_mean']:.2f}" if pd.notna(row["r_compound_mean"]) else ""] if unseen else []
        rows.append(
            [
                WORDS[model],
                _figure(row),
                _ndcg(row),
                f"{row['rmse']:.3f}",
                f"{row['pearson_all_pairs']:.3f}",
                *mean,
                gap,
            ]
        )
    return _markdown(header, rows)


def _figure(row: pd.Series) -> str:
    return _interval(row, "residual_r")


def _ndcg(row: pd.Series) -> str:
    return _interval(row, "ndcg10", "ndcg10_")


def _interval(
    row: pd.Series | dict[str, float], value: str, prefix: str = "", digits: int = 3, sign: str = ""
) -> str:
    told, lower, upper = (
        f"{row[name]:{sign}.{digits}f}" for name in (value, f"{prefix}lower", f"{prefix}upper")
    )
    return f"{told} [{lower}, {upper}]"


def _of(table: pd.DataFrame, arm: str, setting: str, seed: int) -> pd.DataFrame:
    return table[(table["arm"] == arm) & (table["setting"] == setting) & (table["seed"] == seed)]


def _names(models: pd.Series) -> str:
    return ", ".join(map(_plain, models))


def _plain(model: str) -> str:
    return WORDS.get(model, model).replace("**", "")


def _read(path: Path) -> pd.DataFrame | None:
    return pd.read_csv(path, sep="\t") if path.exists() else None


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
