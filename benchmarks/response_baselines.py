"""Plain models of response on unseen lines of GDSC2: residual correlation and NDCG@10, by arm and model.

``python benchmarks/response_baselines.py ARM... [--models NAME...] [--data FOLDER]`` writes
benchmarks/results/response_baselines.tsv: a row per arm, scale of the features and model, with intervals of lines drawn
with replacement. Rows of earlier runs are kept, so that arms can be run one after the other. ``anova`` as an
arm measures the speed of the tests of markers.

Five folds by line, the same for all models. Folds differ in their compounds' means, so the figure pooled over folds is
lower than the mean of the folds'; both are written. The features of an arm are blocks: mutation, copy number, tissue
(``type_refined`` and ``tcga_code``, one column per level) and expression; ``standardised`` features have one standard
deviation in the training lines, ``plain`` ones are as the tables have them; for kernel ridge each block is then
brought to one mean square norm. Kernel ridge ``fixed`` is the one of published comparisons, with a penalty of 0.2 that
nothing chose.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from record import RESULTS, commit, write_results

from models.marker_anova import marker_anova
from models.response_baselines import (
    AnovaRidge,
    CompoundMeans,
    ElasticNet,
    KernelRidge,
    ResponseBaseline,
    ResponseForest,
)
from models.response_metrics import bootstrap_interval, ndcg_at, residual_r
from models.response_table import ResponseTable, read_response
from models.split_groups import group_folds

Array = NDArray[np.float64]
DATA = Path(__file__).parents[2] / "shared" / "data" / "response"
ARMS = {
    "genotype": ("mutation", "copy_number"),
    "tissue": ("tissue",),
    "genotype_tissue": ("mutation", "copy_number", "tissue"),
    "genotype_tissue_expression": ("mutation", "copy_number", "tissue", "expression"),
    "expression": ("expression",),
}
TABLES = {
    "mutation": "mutation_580x706",
    "copy_number": "copy_number_580x706",
    "expression": "expression_580x706",
}
N_FOLDS = 5


@dataclass(frozen=True)
class Lines:
    """Responses and blocks of the same lines."""

    table: ResponseTable
    blocks: dict[str, Array]
    site: list[object]
    genes: list[str]


def read_lines(folder: Path) -> Lines:
    table = read_response(folder / "gdsc2_ln_ic50.tsv.gz")
    names = list(table.line_ids)
    read = {
        block: pd.read_csv(folder / f"{name}.tsv.gz", sep="\t", index_col=0).reindex(names)
        for block, name in TABLES.items()
    }
    about = pd.read_csv(folder / "cell_annotations.tsv", sep="\t").set_index("depMapID").reindex(names)
    levels = [pd.get_dummies(about[column].fillna("unknown")) for column in ("type_refined", "tcga_code")]
    blocks = {block: frame.to_numpy(float) for block, frame in read.items()}
    blocks["tissue"] = np.concatenate([level.to_numpy(float) for level in levels], axis=1)
    return Lines(table, blocks, about["Site_Primary"].tolist(), list(read["mutation"].columns))


def scaled(block: Array, train: NDArray[np.bool_], *, standardised: bool) -> Array:
    """Block by its training lines: each column of one standard deviation if asked, then rows of one mean square norm."""
    x = block - block[train].mean(axis=0)
    if standardised:
        sd = x[train].std(axis=0)
        x = x / np.where(sd > 1e-9, sd, np.inf)
    return np.asarray(x / np.sqrt((x[train] ** 2).sum(axis=1).mean()))


def features_of(lines: Lines, arm: str, train: NDArray[np.bool_], scale: str) -> Array:
    return np.concatenate(
        [
            scaled(lines.blocks[name], train, standardised=scale == "standardised" and name != "tissue")
            for name in ARMS[arm]
        ],
        axis=1,
    )


def tissue_columns(lines: Lines, arm: str) -> range:
    """Where the columns of tissue lie in an arm's features."""
    start = 0
    for name in ARMS[arm]:
        width = lines.blocks[name].shape[1]
        if name == "tissue":
            return range(start, start + width)
        start += width
    return range(0)


def raw_features(lines: Lines, arm: str) -> Array:
    return np.concatenate([lines.blocks[name] for name in ARMS[arm]], axis=1)


def contenders(lines: Lines, arm: str) -> dict[tuple[str, str], Callable[[], ResponseBaseline]]:
    """Models by name and scale of their features; those of scale ``raw`` read the tables as they are."""
    covariates = tissue_columns(lines, arm)
    return {
        ("means", "raw"): CompoundMeans,
        ("kernel_ridge_fixed", "standardised"): lambda: KernelRidge(penalties=(0.2,)),
        ("kernel_ridge", "standardised"): KernelRidge,
        ("kernel_ridge", "plain"): KernelRidge,
        ("elastic_net", "raw"): ElasticNet,
        ("anova_ridge", "raw"): lambda: AnovaRidge(covariates=covariates),
        ("random_forest", "raw"): ResponseForest,
    }


def cross_validate(
    lines: Lines, arm: str, make: Callable[[], ResponseBaseline], scale: str, seed: int
) -> dict[str, object]:
    values = lines.table.values
    fold = group_folds(np.arange(len(values)), N_FOLDS, seed)
    predicted, means = np.zeros_like(values), np.zeros_like(values)
    per_fold, chosen, start = [], [], time.process_time()
    for number in range(1, N_FOLDS + 1):
        train, test = fold != number, fold == number
        x = raw_features(lines, arm) if scale == "raw" else features_of(lines, arm, train, scale)
        model = make()
        model.fit(values[train], x[train])
        predicted[test], means[test] = model.predict(x[test]), model.parts.compound_means
        per_fold.append(residual_r(values[test], predicted[test], means[test]).mean)
        chosen.append("/".join(f"{value:g}" for value in getattr(model, "chosen", ())))
    seconds = time.process_time() - start
    r, ndcg = (bootstrap_interval(values, predicted, means, name) for name in ("residual_r", "ndcg"))
    known = ~np.isnan(values)
    return {
        "residual_r": r.value, "lower": r.lower, "upper": r.upper, "residual_r_fold_mean": float(np.mean(per_fold)),
        "ndcg10": ndcg_at(values, predicted, means).mean, "ndcg10_lower": ndcg.lower, "ndcg10_upper": ndcg.upper,
        "pearson_all_pairs": float(np.corrcoef(values[known], predicted[known])[0, 1]),
        "chosen": " ".join(chosen), "cpu_s": seconds,
    }  # fmt: skip


def anova_speed(lines: Lines) -> dict[str, object]:
    """Tests of every mutated gene with every compound, per CPU-second; the median of five runs."""
    seconds = []
    for _ in range(5):
        start = time.process_time()
        tests = marker_anova(
            lines.table.values, lines.blocks["mutation"], lines.site, marker_ids=lines.genes,
            compound_ids=lines.table.compound_ids,
        )  # fmt: skip
        seconds.append(time.process_time() - start)
    return {
        "n_tests": len(tests),
        "cpu_s": float(np.median(seconds)),
        "tests_per_cpu_s": len(tests) / np.median(seconds),
    }


def record(rows: list[dict[str, object]]) -> Path:
    """Write the rows in place of earlier ones of the same arm, model, scale and seed."""
    keys = ["arm", "model", "features", "seed"]
    path = RESULTS / "response_baselines.tsv"
    new = pd.DataFrame(rows).assign(measured_at=commit())
    if path.exists():
        old = pd.read_csv(path, sep="\t")
        old = old.assign(measured_at=old.get("measured_at", old["commit"])).drop(columns=["commit", "host"])
        new = pd.concat([old, new], ignore_index=True).drop_duplicates(keys, keep="last")
    return write_results(new.sort_values(keys), "response_baselines")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("arms", nargs="+", choices=[*ARMS, "anova"])
    parser.add_argument("--models", nargs="*", help="names of models; all without")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seed", type=int, default=0, help="of the folds")
    given = parser.parse_args()
    lines = read_lines(given.data)
    for arm in given.arms:
        if arm == "anova":
            key = {"arm": arm, "model": "marker_anova", "features": "mutation", "seed": given.seed}
            record([key | anova_speed(lines)])
            continue
        for (name, scale), make in contenders(lines, arm).items():
            if given.models and name not in given.models:
                continue
            figures = cross_validate(lines, arm, make, scale, given.seed)
            record([{"arm": arm, "model": name, "features": scale, "seed": given.seed} | figures])
            print(
                arm,
                name,
                scale,
                {k: v if isinstance(v, str) else round(float(str(v)), 4) for k, v in figures.items()},
            )


if __name__ == "__main__":
    main()
