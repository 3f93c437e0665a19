import numpy as np
import pandas as pd

from varimol.report.plots import manhattan_svg, quantile_svg


def test_plots__millions_of_tests_stay_small(directory):
    rng = np.random.default_rng(3)
    n = 400_000
    table = pd.DataFrame(
        {"contig": np.sort(rng.integers(1, 23, n)).astype(str), "position": rng.integers(1, 2e8, n)}
        | {"log10p": -np.log10(rng.uniform(size=n))}
    )
    markers = pd.read_parquet(directory / "markers.parquet")
    assert len(manhattan_svg(table, markers)) < 600_000
    assert len(quantile_svg(table["log10p"].to_numpy())) < 200_000


def test_plots__nothing_to_draw():
    table = pd.DataFrame({"contig": ["1"], "position": [5], "log10p": [np.nan]})
    assert manhattan_svg(table, table.head(0)) == "" and quantile_svg(table["log10p"].to_numpy()) == ""
