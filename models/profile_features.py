"""Blocks of genotype profiles as the response model reads them: filled, weighted, every figure from training lines.

A block is a table (lines, columns) by name: ``mutation`` (0 or 1 per gene), ``copy_number`` (relative, log2(x + 1), so
that 1 is diploid), ``burden`` (damaging variants per gene), ``expression`` (not genotype), ``covariates`` (tissue or
disease, one column per level). NaN is missing: it is filled with the mean of the training lines, which says nothing of
the line, and is never taken for wild type.

Features made of the blocks are ``mutation``, ``burden`` and ``expression`` weighted by what a gene says of the training
responses, ``copy_number`` as it stands, ``amplification`` (copy number above a threshold), ``known_copy_number`` (copy
number weighted by what is known of a gene), ``aneuploidy`` (spread and mean of copy number, number of mutations) and
``covariates``. All are torch tensors in float64, so that predictions can be differentiated back to the blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from chem.errors import InputError
from models.marker_ridge import association_t

Profiles = Mapping[str, NDArray[np.floating]]
Features = dict[str, Float[Tensor, "lines columns"]]
BLOCKS = ("mutation", "copy_number", "burden", "expression", "covariates")
AMPLIFIED = 1.4
"""Relative copy number, log2(x + 1), above which a gene counts as amplified: 1.64 times the mean."""
FLOOR = {"mutation": 0.05, "burden": 0.05, "expression": 0.1}
"""Added to the relevance of genes, so that one without any sign keeps a little weight."""
POWER = {"mutation": 0.5, "burden": 0.5, "expression": 0.25}
"""Weight of a gene is its relevance to this power."""
UNKNOWN = 0.1
"""Added to the weight of what is known of genes."""


@dataclass(frozen=True)
class FilledBlocks:
    """Blocks without gaps.

    Attributes
    ----------
    values
        Float64 (lines, columns) by block.
    present
        Float64 (lines, columns) by block, 1 where the value was given and 0 where it was filled.
    """

    values: Features
    present: Features

    def take(self, lines: Int[Tensor, " n"]) -> FilledBlocks:
        """Lines `lines`, in that order."""
        parts = ({name: x[lines] for name, x in of.items()} for of in (self.values, self.present))
        return FilledBlocks(*parts)


@dataclass(frozen=True)
class BlockFiller:
    """Means of the training lines, by block (columns,) float32."""

    means: dict[str, NDArray[np.float32]]

    @classmethod
    def fit(cls, profiles: Profiles) -> BlockFiller:
        """Take the means over the lines that have a value; a column without any has mean 0.

        Raises
        ------
        InputError
            There is no block that this module knows, or the blocks' lines differ, or a value is infinite.
        """
        known = {name: profiles[name] for name in BLOCKS if name in profiles}
        if not known:
            raise InputError("profiles have no block that is known", expected=", ".join(BLOCKS))
        _n_lines(known)
        return cls({name: _means(block) for name, block in known.items()})

    def __call__(self, profiles: Profiles) -> FilledBlocks:
        """Fill profiles; a block that is not given is missing for all lines, one not trained on is not read.

        Raises
        ------
        InputError
            None of the blocks is given, or one has other columns or lines than it should, or infinite values.
        """
        known = {name: profiles[name] for name in self.means if name in profiles}
        if not known:
            raise InputError("profiles have none of the model's blocks", expected=", ".join(self.means))
        n_lines = _n_lines(known)
        values, present = {}, {}
        for name, mean in self.means.items():
            block = np.asarray(known.get(name, np.full((n_lines, len(mean)), np.nan)), np.float32)
            _check_columns(name, block.shape[1], len(mean))
            there = ~np.isnan(block)
            values[name] = torch.from_numpy(np.where(there, block, mean).astype(np.float64))
            present[name] = torch.from_numpy(there.astype(np.float64))
        return FilledBlocks(values, present)

    def missing_share(self, profiles: Profiles) -> NDArray[np.float64]:
        """(lines,) share of the columns of all blocks that a line has no value for, from 0 to 1."""
        present = self(profiles).present.values()
        return np.asarray(1 - torch.cat(list(present), dim=1).mean(dim=1).numpy())

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> BlockFiller:
        """Read `means`, in whatever order a file kept them."""
        return cls({name: arrays[name] for name in BLOCKS if name in arrays})

    def baseline(self, n_lines: int) -> Features:
        """The training mean, repeated: blocks (lines, columns)."""
        return {k: torch.from_numpy(m.astype(np.float64)).repeat(n_lines, 1) for k, m in self.means.items()}


def _means(block: NDArray[np.floating]) -> NDArray[np.float32]:
    there = ~np.isnan(block)
    total = np.where(there, block, 0).sum(axis=0, dtype=np.float64)
    return np.asarray(total / np.maximum(there.sum(axis=0), 1), np.float32)


def _n_lines(blocks: Profiles) -> int:
    shapes = {name: np.shape(block) for name, block in blocks.items()}
    if any(len(shape) != 2 for shape in shapes.values()) or len({shape[0] for shape in shapes.values()}) > 1:
        raise InputError(f"blocks have shapes {shapes}", expected="(lines, columns), the same lines in each")
    for name, block in blocks.items():
        if np.isinf(block).any():
            raise InputError("a value is infinite", field=name, expected="numbers, or NaN for missing")
    return next(iter(shapes.values()))[0]


def _check_columns(name: str, n: int, expected: int) -> None:
    if n != expected:
        raise InputError(
            f"the block has {n} columns", field=name, expected=f"the {expected} that the model was trained on",
            hint="align the profiles to the model's genes",
        )  # fmt: skip


@dataclass(frozen=True)
class ProfileFeatures:
    """How features are made of filled blocks.

    Attributes
    ----------
    weights
        (columns,) float32 by feature that has weights.
    centre, spread
        (3,) float32 mean and standard deviation of ``aneuploidy`` in the training lines.
    names
        Features that vary in the training lines, the only ones made.
    """

    weights: dict[str, NDArray[np.float32]]
    centre: NDArray[np.float32]
    spread: NDArray[np.float32]
    names: tuple[str, ...]

    @classmethod
    def fit(
        cls, blocks: FilledBlocks, response: NDArray[np.float64], known: Profiles | None = None
    ) -> ProfileFeatures:
        """Weigh genes by the responses of the training lines and by what is known of them.

        Parameters
        ----------
        blocks
            Of the training lines.
        response
            (lines, compounds) of mean 0 per compound, NaN where nothing was measured.
        known
            (genes,) by block: how much is known of a gene with any compound, as the log1p of a count of records;
            1 for all where a block is not named.
        """
        weights = {k: _weights(k, block, response, known or {}) for k, block in blocks.values.items()
                   if k in FLOOR}  # fmt: skip
        if "copy_number" in blocks.values:
            weights["known_copy_number"] = _known("copy_number", blocks.values["copy_number"], known or {})
        summary = _aneuploidy(blocks)
        centre = summary.mean(dim=0).numpy().astype(np.float32)
        sd = summary.std(dim=0, correction=0).numpy()
        spread = np.where(sd > 1e-6, sd, np.inf).astype(np.float32)
        every = cls(weights, centre, spread, ())._all(blocks)
        names = tuple(name for name, x in every.items() if bool((x.std(dim=0, correction=0) > 1e-9).any()))
        if not names:
            raise InputError("no column of the profiles varies between the training lines")
        return cls(weights, centre, spread, names)

    def __call__(self, blocks: FilledBlocks) -> Features:
        """Features of filled blocks, (lines, columns) by name."""
        every = self._all(blocks)
        return {name: every[name] for name in self.names}

    def _all(self, blocks: FilledBlocks) -> Features:
        values = blocks.values
        weighted = {name: values[name] * self._weight(name) for name in FLOOR if name in values}
        if "copy_number" in values:
            copies = values["copy_number"]
            weighted["copy_number"] = copies
            weighted["amplification"] = torch.relu(copies - AMPLIFIED)
            weighted["known_copy_number"] = copies * self._weight("known_copy_number")
        if "covariates" in values:
            weighted["covariates"] = values["covariates"]
        summary = (_aneuploidy(blocks) - torch.from_numpy(self.centre)) / torch.from_numpy(self.spread)
        return weighted | {"aneuploidy": summary}

    def _weight(self, name: str) -> Tensor:
        return torch.from_numpy(self.weights[name].astype(np.float64))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays to keep on disk; names of features as the text of their letters."""
        text = np.frombuffer("\n".join(self.names).encode(), np.uint8)
        arrays: dict[str, NDArray[Any]] = {"centre": self.centre, "spread": self.spread, "names": text}
        return arrays | {f"weight.{name}": weight for name, weight in self.weights.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> ProfileFeatures:
        """Read what `to_arrays` wrote."""
        weights = {k.removeprefix("weight."): a for k, a in arrays.items() if k.startswith("weight.")}
        names = tuple(arrays["names"].tobytes().decode().split("\n"))
        return cls(weights, arrays["centre"], arrays["spread"], names)


def _known(name: str, block: Tensor, known: Profiles) -> NDArray[np.float32]:
    weight = np.asarray(known.get(name, np.ones(block.shape[1])), np.float32)
    _check_columns(name, len(weight), block.shape[1])
    return weight


def _weights(name: str, block: Tensor, response: NDArray[np.float64], known: Profiles) -> NDArray[np.float32]:
    """Weights of a block's genes: how often they go with responses, times what is known of mutated genes."""
    t = association_t(block.numpy(), response)
    relevance = np.maximum((t**2).mean(axis=1) - 1, 0)
    weight = (relevance + FLOOR[name]) ** POWER[name]
    if name != "expression":
        weight = weight * (_known(name, block, known) + UNKNOWN)
    return np.asarray(weight, np.float32)


def _aneuploidy(blocks: FilledBlocks) -> Float[Tensor, "lines 3"]:
    """Log spread and mean of copy number over the genes given, log number of mutations; 0 without the block."""
    zero = torch.zeros(len(next(iter(blocks.values.values()))), dtype=torch.float64)
    spread, mean, burden = zero, zero, zero
    if "copy_number" in blocks.values:
        mean = _mean_given(blocks, "copy_number")
        squares = (blocks.values["copy_number"] - mean[:, None]) ** 2
        spread = torch.log(torch.sqrt(_mean_over(squares, blocks.present["copy_number"]) + 1e-12) + 1e-3)
    if "mutation" in blocks.values:
        n_genes = blocks.values["mutation"].shape[1]
        burden = torch.log1p(n_genes * _mean_given(blocks, "mutation").clamp(min=0))
    return torch.stack([spread, mean, burden], dim=1)


def _mean_given(blocks: FilledBlocks, name: str) -> Float[Tensor, " lines"]:
    return _mean_over(blocks.values[name], blocks.present[name])


def _mean_over(x: Tensor, present: Tensor) -> Float[Tensor, " lines"]:
    """Mean over what was given; over all (the filled) columns where nothing was."""
    nothing = present.sum(dim=1, keepdim=True) == 0
    counted = torch.where(nothing, torch.ones_like(present), present)
    return (x * counted).sum(dim=1) / counted.sum(dim=1)
