"""Where the text of a variant file comes from, a few megabytes at a time, so that threads can share the work.

A bgzip file is a run of small gzip blocks whose sizes stand in their headers, so that any run of blocks can
be inflated by itself. Plain text is cut as it lies; a gzip stream or a pipe has to be read from one end.

References
----------
SAM/BAM format specification, section 4.1, The BGZF compression format.
"""

from __future__ import annotations

import gzip
import mmap
import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO

from genomics.errors import InputError
from genomics.readers.vcf_stream import NO_END_MARKER, damaged, naming_damage
from genomics.readers.vcf_stream import _block_size as block_size

Segment = tuple[Callable[[], bytes], int]
"""A function that returns the segment's text, to be called in any thread; bytes of the file up to its end."""

_HEADER_BYTES, _FOOTER_BYTES = 12, 8
_MAX_BLOCK_TEXT = 1 << 16
_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_Block = tuple[
    int, int, int, int
]  # offset in the file, bytes in the file, bytes of its header, bytes of text


def is_bgzf(path: Path) -> bool:
    """Tell whether a file begins with a bgzip block."""
    with path.open("rb") as stream:
        start = stream.read(18)
    return start[:4] == b"\x1f\x8b\x08\x04" and start[12:14] == b"BC"


def has_end_marker(path: Path) -> bool:
    """Tell whether a file ends with the empty block that marks the end of a bgzip file."""
    with path.open("rb") as stream:
        stream.seek(-min(len(_END), path.stat().st_size), os.SEEK_END)
        return stream.read() == _END


def noted_segments(path: Path, size: int, notes: Counter[str]) -> Iterator[Segment]:
    """Cut a file as `text_segments` does, and note where a bgzip file lacks the mark of its end."""
    if is_bgzf(path) and not has_end_marker(path):
        notes[NO_END_MARKER] += 1
    return text_segments(path, size)


def text_segments(path: Path, size: int) -> Iterator[Segment]:
    """Cut a text file into segments of about `size` bytes of text.

    Parameters
    ----------
    path
        Plain, gzip or bgzip.
    size
        Bytes of text in a segment.

    Yields
    ------
    Segment

    Raises
    ------
    InputError
        A block is damaged or cut off; the message names its offset in the file.
    """
    if is_bgzf(path):
        yield from _bgzf_segments(path, size)
    elif _is_gzip(path):
        with path.open("rb") as raw, gzip.GzipFile(fileobj=raw) as text:
            yield from stream_segments(text, path, size, raw.tell)
    else:
        length = path.stat().st_size
        for start in range(0, length, size):
            yield partial(_read_at, path, start, size), min(length, start + size)


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _read_at(path: Path, start: int, size: int) -> bytes:
    with path.open("rb") as stream:
        return os.pread(stream.fileno(), size, start)


def stream_segments(
    stream: IO[bytes] | gzip.GzipFile, path: Path, size: int, position: Callable[[], int], start: bytes = b""
) -> Iterator[Segment]:
    """Cut a stream of text, which has to be read from one end.

    Parameters
    ----------
    stream
        Decompressed.
    path
        For messages.
    size
        Bytes of text in a segment.
    position
        Returns the bytes of the file read so far.
    start
        Text that was taken from the stream before.
    """
    if start:
        yield partial(bytes, start), 0
    while True:
        with naming_damage(path):
            text = stream.read(size)
        if not text:
            return
        yield partial(bytes, text), position()


def _bgzf_segments(path: Path, size: int) -> Iterator[Segment]:
    if path.stat().st_size == 0:
        return
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        blocks: list[_Block] = []
        waiting = 0
        for block in _blocks(data, path):
            blocks.append(block)
            waiting += block[3]
            if waiting >= size:
                yield _segment(data, blocks, path)
                blocks, waiting = [], 0
        if blocks:
            yield _segment(data, blocks, path)


def _segment(data: mmap.mmap, blocks: list[_Block], path: Path) -> Segment:
    first, last = blocks[0], blocks[-1]
    end = last[0] + last[1]
    return partial(inflate, data[first[0] : end], blocks, path), end


def _blocks(data: mmap.mmap, path: Path) -> Iterator[_Block]:
    """Walk over the blocks by the sizes in their headers."""
    length, at = len(data), 0
    while at < length:
        head = data[at : at + _HEADER_BYTES]
        if len(head) < _HEADER_BYTES or head[:4] != b"\x1f\x8b\x08\x04":
            raise _damaged(path, at, "is cut off" if len(head) < _HEADER_BYTES else "is not a bgzip block")
        start = _HEADER_BYTES + int.from_bytes(head[10:12], "little")
        size = block_size(data[at + _HEADER_BYTES : at + start])
        if size is None or size < start + _FOOTER_BYTES:
            raise _damaged(path, at, "is not a bgzip block")
        if at + size > length:
            raise _damaged(path, at, "is cut off")
        yield at, size, start, int.from_bytes(data[at + size - 4 : at + size], "little")
        at += size


def inflate(raw: bytes, blocks: list[_Block], path: Path) -> bytes:
    """Decompress a run of bgzip blocks and check each one's length and CRC-32.

    Parameters
    ----------
    raw
        The blocks as they lie in the file.
    blocks
        Offset in the file, bytes in the file, bytes of its header and bytes of text of each.
    path
        For messages.

    Raises
    ------
    InputError
        A block is damaged.
    """
    import deflate

    view = memoryview(raw)
    base = blocks[0][0]
    parts = []
    for offset, size, n_header, n_text in blocks:
        end = offset - base + size
        if not n_text:
            continue
        if n_text > _MAX_BLOCK_TEXT:
            raise _damaged(path, offset)
        try:
            body = view[offset - base + n_header : end - _FOOTER_BYTES]
            text = deflate.deflate_decompress(body, n_text)
        except deflate.DeflateError:
            raise _damaged(path, offset) from None
        crc = int.from_bytes(view[end - _FOOTER_BYTES : end - 4], "little")
        if len(text) != n_text or deflate.crc32(text) != crc:
            raise _damaged(path, offset)
        parts.append(text)
    return b"".join(parts)


def _damaged(path: Path, offset: int, what: str = "is damaged") -> InputError:
    return damaged(path, f"the compressed block at byte {offset} {what}")
