"""Diplotypes called by another program, for genes that variant calls cannot settle."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from genomics.errors import InputError
from models.pairs import read_table

REQUIRED = ("sample_id", "gene", "diplotype")


def read_outside_calls(path: str | os.PathLike[str], sample_ids: list[str]) -> pd.DataFrame:
    """Read a table of diplotypes called elsewhere.

    Parameters
    ----------
    path
        TSV, CSV or Parquet with sample_id, gene, diplotype (like ``*1/*4``).
    sample_ids
        Samples of the cohort.

    Returns
    -------
    pd.DataFrame
        sample_id, gene, diplotype.

    Raises
    ------
    InputError
        A column is missing, a sample is not in the cohort, a diplotype has no two alleles, or a sample and
        gene stand twice.
    """
    table = read_table(path, REQUIRED, "outside calls")[list(REQUIRED)]
    known = set(sample_ids)
    for row, (sample, gene, diplotype) in enumerate(table.itertuples(index=False, name=None), start=2):
        if sample not in known:
            raise InputError(
                "this sample is not in the cohort", file=Path(path), record=row, field="sample_id",
                expected=f"one of its {len(known)} samples", hint="remove that line or correct the name",
            )  # fmt: skip
        if diplotype.count("/") != 1 or not all(diplotype.split("/")):
            raise InputError(
                f"{diplotype!r} is no diplotype of {gene}", file=Path(path), record=row, field="diplotype",
                expected="two alleles joined by /", hint="write it like *1/*4",
            )  # fmt: skip
    twice = table.index[table.duplicated(["sample_id", "gene"])]
    if len(twice):
        raise InputError(
            "the same sample and gene stand twice", file=Path(path), record=int(twice[0]) + 2, field="gene",
            expected="one diplotype per sample and gene", hint="keep one",
        )  # fmt: skip
    return table


def apply_outside_calls(diplotypes: pd.DataFrame, outside: pd.DataFrame) -> pd.DataFrame:
    """Put outside calls in the place of our own for the same sample and gene.

    Parameters
    ----------
    diplotypes
        `genomics.stars.call_diplotypes`.
    outside
        `read_outside_calls`.

    Returns
    -------
    pd.DataFrame
        The same columns; an outside call has posterior 1, status ``called`` and says so in its assumptions.
    """
    replaced = set(zip(outside["sample_id"], outside["gene"], strict=True))
    keys = zip(diplotypes["sample_id"], diplotypes["gene"], strict=True)
    ours = diplotypes[[key not in replaced for key in keys]]
    theirs = outside.assign(
        rank=1, posterior=1.0, posterior_no_prior=1.0, status="called", sites_missing="",
        assumptions="called by another program, taken as given", reason="",
    )  # fmt: skip
    order = {sample: place for place, sample in enumerate(dict.fromkeys(diplotypes["sample_id"]))}
    joined = pd.concat([ours, theirs[[c for c in diplotypes.columns if c in theirs]]], ignore_index=True)
    joined["_order"] = joined["sample_id"].map(order)
    joined = joined.sort_values(["_order", "gene", "rank"], kind="stable").drop(columns="_order")
    return joined.reset_index(drop=True)
