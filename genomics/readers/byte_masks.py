"""Sixty-four bytes of text at once, for compiled code: which of them are a tab, which are digits.

Each function becomes a few instructions of the processor's vector unit, whichever it has; one byte per bit,
the first byte in the lowest bit. Nothing checks bounds: the caller knows that the bytes are there.

References
----------
Langdale and Lemire, Parsing gigabytes of JSON per second. VLDB Journal 28 (2019), section 3.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

N_BYTES = 64

_BYTE, _WORD, _MASK = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_BYTES = ir.VectorType(_BYTE, N_BYTES)
_Generated = tuple[Any, Any]


def _load(context: Any, builder: Any, signature: Any, args: Any, kind: Any) -> Any:
    """Load a value of any kind from ``text[at]`` on, wherever that lies."""
    text = context.make_array(signature.args[0])(context, builder, value=args[0])
    pointer = builder.bitcast(builder.gep(text.data, [args[1]]), kind.as_pointer())
    value = builder.load(pointer)
    value.align = 1
    return value


def _all_bytes(value: int) -> Any:
    return ir.Constant(_BYTES, [value] * N_BYTES)


@intrinsic
def equal_mask(typing: Any, text: Any, at: Any, byte: Any) -> _Generated:
    """Which of the bytes from ``text[at]`` on equal `byte`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        read = _load(context, builder, signature, args, _BYTES)
        undefined = ir.Constant(_BYTES, ir.Undefined)
        first = builder.insert_element(undefined, args[2], ir.Constant(_WORD, 0))
        everywhere = ir.Constant(ir.VectorType(_WORD, N_BYTES), [0] * N_BYTES)
        wanted = builder.shuffle_vector(first, undefined, everywhere)
        return builder.bitcast(builder.icmp_unsigned("==", read, wanted), _MASK)

    return types.uint64(text, types.int64, types.uint8), generate


@intrinsic
def digit_mask(typing: Any, text: Any, at: Any) -> _Generated:
    """Which of the bytes from ``text[at]`` on are 0 to 9."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        read = _load(context, builder, signature, args, _BYTES)
        digits = builder.sub(read, _all_bytes(48))
        return builder.bitcast(builder.icmp_unsigned("<=", digits, _all_bytes(9)), _MASK)

    return types.uint64(text, types.int64), generate


@intrinsic
def load_word(typing: Any, text: Any, at: Any) -> _Generated:
    """Four bytes from ``text[at]`` on, the first of them the lowest."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _load(context, builder, signature, args, _WORD)

    return types.uint32(text, types.int64), generate


@intrinsic
def lowest_bit(typing: Any, mask: Any) -> _Generated:
    """Place of the lowest bit that is set; 64 where none is."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def count_bits(typing: Any, mask: Any) -> _Generated:
    """Bits that are set."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), generate
