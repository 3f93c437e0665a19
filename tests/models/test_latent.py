"""The latent space of a network against scikit-learn's principal components, and what it says of strangers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from models.affinity import AffinityModel, training_domain
from models.affinity_fit import encode_towers
from models.checkpoint import load_affinity, save_affinity
from models.latent import N_DIRECTIONS, LatentSpace
from models.pairs import PairData

MakePairs = Callable[..., PairData]


@pytest.fixture(scope="module")
def model(affinity_model: AffinityModel, make_pairs: MakePairs) -> AffinityModel:
    """The small model with the latent space of its training pairs."""
    (endpoint,) = affinity_model.models
    inputs = endpoint.inputs
    molecules, proteins = inputs.encode_molecules(inputs.smiles), inputs.encode_proteins(inputs.targets)
    drug, target = (part.ravel() for part in np.indices((len(inputs.smiles), len(inputs.targets))))
    latent = LatentSpace.fit(endpoint.first_network, molecules, proteins, drug, target)
    domain = training_domain(inputs, {}, latent=latent)
    return replace(affinity_model, models=(replace(endpoint, latent=latent, domain=domain),))


def test_fit__directions_are_principal_components(model: AffinityModel) -> None:
    (endpoint,) = model.models
    inputs, latent = endpoint.inputs, endpoint.latent
    assert latent is not None
    molecules, proteins = inputs.encode_molecules(inputs.smiles), inputs.encode_proteins(inputs.targets)
    vectors = encode_towers(endpoint.first_network, molecules, proteins)
    drug, target = np.arange(4), np.array([0, 1, 2, 0])
    found = latent.vectors(endpoint.first_network, molecules, proteins, drug, target)
    first = latent.molecule.shape[1]
    assert found.shape == (4, latent.n_directions) and first <= N_DIRECTIONS
    for part, table, rows in ((found[:, :first], vectors[0], drug), (found[:, first:], vectors[1], target)):
        expected = PCA(part.shape[1]).fit(table).transform(table)[rows]
        np.testing.assert_allclose(np.abs(part), np.abs(expected), atol=1e-3)


def test_predict__abstains_from_new_pairs_that_are_isolated(
    model: AffinityModel, make_pairs: MakePairs
) -> None:
    """Training pairs are inside wherever they lie; new molecules and proteins far from all pairs are not."""
    pairs = make_pairs()
    known = (pairs.drug < 10) & (pairs.target < 6)
    (endpoint,) = model.models
    assert endpoint.latent is not None
    thresholds = endpoint.domain.thresholds
    assert set(thresholds) == {"molecule", "identity", "words", "density"}
    near = endpoint.latent.density
    far = replace(endpoint.latent, density=replace(near, points=near.points + np.float32(50)))
    # Of sixty pairs none can be as rare as one in a hundred.
    strict = thresholds | {"density": replace(thresholds["density"], value=0.05)}
    moved = replace(
        endpoint, latent=far, domain=replace(endpoint.domain, latent=far.density, thresholds=strict)
    )
    before, after = model.predict(pairs), replace(model, models=(moved,)).predict(pairs)
    assert before["in_domain"][known].all() and after["in_domain"][known].all()
    assert not before["reason"].str.contains("isolated").any()
    assert after["reason"][~known].str.contains("isolated").all()
    lowest = 1 / (len(near.points) + 1)
    np.testing.assert_allclose(after["latent_density"], lowest)
    assert np.median(before["latent_density"][known]) > 0.2


def test_load_affinity__keeps_the_latent_space(model: AffinityModel, tmp_path, make_pairs: MakePairs) -> None:  # type: ignore[no-untyped-def]
    save_affinity(model, tmp_path / "run")
    again = load_affinity(tmp_path / "run").models[0]
    (endpoint,) = model.models
    assert again.latent is not None and endpoint.latent is not None
    np.testing.assert_array_equal(again.latent.molecule, endpoint.latent.molecule)
    np.testing.assert_allclose(again.latent.density.points, endpoint.latent.density.points, atol=5e-3)
    assert again.domain.thresholds["density"] == endpoint.domain.thresholds["density"]
