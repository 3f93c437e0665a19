"""What a run tells of itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.history import EpochRecord, History, Progress, progress_line, sparkline


def records(values: list[float | None]) -> tuple[EpochRecord, ...]:
    return tuple(EpochRecord(n, 3 * n, 1.0, value, 1e-3, 2.0) for n, value in enumerate(values, 1))


def test_history__best_epoch_is_the_first_lowest() -> None:
    assert History(records([3.0, None, 1.0, 2.0, 1.0])).best_epoch == 3
    assert History(records([None, None])).best_epoch == 2
    assert History().best_epoch == 0


def test_history__adds_up() -> None:
    history = History(records([3.0, None, 1.0]))
    assert (history.step, history.seconds, history.validation) == (9, 6.0, (3.0, 1.0))


@given(st.lists(st.floats(-1e6, 1e6), max_size=80), st.integers(1, 30))
def test_sparkline__lowest_stretch_has_the_lowest_bar(values: list[float], width: int) -> None:
    text = sparkline(tuple(values), width)
    assert len(text) == min(width, len(values))
    if 0 < len(values) <= width:
        assert text[int(np.argmin(values))] == "▁"
        assert np.ptp(values) < 1e-9 or text[int(np.argmax(values))] == "█"


def test_progress_line__without_a_validation() -> None:
    done = records([None, None])
    line = progress_line(Progress(done[-1], History(done), 4))
    assert line == "epoch 2/4  loss 1  0:04 left"


@pytest.mark.parametrize(("epochs", "text"), [(2, "0:00 left"), (1802, "1:00:00 left")])
def test_progress_line__time_left(epochs: int, text: str) -> None:
    done = records([2.0, None])
    line = progress_line(Progress(done[-1], History(done), epochs))
    assert line.endswith(text)
    assert "validation not measured (best 2, epoch 1)" in line
