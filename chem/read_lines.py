"""Files of one structure per line: SMILES and InChI."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from chem.columns import names_structures
from chem.read_origin import Origin
from chem.read_structure import MAX_STRUCTURE, cut_text, structure_record
from chem.record import CompoundRecord
from chem.text_source import CutLine

_EXTENSION = re.compile(r"\|[^|]*\|")


def read_smiles_lines(blocks: Iterable[list[str]], origin: Origin) -> Iterator[CompoundRecord]:
    r"""Records of a SMILES file: the SMILES, a blank, and the rest of the line as identifier and name.

    An extension between bars (ChemAxon's, as in ``CCO |^1:0|``) belongs to the SMILES: radicals and relative
    stereochemistry stand there. Blank lines and lines that begin with # are no records, nor is a first line
    that begins with the word SMILES. A line of InChI is taken for what it is.

    Parameters
    ----------
    blocks
        Lines, as `chem.text_source.read_line_blocks` gives them.
    origin
        Where they come from.

    Yields
    ------
    CompoundRecord
        In order.

    Examples
    --------
    >>> lines = ["SMILES name\n", "CCO ethyl alcohol\n", "[CH2]C |^1:0| ethyl\n"]
    >>> [(record.input, record.name) for record in read_smiles_lines([lines], Origin("a.smi"))]
    [('CCO', 'ethyl alcohol'), ('[CH2]C |^1:0|', 'ethyl')]
    """
    row, line, file = origin.rows_before, 0, origin.folder_name
    for block in blocks:
        for text in block:
            line += 1
            fields = text.split(None, 1)
            if not fields or fields[0][0] == "#" or (row == origin.rows_before and _is_header(fields[0])):
                continue
            row += 1
            structure = fields[0]
            name = fields[1].strip() if len(fields) > 1 else ""
            if type(text) is CutLine:
                yield _cut_record(row, line, structure, text.length, file)
                continue
            if name.startswith("|"):
                structure, name = _with_extension(structure, name)
            yield structure_record(row, line, name, name, structure, file)


def read_inchi_lines(blocks: Iterable[list[str]], origin: Origin) -> Iterator[CompoundRecord]:
    r"""Records of an InChI file: the InChI, a blank, and the rest of the line as identifier and name.

    As `read_smiles_lines`, but a line that is no InChI is a rejected record, save the AuxInfo lines that the
    InChI program writes, which are none.

    Examples
    --------
    >>> lines = ["InChI=1S/CH4/h1H4 methane\n", "CCO\n"]
    >>> [(record.kind, record.reason) for record in read_inchi_lines([lines], Origin("a.inchi"))]
    [('inchi', ''), ('smiles', "is no InChI: it does not begin with 'InChI='")]
    """
    kept = ([line if not line.startswith("AuxInfo=") else "\n" for line in block] for block in blocks)
    for record in read_smiles_lines(kept, origin):
        if record.kind != "inchi" and not record.reason:
            record = record._replace(reason="is no InChI: it does not begin with 'InChI='")
        yield record


def _is_header(first: str) -> bool:
    return len(first) <= 60 and names_structures([first])


def _with_extension(structure: str, rest: str) -> tuple[str, str]:
    found = _EXTENSION.match(rest)
    if found is None:
        return structure, rest
    return f"{structure} {found.group()}", rest[found.end() :].strip()


def _cut_record(row: int, line: int, structure: str, length: int, file: str) -> CompoundRecord:
    reason = f"a line of {length:,} characters; the limit for a structure is {MAX_STRUCTURE:,}"
    return CompoundRecord(row, line, str(row), "", cut_text(structure, length), reason, file=file)
