"""Diffused profiles keep the order of lines and genes, and their figures stand beside those of plain ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.response_diffusion import diffused, diffusion_rows
from benchmarks.response_figures import response_figures
from benchmarks.response_summary import Predicted
from genomics.gene_graph import diffusion, pathway_links
from models.response_data import ResponseData
from models.response_fits import MODEL
from models.response_table import ResponseTable
from varimol.gene_aliases import gene_aliases
from varimol.pathways import pathways

GENES = ("KRAS", "no gene", "BRAF", "TP53", "MDM2", "EGFR")


@pytest.fixture
def data() -> ResponseData:
    rng = np.random.default_rng(0)
    lines = ("z", "b", "y", "a")
    mutation = (rng.random((len(lines), len(GENES))) < 0.4).astype(np.float32)
    copies = rng.random((len(lines), 2)).astype(np.float32)
    table = ResponseTable(rng.normal(size=(len(lines), 2)), lines, ("c", "d"), "ln(umol/l)")
    profiles = {"mutation": mutation, "copy_number": copies}
    return ResponseData(table, profiles, {"mutation": GENES, "copy_number": ("KRAS", "BRAF")})


def test_diffused__is_the_walk_in_the_order_of_the_data(data: ResponseData) -> None:
    walked = diffused(data, 0.3).profiles
    links = pathway_links(GENES, pathways(), gene_aliases())
    np.testing.assert_allclose(
        walked["mutation"], data.profiles["mutation"] @ diffusion(links, 0.3).T, atol=1e-6
    )
    assert walked["copy_number"] is data.profiles["copy_number"]
    assert not np.allclose(walked["mutation"], data.profiles["mutation"])


def _means(measured: np.ndarray) -> np.ndarray:
    return np.tile(np.arange(measured.shape[1], dtype=float), (len(measured), 1))


def test_diffusion_rows__gain_is_the_difference_of_the_figures() -> None:
    rng = np.random.default_rng(1)
    measured = rng.normal(size=(40, 12))
    near, far = (measured + s * rng.normal(size=measured.shape) for s in (0.5, 2.0))
    plain, spread = (Predicted(measured, _means(measured), {MODEL: told}) for told in (far, near))
    first, second = diffusion_rows(plain, {0.3: spread})
    assert second["gain_residual_r"] == pytest.approx(second["residual_r"] - first["residual_r"])
    assert second["gain_residual_r_lower"] > 0


def test_response_figures__tell_what_diffusion_gains(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    measured = rng.normal(size=(30, 12))
    one, other = (
        Predicted(measured, _means(measured), {MODEL: rng.normal(size=measured.shape)}) for _ in "ab"
    )
    pd.DataFrame(diffusion_rows(one, {0.6: other})).to_csv(
        tmp_path / "response_diffusion.tsv", sep="\t", index=False
    )
    text = response_figures(tmp_path)
    assert "| 0.6 |" in text and "nan" not in text
