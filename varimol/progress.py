"""What the command line tells while it works: on standard error, and nothing when quiet."""

from __future__ import annotations

import sys
from collections.abc import Callable


class CommandProgress:
    """A rich progress bar on standard error, or nothing when quiet or not a terminal."""

    def __init__(self, text: str, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console,
            disable=quiet or not console.is_terminal, transient=True,
        )  # fmt: skip
        self.text = text
        self.in_lines = not (quiet or console.is_terminal)
        self.task = self.bar.add_task(text, total=1.0)

    def __enter__(self) -> CommandProgress:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def share(self, share: float) -> None:
        """Show the share that is done."""
        self.bar.update(self.task, completed=share)

    def count(self, done: int) -> None:
        """Show how many records are done, of a number that nobody knows yet."""
        self.bar.update(self.task, total=None, description=f"{self.text}: {done:,}")

    def bytes(self, done: int, total: int | None) -> None:
        """Show how many bytes there are, of how many where that is known."""
        self.bar.update(self.task, completed=done, total=total)

    def text_and_share(self, text: str, share: float) -> None:
        """Show what is being done and the share that is done; where there is no terminal, a line each."""
        self.bar.update(self.task, description=text, completed=share)
        if self.in_lines:
            print(text, file=sys.stderr, flush=True)


def step_printer(quiet: bool) -> Callable[[str, bool], None] | None:
    """Function that tells each step of a long run on standard error; None when quiet."""
    if quiet:
        return None
    return lambda name, reused: print(
        f"{name}{' (finished before)' if reused else ''}", file=sys.stderr, flush=True
    )
