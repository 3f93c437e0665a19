"""Expressions over the fields of records and calls, evaluated for a whole block at once."""

from __future__ import annotations

import ast
import functools
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from genomics.block import FILL, MISSING, VariantBlock
from genomics.dialect_counts import alternates_per_record, per_alternate
from genomics.errors import InputError

_ARITHMETIC: dict[type[ast.operator], Callable[..., np.ndarray]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[..., np.ndarray]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_GRAMMAR = 'one comparison (<, <=, >, >=) of sums, products and ratios of QUAL, INFO/TAG, FORMAT/TAG and numbers, or FILTER != "PASS"'
# a tag is an attribute to Python: as a division, QUAL / INFO/AO would group wrongly
_KEY = re.compile(r"\b(INFO|FORMAT)/([A-Za-z_]\w*)")
_EXPECTED_FILTER = ast.dump(ast.parse('FILTER != "PASS"', mode="eval").body)


@dataclass(frozen=True)
class FilterExpression:
    """A comparison over fields, written as ``bcftools filter -e`` takes it.

    Parameters
    ----------
    text
        One comparison of arithmetic over ``QUAL``, ``INFO/TAG``, ``FORMAT/TAG`` and numbers, or
        ``FILTER != "PASS"``. Parsed, never run as Python.

    Attributes
    ----------
    fields
        Keys of the INFO and FORMAT fields it needs.
    judges_calls
        It has a FORMAT field: its result is one per call.

    Raises
    ------
    InputError
        The text is no such comparison.

    Examples
    --------
    >>> FilterExpression("QUAL / INFO/AO <= 10").fields
    ('INFO/AO',)
    >>> FilterExpression("FORMAT/GQ < 20").judges_calls
    True
    """

    text: str
    fields: tuple[str, ...] = field(init=False)
    _tree: ast.expr = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            tree = ast.parse(_KEY.sub(r"\1.\2", self.text).strip(), mode="eval").body
        except SyntaxError:
            raise self._not_understood(self.text) from None
        keys: list[str] = []
        if ast.dump(tree) != _EXPECTED_FILTER:
            if (
                not isinstance(tree, ast.Compare)
                or len(tree.ops) != 1
                or type(tree.ops[0]) not in _COMPARISONS
            ):
                raise self._not_understood(self.text)
            for side in (tree.left, tree.comparators[0]):
                self._check(side, keys)
        object.__setattr__(self, "_tree", tree)
        object.__setattr__(self, "fields", tuple(dict.fromkeys(keys)))

    @property
    def judges_calls(self) -> bool:
        """Tell whether its result is one per call."""
        return any(key.startswith("FORMAT/") for key in self.fields)

    def _check(self, node: ast.expr, keys: list[str]) -> None:
        key = _field_key(node)
        if key is not None:
            keys.append(key)
        elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            self._check(node.left, keys)
            self._check(node.right, keys)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            self._check(node.operand, keys)
        elif not (_is_number(node) or _is_quality(node)):
            raise self._not_understood(ast.unparse(node).replace("INFO.", "INFO/"))

    def _not_understood(self, part: str) -> InputError:
        return InputError(
            f"{part!r} in the filter expression {self.text!r} is not understood",
            field="filter expression",
            expected=_GRAMMAR,
        )

    def evaluate(self, block: VariantBlock) -> tuple[np.ndarray, np.ndarray]:
        """Tell where the comparison holds, and where a value that it needs is missing.

        Parameters
        ----------
        block
            Its fields are used as far as they are there; one that is not is missing everywhere.

        Returns
        -------
        tuple of bool
            Both (n, 1) or (n, alts) for records, (n, samples) for calls. Nothing holds where a value is
            missing.
        """
        if ast.dump(self._tree) == _EXPECTED_FILTER:
            failed = np.fromiter((names != ("PASS",) for names in block.filters), bool, len(block))[:, None]
            return failed, np.zeros_like(failed)
        assert isinstance(self._tree, ast.Compare)
        unknown: list[np.ndarray] = []
        with np.errstate(divide="ignore", invalid="ignore"):
            left = self._value(self._tree.left, block, unknown)
            right = self._value(self._tree.comparators[0], block, unknown)
            holds = _COMPARISONS[type(self._tree.ops[0])](left, right)
        missing = functools.reduce(np.logical_or, unknown, np.zeros((len(block), 1), bool))
        return holds & ~missing, np.broadcast_to(missing, holds.shape)

    def _value(self, node: ast.expr, block: VariantBlock, unknown: list[np.ndarray]) -> np.ndarray:
        """Value of a part; where a field of it is missing is appended to `unknown`."""
        key = _field_key(node)
        if key is not None or _is_quality(node):
            values, missing = _field_values(block, key or "QUAL", self.judges_calls)
            unknown.append(missing)
            return values
        if isinstance(node, ast.BinOp):
            sides = (self._value(side, block, unknown) for side in (node.left, node.right))
            return _ARITHMETIC[type(node.op)](*sides)
        if isinstance(node, ast.UnaryOp):
            return -self._value(node.operand, block, unknown)
        assert isinstance(node, ast.Constant) and isinstance(node.value, int | float)
        # as precise as the fields, so that a value written like the number is equal to it
        return np.full((1, 1), np.float32(node.value))


def _field_key(node: ast.AST) -> str | None:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}/{node.attr}" if node.value.id in ("INFO", "FORMAT") else None
    return None


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _is_quality(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "QUAL"


def _field_values(block: VariantBlock, key: str, for_calls: bool) -> tuple[np.ndarray, np.ndarray]:
    """Values of a field and where they are missing: (n, samples) of FORMAT, (n, 1 or alts) of others."""
    category, _, name = key.partition("/")
    values = (
        block.quality if key == "QUAL" else (block.formats if category == "FORMAT" else block.info).get(name)
    )
    if values is None:
        return np.zeros((len(block), 1)), np.ones((len(block), 1), bool)
    if values.dtype.kind not in "iuf":
        raise InputError(f"{key} is text and cannot be compared", field=key, expected="a number")
    if category == "FORMAT":
        table = _one_value(values, key, axes=2)
        return table.astype(np.float32, copy=False), _is_missing(table)
    if values.ndim == 1:
        table = values[:, None]
    elif for_calls:
        table = _one_value(values, key, axes=1)[:, None]
    else:
        table = per_alternate(values, np.maximum(alternates_per_record(block), 1))
    return table.astype(np.float64), _is_missing(table)


def _one_value(values: np.ndarray, key: str, axes: int) -> np.ndarray:
    if values.ndim > axes and values.shape[-1] != 1:
        raise InputError(
            f"{key} has {values.shape[-1]} values where a filter of calls takes one",
            field=key,
            expected="a field with one value",
        )
    return values[..., 0] if values.ndim > axes else values


def _is_missing(values: np.ndarray) -> np.ndarray:
    return np.isnan(values) if values.dtype.kind == "f" else (values == MISSING) | (values == FILL)
