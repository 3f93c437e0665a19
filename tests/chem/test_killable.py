"""Workers that can be killed: whatever happens in one, only the item it was at is lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chem.killable import Death, WorkerFailed, attend, run_tasks

WORK = '''
import os, signal, sys
from pathlib import Path
from rdkit import Chem
from chem.killable import attend


def work(task):
    done = []
    for item, what in enumerate(task["items"]):
        if str(item) in task["lost"]:
            continue
        with attend(item, task.get("limit")):
            done.append(ACTS.get(what, len)(what))
    return done


def slow(_):
    """Canonicalisation is quadratic in the length of a chain, and in C++."""
    return len(Chem.MolToSmiles(Chem.MolFromSmiles("C" * 100_000)))


def crash(_):
    os.kill(os.getpid(), signal.SIGSEGV)


def fill(_):
    return len(bytearray(1 << 50))


def chatter(what):
    os.write(1, b"not an answer\\n")
    print("neither")
    return len(what)


ACTS = {"slow": slow, "crash": crash, "fill": fill, "exit": lambda _: os._exit(3), "chatter": chatter}


def fail(task):
    raise ValueError("of our own making")


def full(task):
    raise OSError(28, "No space left on device")


def die(task):
    print("the last words", file=sys.stderr, flush=True)
    os._exit(5)


def tell_and_hang(task):
    Path(task["file"]).write_text(str(os.getpid()))
    with attend(0, None):
        slow(None)
'''


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work_of_the_test.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)


def lose(task: dict[str, Any], death: Death) -> dict[str, Any]:
    """Retry without the item, keeping how it died."""
    return task | {"lost": task["lost"] | {str(death.item): [death.too_long, death.how]}}


def run(
    items: list[list[str]], n_workers: int = 1, limit: float | None = None
) -> list[tuple[dict[str, Any], Any]]:
    """Run the module's work on some lists of items, in the order of the lists."""
    tasks: Iterator[dict[str, Any]] = (
        {"number": number, "items": part, "lost": {}, "limit": limit} for number, part in enumerate(items)
    )
    finished = run_tasks("work_of_the_test:work", tasks, n_workers, lose)
    return sorted(finished, key=lambda pair: pair[0]["number"])


@pytest.mark.parametrize("n_workers", [1, 3])
def test_tasks__all_are_answered(n_workers: int) -> None:
    results = run([["a" * n, "bb"] for n in range(7)], n_workers)
    assert [result for _, result in results] == [[n, 2] for n in range(7)]


def test_tasks__none() -> None:
    assert run([]) == []


def test_tasks__large_ones_and_printing() -> None:
    """Tasks larger than a pipe, and output between the answers."""
    results = run([["x" * 1_000_000, "chatter"], ["chatter"]], 2)
    assert [result for _, result in results] == [[1_000_000, 7], [7]]


@pytest.mark.parametrize(
    ("what", "too_long", "how"),
    [
        ("slow", True, "SIGPROF"),
        ("crash", False, "SIGSEGV"),
        ("exit", False, "exit status 3"),
        ("fill", False, "it needed more than 4 GiB of memory"),
    ],
)
def test_death__only_the_item_is_lost(what: str, too_long: bool, how: str) -> None:
    [(first, kept), (_, other)] = run([["a", what, "ccc", "dddd"], ["ee"]], limit=0.5)
    assert kept == [1, 3, 4]
    assert first["lost"] == {"1": [too_long, how]}
    assert other == [2]


def test_death__several_in_one_task() -> None:
    [(task, kept)] = run([["crash", "a", "slow", "bb", "exit"]], limit=0.5)
    assert kept == [1, 2]
    assert set(task["lost"]) == {"0", "2", "4"}


def test_failure__is_ours_and_says_so() -> None:
    for function, said in (("fail", "ValueError: of our own making"), ("die", "the last words")):
        with pytest.raises(WorkerFailed, match=said):
            list(run_tasks(f"work_of_the_test:{function}", iter([{}]), 1, lose))
    with pytest.raises(OSError, match="No space left") as caught:
        list(run_tasks("work_of_the_test:full", iter([{}]), 1, lose))
    assert caught.value.errno == 28


def test_attend__does_nothing_outside_a_worker() -> None:
    with attend(0, 1e-9):
        assert sum(range(1000)) == 499_500


def test_worker__dies_with_its_parent(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from chem.killable import run_tasks\n"
        "list(run_tasks('work_of_the_test:tell_and_hang', iter([{'file': sys.argv[2]}]), 1, None))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(file)]) as parent:
        worker = wait_for(lambda: int(file.read_text() or 0) if file.exists() else 0)
        assert is_running(worker)
        parent.send_signal(signal.SIGKILL)
    assert wait_for(lambda: not is_running(worker))


def wait_for(ask: Any, seconds: float = 60) -> Any:
    """Ask until the answer is true."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return answer


def is_running(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_tasks__are_taken_when_a_worker_is_free() -> None:
    """Whoever reads a huge file must not read ahead."""
    taken: list[int] = []

    def tasks() -> Iterator[dict[str, Any]]:
        for number in range(6):
            taken.append(number)
            yield {"items": ["a"], "lost": {}}

    finished = run_tasks("work_of_the_test:work", tasks(), 2, lose)
    next(finished)
    assert len(taken) <= 3
    assert json.dumps(list(finished)).count("lost") == 5
