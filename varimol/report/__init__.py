"""One self-contained page for a directory that ``varimol link`` wrote, or ``varimol stars`` alone.

The page carries everything it shows: plots and structures as inline SVG, style and script inside the file,
the patients' rows once as dictionary-encoded columns (gzip, base64). A patient's page is drawn by the script
when it is opened (``report.html#patient=S0001``), so that the file grows with the data and not with the
number of pages. A content security policy inside the page forbids every request and every script but its own.

Where a table is empty or absent, the page says which one and what follows from that; nothing is filled in.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["write_report"]


def write_report(directory: str | os.PathLike[str]) -> Path:
    """Write ``report.html`` from the tables and the manifest of an out directory.

    Parameters
    ----------
    directory
        What ``varimol link`` wrote: ``manifest.json`` and the Parquet tables beside it; or what ``varimol
        stars`` wrote: ``diplotypes.parquet`` and ``recommendations.parquet``, with ``stars.json`` where it is.

    Returns
    -------
    Path
        ``directory/report.html``, replaced in one step: a reader never sees half a page.

    Raises
    ------
    genomics.errors.InputError
        Where the directory or its manifest is missing or cannot be read, or a table lacks a column.
    """
    from varimol.report.bundle import read_bundle
    from varimol.report.page import render_page

    bundle = read_bundle(directory)
    target = bundle.directory / "report.html"
    temporary = target.with_name(f"{target.name}.tmp-{os.getpid()}")
    try:
        temporary.write_text(render_page(bundle), encoding="utf-8", newline="\n")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target
