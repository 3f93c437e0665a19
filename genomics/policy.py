"""Declared policies: what becomes of calls that say less, or more, than two alleles seen.

Every choice has a name, a default and one sentence that says what it does; a store keeps the choices it was
made with, and how many calls and records each of them met, as its attribute ``call_policy``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from genomics.block import FILL, OBSERVED
from genomics.errors import InputError

CHOICES: dict[str, dict[str, str]] = {
    "half_calls": {
        "no-call": "A half call such as 0/. is a no-call; its alleles stay in call_genotype.",
        "reference": "The missing allele of a half call is taken for the reference.",
        "haploid": "A half call becomes a haploid call of its known allele.",
        "error": "A half call stops the reading.",
    },
    "haploid": {
        "as-written": "A haploid call has a dosage of 0 or 1.",
        "as-diploid": "A haploid call has a dosage of 0 or 2, as if it were homozygous.",
    },
    "over_ploidy": {
        "keep": "A call of more than two alleles is kept whole; its dosage counts all of them.",
        "no-call": "A call of more than two alleles becomes a no-call.",
        "error": "A call of more than two alleles stops the reading.",
    },
    "sex_chromosomes": {
        "as-written": "Calls on X, Y and MT have the ploidy that the file writes.",
        "by-sex": "Outside the pseudo-autosomal regions, men's homozygous calls on X and Y become haploid, "
        "their heterozygous ones and women's calls on Y no-calls.",
    },
    "missing": {
        "no-call": "A missing call is a no-call and is never taken for the reference.",
    },
    "filtered": {
        "filtered": "A call of a record that failed FILTER, or whose FT failed, has the state filtered.",
        "keep": "A call counts as observed whatever FILTER and FT say.",
        "drop": "A record that failed FILTER is left out; a call whose FT failed has the state filtered.",
    },
    "spanning_deletion": {
        "other-allele": "The allele * counts as one that is neither the reference nor the ALT asked about.",
        "no-call": "A call that carries the allele * becomes a no-call.",
    },
    "non_ref": {
        "keep": "<NON_REF> and <*> stay in ALT.",
        "drop-allele": "<NON_REF> and <*> are taken out of ALT and of the per-allele fields; a call that "
        "carries one becomes a no-call.",
    },
    "symbolic": {
        "keep": "Records with symbolic alleles or breakends are kept as written.",
        "drop-record": "Records with symbolic alleles or breakends are left out.",
    },
}
"""Every policy, its choices and what each does; the first choice is the default."""


@dataclass(frozen=True)
class CallPolicy:
    """What becomes of calls and records that are not plain; `CHOICES` lists and explains the values.

    Attributes
    ----------
    half_calls
        Calls that miss some alleles: ``no-call``, ``reference``, ``haploid``, ``error`` (as PLINK 2's
        ``--vcf-half-call``).
    haploid
        Dosage of haploid calls: ``as-written`` (0 or 1), ``as-diploid`` (0 or 2).
    over_ploidy
        Calls of more than two alleles: ``keep``, ``no-call``, ``error``.
    sex_chromosomes
        ``as-written``, or ``by-sex``, which needs the samples' sexes and the genome build.
    missing
        ``no-call``: there is no other choice.
    filtered
        Records that failed FILTER and calls whose FT failed: ``filtered``, ``keep``, ``drop``.
    spanning_deletion
        The allele ``*``: ``other-allele``, ``no-call``.
    non_ref
        ``<NON_REF>`` and ``<*>``: ``keep``, ``drop-allele``.
    symbolic
        Symbolic alleles other than those, and breakends: ``keep``, ``drop-record``.

    Raises
    ------
    InputError
        A value is none of the choices.

    Examples
    --------
    >>> CallPolicy().half_calls, CallPolicy(filtered="drop").filtered
    ('no-call', 'drop')
    >>> CallPolicy(missing="reference")
    Traceback (most recent call last):
    ...
    genomics.errors.InputError: field missing: 'reference' is not a policy; expected no-call
    """

    half_calls: str = "no-call"
    haploid: str = "as-written"
    over_ploidy: str = "keep"
    sex_chromosomes: str = "as-written"
    missing: str = "no-call"
    filtered: str = "filtered"
    spanning_deletion: str = "other-allele"
    non_ref: str = "keep"
    symbolic: str = "keep"

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value not in CHOICES[name]:
                raise InputError(
                    f"{value!r} is not a policy", field=name, expected=" or ".join(CHOICES[name])
                )

    def as_json(self) -> dict[str, str]:
        """Return the choices by name.

        Examples
        --------
        >>> CallPolicy().as_json()["filtered"]
        'filtered'
        """
        return asdict(self)

    @classmethod
    def from_json(cls, choices: Mapping[str, str]) -> CallPolicy:
        """Make a policy of choices by name; those not given have their defaults.

        Raises
        ------
        InputError
            A name or a value is unknown.

        Examples
        --------
        >>> CallPolicy.from_json({"half_calls": "error"}).half_calls
        'error'
        """
        for name in choices:
            if name not in CHOICES:
                raise InputError(
                    f"{name!r} is not a policy", field="call_policy", expected=" or ".join(CHOICES)
                )
        return cls(**{str(name): str(value) for name, value in choices.items()})

    def describe(self) -> list[str]:
        """Say each choice in one sentence, in the order of the attributes.

        Examples
        --------
        >>> CallPolicy(half_calls="error").describe()[0]
        'A half call stops the reading.'
        """
        return [CHOICES[field.name][getattr(self, field.name)] for field in fields(self)]


def parse_policy(settings: Iterable[str]) -> CallPolicy:
    """Read a policy from texts ``name=choice``, as a command line gives them.

    Raises
    ------
    InputError
        A text is not of that form, or names no policy.

    Examples
    --------
    >>> parse_policy(["half_calls=haploid", "filtered=drop"]).filtered
    'drop'
    """
    choices: dict[str, str] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(
                f"{text!r} is not a policy", field="policy", expected="name=choice, such as half_calls=error"
            )
        choices[name.strip().replace("-", "_")] = value.strip()
    return CallPolicy.from_json(choices)


def policy_of(attributes: Mapping[str, Any]) -> CallPolicy:
    """Return the policy that a store's attributes state; the defaults where they state none.

    Examples
    --------
    >>> policy_of({}) == CallPolicy()
    True
    """
    stated = attributes.get("call_policy", {})
    return CallPolicy.from_json(stated.get("choices", {}))


def count_dosage(
    genotypes: np.ndarray, states: np.ndarray, allele_numbers: np.ndarray, policy: CallPolicy | None = None
) -> np.ndarray:
    """Count copies of one allele of each record: the one place where calls become dosages.

    Parameters
    ----------
    genotypes : int8 or int16 (n, n_samples, ploidy)
        Allele numbers, -1 missing, -2 fill.
    states : int8 (n, n_samples)
        Only calls of state 0, observed, have a dosage.
    allele_numbers : (n,)
        The allele to count in each record, 1 for the first ALT.
    policy
        Says what a haploid call counts; `CallPolicy` by default.

    Returns
    -------
    float32 (n, n_samples)
        Copies of that allele against all others; NaN where the call is not observed.

    Examples
    --------
    >>> calls = np.array([[[0, 1], [1, 2], [1, -2], [0, -1]]], dtype=np.int8)
    >>> states = np.array([[0, 0, 0, 1]], dtype=np.int8)
    >>> count_dosage(calls, states, np.array([1])).tolist()
    [[1.0, 1.0, 1.0, nan]]
    >>> count_dosage(calls, states, np.array([1]), CallPolicy(haploid="as-diploid")).tolist()
    [[1.0, 1.0, 2.0, nan]]
    """
    carries = genotypes == np.asarray(allele_numbers).astype(genotypes.dtype)[:, None, None]
    copies = carries[:, :, 0].astype(np.int16 if genotypes.shape[2] > 127 else np.int8)
    for place in range(1, genotypes.shape[2]):
        copies += carries[:, :, place]
    dosage: np.ndarray = copies.astype(np.float32)
    if policy is not None and policy.haploid == "as-diploid":
        dosage[haploid_calls(genotypes)] *= 2
    dosage[states != OBSERVED] = np.nan
    return dosage


def haploid_calls(genotypes: np.ndarray) -> np.ndarray:
    """Tell which calls have one allele alone, missing or not; bool (n, n_samples).

    Examples
    --------
    >>> haploid_calls(np.array([[[1, -2], [0, 1], [-2, -2]]])).tolist()
    [[True, False, False]]
    """
    alone: np.ndarray = genotypes[:, :, 0] != FILL
    for place in range(1, genotypes.shape[2]):
        alone = alone & (genotypes[:, :, place] == FILL)
    return alone
