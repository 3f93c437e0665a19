"""What is wrong with a line of a VCF file: field, problem, and what was expected."""

from __future__ import annotations

import re

_MAX_POSITION = 2**31 - 2  # what a 32-bit integer holds
_GT = re.compile(rb"^(?:\.|\d+)(?:[/|](?:\.|\d+))*$")
_QUAL = re.compile(rb"^(?:\.|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:inf|nan|Inf|NaN))$")


def line_problem(line: bytes, n_tabs: int) -> tuple[str, str, str] | None:
    """Check what htslib does not: field, what is wrong, what was expected; None for a good line."""
    if line.count(b"\t") != n_tabs:
        if not line:
            return "CHROM", "a blank line", "a record"
        found = line.count(b"\t") + 1
        return "columns", f"{found} columns", f"{n_tabs + 1}, as the #CHROM line names"
    contig, position, _, ref, alt, quality, _ = line.split(b"\t", 6)
    if not contig:
        return "CHROM", "an empty contig name", "a name such as 1 or chr1"
    if not position.isdigit():
        return "POS", f"{_show(position)} is not a position", "a whole number, counted from 1"
    if int(position) > _MAX_POSITION:
        return "POS", f"{_show(position)} is too large", f"at most {_MAX_POSITION}"
    if not ref or ref == b"." or not alt:
        return "REF" if alt else "ALT", "an empty allele", "bases"
    if not _QUAL.match(quality):
        return "QUAL", f"{_show(quality)} is not a quality", "a number or '.'"
    return None


def diagnose_line(line: bytes) -> tuple[str, str, str]:
    """Say why htslib could not read a line that passed `line_problem`."""
    columns = line.split(b"\t")
    keys = columns[8].split(b":")
    if b"GT" in keys:
        at = keys.index(b"GT")
        for number, cell in enumerate(columns[9:], start=1):
            values = cell.split(b":")
            if at < len(values) and not _GT.match(values[at]):
                return (
                    "GT",
                    f"{_show(values[at])} in sample column {number} is not a genotype",
                    "allele numbers or '.' joined by '/' or '|'",
                )
    for number, cell in enumerate(columns[9:], start=1):
        if cell.count(b":") >= len(keys):
            return "FORMAT", f"sample column {number} has more values than FORMAT names", f"{len(keys)}"
    return "record", "htslib cannot read the record", "a record as the VCF specification has it"


def _show(text: bytes) -> str:
    shown = text.decode("utf-8", errors="replace")
    return repr(shown if len(shown) <= 40 else shown[:37] + "...")
