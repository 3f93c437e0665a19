"""What is wrong with a line of a VCF file: field, problem, and what was expected; and what can be mended.

htslib stops the program on a blank line, takes a QUAL that is no number for 0 and a POS beyond 32 bits for
another one. These are found here, before htslib sees the line. Lines that bcftools reads although
they are not as the #CHROM line has it (surplus columns, no sample columns) are brought into the form that htslib
reads alike in every version.
"""

from __future__ import annotations

import re
from pathlib import Path

from genomics.errors import InputError
from genomics.readers.protocol import Reject

SURPLUS_COLUMNS = "surplus_columns"
NO_CALL_COLUMNS = "no_call_columns"
ALLELES_BEYOND_ALT = "alleles_beyond_alt"

Problem = tuple[str, str, str]
"""Field, what is wrong, what was expected."""

MAX_POSITION = 2**31 - 1  # what a 32-bit integer holds
_FIXED_COLUMNS = 8
_SIGNED = re.compile(rb"[\t/|][+-]")  # htslib takes a sign alone for allele 0
_GT = re.compile(rb"^[/|]?(?:\.|\d+)(?:[/|](?:\.|\d+))*$")
_QUAL = re.compile(
    rb"^(?:\.|[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:inf(?:inity)?|nan))$", re.I
)
_LONG_ALLELE = re.compile(rb"[\t/|]0*[1-9]\d{4,}(?=[/|:\t]|$)")
_LEADING = (b"\t/", b"\t|", b":/", b":|")
MAX_ALLELE = 2**15 - 1


def line_problem(line: bytes, n_samples: int) -> Problem | None:
    """Check what htslib does not; None for a line that it may see.

    Parameters
    ----------
    line
        Without its line end.
    n_samples
        Sample columns of the header.
    """
    n_columns = line.count(b"\t") + 1
    if not line.strip():
        return "CHROM", "a blank line", "a record"
    if problem := _column_problem(n_columns, n_samples):
        return problem
    contig, position, identifier, ref, alt, quality, filters, rest = line.split(b"\t", 7)
    if not contig:
        return "CHROM", "an empty contig name", "a name such as 1 or chr1"
    if contig.startswith(b"#"):
        return "CHROM", "a header line among the records", "a record"
    if problem := _position_problem(position):
        return problem
    if not _QUAL.match(quality):
        return "QUAL", f"{_show(quality)} is not a quality", "a number or '.'"
    if not line.isascii():
        named = zip(
            ("CHROM", "ID", "REF", "ALT", "FILTER"), (contig, identifier, ref, alt, filters), strict=True
        )
        for name, text in named:
            if not _is_utf8(text):
                return name, f"{_show(text)} is not valid UTF-8", "text in UTF-8"
    if b"\0" in line:
        return "record", "a NUL byte", "text"
    if n_columns > _FIXED_COLUMNS and _LONG_ALLELE.search(rest):
        return _long_allele(line)
    if n_columns > _FIXED_COLUMNS and _SIGNED.search(rest):
        return _unreadable_call(line)
    return None


def _column_problem(n_columns: int, n_samples: int) -> Problem | None:
    named = 9 + n_samples if n_samples else _FIXED_COLUMNS
    if n_columns >= named or n_columns == _FIXED_COLUMNS:
        return None
    return "columns", f"{n_columns} columns", f"{named}, as the #CHROM line names"


def _position_problem(position: bytes) -> Problem | None:
    if not position.isdigit():
        return "POS", f"{_show(position)} is not a position", "a whole number, counted from 1"
    digits = position.lstrip(b"0")
    if len(digits) > 10 or int(digits or b"0") > MAX_POSITION:
        return "POS", f"{_show(position)} is too large", f"at most {MAX_POSITION}"
    return None


def _long_allele(line: bytes) -> Problem | None:
    """Refuse an allele number beyond what an array of 16-bit numbers holds."""
    for number, call in enumerate(genotype_cells(line) or (), start=1):
        alleles = [allele.lstrip(b"0") for allele in re.split(rb"[/|]", call) if allele.isdigit()]
        if any(len(allele) > 5 or int(allele or b"0") > MAX_ALLELE for allele in alleles):
            shown = f"{_show(call)} in sample column {number} has an allele number that is too large"
            return "GT", shown, f"at most {MAX_ALLELE}"
    return None


def line_locus(line: bytes) -> tuple[str, int] | None:
    r"""Return contig and position of a line, None where they cannot be read.

    Examples
    --------
    >>> line_locus(b"chr1\t100\trs1"), line_locus(b"chr1\tx\trs1")
    (('chr1', 100), None)
    """
    columns = line.split(b"\t", 2)
    if len(columns) < 3 or not columns[1].isdigit() or len(columns[1]) > 10:
        return None
    return columns[0].decode("utf-8", errors="replace"), int(columns[1])


def report_bad(reject: Reject | None, path: Path, record: int | str, problem: Problem) -> None:
    """Hand a bad record to `reject`, or raise for it where there is none.

    Raises
    ------
    InputError
        There is none.
    """
    field_name, reason, expected = problem
    if reject is not None:
        reject(record, field_name, f"{reason}; expected {expected}")
        return
    raise InputError(
        reason,
        file=path,
        record=record,
        field=field_name,
        expected=expected,
        hint="correct the record, or leave bad records out with --keep-going",
    )


def genotype_cells(line: bytes) -> list[bytes] | None:
    """Return the text of GT of every sample column; None where the record has no GT."""
    columns = line.split(b"\t")
    keys = columns[8].split(b":") if len(columns) > _FIXED_COLUMNS else []
    if b"GT" not in keys:
        return None
    at = keys.index(b"GT")
    if at == 0:
        return [cell.split(b":", 1)[0] for cell in columns[9:]]
    cells = (cell.split(b":") for cell in columns[9:])
    return [values[at] if at < len(values) else b"." for values in cells]


def has_leading_phase(line: bytes) -> bool:
    """Tell whether a call may start with ``/`` or ``|``, as VCF 4.4 allows."""
    return any(mark in line for mark in _LEADING)


def without_leading_phase(line: bytes) -> bytes:
    r"""Take a leading ``/`` or ``|`` off every call: older htslib does not read it.

    Examples
    --------
    >>> columns = [b"1", b"5", b".", b"A", b"G", b".", b".", b".", b"GT:DP", b"|0/1:7", b"0|1"]
    >>> without_leading_phase(b"\t".join(columns)).split(b"\t")[9:]
    [b'0/1:7', b'0|1']
    """
    columns = line.split(b"\t")
    keys = columns[8].split(b":") if len(columns) > _FIXED_COLUMNS else []
    if b"GT" not in keys:
        return line
    at = keys.index(b"GT")
    for index in range(9, len(columns)):
        values = columns[index].split(b":")
        if at < len(values) and values[at][:1] in (b"/", b"|") and _GT.match(values[at]):
            values[at] = values[at][1:]
            columns[index] = b":".join(values)
    return b"\t".join(columns)


def with_call_in_every_cell(line: bytes) -> bytes:
    r"""Write the missing calls of a record whose GT is not its first field and was left off at the end.

    htslib stops the program where every sample leaves it off.

    Examples
    --------
    >>> columns = [b"1", b"5", b".", b"A", b"G", b".", b".", b".", b"DP:GT", b"7", b"8:0/1"]
    >>> with_call_in_every_cell(b"\t".join(columns)).split(b"\t")[9:]
    [b'7:.', b'8:0/1']
    """
    keys = line.split(b"\t", 9)[8].split(b":") if line.count(b"\t") > _FIXED_COLUMNS else []
    if b"GT" not in keys[1:] or keys[0] == b"GT":
        return line
    at = keys.index(b"GT")
    columns = line.split(b"\t")
    for index in range(9, len(columns)):
        if columns[index]:
            columns[index] += b":." * max(0, at - columns[index].count(b":"))
    return b"\t".join(columns)


def is_phased(call: bytes) -> bool:
    """Tell whether a call has two alleles or more, all of them phased.

    A leading separator speaks of the first allele; without one it is phased as the others are.

    Examples
    --------
    >>> [is_phased(call) for call in (b"0|1", b"/0|1", b"|0|1", b"0|1/2", b"|1", b"1")]
    [True, False, True, False, False, False]
    """
    return b"/" not in call and b"|" in call[1:]


def diagnose_line(line: bytes) -> Problem:
    """Say why htslib could not read a line that passed `line_problem`."""
    keys = line.split(b"\t", 9)[8].split(b":") if line.count(b"\t") >= _FIXED_COLUMNS else []
    problem = _unreadable_call(line)
    if problem is not None:
        return problem
    for number, cell in enumerate(line.split(b"\t")[9:], start=1):
        if cell.count(b":") >= len(keys):
            return "FORMAT", f"sample column {number} has more values than FORMAT names", f"{len(keys)}"
    return "record", "htslib cannot read the record", "a record as the VCF specification has it"


def _unreadable_call(line: bytes) -> Problem | None:
    for number, call in enumerate(genotype_cells(line) or (), start=1):
        if call and not _GT.match(call):
            shown = f"{_show(call)} in sample column {number} is not a genotype"
            return "GT", shown, "allele numbers or '.' joined by '/' or '|'"
    return None


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _show(text: bytes) -> str:
    shown = text[:200].decode("utf-8", errors="backslashreplace")
    return repr(shown if len(shown) <= 40 else shown[:37] + "...")
