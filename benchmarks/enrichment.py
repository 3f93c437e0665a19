"""Enrichment of JAK-family inhibitors among the approved drugs on TYK2, with and without them in training.

``python -m benchmarks.enrichment SOURCE [--record]`` compares rankings of the shipped drugs on the TYK2 protein:

- the shipped network's pKd (its training compounds are marked);
- the same blend trained again without any JAK inhibitor: every training compound that shares the first
  InChIKey block with one of them, or has a Tanimoto similarity above 0.6 to one, is left out; its parts have the
  shipped shares and epochs;
- either with the compounds it abstains on behind all others, which is what `varimol link` ranks;
- the similarity to the nearest known JAK ligand of the training data, for both sets of training compounds.

The figure is the AUROC of the JAK inhibitors against the other drugs, with a bootstrap interval over drugs,
among all drugs and among kinase inhibitors (-nib) alone; and how many are in the top 5%. Kill tests: the gene
labels permuted (TYK2 replaced by each other kinase in turn) and the JAK labels shuffled among the drugs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.measured_model import with_model
from benchmarks.record import write_results
from chem.fingerprint import morgan_fingerprints, tanimoto
from chem.scaffold import inchikey_first_block
from models.affinity import N_BITS, AffinityModel, EndpointModel
from models.contenders import NETWORKS, fit_and_predict
from models.pairs import PairData, read_pairs
from models.protein import Target
from varimol import tables
from varimol.networks import load_network

TARGET = "TYK2"
FAMILY = ("JAK1", "JAK2", "JAK3", "TYK2")
INHIBITORS = (
    "abrocitinib", "baricitinib", "deucravacitinib", "fedratinib", "pacritinib", "ruxolitinib", "tofacitinib",
    "upadacitinib",
)  # fmt: skip
MAX_TANIMOTO = 0.6
ACTIVE = {"pkd": 7.0, "kiba_score": 12.1}
"""Labels from which a pair counts as active; the KIBA threshold is the benchmark's own."""
N_BOOTSTRAP = 2000


def read_training(source: Path) -> list[PairData]:
    """The two tables the shipped network was trained on."""
    folders = [source / "affinity" / name for name in ("davis", "kiba")]
    return [
        read_pairs(f / "train.tsv.gz", f / "drugs.tsv", f / "targets.tsv", label=label)
        for f, label in zip(folders, ("pkd", "kiba_score"), strict=True)
    ]


def related(smiles: list[str], inhibitors: list[str]) -> np.ndarray:
    """Which compounds are, or closely resemble, one of the inhibitors."""
    blocks = {inchikey_first_block(text) for text in inhibitors}
    same = np.array([inchikey_first_block(text) in blocks for text in smiles])
    near = tanimoto(morgan_fingerprints(smiles), morgan_fingerprints(inhibitors)).max(axis=1) > MAX_TANIMOTO
    return same | near


def without(pairs: PairData, leave_out: np.ndarray) -> PairData:
    """Pairs whose drug stays."""
    return pairs.select(~leave_out[pairs.drug])


def with_queries(pairs: PairData, smiles: list[str], sequences: list[str]) -> tuple[PairData, PairData]:
    """Training pairs, and every pair of further molecules and proteins, over the same tables."""
    n_drugs, n_targets = len(pairs.drug_ids), len(pairs.target_ids)
    named = tuple(f"query{k}" for k in range(max(len(smiles), len(sequences))))
    training = replace(
        pairs,
        drug_ids=pairs.drug_ids + named[: len(smiles)],
        smiles=pairs.smiles + tuple(smiles),
        drug_reasons=pairs.drug_reasons + ("",) * len(smiles),
        target_ids=pairs.target_ids + named[: len(sequences)],
        targets=pairs.targets + tuple(Target("", sequence) for sequence in sequences),
    )
    n = len(smiles) * len(sequences)
    queries = replace(
        training,
        drug=n_drugs + np.repeat(np.arange(len(smiles)), len(sequences)),
        target=n_targets + np.tile(np.arange(len(sequences)), len(smiles)),
        label=np.full(n, np.nan),
        fold=np.full(n, -1),
    )
    return training, queries


def train_again(model: AffinityModel, pairs: PairData, smiles: list[str], sequences: list[str]) -> np.ndarray:
    """(n_drugs, n_proteins) predictions of a model's blend for the endpoint of `pairs`, fitted to these pairs."""
    import torch

    torch.set_num_threads(1)
    weights = model.endpoint(pairs.name).weights
    training, queries = with_queries(pairs, smiles, sequences)
    settings = setting_of(pairs, smiles, sequences)
    total = np.zeros(len(queries))
    for part in dict.fromkeys(name for of in weights.values() for name in of):
        share = np.array([weights.get(s, weights["random"]).get(part, 0.0) for s in settings])
        recipe = NETWORKS.get(part)
        epochs = model.card["epochs"].get(pairs.name)
        if recipe is not None and epochs:
            recipe = replace(recipe, loop=replace(recipe.loop, stop_after=epochs))
        if share.any():
            total += share * fit_and_predict(part, training, queries, recipe=recipe)[0]
    return total.reshape(len(smiles), len(sequences))


def setting_of(pairs: PairData, smiles: list[str], sequences: list[str]) -> list[str]:
    """Setting whose weights a model trained on `pairs` gives each (molecule, protein), molecules in the outer loop.

    A new molecule takes those of held-out scaffolds, else a new protein those of held-out families.
    """
    skeletons = {inchikey_first_block(pairs.smiles[d]) for d in np.unique(pairs.drug)}
    known = {pairs.targets[t].sequence for t in np.unique(pairs.target)}
    return [
        ("random" if sequence in known else "family") if block in skeletons else "scaffold"
        for block in map(inchikey_first_block, smiles)
        for sequence in sequences
    ]


def weights_in_words(model: EndpointModel) -> str:
    """What the blend of an endpoint is made of, per setting."""
    return "; ".join(
        f"{setting} " + " + ".join(f"{share:.2f} {part}" for part, share in of.items())
        for setting, of in model.weights.items()
    )


def family_actives(endpoints: list[PairData], sequences: set[str]) -> list[str]:
    """Training compounds that are active on a protein of the family."""
    found = set()
    for pairs in endpoints:
        family = np.array([t.sequence in sequences for t in pairs.targets])
        rows = family[pairs.target] & (pairs.label >= ACTIVE[pairs.name])
        found |= {pairs.smiles[d] for d in np.unique(pairs.drug[rows])}
    return sorted(found)


def auroc(score: np.ndarray, positive: np.ndarray) -> float:
    """Chance that a positive stands above a negative, ties half."""
    from scipy.stats import rankdata

    ranks = rankdata(score)
    n = int(positive.sum())
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (~positive).sum()))


def bootstrap(score: np.ndarray, positive: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """95% percentile interval of the AUROC over drugs, positives and negatives drawn apart."""
    rng = np.random.default_rng(seed)
    yes, no = np.flatnonzero(positive), np.flatnonzero(~positive)
    values = []
    for _ in range(N_BOOTSTRAP):
        rows = np.concatenate([rng.choice(yes, len(yes)), rng.choice(no, len(no))])
        values.append(auroc(score[rows], positive[rows]))
    return float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))


def figures(
    name: str, score: np.ndarray, positive: np.ndarray, subset: str, in_training: np.ndarray
) -> dict[str, object]:
    """One row of the result."""
    low, high = bootstrap(score, positive)
    top = max(1, round(0.05 * len(score)))
    order = np.argsort(-score, kind="stable")
    found = int(positive[order[:top]].sum())
    rng = np.random.default_rng(1)
    shuffled = [auroc(score, rng.permutation(positive)) for _ in range(200)]
    return {
        "ranking": name, "drugs": subset, "n_drugs": len(score), "n_inhibitors": int(positive.sum()),
        "n_inhibitors_in_training": int((positive & in_training).sum()), "auroc": auroc(score, positive),
        "lower": low, "upper": high, "in_top_5pc": found, "enrichment_5pc": found / positive.sum() / 0.05,
        "auroc_labels_shuffled": float(np.mean(shuffled)),
    }  # fmt: skip


def in_domain(model: EndpointModel, smiles: list[str], training: list[str]) -> np.ndarray:
    """Which compounds the model would not abstain on, for these training compounds."""
    near = tanimoto(morgan_fingerprints(smiles, n_bits=N_BITS), morgan_fingerprints(training, n_bits=N_BITS))
    return model.domain.thresholds["molecule"].holds(near.max(axis=1))


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the networks without JAK inhibitors, rank and print; with --record, keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args(arguments)
    drugs = tables.drugs().drop_duplicates("skeleton").reset_index(drop=True)
    positive = drugs["name"].isin(INHIBITORS).to_numpy()
    kinase = drugs["name"].str.endswith("nib").to_numpy() | positive
    proteins = tables.proteins().set_index("symbol")
    kinases = [TARGET, *(s for s in proteins.index if s not in FAMILY and proteins.loc[s, "n_domains"] > 0)]
    sequences = [str(proteins.loc[symbol, "sequence"]) for symbol in kinases]
    smiles = drugs["smiles"].tolist()
    endpoints = read_training(options.source)
    inhibitors = drugs.loc[positive, "smiles"].tolist()
    reduced = [without(pairs, related(list(pairs.smiles), inhibitors)) for pairs in endpoints]

    model = load_network()
    retrained = train_again(model, reduced[0], smiles, sequences)
    ours = model.endpoint(reduced[0].name)
    shipped = model.score(smiles, [Target("", s) for s in sequences], endpoint=ours.name)
    family = {str(proteins.loc[symbol, "sequence"]) for symbol in FAMILY if symbol in proteins.index}

    def similarity(training: list[PairData]) -> np.ndarray:
        known = family_actives(training, family)
        return tanimoto(morgan_fingerprints(smiles), morgan_fingerprints(known)).max(axis=1)

    trained_on = {inchikey_first_block(p.smiles[d]) for p in endpoints for d in np.unique(p.drug)}
    left = {inchikey_first_block(p.smiles[d]) for p in reduced for d in np.unique(p.drug)}
    blocks = drugs["skeleton"]
    rankings = {
        "shipped network": (shipped[:, 0], blocks.isin(trained_on).to_numpy()),
        "network without JAK inhibitors": (retrained[:, 0], blocks.isin(left).to_numpy()),
        "similarity to JAK ligands": (similarity(endpoints), blocks.isin(trained_on).to_numpy()),
        "similarity to JAK ligands, without JAK inhibitors": (
            similarity(reduced),
            blocks.isin(left).to_numpy(),
        ),
    }
    for name, training in (
        ("shipped network", endpoints[0]),
        ("network without JAK inhibitors", reduced[0]),
    ):
        score, seen = rankings[name]
        known = sorted({training.smiles[d] for d in np.unique(training.drug)})
        inside = in_domain(ours, smiles, known)
        rankings[f"{name}, abstentions last"] = (np.where(inside, score, score.min() - 1), seen)
    rows = []
    for name, (score, seen) in rankings.items():
        for subset, keep in (("all", np.ones(len(drugs), bool)), ("kinase inhibitors", kinase)):
            rows.append(figures(name, score[keep], positive[keep], subset, seen[keep]))
    for name, scores in (("shipped network", shipped), ("network without JAK inhibitors", retrained)):
        own = scores[kinase] - scores[kinase].mean(axis=1, keepdims=True)
        others = [auroc(own[:, k], positive[kinase]) for k in range(1, own.shape[1])]
        row = figures(
            f"{name}, relative to the drug's mean over kinases",
            own[:, 0],
            positive[kinase],
            "kinase inhibitors",
            rankings[name][1][kinase],
        )
        row["auroc_gene_permuted_mean"] = float(np.mean(others))
        row["share_of_genes_at_least_as_high"] = float(np.mean(np.array(others) >= row["auroc"]))
        rows.append(row)
    table = pd.DataFrame(rows)
    table["network"] = weights_in_words(ours)
    table["n_training_compounds_left_out"] = sum(
        len(np.unique(a.drug)) - len(np.unique(b.drug)) for a, b in zip(endpoints, reduced, strict=True)
    )
    ranks = pd.DataFrame(
        {
            "name": drugs["name"], "inhibitor": positive, "in_training": rankings["shipped network"][1],
            "shipped": shipped[:, 0], "without_jak": retrained[:, 0],
            "similarity": rankings["similarity to JAK ligands"][0],
            "similarity_without_jak": rankings["similarity to JAK ligands, without JAK inhibitors"][0],
        }
    )  # fmt: skip
    for column in ("shipped", "without_jak", "similarity", "similarity_without_jak"):
        ranks[f"rank_{column}"] = ranks[column].rank(ascending=False, method="min").astype(int)
    print(table.to_string())
    if options.record:
        write_results(with_model(table, model.card), "enrichment")
        write_results(ranks[ranks["inhibitor"]].drop(columns="inhibitor"), "enrichment_inhibitors")


if __name__ == "__main__":
    main()
