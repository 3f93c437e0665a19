"""How well a checkpoint that goes on with a few pairs of new molecules predicts the rest of their pairs.

``python -m benchmarks.fine_tuning SOURCE [--folds 1 2 3] [--own 20] [--record]`` reads SOURCE/affinity/davis (training folds,
all five) and holds out a fifth of the molecules at a time. A model is trained on the pairs of the others, the public
ones. Of each molecule held out, pairs with a few targets drawn at random are one's own; all its others are the test.
Judged on these are the blend and its parts as they stand (``public``), after going on with one's own pairs, as
`varimol train affinity --start` does (``start``), trained on one's own pairs alone (``own``), and on all of them
together from scratch (``together``); and plain models on all of them together. Nothing is chosen on test pairs: each
fit of a network finds its epochs on a tenth of its training pairs (of one's own, where it goes on), held back for
that, and the blend's weights come from training pairs held out.

To be done in half an hour on one core, blends have one kind of network, the landmark network, with one member, and
only pairs are held out for their weights: in five folds of one's own pairs, as the command does, but in two of all
others. Intervals are bootstraps over molecules, whose pairs err together.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.mutants import read_davis
from benchmarks.record import write_results
from models.affinity import AffinityModel
from models.blend import BLEND
from models.contenders import NETWORKS, NetworkRecipe, fit_and_predict
from models.experiment import train_affinity
from models.experiment_parts import AffinityExperiment
from models.pairs import PairData
from models.split_records import records_of_pairs
from models.splits import SplitSettings, split_folds

NETWORK = "landmark_network"
PLAIN = ("nearest_neighbour", "means")
"""Plain models on all pairs; kernel ridge is a part of each blend."""
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
    forms = pd.Series([target.form for target in pairs.targets])
    pairs = pairs.select(
        ~forms.duplicated().to_numpy()[pairs.target]
    )  # no pair twice: one as one's own, one in the test
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


def one_network(recipe: NetworkRecipe = NETWORKS[NETWORK], seed: int = 0) -> AffinityExperiment:
    """How models here are trained."""
    return AffinityExperiment(
        networks={NETWORK: recipe}, settings=("random",), baselines=(), n_folds=5, seed=seed
    )


def judge_round(task: Round, plan: AffinityExperiment, folder: Path) -> pd.DataFrame:
    """Train every model of a round and measure its errors on the test pairs.

    Parameters
    ----------
    task
        Pairs.
    plan
        How to train.
    folder
        For the runs.

    Returns
    -------
    pd.DataFrame
        data (trained on, or how), model, fold, drug_id, n_pairs, mse (of that molecule's test pairs), cpu_s (to train
        the run); one row per model and molecule.
    """
    public, few = folder / "public", replace(plan, n_folds=2)
    runs = {
        "public": (task.public, few),
        START: (task.own, replace(plan, start=str(public))),
        "own": (task.own, plan),
        "together": (task.together, few),
    }
    tables = []
    for data, (training, how) in runs.items():
        before = _cpu_seconds()
        model = train_affinity([training], folder / data, how)
        seconds = _cpu_seconds() - before
        for name, said in part_predictions(model, task.test).items():
            tables.append(molecule_errors(task, said).assign(data=data, model=name, cpu_s=seconds))
        print(f"fold {task.fold}: {data} trained in {seconds:.0f} s", flush=True)
    for name in PLAIN:
        before = _cpu_seconds()
        said = fit_and_predict(name, task.together, task.test)[0]
        seconds = _cpu_seconds() - before
        tables.append(molecule_errors(task, said).assign(data="together", model=name, cpu_s=seconds))
    result = pd.concat(tables, ignore_index=True).assign(fold=task.fold)
    return result[["data", "model", "fold", "drug_id", "n_pairs", "mse", "cpu_s"]]


def _cpu_seconds() -> float:
    """Processor time of this process and of the workers that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def part_predictions(model: AffinityModel, asked: PairData) -> dict[str, NDArray[np.float64]]:
    """(n_pairs,) predictions of each part of a model's first endpoint, and of its blend."""
    endpoint = model.endpoint()
    molecules = endpoint.inputs.encode_molecules(asked.smiles)
    proteins = endpoint.inputs.encode_proteins(asked.targets)
    scores = endpoint.scores(molecules, proteins, asked.drug, asked.target)
    kinds = np.array(endpoint.kinds)
    parts = {str(kind): scores[kinds == kind].mean(axis=0) for kind in dict.fromkeys(kinds)}
    return parts | {BLEND: model.predict(asked)["prediction"].to_numpy(float)}


def molecule_errors(task: Round, said: NDArray[np.float64]) -> pd.DataFrame:
    """drug_id, n_pairs and mse of each molecule of the test."""
    table = pd.DataFrame(
        {"drug_id": [task.test.drug_ids[d] for d in task.test.drug], "square": (task.test.label - said) ** 2}
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
        its blend where it has no such part), above_lower, above_upper, n_worse (molecules with a larger error than
        under that), cpu_s (mean over the rounds). Intervals are of 95%.

    Examples
    --------
    >>> rows = pd.DataFrame({"data": ["start"] * 2 + ["together"] * 2, "model": ["blend"] * 2 + ["means"] * 2, "fold": 1,
    ...                      "drug_id": ["a", "b"] * 2, "n_pairs": 10, "mse": [1.0, 2.0, 2.0, 3.0], "cpu_s": 1.0})
    >>> figures(rows)[["data", "model", "mse", "above", "above_lower", "n_worse"]]
           data  model  mse  above  above_lower  n_worse
    0     start  blend  1.5    0.0          0.0        0
    1  together  means  2.5    1.0          1.0        2
    """
    wide = rows.pivot_table("mse", "drug_id", ["data", "model"])
    count = rows.drop_duplicates("drug_id").set_index("drug_id")["n_pairs"].reindex(wide.index).to_numpy()
    seconds = rows.groupby(["data", "model"])["cpu_s"].mean()
    draws = np.random.default_rng(seed).integers(0, len(wide), (N_BOOTSTRAP, len(wide)))
    found = []
    for data, model in rows[["data", "model"]].drop_duplicates().itertuples(index=False):
        mse = wide[data, model].to_numpy()
        same = (START, model) if (START, model) in wide else (START, BLEND)
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
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    tables = []
    with threadpool_limits(1):
        for task in held_out_rounds(read_davis(options.source), options.folds, options.own, options.seed):
            with TemporaryDirectory() as folder:
                tables.append(judge_round(task, one_network(seed=options.seed), Path(folder)))
            rows = pd.concat(tables, ignore_index=True)
            print(figures(rows).round(3).to_string(index=False), flush=True)
            if options.record:
                write_results(rows.assign(n_own=options.own, seed=options.seed), "fine_tuning")


if __name__ == "__main__":
    main()
