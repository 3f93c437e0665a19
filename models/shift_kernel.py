"""A Gaussian process on the shift from wild type to variant.

Networks of pairs see one residue change among hundreds and hardly move. This model is fitted to shifts
themselves. Two (variant, drug) rows are alike where the drugs bind alike kinases and look alike, and the variants
change the same region of the kinase domain, in the same gene or another; the drug's affinity for the wild type
comes in on its own, for a drug that does not bind has nothing to lose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from chem.fingerprint import tanimoto
from models.kinase import find_domains
from models.protein import Target
from models.variant import FLANK, in_order

COMPONENTS = (
    "constant", "affinity", "region", "variant", "form", "drug", "drug x region", "drug x region x gene",
    "drug x variant", "drug x form",
)  # fmt: skip
AFFINITY_LENGTH = 0.7
"""Length scale of the wild type's affinity, log10 units."""
_REGIONS = ((0, 16, "glycine-rich loop"), (16, 50, "beta-3 and helix C"), (77, 78, "gatekeeper"),
            (78, 81, "hinge"), (140, 167, "activation loop"))  # fmt: skip


@dataclass(frozen=True)
class VariantKey:
    """What makes two variants alike.

    Attributes
    ----------
    gene
        Name of the gene.
    name
        What the variant does to the sequence (`variant_name`); the same in both forms of one mutant.
    regions
        Regions of the kinase domain that it changes.
    other_form
        Phosphorylated where the wild type is not.
    """

    gene: str
    name: str
    regions: frozenset[str]
    other_form: bool


def variant_name(mutant: Target, wild: Target) -> str:
    """Name a variant by what it does to the sequence, with the residues around it.

    So one variant has one name however its changes are written, in whatever order, and in whichever isoform they
    are numbered. Where the sequence is the wild type's, as of tables read as given, the changes name it.

    Parameters
    ----------
    mutant, wild
        The target with and without its variant.

    Examples
    --------
    >>> wild = Target("EGFR", "IKELREATSPKAN")
    >>> variant_name(Target("EGFR(L747E749del)", "IKEPTSPKAN"), wild)
    'IKE[LREA>P]TSPKAN'
    """
    return _difference(wild.sequence, mutant.sequence) or ",".join(map(str, in_order(mutant.changes)))


@lru_cache(maxsize=1024)
def _difference(wild: str, mutant: str) -> str:
    """What stands instead of what between the ends that both share; empty where nothing differs."""
    if wild == mutant:
        return ""
    start = _n_shared(wild, mutant)
    tail = _n_shared(wild[start:][::-1], mutant[start:][::-1])
    end = len(wild) - tail
    before, after = wild[max(0, start - FLANK) : start], wild[end : end + FLANK]
    return f"{before}[{wild[start:end]}>{mutant[start : len(mutant) - tail]}]{after}"


def _n_shared(a: str, b: str) -> int:
    """Length of the beginning that two texts share."""
    return next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def variant_key(mutant: Target, wild: Target, profile: NDArray[np.floating]) -> VariantKey:
    """Describe a mutant beside its wild type.

    Parameters
    ----------
    mutant, wild
        Both as `models.protein.read_targets` made them.
    profile
        (n_columns, 20) kinase profile, whose columns are those of `models.kinase.SEED_DOMAIN`.

    Returns
    -------
    VariantKey
        Regions are named by the profile's columns; ``upstream`` and ``downstream`` lie outside the domain.

    Examples
    --------
    >>> from models.kinase import SEED_DOMAIN, seed_profile
    >>> wild = Target("X", SEED_DOMAIN)
    >>> mutant = Target("X(M77T)", SEED_DOMAIN[:77] + "T" + SEED_DOMAIN[78:])
    >>> sorted(variant_key(mutant, wild, seed_profile()).regions)
    ['gatekeeper']
    """
    name = variant_name(mutant, wild)
    form = mutant.phosphorylated and not wild.phosphorylated
    hits = find_domains(wild.sequence, np.asarray(profile, float))
    if not hits:
        return VariantKey(mutant.gene, name, frozenset({"no kinase domain"}), form)
    best = max(hits, key=lambda hit: hit.score)
    aligned = np.flatnonzero(best.columns >= 0)
    regions = set()
    for place in _changed_places(wild.sequence, mutant.sequence):
        if place < best.start:
            regions.add("upstream")
        elif place >= best.end:
            regions.add("downstream")
        else:
            nearest = aligned[np.argmin(np.abs(best.columns[aligned] - place))]
            regions.add(_region(int(nearest)))
    return VariantKey(mutant.gene, name, frozenset(regions), form)


def _changed_places(wild: str, mutant: str) -> list[int]:
    """0-based places that differ; where the lengths do, the first alone."""
    differ = [k for k, (a, b) in enumerate(zip(wild, mutant, strict=False)) if a != b]
    return differ if len(wild) == len(mutant) else differ[:1] or [min(len(wild), len(mutant)) - 1]


def _region(column: int) -> str:
    for start, end, name in _REGIONS:
        if start <= column < end:
            return name
    return f"column {column}"


@dataclass(frozen=True)
class ShiftRows:
    """Rows of (variant, drug).

    Attributes
    ----------
    affinity
        (n,) affinity for the wild type, log10 units.
    drug, variant
        (n,) indices into the three below.
    profiles
        (n_drugs, n_panel) affinities for a panel of wild types, centred per protein, 0 where not known;
        measured, or predicted for a new drug.
    bits
        (n_drugs, n_bits) uint8 Morgan fingerprints.
    variants
        What is known of each variant.
    """

    affinity: NDArray[np.float64]
    drug: NDArray[np.int64]
    variant: NDArray[np.int64]
    profiles: NDArray[np.float64]
    bits: NDArray[np.uint8]
    variants: tuple[VariantKey, ...]

    def __len__(self) -> int:
        return len(self.affinity)

    def select(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> ShiftRows:
        """Rows `rows` over the same drugs and variants."""
        return ShiftRows(
            self.affinity[rows], self.drug[rows], self.variant[rows], self.profiles, self.bits, self.variants
        )


def shift_kernels(a: ShiftRows, b: ShiftRows) -> NDArray[np.float64]:
    """Similarity of rows under each of `COMPONENTS`, shape (10, n, m)."""
    drug = (_cosine(a.profiles, b.profiles) + tanimoto(a.bits, b.bits)) / 2
    d = drug[np.ix_(a.drug, b.drug)]
    gene = _compare(a, b, lambda v, w: float(v.gene == w.gene))
    region = _compare(a, b, _shared_regions)
    same = _compare(a, b, lambda v, w: float((v.gene, v.name) == (w.gene, w.name)))
    form = _compare(a, b, lambda v, w: float(v.other_form and w.other_form))
    near = np.exp(-0.5 * ((a.affinity[:, None] - b.affinity) / AFFINITY_LENGTH) ** 2)
    return np.stack(
        [np.ones_like(d), near, region, same, form, d, d * region, d * region * gene, d * same, d * form]
    )


def _compare(
    a: ShiftRows, b: ShiftRows, alike: Callable[[VariantKey, VariantKey], float]
) -> NDArray[np.float64]:
    table = np.array([[alike(v, w) for w in b.variants] for v in a.variants])
    return table[np.ix_(a.variant, b.variant)]


def _shared_regions(v: VariantKey, w: VariantKey) -> float:
    if not v.regions or not w.regions:
        return 0.0
    return len(v.regions & w.regions) / np.sqrt(len(v.regions) * len(w.regions))


def _cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
    return np.divide(a @ b.T, lengths, out=np.zeros((len(a), len(b))), where=lengths > 0)


class ShiftKernel:
    """Gaussian process over (variant, drug) rows.

    The weights of the components and the noise maximise the marginal likelihood of the rows fitted to
    (Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, ch. 5.4). Wild types at the
    assay's limit say nothing of a loss, so they are left out of the fit; and as no variant is measured below the
    limit, predicted shifts are means of the normal distribution cut off there.

    Parameters
    ----------
    limit
        Affinity that the assay reports where it sees no binding; ``-inf`` where it has no such limit.
    n_steps
        Steps of the fit at most.
    """

    def __init__(self, limit: float = 5.0, n_steps: int = 30) -> None:
        self.limit, self.n_steps = limit, n_steps

    def fit(self, rows: ShiftRows, shift: NDArray[np.float64]) -> None:
        """Fit weights and rows.

        Parameters
        ----------
        rows
            n rows.
        shift
            (n,) shifts, log10 units.
        """
        self.weights = self.fit_weights(rows, shift)
        self.condition(rows, shift)

    def fit_weights(self, rows: ShiftRows, shift: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weights of the components, and last the variance of the noise, (11,)."""
        from scipy.optimize import minimize

        binds = rows.affinity > self.limit
        kernels, y = shift_kernels(rows.select(binds), rows.select(binds)), shift[binds]
        eye = np.eye(len(y))

        def negative_log_likelihood(log_weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            weights = np.exp(log_weights)
            covariance = np.tensordot(weights[:-1], kernels, axes=1) + weights[-1] * eye
            inverse = np.linalg.inv(covariance)
            alpha = inverse @ y
            inner = inverse - np.outer(alpha, alpha)
            slopes = np.append(np.tensordot(kernels, inner, axes=2), np.trace(inner))
            value = 0.5 * (y @ alpha + np.linalg.slogdet(covariance)[1])
            return float(value), 0.5 * weights * slopes

        found = minimize(
            negative_log_likelihood, np.full(len(COMPONENTS) + 1, -3.0), jac=True, method="L-BFGS-B",
            bounds=[(-9.0, 3.0)] * (len(COMPONENTS) + 1), options={"maxiter": self.n_steps},
        )  # fmt: skip
        return np.exp(found.x)

    def condition(self, rows: ShiftRows, shift: NDArray[np.float64]) -> None:
        """Take rows in, with the weights there are."""
        binds = rows.affinity > self.limit
        self.rows, self.shift = rows.select(binds), shift[binds]
        covariance = self._covariance(self.rows) + self.weights[-1] * np.eye(len(self.rows))
        self.inverse = np.linalg.inv(covariance)

    def _covariance(self, rows: ShiftRows) -> NDArray[np.float64]:
        """Of rows with those taken in, (n, n_taken)."""
        return np.asarray(np.tensordot(self.weights[:-1], shift_kernels(rows, self.rows), axes=1))

    def predict(self, rows: ShiftRows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Expected shift and the standard deviation of a measured one before the limit cuts it, (n,) each."""
        return self._moments(rows, self._covariance(rows), self.inverse, self.shift)

    def held_out(
        self, rows: ShiftRows, group: NDArray[np.generic]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What `predict` would say of the rows of each group had the group not been taken in; weights stay.

        Parameters
        ----------
        rows
            The n rows that were given to `condition`.
        group
            (n,) what is left out together.
        """
        taken = group[rows.affinity > self.limit]
        across, mean, sd = self._covariance(rows), np.empty(len(rows)), np.empty(len(rows))
        for name in np.unique(group):
            here, out = np.flatnonzero(group == name), taken == name
            kept, cross = self.inverse[np.ix_(~out, ~out)], self.inverse[np.ix_(out, ~out)]
            # The inverse without the group's rows: Schur complement of the whole one.
            kept = kept - cross.T @ np.linalg.solve(self.inverse[np.ix_(out, out)], cross)
            mean[here], sd[here] = self._moments(
                rows.select(here), across[np.ix_(here, ~out)], kept, self.shift[~out]
            )
        return mean, sd

    def _moments(
        self, rows: ShiftRows, across: NDArray[np.float64], inverse: NDArray[np.float64],
        shift: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
        own = np.tensordot(self.weights[:-1], _diagonal(rows), axes=1)
        variance = own + self.weights[-1] - ((across @ inverse) * across).sum(axis=1)
        sd = np.sqrt(np.maximum(variance, 1e-12))
        mean = across @ inverse @ shift
        return (censored_mean(mean, sd, self.limit - rows.affinity) if np.isfinite(self.limit) else mean), sd


def _diagonal(rows: ShiftRows) -> NDArray[np.float64]:
    """Similarity of each row with itself, (10, n)."""
    one = np.ones(len(rows))
    known = (np.linalg.norm(rows.profiles, axis=1) > 0).astype(float)
    d = ((known + (rows.bits.sum(axis=1) > 0)) / 2)[rows.drug]
    region = np.array([float(bool(v.regions)) for v in rows.variants])[rows.variant]
    form = np.array([float(v.other_form) for v in rows.variants])[rows.variant]
    return np.stack([one, one, region, one, form, d, d * region, d * region, d, d * form])


def censored_mean(
    mean: NDArray[np.float64], sd: NDArray[np.float64], lowest: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean of a normal variable whose values below `lowest` are reported as `lowest`.

    Examples
    --------
    >>> censored_mean(np.array([0.0]), np.array([1.0]), np.array([0.0])).round(4).tolist()
    [0.3989]
    """
    from scipy.stats import norm

    z = (mean - lowest) / sd
    return lowest + sd * norm.pdf(z) + (mean - lowest) * norm.cdf(z)
