"""What the header of a PLINK 2 .pgen file says that pgenlib does not pass on.

References
----------
PGEN specification, https://github.com/chrchang/plink-ng/tree/master/pgen_spec, and the comments of
``pgenlib_misc.h``, which comes with pgenlib.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from genomics.errors import InputError

_MAGIC = b"\x6c\x1b"
_BLOCK_VARIANTS = 1 << 16
_PLINK_1, _FIXED_WIDTHS, _EXTERNAL_INDEX = 0x01, (0x02, 0x03, 0x04), (0x20, 0x21)
_DOSAGE_BITS, _PHASED_DOSAGE_BIT = 0x60, 0x80
# Storage modes of single-sample files, in which record types and lengths share bits.
_FUSED, _FUSED_WITH_DOSAGE = 8, (12, 14)


@dataclass(frozen=True)
class PgenHeader:
    """The header of a .pgen file.

    Attributes
    ----------
    n_variants, n_samples
        As counted there; None in a PLINK 1 .bed by another name, which does not say.
    has_dosages, has_phased_dosages
        Any variant holds dosages, or one for each haplotype.
    provisional : bool (n_variants,), or a single bool for all, or None
        REF is marked as provisional; None where the file does not say.
    """

    n_variants: int | None
    n_samples: int | None
    has_dosages: bool = False
    has_phased_dosages: bool = False
    provisional: np.ndarray | bool | None = None


def read_pgen_header(path: Path) -> PgenHeader:
    """Read the header of a .pgen file, or of the .pgen.pgi beside it that holds its index.

    Raises
    ------
    InputError
        The file is missing, ends inside its header, or is no .pgen file.
    """
    mode, stream = _open(path)
    with stream:
        if mode == _PLINK_1:
            return PgenHeader(None, None, provisional=True)
        numbers = stream.read(9)
        if len(numbers) < 9:
            raise _ends_early(path)
        n_variants, n_samples = (int.from_bytes(numbers[start : start + 4], "little") for start in (0, 4))
        control = numbers[8]
        if mode in _FIXED_WIDTHS:
            flags = _bits(_read(stream, -(-n_variants // 8), path), n_variants) if control >> 6 == 3 else None
            return PgenHeader(n_variants, n_samples, mode > 2, mode > 3, _provisional(control, flags))
        if control & _FUSED:
            dosages = control & 15 in _FUSED_WITH_DOSAGE
            return PgenHeader(n_variants, n_samples, dosages, dosages, _provisional(control, None))
        types, flags = _variant_types(stream, n_variants, control, path)
        return PgenHeader(
            n_variants,
            n_samples,
            bool(types & _DOSAGE_BITS),
            bool(types & _PHASED_DOSAGE_BIT),
            _provisional(control, flags),
        )


def _open(path: Path) -> tuple[int, IO[bytes]]:
    """Open the file that holds the header, just behind its three first bytes."""
    start = _start(path)
    mode = start[2]
    if mode in _EXTERNAL_INDEX:
        path = path.with_name(path.name + ".pgi")
        _start(path)
    stream = path.open("rb")
    stream.seek(3)
    return mode, stream


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            start = stream.read(3)
    except FileNotFoundError:
        raise InputError("no such file", file=path, expected=".pgen, .pvar and .psam side by side") from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=path) from error
    if len(start) < 3 or start[:2] != _MAGIC or start[2] == 0:
        raise InputError(
            "not a variant-major PLINK 2 .pgen file", file=path, expected="the bytes 6c 1b at its start"
        )
    return start


def _variant_types(
    stream: IO[bytes], n_variants: int, control: int, path: Path
) -> tuple[int, np.ndarray | None]:
    """Join the types of all variants' records by OR, and read the flags of provisional REF.

    After one file position for each block come, for each block, the types (4 or 8 bits), the lengths of
    the records (1 to 4 bytes), the counts of ALT where they are stored, and the flags where they are.
    """
    n_blocks = -(-n_variants // _BLOCK_VARIANTS)
    _read(stream, 8 * n_blocks, path)
    wide = bool(control & 4)
    skipped = 1 + (control & 3) + (control >> 4 & 3)
    joined, flags = 0, []
    for block in range(n_blocks):
        n = min(_BLOCK_VARIANTS, n_variants - block * _BLOCK_VARIANTS)
        types = np.frombuffer(_read(stream, n if wide else -(-n // 2), path), np.uint8)
        joined |= int(np.bitwise_or.reduce(types)) if wide else 0  # 4 bits leave no room for dosages
        _read(stream, skipped * n, path)
        if control >> 6 == 3:
            flags.append(_bits(_read(stream, -(-n // 8), path), n))
    return joined, np.concatenate(flags) if flags else None


def _bits(data: bytes, n: int) -> np.ndarray:
    return np.unpackbits(np.frombuffer(data, np.uint8), count=n, bitorder="little").astype(bool)


def _provisional(control: int, flags: np.ndarray | None) -> np.ndarray | bool | None:
    return {0: None, 1: False, 2: True, 3: flags}[control >> 6]


def _read(stream: IO[bytes], size: int, path: Path) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise _ends_early(path)
    return data


def _ends_early(path: Path) -> InputError:
    return InputError("the file ends inside its header", file=path, hint="copy or make the file again")
