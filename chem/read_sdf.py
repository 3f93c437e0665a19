"""SDF: mol blocks with properties, $$$$ between them (CTfile formats, BIOVIA 2020)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, pairwise

from chem.columns import usual_id
from chem.read_origin import Origin
from chem.read_structure import structure_smiles
from chem.record import CompoundRecord

MAX_SDF_RECORD = 1 << 24
"""Longest SDF record that is kept, in characters."""

_LONGEST_TITLE = 1_000
_UNFINISHED = "the record does not end with $$$$: its properties may be cut off"


class SdfBlock:
    """Lines of one record, the line it starts on, whether $$$$ ends it, and how long it was."""

    __slots__ = ("finished", "line", "lines", "size")

    def __init__(self, line: int) -> None:
        self.line, self.finished, self.size = line, False, 0
        self.lines: list[str] = []

    def add(self, lines: list[str]) -> None:
        """Take lines, unless the record is over its limit by then."""
        self.size += sum(map(len, lines))
        if self.size <= MAX_SDF_RECORD:
            self.lines += lines


def read_sdf(blocks: Iterable[list[str]], origin: Origin) -> Iterator[CompoundRecord]:
    r"""Records of an SDF, V2000 and V3000; a damaged one comes with its reason and spoils no other.

    As in RDKit's suppliers a line that begins with $$$$ ends a record wherever it stands, a mol block needs its
    'M  END', and the last record may lack its $$$$ (`note` says so if anything stands behind its mol block).

    Where a $$$$ is missing between two mol blocks, both are records.

    Parameters
    ----------
    blocks
        Lines, as `chem.text_source.read_line_blocks` gives them.
    origin
        Where they come from; its `id_column` is the property of the identifiers.

    Yields
    ------
    CompoundRecord
        In order; `input` is the SMILES that RDKit makes of the mol block, or the block itself (kind
        'molblock') where `origin.mol_blocks` asks for it.

    Examples
    --------
    >>> lines = ["methane", "", "", "  1  0  0  0  0  0  0  0  0  0999 V2000"]
    >>> lines += ["    0.0000    0.0000    0.0000 C   0  0", "M  END", "$$$$", "cut", "", ""]
    >>> [(record.id, record.input, record.reason) for record in read_sdf([lines], Origin("a.sdf"))]
    [('methane', 'C', ''), ('cut', '', "the file ends inside this record's mol block: it is cut off")]
    """
    parts = chain.from_iterable(map(_parted, _blocks(blocks)))
    for row, block in enumerate(parts, start=origin.rows_before + 1):
        yield _record(row, block, origin)


def _blocks(blocks: Iterable[list[str]]) -> Iterator[SdfBlock]:
    number = 1
    current = SdfBlock(number)
    for lines in blocks:
        begin = 0
        for end in [at for at, text in enumerate(lines) if text[:4] == "$$$$"]:
            current.add(lines[begin:end])
            current.finished = True
            yield current
            begin = end + 1
            current = SdfBlock(number + begin)
        current.add(lines[begin:])
        number += len(lines)
    if any(text.strip() for text in current.lines):
        yield current


def _parted(block: SdfBlock) -> Iterator[SdfBlock]:
    """Part records between which the $$$$ is missing: a counts line behind 'M  END' tells another mol block."""
    ends = [at for at, text in enumerate(block.lines) if text.startswith("M  END")]
    begin = 0
    for end, later in pairwise(ends):
        counts = [at for at in range(end + 4, later) if block.lines[at].rstrip().endswith(("V2000", "V3000"))]
        if not counts:
            continue
        part = SdfBlock(block.line + begin)
        part.add(block.lines[begin : counts[0] - 3])
        part.finished = True
        yield part
        begin = counts[0] - 3
    if not begin:
        yield block
        return
    last = SdfBlock(block.line + begin)
    last.add(block.lines[begin:])
    last.finished = block.finished
    yield last


def _record(row: int, block: SdfBlock, origin: Origin) -> CompoundRecord:
    lines = block.lines
    title = lines[0][:_LONGEST_TITLE].strip() if lines else ""
    end = next((at for at, text in enumerate(lines) if text.startswith("M  END")), None)
    properties = _properties(lines if end is None else lines[end + 1 :])
    label = _label(properties, origin.id_column, title) or str(row)
    record = CompoundRecord(row, block.line, label, title, file=origin.folder_name)
    if block.size > MAX_SDF_RECORD:
        reason = f"a record of {block.size:,} characters; the limit is {MAX_SDF_RECORD:,}"
        return record._replace(reason=reason)
    if end is None:
        return record._replace(reason=_no_end(block))
    mol_block = "".join(text.rstrip("\r\n") + "\n" for text in lines[: end + 1])
    unfinished = "" if block.finished or not any(map(str.strip, lines[end + 1 :])) else _UNFINISHED
    if origin.mol_blocks:
        return record._replace(input=mol_block, kind="molblock", note=unfinished)
    smiles, reason, note = structure_smiles(mol_block, "molblock")
    return record._replace(input=smiles, reason=reason, note="; ".join(filter(None, (note, unfinished))))


def _no_end(block: SdfBlock) -> str:
    if block.finished:
        return "the mol block has no 'M  END': it is cut off"
    return "the file ends inside this record's mol block: it is cut off"


def _label(properties: dict[str, str], wanted: str | None, title: str) -> str:
    if wanted is not None:
        return properties.get(wanted, "")
    usual = usual_id(list(properties))
    return (properties[usual] if usual else "") or title


def _properties(lines: list[str]) -> dict[str, str]:
    """First line of each property; a blank line ends one, so that a value may begin with > too."""
    found: dict[str, str] = {}
    name = None
    for text in lines:
        if name is not None:
            if name not in found:
                found[name] = text.strip()
            if not text.strip():
                name = None
        elif text.startswith(">") and "<" in text:
            name = text[text.index("<") + 1 :].rsplit(">", 1)[0]
            name = None if name in found else name
    return found
