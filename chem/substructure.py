"""Substructure search over many molecules: a screen on pattern fingerprints, then RDKit's SubstructLibrary.

RDKit's pattern fingerprint has a bit for each small generic pattern, so that a molecule which contains the query has
all of the query's bits. They are stored as columns (`chem.bit_columns`): screening a million molecules reads some
megabytes. What passes is matched by RDKit itself, on molecules read from their SMILES with full sanitisation:
`CachedTrustedSmilesMolHolder`, which skips it, finds none of the hits of a query on hybridisation ([^2]) or of
E/Z stereochemistry, and says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import rdSubstructLibrary

from chem.atomic import new_directory
from chem.bit_columns import column_tiles, columns_shape, molecules_with_all
from chem.errors import InputError
from chem.fingerprint import fingerprint_blocks
from chem.fingerprint_kinds import settle
from chem.index_files import DESCRIPTION, open_array, read_description, write_blocks, write_description
from chem.parse import captured_rdkit_log, explain_smiles, first_complaint, parse_smiles

QUERY_KINDS = ("smarts", "smiles")

_KIND = "substructure"
_N_BITS = 2048
_AT_ONCE = 4096


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
    smiles
        The molecules, by position.

    Examples
    --------
    >>> index = index_substructures(["CCO", "c1ccccc1O", "CCN"])
    >>> [(hit.position, hit.atoms) for hit in index.search(parse_query("[OX2H]"))]
    [(0, ((2,),)), (1, ((6,),))]
    """

    columns: NDArray[np.uint64]
    smiles: Sequence[str]

    def __len__(self) -> int:
        return len(self.smiles)

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
            smiles = [self.smiles[position] for position in positions]
            for place in _matching(smiles, query, parameters, threads):
                matched = _matched_atoms(smiles[place], query, parameters) if atoms else ()
                yield SubstructureHit(int(positions[place]), matched)
                n_hits += 1
                if n_hits == max_results:
                    return
            if progress is not None:
                progress((start + len(positions)) / len(candidates))


def _parameters(chirality: bool) -> Chem.SubstructMatchParameters:
    parameters = Chem.SubstructMatchParameters()
    # RDKit's stubs give its properties the type of their class.
    parameters.useChirality = chirality  # type: ignore[assignment]
    parameters.recursionPossible = True  # type: ignore[assignment]
    return parameters


def _matching(
    smiles: list[str], query: Chem.Mol, parameters: Chem.SubstructMatchParameters, threads: int
) -> list[int]:
    holder = rdSubstructLibrary.CachedSmilesMolHolder()
    for text in smiles:
        holder.AddSmiles(text)
    library = rdSubstructLibrary.SubstructLibrary(holder)
    with rdBase.BlockLogs():
        return sorted(
            library.GetMatches(query, 0, len(smiles), parameters, numThreads=threads, maxResults=len(smiles))
        )


def _matched_atoms(
    smiles: str, query: Chem.Mol, parameters: Chem.SubstructMatchParameters
) -> tuple[tuple[int, ...], ...]:
    molecule = parse_smiles(smiles)
    return tuple(molecule.GetSubstructMatches(query, parameters)) if molecule is not None else ()


def index_substructures(
    smiles: Sequence[str], directory: str | Path | None = None, *, source: str = "", threads: int = 1
) -> SubstructureIndex:
    """Arrange molecules for substructure search, in memory or on disk.

    Parameters
    ----------
    smiles
        The molecules; the index on disk does not keep them.
    directory
        Where to write the index; an earlier one is replaced once the new one is whole.
    source
        What the molecules are, which `open_substructures` compares.
    threads
        Processes that make the pattern fingerprints.

    Returns
    -------
    SubstructureIndex
        The index.

    Raises
    ------
    InputError
        A SMILES does not parse, or the directory holds something else.
    """
    rows = fingerprint_blocks(smiles, settle("pattern", n_bits=_N_BITS, packed=True), threads=threads)
    width, shape = _N_BITS // 8, columns_shape(len(smiles), _N_BITS)
    if directory is None:
        packed = np.concatenate([np.empty((0, width), np.uint8), *rows])
        tiles = list(column_tiles(packed, _N_BITS))
        return SubstructureIndex(np.stack(tiles) if tiles else np.empty(shape, np.uint64), smiles)
    with new_directory(directory, replaces=DESCRIPTION) as building:
        unsorted = building / "rows.npy"
        write_blocks(unsorted, (len(smiles), width), np.uint8, rows)
        packed = open_array(unsorted, (len(smiles), width), np.uint8)
        write_blocks(building / "columns.npy", shape, np.uint64, column_tiles(packed, _N_BITS))
        del packed
        unsorted.unlink()
        write_description(building, _KIND, len(smiles), source, n_bits=_N_BITS)
    return open_substructures(directory, smiles, source=source)


def open_substructures(
    directory: str | Path, smiles: Sequence[str], *, source: str | None = None
) -> SubstructureIndex:
    """Open an index that `index_substructures` wrote; its columns are mapped, not read.

    Parameters
    ----------
    directory
        The index.
    smiles
        The molecules it was made of.
    source
        What they are; not compared where None.

    Returns
    -------
    SubstructureIndex
        The index.

    Raises
    ------
    chem.index_files.StaleIndexError
        It was made of something else, by another version of the program or of RDKit.
    InputError
        Not an index, damaged, or of another number of molecules.
    """
    folder = Path(directory)
    description = read_description(folder, _KIND, source)
    if description["n_molecules"] != len(smiles):
        raise InputError(
            f"the search index is of {description['n_molecules']} molecules",
            file=folder / DESCRIPTION,
            expected=f"{len(smiles)}",
            hint="make the index again",
        )
    columns = open_array(folder / "columns.npy", columns_shape(len(smiles), _N_BITS), np.uint64)
    return SubstructureIndex(columns, smiles)
