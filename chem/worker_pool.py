"""Worker processes that start from a clean state and do not outlive their parent."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from chem.errors import InputError

_GUARD = 'in a script, put what starts the work under `if __name__ == "__main__":`'


@contextmanager
def worker_pool(
    workers: int, initializer: Callable[..., object] | None = None, initargs: tuple[Any, ...] = ()
) -> Iterator[ProcessPoolExecutor]:
    """Start processes anew: RDKit and numba do not bear being forked, and one worker and many give the same bytes.

    Parameters
    ----------
    workers
        Processes.
    initializer, initargs
        Called once in each of them.

    Yields
    ------
    ProcessPoolExecutor
        Its processes end with the block, tasks that wait are dropped where the block raises (a Ctrl-C too), and
        they end when this process is killed.

    Raises
    ------
    InputError
        A worker ended before its time; or this process is itself a worker that imports the script of its parent,
        which would start workers without end.

    Examples
    --------
    >>> with worker_pool(1) as pool:
    ...     pool.submit(abs, -2).result()
    2
    """
    # The standard library asks this too, but only after a pool is made, which then waits for ever to be closed.
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise InputError("a worker process would start workers of its own", hint=_GUARD)
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(initializer, initargs),
    )
    try:
        yield pool
    except BrokenProcessPool as error:
        raise InputError(
            "a worker process ended before its time: its script started workers while it was imported, memory ran "
            "out, or it was killed",
            hint=_GUARD,
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if initializer is not None:
        initializer(*initargs)


def _end_with_parent() -> None:
    """End this worker when its parent is gone, lest it writes beside the run that goes on after a kill."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
