"""Enrichment of JAK-family inhibitors among the approved drugs on TYK2, with and without them in training.

``python -m benchmarks.enrichment SOURCE`` compares rankings of the shipped drugs on the TYK2 protein:

- the shipped network (its training compounds are marked);
- the same network trained again without any JAK inhibitor: every training compound that shares the first
  InChIKey block with one of them, or has a Tanimoto similarity above 0.6 to one, is left out;
- either with the compounds it abstains on behind all others, which is what `varimol link` ranks;
- the similarity to the nearest known JAK ligand of the training data, for both sets of training compounds.

The figure is the AUROC of the JAK inhibitors against the other drugs, with a bootstrap interval over drugs,
among all drugs and among kinase inhibitors (-nib) alone; and how many are in the top 5%. Kill tests: the gene
labels permuted (TYK2 replaced by each other kinase in turn) and the JAK labels shuffled among the drugs.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.record import write_results
from chem.fingerprint import morgan_fingerprints, tanimoto
from chem.scaffold import inchikey_first_block
from models.affinity import MIN_TANIMOTO, N_BITS
from models.fit import encode_pairs, fit_network, score_pairs
from models.kinase import build_profile
from models.pairs import PairData, read_pairs
from models.protein import Target, encode_proteins
from models.train import TrainingConfig
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
N_MEMBERS = 2
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


def train_member(seed: int, endpoints: list[PairData], smiles: list[str], sequences: list[str]) -> np.ndarray:
    """(n_drugs, n_proteins) predicted pKd of one network trained on all pairs given."""
    import torch

    torch.set_num_threads(1)
    profile = build_profile([t.sequence for pairs in endpoints for t in pairs.targets])
    fitted = fit_network(
        [encode_pairs(p, profile) for p in endpoints], TrainingConfig(seed=seed), shape={"dropout": 0.0}
    )
    from chem.graph_encode import encode_graphs

    graphs = encode_graphs(smiles)
    proteins = encode_proteins([Target("", s) for s in sequences], profile)
    drug = np.repeat(np.arange(len(smiles)), len(sequences))
    target = np.tile(np.arange(len(sequences)), len(smiles))
    return score_pairs(fitted, graphs, proteins, drug, target)[:, 0].reshape(len(smiles), len(sequences))


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


def in_domain(smiles: list[str], training: list[str]) -> np.ndarray:
    """Which compounds the network would not abstain on, for these training compounds."""
    near = tanimoto(morgan_fingerprints(smiles, n_bits=N_BITS), morgan_fingerprints(training, n_bits=N_BITS))
    return np.asarray(near.max(axis=1) >= MIN_TANIMOTO)


def main(source: str) -> None:
    """Train the networks without JAK inhibitors, rank, and write the table."""
    drugs = tables.drugs().drop_duplicates("skeleton").reset_index(drop=True)
    positive = drugs["name"].isin(INHIBITORS).to_numpy()
    kinase = drugs["name"].str.endswith("nib").to_numpy() | positive
    proteins = tables.proteins().set_index("symbol")
    kinases = [TARGET, *(s for s in proteins.index if s not in FAMILY and proteins.loc[s, "n_domains"] > 0)]
    sequences = [str(proteins.loc[symbol, "sequence"]) for symbol in kinases]
    smiles = drugs["smiles"].tolist()
    endpoints = read_training(Path(source))
    inhibitors = drugs.loc[positive, "smiles"].tolist()
    reduced = [without(pairs, related(list(pairs.smiles), inhibitors)) for pairs in endpoints]

    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(int(os.environ.get("WORKERS", "2")), mp_context=context) as pool:
        running = [pool.submit(train_member, seed, reduced, smiles, sequences) for seed in range(N_MEMBERS)]
        retrained = np.mean([job.result() for job in running], axis=0)
    model = load_network()
    shipped = model.score(smiles, [Target("", s) for s in sequences])
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
        ("shipped network", endpoints),
        ("network without JAK inhibitors", reduced),
    ):
        score, seen = rankings[name]
        known = sorted({p.smiles[d] for p in training for d in np.unique(p.drug)})
        rankings[f"{name}, abstentions last"] = (
            np.where(in_domain(smiles, known), score, score.min() - 1),
            seen,
        )
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
    table["n_training_compounds_left_out"] = sum(
        len(np.unique(a.drug)) - len(np.unique(b.drug)) for a, b in zip(endpoints, reduced, strict=True)
    )
    write_results(table, "enrichment")
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
    write_results(ranks[ranks["inhibitor"]].drop(columns="inhibitor"), "enrichment_inhibitors")
    print(table.to_string())


if __name__ == "__main__":
    main(*sys.argv[1:])
