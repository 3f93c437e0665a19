"""Covariates of profiles, such as the tissue, as numbers: one 0/1 column per level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float32

from genomics.errors import InputError
from genomics.gene_names import shown
from genomics.profiles import GenotypeProfiles

Levels = Mapping[str, Sequence[str]]


def covariate_levels(profiles: GenotypeProfiles) -> dict[str, tuple[str, ...]]:
    """List the levels of each covariate, of training lines alone where a model is trained.

    Parameters
    ----------
    profiles
        Of the training lines.

    Returns
    -------
    dict
        Levels of each covariate, by name; a missing value is no level.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"tissue": ["skin", "lung", None]}, index=["A", "B", "C"])
    >>> profiles = GenotypeProfiles.of(["A", "B", "C"], {}, table)
    >>> covariate_levels(profiles)
    {'tissue': ('lung', 'skin')}
    """
    table = profiles.covariates
    return {str(name): tuple(sorted(column.dropna().astype(str).unique())) for name, column in table.items()}


def level_names(levels: Levels) -> tuple[str, ...]:
    """Name the columns of `encode_covariates`: ``covariate=level``.

    Examples
    --------
    >>> level_names({"tissue": ("lung", "skin")})
    ('tissue=lung', 'tissue=skin')
    """
    return tuple(f"{name}={level}" for name, chosen in levels.items() for level in chosen)


def encode_covariates(
    profiles: GenotypeProfiles, levels: Levels
) -> tuple[Float32[np.ndarray, "samples columns"], tuple[str, ...]]:
    """Write each covariate as one 0/1 column per level.

    Parameters
    ----------
    profiles
        Samples.
    levels
        Levels of each covariate, from the training lines; see `covariate_levels`.

    Returns
    -------
    values : float32 (samples, columns)
        Columns as `level_names` names them. NaN where the covariate is missing; 0 in all columns of a
        covariate for a level that is not among `levels`.
    remarks : tuple of str
        Samples whose level is missing or not known, per covariate.

    Raises
    ------
    InputError
        The profiles lack a covariate.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"tissue": ["skin", "bone", None]}, index=["A", "B", "C"])
    >>> values, remarks = encode_covariates(
    ...     GenotypeProfiles.of(["A", "B", "C"], {}, table), {"tissue": ("lung", "skin")}
    ... )
    >>> values
    array([[ 0.,  1.],
           [ 0.,  0.],
           [nan, nan]], dtype=float32)
    >>> remarks
    ('tissue: missing for 1 of 3 samples', 'tissue: a level that is not known for 1 of 3 samples (bone)')
    """
    n_samples = len(profiles.sample_ids)
    parts, remarks = [np.zeros((n_samples, 0), np.float32)], []
    for name, chosen in levels.items():
        if name not in profiles.covariates:
            raise InputError(
                "the profiles have no such covariate",
                field=name,
                expected=f"one of: {', '.join(map(str, profiles.covariates)) or 'none was read'}",
                hint="declare it when the tables are read",
            )
        column = profiles.covariates[name]
        missing = column.isna().to_numpy(dtype=bool)
        text = column.astype(object).where(~missing, "").to_numpy()
        values = (text[:, None] == np.array(chosen, dtype=object)[None, :]).astype(np.float32)
        unknown = ~missing & ~values.any(axis=1)
        values[missing] = np.nan
        parts.append(values)
        if missing.any():
            remarks.append(f"{name}: missing for {missing.sum()} of {n_samples} samples")
        if unknown.any():
            remarks.append(
                f"{name}: a level that is not known for {unknown.sum()} of {n_samples} samples ({shown(set(text[unknown]))})"
            )
    return np.concatenate(parts, axis=1), tuple(remarks)
