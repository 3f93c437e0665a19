"""A cohort: the variant calls of many patients in one VCF Zarr store, read block by block."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from genomics.block import FILL, NO_CALL, call_states
from genomics.chunk_reader import ChunkReader, ZarrReader, gather_rows, row_reader
from genomics.cohort_allel import AllelArrays
from genomics.cohort_check import array_axes, check_store, open_dataset, open_group, verify_files
from genomics.cohort_dosage import dosage_blocks
from genomics.cohort_pandas import call_table
from genomics.cohort_require import require_build, require_known_contigs
from genomics.cohort_select import named_records, overlapping_records, sample_columns
from genomics.cohort_variants import VARIANT_COLUMNS, variant_key, variant_table

if TYPE_CHECKING:
    import xarray as xr

    from genomics.policy import CallPolicy

__all__ = [
    "VARIANT_COLUMNS",
    "Cohort",
    "open_cohort",
    "require_build",
    "require_known_contigs",
    "variant_key",
]

Records = Sequence[int] | np.ndarray | slice


class Cohort:
    """Variant calls of many patients.

    Opening reads no calls, and checks that the store is whole as far as that can be told without reading
    them; `verify` reads every byte. Arrays come from `dataset`, an xarray Dataset over dask, or, block by
    block, from the methods here. See the documentation of `genomics` for axes and values.

    Parameters
    ----------
    path
        A VCF Zarr store, a folder or a ``.zip`` of one, as `ingest` or bio2zarr writes it.

    Raises
    ------
    InputError
        There is no store, or it is not whole.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._rows: np.ndarray | None = None  # of the store, where this is a selection
        self._columns: np.ndarray | None = None
        self._readers: dict[str, ChunkReader | ZarrReader] = {}
        self._axes: dict[str, tuple[str, ...]] = {}
        self.arrays = open_group(self.path)
        """The store itself, a zarr Group, whatever was selected of it."""
        check_store(self.path, self.arrays)

    def __repr__(self) -> str:
        size = f"{self.n_variants} records, {self.n_samples} samples"
        return f"Cohort({self.path.name!r}: {size}, {self.build})"

    def verify(self) -> int:
        """Read every chunk of the store and compare it with the checksum written with it.

        A store of another program carries none: its chunks are decompressed, which finds those cut off.

        Returns
        -------
        int
            How many files were read.

        Raises
        ------
        InputError
            A chunk is missing or damaged; it names the array and the chunk.
        """
        return verify_files(self.path, self.arrays)

    def select(
        self,
        *,
        regions: Sequence[str] | None = None,
        samples: Sequence[str] | None = None,
        remove: Collection[str] = (),
        extract: Collection[str] | None = None,
        exclude: Collection[str] = (),
    ) -> Cohort:
        """Return the same cohort with some of its records and samples.

        Nothing is copied; every method reads what was selected, and `record` counts from 0 in the selection.

        Parameters
        ----------
        regions
            Keep records that overlap one of these, by POS to INFO/END or over REF: ``19:10300000-10400000``.
        samples, remove
            Keep these samples, in this order; leave those out.
        extract, exclude
            Keep these variants; leave those out. A variant is named by ID or contig:position:ref:alt.

        Returns
        -------
        Cohort
            It may have no records: an empty region is an empty result.

        Raises
        ------
        InputError
            The store has no such contig, or no such sample.
        """
        wanted = np.ones(self.n_variants, bool)
        if regions is not None:
            wanted[:] = False
            wanted[overlapping_records(self, regions)] = True
        if extract is not None:
            wanted &= named_records(self, extract)
        if exclude:
            wanted &= ~named_records(self, exclude)
        rows = self._rows if wanted.all() else np.asarray(self._store_rows(np.flatnonzero(wanted)))
        columns = self._columns
        if samples is not None or remove:
            kept = sample_columns(self, samples, remove)
            columns = kept if columns is None else columns[kept]
        return self._part(rows, columns)

    def _part(self, rows: np.ndarray | None, columns: np.ndarray | None) -> Cohort:
        chosen = object.__new__(Cohort)
        chosen.path, chosen.arrays = self.path, self.arrays
        chosen._readers, chosen._axes = self._readers, self._axes
        chosen._rows, chosen._columns = rows, columns
        return chosen

    def __getstate__(self) -> tuple[Path, np.ndarray | None, np.ndarray | None]:
        # Another process opens the store itself; what was read here stays here.
        return self.path, self._rows, self._columns

    def __setstate__(self, state: tuple[Path, np.ndarray | None, np.ndarray | None]) -> None:
        Cohort.__init__(self, state[0])
        self._rows, self._columns = state[1:]

    def read(self, name: str, records: Records = slice(None)) -> np.ndarray:
        """Read some rows of one array, of the selected samples where it has that axis.

        Parameters
        ----------
        name
            An array of the store, such as ``call_DP`` or ``variant_quality``.
        records
            Records, in any order, or a slice. Only for arrays along variants; others are read whole.

        Returns
        -------
        Array (n, ...), the values as stored.

        Raises
        ------
        KeyError
            The store has no such array.
        """
        if name not in self._readers:
            self._axes[name] = array_axes(
                name, self.arrays[name]
            )  # first, for threads that look for a reader
            self._readers[name] = row_reader(self.arrays[name])
        reader, axes = self._readers[name], self._axes[name]
        if axes[0] == "samples" and self._columns is not None:
            return gather_rows(reader, self._columns)
        if axes[0] != "variants":
            return reader.read(0, reader.shape[0])
        columns = self._columns if "samples" in axes[1:2] else None
        return gather_rows(reader, self._store_rows(records), columns)

    def _store_rows(self, records: Records) -> np.ndarray | range:
        if isinstance(records, slice):
            chosen = range(self.n_variants)[records]
            return chosen if self._rows is None else self._rows[records]
        wanted = np.asarray(records, dtype=np.int64)
        return wanted if self._rows is None else self._rows[wanted]

    @cached_property
    def _n_stored(self) -> int:
        return int(self.arrays["variant_position"].shape[0])

    @cached_property
    def dataset(self) -> xr.Dataset:
        """All arrays, as an xarray Dataset over dask; the values are as stored, -1 and -2 included."""
        whole = open_dataset(self.path, self.arrays)
        if self._rows is not None:
            whole = whole.isel(variants=self._rows)
        return whole if self._columns is None else whole.isel(samples=self._columns)

    @property
    def build(self) -> str:
        """``GRCh37``, ``GRCh38`` or ``unknown``."""
        return str(self.arrays.attrs.get("build", "unknown"))

    @property
    def policy(self) -> CallPolicy:
        """What became of calls that are not plain; the defaults where the store states nothing."""
        from genomics.policy import policy_of

        return policy_of(self.arrays.attrs)

    @property
    def has_alleles_beyond_alt(self) -> bool:
        """Some calls name alleles that their records do not have; the file was read as it stands."""
        return "alleles_beyond_alt" in self.arrays.attrs

    @property
    def source(self) -> str:
        """Program and version that wrote the store."""
        return str(self.arrays.attrs.get("source", "unknown"))

    @property
    def build_evidence(self) -> dict[str, Any]:
        """What the build was decided on: counts of sites, the header's words, the reason."""
        evidence: Any = self.arrays.attrs.get("build_evidence", {})
        return dict(evidence)

    @cached_property
    def sample_ids(self) -> np.ndarray:
        """Sample identifiers in the order of the samples axis."""
        return np.asarray(self.read("sample_id"), dtype=object).astype(str)

    @property
    def n_variants(self) -> int:
        """Records; a multi-allelic site is one."""
        return self._n_stored if self._rows is None else len(self._rows)

    @cached_property
    def n_samples(self) -> int:
        """Samples."""
        return int(self.arrays["sample_id"].shape[0]) if self._columns is None else len(self._columns)

    @property
    def ploidy(self) -> int:
        """Alleles of the call that has most."""
        return int(self.arrays["call_genotype"].shape[2]) if "call_genotype" in self.arrays else 2

    @cached_property
    def contigs(self) -> list[str]:
        """Contigs that have records, in their order in the store, named as the file names them."""
        names = [str(name) for name in self.read("contig_id")]
        codes = self.read("variant_contig")
        _, first = np.unique(codes, return_index=True)
        return [names[codes[index]] for index in sorted(first)]

    @cached_property
    def filter_pass(self) -> np.ndarray:
        """Bool (n_variants,): FILTER is PASS or ``.``."""
        if "variant_filter" not in self.arrays:
            return np.ones(self.n_variants, bool)
        names = np.array([str(name) for name in self.read("filter_id")], dtype=object)
        flags = self.read("variant_filter")
        return np.logical_not(flags[:, names != "PASS"].any(axis=1))

    @cached_property
    def variants(self) -> pd.DataFrame:
        """One row per record and ALT, in the order of the store.

        Columns: record (row in the store), variant_id (contig:position:ref:alt), contig, position
        (1-based), ref, alt, alt_index (allele number of that ALT, from 1), rsid (the first rs number in
        ID, or ''), filter_pass (FILTER is PASS or '.'), consequence_gene, consequence, amino_acid_change
        ('' where the file carries no annotation). A record without ALT has no row.
        """
        return variant_table(self)

    def genotypes(self, records: Records) -> np.ndarray:
        """Read calls of some records as they are stored.

        Parameters
        ----------
        records
            Rows of the store, in any order, or a slice.

        Returns
        -------
        int8 (int16 beyond 127 alleles), (n, n_samples, ploidy)
            Allele numbers, -1 missing, -2 fill.
        """
        if "call_genotype" in self.arrays:
            return self.read("call_genotype", records)
        return np.full((len(self._store_rows(records)), self.n_samples, 2), FILL, np.int8)

    def states(self, records: Records) -> np.ndarray:
        """Read call states: 0 observed, 1 no-call, 2 filtered, 3 absent.

        A store that another program wrote carries none; they follow from its genotypes and filters then.

        Returns
        -------
        int8 (n, n_samples)
        """
        if "call_state" in self.arrays:
            return self.read("call_state", records)
        filtered = ~self.filter_pass[records]
        return call_states(self.genotypes(records), filtered[:, None])

    def phased(self, records: Records) -> np.ndarray:
        """Read which calls are phased throughout; bool (n, n_samples)."""
        if "call_genotype_phased" in self.arrays:
            return self.read("call_genotype_phased", records)
        return np.zeros(self.genotypes(records).shape[:2], bool)

    def dosage_blocks(
        self,
        rows: pd.DataFrame | None = None,
        *,
        min_gq: float | None = None,
        min_dp: float | None = None,
        block: int | None = None,
    ) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Count copies of each ALT, a block of variants at a time.

        Parameters
        ----------
        rows
            Rows of `variants`, all by default. Blocks come in their order.
        min_gq, min_dp
            A call below counts as not observed, and so does one without a value where others of its
            record have one. A record that carries no GQ (DP) at all is not held to it.
        block
            Variants per block; by default as many as make 64 MB, at most 1,000.

        Yields
        ------
        rows : DataFrame
            The block's rows of `variants`.
        dosage : float32 (n, n_samples)
            Copies of that ALT, counted against all other alleles (a haploid call as the store's call policy says, 0 or 1 by default); NaN where
            the call is not observed in full or fails a threshold.
        """
        return dosage_blocks(self, rows, min_gq, min_dp, block)

    def to_pandas(self) -> pd.DataFrame:
        """Return `variants`, a table of one's own to change."""
        return self.variants.copy()

    def calls(self, records: Records, fields: Sequence[str] = ()) -> pd.DataFrame:
        """Return the calls of a few records as a table, one row per record and sample.

        Parameters
        ----------
        records
            Records; at most 5,000,000 calls.
        fields
            FORMAT fields of one value to add, such as ``DP``.

        Returns
        -------
        DataFrame
            record, contig, position, sample_id, gt (as in VCF), state, and the fields; integers that are missing
            are NA.

        Raises
        ------
        InputError
            The calls are too many, or there is no such field.
        """
        return call_table(self, records, fields)

    def to_allel(self) -> AllelArrays:
        """Return the cohort as scikit-allel's arrays: ``cohort.to_allel().genotypes()`` and so on."""
        return AllelArrays(self)

    def no_call_counts(self) -> np.ndarray:
        """Count the no-calls of each sample over all records; int64 (n_samples,)."""
        counts = np.zeros(self.n_samples, np.int64)
        for start in range(0, self.n_variants, 1000):
            counts += (self.states(slice(start, start + 1000)) == NO_CALL).sum(axis=0)
        return counts


def open_cohort(path: str | os.PathLike[str]) -> Cohort:
    """Open a cohort store.

    Parameters
    ----------
    path
        A VCF Zarr store.

    Returns
    -------
    Cohort

    Raises
    ------
    InputError
        There is no store under this name.

    Examples
    --------
    >>> open_cohort("/nowhere/cohort.vcz")
    Traceback (most recent call last):
    ...
    genomics.errors.InputError: cohort.vcz: no such cohort store; make it with varimol ingest
    """
    return Cohort(path)
