"""A convex blend of models, weighted by predictions of rows that the models had not seen.

`Blend` is a model of its own: it splits its training pairs once more, weights its members by what they say of
the inner held-out rows, and refits them. `blend_folds` weights the out-of-fold predictions of any models that are
already at hand, networks among them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.errors import InputError
from models.linear import RidgeRegression
from models.neighbours import NearestNeighbour
from models.pair_model import PairFeatures, PairModel, Task, training_labels
from models.pairs import PairData
from models.splits import Round, random_folds, split_rounds
from models.trees import GradientBoosting, RandomForest

BLEND = "blend"
TREE_MODELS = frozenset(model.name for model in (RandomForest, GradientBoosting))
"""Names of the models of which `BlendReport.tree_wins` speaks."""
MEMBERS: tuple[type[PairModel], ...] = (NearestNeighbour, RidgeRegression, RandomForest, GradientBoosting)
Rounds = Callable[[PairData], Iterable[Round]]


@dataclass(frozen=True)
class BlendReport:
    """How a blend came out.

    Attributes
    ----------
    weights
        Share of each model, from 0, with sum 1.
    errors
        Mean squared error of each model on the rows that the weights were found on; of probabilities, the Brier
        score.
    blend_error
        The same of the blend; in the sample of its own weights, so a little too small.
    n_rows
        How many rows those are.
    """

    weights: dict[str, float]
    errors: dict[str, float]
    blend_error: float
    n_rows: int

    @property
    def best(self) -> str:
        """Name of the model with the smallest error."""
        return min(self.errors, key=lambda name: (self.errors[name], name))

    @property
    def tree_wins(self) -> bool:
        """Whether that is a random forest or gradient boosting."""
        return self.best in TREE_MODELS

    def summary(self) -> str:
        """One line for a person; of the models that were blended, which need not be all that were judged.

        Examples
        --------
        >>> BlendReport({"ridge": 0.2, "random_forest": 0.8}, {"ridge": 0.5, "random_forest": 0.3}, 0.28, 90).summary()
        'best part alone: random_forest, a tree model, 0.3000, no mean over folds but pooled over all 90 held-out rows; the blend 0.80 random_forest + 0.20 ridge has 0.2800 there, its weights found on the same rows'
        """
        shares = sorted(self.weights.items(), key=lambda item: (-item[1], item[0]))
        blend = " + ".join(f"{weight:.2f} {name}" for name, weight in shares if weight >= 0.005)
        kind = ", a tree model," if self.tree_wins else ""
        return (
            f"best part alone: {self.best}{kind or ','} {self.errors[self.best]:.4f}, no mean over folds but "
            f"pooled over all {self.n_rows} held-out rows; the blend {blend} has {self.blend_error:.4f} there, its "
            "weights found on the same rows"
        )


def blend_report(predictions: Mapping[str, NDArray[np.float64]], label: NDArray[np.float64]) -> BlendReport:
    """Weight models by their predictions of rows that they had not seen.

    Parameters
    ----------
    predictions
        (n,) per model.
    label
        (n,) values, or 0 and 1 where the predictions are probabilities.
    """
    matrix = np.column_stack([np.asarray(values, float) for values in predictions.values()])
    weights = convex_weights(matrix, label)
    errors = np.mean((matrix - label[:, None]) ** 2, axis=0)
    return BlendReport(
        dict(zip(predictions, weights.tolist(), strict=True)),
        dict(zip(predictions, errors.tolist(), strict=True)),
        float(np.mean((matrix @ weights - label) ** 2)),
        len(label),
    )


def convex_weights(predictions: NDArray[np.float64], label: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights w >= 0 with sum 1 that minimise ||predictions w - label||.

    With E the models' errors, that is to minimise ||E w|| on the simplex. The solution of the non-negative least
    squares min ||E v||^2 + (c - c 1'v)^2 has the same direction whatever c is, because along every direction
    its minimum grows with ||E w||; so v, divided by its sum, is exact.

    Parameters
    ----------
    predictions
        (n, n_models), finite.
    label
        (n,), finite.

    Returns
    -------
    np.ndarray
        (n_models,) float64.

    Raises
    ------
    InputError
        There is no row, or a value is not finite.

    References
    ----------
    Wolpert, D. H. (1992) Neural Networks 5:241. Breiman, L. (1996) Mach. Learn. 24:49 (non-negative stacking).

    Examples
    --------
    >>> label = np.array([0.0, 1.0, 2.0])
    >>> convex_weights(np.column_stack([label + 1, label - 1, label + 5]), label).round(6).tolist()
    [0.5, 0.5, 0.0]
    """
    from scipy.optimize import nnls

    if len(label) == 0 or not (np.isfinite(predictions).all() and np.isfinite(label).all()):
        raise InputError("no weights without rows of finite values", field="predictions")
    errors = predictions - label[:, None]
    triangle = np.asarray(np.linalg.qr(errors, mode="r"), np.float64)  # the same norms in few rows
    scale = float(np.abs(triangle).max()) or 1.0
    n_models = errors.shape[1]
    system = np.vstack([triangle / scale, np.ones((1, n_models))])
    wanted = np.append(np.zeros(len(triangle)), 1.0)
    solution = nnls(system, wanted)[0]
    return np.asarray(solution / solution.sum(), np.float64)


class Blend(PairModel):
    """Convex blend of models, weighted on an inner split of the training pairs.

    Parameters
    ----------
    seed, task, n_threads
        As of every model, and of the members.
    members
        The models to blend.
    rounds
        Makes the inner training and test rows of some pairs; three random folds unless given. It should ask what
        the outer split asks: for new drugs, split by drug.

    Attributes
    ----------
    report
        `BlendReport` of the inner split, after `fit`.
    """

    name = BLEND

    def __init__(
        self,
        seed: int = 0,
        *,
        task: Task = "regression",
        n_threads: int = 1,
        members: Sequence[type[PairModel]] = MEMBERS,
        rounds: Rounds | None = None,
    ) -> None:
        super().__init__(seed, task=task, n_threads=n_threads)
        self.members, self.rounds = tuple(members), rounds or self._random_rounds

    def fit(self, pairs: PairData, features: PairFeatures) -> None:
        """Predict the inner held-out rows, weight the members, and fit those that count to all rows."""
        label = training_labels(pairs, self.task)
        predictions = {make.name: np.full(len(pairs), np.nan) for make in self.members}
        for part in self.rounds(pairs):
            for make in self.members:
                member = self._fitted(make, pairs.select(part.train), features)
                predictions[make.name][part.test] = member.predict(pairs.select(part.test), features)
        seen = np.isfinite(next(iter(predictions.values())))
        self.report = blend_report({name: values[seen] for name, values in predictions.items()}, label[seen])
        self.fitted = {
            make.name: self._fitted(make, pairs, features)
            for make in self.members
            if self.report.weights[make.name] > 0
        }

    def predict(self, pairs: PairData, features: PairFeatures) -> NDArray[np.float64]:
        """Weighted mean of the members."""
        total = np.zeros(len(pairs))
        for name, member in self.fitted.items():
            total += self.report.weights[name] * member.predict(pairs, features)
        return total

    def _fitted(self, make: type[PairModel], pairs: PairData, features: PairFeatures) -> PairModel:
        member = make(self.seed, task=self.task, n_threads=self.n_threads)
        member.fit(pairs, features)
        return member

    def _random_rounds(self, pairs: PairData) -> Iterable[Round]:
        return split_rounds(random_folds(pairs, 3, self.seed), "random", None, None)


def blend_folds(
    out_of_fold: pd.DataFrame, models: Collection[str] | None = None
) -> tuple[pd.DataFrame, dict[tuple[str, str, int], BlendReport]]:
    """Blend out-of-fold predictions, the weights of each fold found on the other folds.

    A fold's own rows have no part in its weights. The models that predicted the other folds were trained on this
    fold's rows among others, as in all stacking; `Blend` is free of that too, at several times the work.

    Parameters
    ----------
    out_of_fold
        Columns setting, endpoint, model, fold, drug_id, target_id, label, prediction: one row per model and pair,
        the pairs of a fold in the same order for every model.
    models
        Which to blend; all unless given.

    Returns
    -------
    tuple[pandas.DataFrame, dict]
        Rows of the model ``"blend"`` in the same columns; and the report of each (setting, endpoint, fold),
        found on the other folds.

    Raises
    ------
    InputError
        The models do not have the same rows, or there is one fold only.
    """
    chosen = out_of_fold if models is None else out_of_fold[out_of_fold["model"].isin(list(models))]
    parts: list[pd.DataFrame] = []
    reports: dict[tuple[str, str, int], BlendReport] = {}
    for (setting, endpoint), table in chosen.groupby(["setting", "endpoint"], sort=True):
        place = f"{setting}, {endpoint}"
        rows = {str(name): part.reset_index(drop=True) for name, part in table.groupby("model", sort=True)}
        first = next(iter(rows.values()))
        for name, part in rows.items():
            key = ["fold", "drug_id", "target_id"]
            if len(part) != len(first) or not part[key].equals(first[key]):
                raise InputError(f"model {name} has other rows than {next(iter(rows))}", record=place)
        label, fold = first["label"].to_numpy(float), first["fold"].to_numpy()
        predictions = {name: part["prediction"].to_numpy(float) for name, part in rows.items()}
        if len(np.unique(fold)) < 2:
            raise InputError("one fold alone cannot be blended", record=place, expected="two folds or more")
        blended = np.empty(len(label))
        for held_out in np.unique(fold):
            others = fold != held_out
            report = blend_report({name: p[others] for name, p in predictions.items()}, label[others])
            blended[~others] = sum(report.weights[name] * p[~others] for name, p in predictions.items())
            reports[str(setting), str(endpoint), int(held_out)] = report
        parts.append(first.assign(model=BLEND, prediction=blended))
    return pd.concat(parts, ignore_index=True), reports
