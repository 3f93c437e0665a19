"""Lines of the text files that lie beside genotypes: variants, people, lists; plain, gzip or Zstandard."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from genomics.errors import InputError


def table_lines(path: Path) -> Iterator[str]:
    r"""Yield the lines of a text file that are not blank, without their ends.

    Raises
    ------
    InputError
        The file is missing, is not UTF-8 text, or its compressed stream is damaged.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "list.txt.gz"
    >>> _ = path.write_bytes(gzip.compress(b"A 1\n\nB 2\n"))
    >>> list(table_lines(path))
    ['A 1', 'B 2']
    """
    try:
        with _open_text(path) as stream:
            yield from (line.rstrip("\r\n") for line in stream if line.strip())
    except FileNotFoundError:
        raise InputError("no such file", file=path, hint="check the path") from None
    except UnicodeDecodeError:
        raise InputError("not a text file", file=path, expected="UTF-8 text") from None
    except EOFError:
        raise InputError("the compressed file is truncated", file=path, hint="copy it again") from None
    except OSError as error:
        reason = error.strerror or "a damaged compressed stream"
        raise InputError(f"cannot be read ({reason})", file=path) from error


def _open_text(path: Path) -> IO[str]:
    if path.suffix in (".gz", ".bgz"):
        return gzip.open(path, "rt", encoding="utf-8")
    if path.suffix != ".zst":
        return path.open(encoding="utf-8")
    import pyarrow as pa

    raw: Any = pa.CompressedInputStream(path.open("rb"), "zstd")
    return io.TextIOWrapper(io.BufferedReader(raw, 1 << 20), encoding="utf-8")
