"""Substructure search over many molecules: a screen on pattern fingerprints, then RDKit's SubstructLibrary.

RDKit's pattern fingerprint has a bit for each small generic pattern, so that a molecule which contains the query has
all of the query's bits. They are stored as columns (`chem.bit_columns`): screening a million molecules reads some
megabytes. What passes is matched by RDKit itself, on sanitised molecules in RDKit's own binary form, which it reads
six times as fast as SMILES. (Its `CachedTrustedSmilesMolHolder`, which reads SMILES without sanitisation, finds
none of the hits of a query on hybridisation, as [^2], or on E/Z stereochemistry, and says nothing.)
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdSubstructLibrary

from chem.atomic import new_directory
from chem.bit_columns import column_tiles, columns_shape, molecules_with_all
from chem.errors import InputError
from chem.fingerprint import fingerprints
from chem.index_files import DESCRIPTION, open_array, read_description, write_blocks, write_description
from chem.interrupts import python_interrupts
from chem.molecules import Structure, map_blocks, molecule_at
from chem.parse import captured_rdkit_log, explain_smiles, first_complaint, parse_smiles

QUERY_KINDS = ("smarts", "smiles")

_KIND = "substructure"
_N_BITS = 2048
_AT_ONCE = 4096
_BLOCK = 5000
_DAMAGED = "remove the folder, and it is made again"


@dataclass(frozen=True)
class SubstructureHit:
    """One molecule that contains the query.

    Parameters
    ----------
    position
        Its place in the list, from 0.
    atoms
        For each match, as many as differ in their atoms, the atoms' numbers, from 0 in the order of the molecule's
        SMILES; the first belongs to the query's first atom. Empty where they were not asked for.
    """

    position: int
    atoms: tuple[tuple[int, ...], ...]


def parse_query(text: str, kind: str = "smarts") -> Chem.Mol:
    """Read the query of a substructure search.

    Parameters
    ----------
    text
        The query.
    kind
        'smarts', or 'smiles': then it is a molecule, whose aromaticity RDKit perceives and whose hydrogens may
        be anything. The same text can mean different things: C1=CC=CC=C1 as SMARTS never matches benzene, as
        SMILES it is benzene.

    Returns
    -------
    rdkit.Chem.Mol
        The query.

    Raises
    ------
    InputError
        It does not parse or has no atom.

    Examples
    --------
    >>> parse_query("[#6]-[OX2H]").GetNumAtoms(), parse_query("C1=CC=CC=C1", "smiles").GetAtomWithIdx(0).GetIsAromatic()
    (2, True)
    """
    if kind not in QUERY_KINDS:
        raise InputError(f"a query as {kind!r}", field="kind", expected=" or ".join(QUERY_KINDS))
    expected = "a SMARTS pattern" if kind == "smarts" else "a SMILES with at least one atom"
    if kind == "smiles":
        query, complaint = parse_smiles(text), explain_smiles(text)
    elif not text.strip():
        query, complaint = None, "empty SMARTS"
    else:
        with captured_rdkit_log() as said:
            query = Chem.MolFromSmarts(text.strip())
        complaint = first_complaint(said) or "RDKit could not read it"
    if query is None or not query.GetNumAtoms():
        raise InputError(
            f"{text!r} does not parse: {complaint}",
            field="substructure",
            expected=expected,
            hint="a SMILES query has to be said to be one" if kind == "smarts" else None,
        )
    return query


@dataclass(frozen=True, eq=False)
class SubstructureIndex:
    """Molecules arranged for substructure search.

    Parameters
    ----------
    columns
        uint64 (n_tiles, n_bits, words): pattern fingerprints as `chem.bit_columns`, memory-mapped where opened from disk.
    molecules
        uint8 (n_bytes,): the molecules in RDKit's binary form, one after the other.
    offsets
        int64 (n_molecules + 1,): where each begins and the last one ends.
    checksums
        uint32 (n_molecules,): CRC-32 of each, compared before RDKit reads it: a byte that has changed on the disk
        must not become another molecule.

    Examples
    --------
    >>> index = index_substructures(["CCO", "c1ccccc1O", "CCN"])
    >>> [(hit.position, hit.atoms) for hit in index.search(parse_query("[OX2H]"))]
    [(0, ((2,),)), (1, ((6,),))]
    """

    columns: NDArray[np.uint64]
    molecules: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    checksums: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def candidates(self, query: Chem.Mol) -> NDArray[np.int64]:
        """Positions of the molecules that the screen lets pass, ascending: all that contain the query, and more."""
        bits = list(Chem.PatternFingerprint(query, fpSize=self.columns.shape[1]).GetOnBits())
        return molecules_with_all(self.columns, len(self), bits)

    def search(
        self,
        query: Chem.Mol,
        *,
        chirality: bool = False,
        max_results: int | None = None,
        atoms: bool = True,
        threads: int = 1,
        progress: Callable[[float], None] | None = None,
    ) -> Iterator[SubstructureHit]:
        """Find the molecules that contain a query, in order, as they are found.

        Memory does not grow with the number of molecules or of hits: some thousand are looked at at once.

        Parameters
        ----------
        query
            As `parse_query` returns it.
        chirality
            Let the query's stereochemistry count, tetrahedral and E/Z; a centre it leaves open matches any.
        max_results
            Stop after so many.
        atoms
            Tell the matched atoms.
        threads
            Threads of RDKit's.
        progress
            Called with the share of the candidates looked at.

        Yields
        ------
        SubstructureHit
            By ascending position.

        Raises
        ------
        InputError
            `max_results` is below 1.
        """
        if max_results is not None and max_results < 1:
            raise InputError(f"{max_results} results asked for", field="max_results", expected="1 or more")
        return self._hits(query, _parameters(chirality), max_results, atoms, threads, progress)

    def _hits(
        self,
        query: Chem.Mol,
        parameters: Chem.SubstructMatchParameters,
        max_results: int | None,
        atoms: bool,
        threads: int,
        progress: Callable[[float], None] | None,
    ) -> Iterator[SubstructureHit]:
        n_hits, candidates = 0, self.candidates(query)
        for start in range(0, len(candidates), _AT_ONCE):
            positions = candidates[start : start + _AT_ONCE]
            molecules = [self._binary(position) for position in positions]
            with python_interrupts():
                places = _matching(molecules, query, parameters, threads)
            for place in places:
                with python_interrupts():
                    matched = _matched_atoms(molecules[place], query, parameters) if atoms else ()
                yield SubstructureHit(int(positions[place]), matched)
                n_hits += 1
                if n_hits == max_results:
                    return
            if progress is not None:
                progress((start + len(positions)) / len(candidates))

    def _binary(self, position: int) -> bytes:
        binary = self.molecules[self.offsets[position] : self.offsets[position + 1]].tobytes()
        if zlib.crc32(binary) != self.checksums[position]:
            raise InputError(
                "the search index is damaged: a checksum does not fit",
                file=getattr(self.molecules, "filename", None),
                record=int(position),
                hint=_DAMAGED,
            )
        return binary


def _parameters(chirality: bool) -> Chem.SubstructMatchParameters:
    parameters = Chem.SubstructMatchParameters()
    # RDKit's stubs give its properties the type of their class.
    parameters.useChirality = chirality  # type: ignore[assignment]
    parameters.recursionPossible = True  # type: ignore[assignment]
    return parameters


def _matching(
    molecules: list[bytes], query: Chem.Mol, parameters: Chem.SubstructMatchParameters, threads: int
) -> list[int]:
    holder = rdSubstructLibrary.CachedMolHolder()
    for binary in molecules:
        holder.AddBinary(binary)  # type: ignore[arg-type]  # RDKit's stubs take C++'s strings for text
    library = rdSubstructLibrary.SubstructLibrary(holder)
    size = len(molecules)
    return sorted(library.GetMatches(query, 0, size, parameters, numThreads=threads, maxResults=size))


def _matched_atoms(
    binary: bytes, query: Chem.Mol, parameters: Chem.SubstructMatchParameters
) -> tuple[tuple[int, ...], ...]:
    molecule = Chem.Mol(binary)  # type: ignore[call-overload]
    return tuple(molecule.GetSubstructMatches(query, parameters))


def index_substructures(
    smiles: Iterable[str], directory: str | Path | None = None, *, source: str = "", threads: int = 1
) -> SubstructureIndex:
    """Arrange molecules for substructure search, in memory or on disk.

    Parameters
    ----------
    smiles
        The molecules, read once.
    directory
        Where to write the index; an earlier one is replaced once the new one is whole. Memory does not grow with the
        number of molecules then.
    source
        What the molecules are, which `open_substructures` compares.
    threads
        Processes that read the molecules and make the pattern fingerprints.

    Returns
    -------
    SubstructureIndex
        The index.

    Raises
    ------
    InputError
        A SMILES does not parse, or the directory holds something else.
    """
    encoded = map_blocks(_encode, smiles, block=_BLOCK, threads=threads)
    if directory is None:
        blob, rows = io.BytesIO(), io.BytesIO()
        offsets, checksums = _written(encoded, rows, blob)
        packed = np.frombuffer(rows.getbuffer(), np.uint8).reshape(-1, _N_BITS // 8)
        columns = np.empty(columns_shape(len(packed), _N_BITS), np.uint64)
        for place, tile in enumerate(column_tiles(packed, _N_BITS)):
            columns[place] = tile
        return SubstructureIndex(columns, np.frombuffer(blob.getvalue(), np.uint8), offsets, checksums)
    with new_directory(directory, replaces=DESCRIPTION) as building:
        unsorted = building / "rows"
        with unsorted.open("wb") as rows_file, (building / "molecules.bin").open("wb") as blob_file:
            offsets, checksums = _written(encoded, rows_file, blob_file)
        packed = _mapped(unsorted).reshape(-1, _N_BITS // 8)
        shape = columns_shape(len(packed), _N_BITS)
        write_blocks(building / "columns.npy", shape, np.uint64, column_tiles(packed, _N_BITS))
        del packed
        unsorted.unlink()
        np.save(building / "offsets.npy", offsets, allow_pickle=False)
        np.save(building / "checksums.npy", checksums, allow_pickle=False)
        write_description(building, _KIND, len(offsets) - 1, source, n_bits=_N_BITS)
    return open_substructures(directory, source=source)


def open_substructures(directory: str | Path, *, source: str | None = None) -> SubstructureIndex:
    """Open an index that `index_substructures` wrote; it is mapped, not read.

    Parameters
    ----------
    directory
        The index.
    source
        What it must have been made of; not compared where None.

    Returns
    -------
    SubstructureIndex
        The index.

    Raises
    ------
    chem.index_files.StaleIndexError
        It was made of something else, by another version of the program or of RDKit.
    InputError
        Not an index, or damaged.
    """
    folder = Path(directory)
    n = read_description(folder, _KIND, source)["n_molecules"]
    columns = open_array(folder / "columns.npy", columns_shape(n, _N_BITS), np.uint64)
    offsets = np.asarray(open_array(folder / "offsets.npy", (n + 1,), np.int64))
    checksums = np.asarray(open_array(folder / "checksums.npy", (n,), np.uint32))
    blob = folder / "molecules.bin"
    size = blob.stat().st_size if blob.is_file() else -1
    if offsets[0] != 0 or offsets[-1] != size or (np.diff(offsets) <= 0).any():
        raise InputError(
            f"the search index is damaged: {max(size, 0)} bytes",
            file=blob,
            expected=f"{offsets[-1]}",
            hint=_DAMAGED,
        )
    return SubstructureIndex(columns, _mapped(blob), offsets, checksums)


def _encode(first: int, items: list[Structure]) -> tuple[NDArray[np.uint8], list[bytes]]:
    """Pattern fingerprints and binary forms of some molecules; runs in a process of its own."""
    molecules = [molecule_at(first + place, item) for place, item in enumerate(items)]
    # Without properties, whatever RDKit's default is: nothing that a pattern asks for is one.
    return fingerprints(molecules, "pattern", n_bits=_N_BITS, packed=True), [
        molecule.ToBinary(0) for molecule in molecules
    ]


def _written(
    encoded: Iterator[tuple[NDArray[np.uint8], list[bytes]]], rows: IO[bytes], blob: IO[bytes]
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Write both as they come and return where each molecule begins, and the checksum of each."""
    lengths, checksums = [np.zeros(1, np.int64)], [np.empty(0, np.uint32)]
    for packed, binaries in encoded:
        rows.write(packed.tobytes())
        blob.write(b"".join(binaries))
        lengths.append(np.array([len(binary) for binary in binaries], np.int64))
        checksums.append(np.array([zlib.crc32(binary) for binary in binaries], np.uint32))
    return np.cumsum(np.concatenate(lengths)), np.concatenate(checksums)


def _mapped(path: Path) -> NDArray[np.uint8]:
    return np.memmap(path, np.uint8, mode="r") if path.stat().st_size else np.empty(0, np.uint8)
