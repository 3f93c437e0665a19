"""Wall seconds, CPU seconds and peak memory of one command, with its outputs on the disk.

``python -I -S benchmarks/measure.py OUTPUT... -- COMMAND...`` runs the command, forces the outputs to the
disk, and prints one line of JSON. It is a process of its own and imports little, for Linux counts the memory of
the process that starts a command as the command's own until the command is loaded.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path


def sync_output(path: str) -> int:
    """Force a file, or all files of a folder, to the disk; return their bytes, 0 where nothing is there."""
    if Path(path).is_dir():
        folders = [(folder, files) for folder, _, files in os.walk(path)]
        size = sum(_sync(os.path.join(folder, name)) for folder, files in folders for name in files)  # noqa: PTH118
        for folder, _ in folders:
            _sync(folder)
        return size
    return _sync(path) if Path(path).exists() else 0


def _sync(path: str) -> int:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


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
    size = sum(sync_output(path) for path in outputs)
    wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode:
        sys.stderr.buffer.write(said[-4000:])
    return {
        "status": run.returncode,
        "wall_s": wall,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss * 1024 / 1e6,
        "output_bytes": size,
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
