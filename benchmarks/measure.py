"""Wall seconds, CPU seconds and peak memory of one command, with its outputs on the disk.

``python -I -S benchmarks/measure.py OUTPUT... -- COMMAND...`` runs the command, forces the outputs to the
disk, and prints one line of JSON. It is a process of its own and imports little, for Linux counts the memory of
the process that starts a command as the command's own until the command is loaded.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

_LIBRARY = ctypes.CDLL(None, use_errno=True)


def sync_file_system(path: str) -> None:
    """Wait until everything written to a path's file system is on the disk.

    One call for all files: what a program left in a thousand files costs what it would cost in one.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if not hasattr(_LIBRARY, "syncfs") or _LIBRARY.syncfs(descriptor):
            os.sync()
    finally:
        os.close(descriptor)


def size_of(path: str) -> int:
    """Bytes of a file, or of all files of a folder; 0 where nothing is there."""
    if not Path(path).is_dir():
        return Path(path).stat().st_size if Path(path).exists() else 0
    return sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())


def own_peak_mb() -> float:
    """Peak resident memory of this process since it was loaded, in MB (a million bytes)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def measure(command: list[str], outputs: list[str]) -> dict[str, float]:
    """Run a command and sync its outputs.

    Returns
    -------
    dict
        status, wall_s (with the sync), cpu_s (user and system, its children included), peak_mb (of the
        largest process of the command), output_bytes.
    """
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:
        assert run.stderr is not None
        said = run.stderr.read()
    if outputs:
        sync_file_system(str(Path(outputs[0]).parent))
    wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode:
        sys.stderr.buffer.write(said[-4000:])
    return {
        "status": run.returncode,
        "wall_s": wall,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss * 1024 / 1e6,
        "output_bytes": sum(size_of(path) for path in outputs),
    }


def measure_apart(command: list[str], outputs: list[str], cwd: Path | None = None) -> dict[str, float]:
    """Run `measure` in a small process of its own.

    Raises
    ------
    RuntimeError
        The command failed; its last words are in the message.
    """
    launcher = [sys.executable, "-I", "-S", __file__, *outputs, "--", *command]
    run = subprocess.run(launcher, capture_output=True, text=True, check=False, cwd=cwd)
    if run.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {run.stderr}")
    figures: dict[str, float] = json.loads(run.stdout)
    if figures["status"]:
        raise RuntimeError(f"{' '.join(command)} ended with {figures['status']}: {run.stderr}")
    return figures


def main() -> None:
    """Measure the command after ``--``."""
    divider = sys.argv.index("--")
    print(json.dumps(measure(sys.argv[divider + 1 :], sys.argv[1:divider])))


if __name__ == "__main__":
    main()
