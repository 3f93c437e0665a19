"""Steps: reused when nothing changed, remade when something did, whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from genomics.errors import InputError
from varimol.steps import Run, file_sha256, reading_from, replace_path, write_table, writing_to


class Chain:
    """Three steps, ``a`` -> ``b`` and ``c`` apart, that count how often each is done."""

    def __init__(self, out: Path) -> None:
        self.out, self.done = out, []

    def walk(self, *, a: int = 1, b: int = 1, c: int = 1, only: str = "abc") -> list[bool]:
        run = Run(self.out)
        reused = []
        for name, value, after in (("a", a, []), ("b", b, ["a"]), ("c", c, [])):
            if name in only:
                reused.append(
                    run.step(
                        name,
                        self.make(name, value),
                        outputs=[f"{name}.txt"],
                        after=after,
                        parameters={"v": value},
                    )
                )
        return reused

    def make(self, name: str, value: int) -> Callable[[Path], None]:
        def make(folder: Path) -> None:
            self.done.append(name)
            (folder / f"{name}.txt").write_text(f"{name}{value}")

        return make


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path / "out")


def test_step__same_key_is_reused(chain: Chain) -> None:
    assert chain.walk() == [False, False, False]
    assert chain.walk() == [True, True, True]
    assert chain.done == ["a", "b", "c"]


def test_step__changed_parameter_remakes_what_depends_on_it(chain: Chain) -> None:
    chain.walk()
    assert chain.walk(a=2) == [False, False, True]
    assert chain.walk(a=2, c=2) == [True, True, False]
    assert (chain.out / "b.txt").read_text() == "b1"


def test_step__changed_input_remakes_it(tmp_path: Path) -> None:
    def make(folder: Path) -> None:
        (folder / "x").write_text("x")

    done = [
        Run(tmp_path).step("x", make, outputs=["x"], inputs={"file": value}) for value in ("1", "1", "2", "1")
    ]
    assert done == [False, True, False, False]


def test_step__dependants_of_a_remade_step_do_not_stay(chain: Chain) -> None:
    chain.walk()
    chain.walk(a=2, only="a")
    assert sorted(path.name for path in chain.out.glob("*.txt")) == ["a.txt", "c.txt"]
    assert not (chain.out / ".steps" / "b.json").exists()


def test_step__dependants_stay_when_the_same_result_is_remade(chain: Chain) -> None:
    chain.walk()
    (chain.out / "a.txt").unlink()
    assert chain.walk() == [False, True, True]


@pytest.mark.parametrize("damage", ["removed", "cut", "record"])
def test_step__damaged_result_is_remade(chain: Chain, damage: str) -> None:
    chain.walk()
    if damage == "removed":
        (chain.out / "c.txt").unlink()
    elif damage == "cut":
        (chain.out / "c.txt").write_text("c")
    else:
        (chain.out / ".steps" / "c.json").write_text("{")
    assert chain.walk() == [True, True, False]
    assert (chain.out / "c.txt").read_text() == "c1"


def test_step__failure_leaves_the_finished_result(chain: Chain) -> None:
    chain.walk()
    run = Run(chain.out)

    def fail(folder: Path) -> None:
        (folder / "a.txt").write_text("half")
        raise InputError("wrong", file="table.tsv")

    with pytest.raises(InputError, match=r"table\.tsv"):
        run.step("a", fail, outputs=["a.txt"], parameters={"v": 9})
    assert (chain.out / "a.txt").read_text() == "a1"
    assert not list(chain.out.glob(".step-*"))
    assert chain.walk() == [True, True, True]


def test_step__failure_between_two_renames_leaves_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from varimol import steps

    def make(folder: Path) -> None:
        (folder / "one").write_text("1")
        (folder / "two").write_text("2")

    def refuse(source: Path, target: Path) -> None:
        if target.name == "two":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace_path(source, target)

    monkeypatch.setattr(steps, "replace_path", refuse)
    with pytest.raises(InputError, match="the disk is full; expected"):
        Run(tmp_path / "out").step("x", make, outputs=["one", "two"])
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".steps"]


def test_step__leftovers_of_a_killed_run_are_removed(chain: Chain) -> None:
    chain.walk()
    leftover = chain.out / ".step-a-xyz"
    leftover.mkdir()
    (leftover / "a.txt").write_text("half")
    assert chain.walk() == [True, True, True]
    assert not leftover.exists()


def test_step__progress_tells_name_and_reuse(tmp_path: Path) -> None:
    told: list[tuple[str, bool]] = []
    for _ in range(2):
        Run(tmp_path, lambda name, reused: told.append((name, reused))).step(
            "x", lambda folder: (folder / "x").touch(), outputs=["x"]
        )
    assert told == [("x", False), ("x", True)]


def test_run__out_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a file stands where a folder is needed"):
        Run(tmp_path / "file")


def test_replace_path__folder_over_folder(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    replace_path(tmp_path / "new", tmp_path / "old")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["old", "old/new"]


def test_file_sha256__agrees_with_hashlib(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000
    (tmp_path / "file").write_bytes(data)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(data).hexdigest()


def test_file_sha256__folder_depends_on_names_and_contents(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    seen = set()
    for name, text in (("a", "1"), ("a", "2"), ("b", "2")):
        for path in folder.iterdir():
            path.unlink()
        (folder / name).write_text(text)
        seen.add(file_sha256(folder))
    assert len(seen) == 3


def test_write_table__tsv_has_the_same_rows_and_empty_missing_values(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["x", None], "value": [0.1 + 0.2, float("nan")], "n": [1, 2]})
    write_table(table, tmp_path / "t")
    assert (tmp_path / "t.tsv").read_text() == "name\tvalue\tn\nx\t0.3\t1\n\t\t2\n"
    back = pd.read_parquet(tmp_path / "t.parquet")
    assert back["value"].iloc[0] == 0.1 + 0.2


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "no permission to write"),
        (errno.EPERM, "no permission to write"),
        (errno.EROFS, "no permission to write"),
        (errno.ENOTDIR, "a file stands where a folder is needed"),
        (errno.EISDIR, "a folder stands where a file is needed"),
    ],
)
def test_writing_to__says_it_in_one_line(code: int, message: str) -> None:
    with pytest.raises(InputError) as caught, writing_to(Path("place")):
        raise OSError(code, os.strerror(code))
    assert str(caught.value).startswith(f"place: {message}; expected")
    assert "\n" not in str(caught.value)


def test_writing_to__lets_other_errors_through() -> None:
    with pytest.raises(OSError, match="Input/output"), writing_to(Path("place")):
        raise OSError(errno.EIO, "Input/output error")
    with pytest.raises(InputError, match=r"^table\.tsv: bad"), writing_to(Path("place")):
        raise InputError("bad", file="table.tsv")


def test_reading_from__says_it_in_one_line() -> None:
    expected = r"^in\.vcf, field --variants: cannot be read \(Permission denied\)"
    with pytest.raises(InputError, match=expected), reading_from(Path("in.vcf"), "--variants"):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_record__names_outputs_and_what_came_before(chain: Chain) -> None:
    chain.walk()
    record = json.loads((chain.out / ".steps" / "b.json").read_text())
    assert record["after"] == ["a"] and record["sizes"] == {"b.txt": 2}
