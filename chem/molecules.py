"""Long lists of SMILES to molecules and on to results, in blocks and over processes where that pays."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import chain, islice
from typing import TypeVar

from rdkit import Chem

from chem.errors import InputError
from chem.interrupts import python_interrupts
from chem.parse import explain_smiles, parse_smiles
from chem.worker_pool import worker_pool

Result = TypeVar("Result")
Structure = str | Chem.Mol
"""A SMILES, or a molecule that RDKit has read."""


def molecule_at(index: int, structure: Structure) -> Chem.Mol:
    """One item of a list as a molecule.

    Parameters
    ----------
    index
        Its place in the list, from 0, which an error names.
    structure
        A SMILES, or a molecule, which is returned as it is.

    Returns
    -------
    rdkit.Chem.Mol
        The molecule.

    Raises
    ------
    InputError
        The SMILES does not parse, or the molecule has no atom.

    Examples
    --------
    >>> molecule_at(0, "CCO").GetNumAtoms()
    3
    """
    if isinstance(structure, Chem.Mol):
        if structure.GetNumAtoms():
            return structure
        raise InputError("the molecule has no atoms", record=index, hint="remove this item")
    molecule = parse_smiles(structure)
    if molecule is None:
        raise InputError(
            f"{_short(repr(structure))} does not parse: {_short(explain_smiles(structure))}",
            record=index,
            field="smiles",
            expected="a SMILES with at least one atom",
            hint="remove or correct this item",
        )
    return molecule


def map_blocks(
    compute: Callable[[int, list[Structure]], Result],
    smiles: Iterable[Structure],
    *,
    block: int,
    threads: int = 1,
) -> Iterator[Result]:
    """Apply a function to a list block by block, in order, holding few blocks at a time.

    RDKit holds Python's lock while it reads SMILES, so threads would wait for each other: more than one
    means processes. They are started only where there is more than one block.

    Parameters
    ----------
    compute
        Called with the index of a block's first item and the block; a module's function or a partial of one.
    smiles
        Any iterable of SMILES or molecules; it is read once.
    block
        Items per block.
    threads
        Processes.

    Yields
    ------
    object
        What `compute` returns for each block, in the order of the list.

    Raises
    ------
    InputError
        One text is given in place of a list, or fewer than one thread is asked for.

    Examples
    --------
    >>> list(map_blocks(lambda first, items: (first, len(items)), ["C"] * 5, block=2))
    [(0, 2), (2, 2), (4, 1)]
    """
    if isinstance(smiles, str | Chem.Mol):
        raise InputError("one molecule was given", field="smiles", expected="a list of SMILES, even of one")
    if threads < 1:
        raise InputError(f"{threads} threads", field="threads", expected="1 or more")
    pieces = _pieces(iter(smiles), block)
    beginning = list(islice(pieces, 2))
    pieces = chain(beginning, pieces)
    if threads == 1 or len(beginning) < 2:
        return _one_by_one(compute, pieces)
    return _over_processes(compute, pieces, threads)


def _pieces(items: Iterator[Structure], block: int) -> Iterator[tuple[int, list[Structure]]]:
    first = 0
    while piece := list(islice(items, block)):
        yield first, piece
        first += len(piece)


def _one_by_one(
    compute: Callable[[int, list[Structure]], Result], pieces: Iterator[tuple[int, list[Structure]]]
) -> Iterator[Result]:
    for first, items in pieces:
        with python_interrupts():  # RDKit's search for patterns leaves a handler of its own behind
            result = compute(first, items)
        yield result


def _over_processes(
    compute: Callable[[int, list[Structure]], Result],
    pieces: Iterator[tuple[int, list[Structure]]],
    threads: int,
) -> Iterator[Result]:
    """Keep two blocks per process under way, so that memory does not grow with the list."""
    waiting: deque[Future[Result]] = deque()
    with worker_pool(threads) as pool:
        for first, items in pieces:
            waiting.append(pool.submit(compute, first, items))
            if len(waiting) >= 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _short(text: str) -> str:
    """Return the text as an error line can hold it: a SMILES may have millions of letters."""
    return text if len(text) <= 250 else f"{text[:200]}... ({len(text)} letters)"
