"""Work in processes of their own that can be killed: what RDKit does to one molecule, nothing in Python can stop.

A worker runs one function of this program on one task after another. Before each item of a task the function
says so with `attend`, which gives the item a limit of processor time. When the item exceeds it the system ends the
worker, whatever it is doing; a crash ends it as well. The parent then knows which item it was, starts another
worker and gives it the task again, with the item named as lost, so that only the item is lost.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import itertools
import json
import mmap
import os
import resource
import selectors
import signal
import struct
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import IO, Any

Task = dict[str, Any]
_NOTE = struct.Struct("<q")
_NO_ITEM = -1
_MEMORY_LIMIT = 4 << 30
_MEMORY_EXCEEDED = 75  # exit status
_PR_SET_PDEATHSIG = 1
_PROGRAM = "import sys; from chem.killable import _main; _main(sys.argv[1], int(sys.argv[2]))"


class WorkerFailed(RuntimeError):
    """A worker stopped for a reason that is no item's fault; the message is what it said."""


@dataclass(frozen=True)
class Death:
    """How a worker ended in the middle of a task.

    Parameters
    ----------
    item
        The item it was at, as it told `attend`; None where it was at none.
    too_long
        It used up the item's time; otherwise it crashed.
    how
        Name of the signal or the exit status, for a crash.
    """

    item: int | None
    too_long: bool
    how: str


def run_tasks(
    function: str,
    tasks: Iterator[Task],
    n_workers: int,
    retry: Callable[[Task, Death], Task],
) -> Generator[tuple[Task, Any], None, None]:
    """Run a function on many tasks in worker processes, and go on when one of them dies.

    Tasks are taken from the iterator only when a worker is free. Closing the generator ends the workers.

    Parameters
    ----------
    function
        ``"module:name"`` of a function that takes a task and returns something that is JSON.
    tasks
        What it is called with: dictionaries that are JSON.
    n_workers
        Number of processes.
    retry
        Called with the task that killed a worker, and how; returns the task to try instead. It must change
        something, or the task is tried for ever.

    Yields
    ------
    tuple
        Task and result, in the order in which they are finished.

    Raises
    ------
    WorkerFailed
        The function raised, or a worker died at no item.
    OSError
        The function raised it, as where the disk is full.

    Examples
    --------
    >>> tasks = iter([{"x": 3.0, "y": 2.0}])
    >>> [result for _, result in run_tasks("chem.killable:_product", tasks, 1, lambda task, death: task)]
    [6.0]
    """
    with _Pool(function, retry) as pool:
        pool.start(list(itertools.islice(tasks, n_workers)))
        while pool.tasks:
            for process in pool.answered():
                task, answer = pool.tasks[process], process.receive()
                if answer is None:
                    pool.replace(process)
                    continue
                # The next task first: the worker need not wait until the caller has looked at the answer.
                pool.give(process, next(tasks, None))
                yield task, _result(answer)


def _product(task: Task) -> float:
    return task["x"] * task["y"]


def _result(answer: dict[str, Any]) -> Any:
    if answer.get("errno") is not None:
        raise OSError(answer["errno"], answer["strerror"])
    if "error" in answer:
        raise WorkerFailed(answer["error"])
    return answer["result"]


class _Pool:
    """Workers and the task that each is at."""

    def __init__(self, function: str, retry: Callable[[Task, Death], Task]) -> None:
        self.function, self.retry = function, retry
        self.tasks: dict[_Process, Task] = {}
        self.selector = selectors.DefaultSelector()

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.selector.close()
        for process in self.tasks:
            process.close()

    def start(self, tasks: list[Task]) -> None:
        """Start a worker for each of some tasks."""
        processes = [_Process(self.function) for _ in tasks]  # all load their libraries at the same time
        self.tasks.update(zip(processes, tasks, strict=True))
        for process in processes:
            self.selector.register(process.answers, selectors.EVENT_READ, process)
            process.send(self.tasks[process])

    def answered(self) -> list[_Process]:
        """Wait for workers that have answered, or died."""
        return [key.data for key, _ in self.selector.select()]

    def give(self, process: _Process, task: Task | None) -> None:
        """Give a worker its next task, or let it go."""
        if task is None:
            self._let_go(process)
        else:
            self.tasks[process] = task
            process.send(task)

    def replace(self, process: _Process) -> None:
        """Start another worker in place of a dead one."""
        task = self.retry(self.tasks[process], process.death())
        self._let_go(process)
        self.start([task])

    def _let_go(self, process: _Process) -> None:
        self.selector.unregister(process.answers)
        del self.tasks[process]
        process.close()


class _Process:
    """The parent's side of one worker."""

    def __init__(self, function: str) -> None:
        self._said, note = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        note.write(_NOTE.pack(_NO_ITEM))
        note.flush()
        self._note = mmap.mmap(note.fileno(), _NOTE.size)
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM, function, str(note.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=environment,
            pass_fds=[note.fileno()],
            start_new_session=True,  # a Ctrl-C in the terminal is the parent's affair
        )
        note.close()
        assert self._process.stdout is not None
        self.answers = self._process.stdout

    def send(self, task: Task) -> None:
        """Give it a task."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died; the end of its answers tells
            self._process.stdin.write(json.dumps(task).encode() + b"\n")
            self._process.stdin.flush()

    def receive(self) -> dict[str, Any] | None:
        """Read its answer; None where it died."""
        line = self.answers.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def death(self) -> Death:
        """Tell how it ended."""
        status = self._process.wait()
        (item,) = _NOTE.unpack(self._note[:])
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip()
        if status == _MEMORY_EXCEEDED:
            how = f"it needed more than {_MEMORY_LIMIT >> 30} GiB of memory"
        else:
            how = f"exit status {status}" if status >= 0 else signal.Signals(-status).name
        if item == _NO_ITEM:
            raise WorkerFailed(f"a worker process ended ({how}); it said: {said or 'nothing'}")
        return Death(item, status == -signal.SIGPROF, how)

    def close(self) -> None:
        """End it, if it still runs, and free what belongs to it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self.answers, self._note, self._said):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


_own_note: mmap.mmap | None = None


@contextlib.contextmanager
def attend(item: int, seconds: float | None) -> Iterator[None]:
    """Note, inside a worker, which item the block works on, and how much processor time that may take.

    Outside a worker nothing is done, for there nobody could go on.

    Parameters
    ----------
    item
        Number of the item within its task, from 0.
    seconds
        Processor time that the block may use; None for as much as it takes.

    Examples
    --------
    >>> with attend(0, 1.0):
    ...     pass
    """
    if _own_note is None:
        yield
        return
    _own_note[:] = _NOTE.pack(item)
    signal.setitimer(signal.ITIMER_PROF, seconds or 0.0)
    try:
        yield
    except MemoryError:
        os._exit(_MEMORY_EXCEEDED)  # what is left of the heap may be in pieces: a new worker goes on
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        _own_note[:] = _NOTE.pack(_NO_ITEM)


def _main(function: str, note: int) -> None:
    """Answer tasks, a line of JSON each, until there are no more."""
    global _own_note
    _die_with_the_parent()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit_memory()
    # What RDKit's libraries print must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    module, name = function.split(":")
    call = getattr(importlib.import_module(module), name)
    _own_note = mmap.mmap(note, _NOTE.size)
    for line in sys.stdin.buffer:
        try:
            _answer(answers, {"result": call(json.loads(line))})
        except Exception as error:
            told = {"errno": error.errno, "strerror": error.strerror} if isinstance(error, OSError) else {}
            _answer(answers, told | {"error": traceback.format_exc()})


def _answer(answers: IO[bytes], value: Any) -> None:
    answers.write(json.dumps(value).encode() + b"\n")
    answers.flush()


def _die_with_the_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _limit_memory() -> None:
    """Let one molecule that wants all memory end its worker instead of the machine."""
    if sys.platform == "linux":
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        soft = _MEMORY_LIMIT if hard == resource.RLIM_INFINITY else min(_MEMORY_LIMIT, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
