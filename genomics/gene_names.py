"""Names of genes that changed since a table was written, and which of two axes of a table holds genes.

The names come from the caller, as a mapping from a former symbol to the present one; nothing is looked up.
A former symbol that is the present name of another gene cannot stand in such a mapping: it would be read
wrongly in every new table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from jaxtyping import Int64

from genomics.errors import InputError

# Genes that nearly every table of tumours has, so that a table's axes can be told apart without a gene list.
LANDMARKS: frozenset[str] = frozenset(
    {"APC", "BRAF", "BRCA1", "BRCA2", "CDKN2A", "EGFR", "ERBB2", "KRAS", "MYC", "NRAS"}
    | {"PIK3CA", "PTEN", "RB1", "SMAD4", "TP53", "VHL"}
)
_N_SHOWN = 5


def check_aliases(aliases: Mapping[str, str]) -> None:
    """Check that no present symbol is itself given as a former one.

    Parameters
    ----------
    aliases
        Present symbol of each former one.

    Raises
    ------
    InputError
        A former symbol leads to another former symbol, or is the present name of another gene.

    Examples
    --------
    >>> check_aliases({"MLL2": "KMT2D"})
    >>> check_aliases({"MLL2": "KMT2D", "KMT2D": "X"})
    Traceback (most recent call last):
    ...
    genomics.errors.InputError: gene aliases, record MLL2: 'KMT2D' is itself given as a former symbol; expected \
a symbol in use; leave one of the two out
    """
    for former, present in aliases.items():
        if present in aliases:
            raise InputError(
                f"{present!r} is itself given as a former symbol",
                file="gene aliases",
                record=former,
                expected="a symbol in use",
                hint="leave one of the two out",
            )


def current_names(
    names: Sequence[str], aliases: Mapping[str, str], *, file: str | None = None
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Replace former symbols by present ones.

    Parameters
    ----------
    names
        Symbols of genes, each once.
    aliases
        Present symbol of each former one.
    file
        Named in the error.

    Returns
    -------
    names : tuple of str
        In the order given.
    renamed : dict
        Present symbol of each name that changed.

    Raises
    ------
    InputError
        Two names are those of one gene.

    Examples
    --------
    >>> current_names(["TP53", "MLL2"], {"MLL2": "KMT2D"})
    (('TP53', 'KMT2D'), {'MLL2': 'KMT2D'})
    """
    check_aliases(aliases)
    present = tuple(aliases.get(name, name) for name in names)
    first: dict[str, str] = {}
    for name, now in zip(names, present, strict=True):
        if now in first:
            same = name == first[now]
            raise InputError(
                "the gene has two columns" if same else f"names the same gene as {first[now]!r}",
                file=file,
                field=name,
                expected="each gene once",
                hint="remove one of the two",
            )
        first[now] = name
    return present, {name: now for name, now in zip(names, present, strict=True) if name != now}


def match_genes(
    names: Sequence[str], wanted: Sequence[str], aliases: Mapping[str, str]
) -> tuple[Int64[np.ndarray, " wanted"], dict[str, str]]:
    """Find each wanted gene among others, whichever of its names either side uses.

    Parameters
    ----------
    names
        Symbols to look among.
    wanted
        Symbols to look for.
    aliases
        Present symbol of each former one.

    Returns
    -------
    where : int64 (wanted,)
        Index into `names`, -1 where the gene is not there.
    renamed : dict
        The wanted symbol of each one in `names` that is found under another.

    Raises
    ------
    InputError
        Two names of one side are those of one gene.

    Examples
    --------
    >>> match_genes(["KMT2D", "TP53"], ["MLL2", "VHL"], {"MLL2": "KMT2D"})
    (array([ 0, -1]), {'KMT2D': 'MLL2'})
    """
    present, _ = current_names(names, aliases)
    place = {name: index for index, name in enumerate(present)}
    sought, _ = current_names(wanted, aliases)
    where = np.array([place.get(name, -1) for name in sought], dtype=np.int64)
    pairs = [(names[index], gene) for index, gene in zip(where, wanted, strict=True) if index >= 0]
    return where, {name: gene for name, gene in pairs if name != gene}


def looks_transposed(row_names: Sequence[str], column_names: Sequence[str], known: Collection[str]) -> bool:
    """Tell whether more rows than columns of a table are named as genes.

    Parameters
    ----------
    row_names, column_names
        Names along either axis.
    known
        Symbols that are genes; a few well-known ones are added.

    Examples
    --------
    >>> looks_transposed(["TP53", "KRAS"], ["ACH-000001", "ACH-000002"], ())
    True
    >>> looks_transposed(["ACH-000001"], ["TP53"], ())
    False
    """
    genes = LANDMARKS.union(known)
    return len(genes.intersection(row_names)) > len(genes.intersection(column_names))


def shown(names: Collection[str]) -> str:
    """Write the first few names, and how many more there are.

    Examples
    --------
    >>> shown(["C", "A", "B"]), shown([f"G{i}" for i in range(7)])
    ('A, B, C', 'G0, G1, G2, G3, G4 and 2 more')
    """
    ordered = sorted(names)
    more = f" and {len(ordered) - _N_SHOWN} more" if len(ordered) > _N_SHOWN else ""
    return ", ".join(ordered[:_N_SHOWN]) + more
