"""Ctrl-C stays Ctrl-C: some RDKit calls leave a handler of their own behind."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def python_interrupts() -> Iterator[None]:
    """Put Python's handler of SIGINT back after calls that replace it and do not restore it.

    InChI and the uncharger do so in RDKit 2026.3; after them a Ctrl-C would be swallowed for the rest of the
    run. Handlers can only be set from the main thread, elsewhere nothing is done.

    Examples
    --------
    >>> with python_interrupts():
    ...     pass
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
