"""The state of a training run: in memory while it runs, and in one file from which a killed run goes on.

The file is one safetensors file whose header carries the history and what the run is (JSON). It is written beside
its place, brought to the disk and renamed, so it is the state after one epoch or after the next, never between.
No state of a random generator is in it: every epoch starts its generators anew from the seed and its number.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from chem.errors import InputError
from models.history import EpochRecord, History

FORMAT = "varimol training state 1"
_NETWORK, _AVERAGE, _BEST, _MOMENTS = "network", "average", "best", "moments"


@dataclass
class LoopState:
    """Everything that a run carries from one epoch to the next.

    Attributes
    ----------
    network
        The weights that are trained.
    average
        Its twin that holds the moving average of the weights, in evaluation mode.
    optimiser
        With its moments.
    scaler
        Of the loss, where gradients are in float16.
    best
        Averaged weights and buffers of the epoch with the best validation; None before any was measured.
    history
        The finished epochs.
    """

    network: nn.Module
    average: nn.Module
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler | None
    best: dict[str, Tensor] | None = None
    history: History = field(default_factory=History)

    def keep_best(self) -> None:
        """Remember the averaged weights as those of the best epoch."""
        self.best = {name: tensor.detach().clone() for name, tensor in self.average.state_dict().items()}

    def kept(self) -> dict[str, Tensor]:
        """Weights and buffers that the run ends with: the best epoch's, else the last averaged ones."""
        return self.average.state_dict() if self.best is None else self.best

    def save(self, path: Path, identity: dict[str, Any]) -> None:
        """Write the state so that it is there as a whole or not at all.

        Parameters
        ----------
        path
            The file; its folder must be there.
        identity
            What the run is, in JSON's types; only a run of the same identity may go on from the file.
        """
        facts = {
            "format": FORMAT,
            "identity": identity,
            "records": [asdict(record) for record in self.history.records],
            "scaler": None if self.scaler is None else self.scaler.state_dict(),
        }
        part = path.with_name(path.name + ".part")
        save_file(self._tensors(), part, metadata={"state": json.dumps(facts)})
        with part.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(part, path)

    def restore(self, path: Path, identity: dict[str, Any]) -> None:
        """Go back to a saved state.

        Parameters
        ----------
        path
            A file that `save` has written.
        identity
            What this run is.

        Raises
        ------
        InputError
            The file is no such state, is cut short, or belongs to another run.
        """
        tensors, facts = _read(path)
        _refuse_other_run(path, facts["identity"], identity)
        groups: dict[str, dict[str, Tensor]] = {name: {} for name in (_NETWORK, _AVERAGE, _BEST, _MOMENTS)}
        for name, tensor in tensors.items():
            group, _, rest = name.partition("/")
            groups[group][rest] = tensor
        self.network.load_state_dict(groups[_NETWORK])
        self.average.load_state_dict(groups[_AVERAGE])
        self.best = None
        if groups[_BEST]:
            places = self.average.state_dict()
            self.best = {name: tensor.to(places[name].device) for name, tensor in groups[_BEST].items()}
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in groups[_MOMENTS].items():
            number, _, moment = name.partition("/")
            moments.setdefault(int(number), {})[moment] = tensor
        self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": moments})
        if self.scaler is not None:
            self.scaler.load_state_dict(facts["scaler"])
        self.history = History(tuple(EpochRecord(**record) for record in facts["records"]))

    def _tensors(self) -> dict[str, Tensor]:
        """All tensors under one name each, copied, because safetensors refuses tensors that share memory."""
        parts = {
            _NETWORK: self.network.state_dict(),
            _AVERAGE: self.average.state_dict(),
            _BEST: self.best or {},
        }
        named = {f"{part}/{name}": tensor for part, state in parts.items() for name, tensor in state.items()}
        for number, moments in self.optimiser.state_dict()["state"].items():
            named |= {f"{_MOMENTS}/{number}/{name}": tensor for name, tensor in moments.items()}
        return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in named.items()}


def twin_of(network: nn.Module) -> nn.Module:
    """Copy a network for the moving average of its weights: no gradients, evaluation mode."""
    return copy.deepcopy(network).requires_grad_(False).eval()


def network_identity(network: nn.Module) -> dict[str, str]:
    """Tell two networks apart before training.

    Parameters
    ----------
    network
        With the weights that training starts from.

    Returns
    -------
    dict[str, str]
        Digests of the network (modules, names, shapes, which weights are trained) and of its starting weights.

    Examples
    --------
    >>> one, other = (network_identity(nn.Linear(2, 1)) for _ in range(2))
    >>> one["network"] == other["network"], one["starting weights"] == other["starting weights"]
    (True, False)
    """
    form = hashlib.sha256(repr(network).encode())
    weights = hashlib.sha256()
    for name, parameter in network.named_parameters():
        form.update(f"{name} {parameter.requires_grad}".encode())
    for name, tensor in network.state_dict().items():
        form.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        weights.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return {"network": form.hexdigest()[:16], "starting weights": weights.hexdigest()[:16]}


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {}).get("state", "{}"))
            # Cloned: a tensor of an open file is a window on it, and the file is replaced at the next epoch.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise InputError(
            f"cannot be read: {error}", file=path, expected=FORMAT, hint="delete it to train from the start"
        ) from None
    if facts.get("format") != FORMAT:
        raise InputError(
            "is no state of a training run",
            file=path,
            field="format",
            expected=FORMAT,
            hint="name another file for the state",
        )
    return tensors, facts


def _refuse_other_run(path: Path, saved: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name in [*wanted, *(other for other in saved if other not in wanted)]:
        if saved.get(name) != wanted.get(name):
            raise InputError(
                f"is the state of another run: {saved.get(name)} there, {wanted.get(name)} here",
                file=path,
                field=name,
                expected="the same settings, network and starting weights",
                hint="name another file for the state, or delete this one",
            )
