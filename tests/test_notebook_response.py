"""The notebook on responses runs without a network, finds what was planted and nothing where nothing is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_notebook_compounds import NO_NETWORK
from tests.test_notebooks import NOTEBOOKS, execute, printed


@pytest.mark.slow
def test_response_notebook__finds_what_was_planted(tmp_path: Path) -> None:
    (path,) = [path for path in NOTEBOOKS if path.stem == "03_response"]
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    executed = execute(
        path,
        tmp_path,
        PYTHONPATH=f"{tmp_path}:{path.parents[1]}",
        OMP_NUM_THREADS="1",
        VARIMOL_RESPONSE_OUT=str(tmp_path / "run"),
    )
    text = printed(executed)
    assert re.search(r"^[56],\d{3} responses of 180 lines to 37 compounds", text)
    assert re.search(r"line  network less means +\+0\.\d+ \[\+.*: better", text)
    live, killed = (
        [
            float(number)
            for number in re.search(rf"{name} +residual r .*?([-+\d.]+) \[(\S+), (\S+)\]", text).groups()
        ]
        for name in ("as they are", "shuffled")
    )
    assert live[1] > 0.2 and killed[1] < 0 < killed[2]
    strongest, planted = re.search(r"strongest marker: (\w+); planted for \w+: (.*)", text).groups()
    assert strongest in planted.split(", ")
    pairs = re.search(r"of (\d+) planted pairs (\d+) are found, and (\d+) that were not", text)
    n_planted, n_found, n_wrong = map(int, pairs.groups())
    assert n_found > 0.7 * n_planted and n_wrong <= 4
    with_tissue, without = map(int, re.findall(r"CDKN2A is found for (\d+) of 37 compounds", text))
    assert with_tissue == 0 < without
    outputs = [output for cell in executed["cells"] for output in cell.get("outputs", ())]
    assert sum("image/svg+xml" in output.get("data", {}) for output in outputs) == 6
    assert not any(output.get("name") == "stderr" for output in outputs)
    assert (tmp_path / "run" / "run" / "card.json").exists()
