"""Shifts that an affinity model makes of its own training labels: when it speaks, and when it does not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from chem.errors import InputError
from models.affinity_inputs import InputEncoder, fit_inputs
from models.evidence_pairs import label_matrix
from models.pairs import PairData
from models.protein import Target, parse_target, place_variants
from models.shift_model import ShiftModel

VARIANTS = {
    "ABL1": ("T315I", "E255K", "Y253H", "F317L"),
    "EGFR": ("T790M", "L858R", "G719S"),
    "KIT": ("T670I", "D816V"),
    "BRAF": ("V600E", "T529I"),
}
GATEKEEPERS = {"T315I", "T790M", "T670I", "T529I"}


@pytest.fixture(scope="module")
def training(
    drug_smiles: dict[str, str], kinases: dict[str, str]
) -> tuple[InputEncoder, NDArray[np.float16], dict[str, str]]:
    """Return inputs and labels in which gatekeeper variants cost every drug 2, and others nothing."""
    drugs = list(drug_smiles)
    named = [Target(gene, chain) for gene, chain in kinases.items()]
    for gene, variants in VARIANTS.items():
        named += place_variants([parse_target(f"{gene}({v})", kinases[gene]) for v in variants])
    assert not any(target.unplaced for target in named)
    rng = np.random.default_rng(0)
    affinity = {gene: rng.uniform(7, 9, len(drugs)) for gene in kinases}
    drug = np.repeat(np.arange(len(drugs)), len(named))
    target = np.tile(np.arange(len(named)), len(drugs))
    label = np.array(
        [
            affinity[named[t].gene][d]
            - 2 * (str(named[t].changes[0]) in GATEKEEPERS if named[t].changes else 0)
            for d, t in zip(drug, target, strict=True)
        ]
    ) + 0.1 * rng.normal(size=len(drug))
    pairs = PairData(
        "pkd", tuple(drugs), tuple(drug_smiles[d] for d in drugs), ("",) * len(drugs),
        tuple(t.target_id for t in named), tuple(named), drug, target, label, np.full(len(drug), -1),
    )  # fmt: skip
    held = pairs.select(~np.isin(target, [k for k, t in enumerate(named) if "T670I" in t.target_id]))
    inputs = fit_inputs([held])
    return inputs, label_matrix(held, inputs), drug_smiles


@pytest.fixture(scope="module")
def model(training: tuple[InputEncoder, NDArray[np.float16], dict[str, str]]) -> ShiftModel:
    inputs, labels, _ = training
    # A checkpoint keeps the names and the changed sequences, not the changes.
    kept = [Target(t.target_id, t.sequence, t.domain) for t in inputs.targets]
    plain = InputEncoder(inputs.profile, inputs.molecules, inputs.proteins, inputs.smiles, tuple(kept))
    return ShiftModel.fit(plain, labels)


def _mutant(chain: str, gene: str, variant: str) -> Target:
    return place_variants([parse_target(f"{gene}({variant})", chain)])[0]


def test_shift_model__predicts_a_variant_it_never_saw(
    model: ShiftModel, drug_smiles: dict[str, str], kinases: dict[str, str]
) -> None:
    smiles = list(drug_smiles.values())[:6]
    wild, mutant = Target("KIT", kinases["KIT"]), _mutant(kinases["KIT"], "KIT", "T670I")
    table = model.shift(smiles, [wild] * 6, [mutant] * 6)
    assert (table["reason"] == "").all() and not table["in_training"].any()
    assert (table["shift"] < -1).all() and table["shift"].mean() == pytest.approx(-2, abs=0.5)
    assert (table["lower"] <= table["shift"]).all() and (table["shift"] <= table["upper"]).all()
    wider = model.shift(smiles, [wild] * 6, [mutant] * 6, level=0.95)
    assert (wider["upper"] - wider["lower"] >= table["upper"] - table["lower"]).all()


def test_shift_model__finds_the_wild_type_in_a_longer_chain(
    model: ShiftModel, drug_smiles: dict[str, str], kinases: dict[str, str]
) -> None:
    """Another isoform with the same kinase domain, under another name, is the same protein."""
    smiles, chain = [drug_smiles["imatinib"]], kinases["ABL1"]
    own = model.shift(smiles, [Target("ABL1", chain)], [_mutant(chain, "ABL1", "T315I")])
    longer = "MGQQPGKVLGDQRR" + chain
    wild, mutant = Target("P00519", longer), _mutant(longer, "P00519", "T329I")
    other = model.shift(smiles, [wild], [mutant])
    assert own["in_training"].all() and (other["reason"] == "").all()
    assert other["in_training"].all()
    assert other["shift"].iloc[0] == pytest.approx(own["shift"].iloc[0], abs=0.05)


def test_shift_model__knows_a_measured_pair_without_its_wild_type(
    training: tuple[InputEncoder, NDArray[np.float16], dict[str, str]], kinases: dict[str, str]
) -> None:
    inputs, labels, smiles = training
    assert labels is not None
    drug = inputs.smiles.index(smiles["imatinib"])
    names = [t.target_id for t in inputs.targets]
    unknown = labels.copy()
    unknown[drug, names.index("ABL1")] = unknown[drug, names.index("ABL1(E255K)")] = np.nan
    chain = kinases["ABL1"]
    table = ShiftModel.fit(inputs, unknown).shift(
        [smiles["imatinib"]] * 2,
        [Target("ABL1", chain)] * 2,
        [_mutant(chain, "ABL1", v) for v in ("T315I", "E255K")],
    )
    assert table["reason"].str.contains("the wild type was not measured").all()
    assert table["in_training"].tolist() == [True, False]


def test_shift_model__says_why_it_cannot_speak(
    model: ShiftModel, drug_smiles: dict[str, str], kinases: dict[str, str]
) -> None:
    chain = kinases["ABL1"]
    wild, mutant = Target("ABL1", chain), _mutant(chain, "ABL1", "T315I")
    foreign = Target("X", "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ")
    known = drug_smiles["imatinib"]
    table = model.shift(
        ["c1ccc2[nH]ccc2c1", known, "", known],
        [wild, foreign, wild, wild],
        [mutant, _mutant(foreign.sequence, "X", "K2R"), mutant, mutant],
    )
    assert table["reason"].tolist() == [
        "no variant was measured with this drug",
        "the wild type is not among the training proteins",
        "no variant was measured with this drug",
        "",
    ]
    assert table["shift"].isna().tolist() == [True, True, True, False]


def test_shift_model__is_judged_on_variants_left_out(model: ShiftModel) -> None:
    large = model.judged
    assert len(large) > 40 and large["right"].mean() > 0.9
    assert not large["at_limit"].any() and (large["shift"].abs() > 0.5).all()


def test_shift_model__needs_mutants(
    training: tuple[InputEncoder, NDArray[np.float16], dict[str, str]],
) -> None:
    inputs, labels, _ = training
    with pytest.raises(InputError, match="keeps no training labels"):
        ShiftModel.fit(inputs, None)
    few = np.where([bool(t.changes) for t in inputs.targets], np.nan, labels)
    with pytest.raises(InputError, match="0 shifts from a wild type to a mutant"):
        ShiftModel.fit(inputs, few)
