"""Applicability domain: whether a new pair resembles what a model was trained and measured on.

Three questions:

* the molecule: Tanimoto similarity (Morgan fingerprint) to the nearest training molecule;
* the protein: identity on the kinase profile with the nearest training kinase, or, for a protein without that
  domain, the Jaccard similarity of the sets of three-residue words with the nearest training protein;
* the pair, where one of the two is new: how isolated it is in the network's latent space, as the share of training
  pairs that are at least as far from their neighbours (1 in the thick of them, near 0 far out).

Each is asked of what is new: a molecule or protein of the training data has the errors of held-out pairs, and those are
what its intervals rest on. A threshold of the first two is where the model stops beating the means on held-out data
(`models.domain_threshold`). Where that was not measured, it is the similarity that 95% of the training set have to their
own nearest neighbour in it, and the reason says so. That of words is never below what unrelated proteins have by chance
(`chance_likeness`). As chance grows with the length of a chain, it has to be `CHANCE_MARGIN` times that of the same
sequence read backwards too. The third is set at `MIN_DENSITY`: what was measured of it (`benchmarks.latent_domain`) shows that
isolated pairs of known molecules and proteins are still predicted far better than by the means, and that their intervals
are too narrow; of new ones too few are isolated to tell, and these are abstained from. A pair outside is abstained from,
in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from chem.errors import InputError
from chem.standardise_steps import LOST_METAL
from models.domain_density import MIN_DENSITY, LatentDensity
from models.domain_similarity import (
    CHANCE,
    ProteinKeys,
    chance_likeness,
    nearest_backwards,
    nearest_identity,
    nearest_other,
    nearest_tanimoto,
)
from models.domain_threshold import Threshold
from models.vectors import Floats, require_same_length

MIN_OWN_SHARE = 0.05
"""Share of the training set that lies outside a threshold taken from its own similarities."""
CHANCE_MARGIN = 1.2
"""Likeness by words over that of the same sequence read backwards, below which it is put down to length and composition.
Random and shuffled chains that reached the thresholds of the shipped network had 0.95 to 1.09, human kinases that are
none of its training proteins 1.6 and more."""
MEASURES = {
    "molecule": "Tanimoto similarity",
    "identity": "identity",
    "words": "similarity of sequence words",
}


@dataclass(frozen=True)
class Domain:
    """What a model was trained on, and from where on it resembles a new pair.

    Attributes
    ----------
    fingerprints
        (n_molecules, n_bits) uint8 of the distinct training molecules.
    proteins
        Of the distinct training proteins.
    latent
        Of the training pairs, or None.
    thresholds
        By measure: molecule, identity, words, density.
    """

    fingerprints: NDArray[np.uint8]
    proteins: ProteinKeys
    latent: LatentDensity | None
    thresholds: dict[str, Threshold]

    @classmethod
    def fit(
        cls,
        fingerprints: NDArray[np.uint8],
        proteins: ProteinKeys,
        latent: ArrayLike | LatentDensity | None = None,
        thresholds: Mapping[str, Threshold | None] | None = None,
        *,
        seed: int = 0,
    ) -> Domain:
        """Take up the training set.

        Parameters
        ----------
        fingerprints
            (n, n_bits) 0 or 1 of the training molecules.
        proteins
            Of the training proteins.
        latent
            (n_pairs, dim) of training pairs, from the network that will predict; or their density.
        thresholds
            Measured by `gain_threshold`: ``"molecule"`` under a scaffold split, ``"identity"`` and ``"words"``
            under a family split. One that is missing or None is taken from the training set itself.
        seed
            Of the latent pairs kept.

        Raises
        ------
        InputError
            Fingerprints that are not 0 and 1, latent values that are not finite, a threshold of no such measure.
        """
        bits = np.asarray(fingerprints)
        if bits.ndim != 2 or not np.isin(bits, (0, 1)).all():
            raise InputError("are no table of 0 and 1", field="fingerprints", expected="(n, n_bits) bits")
        unknown = sorted(set(thresholds or {}) - set(MEASURES))
        if unknown:
            raise InputError(f"no measure is called {unknown[0]!r}", expected=f"one of {', '.join(MEASURES)}")
        bits, distinct = np.unique(bits.astype(np.uint8), axis=0), proteins.distinct()
        aligned = distinct.aligned[distinct.has_domain]
        density = latent
        if density is not None and not isinstance(density, LatentDensity):
            density = LatentDensity.fit(density, seed)
        found = dict(thresholds or {})
        chosen = {
            "molecule": found.get("molecule") or _own_threshold(nearest_other(bits)),
            "identity": found.get("identity") or _own_threshold(nearest_identity(aligned, aligned, leave_out=True)),
            "words": found.get("words") or _own_threshold(nearest_other(distinct.words)).at_least(
                chance_likeness(distinct.words), CHANCE
            ),
        }  # fmt: skip
        if density is not None:
            rule = f"from which no more than {MIN_DENSITY:.0%} of training pairs are as isolated"
            chosen["density"] = Threshold(MIN_DENSITY, rule, len(density.points))
        return cls(bits, distinct, density, chosen)

    def assess(
        self,
        fingerprints: NDArray[np.uint8],
        proteins: ProteinKeys,
        molecule: ArrayLike,
        protein: ArrayLike,
        latent: ArrayLike | None = None,
        unreadable: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Tell for each pair whether it is inside, and if not why.

        Parameters
        ----------
        fingerprints
            (n_molecules, n_bits) of distinct molecules.
        proteins
            Of distinct proteins.
        molecule, protein
            (n_pairs,) rows of those two.
        latent
            (n_pairs, dim); may be left out, and then no density is told.
        unreadable
            Per molecule, why its structure cannot be read, or empty; its fingerprint does not count then.

        Returns
        -------
        pd.DataFrame
            One row per pair: similarity_molecule (NaN where unreadable), similarity_protein, protein_measure
            (identity or words), density (NaN without latent vectors), in_domain, reason (empty inside).

        Raises
        ------
        InputError
            Rows out of range, unequal lengths, fingerprints of another length, latent vectors without training
            ones.
        """
        which, target = np.asarray(molecule, int), np.asarray(protein, int)
        require_same_length(molecule=which, protein=target, latent=latent)
        _require_rows(which, len(fingerprints), "molecule")
        _require_rows(target, len(proteins.words), "protein")
        texts = np.array([""] * len(fingerprints) if unreadable is None else list(unreadable), dtype=object)
        require_same_length(fingerprints=fingerprints, unreadable=texts)
        nearest = np.where(texts == "", nearest_tanimoto(fingerprints, self.fingerprints), np.nan)
        similarity, measure = self._protein_similarity(proteins)
        chance = self._chance(proteins, similarity, measure)
        density = np.full(len(which), np.nan)
        if latent is not None:
            if self.latent is None:
                raise InputError("the domain was fitted without latent vectors", field="latent")
            density = self.latent.density(latent)
        new = (nearest[which] < 1) | (similarity[target] < 1)
        judged = np.where(new, density, np.nan)
        reasons = self._reasons(
            nearest[which], similarity[target], measure[target], chance[target], judged, texts[which]
        )
        return pd.DataFrame(
            {
                "similarity_molecule": nearest[which],
                "similarity_protein": similarity[target],
                "protein_measure": measure[target],
                "density": density,
                "in_domain": np.array([reason == "" for reason in reasons], dtype=bool),
                "reason": reasons,
            }
        )

    def _protein_similarity(self, proteins: ProteinKeys) -> tuple[Floats, NDArray[Any]]:
        """Similarity to the nearest training protein, and its measure; identity where both have the domain."""
        known = self.proteins.aligned[self.proteins.has_domain]
        if len(known) and proteins.aligned.shape[1] not in (0, known.shape[1]):
            raise InputError(
                f"have {proteins.aligned.shape[1]} columns", field="aligned residues",
                expected=f"{known.shape[1]}, those of the model's profile",
            )  # fmt: skip
        by_identity = proteins.has_domain & bool(len(known))
        similarity = nearest_tanimoto(proteins.words, self.proteins.words)
        similarity[by_identity] = nearest_identity(proteins.aligned[by_identity], known)
        return similarity, np.where(by_identity, "identity", "words").astype(object)

    def _chance(self, proteins: ProteinKeys, similarity: Floats, measure: NDArray[Any]) -> Floats:
        """Likeness backwards of the new proteins that are inside by words; NaN for the others, which nobody asks."""
        chance = np.full(len(similarity), np.nan)
        asked = (measure == "words") & (similarity < 1) & self.thresholds["words"].holds(similarity)
        chance[asked] = nearest_backwards(proteins.words[asked], self.proteins.words)
        return chance

    def _reasons(
        self, molecule: Floats, protein: Floats, measure: NDArray[Any], chance: Floats, density: Floats,
        unreadable: NDArray[Any],
    ) -> list[str]:  # fmt: skip
        """Why each pair is outside, empty where it is not."""
        parts: list[list[str]] = [[structure_reason(text)] if text else [] for text in unreadable]
        values = {"molecule": molecule, "identity": protein, "words": protein, "density": density}
        new = protein < 1
        judged = {
            "molecule": (unreadable == "") & (molecule < 1),
            "identity": new & (measure == "identity"),
            "words": new & (measure == "words"),
            "density": ~np.isnan(density),
        }
        for name, threshold in self.thresholds.items():
            for row in np.flatnonzero(~threshold.holds(values[name]) & judged[name]):
                parts[row].append(_reason(name, float(values[name][row]), threshold))
        for row in np.flatnonzero(protein < CHANCE_MARGIN * chance):
            parts[row].append(
                f"the nearest training protein has {MEASURES['words']} {protein[row]:.2f}, below {CHANCE_MARGIN:g} times "
                f"the {chance[row]:.2f} of the sequence read backwards: what its length and composition share by chance"
            )
        return ["; ".join(part) for part in parts]


def _reason(name: str, value: float, threshold: Threshold) -> str:
    """One clause of an abstention."""
    if name == "density":
        return f"only {value:.3%} of training pairs are as isolated in the latent space, below {threshold.value:.0%}"
    nearest = "molecule" if name == "molecule" else "protein"
    said = f"the nearest training {nearest} has {MEASURES[name]} {value:.2f}"
    if threshold.value is None:
        return f"{said}, and there is no similarity {threshold.rule}"
    return f"{said}, below {threshold.value:.2f}, {threshold.rule}"


def _own_threshold(nearest: Floats) -> Threshold:
    """Threshold from the training set's own similarities; all of a set of one is inside."""
    rule = f"which {1 - MIN_OWN_SHARE:.0%} of the training set reach among themselves (not measured on held-out data)"
    value = float(np.quantile(nearest, MIN_OWN_SHARE)) if len(nearest) > 1 else 0.0
    return Threshold(value, rule, len(nearest))


def _require_rows(index: NDArray[np.int64], n: int, field: str) -> None:
    bad = np.flatnonzero((index < 0) | (index >= n))
    if len(bad):
        raise InputError(
            f"row {index[bad[0]]} of {n}", record=int(bad[0]) + 1, field=field, expected=f"0 to {n - 1}"
        )


def structure_reason(problem: str) -> str:
    """Say why nothing follows from a prediction: the structure cannot be read, or is but the ligand of a metal.

    Examples
    --------
    >>> structure_reason("unclosed ring")
    'the structure cannot be read: unclosed ring'
    >>> structure_reason("the parent is without its Pt")
    'the parent is without its Pt'
    """
    return problem if problem.startswith(LOST_METAL) else f"the structure cannot be read: {problem}"
