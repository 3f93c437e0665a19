"""Scores of a whole molecule: drug-likeness, ease of synthesis, likeness to natural products."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import QED

from chem.contrib import contrib_module
from chem.errors import InputError
from chem.molecules import Structure, map_blocks, molecule_at

_BLOCK = 2000
SCORE_NAMES = ("qed", "sa_score", "np_score", "np_confidence")
"""Columns of `scores`: qed 0 to 1, sa_score 1 to 10, np_score about -5 to 5, np_confidence 0 to 1."""


def scores(
    smiles: Iterable[Structure], names: Sequence[str] = SCORE_NAMES, *, threads: int = 1
) -> pd.DataFrame:
    """Drug-likeness, synthetic accessibility and natural-product likeness of molecules.

    The programs are RDKit's own: `rdkit.Chem.QED`, and SA_Score and NP_Score of its Contrib folder.

    Parameters
    ----------
    smiles
        One SMILES, or RDKit molecule, per molecule.
    names
        Which of `SCORE_NAMES`: qed (1 is the most drug-like), sa_score (1 easy to 10 hard to make), np_score
        (the higher the more like a natural product) and np_confidence (the part of the molecule's fragments
        that the NP model knows).
    threads
        Processes; more than one are used for more than 2,000 molecules.

    Returns
    -------
    pandas.DataFrame
        float64, one row per molecule, the columns asked for.

    Raises
    ------
    InputError
        A SMILES does not parse (its index is named), a name is unknown, or this RDKit has no Contrib folder.

    References
    ----------
    Bickerton et al., Nat. Chem. 2012, 4, 90-98, doi:10.1038/nchem.1243 (QED, mean weights). Ertl and
    Schuffenhauer, J. Cheminform. 2009, 1, 8, doi:10.1186/1758-2946-1-8 (SA). Ertl, Roggo and Schuffenhauer,
    J. Chem. Inf. Model. 2008, 48, 68-74, doi:10.1021/ci700286x (NP).

    Examples
    --------
    >>> scores(["CC(=O)Oc1ccccc1C(=O)O"], ["qed", "sa_score"]).round(2).values.tolist()
    [[0.55, 1.58]]
    """
    unknown = [name for name in names if name not in SCORE_NAMES]
    if unknown:
        raise InputError(
            f"no score {unknown[0]!r}", field="names", expected=f"some of {', '.join(SCORE_NAMES)}"
        )
    compute = partial(_score, tuple(names))
    blocks = list(map_blocks(compute, smiles, block=_BLOCK, threads=threads))
    return pd.DataFrame(np.concatenate([np.empty((0, len(names))), *blocks]), columns=list(names))


def _score(names: tuple[str, ...], first: int, items: list[Structure]) -> np.ndarray:
    table = np.empty((len(items), len(names)))
    for row, item in enumerate(items):
        molecule = molecule_at(first + row, item)
        table[row] = [_SCORES[name](molecule) for name in names]
    return table


def _synthetic_accessibility(molecule: Chem.Mol) -> float:
    return contrib_module("SA_Score/sascorer.py").calculateScore(molecule)


def _natural_product(molecule: Chem.Mol) -> Any:
    return contrib_module("NP_Score/npscorer.py").scoreMolWConfidence(molecule, _natural_product_model())


@lru_cache(maxsize=1)
def _natural_product_model() -> dict[int, float]:
    with contextlib.redirect_stderr(io.StringIO()):  # it announces itself
        return contrib_module("NP_Score/npscorer.py").readNPModel()


_SCORES: dict[str, Callable[[Chem.Mol], float]] = {
    "qed": QED.qed,
    "sa_score": _synthetic_accessibility,
    "np_score": lambda molecule: _natural_product(molecule).nplikeness,
    "np_confidence": lambda molecule: _natural_product(molecule).confidence,
}
