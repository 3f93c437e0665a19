"""A cohort as scikit-allel's arrays, with what those cannot hold said rather than lost.

scikit-allel knows one missing value, -1, and takes a call as called only where all of its alleles are there. So a
haploid ``1`` beside diploid calls, [1, -2] in the store, reads as [1, -1] and counts as not called: the males of X
vanish from `count_called`, `is_het` and `heterozygosity_observed`. `mixed_ploidy` says what becomes of such calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from genomics.block import FILL, MISSING
from genomics.cohort_variants import record_contigs
from genomics.errors import InputError

if TYPE_CHECKING:
    import allel

    from genomics.cohort import Cohort

MixedPloidy = Literal["refuse", "missing", "double"]
HalfCalls = Literal["count", "missing"]
Records = Sequence[int] | np.ndarray | slice
_CELLS_AT_ONCE = 20_000_000


class AllelArrays:
    """The arrays of scikit-allel over one cohort.

    Parameters
    ----------
    cohort
        The cohort, or a selection of one.
    """

    def __init__(self, cohort: Cohort) -> None:
        self.cohort = cohort

    def genotypes(
        self, records: Records = slice(None), *, mixed_ploidy: MixedPloidy = "refuse"
    ) -> allel.GenotypeArray:
        """Read calls into memory.

        Parameters
        ----------
        records
            Records, in any order, or a slice.
        mixed_ploidy
            What becomes of a call with fewer alleles than the array has places, such as a haploid ``1`` among
            diploid ones: ``refuse`` (an error), ``missing`` ([1, -1], not called to scikit-allel) or ``double``
            ([1, 1]: called and homozygous, but it counts twice in allele counts; a diploid call among
            triploid ones stays missing).

        Returns
        -------
        GenotypeArray (n, n_samples, ploidy)
            -1 for every allele that is not there.

        Raises
        ------
        InputError
            There are calls of mixed ploidy and none of the other ways was chosen.
        """
        import allel

        _check_choice(mixed_ploidy, ("refuse", "missing", "double"), "mixed_ploidy")
        return allel.GenotypeArray(_as_allel(self.cohort.genotypes(records), mixed_ploidy, self.cohort.path))

    def lazy_genotypes(self, *, mixed_ploidy: MixedPloidy = "refuse") -> allel.GenotypeDaskArray:
        """Return calls that are read, block by block, when they are computed with; see `genotypes`."""
        import allel

        _check_choice(mixed_ploidy, ("refuse", "missing", "double"), "mixed_ploidy")
        data = self.cohort.dataset["call_genotype"].data
        path = self.cohort.path
        return allel.GenotypeDaskArray(data.map_blocks(_as_allel, mixed_ploidy, path, meta=data._meta))

    def allele_counts(
        self, records: Records = slice(None), *, half_calls: HalfCalls = "count"
    ) -> allel.AlleleCountsArray:
        """Count the alleles of each record over all samples, block by block.

        A haploid call counts once and a triploid one three times, whatever the other calls have.

        Parameters
        ----------
        records
            Records, in any order, or a slice.
        half_calls
            ``count`` the allele that is there in ``./1``, as scikit-allel and bcftools do, or take the
            call as ``missing``.

        Returns
        -------
        AlleleCountsArray int32 (n, alleles)
        """
        import allel

        _check_choice(half_calls, ("count", "missing"), "half_calls")
        rows = np.arange(self.cohort.n_variants)[records]
        counts = np.zeros((len(rows), int(self.cohort.arrays["variant_allele"].shape[1])), np.int32)
        step = max(1, _CELLS_AT_ONCE // max(1, self.cohort.n_samples * self.cohort.ploidy))
        for start in range(0, len(rows), step):
            genotypes = self.cohort.genotypes(rows[start : start + step])
            if half_calls == "missing":
                half = (genotypes == MISSING).any(axis=2, keepdims=True)
                genotypes = np.where(half, np.asarray(MISSING, genotypes.dtype), genotypes)
            for allele in range(counts.shape[1]):
                counts[start : start + step, allele] = (genotypes == allele).sum(axis=(1, 2))
        return allel.AlleleCountsArray(counts)

    def variants(self) -> allel.VariantTable:
        """Return CHROM, POS, ID, REF, ALT, QUAL, FILTER_PASS and numalt of each record, as scikit-allel names them."""
        import allel

        cohort = self.cohort
        alleles = np.asarray(cohort.read("variant_allele"), dtype=object).astype(str)
        without = np.full(len(alleles), np.nan, np.float32)
        columns = {
            "CHROM": record_contigs(cohort).astype(str),
            "POS": cohort.read("variant_position").astype(np.int32),
            "ID": np.asarray(cohort.read("variant_id"), dtype=object).astype(str),
            "REF": alleles[:, 0],
            "ALT": alleles[:, 1:],
            "QUAL": cohort.read("variant_quality") if "variant_quality" in cohort.arrays else without,
            "FILTER_PASS": cohort.filter_pass,
            "numalt": (alleles[:, 1:] != "").sum(axis=1).astype(np.int32),
        }
        table = np.empty(len(alleles), [(name, v.dtype, v.shape[1:]) for name, v in columns.items()])
        for name, values in columns.items():
            table[name] = values
        return allel.VariantTable(table)


def _check_choice(chosen: str, known: tuple[str, ...], field: str) -> None:
    if chosen not in known:
        raise InputError(f"{chosen!r} is not known", field=field, expected=", ".join(known))


def _as_allel(genotypes: np.ndarray, mixed_ploidy: str, file: Any) -> np.ndarray:
    """Put -1 or a doubled allele where a call has fewer alleles than the array has places."""
    short = (genotypes[..., -1:] == FILL) & (genotypes[..., :1] != FILL)
    if not short.any():
        return np.maximum(genotypes, np.asarray(MISSING, genotypes.dtype))
    if mixed_ploidy == "refuse":
        count = int(short.sum())
        raise InputError(
            f"{count} calls have fewer than {genotypes.shape[-1]} alleles, which scikit-allel takes as not called",
            file=file,
            field="GT",
            expected="calls of one ploidy",
            hint="mixed_ploidy='missing' reads them so, 'double' writes a haploid 1 as 1/1; or select "
            "the records and samples of one ploidy",
        )
    if mixed_ploidy == "double":
        haploid = (genotypes[..., 1] == FILL)[..., None] if genotypes.shape[-1] > 1 else False
        genotypes = np.where(haploid, genotypes[..., :1], genotypes)
    return np.maximum(genotypes, np.asarray(MISSING, genotypes.dtype))
