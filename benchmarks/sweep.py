"""The sweep of the affinity models: every declared table, split, model, fold and seed, run once and kept.

    python -m benchmarks.sweep DATA CACHE --workers 2 --budget-minutes 170
    python -m benchmarks.sweep DATA CACHE --only davis --model network --fold 1,2
    python -m benchmarks.sweep DATA CACHE --list
    python -m benchmarks.sweep DATA CACHE --list --record
    python -m benchmarks.sweep --figures

The first runs what benchmarks/sweep.toml declares and the cache does not hold, in order; ``--list`` runs nothing
and tells what is left, and how long it takes; ``--record`` then writes benchmarks/results/sweep.tsv from all cells
that are finished; ``--figures`` prints its tables. It can be killed at any time: the same command goes on, and at
most the cells in flight are begun again. Sweeps of one cache may run side by side.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.record import RESULTS
from benchmarks.sweep_cells import Task, finished_row
from benchmarks.sweep_figures import sweep_figures
from benchmarks.sweep_plan import PLAN, Cell, Plan, read_plan, select_cells
from benchmarks.sweep_record import sweep_rows, write_sweep
from benchmarks.sweep_workers import Outcome, run_tasks
from chem.errors import InputError

_FILTERS = ("table", "arm", "split", "model", "fold", "seed")


def tasks_left(tasks: Iterable[Task]) -> list[Task]:
    """Those that are not finished; a fold that a split does not have is left, to be reported when it is run."""
    left = []
    for task in tasks:
        try:
            finished = finished_row(task) is not None
        except InputError:
            finished = False
        if not finished:
            left.append(task)
    return left


class Durations:
    """Seconds that finished cells took, to estimate others by.

    Parameters
    ----------
    cache
        Folder of the cells; those of other settings count too.
    """

    def __init__(self, cache: Path) -> None:
        self.known: dict[tuple[str, str], list[float]] = {}
        for path in sorted(cache.glob("*/*/*/*/fold-*.json")):
            try:
                row = json.loads(path.read_text("utf-8"))
                if not row["resumed"]:  # else only the last part was timed
                    self.add(row["table"], row["model"], row["seconds"])
            except (OSError, ValueError, KeyError):
                continue  # a damaged cell is run again, and timed then

    def add(self, table: str, model: str, seconds: float) -> None:
        """Count one more."""
        self.known.setdefault((table, model), []).append(seconds)

    def estimate(self, cell: Cell) -> float | None:
        """Mean seconds of the model on that table; None where it has not run there."""
        times = self.known.get((cell.table, cell.model))
        return sum(times) / len(times) if times else None

    def told(self, left: Sequence[Task], n_workers: int) -> str:
        """What is left, in words."""
        estimates = [self.estimate(task.cell) for task in left]
        hours = sum(seconds for seconds in estimates if seconds is not None) / n_workers / 3600
        unknown = sorted(
            {
                f"{task.cell.model} on {task.cell.table}"
                for task, seconds in zip(left, estimates, strict=True)
                if seconds is None
            }
        )
        text = f"{len(left)} cells left, about {hours:.2f} h with {n_workers} workers"
        if unknown:
            count = sum(seconds is None for seconds in estimates)
            text += f", not counting {count} cells that were not timed yet ({', '.join(unknown)})"
        return text


def run_sweep(
    plan: Plan,
    cells: Sequence[Cell],
    data: Path,
    cache: Path,
    *,
    n_workers: int = 1,
    budget_minutes: float | None = None,
    any_code: bool = False,
) -> int:
    """Run the cells that are not finished, and print each one and what is left.

    Parameters
    ----------
    plan
        Tables and recipes.
    cells
        Which of the plan's.
    data, cache
        Folders.
    n_workers
        Cells at a time, each on one thread.
    budget_minutes
        After which to stop.
    any_code
        Leave finished cells of plain models whose code has changed since.

    Returns
    -------
    int
        How many failed.
    """
    deadline = None if budget_minutes is None else time.monotonic() + 60 * budget_minutes
    cache.mkdir(parents=True, exist_ok=True)
    left = tasks_left([Task.of(cell, plan, data, cache, any_code=any_code) for cell in cells])
    durations = Durations(cache)
    print(f"{len(cells)} cells, {len(cells) - len(left)} finished; {durations.told(left, n_workers)}")
    failed: list[Outcome] = []
    open_cells = {task.cell: task for task in left}

    def report(outcome: Outcome) -> None:
        cell, row = outcome.task.cell, outcome.row
        if row is None:
            failed.append(outcome)
            print(f"{cell}: not finished: {outcome.reason}", flush=True)
            return
        del open_cells[cell]
        durations.add(cell.table, cell.model, row["seconds"])
        name, value = next(iter(row["metrics"].items()))
        figure = f"{name} undefined" if value is None else f"{name} {value:.4f}"
        print(f"{cell}: {figure}, {row['seconds']:.0f} s; {len(open_cells)} left", flush=True)

    try:
        run_tasks(left, n_workers, report, deadline=deadline)
    except KeyboardInterrupt:
        print("stopped")
    print(durations.told(list(open_cells.values()), n_workers))
    return len(failed)


def list_sweep(
    plan: Plan, cells: Sequence[Cell], data: Path, cache: Path, n_workers: int, *, any_code: bool = False
) -> int:
    """Print what is left and run nothing."""
    left = tasks_left([Task.of(cell, plan, data, cache, any_code=any_code) for cell in cells])
    for task in left:
        print(task.cell)
    print(Durations(cache).told(left, n_workers))
    return 0


def record_sweep(plan: Plan, data: Path, cache: Path, path: Path, *, any_code: bool = False) -> int:
    """Write the rows of all the plan's finished cells and what is made from them; return how many rows."""
    tasks = [Task.of(cell, plan, data, cache, any_code=any_code) for cell in plan.cells]
    found = [(task, finished_row(task)) for task in tasks]
    finished = [(task, row) for task, row in found if row is not None]
    table = sweep_rows(finished)
    write_sweep(table, path)
    return len(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sweep", description="The sweep of the models."
    )
    parser.add_argument(
        "data", nargs="?", type=Path, help="folder of the data, with affinity/davis and others"
    )
    parser.add_argument("cache", nargs="?", type=Path, help="folder of the finished cells")
    parser.add_argument("--plan", type=Path, default=PLAN, help="another declaration than sweep.toml")
    for name in _FILTERS:
        names = ("--only", "--table") if name == "table" else (f"--{name}",)
        parser.add_argument(*names, dest=name, default="", help=f"only these, of each {name}: A or A,B")
    parser.add_argument("--workers", type=int, default=1, help="cells at a time, one thread each")
    parser.add_argument("--budget-minutes", type=float, help="stop after so long")
    parser.add_argument("--any-code", action="store_true", help="leave cells of plain models with other code")
    parser.add_argument("--list", action="store_true", help="say what is left, run nothing")
    parser.add_argument("--record", action="store_true", help="then write the results of all finished cells")
    parser.add_argument("--figures", action="store_true", help="print the tables of the results, run nothing")
    parser.add_argument(
        "--results", type=Path, default=RESULTS / "sweep.tsv", help="file of --record, --figures"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, list, record or print; return the exit code."""
    given = _parser().parse_args(arguments)
    if given.figures:
        print(sweep_figures(given.results))
        return 0
    if given.data is None or given.cache is None:
        _parser().error("the folders of the data and of the cache are needed")
    if given.workers < 1:
        _parser().error("--workers: 1 or more")
    try:
        plan = read_plan(given.plan)
        wanted = {name: [v for v in getattr(given, name).split(",") if v] for name in _FILTERS}
        cells = select_cells(plan.cells, wanted)
        if given.list:
            failed = list_sweep(plan, cells, given.data, given.cache, given.workers, any_code=given.any_code)
        else:
            failed = run_sweep(
                plan, cells, given.data, given.cache,
                n_workers=given.workers, budget_minutes=given.budget_minutes,
                any_code=given.any_code,
            )  # fmt: skip
        if given.record:
            n = record_sweep(plan, given.data, given.cache, given.results, any_code=given.any_code)
            print(f"{n} rows written to {given.results}")
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
