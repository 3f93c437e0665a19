"""Blocks of profiles: what is missing, what genes weigh, and that nothing but training lines is read."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from chem.errors import InputError
from models.profile_features import AMPLIFIED, BlockFiller, ProfileFeatures

N_GENES = 8


def profiles(n_lines: int = 30, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "mutation": (rng.random((n_lines, N_GENES)) < 0.3).astype(np.float32),
        "copy_number": (1 + 0.3 * rng.normal(size=(n_lines, N_GENES))).astype(np.float32),
        "covariates": np.eye(3, dtype=np.float32)[rng.integers(0, 3, n_lines)],
    }


def fitted(known: dict[str, np.ndarray] | None = None) -> tuple[BlockFiller, ProfileFeatures]:
    training = profiles()
    response = training["mutation"][:, :1] + 0.1 * np.random.default_rng(1).normal(size=(30, 4))
    filler = BlockFiller.fit(training)
    return filler, ProfileFeatures.fit(filler(training), response - response.mean(axis=0), known)


def test_fill__missing_is_the_training_mean_not_wild_type() -> None:
    training = profiles()
    training["mutation"][:10, 2] = np.nan
    filler, new = BlockFiller.fit(training), profiles(2, 1)
    new["mutation"][0, 2] = np.nan
    blocks = filler(new)
    assert blocks.values["mutation"][0, 2] == pytest.approx(float(training["mutation"][10:, 2].mean()))
    assert blocks.present["mutation"][0, 2] == 0 and blocks.present["mutation"].sum() == 2 * N_GENES - 1
    assert filler.missing_share(new) == pytest.approx([1 / (2 * N_GENES + 3), 0])


def test_fill__a_block_not_given_is_missing_for_all() -> None:
    filler, new = BlockFiller.fit(profiles()), profiles(2, 1)
    blocks = filler({"mutation": new["mutation"], "expression": np.ones((2, 5))})
    assert set(blocks.values) == {"mutation", "copy_number", "covariates"}
    assert np.allclose(blocks.values["copy_number"], filler.means["copy_number"])


def test_features__values_as_defined() -> None:
    filler, features = fitted({"copy_number": np.arange(N_GENES)})
    new = profiles(5, 1)
    made = features(filler(new))
    copies = new["copy_number"].astype(float)
    assert np.allclose(made["amplification"], np.maximum(copies - AMPLIFIED, 0))
    assert np.allclose(made["known_copy_number"], copies * np.arange(N_GENES))
    raw = np.stack(
        [np.log(copies.std(axis=1) + 1e-3), copies.mean(axis=1), np.log1p(new["mutation"].sum(axis=1))]
    )
    assert np.allclose(made["aneuploidy"], (raw.T - features.centre) / features.spread, atol=1e-5)


def test_features__relevant_and_known_genes_weigh_more() -> None:
    weight = fitted()[1].weights["mutation"]
    assert weight[0] > 3 * weight[1:].max()
    known = np.ones(N_GENES)
    known[5] = 1000
    assert fitted({"mutation": known})[1].weights["mutation"].argmax() == 5


def test_features__aneuploidy_of_what_was_measured() -> None:
    """Genes filled with means would make a chromosomally unstable line look quiet."""
    filler, features = fitted()
    new = profiles(1, 1)
    half = {name: block.copy() for name, block in new.items()}
    half["copy_number"][:, ::2] = np.nan
    half["mutation"][:, ::2] = np.nan
    told = features(filler(half))["aneuploidy"][0].numpy() * features.spread + features.centre
    kept = new["copy_number"][0, 1::2]
    mutations = N_GENES * new["mutation"][0, 1::2].mean()
    assert np.allclose(told, [np.log(kept.std() + 1e-3), kept.mean(), np.log1p(mutations)], atol=1e-4)


def test_features__what_does_not_vary_is_left_out() -> None:
    training = {"copy_number": np.random.default_rng(0).uniform(0.9, 1.1, (20, 4))}
    filler = BlockFiller.fit(training)
    features = ProfileFeatures.fit(filler(training), np.random.default_rng(1).normal(size=(20, 2)))
    assert features.names == ("copy_number", "known_copy_number", "aneuploidy")


def test_arrays__give_the_same_features() -> None:
    filler, features = fitted()
    again, blocks = ProfileFeatures.from_arrays(features.to_arrays()), filler(profiles(3, 2))
    assert all(torch.equal(x, again(blocks)[name]) for name, x in features(blocks).items())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"methylation": np.ones((2, 2))}, "none of the model's blocks"),
        ({"mutation": np.ones((2, 3))}, "field mutation: the block has 3 columns; expected the 8"),
        ({"mutation": np.ones((2, 8)), "copy_number": np.ones((3, 8))}, "the same lines in each"),
        ({"copy_number": np.full((2, 8), np.inf)}, "field copy_number: a value is infinite"),
    ],
)
def test_fill__bad_profiles(wrong: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(InputError, match=said):
        fitted()[0](wrong)


def test_fit__bad_profiles() -> None:
    with pytest.raises(InputError, match="no block that is known; expected mutation, copy_number"):
        BlockFiller.fit({"methylation": np.ones((2, 2))})
    constant = BlockFiller.fit({"mutation": np.ones((5, 2))})
    with pytest.raises(InputError, match="no column of the profiles varies"):
        ProfileFeatures.fit(constant({"mutation": np.ones((5, 2))}), np.zeros((5, 1)))
    with pytest.raises(InputError, match="field mutation: the block has 3 columns; expected the 8"):
        fitted({"mutation": np.ones(3)})
