"""The saved state: a run killed at any moment ends with the weights of one that was not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from chem.errors import InputError
from models.loop import LoopConfig, Step, initialise, train

REPOSITORY = Path(__file__).resolve().parents[2]
Check = Callable[[nn.Module], float]
CONFIG = LoopConfig(n_epochs=6, learning_rate=1e-2, patience=4, device="cpu")

# The parent forks one child per moment, so torch is imported once; children kill themselves without a word,
# inside a step, a validation, the writing of the state, before and after its renaming, or are killed from outside.
KILLED = """
import os, random, signal, sys, time
from pathlib import Path
import numpy as np, torch
from torch import nn
from safetensors.torch import save_file
import models.loop_state as loop_state
from models.loop import LoopConfig, initialise, train

torch.set_num_threads(1)
folder = Path(sys.argv[1])
make = lambda: nn.Sequential(nn.Linear(8, 64), nn.BatchNorm1d(64), nn.Dropout(0.2), nn.Linear(64, 1))
config = LoopConfig(n_epochs=8, learning_rate=1e-2, patience=6, precision=sys.argv[2], device="cpu")
data = torch.from_numpy(np.random.default_rng(0).normal(size=(128, 9)).astype(np.float32))

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def run(name, moment=None, slow=0.0):
    calls = {}
    def at(place):
        calls[place] = calls.get(place, 0) + 1
        if moment == (place, calls[place]):
            die()
    def epoch(number, rng):
        for _ in range(5):
            def loss(network, rows=rng.choice(128, 32)):
                at("step")
                time.sleep(slow)
                return nn.functional.mse_loss(network(data[rows, :8])[:, 0], data[rows, 8])
            yield loss
    def validate(network):
        at("validation")
        return float(nn.functional.mse_loss(network(data[:, :8])[:, 0], data[:, 8]))
    def half(tensors, path, metadata):
        save_file(tensors, path, metadata)
        if moment == ("half written", calls.get("validation")):
            os.truncate(path, path.stat().st_size // 2)
            die()
    replaced = os.replace
    def replace(part, place):
        at("before renaming")
        replaced(part, place)
        at("after renaming")
    loop_state.save_file = half
    loop_state.os.replace = replace
    network = initialise(make, 3)
    torch.manual_seed(random.randrange(1000))
    history = train(network, epoch, config, validate=validate, state=folder / f"{name}.state")
    save_file(network.state_dict(), folder / f"{name}.weights", {"validation": repr(history.validation)})

torch.optim.AdamW([torch.zeros(1, requires_grad=True)])  # torch loads half of itself here, once for all children

def child(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid

assert os.waitpid(child(lambda: run("whole")), 0)[1] == 0
moments = [("step", 1), ("step", 7), ("validation", 1), ("validation", 2), ("half written", 1),
           ("half written", 2), ("before renaming", 1), ("before renaming", 2), ("after renaming", 1)]
for moment in moments:
    status = os.waitpid(child(lambda: run("killed", moment)), 0)[1]
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, (moment, status)
for seconds in (0.03, 0.06, 0.12):
    pid = child(lambda: run("killed", slow=0.005))
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
for _ in range(2):  # the second finds the finished state
    assert os.waitpid(child(lambda: run("killed")), 0)[1] == 0
print(len(moments))
"""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Keep tiny networks off the threads, which only wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_train__killed_at_any_moment_ends_with_the_same_weights(tmp_path: Path, precision: str) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), precision],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "9\n"), done.stderr
    assert (tmp_path / "whole.weights").read_bytes() == (tmp_path / "killed.weights").read_bytes()


def make() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1))


def squared(network: nn.Module, x: Tensor) -> Tensor:
    return (network(x)[:, 0] - x.sum(1)).square().mean()


def epoch(number: int, rng: np.random.Generator) -> Iterator[Step]:
    for _ in range(4):
        yield partial(squared, x=torch.from_numpy(rng.normal(size=(16, 4)).astype(np.float32)))


def validate(network: nn.Module) -> float:
    x = torch.linspace(-1, 1, 40).reshape(10, 4)
    return float(squared(network, x))


class Stopped(Exception):
    """What a test stops a run with."""


def stop_after(n_epochs: int) -> Any:
    def stop(progress: Any) -> None:
        if progress.record.epoch == n_epochs:
            raise Stopped

    return stop


def stopped_state(path: Path, n_epochs: int = 2, check: Check = validate) -> Path:
    network, stop = initialise(make, 0), stop_after(n_epochs)
    with pytest.raises(Stopped):
        train(network, epoch, CONFIG, validate=check, state=path, progress=stop)
    return path


def ever_worse(network: nn.Module) -> float:
    return -validate(network)


@pytest.mark.parametrize(("check", "n_epochs"), [*((validate, n) for n in range(1, 7)), (ever_worse, 2)])
def test_train__goes_on_after_every_epoch(tmp_path: Path, check: Check, n_epochs: int) -> None:
    whole, resumed = initialise(make, 0), initialise(make, 0)
    history = train(whole, epoch, CONFIG, validate=check)
    state = stopped_state(tmp_path / "state", n_epochs, check)
    again = train(resumed, epoch, CONFIG, validate=check, state=state)
    assert again.best_epoch == (1 if check is ever_worse else CONFIG.n_epochs)
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name])
    assert [(r.epoch, r.step, r.loss, r.validation, r.learning_rate) for r in history.records] == [
        (r.epoch, r.step, r.loss, r.validation, r.learning_rate) for r in again.records
    ]


def test_save__leaves_one_file_without_pickle(tmp_path: Path) -> None:
    state = stopped_state(tmp_path / "state")
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
    with safe_open(state, "pt") as file:
        facts = json.loads(file.metadata()["state"])
    assert len(facts["records"]) == 2
    assert facts["identity"]["learning_rate"] == 0.01
    groups = {name.split("/")[0] for name in load_file(state)}
    assert groups == {"network", "average", "best", "moments"}


CHANGES: dict[str, LoopConfig] = {
    "learning_rate": replace(CONFIG, learning_rate=2e-2),
    "seed": replace(CONFIG, seed=1),
    "n_epochs": replace(CONFIG, n_epochs=7),
    "precision": replace(CONFIG, precision="bfloat16"),
}


@pytest.mark.parametrize("field", list(CHANGES))
def test_restore__refuses_another_configuration(tmp_path: Path, field: str) -> None:
    state = stopped_state(tmp_path / "state")
    network = initialise(make, 0)
    before = nn.utils.parameters_to_vector(network.parameters()).clone()
    with pytest.raises(
        InputError, match=rf"state, field {field}: is the state of another run: .+ there, .+ here"
    ):
        train(network, epoch, CHANGES[field], validate=validate, state=state)
    assert torch.equal(before, nn.utils.parameters_to_vector(network.parameters()))


def test_restore__refuses_another_network(tmp_path: Path) -> None:
    state = stopped_state(tmp_path / "state")
    others = {
        "network": nn.Sequential(nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, 1)),
        "starting weights": initialise(make, 1),
    }
    for field, network in others.items():
        with pytest.raises(InputError, match=f"field {field}: is the state of another run"):
            train(network, epoch, CONFIG, validate=validate, state=state)
    frozen = initialise(make, 0)
    next(frozen.parameters()).requires_grad_(False)
    with pytest.raises(InputError, match="field network: "):
        train(frozen, epoch, CONFIG, validate=validate, state=state)
    with pytest.raises(InputError, match="field validated: "):
        train(initialise(make, 0), epoch, CONFIG, state=state)
    with pytest.raises(InputError, match=r"field steps per epoch: .*: 4 there, 5 here"):
        train(initialise(make, 0), epoch, CONFIG, validate=validate, state=state, steps_per_epoch=5)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_restore__refuses_a_state_cut_short(tmp_path: Path, share: float) -> None:
    state = stopped_state(tmp_path / "state")
    whole = state.read_bytes()
    state.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"state: cannot be read: .*delete it to train from the start"):
        train(initialise(make, 0), epoch, CONFIG, validate=validate, state=state)


def test_restore__refuses_other_files(tmp_path: Path) -> None:
    state = tmp_path / "model.safetensors"
    save_file({"weight": torch.zeros(3)}, state)
    with pytest.raises(InputError, match="field format: is no state of a training run"):
        train(initialise(make, 0), epoch, CONFIG, validate=validate, state=state)
    with pytest.raises(InputError, match="cannot be read"):
        train(initialise(make, 0), epoch, CONFIG, validate=validate, state=tmp_path)
