"""What resembles the training set is inside; what does not is abstained from, with the reason in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from chem.errors import InputError
from chem.fingerprint import morgan_fingerprints, tanimoto
from models.domain import Domain
from models.domain_similarity import ProteinKeys, nearest_other
from models.domain_threshold import Threshold
from models.kinase import AMINO_ACIDS, GAP

TRAINING = ["CCO", "CCCO", "CCCCO", "CCCCCO", "c1ccccc1O", "c1ccccc1CO", "Cc1ccccc1O", "CCc1ccccc1O"]
RULE = "from which the model beats the means"
THRESHOLDS = {
    "molecule": Threshold(0.4, RULE, 50), "identity": Threshold(0.5, RULE, 50), "words": Threshold(0.3, RULE, 50),
}  # fmt: skip


def chain(seed: int, length: int = 120) -> str:
    return "".join(np.random.default_rng(seed).choice(list(AMINO_ACIDS), length))


def proteins() -> ProteinKeys:
    """Three kinases with 10 aligned columns, three other proteins."""
    aligned = np.full((6, 10), GAP, np.int8)
    aligned[:3] = [[k] * 10 for k in (1, 2, 3)]
    return ProteinKeys.of([chain(k) for k in range(6)], aligned)


@pytest.fixture
def domain() -> Domain:
    latent = np.random.default_rng(0).normal(size=(300, 4))
    return Domain.fit(morgan_fingerprints(TRAINING), proteins(), latent, THRESHOLDS)


def assess(domain: Domain, smiles: list[str], keys: ProteinKeys, **more: Any) -> pd.DataFrame:
    """Every molecule with the first protein, and the first molecule with every protein."""
    molecule = np.r_[np.arange(len(smiles)), np.zeros(len(keys.words), int)]
    protein = np.r_[np.zeros(len(smiles), int), np.arange(len(keys.words))]
    return domain.assess(morgan_fingerprints(smiles), keys, molecule, protein, **more)


def test_assess__training_pairs_are_inside(domain: Domain) -> None:
    table = assess(domain, TRAINING, proteins())
    assert table["in_domain"].all() and (table["reason"] == "").all()
    assert (table["similarity_molecule"] == 1).all() and (table["similarity_protein"] == 1).all()
    assert table["protein_measure"].tolist()[8:] == ["identity"] * 3 + ["words"] * 3
    assert table["density"].isna().all()


def test_assess__says_why_it_abstains(domain: Domain) -> None:
    aligned = np.full((2, 10), GAP, np.int8)
    aligned[0] = [1, 1, 1, 4, 5, 6, 7, 8, 9, 10]
    keys = ProteinKeys.of([chain(9), chain(10)], aligned)
    strange = "FC(F)(F)S(=O)(=O)N=C1SC=CN1Br"
    table = assess(domain, ["CCO", strange], keys)
    expected = tanimoto(morgan_fingerprints([strange]), morgan_fingerprints(TRAINING)).max()
    assert table["similarity_molecule"][1] == pytest.approx(expected) and not table["in_domain"].any()
    kinase = f"the nearest training protein has identity 0.30, below 0.50, {RULE}"
    assert table["reason"][0] == kinase
    assert table["reason"][1] == (
        f"the nearest training molecule has Tanimoto similarity {expected:.2f}, below 0.40, {RULE}; {kinase}"
    )
    assert "similarity of sequence words 0.0" in table["reason"][3]


def test_assess__isolated_pairs_and_unreadable_molecules(domain: Domain) -> None:
    """A pair of what is known is inside however isolated; one with a new molecule is not."""
    new = "CCCCCCO"
    assert new not in TRAINING
    bits, keys = morgan_fingerprints(["CCO", "CCCO", new]), proteins()
    near, far = [0.0] * 4, [30.0] * 4
    table = domain.assess(
        bits, keys, [0, 0, 1, 2, 2], [0, 0, 0, 0, 0], latent=[near, far, near, near, far],
        unreadable=["", "valence of carbon", ""],
    )  # fmt: skip
    assert 0.4 < table["similarity_molecule"][3] < 1
    assert table["in_domain"].tolist() == [True, True, False, True, False]
    assert table["density"][1] == table["density"][4] == pytest.approx(1 / 301)
    assert table["reason"][4].startswith("only 0.332% of training pairs are as isolated in the latent space")
    assert table["reason"][2] == "the structure cannot be read: valence of carbon"
    assert np.isnan(table["similarity_molecule"][2]) and table["density"][0] > 0.2


def test_assess__a_model_that_never_beats_the_means_is_never_inside() -> None:
    never = Domain.fit(
        morgan_fingerprints(TRAINING), proteins(), None, {"molecule": Threshold(None, RULE, 20)}
    )
    # What it was trained on has the errors of held-out pairs; nothing else is near enough.
    assert assess(never, TRAINING, proteins())["in_domain"].all()
    table = assess(never, ["CCCCCCCO", "CCCCCCCCCCO"], proteins())
    assert (table["similarity_molecule"] < 1).all() and not table["in_domain"].any()
    assert table["reason"][0].endswith(f", and there is no similarity {RULE}")


def test_fit__unmeasured_thresholds_come_from_the_training_set() -> None:
    domain = Domain.fit(morgan_fingerprints(TRAINING), proteins())
    own = nearest_other(np.unique(morgan_fingerprints(TRAINING), axis=0))
    assert domain.thresholds["molecule"].value == pytest.approx(np.quantile(own, 0.05))
    assert domain.thresholds["identity"].value == 0.0
    table = assess(domain, ["FC(F)(F)S(=O)(=O)N=C1SC=CN1Br"], proteins())
    assert "not measured on held-out data" in table["reason"][0]
    single = Domain.fit(morgan_fingerprints(["CCO"]), ProteinKeys.of(["MKV"]))
    assert assess(single, ["CCO"], ProteinKeys.of(["MKV"]))["in_domain"].all()


def test_assess__proteins_without_profile_are_compared_by_words() -> None:
    domain = Domain.fit(morgan_fingerprints(TRAINING), ProteinKeys.of([chain(1), chain(2)]), None, THRESHOLDS)
    mutant = chain(1)[:50] + "W" + chain(1)[51:]
    table = assess(domain, ["CCO"], ProteinKeys.of([mutant, chain(7), "XX"]))
    assert table["protein_measure"].unique().tolist() == ["words"]
    assert table["in_domain"].tolist() == [True, True, False, False]
    assert 0.9 < table["similarity_protein"][0] < 1 and table["similarity_protein"][3] == 0


def test_assess__long_nonsense_is_outside_whatever_its_length() -> None:
    """By chance a long chain has most words of any protein; a real relative has them in its own order alone."""
    long = [chain(k, 3000) for k in (1, 2)]
    thresholds = {**THRESHOLDS, "words": Threshold(0.15, RULE, 50)}
    domain = Domain.fit(morgan_fingerprints(TRAINING), ProteinKeys.of(long), None, thresholds)
    nonsense = [chain(seed, length) for seed, length in ((11, 3000), (12, 8000), (13, 35_000))]
    table = assess(domain, ["CCO"], ProteinKeys.of([*nonsense, long[0][:1500] + chain(14, 1500), long[1]]))[
        1:
    ]
    assert (table["similarity_protein"] > 0.15).all()
    assert table["in_domain"].tolist() == [False, False, False, True, True]
    assert "of the sequence read backwards" in table["reason"].iloc[0]


def test_domain__refuses_what_it_cannot_use(domain: Domain) -> None:
    bits: NDArray[np.uint8] = morgan_fingerprints(["CCO"])
    keys = proteins()
    with pytest.raises(InputError, match="row 1 of 1"):
        domain.assess(bits, keys, [0, 1], [0, 0])
    with pytest.raises(InputError, match="molecule 2, protein 1"):
        domain.assess(bits, keys, [0, 0], [0])
    with pytest.raises(InputError, match="unreadable 2"):
        domain.assess(bits, keys, [0], [0], unreadable=["", ""])
    with pytest.raises(InputError, match="record 1, field latent"):
        domain.assess(bits, keys, [0], [0], latent=[[np.nan] * 4])
    with pytest.raises(InputError, match="cannot be compared"):
        domain.assess(bits[:, :100], keys, [0], [0])
    with pytest.raises(InputError, match=r"3 columns.*expected 10"):
        domain.assess(bits, ProteinKeys.of(["MKV"], np.zeros((1, 3), np.int8)), [0], [0])
    with pytest.raises(InputError, match="without latent"):
        Domain.fit(bits, keys).assess(bits, keys, [0], [0], latent=[[0.0]])
    with pytest.raises(InputError, match="no measure is called 'drug'"):
        Domain.fit(bits, keys, thresholds={"drug": None})
    with pytest.raises(InputError, match="0 and 1"):
        Domain.fit(bits * 2, keys)
    empty = domain.assess(bits, keys, [], [])
    assert len(empty) == 0 and empty["in_domain"].dtype == bool
