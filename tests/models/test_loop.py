"""The training loop: against a plain one, and what it promises of seeds, stopping and bad numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from chem.errors import InputError
from models.history import History, Progress, progress_line
from models.loop import Epoch, LoopConfig, Step, initialise, train
from models.loop_config import choose_device

N_ROWS, N_STEPS = 256, 8
CONFIG = LoopConfig(n_epochs=6, learning_rate=1e-2, ema=0.9, device="cpu")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Keep tiny networks off the threads, which only wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 1))


def rows(noise: float = 0.0) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N_ROWS, 4)).astype(np.float32)
    y = x @ np.array([1.0, -2.0, 0.5, 0.0], dtype=np.float32)
    return torch.from_numpy(x), torch.from_numpy(y + noise * rng.normal(size=N_ROWS).astype(np.float32))


def steps(noise: float = 0.0) -> Epoch:
    x, y = rows(noise)

    def epoch(number: int, rng: np.random.Generator) -> Iterator[Step]:
        for part in np.array_split(rng.permutation(N_ROWS), N_STEPS):
            yield partial(mean_error, x=x[part], y=y[part])

    return epoch


def mean_error(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    device = next(network.parameters()).device
    return nn.functional.mse_loss(network(x.to(device))[:, 0], y.to(device))


def multiplied(step: Step, factor: float, network: nn.Module) -> Tensor:
    return step(network) * factor


def run(config: LoopConfig = CONFIG, noise: float = 0.0, **options: Any) -> tuple[dict[str, Tensor], History]:
    network = initialise(options.pop("make", make), 0)
    history = train(network, options.pop("epoch", steps(noise)), config, **options)
    assert not network.training
    return network.state_dict(), history


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def errors_of(values: list[float]) -> Callable[[nn.Module], float]:
    """Make a validation that returns given values, one per call."""
    left = iter(values)
    return lambda network: next(left)


def plain_loop(config: LoopConfig) -> dict[str, Tensor]:
    """The same training in torch's own words: AdamW tensor by tensor, LambdaLR, AveragedModel."""

    def rate(step: int) -> float:
        total = config.n_epochs * N_STEPS
        warm = min(1.0, (step + 1) / (config.warmup * total))
        return warm * 0.5 * (1 + math.cos(math.pi * step / total))

    def average(mean: Tensor, weight: Tensor, n_averaged: Tensor | int) -> Tensor:
        decay = min(config.ema, (1 + step) / (10 + step))
        return decay * mean + (1 - decay) * weight

    network = initialise(lambda: nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1)), 0)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, foreach=False
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
    averaged = AveragedModel(network, avg_fn=average)
    averaged.n_averaged += 1  # the first update would copy the weights
    step = 0
    for number in range(1, config.n_epochs + 1):
        for closure in steps()(number, np.random.default_rng([config.seed, number])):
            optimiser.zero_grad()
            closure(network).backward()
            nn.utils.clip_grad_norm_(network.parameters(), config.clip)
            optimiser.step()
            schedule.step()
            averaged.update_parameters(network)
            step += 1
    return averaged.module.state_dict()


def test_train__equals_a_plain_loop() -> None:
    config = replace(CONFIG, clip=0.5, warmup=0.3, weight_decay=0.1)
    ours, history = run(config, make=lambda: nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1)))
    for name, weight in plain_loop(config).items():
        torch.testing.assert_close(ours[name], weight, rtol=1e-5, atol=1e-6)
    assert (history.best_epoch, history.step, history.stopped_because) == (6, 6 * N_STEPS, "epochs")


def test_train__learns() -> None:
    _, history = run(replace(CONFIG, n_epochs=25))
    assert history.records[-1].loss < 0.2 * history.records[0].loss


def test_train__same_seed_same_bits_whatever_the_caller_has_drawn() -> None:
    first, history = run(noise=0.1)
    torch.rand(5)
    np.random.default_rng(1).random()
    state = torch.get_rng_state()
    again, repeated = run(noise=0.1)
    assert torch.equal(state, torch.get_rng_state())
    other, _ = run(replace(CONFIG, seed=1), noise=0.1)
    assert same(first, again)
    assert not same(first, other)
    assert [r.loss for r in history.records] == [r.loss for r in repeated.records]


def test_train__given_steps_change_nothing() -> None:
    assert same(run()[0], run(steps_per_epoch=N_STEPS)[0])


def test_train__keeps_the_best_epoch() -> None:
    """The kept weights are those of a run that stopped at the best epoch, within the same schedule."""
    kept, history = run(validate=errors_of([5.0, 3.0, 1.0, 2.0, 1.0, 4.0]))
    assert history.best_epoch == 3
    stopped, short = run(replace(CONFIG, stop_after=3))
    assert short.stopped_because == "stop_after"
    assert same(kept, stopped)


def test_train__validates_averaged_weights_in_evaluation_mode() -> None:
    seen: list[dict[str, Tensor]] = []

    def validate(network: nn.Module) -> float:
        assert not network.training
        assert not torch.is_grad_enabled()
        seen.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        torch.rand(7)  # what a validation draws must not reach the training
        return -float(len(seen))

    kept, _ = run(validate=validate)
    assert len(seen) == 6
    assert same(kept, seen[-1])
    assert same(kept, run()[0])


@pytest.mark.parametrize(
    ("patience", "every", "n_validations", "n_epochs", "best"),
    [(2, 1, 4, 4, 2), (3, 1, 5, 5, 2), (1, 2, 3, 6, 4), (3, 2, 4, 8, 4), (None, 3, 4, 12, 6)],
)
def test_train__patience(
    patience: int | None, every: int, n_validations: int, n_epochs: int, best: int
) -> None:
    config = replace(CONFIG, n_epochs=12, patience=patience, validate_every=every)
    _, history = run(config, validate=errors_of([2.0, 1.0, *[3.0] * 20]))
    assert len(history.validation) == n_validations
    assert len(history.records) == n_epochs
    assert history.best_epoch == best
    assert history.stopped_because == ("epochs" if patience is None else "patience")


def test_train__the_last_epoch_is_validated() -> None:
    config = replace(CONFIG, validate_every=4)
    _, history = run(config, validate=errors_of([1.0, 2.0]))
    assert [r.epoch for r in history.records if r.validation is not None] == [4, 6]


def test_train__progress_tells_the_curve_so_far() -> None:
    told: list[Progress] = []
    _, history = run(validate=errors_of([3.0, 2.0, 1.0, 4.0, 5.0, 6.0]), progress=told.append)
    assert [p.history.validation for p in told][1:3] == [(3.0, 2.0), (3.0, 2.0, 1.0)]
    assert tuple(p.record for p in told) == history.records
    assert progress_line(told[-1]).startswith("epoch 6/6  loss ")


def test_train__schedule_warms_up_and_comes_down() -> None:
    _, history = run(replace(CONFIG, n_epochs=10, warmup=0.2))
    rates = [record.learning_rate for record in history.records]
    assert rates[1] == pytest.approx(0.01 * 0.5 * (1 + math.cos(math.pi * 15 / 80)))
    assert rates == sorted(rates[:2]) + sorted(rates[2:], reverse=True)
    assert rates[-1] < 1e-4
    _, flat = run(replace(CONFIG, schedule="constant", warmup=0.0))
    assert {record.learning_rate for record in flat.records} == {0.01}


def test_train__clips_the_gradient() -> None:
    def epoch(number: int, rng: np.random.Generator) -> Iterator[Step]:
        yield from [lambda network: 1e6 * network(torch.ones(1, 2)).sum()] * 5

    network = initialise(lambda: nn.Linear(2, 1), 0)
    norms: list[float] = []
    original = torch.optim.AdamW.step

    def step(self: torch.optim.AdamW, *arguments: Any) -> Any:
        gradients = [p.grad.flatten() for p in self.param_groups[0]["params"]]
        norms.append(float(torch.cat(gradients).norm()))
        return original(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", step)
        train(network, epoch, replace(CONFIG, n_epochs=1, clip=0.25))
    assert norms == pytest.approx([0.25] * 5, rel=1e-4)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_train__names_the_step_of_a_loss_that_is_no_number(bad: float) -> None:
    good = steps()

    def epoch(number: int, rng: np.random.Generator) -> Iterator[Step]:
        for place, step in enumerate(good(number, rng)):
            yield partial(multiplied, step, bad if (number, place) == (2, 3) else 1.0)

    with pytest.raises(FloatingPointError, match=rf"the loss of step 12 \(epoch 2\) is {bad}"):
        run(epoch=epoch)


def test_train__names_the_step_of_a_gradient_that_is_no_number() -> None:
    def epoch(number: int, rng: np.random.Generator) -> Iterator[Step]:
        yield lambda network: torch.sqrt((network(torch.ones(1, 4)) * 0).abs()).sum()

    with pytest.raises(FloatingPointError, match=r"the gradient's norm of step 1 \(epoch 1\) is nan"):
        run(epoch=epoch)


def test_train__refuses_a_validation_that_is_no_number() -> None:
    with pytest.raises(FloatingPointError, match="the validation of epoch 2 is nan"):
        run(validate=errors_of([1.0, math.nan]))


def test_train__refuses_an_epoch_without_steps() -> None:
    with pytest.raises(InputError, match="an epoch has no steps"):
        run(epoch=lambda number, rng: [])
    first_only = steps()
    with pytest.raises(InputError, match="epoch 2: has no steps"):
        run(epoch=lambda number, rng: first_only(number, rng) if number == 1 else [])


def test_train__frozen_and_unused_weights_stay() -> None:
    class Partly(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.frozen, self.used, self.unused = nn.Linear(4, 8), nn.Linear(8, 1), nn.Linear(3, 3)
            self.frozen.requires_grad_(False)

        def forward(self, x: Tensor) -> Tensor:
            return self.used(torch.relu(self.frozen(x)))

    start = initialise(Partly, 0).state_dict()
    end, _ = run(make=Partly)
    changed = {name.split(".")[0] for name in start if not torch.equal(start[name], end[name])}
    assert changed == {"used"}


def test_train__averages_buffers_too() -> None:
    """Running statistics of batches are averaged with the weights they belong to; counters are counts."""
    end, history = run(make=lambda: nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1)))
    assert int(end["1.num_batches_tracked"]) == history.step
    assert not torch.equal(end["1.running_mean"], torch.zeros(8))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_train__half_precision_learns_and_repeats(precision: str) -> None:
    config = replace(CONFIG, n_epochs=15, precision=precision)  # type: ignore[arg-type]
    kinds: set[torch.dtype] = set()

    def make_watched() -> nn.Module:
        *_, last = (network := make()).children()
        last.register_forward_hook(lambda module, _, result: kinds.add(result.dtype))
        return network

    end, history = run(config, make=make_watched)
    assert kinds == {getattr(torch, precision)}
    assert all(tensor.dtype == torch.float32 for tensor in end.values())
    assert history.records[-1].loss < 0.3 * history.records[0].loss
    assert same(end, run(config, make=make_watched)[0])


def test_train__float16_passes_over_an_overflow() -> None:
    """The scale starts at 65,536, so the first gradients of a steep loss overflow and are left out."""
    steep = steps()

    def epoch(number: int, rng: np.random.Generator) -> Iterator[Step]:
        for step in steep(number, rng):
            yield partial(multiplied, step, 100.0)

    end, history = run(replace(CONFIG, precision="float16"), epoch=epoch)
    assert all(torch.isfinite(tensor).all() for tensor in end.values())
    assert history.records[-1].loss < history.records[0].loss


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n_epochs", 0), ("stop_after", 0), ("learning_rate", 0.0), ("learning_rate", math.nan),
        ("weight_decay", -1.0), ("warmup", 1.5), ("schedule", "linear"), ("clip", 0.0), ("ema", 1.0),
        ("patience", 0), ("validate_every", 0), ("seed", -1), ("precision", "int8"), ("device", "tpu"),
    ],
)  # fmt: skip
def test_loop_config__refuses_what_is_out_of_range(field: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"field {field}: {value!r} is out of range"):
        replace(CONFIG, **{field: value})


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_choose_device__says_that_there_is_no_gpu() -> None:
    with pytest.raises(InputError, match="no GPU that torch can use"):
        choose_device("cuda")
    assert choose_device("auto").type == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_train__on_a_gpu_agrees_with_the_cpu() -> None:
    def make_without_dropout() -> nn.Module:
        return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))

    def end(config: LoopConfig) -> dict[str, Tensor]:
        state, _ = run(config, make=make_without_dropout)
        return {name: tensor.cpu() for name, tensor in state.items()}

    cpu = end(CONFIG)
    for name, weight in end(replace(CONFIG, device="cuda", precision="float32")).items():
        torch.testing.assert_close(weight, cpu[name], rtol=1e-3, atol=1e-4)
    for name, weight in end(replace(CONFIG, device="cuda")).items():
        torch.testing.assert_close(weight, cpu[name], rtol=0.1, atol=0.05)
