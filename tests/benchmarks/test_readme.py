"""The measured parts of the pages are those of the committed results."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.measured_model import model_note, with_model
from benchmarks.readme import ROOT, pages, readme_figures

CARD = {"name": "shipped", "weights_sha256": "ab" * 32}


@pytest.mark.parametrize("page", ["README.md", "docs/affinity-figures.md", "docs/pharmacogene-figures.md"])
def test_pages__say_what_was_measured(page: str) -> None:
    expected = pages()[Path(page)]
    assert expected == (ROOT / page).read_text(encoding="utf-8"), f"run `make docs` and commit {page}"


def test_model_note__tells_figures_of_an_older_model() -> None:
    table = pd.DataFrame({"mse": [0.2], "commit": ["c0ffee1"]})
    assert "the shipped weights" in model_note(with_model(table, CARD), CARD)
    retrained = CARD | {"weights_sha256": "cd" * 32}
    assert "earlier model" in model_note(with_model(table, CARD), retrained)
    assert "commit c0ffee1" in model_note(table, CARD)  # recorded before weights were told
    assert "earlier model" in model_note(with_model(table, {}), {})  # no digest is not the same digest


def test_readme_figures__nothing_measured_says_nothing(tmp_path: Path) -> None:
    assert readme_figures(tmp_path, {}) == ""


def test_readme_figures__a_yes_or_no_endpoint_has_its_own_error(tmp_path: Path) -> None:
    same = {"setting": "random", "model": "blend", "lower": 0.1, "upper": 0.3}
    figures = [
        {**same, "endpoint": "pkd", "metric": "mse", "mean": 0.2},
        {**same, "endpoint": "pkd", "metric": "concordance", "mean": 0.9},
        {**same, "endpoint": "interaction", "metric": "brier", "mean": 0.125},
    ]
    figures.append({**same, "model": "means", "endpoint": "pkd", "metric": "mse", "mean": 0.1})
    text = readme_figures(tmp_path, {"figures": figures})
    assert "| label | held out | blend | means |" in text and "Brier" in text
    assert "| pkd | pairs held out | 0.200 [0.100, 0.300] | **0.100** |" in text
    assert "| interaction | pairs held out | **0.125** [0.100, 0.300] | - |" in text
    assert "Brier" not in readme_figures(tmp_path, {"figures": figures[:2]})
