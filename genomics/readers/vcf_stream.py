"""The bytes of a variant file: plain, gzip or bgzip, from a file or from a pipe, line by line within bounds."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

from genomics.errors import InputError

MAX_LINE_BYTES = 200_000_000
"""A record of a million samples with 200 bytes each; what is longer is no record, and must not fill the memory."""

NO_END_MARKER = "no_end_marker"
"""Note on a bgzip file that came without the empty block that marks its end."""

_BGZF_HEADER = struct.Struct("<4BI2BH")
_BUFFER = 1 << 20


class DamagedBlockError(OSError):
    """A compressed block cannot be read; `offset` is its first byte in the file."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"the compressed block at byte {offset} {reason}")
        self.offset, self.reason = offset, reason


def is_pipe(path: Path) -> bool:
    """Tell whether a path is standard input (``-``), a pipe or a device: it can be read once, from its start."""
    return str(path) == "-" or (path.exists() and not path.is_file() and not path.is_dir())


def open_stream(path: Path) -> io.BufferedReader:
    """Open a plain, gzip or bgzip file, or a pipe of one, as a stream of its decompressed bytes.

    Parameters
    ----------
    path
        ``-`` is standard input.

    Raises
    ------
    InputError
        The file is missing, empty, or may not be read.
    """
    try:
        raw = open(0, "rb", closefd=False) if str(path) == "-" else path.open("rb")  # noqa: SIM115
        start = raw.read(18)
    except FileNotFoundError:
        raise InputError("no such file", file=path, hint="check the path") from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=path) from error
    if not start:
        raw.close()
        raise InputError("the file is empty", file=path, expected="a VCF or BCF file")
    source: IO[bytes] = raw
    if is_pipe(path):
        source = io.BufferedReader(_Prefixed(start, raw), _BUFFER)
    else:
        raw.seek(0)
    if start[:4] == b"\x1f\x8b\x08\x04" and start[12:14] == b"BC":
        return io.BufferedReader(BgzfStream(source), _BUFFER)
    if start[:2] == b"\x1f\x8b":
        return io.BufferedReader(_GzipStream(source), _BUFFER)
    return source if isinstance(source, io.BufferedReader) else io.BufferedReader(source, _BUFFER)  # type: ignore[arg-type]


class _Prefixed(io.RawIOBase):
    """A pipe whose first bytes were looked at."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self.start, self.rest = start, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.start:
            part, self.start = self.start[: len(buffer)], self.start[len(buffer) :]
        else:
            part = self.rest.read1(len(buffer))  # type: ignore[attr-defined]
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        self.rest.close()
        super().close()


class _GzipStream(gzip.GzipFile):
    """A gzip stream that closes its source."""

    def __init__(self, source: IO[bytes]) -> None:
        super().__init__(fileobj=source, mode="rb")
        self.source = source

    def close(self) -> None:
        super().close()
        self.source.close()


class BgzfStream(io.RawIOBase):
    """Decompress bgzip block by block, so that damage is named by the offset of its block.

    Parameters
    ----------
    source
        The compressed bytes.
    offset
        Where in the file `source` stands.
    stop
        Virtual offset to end at: the place of a block << 16, plus a place in it.

    Attributes
    ----------
    offset
        First byte of the next block.
    has_end
        The last block read was the empty one that marks the end of a bgzip file.

    References
    ----------
    SAM specification, section 4.1: the BGZF compression format.
    """

    def __init__(self, source: IO[bytes], offset: int = 0, stop: int | None = None) -> None:
        self.source, self.offset, self.has_end = source, offset, False
        self._stop = stop
        self._block, self._at = b"", 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with decompressed bytes, 0 at the end."""
        while self._at == len(self._block):
            block = self._next_block()
            if block is None:
                return 0
            self._block, self._at = block, 0
        part = self._block[self._at : self._at + len(buffer)]
        self._at += len(part)
        buffer[: len(part)] = part
        return len(part)

    def _next_block(self) -> bytes | None:
        if self._stop is None or self.offset < self._stop >> 16:
            return self._read_block()
        if self.offset > self._stop >> 16 or not self._stop & 0xFFFF:
            return None
        block = self._read_block()
        return None if block is None else block[: self._stop & 0xFFFF]

    def _read_block(self) -> bytes | None:
        head = self.source.read(_BGZF_HEADER.size)
        if not head:
            return None
        if len(head) < _BGZF_HEADER.size:
            raise DamagedBlockError(self.offset, "is cut off")
        magic1, magic2, method, flags, *_, n_extra = _BGZF_HEADER.unpack(head)
        if (magic1, magic2, method) != (0x1F, 0x8B, 8) or not flags & 4:
            raise DamagedBlockError(self.offset, "is not a bgzip block")
        extra = self.source.read(n_extra)
        size = _block_size(extra)
        if size is None:
            raise DamagedBlockError(self.offset, "is not a bgzip block")
        rest = self.source.read(max(0, size - _BGZF_HEADER.size - n_extra))
        if len(rest) < size - _BGZF_HEADER.size - n_extra or len(rest) < 8:
            raise DamagedBlockError(self.offset, "is cut off")
        data = self._inflate(rest)
        self.offset += size
        self.has_end = not data
        return data

    def _inflate(self, rest: bytes) -> bytes:
        checksum, length = struct.unpack("<II", rest[-8:])
        try:
            inflater = zlib.decompressobj(-15)
            data = inflater.decompress(rest[:-8], 1 << 16)  # no block holds more
        except zlib.error as error:
            raise DamagedBlockError(self.offset, f"cannot be decompressed ({error})") from None
        if len(data) != length or zlib.crc32(data) != checksum:
            raise DamagedBlockError(self.offset, "fails its checksum")
        return data

    def close(self) -> None:
        """Close the source."""
        self.source.close()
        super().close()


def _block_size(extra: bytes) -> int | None:
    at = 0
    while at + 4 <= len(extra):
        length = int.from_bytes(extra[at + 2 : at + 4], "little")
        if extra[at : at + 2] == b"BC" and length == 2 and at + 6 <= len(extra):
            return int.from_bytes(extra[at + 4 : at + 6], "little") + 1
        at += 4 + length
    return None


def read_lines(stream: IO[bytes], path: Path, record: int | None = 1) -> Iterator[bytes]:
    """Yield lines of at most `MAX_LINE_BYTES`.

    Raises
    ------
    InputError
        A line is longer.
    """
    limit = MAX_LINE_BYTES
    for line in iter(partial(stream.readline, limit + 1), b""):
        if len(line) > limit:
            raise InputError(
                f"a line of more than {limit:,} bytes",
                file=path,
                record=record,
                expected="lines that fit in memory",
                hint="check that this is a VCF file",
            )
        yield line
        record = None if record is None else record + 1


def bytes_read(stream: IO[bytes]) -> int:
    """Tell how far a stream of `open_stream` is in its file, in bytes as they lie on disk; 0 for a pipe."""
    raw: Any = getattr(stream, "raw", stream)
    if isinstance(raw, BgzfStream):
        return raw.offset
    source = getattr(raw, "source", raw)
    return int(source.tell()) if source.seekable() else 0


def lacks_end(stream: IO[bytes]) -> bool:
    """Tell whether a bgzip stream that was read to its end came without the block that marks the end."""
    raw: Any = getattr(stream, "raw", stream)
    return isinstance(raw, BgzfStream) and not raw.has_end


@contextmanager
def naming_damage(path: Path, record: int | None = None) -> Iterator[None]:
    """Turn what a damaged compressed file raises into one error that names file and block."""
    try:
        yield
    except DamagedBlockError as error:
        raise damaged(path, str(error), record) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(path, f"the gzip stream cannot be decompressed ({error})", record) from None


def damaged(path: Path, reason: str, record: int | str | None = None) -> InputError:
    """Make the error for a compressed file that is cut off or damaged."""
    return InputError(
        f"the compressed file is truncated or damaged: {reason}",
        file=path,
        record=record,
        expected="a complete gzip or bgzip stream",
        hint="copy or download the file again",
    )


def has_index(path: Path) -> bool:
    """Tell whether a .tbi or .csi index lies beside the file."""
    return any(Path(f"{path}{suffix}").exists() for suffix in (".tbi", ".csi"))
