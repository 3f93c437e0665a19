"""Heads: losses against scipy and scikit-learn, masks against subsets, quantiles that cannot cross."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import log_loss, mean_pinball_loss, mean_squared_error
from torch import Tensor, nn

from chem.errors import InputError
from models.parts.heads import (
    ClassificationHead,
    Head,
    MeanVarianceHead,
    QuantileHead,
    RegressionHead,
    masked_mean,
)

DIM, ROWS, TASKS = 8, 40, 3
LEVELS = (0.05, 0.25, 0.5, 0.9)


def quantile_head(dim: int, n_tasks: int = 1) -> QuantileHead:
    return QuantileHead(dim, n_tasks, levels=LEVELS)


HEADS: list[Callable[..., Head]] = [RegressionHead, ClassificationHead, MeanVarianceHead, quantile_head]


@pytest.fixture(params=HEADS, ids=lambda make: make.__name__)
def head(request: pytest.FixtureRequest) -> Head:
    torch.manual_seed(0)
    return request.param(DIM, TASKS).eval()


def some_labels(head: Head, rows: int = ROWS) -> Tensor:
    torch.manual_seed(1)
    label = torch.randn(rows, TASKS)
    return (label > 0).float() if isinstance(head, ClassificationHead) else label


def some_output(head: Head, rows: int = ROWS) -> Tensor:
    torch.manual_seed(2)
    return head(torch.randn(rows, DIM))


def everywhere(label: Tensor) -> Tensor:
    return torch.ones_like(label, dtype=torch.bool)


def last_layer(head: Head) -> nn.Linear:
    layer = head.body[-1]
    assert isinstance(layer, nn.Linear)
    return layer


def test_head__shapes(head: Head) -> None:
    output = some_output(head)
    assert output.shape[:2] == (ROWS, TASKS) and output.shape[2:] in ((), (2,), (len(LEVELS),))
    assert head.mean(output).shape == (ROWS, TASKS)
    label = some_labels(head)
    assert head.loss(output, label, everywhere(label)).shape == ()
    assert head(torch.zeros(0, DIM)).shape == (0, *output.shape[1:])


def expected_loss(head: Head, output: np.ndarray, label: np.ndarray) -> float:
    """Loss of one task by scipy or scikit-learn."""
    if isinstance(head, RegressionHead):
        return mean_squared_error(label, output)
    if isinstance(head, ClassificationHead):
        return log_loss(label, 1 / (1 + np.exp(-output)), labels=[0, 1])
    if isinstance(head, MeanVarianceHead):
        return -norm.logpdf(label, output[:, 0], np.sqrt(output[:, 1])).mean()
    return float(
        np.mean([mean_pinball_loss(label, output[:, k], alpha=level) for k, level in enumerate(LEVELS)])
    )


def test_loss__equals_scipy_and_sklearn(head: Head) -> None:
    output, label = some_output(head), some_labels(head)
    found = head.loss(output, label, everywhere(label)).item()
    numbers, labels = output.detach().double().numpy(), label.double().numpy()
    tasks = [expected_loss(head, numbers[:, task], labels[:, task]) for task in range(TASKS)]
    assert found == pytest.approx(np.mean(tasks), rel=1e-5)


@pytest.mark.parametrize("missing", [float("nan"), 1e30, float("inf")])
def test_loss__masked_equals_the_loss_of_the_subset(head: Head, missing: float) -> None:
    output, label = some_output(head), some_labels(head)
    torch.manual_seed(3)
    mask = torch.rand(ROWS, TASKS) < 0.4
    found = head.loss(output, label.masked_fill(~mask, missing), mask)
    numbers, labels = output.detach().double().numpy(), label.double().numpy()
    total = 0.0
    for task in range(TASKS):
        there = mask[:, task].numpy()
        total += there.sum() * expected_loss(head, numbers[there, task], labels[there, task])
    assert found.item() == pytest.approx(total / mask.sum().item(), rel=1e-5)


def test_loss__gradient_of_masked_equals_that_of_the_subset(head: Head) -> None:
    torch.manual_seed(4)
    h, label = torch.randn(ROWS, DIM), some_labels(head)
    there = torch.rand(ROWS) < 0.5
    mask = there[:, None].expand(-1, TASKS)
    parameters = list(head.parameters())
    masked = torch.autograd.grad(head.loss(head(h), label.masked_fill(~mask, torch.nan), mask), parameters)
    subset = torch.autograd.grad(
        head.loss(head(h[there]), label[there], everywhere(label[there])), parameters
    )
    for left, right in zip(masked, subset, strict=True):
        torch.testing.assert_close(left, right, atol=1e-6, rtol=1e-5)


def test_loss__task_without_label_adds_nothing(head: Head) -> None:
    torch.manual_seed(5)
    h, label = torch.randn(ROWS, DIM), some_labels(head)
    label[:, 1] = torch.nan
    mask = ~label.isnan()
    output = head(h)
    output.retain_grad()
    head.loss(output, label, mask).backward()
    assert output.grad is not None
    assert (output.grad[:, 1] == 0).all() and (output.grad[:, 0] != 0).any()
    last = last_layer(head).weight.grad
    assert last is not None and torch.isfinite(last).all()
    assert (last.view(TASKS, -1)[1] == 0).all()


def test_loss__without_any_label_is_zero(head: Head) -> None:
    label = torch.full((ROWS, TASKS), torch.nan)
    loss = head.loss(head(torch.randn(ROWS, DIM)), label, ~label.isnan())
    loss.backward()
    assert loss.item() == 0
    for parameter in head.parameters():
        assert parameter.grad is not None and (parameter.grad == 0).all()


def test_loss__without_rows_is_zero(head: Head) -> None:
    label = torch.zeros(0, TASKS)
    assert head.loss(head(torch.zeros(0, DIM)), label, everywhere(label)).item() == 0


def test_loss__a_flat_label_is_refused() -> None:
    """A label (rows,) beside an output (rows, 1) would be compared with every row."""
    head, label = RegressionHead(DIM), torch.zeros(ROWS)
    with pytest.raises(ValueError, match="the mask is"):
        head.loss(head(torch.zeros(ROWS, DIM)), label, everywhere(label))
    with pytest.raises(ValueError, match="the mask is"):
        head.loss(head(torch.zeros(ROWS, DIM)), label, everywhere(label[:, None]))


def test_head__gradient_reaches_every_parameter(head: Head) -> None:
    label = some_labels(head)
    head.loss(head(torch.randn(ROWS, DIM)), label, everywhere(label)).backward()
    assert all(p.grad is not None and (p.grad != 0).any() for p in head.parameters())


def test_masked_mean__counts_labels_not_rows() -> None:
    value = torch.tensor([[1.0, torch.nan], [3.0, 8.0]])
    mask = torch.tensor([[True, False], [True, True]])
    assert masked_mean(value, mask).item() == 4.0


def test_classification__mean_is_the_probability() -> None:
    head = ClassificationHead(DIM, 2).eval()
    output = torch.tensor([[0.0, np.log(3)]], dtype=torch.float32)
    torch.testing.assert_close(head.mean(output), torch.tensor([[0.5, 0.75]]))


def test_classification__extreme_logits_stay_finite() -> None:
    head = ClassificationHead(DIM, 1)
    output = torch.tensor([[500.0], [-500.0]], requires_grad=True)
    loss = head.loss(output, torch.tensor([[0.0], [1.0]]), torch.ones(2, 1, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 500 and output.grad is not None and torch.isfinite(output.grad).all()


@settings(max_examples=20, deadline=None)
@given(size=st.sampled_from([1e-3, 1.0, 1e3, 1e6]), seed=st.integers(0, 1000))
def test_mean_variance__variance_is_bounded_below(size: float, seed: int) -> None:
    torch.manual_seed(seed)
    head = MeanVarianceHead(DIM, 2, min_variance=0.01).eval()
    with torch.no_grad():
        last_layer(head).weight.mul_(size)
        variance = head.variance(head(torch.randn(20, DIM)))
    assert (variance >= 0.01).all() and torch.isfinite(variance).all()


def test_mean_variance__a_label_hit_exactly_has_a_finite_loss() -> None:
    head = MeanVarianceHead(DIM, 1)
    label = torch.tensor([[2.0]])
    loss = head.loss(torch.tensor([[[2.0, head.min_variance]]]), label, everywhere(label))
    assert loss.item() == pytest.approx(-norm.logpdf(0, scale=head.min_variance**0.5))
    with pytest.raises(InputError, match="min_variance"):
        MeanVarianceHead(DIM, 1, min_variance=0.0)


def test_mean_variance__finds_the_variance_of_each_group() -> None:
    """Trained on two groups with unequal spread, the head tells them apart."""
    torch.manual_seed(0)
    h = torch.eye(2).repeat(200, 1) * 3
    label = torch.tensor([[1.0], [-1.0]]).repeat(200, 1) + torch.randn(400, 1) * h.argmax(1)[:, None].add(0.5)
    head = MeanVarianceHead(2, 1, hidden=16, dropout=0.0)
    optimiser = torch.optim.Adam(head.parameters(), lr=0.02)
    for _ in range(120):
        optimiser.zero_grad()
        head.loss(head(h), label, everywhere(label)).backward()
        optimiser.step()
    for group in (0, 1):
        rows = label[group::2]
        found = head.variance(head(h[group : group + 1])).item()
        assert found == pytest.approx(rows.var(correction=0).item(), rel=0.1)


@settings(max_examples=30, deadline=None)
@given(
    levels=st.sampled_from([(0.5,), (0.05, 0.5, 0.95), (0.5, 0.6, 0.7), (0.1, 0.2, 0.5), LEVELS]),
    size=st.sampled_from([1e-6, 1.0, 1e4, 1e30]),
    seed=st.integers(0, 1000),
)
def test_quantiles__never_cross(levels: tuple[float, ...], size: float, seed: int) -> None:
    torch.manual_seed(seed)
    head = QuantileHead(DIM, 2, levels=levels).eval()
    with torch.no_grad():
        last_layer(head).weight.mul_(size)
        output = head(torch.randn(20, DIM))
    assert (output.diff(dim=-1) >= 0).all()
    torch.testing.assert_close(head.mean(output), output[..., levels.index(0.5)])


def test_quantiles__are_those_of_the_labels_once_trained() -> None:
    torch.manual_seed(0)
    label = torch.randn(500, 1)
    head = QuantileHead(2, 1, levels=(0.1, 0.5, 0.9), hidden=8, dropout=0.0)
    h = torch.ones(500, 2)
    optimiser = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(120):
        optimiser.zero_grad()
        head.loss(head(h), label, everywhere(label)).backward()
        optimiser.step()
    found = head(h[:1]).flatten().tolist()
    np.testing.assert_allclose(found, np.quantile(label.numpy(), [0.1, 0.5, 0.9]), atol=0.08)


@pytest.mark.parametrize("levels", [(), (0.1, 0.9), (0.9, 0.5), (0.5, 0.5), (0.0, 0.5), (0.5, 1.0)])
def test_quantiles__levels_are_checked(levels: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="field levels"):
        QuantileHead(DIM, 1, levels=levels)
