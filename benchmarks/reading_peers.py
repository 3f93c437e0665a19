"""The programs that the reading benchmark compares, and what each one made of the calls.

``python -m benchmarks.reading_peers READER PATH OUT [--fields] [--threads 2] [--warm-up SMALL]`` is a reader that
waits: it imports what it needs, reads a small file to be warm, and then reads PATH each time that a line
``run`` comes in, answering with one line of JSON. ``save`` writes what it read last as .npy files under OUT.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import measure_apart, own_peak_mb, size_of, sync_file_system

Arrays = dict[str, np.ndarray]
"""positions (n,), genotypes int8 (n, samples, 2), phased bool (n, samples), DP and GQ (n, samples), as far as the
program gives them; missing alleles and values are -1."""

FIELDS = ("FORMAT/DP", "FORMAT/GQ")


def read_varimol(path: Path, out: Path, fields: bool, threads: int) -> None:
    """Ingest into a store at `out`, which is on the disk afterwards."""
    from genomics.ingest import ingest

    arguments: dict[str, Any] = {"fields": FIELDS if fields else ()}
    if "threads" in inspect.signature(ingest).parameters:
        arguments["threads"] = threads
    ingest(path, out, **arguments)
    sync_file_system(str(out))


def read_cyvcf2(path: Path, out: Path | None, fields: bool, threads: int) -> Arrays:
    """Read genotype arrays, phase, and DP and GQ where asked, record by record."""
    from cyvcf2 import VCF

    positions, calls = [], []
    values: dict[str, list[np.ndarray]] = {"DP": [], "GQ": []} if fields else {}
    with_calls = VCF(str(path), threads=threads)
    for variant in with_calls:
        positions.append(variant.POS)
        calls.append(variant.genotype.array().astype(np.int8))
        for name, parts in values.items():
            parts.append(
                np.maximum(variant.format(name)[:, 0], -1)
            )  # cyvcf2 writes missing as the least int32
    with_calls.close()
    joined = np.stack(calls)
    arrays = {"positions": np.array(positions), "genotypes": joined[..., :2]}
    arrays["phased"] = joined[..., 2].astype(bool)
    return arrays | {name: np.stack(parts) for name, parts in values.items()}


def read_allel(path: Path, out: Path | None, fields: bool, threads: int) -> Arrays:
    """Read GT, which scikit-allel gives without its phase, and DP and GQ where asked."""
    import allel

    names = ["variants/POS", "calldata/GT", *(["calldata/DP", "calldata/GQ"] if fields else [])]
    callset = allel.read_vcf(str(path), fields=names)
    arrays = {"positions": callset["variants/POS"], "genotypes": callset["calldata/GT"]}
    return arrays | ({name: callset[f"calldata/{name}"] for name in ("DP", "GQ")} if fields else {})


def read_back(path: Path, out: Path | None, fields: bool, threads: int) -> None:
    """Read all genotypes of a store on one core, a few chunks at a time; keep none."""
    from genomics.cohort import Cohort

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cohort = Cohort(path)
    chunk = cohort.arrays["call_genotype"].chunks[0]
    rows = chunk * max(1, 64_000_000 // (2 * cohort.n_samples * chunk))
    for start in range(0, cohort.n_variants, rows):
        cohort.genotypes(slice(start, start + rows))


READERS: dict[str, Callable[..., Arrays | None]] = {
    "varimol": read_varimol,
    "cyvcf2": read_cyvcf2,
    "scikit-allel": read_allel,
    "read back": read_back,
}


def load_zarr(path: Path) -> Arrays:
    """Read back a VCF Zarr store, whoever wrote it."""
    import zarr

    if path.is_file():
        store: Any = zarr.open_group(zarr.storage.ZipStore(path, mode="r"), mode="r")
    else:
        store = zarr.open_group(path, mode="r")
    names = {
        "positions": "variant_position",
        "genotypes": "call_genotype",
        "phased": "call_genotype_phased",
        "DP": "call_DP",
        "GQ": "call_GQ",
    }
    return {name: np.asarray(store[array][:]) for name, array in names.items() if array in store}


def load_bcf(path: Path) -> Arrays:
    """Read back a BCF, with whichever fields it has."""
    from cyvcf2 import VCF

    with_fields = VCF(str(path)).contains("DP")
    return read_cyvcf2(path, None, with_fields, 2)


def load_npy(folder: Path) -> Arrays:
    """Map the arrays that a reader saved."""
    return {path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))}


def load_pgen(prefix: Path) -> Arrays:
    """Read back a PLINK 2 fileset; see `as_pgen` for what it keeps of phase."""
    import pgenlib

    pvar = pgenlib.PvarReader(str(prefix.with_suffix(".pvar")).encode())
    offsets = pvar.get_allele_idx_offsets() if pvar.get_max_allele_ct() > 2 else None
    reader = pgenlib.PgenReader(str(prefix.with_suffix(".pgen")).encode(), allele_idx_offsets=offsets)
    n, n_samples = reader.get_variant_ct(), reader.get_raw_sample_ct()
    genotypes, phased = np.empty((n, n_samples, 2), np.int8), np.empty((n, n_samples), bool)
    codes, known = np.empty(2 * n_samples, np.int32), np.empty(n_samples, np.bool_)
    for row in range(n):
        reader.read_alleles_and_phasepresent(row, codes, known)
        genotypes[row] = np.maximum(codes, -1).reshape(-1, 2)  # missing is -9
        phased[row] = known
    reader.close()
    return as_pgen({"genotypes": genotypes, "phased": phased})


def as_pgen(arrays: Arrays) -> Arrays:
    """Reduce calls to what a .pgen keeps: phase of heterozygous calls alone, and no order without phase.

    Examples
    --------
    >>> calls = {"genotypes": np.array([[[1, 0], [1, 1]]]), "phased": np.array([[False, True]])}
    >>> reduced = as_pgen(calls)
    >>> reduced["genotypes"].tolist(), reduced["phased"].tolist()
    ([[[0, 1], [1, 1]]], [[False, False]])
    """
    genotypes = np.asarray(arrays["genotypes"])
    phased = arrays["phased"] & (genotypes[..., 0] != genotypes[..., 1])
    ordered = np.where(phased[..., None], genotypes, np.sort(genotypes, axis=-1))
    return {"genotypes": ordered, "phased": phased}


def different_cells(ours: Arrays, theirs: Arrays) -> dict[str, int]:
    """Count the cells that differ, for each array that the other program gives.

    Raises
    ------
    ValueError
        The shapes differ, or the other has an array that we lack.

    Examples
    --------
    >>> different_cells({"DP": np.array([[1, 2]])}, {"DP": np.array([[1, 3]])})
    {'DP': 1}
    """
    counts = {}
    for name, other in theirs.items():
        if name not in ours or ours[name].shape != other.shape:
            shape = ours[name].shape if name in ours else None
            raise ValueError(f"{name}: {shape} here, {other.shape} there")
        counts[name] = int(np.count_nonzero(ours[name] != other))
    return counts


class Command:
    """A program that is run anew each time, from its start to its outputs on the disk."""

    def __init__(self, command: list[str], outputs: list[Path]) -> None:
        self.command, self.outputs = command, outputs

    def run(self) -> dict[str, float]:
        """Remove what the last run left, run the command, and return the figures of `measure`."""
        for path in self.outputs:
            remove(path)
        return measure_apart(self.command, [str(path) for path in self.outputs])

    def save(self) -> None:
        """Do nothing: the outputs are files."""

    def close(self) -> None:
        """Do nothing: no process waits."""


class Reader:
    """A Python reader in a process of its own that is imported, compiled and warm."""

    def __init__(
        self, reader: str, path: Path, out: Path, *, fields: bool, threads: int, warm_up: Path | None = None
    ) -> None:
        command = [sys.executable, "-m", "benchmarks.reading_peers", reader, str(path), str(out)]
        command += ["--threads", str(threads)] + ["--fields"] * fields
        command += ["--warm-up", str(warm_up)] if warm_up is not None else []
        names = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
        environment = os.environ | dict.fromkeys(names, str(threads))
        root = Path(__file__).resolve().parents[1]
        self._name = " ".join(command)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=root
        )

    def _ask(self, word: str) -> dict[str, float]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._name} ended with {self._process.wait()}")
        figures: dict[str, float] = json.loads(answer)
        return figures

    def run(self) -> dict[str, float]:
        """Read once; wall_s, cpu_s, peak_mb and output_bytes."""
        return self._ask("run")

    def save(self) -> None:
        """Write what was read last under `out`, unless it is a store already."""
        self._ask("save")

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def serve(reader: str, path: Path, out: Path, *, fields: bool, threads: int, warm_up: Path | None) -> None:
    """Answer the lines ``run`` and ``save`` until the input ends."""
    read = READERS[reader]
    if warm_up is not None:
        read(warm_up, out.with_name(f"{out.name}-warm"), fields, threads)
        remove(out.with_name(f"{out.name}-warm"))
    arrays: Arrays | None = None
    for line in sys.stdin:
        answer: dict[str, float] = {}
        if line.strip() == "run":
            arrays = None
            remove(out)
            start, cpu = time.perf_counter(), _cpu_seconds()
            arrays = read(path, out, fields, threads)
            answer = {"wall_s": time.perf_counter() - start, "cpu_s": _cpu_seconds() - cpu}
            answer |= {"peak_mb": own_peak_mb(), "output_bytes": size_of(str(out))}
        elif arrays is not None:
            out.mkdir(parents=True, exist_ok=True)
            for name, array in arrays.items():
                np.save(out / f"{name}.npy", array)
        print(json.dumps(answer), flush=True)


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main() -> None:
    """Wait for orders."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("reader", choices=sorted(READERS))
    parser.add_argument("path", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--fields", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warm-up", type=Path)
    options = parser.parse_args()
    serve(
        options.reader,
        options.path,
        options.out,
        fields=options.fields,
        threads=options.threads,
        warm_up=options.warm_up,
    )


if __name__ == "__main__":
    main()
