"""Linear models of responses: kernel ridge, elastic net, and ridge on the features that an ANOVA ranks first.

Each compound has coefficients of its own. The setting is one for all compounds, chosen by folds within the training
lines; a choice per compound would follow the noise of its few lines.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve

from models.response_metrics import residual_r
from models.response_parts import Features, FeatureScale, Matrix
from models.response_protocol import ResponseBaseline
from models.split_groups import group_folds

N_INNER = 3
"""Folds of the training lines by which a setting is chosen."""
COVARIATE_PENALTY = 5.0
"""Ridge penalty of covariates, whatever that of the markers: a tissue of five lines keeps half of its mean."""


class LinearBaseline(ResponseBaseline):
    """What the linear models share: a setting chosen within the training lines, one for all compounds.

    Parameters
    ----------
    settings
        To choose from, the most cautious first: the one with the highest residual correlation
        (`models.response_metrics.residual_r`) of lines held out in `N_INNER` folds. A single one is taken as it is.
    seed
        Of these folds.
    standardised
        Whether features are brought to one standard deviation.
    covariates
        Columns that are taken as they stand all the same.

    Attributes
    ----------
    chosen
        The setting, after `fit`.
    """

    def __init__(
        self,
        settings: Sequence[tuple[float, ...]],
        seed: int = 0,
        *,
        standardised: bool = True,
        covariates: Sequence[int] = (),
    ) -> None:
        super().__init__(seed)
        self.settings = tuple(settings)
        self.standardised = standardised
        self.covariates = tuple(covariates)

    def _learn(self, targets: Matrix, features: Features) -> None:
        columns = np.arange(features.shape[1])
        standardised = np.full(len(columns), self.standardised) & ~np.isin(columns, self.covariates)
        self.scale = FeatureScale.fit(features, standardised=standardised)
        x = self.scale(features)
        self.chosen = self._choose(x, targets)
        self.coefficients = self._fitted(x, targets, (self.chosen,))[0]

    def _told(self, features: Features) -> Matrix:
        return np.asarray(_with_one(self.scale(features)) @ self.coefficients)

    def _choose(self, x: Matrix, targets: Matrix) -> tuple[float, ...]:
        if len(self.settings) == 1:
            return self.settings[0]
        told = np.zeros((len(self.settings), *targets.shape))
        fold = group_folds(np.arange(len(x)), min(N_INNER, len(x)), self.seed)
        for number in np.unique(fold):
            out = fold == number
            told[:, out] = _with_one(x[out]) @ self._fitted(x[~out], targets[~out], self.settings)
        interaction = targets[:, :-1]
        scores = [residual_r(interaction, each[:, :-1], np.zeros(interaction.shape[1])).mean for each in told]
        return self.settings[int(np.argmax(np.nan_to_num(scores, nan=-np.inf)))]

    @abstractmethod
    def _fitted(self, x: Matrix, targets: Matrix, settings: Sequence[tuple[float, ...]]) -> Matrix:
        """(n_settings, n_features + 1, n_targets) coefficients, the last of the features a constant."""


class PerCompound(LinearBaseline):
    """A linear model that solves for one compound after the other, on the lines that have it."""

    def _fitted(self, x: Matrix, targets: Matrix, settings: Sequence[tuple[float, ...]]) -> Matrix:
        """(n_settings, n_features + 1, n_targets) coefficients, the last of the features a constant."""
        fitted = np.zeros((len(settings), x.shape[1] + 1, targets.shape[1]))
        for column, lines, y in _measured(targets):
            fitted[:, -1, column] = y.mean()
            if np.ptp(y) > 0 and x.shape[1]:
                fitted[:, :-1, column] = self._solve(x[lines], y - y.mean(), settings)
                fitted[:, -1, column] -= fitted[:, :-1, column] @ x[lines].mean(axis=0)
        return fitted

    @abstractmethod
    def _solve(self, x: Matrix, y: NDArray[np.float64], settings: Sequence[tuple[float, ...]]) -> Matrix:
        """(n_settings, n_features) slopes of one target, that is centred, on lines that have it."""


class KernelRidge(LinearBaseline):
    """Ridge regression of every compound by the linear kernel of its lines.

    The features are taken as they stand: what scale they have is the caller's choice.

    Parameters
    ----------
    penalties
        Shares of the mean diagonal of the training lines' kernel, to choose from.
    seed
        Of the inner folds.

    References
    ----------
    Saunders, C. et al. (1998) Ridge regression learning algorithm in dual variables, ICML.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, w = rng.normal(size=(80, 5)), rng.normal(size=(5, 4))
    >>> model = KernelRidge()
    >>> model.fit(x[:60] @ w, x[:60])
    >>> model.chosen, bool(np.abs(model.predict(x[60:]) - x[60:] @ w).max() < 0.5)
    ((0.1,), True)
    """

    name = "kernel_ridge"

    def __init__(self, penalties: Sequence[float] = (30.0, 10.0, 3.0, 1.0, 0.3, 0.1), seed: int = 0) -> None:
        super().__init__([(penalty,) for penalty in penalties], seed, standardised=False)

    def _fitted(self, x: Matrix, targets: Matrix, settings: Sequence[tuple[float, ...]]) -> Matrix:
        # The kernel of the lines that have a compound is a part of that of all lines, made once.
        kernel = x @ x.T
        size = float(np.trace(kernel)) / len(kernel) if len(kernel) else 0.0
        dual = np.zeros((len(settings), len(x), targets.shape[1]))
        constant = np.zeros((len(settings), 1, targets.shape[1]))
        for column, lines, y in _measured(targets):
            among = _centred(kernel[np.ix_(lines, lines)])
            if size > 0:
                # One penalty for all compounds: a share of the few lines' own diagonal lets those that were measured
                # in one tissue alone run away in the others.
                each = [among + penalty * size * np.eye(len(lines)) for (penalty,) in settings]
                dual[:, lines, column] = [solve(square, y - y.mean(), assume_a="pos") for square in each]
            constant[:, 0, column] = y.mean() - dual[:, :, column] @ kernel[:, lines].mean(axis=1)
        return np.concatenate([x.T @ dual, constant], axis=1)


class ElasticNet(PerCompound):
    """Elastic net of every compound on standardised features.

    Parameters
    ----------
    settings
        (share of the absolute penalty, penalty) to choose from; the target is brought to one standard deviation.
    seed
        Of the inner folds.

    References
    ----------
    Zou, H., Hastie, T. (2005) J. R. Stat. Soc. B 67:301; Barretina, J. et al. (2012) Nature 483:603 for its use here.
    """

    name = "elastic_net"

    def __init__(
        self,
        settings: Sequence[tuple[float, float]] = ((0.1, 0.8), (0.1, 0.4), (0.5, 0.2), (0.5, 0.1)),
        seed: int = 0,
    ) -> None:
        super().__init__(settings, seed)

    def _solve(self, x: Matrix, y: NDArray[np.float64], settings: Sequence[tuple[float, ...]]) -> Matrix:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import enet_path

        x, sd = np.asfortranarray(x - x.mean(axis=0)), y.std()
        slopes = np.zeros((len(settings), x.shape[1]))
        with warnings.catch_warnings():
            # What is left of the gap after so many rounds is far below the noise of the target.
            warnings.simplefilter("ignore", ConvergenceWarning)
            for share in sorted({setting[0] for setting in settings}):
                mine = [place for place, setting in enumerate(settings) if setting[0] == share]
                mine.sort(key=lambda place: -settings[place][1])
                alphas = np.array([settings[place][1] for place in mine])
                path = enet_path(x, y / sd, l1_ratio=share, alphas=alphas, max_iter=300, tol=1e-3)
                slopes[mine] = sd * path[1].T
        return slopes


class AnovaRidge(PerCompound):
    """Ridge regression of every compound on the features that an analysis of variance ranks first.

    Parameters
    ----------
    covariates
        Columns of the features, as tissue: taken out of response and features before these are ranked by F, and always
        in the regression. They are taken as they stand; the others are standardised.
    settings
        (number of features, penalty) to choose from.
    seed
        Of the inner folds.

    References
    ----------
    Garnett, M. et al. (2012) Nature 483:570; Iorio, F. et al. (2016) Cell 166:740.
    """

    name = "anova_ridge"

    def __init__(
        self,
        covariates: Sequence[int] = (),
        settings: Sequence[tuple[float, float]] = (
            (100, 3000),
            (20, 300),
            (5, 30),
            (20, 100),
            (100, 1000),
            (100, 300),
        ),
        seed: int = 0,
    ) -> None:
        super().__init__(settings, seed, covariates=covariates)

    def _solve(self, x: Matrix, y: NDArray[np.float64], settings: Sequence[tuple[float, ...]]) -> Matrix:
        x = x - x.mean(axis=0)
        covariate = np.isin(self.scale.used, self.covariates)
        candidates = np.flatnonzero(~covariate)
        ranked = candidates[np.argsort(-_partial(x[:, ~covariate], y, x[:, covariate]), kind="stable")]
        slopes = np.zeros((len(settings), x.shape[1]))
        for place, (n, penalty) in enumerate(settings):
            kept = np.concatenate([ranked[: int(n)], np.flatnonzero(covariate)])
            penalties = np.where(covariate[kept], COVARIATE_PENALTY, penalty)
            square = x[:, kept].T @ x[:, kept] + np.diag(penalties)
            slopes[place, kept] = solve(square, x[:, kept].T @ y, assume_a="pos")
        return slopes


def _measured(targets: Matrix) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float64]]]:
    """Each target with the lines that have it, and its values there; a target that no line has is left out."""
    for column in range(targets.shape[1]):
        lines = np.flatnonzero(~np.isnan(targets[:, column]))
        if len(lines):
            yield column, lines, targets[lines, column]


def _with_one(x: Matrix) -> Matrix:
    return np.column_stack([x, np.ones(len(x))])


def _centred(kernel: Matrix) -> Matrix:
    mean = kernel.mean(axis=0)
    return np.asarray(kernel - mean - mean[:, None] + mean.mean())


def _partial(x: Matrix, y: NDArray[np.float64], covariates: Matrix) -> NDArray[np.float64]:
    """(n_features,) absolute correlations given covariates, which rank as F does; 0 of what they determine."""
    total = (x**2).sum(axis=0)
    if covariates.shape[1]:
        left, size, _ = np.linalg.svd(covariates, full_matrices=False)
        left = left[:, size > 1e-8 * size.max(initial=0.0)]
        x, y = x - left @ (left.T @ x), y - left @ (left.T @ y)
    rest = (x**2).sum(axis=0)
    varies = rest > 1e-9 * np.maximum(total, 1e-300)
    return np.divide(np.abs(x.T @ y), np.sqrt(rest), out=np.zeros(x.shape[1]), where=varies)
