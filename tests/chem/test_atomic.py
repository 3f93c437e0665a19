"""Directories that are whole or not there, and the steps of long work that outlast it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chem.atomic import WHOLE, new_directory, resumable_directory
from chem.errors import InputError

HOLD = """
import sys
from chem.atomic import resumable_directory
with resumable_directory(sys.argv[1], "key") as steps:
    (steps / "one").write_text("half")
    print("held", flush=True)
    sys.stdin.read()
"""


def finish(steps: Path, text: str) -> None:
    """Leave a whole result."""
    (steps / WHOLE).mkdir()
    (steps / WHOLE / "mark").write_text(text)


def fill_disk(out: Path) -> None:
    """Fail in the middle of a new directory."""
    with new_directory(out) as building:
        (building / "a").write_text("half")
        raise OSError(28, "No space left on device")


def stop(out: Path, key: str, step: str = "") -> None:
    """Stop behind one step, with the result half made."""
    with resumable_directory(out, key, replaces="mark") as steps:
        if step:
            (steps / "parts").mkdir()
            (steps / "parts" / "one").write_text(step)
            finish(steps, "half")
        raise KeyboardInterrupt


def test_new__nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: No space left"):
        fill_disk(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_resumable__steps_outlast_a_failure(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with pytest.raises(KeyboardInterrupt):
        stop(out, "key", "done")
    assert not out.exists()
    with resumable_directory(out, "key") as steps:
        assert (steps / "parts" / "one").read_text() == "done"
        assert not (steps / WHOLE).exists()
        finish(steps, "whole")
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert (out / "mark").read_text() == "whole"


def test_resumable__another_key_starts_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        stop(tmp_path / "out", "one", "of another call")
    with resumable_directory(tmp_path / "out", "two") as steps:
        assert sorted(path.name for path in steps.iterdir()) == ["key", "lock"]
        finish(steps, "whole")
    assert (tmp_path / "out" / "mark").is_file()


def test_resumable__failure_before_the_first_step_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        stop(tmp_path / "out", "key")
    assert list(tmp_path.iterdir()) == []


def test_resumable__replaces_its_own_kind_only(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for text in ("old", "new"):
        with resumable_directory(out, text, replaces="mark") as steps:
            finish(steps, text)
    assert (out / "mark").read_text() == "new"
    (out / "mark").unlink()
    (out / "thesis.txt").write_text("keep")
    with pytest.raises(InputError, match="holds something else"):
        stop(out, "key")
    assert (out / "thesis.txt").read_text() == "keep"


def test_resumable__one_writer_at_a_time(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=r"out: another program is writing it; wait"):
            stop(out, "key")
        other.kill()
    with resumable_directory(out, "key") as steps:  # the lock of the dead does not hold
        assert (steps / "one").read_text() == "half"
        finish(steps, "whole")
    assert out.is_dir()
