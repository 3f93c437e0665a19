"""Notebooks run from the first cell to the last, and are kept without their outputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))

# In a process of its own: Jupyter leaves sockets and event loops behind. No kernel has to be registered,
# since this interpreter is the kernel.
EXECUTE = """
import sys
import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

source, folder, result = sys.argv[1:]
manager = AsyncKernelManager()
manager._kernel_spec = KernelSpec(
    argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], language="python"
)
notebook = nbformat.read(source, as_version=4)
client = NotebookClient(notebook, km=manager, timeout=900, resources={"metadata": {"path": folder}})
client.execute()
nbformat.write(notebook, result)
"""


def execute(path: Path, folder: Path, **environment: str) -> dict[str, Any]:
    """Run a notebook with this interpreter in a folder of its own; return it with its outputs."""
    result = folder / "executed.ipynb"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EXECUTE, str(path), str(folder), str(result)],
        env={**os.environ, **environment, "MPLBACKEND": "module://matplotlib_inline.backend_inline"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    notebook: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return notebook


def printed(notebook: dict[str, Any]) -> str:
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    return "".join("".join(output.get("text", "")) for output in outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook__is_kept_without_outputs(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@pytest.mark.slow
def test_demo_notebook__is_honest_about_a_small_cohort(tmp_path: Path) -> None:
    """With 200 people nothing can reach significance, and the notebook says so to its end."""
    (path,) = [path for path in NOTEBOOKS if path.stem == "01_demo"]
    run = tmp_path / "run"
    text = printed(execute(path, tmp_path, VARIMOL_DEMO_SAMPLES="200", VARIMOL_DEMO_OUT=str(run)))
    assert "200 people" in text
    assert "Nothing reaches 5e-8 among 200 people" in text
    assert "No target, so no compound is scored." in text
    assert "there was no claim to kill" in text
    assert (run / "report.html").exists()
