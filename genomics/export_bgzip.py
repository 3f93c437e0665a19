"""Write bgzip: gzip in blocks of 64 KB, so that tabix and bcftools can index the file.

References
----------
SAM specification, section 4.1, the BGZF compression format.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

_BLOCK = 65280  # bytes of text in a block, as bgzip has it: what does not compress fits into 64 KB still
_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_BLOCKS_AT_ONCE = 64


class BgzipWriter:
    """A file that is written in bgzip blocks, compressed by several threads.

    Parameters
    ----------
    path
        Name of the file.
    level
        Of zlib, from 1, fast, to 9.
    threads
        That compress; by default all cores, at most 4. The bytes do not depend on it.
    """

    def __init__(self, path: str | os.PathLike[str], *, level: int = 4, threads: int | None = None) -> None:
        self._level = level
        self._stream = Path(path).open("wb")  # noqa: SIM115 - closed in __exit__
        self._pool = ThreadPoolExecutor(threads or min(4, os.cpu_count() or 1))
        self._waiting: deque[Future[bytes]] = deque()
        self._rest = bytearray()

    def __enter__(self) -> BgzipWriter:
        return self

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self._rest += data
        size = _BLOCK * _BLOCKS_AT_ONCE
        while len(self._rest) >= size:
            self._submit(bytes(self._rest[:size]))
            del self._rest[:size]

    def _submit(self, data: bytes) -> None:
        self._waiting.append(self._pool.submit(bgzip_blocks, data, self._level))
        while len(self._waiting) > 8:
            self._stream.write(self._waiting.popleft().result())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._submit(bytes(self._rest))
                while self._waiting:
                    self._stream.write(self._waiting.popleft().result())
                self._stream.write(_END)
        finally:
            self._pool.shutdown(cancel_futures=True)
            self._stream.close()


def bgzip_blocks(data: bytes, level: int = 4) -> bytes:
    """Compress bytes into bgzip blocks, without the empty block that ends a file.

    Examples
    --------
    >>> import gzip
    >>> gzip.decompress(bgzip_blocks(b"text"))
    b'text'
    """
    return b"".join(_block(data[start : start + _BLOCK], level) for start in range(0, len(data), _BLOCK))


def _block(data: bytes, level: int) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    packed = packer.compress(data) + packer.flush()
    if len(packed) > 65510:  # cannot be compressed: stored
        packer = zlib.compressobj(0, zlib.DEFLATED, -15)
        packed = packer.compress(data) + packer.flush()
    head = struct.pack("<4BI2BH2B2H", 31, 139, 8, 4, 0, 0, 255, 6, 66, 67, 2, len(packed) + 25)
    return head + packed + struct.pack("<2I", zlib.crc32(data), len(data))
