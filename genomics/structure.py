"""Population structure: principal components of common, unlinked, autosomal variants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genomics.quality import REGION_SIZE, Quality, autosomal

if TYPE_CHECKING:
    from genomics.cohort import Cohort

MIN_REGIONS = 300
MIN_FREQUENCY = 0.05
LD_WINDOW = 500_000
MAX_R2 = 0.1
EXACT_LIMIT = 3000
_MAX_WINDOW_VARIANTS = 200


@dataclass(frozen=True)
class Structure:
    """Principal components of a cohort, or why there are none.

    Attributes
    ----------
    components
        sample_id and pc1, pc2, ...: one row per sample that passed quality control, unit-length columns;
        no rows where not estimable.
    explained_variance_ratio
        (n_components,) share of the variance of the scaled genotypes.
    n_variants_used
        Variants left after linkage pruning.
    n_regions
        Separate autosomal regions of 1 Mb that these lie in.
    estimable, reason
        Whether components were computed, and if not, why.
    """

    components: pd.DataFrame
    explained_variance_ratio: NDArray[np.float64]
    n_variants_used: int
    n_regions: int
    estimable: bool
    reason: str


def principal_components(
    cohort: Cohort,
    quality: Quality,
    *,
    n_components: int = 10,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Structure:
    """Principal components of the samples that passed, from variants that passed.

    Variants are autosomal, of biallelic sites, with a minor allele frequency of at least 5%, and pruned so
    that no two within 500 kb have r2 above 0.1. A missing genotype takes the variant's mean. Genotypes are
    scaled as in Patterson et al. Up to 3,000 samples the eigenvectors are exact; beyond, they come from
    seeded subspace iteration. Each component's sign is fixed: its largest entry is positive.

    Parameters
    ----------
    cohort
        The cohort.
    quality
        Its quality control.
    n_components
        Components wanted; fewer where there are fewer samples.
    seed
        Of the subspace iteration, for more than 3,000 samples.
    progress
        Called with the share of the work done.

    Returns
    -------
    Structure
        Not estimable where the pruned variants lie in fewer than 300 separate 1-Mb regions of the autosomes:
        a handful of genes describes those genes, not the ancestry of the genome.

    References
    ----------
    Patterson N, Price AL, Reich D (2006). Population structure and eigenanalysis. PLoS Genet 2:e190.
    """
    kept = quality.samples["passed"].to_numpy(dtype=bool)
    rows = _common_biallelic(cohort, quality)
    regions = _count_regions(rows)
    if regions < MIN_REGIONS:
        return _not_estimable(len(rows), regions, "common variants that passed quality control")
    policy = quality.policy

    def scaled_blocks(selection: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, NDArray[np.float32]]]:
        for block, dosage in cohort.dosage_blocks(selection, min_gq=policy.min_gq, min_dp=policy.min_dp):
            yield block, patterson_scale(dosage[:, kept])

    pruned = prune_linked(_reporting(scaled_blocks(rows), len(rows), progress))
    rows = rows.loc[pruned]
    regions = _count_regions(rows)
    if regions < MIN_REGIONS:
        return _not_estimable(len(rows), regions, "unlinked common variants")
    k = min(n_components, int(kept.sum()) - 1)

    def genotypes() -> Iterator[NDArray[np.float32]]:
        return (block for _, block in scaled_blocks(rows))

    if kept.sum() <= EXACT_LIMIT:
        vectors, ratio = exact_components(genotypes(), k)
    else:
        vectors, ratio = iterated_components(genotypes, k, n_samples=int(kept.sum()), seed=seed)
    if progress is not None:
        progress(1.0)
    frame = pd.DataFrame(vectors, columns=[f"pc{i + 1}" for i in range(k)])
    frame.insert(0, "sample_id", quality.samples["sample_id"].to_numpy()[kept])
    return Structure(frame, ratio, len(rows), regions, True, "")


def patterson_scale(dosage: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Centre genotypes and divide by sqrt(p (1 - p)); missing ones become 0, the mean.

    Parameters
    ----------
    dosage
        (n_variants, n_samples) copies of the ALT in diploid calls, NaN where missing.

    Returns
    -------
    numpy.ndarray
        (n_variants, n_samples); all 0 for a monomorphic variant.

    Examples
    --------
    >>> patterson_scale(np.array([[0.0, 1.0, 2.0, np.nan], [2.0, 2.0, 2.0, 2.0]]))
    array([[-2.,  0.,  2.,  0.],
           [ 0.,  0.,  0.,  0.]], dtype=float32)
    """
    observed = ~np.isnan(dosage)
    n = np.maximum(observed.sum(axis=1), 1)
    mean = np.where(observed, dosage, 0.0).sum(axis=1, dtype=np.float64) / n
    p = mean / 2
    variance = p * (1 - p)
    scale = np.where(variance > 1e-12, 1 / np.sqrt(np.maximum(variance, 1e-12)), 0.0)
    centred = np.where(observed, dosage - mean[:, None], 0.0)
    return (centred * scale[:, None]).astype(np.float32)


def _reporting(
    blocks: Iterator[tuple[pd.DataFrame, NDArray[np.float32]]],
    n_rows: int,
    progress: Callable[[float], None] | None,
) -> Iterator[tuple[pd.DataFrame, NDArray[np.float32]]]:
    """Pass the blocks on and report them as the first nine tenths of the work."""
    seen = 0
    for rows, genotypes in blocks:
        yield rows, genotypes
        seen += len(rows)
        if progress is not None:
            progress(0.9 * seen / n_rows)


def prune_linked(
    blocks: Iterator[tuple[pd.DataFrame, NDArray[np.float32]]],
    *,
    window: int = LD_WINDOW,
    max_r2: float = MAX_R2,
) -> list[Any]:
    """Index labels of variants of which no two within a window are linked: greedy, first come, first kept.

    Parameters
    ----------
    blocks
        Tables with contig and position, in genome order, and their centred genotypes
        (n_variants, n_samples). Variants without variance are left out.
    window
        Base pairs within which variants are compared; at most the 200 last kept ones.
    max_r2
        Largest squared correlation of two variants that are both kept.

    Returns
    -------
    list
        Labels of the variants kept, in order.
    """
    kept: list[Any] = []
    near = np.empty((0, 0), dtype=np.float32)
    near_contig: NDArray[Any] = np.empty(0, dtype=object)
    near_position = np.empty(0, dtype=np.int64)
    for rows, genotypes in blocks:
        length = np.sqrt(np.einsum("ij,ij->i", genotypes, genotypes, dtype=np.float64))
        unit = (genotypes / np.maximum(length, 1e-12)[:, None]).astype(np.float32)
        n_near = len(near_position)
        vectors = np.vstack([near, unit]) if n_near else unit
        contig = np.concatenate([near_contig, rows["contig"].to_numpy(dtype=object)])
        position = np.concatenate([near_position, rows["position"].to_numpy(dtype=np.int64)])
        linked = (unit @ vectors.T) ** 2 > max_r2
        chosen = _first_unlinked(linked, contig, position, n_near, window, length > 1e-6)
        kept.extend(rows.index[np.array([i - n_near for i in chosen if i >= n_near], dtype=np.int64)])
        recent = np.array(chosen[-_MAX_WINDOW_VARIANTS:], dtype=np.int64)
        last = recent[(contig[recent] == contig[-1]) & (position[recent] >= position[-1] - window)]
        near, near_contig, near_position = vectors[last], contig[last], position[last]
    return kept


def _first_unlinked(
    linked: NDArray[np.bool_],
    contig: NDArray[Any],
    position: NDArray[np.int64],
    n_near: int,
    window: int,
    varies: NDArray[np.bool_],
) -> list[int]:
    chosen = list(range(n_near))
    for i in range(n_near, len(position)):
        if not varies[i - n_near]:
            continue
        recent = np.asarray(chosen[-_MAX_WINDOW_VARIANTS:], dtype=np.int64)
        close = (contig[recent] == contig[i]) & (position[recent] >= position[i] - window)
        if not linked[i - n_near, recent[close]].any():
            chosen.append(i)
    return chosen


def exact_components(
    blocks: Iterator[NDArray[np.float32]], n_components: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Leading eigenvectors of the samples' covariance, summed up block by block.

    Parameters
    ----------
    blocks
        Scaled genotypes (n_variants, n_samples).
    n_components
        Components wanted, below n_samples.

    Returns
    -------
    tuple
        (n_samples, n_components) unit-length components, and their shares of the variance.
    """
    from scipy.linalg import eigh

    total: NDArray[np.float64] | None = None
    for block in blocks:
        product = block.T.astype(np.float64) @ block.astype(np.float64)
        total = product if total is None else total + product
    if total is None:
        raise ValueError("no variants to compute components from")
    n = len(total)
    values, vectors = eigh(total, subset_by_index=(n - n_components, n - 1))
    return _fix_signs(vectors[:, ::-1]), values[::-1] / np.trace(total)


def iterated_components(
    read_blocks: Callable[[], Iterator[NDArray[np.float32]]],
    n_components: int,
    *,
    n_samples: int,
    seed: int = 0,
    n_iterations: int = 12,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Leading eigenvectors by subspace iteration: memory grows with samples, not with their square.

    Parameters
    ----------
    read_blocks
        Starts a pass over the scaled genotypes (n_variants, n_samples); called once per iteration.
    n_components
        Components wanted.
    n_samples
        Samples in each block.
    seed
        Of the random start.
    n_iterations
        Passes over the blocks.

    Returns
    -------
    tuple
        As `exact_components`.

    References
    ----------
    Halko N, Martinsson PG, Tropp JA (2011). Finding structure with randomness. SIAM Rev 53:217-288.
    """
    size = min(2 * n_components + 10, n_samples)
    basis = np.linalg.qr(np.random.default_rng(seed).normal(size=(n_samples, size)))[0]
    for _ in range(n_iterations):
        product, total = np.zeros_like(basis), 0.0
        for block in read_blocks():
            product += block.T @ (block @ basis)
            total += float(np.einsum("ij,ij->", block, block, dtype=np.float64))
        values, rotation = np.linalg.eigh(basis.T @ product)
        ritz = basis @ rotation[:, ::-1]
        basis = np.linalg.qr(product @ rotation[:, ::-1])[0]
    return _fix_signs(ritz[:, :n_components]), values[::-1][:n_components] / total


def _fix_signs(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return np.asarray(vectors * signs)


def _common_biallelic(cohort: Cohort, quality: Quality) -> pd.DataFrame:
    rows = cohort.variants
    frequency = quality.variants["allele_frequency"].to_numpy()
    common = np.minimum(frequency, 1 - frequency) >= MIN_FREQUENCY
    biallelic = ~rows["record"].duplicated(keep=False).to_numpy()
    passed = quality.variants["passed"].to_numpy(dtype=bool)
    return rows[common & biallelic & passed & autosomal(rows["contig"])]


def _count_regions(rows: pd.DataFrame) -> int:
    return len(set(zip(rows["contig"], rows["position"] // REGION_SIZE, strict=True)))


def _not_estimable(n_variants: int, n_regions: int, what: str) -> Structure:
    reason = (
        f"the {n_variants} {what} lie in {n_regions} separate 1-Mb regions of the autosomes; "
        f"population structure is estimated from {MIN_REGIONS} or more"
    )
    return Structure(
        pd.DataFrame({"sample_id": pd.Series(dtype=str)}), np.empty(0), n_variants, n_regions, False, reason
    )
