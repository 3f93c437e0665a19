"""How often intervals held the label, counted: per setting, scaffold, bin of similarity and of prediction.

Conformal intervals promise their level where new pairs come from where the calibration pairs came from. What is
left of it on new scaffolds and new families is an empirical matter, and this table is the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from chem.errors import InputError
from models.intervals import Intervals, cross_conformal
from models.vectors import Floats, finite_vector, refuse, require_level, require_same_length

MIN_PAIRS = 2000
"""Pairs below which a coverage is too uncertain to be stated as one."""
_REQUIRED = ("setting", "endpoint", "fold", "label", "prediction")
COLUMNS = (
    "setting", "endpoint", "by", "bin", "n", "level", "coverage", "coverage_lower", "coverage_upper",
    "mean_width", "median_width", "share_infinite", "warning",
)  # fmt: skip


def clopper_pearson(n_hits: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Exact interval of a share.

    Parameters
    ----------
    n_hits, n
        Hits among n independent trials.
    level
        Confidence.

    Returns
    -------
    lower, upper
        0 and 1 where there is no trial.

    References
    ----------
    Clopper, Pearson (1934) Biometrika 26:404.

    Examples
    --------
    >>> lower, upper = clopper_pearson([9], [10])
    >>> float(lower[0].round(4)), float(upper[0].round(4))
    (0.555, 0.9975)
    """
    from scipy import stats

    k, m, tail = np.asarray(n_hits, float), np.asarray(n, float), (1 - level) / 2
    lower, upper = np.zeros(k.shape), np.ones(k.shape)
    some, not_all = k > 0, k < m
    lower[some] = stats.beta.ppf(tail, k[some], (m - k + 1)[some])
    upper[not_all] = stats.beta.isf(tail, (k + 1)[not_all], (m - k)[not_all])
    return lower, upper


def count_coverage(
    label: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    groups: Mapping[str, ArrayLike] | None = None,
    *,
    level: float = 0.9,
) -> pd.DataFrame:
    """Count the labels that intervals held.

    Parameters
    ----------
    label, lower, upper
        (n,) labels and the bounds of their intervals.
    groups
        Per name, (n,) bins, such as scaffolds; pairs are counted in each.
    level
        Coverage that was asked for.

    Returns
    -------
    pd.DataFrame
        Rows for all pairs and for each bin of each group: by, bin, n, level, coverage with its 95%
        Clopper-Pearson interval, mean_width and median_width of the finite intervals (NaN where there is
        none), share_infinite, and a warning below `MIN_PAIRS` pairs. Pairs of one drug are alike, so that
        the interval is rather too narrow where a bin holds few drugs.

    Raises
    ------
    InputError
        Unequal lengths, a label or bound that is NaN, bounds in the wrong order.

    Examples
    --------
    >>> table = count_coverage([1.0, 2.0, 3.0], [0.0] * 3, [2.5] * 3, {"scaffold": ["a", "a", "b"]})
    >>> table[["by", "bin", "n", "coverage"]].to_dict("list")["coverage"]
    [0.6666666666666666, 1.0, 0.0]
    """
    require_level(level)
    y, low, high = finite_vector(label, "label"), np.asarray(lower, float), np.asarray(upper, float)
    require_same_length(label=y, lower=low, upper=high, **dict(groups or {}))
    refuse(np.isnan(low) | np.isnan(high), np.isnan(low), "interval", "bounds that are numbers")
    refuse(low > high, low, "lower", "a lower bound below the upper one")
    pairs = pd.DataFrame({"hit": (low <= y) & (y <= high), "width": high - low})
    parts = [_count(pairs, np.full(len(y), "all"), "all")]
    parts += [_count(pairs, np.asarray(bins), name) for name, bins in (groups or {}).items()]
    table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    table.insert(3, "level", level)
    table["coverage_lower"], table["coverage_upper"] = clopper_pearson(table["hits"], table["n"])
    table["warning"] = [_warning(n) for n in table["n"]]
    return table[[name for name in COLUMNS if name in table.columns]]


def _count(pairs: pd.DataFrame, bins: Any, by: str) -> pd.DataFrame:
    """One row per bin, in the order of the bins' names."""
    finite = np.isfinite(pairs["width"])
    named = pairs.assign(
        bin=np.asarray(bins).astype(str), width=pairs["width"].where(finite), infinite=~finite
    )
    grouped = named.groupby("bin", sort=True)
    counted = pd.DataFrame(
        {
            "n": grouped.size(),
            "hits": grouped["hit"].sum(),
            "coverage": grouped["hit"].mean(),
            "mean_width": grouped["width"].mean(),
            "median_width": grouped["width"].median(),
            "share_infinite": grouped["infinite"].mean(),
        }
    ).reset_index()
    counted.insert(0, "by", by)
    return counted


def _warning(n: int) -> str:
    return "" if n >= MIN_PAIRS else f"{n} pairs, fewer than {MIN_PAIRS:,}: uncertain"


def prediction_group(prediction: ArrayLike, quantiles: ArrayLike = (0.5, 0.75, 0.9, 0.97)) -> list[str]:
    """Names of the bins of a prediction, by its quantiles, so that high predictions are looked at by themselves.

    Examples
    --------
    >>> prediction_group([1.0, 2.0, 3.0, 4.0], [0.5])
    ['1 below 2.5', '1 below 2.5', '2 from 2.5', '2 from 2.5']
    """
    p = finite_vector(prediction, "prediction")
    edges = np.unique(np.quantile(p, np.asarray(quantiles, float))) if len(p) else np.zeros(0)
    texts = [f"{edge:.4g}" for edge in edges]
    names = [f"1 below {texts[0]}"] if texts else []
    names += [f"{k + 1} from {text}" for k, text in enumerate(texts, start=1)]
    return [names[k] for k in np.searchsorted(edges, p, side="right")]


def coverage_table(
    out_of_fold: pd.DataFrame,
    groups: Mapping[str, str] | None = None,
    *,
    level: float = 0.9,
    shifted: bool = True,
) -> pd.DataFrame:
    """Measure the coverage of cross-conformal intervals in every setting of an out-of-fold table.

    Parameters
    ----------
    out_of_fold
        One model's rows: setting, endpoint, fold, label, prediction; optional spread, the ensemble's.
    groups
        Columns to count by, as ``{"scaffold": "scaffold", "similarity": "similarity_bin"}`` (name in the
        result, column). The bins of the prediction are counted always.
    level
        Coverage asked for.
    shifted
        Also tell what the intervals of the first setting, ``random`` where there is one, cover on the others:
        rows of setting ``"random -> scaffold"``, what happens to one who does not know of the shift.

    Returns
    -------
    pd.DataFrame
        `COLUMNS`, settings pooled over their folds.

    Raises
    ------
    InputError
        A column is missing, a value is not finite, a setting has one fold.
    """
    wanted = (*_REQUIRED, *(groups or {}).values())
    missing = [name for name in wanted if name not in out_of_fold.columns]
    if missing:
        raise InputError(
            f"has no column {missing[0]!r}", field=missing[0], expected=f"columns {', '.join(wanted)}"
        )
    parts = []
    for endpoint, of_endpoint in out_of_fold.groupby("endpoint", sort=True):
        settings = {str(name): rows for name, rows in of_endpoint.groupby("setting", sort=True)}
        home = "random" if "random" in settings else next(iter(settings))
        base = settings[home]
        for setting, rows in settings.items():
            spread = rows.get("spread")
            bounds = cross_conformal(rows["label"], rows["prediction"], rows["fold"], level, spread=spread)
            parts.append(_counted(rows, bounds, groups, level, setting, str(endpoint)))
            if shifted and setting != home:
                fitted = Intervals.fit(base["label"], base["prediction"], base.get("spread"))
                bounds = fitted.interval(rows["prediction"], level, spread)
                parts.append(_counted(rows, bounds, groups, level, f"{home} -> {setting}", str(endpoint)))
    return pd.concat(parts, ignore_index=True)


def _counted(
    rows: pd.DataFrame,
    bounds: tuple[Floats, Floats],
    groups: Mapping[str, str] | None,
    level: float,
    setting: str,
    endpoint: str,
) -> pd.DataFrame:
    bins: dict[str, ArrayLike] = {name: rows[column].to_numpy() for name, column in (groups or {}).items()}
    bins["prediction"] = prediction_group(rows["prediction"])
    table = count_coverage(rows["label"], *bounds, bins, level=level)
    return table.assign(setting=setting, endpoint=endpoint)[list(COLUMNS)]


def coverage_summary(table: pd.DataFrame) -> list[dict[str, Any]]:
    """State a coverage table in few numbers, for a model card.

    Parameters
    ----------
    table
        Of `coverage_table`.

    Returns
    -------
    list[dict[str, Any]]
        Per setting and endpoint: n, coverage with its interval, mean_width, warning, and for each way of
        counting the number of bins, the worst with 100 pairs or more, and how many of those cover less than
        the level beyond chance (upper end of their interval below it). Plain numbers; None for NaN.
    """
    rows = []
    for (setting, endpoint), part in table.groupby(["setting", "endpoint"], sort=True):
        pooled = part[part["by"] == "all"].iloc[0]
        names = ("n", "level", "coverage", "coverage_lower", "coverage_upper", "mean_width", "warning")
        row: dict[str, Any] = {"setting": setting, "endpoint": endpoint}
        row |= {name: _plain(pooled[name]) for name in names}
        row["by"] = {}
        for by, bins in part[part["by"] != "all"].groupby("by", sort=True):
            large = bins[bins["n"] >= 100]
            row["by"][str(by)] = {
                "n_bins": len(bins),
                "n_bins_of_100": len(large),
                "n_below_level": int((large["coverage_upper"] < large["level"]).sum()),
                "worst": _plain(large["coverage"].min()) if len(large) else None,
                "worst_bin": str(large["bin"].iloc[int(large["coverage"].argmin())]) if len(large) else None,
            }
        rows.append(row)
    return rows


def _plain(value: Any) -> Any:
    """A value of a table as JSON has it, rounded to five places."""
    if isinstance(value, str):
        return value
    number = float(value)
    if np.isnan(number):
        return None
    return int(number) if number.is_integer() and not isinstance(value, float) else round(number, 5)


def reliability_table(label: ArrayLike, probability: ArrayLike, *, n_bins: int = 10) -> pd.DataFrame:
    """Compare probabilities with what came true, in bins of equal width.

    Parameters
    ----------
    label
        (n,) 0 or 1.
    probability
        (n,) of the class 1.
    n_bins
        Bins from 0 to 1.

    Returns
    -------
    pd.DataFrame
        One row per bin that holds a pair: above, to, n, mean_probability, share with its 95% interval
        (share_lower, share_upper), and a warning below `MIN_PAIRS`. The expected calibration error is the mean of
        the absolute differences of share and mean_probability, weighted by n.

    Raises
    ------
    InputError
        Unequal lengths, a label that is not 0 or 1, a probability outside 0 to 1.

    Examples
    --------
    >>> reliability_table([0, 1, 1], [0.1, 0.9, 0.95], n_bins=2)[["n", "share"]].to_dict("list")
    {'n': [1, 2], 'share': [0.0, 1.0]}
    """
    y, p = finite_vector(label, "label"), finite_vector(probability, "probability")
    require_same_length(label=y, probability=p)
    refuse((y != 0) & (y != 1), y, "label", "0 or 1")
    refuse((p < 0) | (p > 1), p, "probability", "a number from 0 to 1")
    which = np.minimum((p * n_bins).astype(int), n_bins - 1)
    counts = np.bincount(which, minlength=n_bins)
    here = np.flatnonzero(counts)
    hits, n = np.bincount(which, y, n_bins)[here], counts[here]
    lower, upper = clopper_pearson(hits, n)
    return pd.DataFrame(
        {
            "above": here / n_bins,
            "to": (here + 1) / n_bins,
            "n": n,
            "mean_probability": np.bincount(which, p, n_bins)[here] / n,
            "share": hits / n,
            "share_lower": lower,
            "share_upper": upper,
            "warning": [
                "" if m >= MIN_PAIRS else f"{m} pairs, fewer than {MIN_PAIRS:,}: uncertain" for m in n
            ],
        }
    )
