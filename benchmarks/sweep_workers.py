"""Processes that run the sweep's cells, each on one thread, until a time is up.

Every worker keeps what its cells share in memory. It ends with the process that started it, even where that one
was killed, and where a worker itself is killed its cell counts as failed and another worker takes the next one.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from benchmarks.sweep_cells import Task, run_cell
from chem.errors import InputError

_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_SECONDS_BETWEEN_LOOKS = 1.0


@dataclass(frozen=True)
class Outcome:
    """What came of a cell: its row; or why there is none."""

    task: Task
    row: dict[str, Any] | None
    reason: str = ""


def run_tasks(
    tasks: Sequence[Task],
    n_workers: int,
    report: Callable[[Outcome], None],
    *,
    deadline: float | None = None,
) -> None:
    """Run cells in their order, `n_workers` at a time.

    Parameters
    ----------
    tasks
        The cells.
    n_workers
        Processes.
    report
        Called in this process with every outcome.
    deadline
        `time.monotonic` at which to stop what runs; a network goes on later from its last epoch.
    """
    waiting = list(reversed(tasks))
    workers = [_Worker() for _ in range(min(n_workers, len(tasks)))]
    try:
        while True:
            for worker in workers:
                if worker.task is None and waiting:
                    worker.give(waiting.pop())
            busy = {worker.connection: worker for worker in workers if worker.task is not None}
            left = None if deadline is None else deadline - time.monotonic()
            if not busy or (left is not None and left <= 0):
                return
            for connection in wait(list(busy), timeout=left):
                outcome = busy[connection].take()  # type: ignore[index]
                report(outcome)
    finally:
        for worker in workers:
            worker.stop()


class _Worker:
    """One process and what it is at; started anew where it died."""

    def __init__(self) -> None:
        self.task: Task | None = None
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, os.getpid()), daemon=True)
        before = {name: os.environ.get(name) for name in _THREAD_LIMITS}
        os.environ.update(dict.fromkeys(_THREAD_LIMITS, "1"))  # read when numpy and torch are loaded
        try:
            self.process.start()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
        theirs.close()

    def give(self, task: Task) -> None:
        if not self.process.is_alive():
            self._restart()
        self.connection.send(task)
        self.task = task

    def take(self) -> Outcome:
        assert self.task is not None
        task, self.task = self.task, None
        try:
            row, reason = self.connection.recv()
        except (EOFError, OSError):  # it was killed, for the memory it took for instance
            self.process.join()
            reason = f"its process ended with code {self.process.exitcode}"
            self._restart()
            return Outcome(task, None, reason)
        return Outcome(task, row, reason)

    def _restart(self) -> None:
        self.stop()
        self._start()

    def stop(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join()


def _serve(connection: Connection, parent: int) -> None:
    """Run the cells that come, one after the other."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the starting process ends us
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    import torch

    torch.set_num_threads(1)
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        connection.send(_attempt(task))


def _attempt(task: Task) -> tuple[dict[str, Any] | None, str]:
    try:
        row = run_cell(task)
    except InputError as error:
        return None, str(error)
    except Exception as error:  # one cell's fault must not end the others
        return None, f"{type(error).__name__}: {error}"
    return row, "" if row is not None else "another process is at it"


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os._exit(1)
