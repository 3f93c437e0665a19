"""How the report writes numbers: p-values, effects with intervals, concentrations."""

from __future__ import annotations

import math

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_Z95 = 1.959963984540054


def number(value: object, digits: int = 3) -> str:
    """Write a number with so many significant digits, or a dash where there is none.

    Parameters
    ----------
    value
        Anything; what is not a finite number gives a dash.
    digits
        Significant digits.

    Returns
    -------
    str
        Plain decimal notation with a true minus sign.

    Examples
    --------
    >>> number(0.000123456), number(None), number(-1234567)
    ('0.000123', '–', '−1,234,567')
    """
    finite = _finite(value)
    if finite is None:
        return "–"
    if finite == int(finite):
        return f"{int(finite):,}".replace("-", "−")
    places = max(0, digits - 1 - math.floor(math.log10(abs(finite))))
    return f"{finite:,.{places}f}".replace("-", "−")


def interval(lower: object, upper: object) -> str:
    """Write the interval of a prediction; a bound that is infinite was never measured.

    Examples
    --------
    >>> interval(5.25, 7.5), interval(5.25, math.inf), interval(-math.inf, math.inf)
    ('5.25 to 7.50', '5.25 or more', 'not known')
    """
    low, high = (None if _finite(value) is None else number(value) for value in (lower, upper))
    if low and high:
        return f"{low} to {high}"
    if low or high:
        return f"{low} or more" if low else f"{high} or less"
    return "not known"


def p_value(log10p: object) -> str:
    """Write a p-value given as -log10(p); never zero, however small.

    Parameters
    ----------
    log10p
        -log10 of the p-value, 0 or more.

    Returns
    -------
    str
        Decimal down to 0.001, scientific below.

    Examples
    --------
    >>> p_value(0.3010299957), p_value(7.5), p_value(400.0), p_value(math.nan)
    ('0.50', '3.2 × 10⁻⁸', '1.0 × 10⁻⁴⁰⁰', '–')
    """
    exponent = _finite(log10p)
    if exponent is None:
        return "–"
    if exponent < 3:
        return f"{10**-exponent:.2g}" if exponent > 1 else f"{10**-exponent:.2f}"
    power = -math.ceil(exponent)
    mantissa = round(10 ** (-exponent - power), 1)
    if mantissa >= 10:
        mantissa, power = 1.0, power + 1
    return f"{mantissa:.1f} × 10{str(power).translate(_SUPERSCRIPT)}"


def effect(beta: object, se: object, *, odds_ratio: bool) -> str:
    """Write an effect with its 95% (Wald) interval.

    Parameters
    ----------
    beta
        Effect of one more copy of the effect allele: log odds for a binary trait, trait units otherwise.
    se
        Its standard error.
    odds_ratio
        Whether to write ``exp(beta)``.

    Returns
    -------
    str
        For example ``0.25 (0.14 to 0.44)``.

    Examples
    --------
    >>> effect(-1.4, 0.3, odds_ratio=True)
    '0.247 (0.137 to 0.444)'
    >>> effect(0.5, None, odds_ratio=False)
    '0.500'
    """
    centre, spread = _finite(beta), _finite(se)
    if centre is None:
        return "–"
    bounds = [] if spread is None else [centre - _Z95 * spread, centre + _Z95 * spread]
    written = [_fixed(_exp(value) if odds_ratio else value) for value in [centre, *bounds]]
    return written[0] if not bounds else f"{written[0]} ({written[1]} to {written[2]})"


def dissociation_constant(pkd: object) -> str:
    """Write a pKd (-log10 of Kd in mol/l) as a concentration.

    Parameters
    ----------
    pkd
        Predicted or measured pKd.

    Returns
    -------
    str
        Kd in nM or µM, two significant digits.

    Examples
    --------
    >>> dissociation_constant(8.0), dissociation_constant(5.3)
    ('10 nM', '5.0 µM')
    """
    finite = _finite(pkd)
    if finite is None:
        return "–"
    nanomolar = 10 ** (9 - finite)
    value, unit = (nanomolar, "nM") if nanomolar < 1000 else (nanomolar / 1000, "µM")
    return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"


def byte_count(value: object) -> str:
    """Write a size in bytes for a person.

    Examples
    --------
    >>> byte_count(512), byte_count(1_500_000)
    ('512 B', '1.5 MB')
    """
    size = _finite(value)
    if size is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            break
        size, unit = size / 1000, {"B": "kB", "kB": "MB", "MB": "GB", "GB": "TB"}[unit]
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        converted = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return converted if math.isfinite(converted) else None


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def _fixed(value: float) -> str:
    if not math.isfinite(value):
        return "∞"
    if value == 0:
        return "0"
    places = min(6, max(0, 2 - math.floor(math.log10(abs(value)))))
    return f"{value:,.{places}f}".replace("-", "−")
