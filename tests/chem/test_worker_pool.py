from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chem.errors import InputError
from chem.worker_pool import worker_pool

SCRIPT = """
import sys
from chem.worker_pool import worker_pool
{guard}
    with worker_pool(2) as pool:
        print(sum(pool.map(abs, [-1, -2])))
"""


def _run(folder: Path, guard: str) -> subprocess.CompletedProcess[str]:
    script = folder / "script.py"
    script.write_text(SCRIPT.format(guard=guard), encoding="utf-8")
    root = str(Path(__file__).resolve().parents[2])
    return subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": root},
    )  # fmt: skip


def test_worker_pool__runs_from_a_guarded_script(tmp_path: Path) -> None:
    assert _run(tmp_path, 'if __name__ == "__main__":').stdout == "3\n"


def test_worker_pool__script_without_a_guard_is_told_and_does_not_hang(tmp_path: Path) -> None:
    done = _run(tmp_path, "if True:")
    assert done.returncode != 0 and done.stdout == ""
    assert "a worker process ended before its time" in done.stderr
    assert 'if __name__ == "__main__":' in done.stderr


def test_worker_pool__a_worker_that_is_killed_is_told() -> None:
    with pytest.raises(InputError, match="ended before its time"), worker_pool(1) as pool:
        pool.submit(os._exit, 9).result()


def test_worker_pool__an_error_of_a_task_is_the_callers() -> None:
    with pytest.raises(ZeroDivisionError), worker_pool(1) as pool:
        pool.submit(divmod, 1, 0).result()
