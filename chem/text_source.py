"""Bytes of a file or a pipe as lines of text: gzip, encodings, line ends, and lines without an end."""

from __future__ import annotations

import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from chem.errors import InputError

MAX_LINE = 1 << 20
"""Longest line that is kept whole, in characters."""

_KEPT = 4_096
_CHUNK = 1 << 18  # below MAX_LINE, so that only the first line of a block can be longer than that
_GZIP = b"\x1f\x8b"
_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class CutLine(str):
    """The beginning of a line longer than `MAX_LINE`; `length` says how long it was."""

    length: int = 0


class ByteSource:
    """A stream of bytes whose first four have been looked at.

    Parameters
    ----------
    stream
        Anything opened for reading bytes; it need not be able to seek.
    name
        What it is called in messages.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        self.head = stream.read(4)
        self._stream, self._pending = stream, self.head

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes."""
        size = size if size >= 0 else sys.maxsize
        taken, self._pending = self._pending[:size], self._pending[size:]
        return taken or self._stream.read(size if size < sys.maxsize else -1)

    def read1(self, size: int) -> bytes:
        """Read what is there, up to `size` bytes, without waiting for more."""
        if self._pending:
            return self.read(size)
        return self._stream.read1(size) if hasattr(self._stream, "read1") else self._stream.read(size)

    def seekable(self) -> BinaryIO | None:
        """The stream itself, at its beginning, where it can go there; nothing may have been read yet."""
        if not self._stream.seekable():
            return None
        self._stream.seek(0)
        return self._stream


@contextmanager
def open_source(path: str | Path) -> Iterator[ByteSource]:
    """Open a file, or standard input where the path is "-"; no seeking, so pipes do.

    Raises
    ------
    InputError
        Missing, not to be opened or empty.
    """
    if str(path) == "-":
        yield _filled(ByteSource(sys.stdin.buffer, "standard input"))
        return
    try:
        handle = Path(path).open("rb")  # noqa: SIM115
    except FileNotFoundError:
        raise InputError(
            "no such file", file=path, expected="a compound file", hint="check the path"
        ) from None
    except OSError as error:
        raise InputError(f"cannot be opened: {error.strerror}", file=path) from error
    with handle:
        yield _filled(ByteSource(handle, str(path)))


def _filled(source: ByteSource) -> ByteSource:
    if not source.head:
        raise InputError("the file is empty", file=source.name, expected="at least one compound")
    return source


def read_line_blocks(source: ByteSource) -> Iterator[list[str]]:
    r"""Lines of text, many at a time, with their ends; memory stays bounded whatever the bytes are.

    Gzip (also of several members) is known by its first bytes. A byte order mark tells UTF-8, UTF-16 and
    UTF-32; without one text is UTF-8, and a line that is not is read as Windows-1252, or as Latin-1 where it
    holds a byte that Windows-1252 lacks. Lines end with LF, CR LF or CR. A line longer than `MAX_LINE` comes as
    `CutLine`.

    Parameters
    ----------
    source
        An opened file or pipe.

    Yields
    ------
    list of str
        The next lines.

    Raises
    ------
    InputError
        After the lines before it: gzip that is cut off or damaged, a disk that cannot be read.

    Examples
    --------
    >>> source = ByteSource(io.BytesIO(b"CCO one\rCC caf\xe9\n"), "example")
    >>> list(read_line_blocks(source))
    [['CCO one\r', 'CC café\n']]
    """
    if source.name.lower().endswith(".gz") and source.head[:2] != _GZIP:
        raise InputError("is not gzip", file=source.name, hint="decompress it or take .gz off its name")
    count = 0
    try:
        for block in _line_blocks(_utf8_chunks(_plain_chunks(source))):
            yield block
            count += len(block)
    except gzip.BadGzipFile as error:
        raise InputError(
            f"is damaged or not gzip after line {count} ({error})", file=source.name, expected="a gzip file"
        ) from error
    except (EOFError, zlib.error) as error:
        raise InputError(
            f"the gzip stream is cut off or damaged after line {count} ({error})",
            file=source.name,
            expected="a whole gzip file",
            hint="copy or download it again",
        ) from error
    except OSError as error:
        raise InputError(f"cannot be read after line {count}: {error.strerror}", file=source.name) from error


def _plain_chunks(source: ByteSource) -> Iterator[bytes]:
    if source.head[:2] != _GZIP:
        while chunk := source.read1(_CHUNK):
            yield chunk
        return
    with gzip.GzipFile(fileobj=source, mode="rb") as unzipped:  # type: ignore[call-overload]
        # read1, since a read that meets damage on its way throws away what it had before it.
        while chunk := unzipped.read1(_CHUNK):
            yield chunk


def _utf8_chunks(chunks: Iterator[bytes]) -> Iterator[bytes]:
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) >= 4:
            break
    encoding = next((name for mark, name in _ENCODINGS if first.startswith(mark)), None)
    if encoding in (None, "utf-8-sig"):
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(str(encoding))(errors="replace")
    yield decoder.decode(first).encode()
    for chunk in chunks:
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def _line_blocks(chunks: Iterator[bytes]) -> Iterator[list[str]]:
    rest, dropped = b"", 0
    for chunk in chunks:
        data = rest + chunk
        # A CR at the very end may be half of a CR LF.
        end = max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1)) + 1
        whole, rest = data[:end], data[end:]
        if whole:
            yield _lines(whole, dropped)
            dropped = 0
        if len(rest) > MAX_LINE:
            dropped += len(rest) - _KEPT - 1
            rest = rest[:_KEPT] + rest[-1:]
    if rest:
        yield _lines(rest, dropped)


def _lines(data: bytes, dropped: int) -> list[str]:
    """Lines of a block, the first of which has lost `dropped` bytes."""
    try:
        lines = io.StringIO(data.decode(), newline="").readlines()
    except UnicodeDecodeError:
        lines = [_decoded(line) for line in data.splitlines(keepends=True)]
    if dropped or len(lines[0]) > MAX_LINE:
        cut = CutLine(lines[0][:_KEPT])
        cut.length = len(lines[0].rstrip("\r\n")) + dropped
        lines[0] = cut
    return lines


def _decoded(line: bytes) -> str:
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")
