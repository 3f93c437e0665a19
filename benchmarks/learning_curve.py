"""How the error falls with the number of training pairs, and what that says of a model fitted to all folds.

``python -m benchmarks.learning_curve SOURCE`` reads SOURCE/affinity/davis and SOURCE/affinity/kiba (their five training folds),
fits the kernel regression to two, three and four folds and predicts another. Cross-validation trains on four; what ships
is fitted to five and its official test was never looked at. The slope of log error over log pairs carries the blend's
cross-validated figure from four folds to five: a forecast of that test, written down before anybody ran it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.record import RESULTS, write_results
from models.contenders import fit_and_predict
from models.metrics import mean_interval, mean_squared_error
from models.pair_model import PairFeatures
from models.pairs import PairData, read_pairs

LABELS = {"davis": "pkd", "kiba": "kiba_score"}
N_TRAINED = (2, 3, 4)


def curve(pairs: PairData, table: str) -> pd.DataFrame:
    """Error of the kernel regression on each fold, trained on the k folds that follow it.

    Parameters
    ----------
    pairs
        With folds 1 to 5.
    table
        Name of the table.

    Returns
    -------
    pd.DataFrame
        table, endpoint, fold, n_folds, n_pairs, mse.
    """
    features = PairFeatures(pairs.smiles, pairs.targets)
    rows = []
    for fold in range(1, 6):
        test = pairs.select(pairs.fold == fold)
        for k in N_TRAINED:
            used = [(fold + step - 1) % 5 + 1 for step in range(1, k + 1)]
            training = pairs.select(np.isin(pairs.fold, used))
            prediction, _ = fit_and_predict("kernel_ridge", training, test, features=features)
            mse = mean_squared_error(test.label, prediction)
            rows.append((table, pairs.name, fold, k, len(training), mse))
            print(*rows[-1], flush=True)
    return pd.DataFrame(rows, columns=["table", "endpoint", "fold", "n_folds", "n_pairs", "mse"])


def slope(table: pd.DataFrame) -> tuple[float, float, float]:
    """Exponent of the error in the number of pairs: mean over folds, and its 95% t interval.

    Parameters
    ----------
    table
        Of `curve`, one endpoint.

    Examples
    --------
    >>> n = np.array([200.0, 300.0, 400.0] * 2)
    >>> halves = pd.DataFrame({"fold": [1, 1, 1, 2, 2, 2], "n_pairs": n, "mse": n**-0.5})
    >>> [round(value, 6) for value in slope(halves)]
    [-0.5, -0.5, -0.5]
    """
    slopes = [
        np.polyfit(np.log(part["n_pairs"]), np.log(part["mse"]), 1)[0] for _, part in table.groupby("fold")
    ]
    return mean_interval(slopes)


def forecast(
    table: pd.DataFrame, judged: tuple[float, float, float], n_folds: int = 5
) -> tuple[float, float, float]:
    """Carry an error judged by cross-validation on to training with all folds.

    Parameters
    ----------
    table
        Of `curve`, one endpoint.
    judged
        Mean error over folds with the bounds of its interval.
    n_folds
        Folds of the cross-validation, which trains on all but one.

    Returns
    -------
    tuple
        The error expected, and bounds: the lower bound of the one with the steeper slope, the upper with the
        flatter one.
    """
    more = n_folds / (n_folds - 1)
    middle, steep, flat = slope(table)
    return judged[0] * more**middle, judged[1] * more**steep, judged[2] * more**flat


def main(source: str) -> None:
    """Measure both tables and record them."""
    tables = []
    for name, label in LABELS.items():
        folder = Path(source) / "affinity" / name
        pairs = read_pairs(
            folder / "train.tsv.gz", folder / "drugs.tsv", folder / "targets.tsv", label=label, folds="fold",
            read_as="true",
        )  # fmt: skip
        tables.append(curve(pairs, name))
        print(name, "exponent", *(f"{value:.3f}" for value in slope(tables[-1])), flush=True)
    write_results(pd.concat(tables, ignore_index=True), "learning_curve")


def forecasts(card: dict[str, object], results: Path = RESULTS) -> str:
    """Markdown of what the official test folds should give, or nothing where the curve was not measured."""
    path = results / "learning_curve.tsv"
    if not path.exists():
        return ""
    table = pd.read_csv(path, sep="\t")
    lines = [
        "| endpoint | cross-validated mse (four folds) | exponent | expected of five folds |",
        "| --- | --- | --- | --- |",
    ]
    for row in card.get("figures", []):  # type: ignore[attr-defined]
        part = table[table["endpoint"] == row["endpoint"]]
        if (row["setting"], row["model"], row["metric"]) != ("random", "blend", "mse") or part.empty:
            continue
        judged = (row["mean"], row["lower"], row["upper"])
        told = [f"{a:.3f} [{b:.3f}, {c:.3f}]" for a, b, c in (judged, slope(part), forecast(part, judged))]
        lines.append(f"| {row['endpoint']} | {' | '.join(told)} |")
    lead = (
        "Cross-validation trains on four folds, the shipped model on five. The kernel regression was fitted to two, "
        "three and four folds (`python -m benchmarks.learning_curve`); the exponent of its error in the number of "
        "pairs carries the blend's figure on. This was written before any test fold was seen."
    )
    return f"{lead}\n\n" + "\n".join(lines)


if __name__ == "__main__":
    main(*sys.argv[1:])
