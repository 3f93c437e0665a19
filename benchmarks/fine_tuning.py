"""How well a checkpoint that goes on with a few pairs of new molecules predicts the rest of their pairs.

``python -m benchmarks.fine_tuning SOURCE [--folds 1 2 3] [--own 20] [--every 2] [--narrow 4] [--record]`` reads
SOURCE/affinity/davis (training folds, all five; every second target) and holds out a fifth of the molecules at a time.
Networks and kernel regressions are trained on the pairs of the others, the public ones. Of each molecule held out, pairs
with a few targets drawn at random are one's own; all its others are the test. Judged on these are the network, the
regression and the mean of both as they stand (``public``), after going on with one's own pairs by the steps of
`varimol train affinity --start` (``start``), trained on one's own pairs alone (``own``), and on all of them together from
scratch (``together``); and plain models on all of them together.

Nothing is chosen on test pairs: a network finds its epochs on a tenth of its training pairs, held back for that, and of
one's own pairs where it goes on; from scratch it takes those found on the public pairs, of which nearly all its pairs are.
To be done in minutes on one core there is one network, the landmark network, a quarter as wide as it ships and with one
member, half of the targets, and a plain mean where `varimol train` weighs a blend. Intervals are bootstraps over
molecules, whose pairs err together.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.mutants import read_davis
from benchmarks.record import write_results
from models.affinity import KERNEL, EndpointModel, training_domain
from models.affinity_fit import task_of
from models.affinity_inputs import InputEncoder, encode_pairs, fit_regression
from models.contenders import (
    NETWORKS,
    NetworkRecipe,
    Start,
    choose_epochs,
    fit_and_predict,
    fit_encoder,
    fit_members,
)
from models.evidence_pairs import label_matrix
from models.pairs import PairData
from models.split_records import records_of_pairs
from models.splits import SplitSettings, split_folds
from models.start import extend_inputs, join_pairs

NETWORK = "landmark_network"
PLAIN = ("nearest_neighbour", "means")
"""Plain models on all pairs; kernel ridge stands beside each network."""
BOTH = "mean_of_both"
START = "start"
N_BOOTSTRAP = 10_000


@dataclass(frozen=True)
class Round:
    """What one fold of molecules held out is judged by.

    Attributes
    ----------
    fold
        From 1.
    public
        All pairs of the other molecules.
    own
        A few pairs of each molecule held out.
    together
        Both, which is all that may be trained on.
    test
        The rest of their pairs.
    """

    fold: int
    public: PairData
    own: PairData
    together: PairData
    test: PairData


def held_out_rounds(pairs: PairData, folds: Iterable[int], n_own: int, seed: int = 0) -> Iterator[Round]:
    """Hold out a fifth of the molecules at a time, stereoisomers together, and draw one's own pairs.

    Parameters
    ----------
    pairs
        Labelled pairs.
    folds
        Which fifths, from 1.
    n_own
        Own pairs of each molecule.
    seed
        Of the folds and of the draw.
    """
    # CDK4 stands there with two cyclins, which are read as one: no pair may be one's own and in the test.
    again = pd.Series([target.form for target in pairs.targets]).duplicated().to_numpy()
    pairs = pairs.select(~again[pairs.target])
    settings = SplitSettings("cold_drug", 5, seed, same_molecule="skeleton", leakage=False)
    fold = split_folds(records_of_pairs(pairs), settings).fold
    # Folds that a table brings would be taken for those of the blend.
    pairs = replace(pairs, fold=np.full(len(pairs), -1))
    for number in folds:
        rng = np.random.default_rng([seed, number])
        own = np.zeros(len(pairs), bool)
        for drug in np.unique(pairs.drug[fold == number]):
            own[rng.choice(np.flatnonzero(pairs.drug == drug), n_own, replace=False)] = True
        held = fold == number
        parts = (~held, own, ~held | own, held & ~own)
        yield Round(number, *(pairs.select(part) for part in parts))


@dataclass(frozen=True)
class Trained:
    """A network and a kernel regression, as a checkpoint holds them.

    Attributes
    ----------
    data
        What they were trained on, or how.
    model
        Both of them.
    epochs
        Of the network.
    seconds
        Processor time of the training.
    """

    data: str
    model: EndpointModel
    epochs: int
    seconds: float


def trained(task: Round, recipe: NetworkRecipe = NETWORKS[NETWORK], seed: int = 0) -> Iterator[Trained]:
    """Train the models of a round one after the other.

    Parameters
    ----------
    task
        Pairs.
    recipe, seed
        Of the networks.
    """
    public = _train("public", task.public, fit_encoder(task.public, recipe), recipe, seed)
    yield public
    joined = join_pairs(public.model, task.own)
    start = Start(public.model.networks[NETWORK], joined.new)
    yield _train(
        START, joined.pairs, extend_inputs(public.model.inputs, joined.pairs), recipe, seed, start=start
    )
    yield _train("own", task.own, fit_encoder(task.own, recipe), recipe, seed)
    as_many = replace(recipe, loop=replace(recipe.loop, stop_after=public.epochs))
    yield _train("together", task.together, fit_encoder(task.together, recipe), as_many, seed)


def _train(
    data: str, pairs: PairData, inputs: InputEncoder, recipe: NetworkRecipe, seed: int, start: Start | None = None
) -> Trained:  # fmt: skip
    before = time.process_time()
    inputs = fit_regression(inputs, pairs)
    encoded = encode_pairs(pairs, inputs)
    epochs = recipe.loop.stop_after or choose_epochs(encoded, recipe, seed, start)
    recipe = replace(recipe, loop=replace(recipe.loop, stop_after=epochs))
    members = fit_members(encoded, recipe, seed, start=start)
    weights = {"random": {NETWORK: 0.5, KERNEL: 0.5}}
    model = EndpointModel(
        pairs.name, task_of(pairs.label), inputs, {NETWORK: members}, weights, {}, training_domain(inputs, {}),
        label_matrix(pairs, inputs),
    )  # fmt: skip
    return Trained(data, model, epochs, time.process_time() - before)


def judge_round(task: Round, recipe: NetworkRecipe = NETWORKS[NETWORK], seed: int = 0) -> pd.DataFrame:
    """Measure the errors of every model of a round on the test pairs.

    Parameters
    ----------
    task, recipe, seed
        As in `trained`.

    Returns
    -------
    pd.DataFrame
        data (trained on, or how), model, fold, drug_id, n_pairs, mse (of that molecule's test pairs), epochs (of the
        network), cpu_s (to train network and regression); one row per model and molecule.
    """
    tables = []
    for each in trained(task, recipe, seed):
        print(f"fold {task.fold}: {each.data}, {each.epochs} epochs, {each.seconds:.0f} s", flush=True)
        for name, said in part_predictions(each.model, task.test).items():
            errors = molecule_errors(task.test, said)
            tables.append(errors.assign(data=each.data, model=name, epochs=each.epochs, cpu_s=each.seconds))
    for name in PLAIN:
        before = time.process_time()
        said = fit_and_predict(name, task.together, task.test)[0]
        seconds = time.process_time() - before
        errors = molecule_errors(task.test, said)
        tables.append(errors.assign(data="together", model=name, epochs=0, cpu_s=seconds))
    result = pd.concat(tables, ignore_index=True).assign(fold=task.fold)
    return result[["data", "model", "fold", "drug_id", "n_pairs", "mse", "epochs", "cpu_s"]]


def part_predictions(model: EndpointModel, asked: PairData) -> dict[str, NDArray[np.float64]]:
    """(n_pairs,) predictions of the network, of the regression, and the mean of both."""
    molecules = model.inputs.encode_molecules(asked.smiles)
    proteins = model.inputs.encode_proteins(asked.targets)
    scores = model.scores(molecules, proteins, asked.drug, asked.target)
    return {**dict(zip(model.kinds, scores, strict=True)), BOTH: scores.mean(axis=0)}


def molecule_errors(pairs: PairData, said: NDArray[np.float64]) -> pd.DataFrame:
    """drug_id, n_pairs and mse of each molecule that has pairs."""
    table = pd.DataFrame(
        {"drug_id": [pairs.drug_ids[d] for d in pairs.drug], "square": (pairs.label - said) ** 2}
    )
    return table.groupby("drug_id")["square"].agg(n_pairs="count", mse="mean").reset_index()


def figures(rows: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Error over all test pairs of each model, and how far it is above that of the same part gone on.

    Parameters
    ----------
    rows
        Of `judge_round`, any number of rounds.
    seed
        Of the bootstrap over molecules.

    Returns
    -------
    pd.DataFrame
        data, model, n_molecules, n_pairs, mse, lower, upper, above (the error less that of the same part of ``start``, of
        its mean of both where it has no such part), above_lower, above_upper, n_worse (molecules with a larger error than
        under that), cpu_s (mean over the molecules). Intervals are of 95%.

    Examples
    --------
    >>> rows = pd.DataFrame({"data": ["start"] * 2 + ["together"] * 2, "model": ["mean_of_both"] * 2 + ["means"] * 2, "fold": 1,
    ...                      "drug_id": ["a", "b"] * 2, "n_pairs": 10, "mse": [1.0, 2.0, 2.0, 3.0], "cpu_s": 1.0})
    >>> figures(rows)[["data", "model", "mse", "above", "above_lower", "n_worse"]]
           data         model  mse  above  above_lower  n_worse
    0     start  mean_of_both  1.5    0.0          0.0        0
    1  together         means  2.5    1.0          1.0        2
    """
    wide = rows.pivot_table("mse", "drug_id", ["data", "model"])
    count = rows.drop_duplicates("drug_id").set_index("drug_id")["n_pairs"].reindex(wide.index).to_numpy()
    seconds = rows.groupby(["data", "model"])["cpu_s"].mean()
    draws = np.random.default_rng(seed).integers(0, len(wide), (N_BOOTSTRAP, len(wide)))
    found = []
    for data, model in rows[["data", "model"]].drop_duplicates().itertuples(index=False):
        mse = wide[data, model].to_numpy()
        same = (START, model) if (START, model) in wide else (START, BOTH)
        more = mse - wide[same].to_numpy()
        found.append(
            {"data": data, "model": model, "n_molecules": len(mse), "n_pairs": int(count.sum())}
            | _with_interval("mse", mse, count, draws, ("lower", "upper"))
            | _with_interval("above", more, count, draws, ("above_lower", "above_upper"))
            | {"n_worse": int((more > 0).sum()), "cpu_s": seconds[data, model]}
        )
    return pd.DataFrame(found)


def _with_interval(
    name: str, value: NDArray[np.float64], count: NDArray[np.int64], draws: NDArray[np.int64], ends: Sequence[str]
) -> dict[str, float]:  # fmt: skip
    """Mean over pairs of a value per molecule, and its 95% interval."""
    drawn = (value * count)[draws].sum(axis=1) / count[draws].sum(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {name: float(np.average(value, weights=count)), ends[0]: float(low), ends[1]: float(high)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, judge and print; with --record, keep."""
    import torch
    from threadpoolctl import threadpool_limits

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--folds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--own", type=int, default=20)
    parser.add_argument("--every", type=int, default=2)
    parser.add_argument("--narrow", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    pairs = read_davis(options.source)
    pairs = pairs.select(pairs.target % options.every == 0)
    recipe = NETWORKS[NETWORK]
    shape, narrow = recipe.shape, options.narrow
    narrower = replace(shape, dim=shape.dim // narrow, aligned=shape.aligned // narrow)
    recipe = replace(recipe, shape=narrower)
    tables = []
    with threadpool_limits(1):
        for task in held_out_rounds(pairs, options.folds, options.own, options.seed):
            tables.append(judge_round(task, recipe, options.seed))
            rows = pd.concat(tables, ignore_index=True)
            print(figures(rows).round(3).to_string(index=False), flush=True)
            if options.record:
                how = {"n_own": options.own, "every": options.every, "narrow": narrow, "seed": options.seed}
                write_results(rows.assign(**how), "fine_tuning")


if __name__ == "__main__":
    main()
