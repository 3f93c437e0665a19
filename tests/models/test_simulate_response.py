"""The simulator of responses: what it plants is found again by a test and by a model that know nothing of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from chem.errors import InputError
from genomics.profile_covariates import covariate_levels, encode_covariates
from genomics.profile_tables import read_profile_tables
from models.marker_anova import marker_anova
from models.response import ResponseModel
from models.response_network import NetworkSettings
from models.response_settings import ResponseSettings
from models.response_table import match_lines, read_response
from models.simulate_response import (
    FOUR_TISSUES,
    PlantedMarker,
    ResponseSpread,
    SimulatedResponse,
    simulate_response,
)

COMPOUNDS = pd.DataFrame(
    {
        "drug_name": [f"drug {number}" for number in range(12)],
        "smiles": ["C" * (number + 1) for number in range(12)],
        "compound_class": ["x", "y", "z"] * 4,
    }
)
MARKERS = (
    PlantedMarker("BRAF", "x", -2.0, frequency=0.5, tissue="skin"),
    PlantedMarker("TP53", "y", 1.5, frequency=0.4),
    PlantedMarker("MET", "z", -2.0, block="copy_number", frequency=0.15),
    PlantedMarker("APC", "x", 0.0, frequency=0.3),
)


def simulated(seed: int = 0, **changed: object) -> SimulatedResponse:
    given = {"compounds": COMPOUNDS, "markers": MARKERS, "n_lines": 300} | changed
    return simulate_response(seed=seed, **given)  # type: ignore[arg-type]


def anova_of(made: SimulatedResponse, block: str = "mutation", *, tissue: bool = True) -> pd.DataFrame:
    values = made.profiles.blocks[block].astype(np.float64)
    found = marker_anova(
        made.table.values,
        values if block == "mutation" else (values > 1.4).astype(float),
        made.profiles.covariates["tissue"].tolist() if tissue else None,
        marker_ids=made.profiles.genes[block],
        compound_ids=made.table.compound_ids,
    )
    return found.assign(block=block)


def test_simulate_response__anova_finds_what_was_planted_and_little_else() -> None:
    made = simulated()
    found = pd.concat([anova_of(made, block) for block in ("mutation", "copy_number")])
    both = found.merge(made.planted, "left", ["block", "marker", "compound"], suffixes=("", "_planted"))
    real = both["effect_planted"].abs() > 0
    assert real.sum() == 12 and (both.loc[real, "fdr"] < 1e-3).all()
    off = (both["effect"] - both["effect_planted"]) / both["standard_error"]
    assert off[real].abs().max() < 3.5
    assert (both.loc[~real, "fdr"] < 0.05).sum() <= 2


def test_simulate_response__estimates_are_unbiased() -> None:
    """Over many tables, an effect less the planted one is a standard normal but for the tail of t."""
    off = []
    for seed in range(25):
        made = simulated(seed)
        both = anova_of(made).merge(made.planted, on=["block", "marker", "compound"])
        off.append((both["effect_x"] - both["effect_y"]) / both["standard_error"])
    z = np.concatenate(off)
    assert len(z) == 300 and abs(z.mean()) < 0.2 and 0.85 < z.std() < 1.2


def test_simulate_response__without_effects_p_is_uniform_only_given_tissue() -> None:
    passengers = [PlantedMarker("BRAF", "x", 0.0, frequency=0.7, tissue="skin")]
    p = {True: [], False: []}  # type: dict[bool, list[float]]
    for seed in range(40):
        made = simulated(seed, markers=passengers, n_background=0, missing=0.0)
        for tissue, values in p.items():
            found = anova_of(made, tissue=tissue)
            values.append(float(found.loc[found["compound"] == "drug 0", "p_value"].iloc[0]))
    assert kstest(p[True], "uniform").pvalue > 0.01
    assert kstest(p[False], "uniform").pvalue < 1e-4


def test_simulate_response__attributions_name_the_planted_marker() -> None:
    made = simulated(n_background=30, spread=ResponseSpread(noise=0.5))
    blocks: dict[str, np.ndarray] = {name: made.profiles.blocks[name] for name in ("mutation", "copy_number")}
    blocks["covariates"] = encode_covariates(made.profiles, covariate_levels(made.profiles))[0]
    small = NetworkSettings(n_members=2, hidden=32, n_steps=60, learning_rate=1e-2)
    model = ResponseModel.fit(made.table.values, blocks, settings=ResponseSettings(network=small))
    genes = {name: np.array(made.profiles.genes[name]) for name in ("mutation", "copy_number")}
    for marker in MARKERS[:3]:
        column = list(genes[marker.block]).index(marker.gene)
        values = blocks[marker.block][:, column]
        lines = np.flatnonzero(values > (1.4 if marker.block == "copy_number" else 0.5))[:12]
        compound = int(np.flatnonzero(COMPOUNDS["compound_class"] == marker.compound_class)[0])
        place = list(made.table.compound_ids).index(COMPOUNDS["drug_name"][compound])
        told = model.attributions({name: block[lines] for name, block in blocks.items()}, [place], n_steps=4)
        every = np.concatenate([told[name][:, 0] for name in genes], axis=1)
        names = np.concatenate([np.char.add(f"{name}:", genes[name].astype(str)) for name in genes])
        best = names[(np.sign(marker.effect) * every).argmax(axis=1)]
        assert np.mean(best == f"{marker.block}:{marker.gene}") > 0.7


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(5, 40), st.floats(0, 0.9))
def test_simulate_response__same_seed_same_bytes_and_shapes_fit(
    seed: int, n_lines: int, missing: float
) -> None:
    one, two = (simulated(seed, n_lines=n_lines, missing=missing) for _ in range(2))
    assert np.array_equal(one.table.values, two.table.values, equal_nan=True)
    assert one.planted.equals(two.planted) and one.expected.shape == (n_lines, 12)
    for name, block in one.profiles.blocks.items():
        assert np.array_equal(block, two.profiles.blocks[name]) and np.isfinite(block).all()


def test_simulate_response__values_are_the_expected_ones_and_noise() -> None:
    made = simulated(n_lines=2000, missing=0.3)
    there = ~np.isnan(made.table.values)
    assert abs(1 - there.mean() - 0.3) < 0.02
    noise = (made.table.values - made.expected)[there]
    assert abs(noise.mean()) < 0.03 and abs(noise.std() - ResponseSpread().noise) < 0.03


def test_simulate_response__carriers_are_as_common_as_asked() -> None:
    made = simulated(n_lines=4000)
    of = made.profiles.blocks["mutation"][:, made.profiles.genes["mutation"].index("BRAF")]
    skin = (made.profiles.covariates["tissue"] == "skin").to_numpy()
    assert abs(of[skin].mean() - 0.5) < 0.06 and abs(of[~skin].mean() - 0.05) < 0.02
    assert abs(skin.mean() - FOUR_TISSUES["skin"]) < 0.03
    counted = made.planted.set_index("marker")["n_carriers"]
    assert (counted["BRAF"] == of.sum()).all()


def test_write__is_read_back_as_it_was(tmp_path: Path) -> None:
    made = simulated(n_lines=40)
    paths = made.write(tmp_path / "new")
    table = read_response(paths["response"])
    assert table.compound_ids == made.table.compound_ids and table.unit == made.table.unit
    assert np.array_equal(table.values, made.table.values, equal_nan=True)
    blocks = {name: paths[name] for name in ("mutation", "copy_number", "expression")}
    profiles = read_profile_tables(blocks, covariates=paths["covariates"], covariate_columns=["tissue"])
    assert match_lines(table, profiles.sample_ids).left_out == ()
    assert profiles.covariates.equals(made.profiles.covariates)
    for name, block in made.profiles.blocks.items():
        assert np.array_equal(profiles.blocks[name], block)
    assert pd.read_csv(paths["planted"], sep="\t").equals(made.planted)


def test_select_lines__of_responses_and_profiles_alike() -> None:
    made = simulated()
    some = made.select_lines(np.array([5, 2]))
    assert some.table.line_ids == some.profiles.sample_ids == ("LINE0006", "LINE0003")
    assert np.array_equal(some.expected, made.expected[[5, 2]])
    assert np.array_equal(some.profiles.blocks["mutation"], made.profiles.blocks["mutation"][[5, 2]])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"compounds": COMPOUNDS.drop(columns="smiles")}, "field smiles: compounds lack a column"),
        ({"compounds": pd.concat([COMPOUNDS, COMPOUNDS])}, "'drug 0' stands twice"),
        ({"markers": [PlantedMarker("A", "w", 1.0)]}, "marker A has 'w'; expected x, y, z"),
        ({"markers": [PlantedMarker("A", "x", 1.0, block="burden")]}, "marker A has 'burden'"),
        ({"markers": [PlantedMarker("A", "x", 1.0, tissue="bone")]}, "marker A has 'bone'"),
        ({"markers": [PlantedMarker("A", "x", 1.0, frequency=2)]}, "expected a share from 0 to 1"),
        (
            {"markers": [PlantedMarker("A", "x", 1.0), PlantedMarker("A", "y", 1.0, frequency=0.1)]},
            "marker A stands with two frequencies",
        ),
        ({"tissues": {"skin": 0.0}}, "tissues have no shares"),
    ],
)
def test_simulate_response__bad_input(changed: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        simulated(**changed)
