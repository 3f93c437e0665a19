from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.errors import InputError
from genomics.profile_covariates import covariate_levels, encode_covariates, level_names
from genomics.profile_tables import read_profile_tables
from genomics.profiles import GenotypeProfiles


def profiles_of(tissues: list[str | None]) -> GenotypeProfiles:
    ids = [f"L{i:02}" for i in range(len(tissues))]
    return GenotypeProfiles.of(ids, {}, pd.DataFrame({"tissue": tissues}, index=ids))


def test_encode__two_covariates_side_by_side() -> None:
    table = pd.DataFrame({"tissue": ["lung", "skin"], "sex": [None, "f"]}, index=["A", "B"])
    profiles = GenotypeProfiles.of(["A", "B"], {}, table)
    levels = covariate_levels(profiles)
    values, remarks = encode_covariates(profiles, levels)
    assert level_names(levels) == ("tissue=lung", "tissue=skin", "sex=f")
    np.testing.assert_array_equal(values, [[1, 0, np.nan], [0, 1, 1]])
    assert remarks == ("sex: missing for 1 of 2 samples",)


def test_encode__no_covariate_is_no_column() -> None:
    assert encode_covariates(profiles_of(["lung"]), {})[0].shape == (1, 0)


def test_encode__covariate_that_was_not_read() -> None:
    with pytest.raises(InputError, match=r"field sex: .* expected one of: tissue; declare it"):
        encode_covariates(profiles_of(["lung"]), {"sex": ("f",)})


@given(st.lists(st.sampled_from(["lung", "skin", "bone", None]), min_size=1, max_size=8), st.randoms())
def test_encode__order_changes_nothing_and_missing_stays(tissues: list[str | None], random) -> None:  # type: ignore[no-untyped-def]
    profiles = profiles_of(tissues)
    values, _ = encode_covariates(profiles, covariate_levels(profiles))
    order = random.sample(range(len(tissues)), len(tissues))
    chosen = profiles.select([profiles.sample_ids[i] for i in order])
    assert covariate_levels(chosen) == covariate_levels(profiles)
    np.testing.assert_array_equal(encode_covariates(chosen, covariate_levels(chosen))[0], values[order])
    known = [tissue is not None for tissue in tissues]
    assert (np.nansum(values, axis=1) == known).all()


def test_encode__shared_tissues_equal_pandas(shared_data: Path) -> None:
    folder = shared_data / "response"
    profiles = read_profile_tables(
        {"mutation": folder / "mutation_580x706.tsv.gz"},
        covariates=folder / "cell_annotations.tsv",
        covariate_columns=["type_refined"],
    )
    values, _ = encode_covariates(profiles, covariate_levels(profiles))
    expected = pd.get_dummies(profiles.covariates["type_refined"], dtype=np.float32)
    np.testing.assert_array_equal(np.nan_to_num(values), expected.to_numpy())
    assert np.isnan(values).all(axis=1).sum() == 12
