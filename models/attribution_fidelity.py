"""How well attributions find what a prediction rests on: hide the parts they name, against parts drawn at random.

A fall of the prediction that is no deeper than with random parts means that the attribution has found nothing.
Parts are hidden together, as masking's own numbers, one part at a time, do not foresee.

References
----------
Deletion curves: Petsiuk, V. et al. (2018) RISE, BMVC, arXiv:1806.07421.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from models.attribution import AtomMasks, Masks
from models.attribution_gradients import atom_gradients, residue_gradients
from models.metrics import mean_interval

Method = Literal["masking", "gradients"]
SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
"""Of the parts that are hidden."""
N_RANDOM = 20


@dataclass(frozen=True)
class DeletionCurve:
    """Predictions for a pair as more and more parts are hidden.

    Attributes
    ----------
    hidden
        (n_points,) how many parts are hidden, from 1.
    whole
        The prediction with nothing hidden.
    attributed
        (n_points,) with the parts hidden that raise the prediction most, as attributed.
    random
        (n_random, n_points) with as many parts hidden that were drawn at random.
    """

    hidden: NDArray[np.int64]
    whole: float
    attributed: NDArray[np.float64]
    random: NDArray[np.float64]

    @property
    def area(self) -> float:
        """Mean over the points of what the attributed parts take off the prediction beyond random ones.

        In the label's unit; 0 where the attribution is as good as none.
        """
        return float((self.random.mean(axis=0) - self.attributed).mean())


@dataclass(frozen=True)
class Fidelity:
    """Fidelity of attributions over pairs.

    Attributes
    ----------
    mean, lower, upper
        Of the area between the curves, with its 95% t interval over pairs, in the label's unit.
    better
        Share of the pairs in which the area is above 0.
    n_pairs
        How many pairs.
    """

    mean: float
    lower: float
    upper: float
    better: float
    n_pairs: int


def contributions(masks: Masks, method: Method = "masking") -> NDArray[np.float64]:
    """Contribution of each part of a pair by a method.

    Parameters
    ----------
    masks
        The pair.
    method
        ``"masking"`` or ``"gradients"`` (integrated).

    Raises
    ------
    InputError
        There is no such method.
    """
    if method not in get_args(Method):
        raise InputError(f"no method {method!r}", field="method", expected=" or ".join(get_args(Method)))
    if method == "masking":
        return masks.contributions()
    gradients = atom_gradients if isinstance(masks, AtomMasks) else residue_gradients
    return gradients(masks.model, masks.smiles, masks.target)


def deletion_curve(
    masks: Masks,
    contribution: NDArray[np.float64],
    *,
    shares: Sequence[float] = SHARES,
    n_random: int = N_RANDOM,
    seed: int = 0,
) -> DeletionCurve:
    """Hide the top shares of the parts, by attribution and at random.

    Parameters
    ----------
    masks
        The pair.
    contribution
        (masks.size,) of each part; only `masks.candidates` are ranked and hidden.
    shares
        Of the candidates to hide, above 0 and at most 1; one candidate at least is hidden.
    n_random
        Random orders to compare with.
    seed
        Of those.

    Returns
    -------
    DeletionCurve
        One point for each number of parts that the shares come to.

    Raises
    ------
    InputError
        A share is out of range, or there is not one contribution per part.
    """
    if not all(0 < share <= 1 for share in shares) or not shares:
        raise InputError(f"shares {tuple(shares)}", field="shares", expected="numbers above 0 and at most 1")
    if len(contribution) != masks.size:
        raise InputError(
            f"{len(contribution)} contributions",
            field="contribution",
            expected=f"one for each of {masks.size}",
        )
    candidates = masks.candidates
    rng = np.random.default_rng(seed)
    best = candidates[np.argsort(-contribution[candidates], kind="stable")]
    orders = [best, *(rng.permutation(candidates) for _ in range(n_random))]
    hidden = np.unique([max(1, round(share * len(candidates))) for share in shares])
    masked = np.zeros((len(orders), len(hidden), masks.size), bool)
    for row, order in enumerate(orders):
        for point, count in enumerate(hidden):
            masked[row, point, order[:count]] = True
    nothing = np.zeros((1, masks.size), bool)
    scores = masks.predict(np.concatenate([nothing, masked.reshape(-1, masks.size)]))
    curves = scores[1:].reshape(len(orders), len(hidden))
    return DeletionCurve(hidden, float(scores[0]), curves[0], curves[1:])


def fidelity(curves: Sequence[DeletionCurve]) -> Fidelity:
    """Fidelity over pairs, which should not share molecules for the interval to hold.

    Raises
    ------
    InputError
        There is no curve.

    Examples
    --------
    >>> one = DeletionCurve(np.array([1]), 7.0, np.array([5.0]), np.array([[6.5], [6.9]]))
    >>> fidelity([one, one]).mean.__round__(2)
    1.7
    """
    if not curves:
        raise InputError("no deletion curve", expected="one per pair")
    areas = [curve.area for curve in curves]
    return Fidelity(*mean_interval(areas), float(np.mean(np.array(areas) > 0)), len(areas))
