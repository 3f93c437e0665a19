"""The notebook on compounds runs without a network and says what it found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_notebooks import NOTEBOOKS, execute, printed

# Kernels talk over this machine's own sockets; any other address is refused.
NO_NETWORK = """
import socket
_connect = socket.socket.connect
def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise OSError(f"no network in tests: {address}")
    return _connect(self, address)
socket.socket.connect = connect
"""


@pytest.mark.slow
def test_compounds_notebook__runs_offline(tmp_path: Path) -> None:
    pytest.importorskip("mols2grid", reason="the extra 'notebooks' is not installed")
    (path,) = [path for path in NOTEBOOKS if path.stem == "02_compounds"]
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    root = str(path.parents[1])
    executed = execute(path, tmp_path, PYTHONPATH=f"{tmp_path}:{root}")
    text = printed(executed)
    assert "200 ways to write ezetimibe, one graph" in text
    for kind in ("random", "scaffold", "cluster"):
        assert f"{kind} split, seed 0: 5 folds" in text
    assert "nearest training molecule" in text
    shown = [output.get("data", {}) for cell in executed["cells"] for output in cell.get("outputs", ())]
    assert sum("image/svg+xml" in data for data in shown) == 3
    assert sum("image/png" in data for data in shown) == 1
    assert any("srcdoc" in "".join(data.get("text/html", "")) for data in shown)
    assert not any(
        output.get("name") == "stderr" for cell in executed["cells"] for output in cell.get("outputs", ())
    )
