"""Clusters of similar molecules: Taylor-Butina, sphere exclusion, and shared scaffolds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from chem.molecules import Structure
from chem.scaffold import scaffold_groups
from chem.search_index import SimilarityIndex, check_limits, index_fingerprints


@dataclass(frozen=True)
class Clusters:
    """Molecules in groups, each around one of them.

    Parameters
    ----------
    label
        int64 (n_molecules,): number of each molecule's cluster, from 0 in the order they were formed.
    centre
        int64 (n_clusters,): the molecule in the middle of each cluster.
    """

    label: NDArray[np.int64]
    centre: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.centre)

    @property
    def size(self) -> NDArray[np.int64]:
        """Molecules per cluster, int64 (n_clusters,)."""
        return np.bincount(self.label, minlength=len(self.centre))


def butina_clusters(
    packed: NDArray[np.uint8],
    threshold: float = 0.65,
    *,
    threads: int = 1,
    progress: Callable[[float], None] | None = None,
) -> Clusters:
    """Cluster by Taylor and Butina: the molecule with the most neighbours takes them, then the next of the rest.

    Neighbours are counted first and looked up again for the centres alone, so that memory grows with the number of
    molecules, not with that of pairs.

    Parameters
    ----------
    packed
        Packed fingerprints, uint8 (n_molecules, n_bytes), as `chem.fingerprints(..., packed=True)`.
    threshold
        Least Tanimoto similarity of neighbours (RDKit's distance threshold is 1 minus this).
    threads
        Searches at once; the result is the same.
    progress
        Called with the share that is done.

    Returns
    -------
    Clusters
        The largest first; every member is a neighbour of its centre. Of two with as many neighbours, the one that stands
        first becomes a centre first. Neighbours are those among all molecules, taken ones too, as in RDKit without
        reordering.

    Raises
    ------
    InputError
        The threshold is outside 0 to 1, or the fingerprints are not packed.

    References
    ----------
    Butina, J. Chem. Inf. Comput. Sci. 1999, 39, 747-750, doi:10.1021/ci9803381; Taylor, J. Chem. Inf. Comput. Sci.
    1995, 35, 59-67, doi:10.1021/ci00023a009.

    Examples
    --------
    >>> from chem.fingerprint import fingerprints
    >>> clusters = butina_clusters(fingerprints(["c1ccccc1", "CCCO", "CCCCO", "CCCCCO"], packed=True), 0.5)
    >>> clusters.label.tolist(), clusters.centre.tolist()
    ([1, 0, 0, 0], [1, 0])
    """
    check_limits(None, threshold)
    index = index_fingerprints(packed)
    n_neighbours = np.empty(len(packed), np.int64)
    for place, hits in enumerate(index.search_all(packed, threshold=threshold, threads=threads)):
        n_neighbours[place] = len(hits)
        if progress is not None and place % 1000 == 0:
            progress(place / len(packed))
    order = np.argsort(-n_neighbours, kind="stable")
    return _exclude(index, packed, threshold, order, alone=n_neighbours <= 1)


def sphere_exclusion(
    packed: NDArray[np.uint8],
    threshold: float = 0.65,
    *,
    order: Sequence[int] | NDArray[np.int64] | None = None,
) -> Clusters:
    """Cluster by sphere exclusion: each molecule that no centre is similar to becomes a centre (leader algorithm).

    Parameters
    ----------
    packed
        Packed fingerprints, uint8 (n_molecules, n_bytes).
    threshold
        Least Tanimoto similarity to a centre.
    order
        All molecules in the order they are looked at, such as by falling score; as they stand unless given.

    Returns
    -------
    Clusters
        The centres, no two of which are as similar as `threshold`, in the order they were found; every molecule belongs
        to the first centre that it is similar to.

    Raises
    ------
    InputError
        The threshold is outside 0 to 1, the fingerprints are not packed, or the order is not one of all molecules.

    References
    ----------
    Hudson et al., Quant. Struct.-Act. Relat. 1996, 15, 285-289, doi:10.1002/qsar.19960150402.

    Examples
    --------
    >>> from chem.fingerprint import fingerprints
    >>> rows = fingerprints(["CCCO", "c1ccccc1", "CCCCO", "CCCCCO"], packed=True)
    >>> sphere_exclusion(rows, 0.5).centre.tolist()
    [0, 1]
    """
    check_limits(None, threshold)
    places = np.arange(len(packed)) if order is None else np.asarray(order)
    if not np.array_equal(np.sort(places), np.arange(len(packed))):
        raise InputError(
            "the order does not name every molecule once", field="order", expected=f"0 to {len(packed) - 1}"
        )
    return _exclude(index_fingerprints(packed), packed, threshold, places, alone=np.zeros(len(packed), bool))


def _exclude(
    index: SimilarityIndex,
    packed: NDArray[np.uint8],
    threshold: float,
    order: NDArray[np.int64],
    alone: NDArray[np.bool_],
) -> Clusters:
    """Make each molecule that is still free a centre, in order, and give it its free neighbours."""
    label = np.full(len(packed), -1, np.int64)
    centres: list[int] = []
    for place in order:
        if label[place] >= 0:
            continue
        if not alone[place]:
            near = index.search(packed[place], threshold=threshold).position
            label[near[label[near] < 0]] = len(centres)
        label[place] = len(centres)  # a molecule without bits is not even similar to itself
        centres.append(int(place))
    return Clusters(label, np.array(centres, np.int64))


def scaffold_clusters(smiles: Iterable[Structure], *, threads: int = 1) -> Clusters:
    """Cluster by Bemis-Murcko scaffold.

    Parameters
    ----------
    smiles, threads
        As `chem.scaffold.scaffold_groups` takes them.

    Returns
    -------
    Clusters
        By first appearance of the scaffold, the first molecule of each as its centre. An acyclic molecule is alone
        with those of the same skeleton.

    Raises
    ------
    InputError
        A SMILES does not parse.

    Examples
    --------
    >>> scaffold_clusters(["Cc1ccccc1", "CCO", "Oc1ccccc1"]).label.tolist()
    [0, 1, 0]
    """
    label = scaffold_groups(smiles, threads=threads)
    return Clusters(label, np.unique(label, return_index=True)[1].astype(np.int64))
