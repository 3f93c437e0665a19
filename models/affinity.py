"""A trained affinity model: an ensemble of networks with its calibration, domain and card, on disk and in use."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from chem.errors import InputError
from chem.fingerprint import morgan_fingerprints, tanimoto
from chem.graph_encode import encode_graphs
from chem.graph_schema import schema_hash
from chem.graph_version import SCHEMA_VERSION, schema_of_version
from chem.scaffold import inchikey_first_block
from chem.standardise import DEFAULT_RECIPE
from models.calibration import Calibration
from models.fit import FittedNetwork, new_network, score_pairs
from models.kinase import GAP, UNKNOWN
from models.pairs import PairData
from models.protein import ProteinArrays, Target, encode_proteins

N_BITS = 1024
MIN_TANIMOTO = 0.4
"""Morgan similarity to the nearest training compound below which a molecule is out of domain. With whole scaffolds
held out, predictions below it were worse than the mean on DAVIS and at best level with it on KIBA; above it they
were better, one DAVIS bin of ten drugs aside (benchmarks/results/domain.tsv)."""
MIN_IDENTITY = 0.35
"""Identity on the profile with the nearest training protein below which a protein is out of domain."""


@dataclass(frozen=True)
class TrainingDomain:
    """What the training data held, to tell whether a new input resembles it.

    Attributes
    ----------
    fingerprints
        (n_drugs, N_BITS) uint8 of the distinct training molecules.
    inchikeys
        First InChIKey block of each of them.
    aligned
        (n_proteins, n_columns) int8 of the distinct training proteins on the profile.
    """

    fingerprints: NDArray[np.uint8]
    inchikeys: tuple[str, ...]
    aligned: NDArray[np.int8]

    def similarity(self, smiles: Sequence[str]) -> NDArray[np.float32]:
        """(n,) Tanimoto similarity of each molecule to its nearest training molecule."""
        return tanimoto(morgan_fingerprints(smiles, n_bits=N_BITS), self.fingerprints).max(axis=1)

    def in_training(self, smiles: Sequence[str]) -> NDArray[np.bool_]:
        """(n,) whether a molecule of the same skeleton was in the training data."""
        known = set(self.inchikeys)
        return np.array([inchikey_first_block(text) in known for text in smiles], dtype=bool)

    def identity(self, proteins: ProteinArrays) -> NDArray[np.float32]:
        """(n,) share of profile columns equal to the nearest training protein; 0 without a domain."""
        return np.array([self._nearest(row) for row in proteins.aligned], dtype=np.float32)

    def _nearest(self, row: NDArray[np.int8]) -> float:
        there = (row != GAP) & (row != UNKNOWN)
        if not there.any() or not len(self.aligned):
            return 0.0
        return float((self.aligned[:, there] == row[there]).mean(axis=1).max())


def training_domain(endpoints: Sequence[PairData], proteins: Sequence[ProteinArrays]) -> TrainingDomain:
    """Domain of labelled training pairs over their drug and protein tables."""
    smiles = sorted({pairs.smiles[drug] for pairs in endpoints for drug in np.unique(pairs.drug)})
    aligned = np.concatenate(
        [arrays.aligned[np.unique(p.target)] for p, arrays in zip(endpoints, proteins, strict=True)]
    )
    return TrainingDomain(
        morgan_fingerprints(smiles, n_bits=N_BITS),
        tuple(sorted({inchikey_first_block(text) for text in smiles})),
        np.unique(aligned, axis=0),
    )


@dataclass(frozen=True)
class AffinityModel:
    """Ensemble of affinity networks.

    Attributes
    ----------
    members
        Networks trained on different folds; predictions are their mean, `sd` their standard deviation.
    profile
        (n_columns, 20) kinase profile the proteins are aligned to.
    domain
        What the training data held.
    calibration
        Per endpoint, residuals of held-out pairs: ``"seen_drug"`` of random folds, ``"unseen_drug"`` of
        folds by scaffold (absent where that was not measured).
    card
        The model card.
    """

    members: tuple[FittedNetwork, ...]
    profile: NDArray[np.float32]
    domain: TrainingDomain
    calibration: dict[str, dict[str, Calibration]]
    card: dict[str, Any]

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Names of the labels predicted."""
        return self.members[0].endpoints

    def predict(self, pairs: PairData, *, endpoint: str | None = None, level: float = 0.9) -> pd.DataFrame:
        """Predict pairs, one row each in their order.

        Parameters
        ----------
        pairs
            Pairs; labels are not looked at.
        endpoint
            One of `endpoints`, the first unless given.
        level
            Coverage of the interval.

        Returns
        -------
        pd.DataFrame
            prediction, lower, upper, sd (label's unit; NaN where the structure cannot be read), in_domain,
            abstain, reason, nearest_train_tanimoto, in_training.

        Raises
        ------
        InputError
            No such endpoint.
        """
        which = self._which(endpoint)
        readable = np.array([bool(text) for text in pairs.smiles], dtype=bool)
        drugs, drug = np.unique(pairs.drug, return_inverse=True)
        drugs_ok = readable[drugs]
        place = np.cumsum(drugs_ok) - 1
        smiles = [pairs.smiles[d] for d in drugs[drugs_ok]]
        ok = drugs_ok[drug]
        targets, target = np.unique(pairs.target, return_inverse=True)
        proteins = encode_proteins([pairs.targets[t] for t in targets], self.profile)

        scores = np.full((len(self.members), len(pairs)), np.nan)
        if ok.any():
            graphs = encode_graphs(smiles)
            for row, member in enumerate(self.members):
                scores[row, ok] = score_pairs(member, graphs, proteins, place[drug[ok]], target[ok])[:, which]
        table = pd.DataFrame({"prediction": scores.mean(axis=0)})
        seen = np.zeros(len(pairs), dtype=bool)
        similarity = np.full(len(pairs), np.nan)
        if smiles:
            seen[ok] = self.domain.in_training(smiles)[place[drug[ok]]]
            similarity[ok] = self.domain.similarity(smiles)[place[drug[ok]]]
        lower, upper = self._intervals(self.endpoints[which], scores.mean(axis=0), seen, ok, level)
        table["lower"], table["upper"] = lower, upper
        table["sd"] = scores.std(axis=0, ddof=1) if len(self.members) > 1 else np.nan
        identity = self.domain.identity(proteins)[target]
        reasons = [
            _reason(pairs.drug_reasons[d] if not fine else "", float(s), float(i), pairs.targets[t].unplaced)
            for d, t, fine, s, i in zip(pairs.drug, pairs.target, ok, similarity, identity, strict=True)
        ]
        table["in_domain"] = [reason == "" for reason in reasons]
        table["abstain"] = ~table["in_domain"]
        table["reason"] = reasons
        table["nearest_train_tanimoto"] = similarity
        table["in_training"] = seen
        return table

    def _which(self, endpoint: str | None) -> int:
        if endpoint is None:
            return 0
        if endpoint not in self.endpoints:
            raise InputError(
                f"no endpoint {endpoint!r}", expected=f"one of {', '.join(self.endpoints)}",
                hint="choose one of those",
            )  # fmt: skip
        return self.endpoints.index(endpoint)

    def _intervals(
        self, endpoint: str, prediction: NDArray[np.float64], seen: NDArray[np.bool_],
        ok: NDArray[np.bool_], level: float,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
        lower = np.full(len(prediction), np.nan)
        upper = lower.copy()
        settings = self.calibration[endpoint]
        for setting, rows in (("seen_drug", ok & seen), ("unseen_drug", ok & ~seen)):
            if not rows.any():
                continue
            if setting in settings:
                lower[rows], upper[rows] = settings[setting].interval(prediction[rows], level)
            else:  # an interval that was never measured is not a narrow one
                lower[rows], upper[rows] = -np.inf, np.inf
        return lower, upper

    def score(
        self, smiles: Sequence[str], targets: Sequence[Target], *, endpoint: str | None = None
    ) -> NDArray[np.float64]:
        """(n_molecules, n_targets) ensemble means in the label's unit, for every pair of the two lists."""
        which = self._which(endpoint)
        graphs = encode_graphs(smiles)
        proteins = encode_proteins(targets, self.profile)
        drug = np.repeat(np.arange(len(smiles)), len(targets))
        target = np.tile(np.arange(len(targets)), len(smiles))
        total = sum(score_pairs(m, graphs, proteins, drug, target)[:, which] for m in self.members)
        return np.asarray(total).reshape(len(smiles), len(targets)) / len(self.members)

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Write model.safetensors and card.json, each under a temporary name first."""
        from safetensors.torch import save_file

        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {
            "profile": torch.from_numpy(np.ascontiguousarray(self.profile)),
            "domain.fingerprints": torch.from_numpy(np.packbits(self.domain.fingerprints, axis=1)),
            "domain.aligned": torch.from_numpy(np.ascontiguousarray(self.domain.aligned)),
            "domain.inchikeys": torch.tensor([list(key.encode()) for key in self.domain.inchikeys]).to(torch.uint8),
        }  # fmt: skip
        for number, member in enumerate(self.members):
            for name, weight in member.network.state_dict().items():
                tensors[f"member{number}.{name}"] = weight.half().contiguous()
        card = {
            **self.card,
            "endpoints": list(self.endpoints),
            "members": [{"mean": m.mean.tolist(), "sd": m.sd.tolist()} for m in self.members],
            "graph_schema": schema_hash(schema_of_version(self.members[0].schema_version)),
            "recipe": DEFAULT_RECIPE.hash,
            "calibration": {
                endpoint: {setting: c.to_dict() for setting, c in settings.items()}
                for endpoint, settings in self.calibration.items()
            },
        }
        temporary = folder / f"model.safetensors.tmp-{os.getpid()}"
        save_file(tensors, temporary)
        os.replace(temporary, folder / "model.safetensors")
        text = folder / f"card.json.tmp-{os.getpid()}"
        text.write_text(json.dumps(card, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        os.replace(text, folder / "card.json")


def _reason(unreadable: str, similarity: float, identity: float, unplaced: bool) -> str:
    if unreadable:
        return f"the structure cannot be read: {unreadable}"
    parts = []
    if similarity < MIN_TANIMOTO:
        parts.append(f"nearest training compound has Tanimoto {similarity:.2f}, below {MIN_TANIMOTO}")
    if identity < MIN_IDENTITY:
        parts.append(f"nearest training protein has identity {identity:.2f}, below {MIN_IDENTITY}")
    if unplaced:
        parts.append(
            "the variant named with the target does not fit its sequence and is not in the prediction"
        )
    return "; ".join(parts)


def _read_run(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Card and tensors of a run; a file that was cut off or is something else is named."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    name = "card.json"
    try:
        card = json.loads((folder / name).read_text(encoding="utf-8"))
        name = "model.safetensors"
        return card, load_file(folder / name)
    except (ValueError, SafetensorError) as error:
        raise InputError(
            f"cannot be read: {' '.join(str(error).split())}", file=folder / name,
            expected="the file as `varimol train` wrote it", hint="copy or train it again",
        ) from error  # fmt: skip


def load_affinity(directory: str | os.PathLike[str]) -> AffinityModel:
    """Open a trained affinity model.

    Parameters
    ----------
    directory
        Folder with model.safetensors and card.json.

    Returns
    -------
    AffinityModel
        Ready to predict.

    Raises
    ------
    InputError
        A file is missing or damaged, or the model was trained on another graph schema or recipe.
    """
    folder = Path(directory)
    for name in ("model.safetensors", "card.json"):
        if not (folder / name).exists():
            raise InputError(
                f"there is no {name}", file=folder, expected="a folder that `varimol train` wrote",
                hint="name a finished run or a shipped network",
            )  # fmt: skip
    card, tensors = _read_run(folder)
    versions = {schema_hash(schema_of_version(v)): v for v in range(1, SCHEMA_VERSION + 1)}
    for field, known in (("graph_schema", tuple(versions)), ("recipe", (DEFAULT_RECIPE.hash,))):
        if card.get(field) not in known:
            raise InputError(
                f"trained with {field} {card.get(field)}", file=folder / "card.json", field=field,
                expected=" or ".join(known), hint="use the version of varimol that trained it, or train again",
            )  # fmt: skip
    schema_version = versions[card["graph_schema"]]
    profile = tensors["profile"].numpy()
    members = []
    for number, scaling in enumerate(card["members"]):
        network = new_network(len(profile), len(card["endpoints"]), schema_version, **card["shape"])
        prefix = f"member{number}."
        weights = {k.removeprefix(prefix): v.float() for k, v in tensors.items() if k.startswith(prefix)}
        network.load_state_dict(weights)
        network.eval()
        members.append(
            FittedNetwork(
                network,
                tuple(card["endpoints"]),
                np.array(scaling["mean"]),
                np.array(scaling["sd"]),
                schema_version,
            )
        )
    domain = TrainingDomain(
        np.unpackbits(tensors["domain.fingerprints"].numpy(), axis=1, count=N_BITS),
        tuple(bytes(row).decode() for row in tensors["domain.inchikeys"].numpy()),
        tensors["domain.aligned"].numpy(),
    )
    calibration = {
        endpoint: {setting: Calibration.from_dict(plain) for setting, plain in settings.items()}
        for endpoint, settings in card["calibration"].items()
    }
    return AffinityModel(tuple(members), profile, domain, calibration, card)
