"""Small real inputs for the networks' tests: shipped drugs and kinases, with labels made for one test."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from chem.standardise import standardise_smiles
from models.affinity import AffinityModel
from models.kinase import build_profile
from models.pairs import PairData
from models.protein import Target
from varimol import tables

DRUGS = (
    "abacavir", "aspirin", "axitinib", "bosutinib", "caffeine", "capmatinib", "dasatinib", "erlotinib",
    "gefitinib", "ibrutinib", "imatinib", "lapatinib", "metformin", "nilotinib", "ponatinib", "ruxolitinib",
    "sunitinib", "tofacitinib", "trametinib", "warfarin",
)  # fmt: skip
KINASES = ("ABL1", "AURKA", "BRAF", "BTK", "CDK2", "EGFR", "JAK2", "KIT", "MET", "PRKACA", "SRC", "TYK2")


@pytest.fixture(scope="session")
def drug_smiles() -> dict[str, str]:
    """Return standardised SMILES of twenty or so shipped drugs by name."""
    shipped = tables.drugs().drop_duplicates("name").set_index("name")["smiles"]
    return {name: standardise_smiles(shipped[name]).smiles for name in DRUGS if name in shipped.index}


@pytest.fixture(scope="session")
def kinases() -> dict[str, str]:
    """Return sequences of a dozen shipped kinases by gene symbol."""
    shipped = tables.proteins().set_index("symbol")["sequence"]
    return {name: str(shipped[name]) for name in KINASES}


@pytest.fixture(scope="session")
def profile(kinases: dict[str, str]) -> NDArray[np.float32]:
    """Return the kinase profile built on those sequences."""
    return build_profile(list(kinases.values()))


@pytest.fixture(scope="session")
def make_pairs(drug_smiles: dict[str, str], kinases: dict[str, str]) -> Callable[..., PairData]:
    """Return a function that makes every pair of the first drugs and kinases, labels additive plus noise."""

    def make(
        n_drugs: int = 12, n_targets: int = 8, *, name: str = "pkd", noise: float = 0.1, seed: int = 0
    ) -> PairData:
        drugs, targets = list(drug_smiles)[:n_drugs], list(kinases)[:n_targets]
        rng = np.random.default_rng(seed)
        drug = np.repeat(np.arange(len(drugs)), len(targets))
        target = np.tile(np.arange(len(targets)), len(drugs))
        effects = rng.normal(size=len(drugs))[drug] + rng.normal(size=len(targets))[target]
        return PairData(
            name, tuple(drugs), tuple(drug_smiles[d] for d in drugs), ("",) * len(drugs), tuple(targets),
            tuple(Target(t, kinases[t]) for t in targets), drug, target,
            6 + effects + noise * rng.normal(size=len(drug)), np.full(len(drug), -1),
        )  # fmt: skip

    return make


@pytest.fixture(scope="session")
def affinity_model(make_pairs: Callable[..., PairData]) -> AffinityModel:
    """Return two small networks and a kernel regression on ten drugs and six kinases, with intervals."""
    from models.affinity import KERNEL, EndpointModel, training_domain
    from models.affinity_inputs import encode_pairs, fit_inputs, fit_profiles
    from models.affinity_network import NetworkShape
    from models.contenders import NetworkRecipe, fit_members
    from models.intervals import Intervals
    from models.loop import LoopConfig

    pairs = make_pairs()
    known = pairs.select((pairs.drug < 10) & (pairs.target < 6))
    inputs = fit_profiles(fit_inputs([known], rank=16), known, rank=16)
    recipe = NetworkRecipe(
        NetworkShape(graph="gine", dim=48, aligned=8, graph_dim=16, n_layers=2, rank=16, dropout=0.0),
        LoopConfig(n_epochs=6, stop_after=6, learning_rate=3e-3, ema=0.9, device="cpu"),
        n_members=2,
    )
    members = fit_members(encode_pairs(known, inputs), recipe, 0)
    rng = np.random.default_rng(0)
    prediction = rng.normal(6, 1, size=240)
    widths = {"random": 0.3, "scaffold": 0.8, "family": 1.5}
    intervals = {
        setting: Intervals.fit(prediction + width * rng.normal(size=240), prediction)
        for setting, width in widths.items()
    }
    model = EndpointModel(
        "pkd", "regression", inputs, {"landmark_network": members},
        {"random": {"landmark_network": 0.6, KERNEL: 0.4}}, intervals, training_domain(inputs, {}),
    )  # fmt: skip
    return AffinityModel((model,), {"name": "tiny"})
