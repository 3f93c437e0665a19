"""Fits of an experiment, each done once, by worker processes, and kept on disk: a run that was killed goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from chem.worker_pool import worker_pool

Progress = Callable[[str, float], None]
Arrays = Mapping[str, NDArray[Any]]
Part = TypeVar("Part")
_SHARED: dict[str, Any] = {}


def run_fits(
    work: Sequence[Part],
    fit: Callable[[Any, Part], Arrays],
    shared: Any,
    folder: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> dict[Part, dict[str, NDArray[Any]]]:
    """Do every fit that is not on disk yet, and read them all.

    Parameters
    ----------
    work
        Parts; the text of each is the name of its file.
    fit
        A function of a module, called with `shared` and a part in a process of its own on one thread.
    shared
        What all parts read; sent to each process once.
    folder
        Where results are kept.
    workers
        Processes; 0 fits in this one, which saves a small table the seconds that processes take to start. The
        results do not depend on their number.
    progress
        Called with what was done and the share of it that is done.

    Returns
    -------
    dict
        Arrays by part.
    """
    folder.mkdir(parents=True, exist_ok=True)
    left = [part for part in work if not _place(folder, part).exists()]
    if left and not workers:
        _fit_here(left, len(work), fit, shared, folder, progress)
    elif left:
        with worker_pool(workers, _share, (fit, shared, folder)) as pool:
            running = [pool.submit(_fit, part) for part in left]
            for n_done, finished in enumerate(as_completed(running), len(work) - len(left) + 1):
                name = finished.result()
                if progress is not None:
                    progress(f"{n_done} of {len(work)} fits done ({name})", n_done / len(work))
    return {part: _read(_place(folder, part)) for part in work}


def _fit_here(
    left: Sequence[Part], n_parts: int, fit: Callable[[Any, Part], Arrays], shared: Any, folder: Path,
    progress: Progress | None,
) -> None:  # fmt: skip
    """Fit one after the other in this process, on one thread as a worker does."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            for n_done, part in enumerate(left, n_parts - len(left) + 1):
                _write(folder, part, fit(shared, part))
                if progress is not None:
                    progress(f"{n_done} of {n_parts} fits done ({part})", n_done / n_parts)
    finally:
        torch.set_num_threads(threads)


def _place(folder: Path, part: object) -> Path:
    return folder / f"{part}.safetensors"


def _read(path: Path) -> dict[str, NDArray[Any]]:
    from safetensors.numpy import load_file

    return dict(load_file(path))


def _share(fit: Callable[[Any, Any], Arrays], shared: Any, folder: Path) -> None:
    """Give a worker what all its parts read."""
    torch.set_num_threads(1)
    threadpool_limits(1)
    _SHARED.update(fit=fit, shared=shared, folder=folder)


def _fit(part: object) -> str:
    _write(_SHARED["folder"], part, _SHARED["fit"](_SHARED["shared"], part))
    return str(part)


def _write(folder: Path, part: object, arrays: Arrays) -> None:
    from safetensors.numpy import save_file

    place = _place(folder, part)
    temporary = place.with_name(f"{place.name}.tmp-{os.getpid()}")
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, temporary)
    os.replace(temporary, place)
