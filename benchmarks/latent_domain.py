"""How the error on held-out pairs goes with how isolated they are in the latent space of the first network.

``python -m benchmarks.latent_domain SOURCE RUN [--record]`` takes the out-of-fold predictions of the blend and of the means
(RUN/folds.tsv of `python -m varimol.curate.network`), fits the landmark network to the training side of one fold of
pairs, one of whole scaffolds and one of whole families, and bins the held-out pairs by their density in its latent space
(`models.latent`): all of them, and those that the similarities of molecule and protein put inside the domain.
If density told where the model stops beating the means, beyond what the similarities tell, the blend's squared error
among isolated pairs inside would be a larger share of that of the means. The network is trained for half (DAVIS) and
a quarter (KIBA) of the epochs of the shipped one, to be done in minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.measured_model import with_model
from benchmarks.record import write_results
from chem.fingerprint import morgan_fingerprints
from models.affinity import N_BITS, training_domain
from models.affinity_fit import FittedNetwork
from models.affinity_inputs import InputEncoder
from models.blend import BLEND
from models.checkpoint import read_card
from models.contenders import NETWORKS, encode_pairs, fit_encoder, fit_members
from models.domain_measured import places
from models.domain_similarity import ProteinKeys
from models.domain_threshold import Threshold
from models.intervals import cross_conformal
from models.latent import LatentSpace
from models.means import DrugTargetMeans
from models.pairs import PairData
from models.protein import encode_proteins
from varimol.curate.network import training_tables

NETWORK = "landmark_network"
EPOCHS = {"pkd": 10, "kiba_score": 16}
"""Of the network that makes the latent space."""
FOLD = 1
EDGES = (0.0, 0.01, 0.05, 0.25, 1.01)
"""Of the bins of density, each from one up to the next."""
N_RESAMPLES = 1000


def held_out_pairs(
    pairs: PairData, rows: pd.DataFrame, thresholds: dict[str, Threshold], n_epochs: int
) -> pd.DataFrame:
    """Fit the network to the pairs of other folds, and tell of those held out how isolated they are.

    Parameters
    ----------
    pairs
        The pairs of one endpoint.
    rows
        Held-out pairs of one fold: drug_id, target_id and others, which are passed on.
    thresholds
        Of the similarities of molecule and protein.
    n_epochs
        Of the network.

    Returns
    -------
    pd.DataFrame
        `rows` with density, similarity_molecule, similarity_protein, inside (by the two similarities alone).
    """
    drug, target = places(pairs, rows)
    held_out = np.isin(_number(pairs, pairs.drug, pairs.target), _number(pairs, drug, target))
    training = pairs.select(~held_out)
    recipe = NETWORKS[NETWORK]
    recipe = replace(recipe, loop=replace(recipe.loop, stop_after=n_epochs))
    encoder = fit_encoder(training, recipe)
    data = encode_pairs(training, encoder)
    network = fit_members(data, recipe, 0)[0]
    latent = _latent_space(network, training, encoder)
    vectors = latent.vectors(network, data.molecules, data.proteins, drug, target)
    arrays = encode_proteins(pairs.targets, encoder.profile)
    judged = training_domain(encoder, thresholds).assess(
        morgan_fingerprints(pairs.smiles, n_bits=N_BITS),
        ProteinKeys.of([t.sequence for t in pairs.targets], arrays.aligned),
        drug, target,
    )  # fmt: skip
    return rows.assign(
        density=latent.density.density(vectors),
        similarity_molecule=judged["similarity_molecule"].to_numpy(),
        similarity_protein=judged["similarity_protein"].to_numpy(),
        inside=judged["in_domain"].to_numpy(),
    )


def _number(pairs: PairData, drug: NDArray[np.int64], target: NDArray[np.int64]) -> NDArray[np.int64]:
    return drug * len(pairs.target_ids) + target


def _latent_space(network: FittedNetwork, training: PairData, encoder: InputEncoder) -> LatentSpace:
    """Directions of the training molecules and proteins alone, and the density of the training pairs."""
    drugs, drug = np.unique(training.drug, return_inverse=True)
    targets, target = np.unique(training.target, return_inverse=True)
    molecules = encoder.encode_molecules([training.smiles[d] for d in drugs])
    proteins = encoder.encode_proteins([training.targets[t] for t in targets])
    return LatentSpace.fit(network, molecules, proteins, drug, target)


def error_by_density(table: pd.DataFrame, unit: str, seed: int = 0) -> pd.DataFrame:
    """Bin pairs by density, and compare the squared errors.

    Parameters
    ----------
    table
        label, prediction, means, covered (whether the interval held the label), density and the column `unit`; one
        row per held-out pair.
    unit
        What errs together: molecules or proteins, over which the interval of the share is resampled.
    seed
        Of the resamples.

    Returns
    -------
    pd.DataFrame
        above, to, n_units, n_pairs, mse, variance (of the labels), mse_means, share (mse over mse_means) with its
        95% interval lower and upper, coverage of the 90% intervals; one row per bin that holds pairs.

    Examples
    --------
    >>> table = pd.DataFrame({"label": [5.0, 7.0, 6.0], "prediction": [5.0, 6.0, 6.5], "means": [6.0, 6.0, 5.0],
    ...                       "covered": True, "density": [0.5, 0.9, 0.005], "drug_id": ["a", "b", "b"]})
    >>> error_by_density(table, "drug_id")[["above", "n_pairs", "mse", "mse_means", "share"]]
       above  n_pairs   mse  mse_means  share
    0   0.00        1  0.25        1.0   0.25
    1   0.25        2  0.50        1.0   0.50
    """
    squares = table.assign(
        own=(table["label"] - table["prediction"]) ** 2, other=(table["label"] - table["means"]) ** 2
    )
    rows = []
    for number, group in squares.groupby(np.digitize(table["density"], EDGES) - 1):
        place = int(str(number))
        lower, upper = _interval_of_share(group, unit, np.random.default_rng(seed))
        rows.append(
            {
                "above": EDGES[place],
                "to": min(EDGES[place + 1], 1.0),
                "n_units": group[unit].nunique(),
                "n_pairs": len(group),
                "mse": float(group["own"].mean()),
                "variance": float(group["label"].var(ddof=0)),
                "mse_means": float(group["other"].mean()),
                "share": float(group["own"].sum() / group["other"].sum()),
                "lower": lower,
                "upper": upper,
                "coverage": float(group["covered"].mean()),
            }
        )
    return pd.DataFrame(rows)


def _interval_of_share(group: pd.DataFrame, unit: str, rng: np.random.Generator) -> tuple[float, float]:
    """95% interval of the errors' ratio, by drawing units with replacement."""
    sums: NDArray[np.float64] = group.groupby(unit)[["own", "other"]].sum().to_numpy()
    drawn = sums[rng.integers(0, len(sums), (N_RESAMPLES, len(sums)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return float(low), float(high)


def judged_rows(out_of_fold: pd.DataFrame) -> pd.DataFrame:
    """Out-of-fold rows of the blend with the means' prediction, and whether the 90% interval held the label.

    The intervals of each fold are calibrated on the others of its setting.
    """
    key = ["setting", "endpoint", "fold", "drug_id", "target_id"]
    means = out_of_fold[out_of_fold["model"] == DrugTargetMeans.name].set_index(key)["prediction"]
    blend = out_of_fold[out_of_fold["model"] == BLEND].join(means.rename("means"), on=key)
    parts = []
    for _, rows in blend.groupby(["endpoint", "setting"], sort=False):
        lower, upper = cross_conformal(rows["label"], rows["prediction"], rows["fold"])
        parts.append(rows.assign(covered=(rows["label"] >= lower) & (rows["label"] <= upper)))
    return pd.concat(parts)


def held_out_tables(source: Path, run: Path) -> pd.DataFrame:
    """Every held-out pair of the folds looked at, with endpoint and setting."""
    out_of_fold = pd.read_csv(run / "folds.tsv", sep="\t", dtype={"drug_id": str, "target_id": str})
    blend = judged_rows(out_of_fold[out_of_fold["endpoint"].isin(list(EPOCHS))])
    plain = {model["endpoint"]: model["domain"] for model in read_card(run)["models"]}
    tables = []
    for pairs in training_tables(source):
        if pairs.name not in EPOCHS:
            continue
        thresholds = {
            name: Threshold.from_dict(part) for name, part in plain[pairs.name].items() if name != "density"
        }
        mine = blend[(blend["endpoint"] == pairs.name) & (blend["fold"] == FOLD)]
        for setting, rows in mine.groupby("setting"):
            tables.append(held_out_pairs(pairs, rows, thresholds, EPOCHS[pairs.name]))
            print(pairs.name, setting, flush=True)
    return pd.concat(tables, ignore_index=True)


def figures(held_out: pd.DataFrame) -> pd.DataFrame:
    """Bins of density per endpoint and setting, of all pairs and of those inside by the similarities."""
    found = []
    for (endpoint, setting), table in held_out.groupby(["endpoint", "setting"], sort=False):
        unit = "target_id" if setting == "family" else "drug_id"
        for pairs, part in (("all", table), ("inside", table[table["inside"]])):
            named = error_by_density(part, unit)
            found.append(named.assign(endpoint=str(endpoint), setting=str(setting), pairs=pairs))
    result = pd.concat(found, ignore_index=True)
    return result[["endpoint", "setting", "pairs", *result.columns[:-3]]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit, bin and print; with --record, keep."""
    import torch
    from threadpoolctl import threadpool_limits

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with threadpool_limits(1):
        held_out = held_out_tables(options.source, options.run)
    result = figures(held_out)
    print(result.to_string())
    if options.record:
        write_results(with_model(result, read_card(options.run)), "latent_domain")


if __name__ == "__main__":
    main()
