"""Names of alleles with several copies of a gene: ``*1x2``, ``*4xN``, ``*36+*10``, ``[*2 + *6]``.

What one chromosome carries is a list of units, each an allele and how many copies of it stand there. Activity
values add up over units and copies, as PyPGx's ``predict_score`` has it (release 0.27: ``*1x2`` is 2,
``*36+*10`` is 0.25, ``*1x2+*4x2+*10`` is 2.25).
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

_UNIT = re.compile(
    r"(?P<name>\*[0-9A-Za-z:.]+?)"
    r"(?:\s*[xX×]\s*(?P<copies>[1-9]\d*|[nN])|\s*[xX×]?\s*(?:≥|>=)\s*(?P<least>[1-9]\d*))?"
)
_NUMBER = re.compile(r"\*?(\d+)")


@dataclass(frozen=True)
class AlleleCopies:
    """One allele and its copies on one chromosome.

    Attributes
    ----------
    name
        The allele, ``*1``.
    least, most
        Copies; `most` is None where there may be more (``*2xN``, ``*1≥3``).
    """

    name: str
    least: int = 1
    most: int | None = 1

    def __str__(self) -> str:
        if self.most is None:
            return f"{self.name}xN" if self.least == 2 else f"{self.name}≥{self.least}"
        return self.name if self.most == 1 else f"{self.name}x{self.most}"


def parse_haplotype(text: str, known: Collection[str] = ()) -> tuple[AlleleCopies, ...]:
    """Read what one chromosome carries; a name of the definitions, and one that is no star name, is one unit.

    Parameters
    ----------
    text
        The chromosome's side of a diplotype.
    known
        Names that stand for themselves, such as UGT1A1 ``*80+*28``.

    Examples
    --------
    >>> [str(unit) for unit in parse_haplotype("[*10 + *36 x2]")]
    ['*36x2', '*10']
    >>> parse_haplotype("*80+*28", known=["*80+*28"])
    (AlleleCopies(name='*80+*28', least=1, most=1),)
    >>> parse_haplotype("*2xN")
    (AlleleCopies(name='*2', least=2, most=None),)
    """
    text = " ".join(text.split())
    if text in known:
        return (AlleleCopies(text),)
    inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    units = []
    for part in inner.split("+"):
        found = _UNIT.fullmatch(part.strip())
        if not found:
            return (AlleleCopies(text),)
        units.append(_unit(found))
    # The sources write tandems with the higher number, the hybrid, first: *36+*10, *68+*4, *13+*1.
    return tuple(sorted(_add_up(units), key=lambda unit: natural_order(unit.name), reverse=True))


def _unit(found: re.Match[str]) -> AlleleCopies:
    name, copies, least = found.group("name", "copies", "least")
    if least is not None:
        return AlleleCopies(name, int(least), None)
    if copies is None:
        return AlleleCopies(name)
    return AlleleCopies(name, 2, None) if copies in "nN" else AlleleCopies(name, int(copies), int(copies))


def _add_up(units: Iterable[AlleleCopies]) -> list[AlleleCopies]:
    """Write ``*1+*1`` as ``*1x2``."""
    total: dict[str, AlleleCopies] = {}
    for unit in units:
        before = total.get(unit.name)
        if before is not None:
            most = None if unit.most is None or before.most is None else unit.most + before.most
            unit = AlleleCopies(unit.name, unit.least + before.least, most)
        total[unit.name] = unit
    return list(total.values())


def haplotype_name(units: Iterable[AlleleCopies]) -> str:
    """Write what one chromosome carries; the inverse of `parse_haplotype`.

    Examples
    --------
    >>> haplotype_name(parse_haplotype("*10+*36"))
    '*36+*10'
    """
    return "+".join(map(str, units))


def natural_order(name: str) -> tuple[int, int, str]:
    """Key that sorts names as people do: by number, names without one last.

    Examples
    --------
    >>> sorted(["*10", "*2", "Reference", "*2x2"], key=natural_order)
    ['*2', '*2x2', '*10', 'Reference']
    """
    found = _NUMBER.match(name)
    return (0, int(found.group(1)), name) if found else (1, 0, name)


def diplotype_activity(diplotype: str, values: Mapping[str, float]) -> tuple[float, float]:
    """Sum the activity values of a diplotype's alleles over all their copies.

    Parameters
    ----------
    diplotype
        One or two chromosomes' alleles, joined by ``/``.
    values
        Activity value of each allele of the gene; NaN or absent where it is not known.

    Returns
    -------
    tuple of float
        Lowest and highest sum; they differ where the number of copies is open (``xN``), and the highest is
        infinite there. Both NaN where an allele's value is not known.

    Examples
    --------
    >>> values = {"*1": 1.0, "*4": 0.0, "*10": 0.25, "*36": 0.0}
    >>> diplotype_activity("*1x2/*4", values), diplotype_activity("*1/*36+*10", values)
    ((2.0, 2.0), (1.25, 1.25))
    >>> diplotype_activity("*1xN/*4", values), diplotype_activity("*1/*4xN", values)
    ((2.0, inf), (1.0, 1.0))
    """
    low = high = 0.0
    for haplotype in diplotype.split("/"):
        for unit in parse_haplotype(haplotype, values):
            value = float(values.get(unit.name, math.nan))
            low += value * unit.least
            # No number of copies of an allele without activity makes any.
            high += value * (math.inf if unit.most is None else unit.most) if value else value
    return (low, high) if not math.isnan(low) else (math.nan, math.nan)
