"""Compare what varimol reads of every VCF and BCF file under a folder with what bcftools reads.

``python -m benchmarks.corpus FOLDER [--out NAME]`` finds the files by their content (plain, gzip or bgzip; a file
whose name says VCF or BCF counts whatever it holds), reads each through `genomics.ingest.ingest` into a store of
its own, and compares samples, contig, position, ID, alleles, QUAL, filters and genotypes with ``bcftools query``.
One row for each file goes to benchmarks/results/corpus.tsv: what each program made of it, the verdict, and for every
verdict but "equal" and "both fail" why.
"""

from __future__ import annotations

import argparse
import gzip
import multiprocessing
import multiprocessing.connection
import re
import subprocess
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import write_results

_NAMED = re.compile(r"\.(vcf|bcf)(\.b?gz)?$")
_TIMEOUT = 120.0  # seconds for one file
_COLUMNS = ("CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER")


@dataclass(frozen=True)
class Reading:
    """What a program made of a file: its samples and rows as text, or why there are none."""

    samples: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    error: str = ""
    notes: str = ""


def variant_files(folder: Path) -> list[Path]:
    """List the files under a folder that are VCF or BCF by name or by content."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and _is_variants(path))


def _is_variants(path: Path) -> bool:
    if path.suffix in (".tbi", ".csi"):
        return False
    if _NAMED.search(path.name):
        return True
    with path.open("rb") as raw:
        start = raw.read(2)
    try:
        with gzip.open(path) if start == b"\x1f\x8b" else path.open("rb") as stream:
            head = stream.read(16)
    except (OSError, EOFError, zlib.error):
        return False
    return head.startswith((b"##fileformat=VCF", b"BCF\2"))


def read_bcftools(path: Path) -> Reading:
    """Read a file with bcftools."""
    listed = _bcftools("query", "-l", str(path))
    if isinstance(listed, str):
        return Reading(error=listed)
    samples = tuple(listed.stdout.decode("utf-8", "replace").splitlines())
    call = r"[\t%GT]" if samples else ""
    query = r"%CHROM\t%POS\t%ID\t%REF\t%ALT\t%QUAL\t%FILTER" + call + r"\n"
    found = _bcftools("query", "-u", "-f", query, str(path))
    if isinstance(found, str):
        return Reading(samples, error=found)
    # query leaves out the records that it cannot read and still ends well; view says that it failed
    checked = _bcftools("view", "-o", "/dev/null", str(path))
    if isinstance(checked, str) and "parse error" in checked:
        return Reading(samples, error=checked)
    lines = found.stdout.decode("utf-8", "replace").split("\n")[:-1]
    return Reading(samples, tuple(_plain(line.split("\t")) for line in lines))


def _bcftools(*arguments: str) -> subprocess.CompletedProcess[bytes] | str:
    """Run bcftools; its last words where it fails."""
    try:
        run = subprocess.run(["bcftools", *arguments], capture_output=True, timeout=_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return "timeout"
    if run.returncode == 0:
        return run
    words = run.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit status {run.returncode}"]
    return words[-1].replace(arguments[-1], Path(arguments[-1]).name)


def _plain(row: list[str]) -> tuple[str, ...]:
    """Write filters, which a store holds as a set, in one order."""
    return (*row[:6], ";".join(sorted(set(row[6].split(";")))), *row[7:])


def read_varimol(path: Path) -> Reading:
    """Read a file through a cohort store."""
    from genomics.errors import InputError
    from genomics.ingest import ingest

    with tempfile.TemporaryDirectory() as scratch:
        try:
            cohort = ingest(path, Path(scratch) / "cohort.vcz")
        except InputError as error:
            return Reading(error=str(error).replace(f"{path.name}, ", "").replace(f"{path.name}: ", ""))
        return Reading(tuple(map(str, cohort.sample_ids)), tuple(_store_rows(cohort.arrays)))


def _store_rows(arrays: Any) -> Iterator[tuple[str, ...]]:
    from genomics.export import genotype_text

    contig_id = [str(name) for name in arrays["contig_id"][:]]
    filter_id = [str(name) for name in arrays["filter_id"][:]]
    contigs, positions = arrays["variant_contig"][:], arrays["variant_position"][:]
    identifiers, alleles = arrays["variant_id"][:], arrays["variant_allele"][:]
    qualities, flags = arrays["variant_quality"][:], arrays["variant_filter"][:]
    texts = genotype_text(arrays["call_genotype"][:], arrays["call_genotype_phased"][:])
    for row, position in enumerate(positions):
        names = [str(allele) for allele in alleles[row] if allele != ""]
        yield (
            contig_id[int(contigs[row])],
            str(int(position)),
            str(identifiers[row]),
            names[0],
            ",".join(names[1:]) or ".",
            "." if np.isnan(qualities[row]) else f"{qualities[row]:g}",  # as bcftools query rounds it
            ";".join(sorted(name for name, flag in zip(filter_id, flags[row], strict=True) if flag)) or ".",
            *texts[row].tolist(),
        )


def compare(ours: Reading, theirs: Reading) -> tuple[str, str]:
    """Return the verdict, and what differs in words."""
    if ours.error and theirs.error:
        return "both fail", ours.error
    if ours.error:
        return "varimol fails", ours.error
    if theirs.error:
        return "bcftools fails", theirs.error
    if ours.samples != theirs.samples:
        return "differs", f"samples {ours.samples[:3]} and {theirs.samples[:3]}"
    if len(ours.rows) != len(theirs.rows):
        return "differs", f"{len(ours.rows)} records and {len(theirs.rows)}"
    kinds: Counter[str] = Counter()
    first: dict[str, str] = {}
    for number, (mine, other) in enumerate(zip(ours.rows, theirs.rows, strict=True), start=1):
        for column, (a, b) in enumerate(zip(mine, other, strict=True)):
            if a != b:
                kind = _COLUMNS[column] if column < len(_COLUMNS) else _call_kind(a, b)
                kinds[kind] += 1
                first.setdefault(kind, f"{kind}, first in record {number}: {a} for {b}")
    if not kinds:
        return "equal", ""
    return "differs", "; ".join(f"{count} x {first[kind]}" for kind, count in kinds.items())


def _call_kind(ours: str, theirs: str) -> str:
    """Say whether two calls differ in their alleles or in their separators alone."""
    alleles = [re.split(r"[/|]", text.lstrip("/|")) for text in (ours, theirs)]
    return "GT" if alleles[0] != alleles[1] else "GT phase"


# Why a difference stands, by verdict and words of the reason.
_EXPLANATIONS: tuple[tuple[str, str, str], ...] = (
    (
        "varimol fails",
        "field POS: .* is too large",
        "a store has 32-bit positions, as VCF Zarr and BCF; bcftools query prints another number in its place",
    ),
    (
        "bcftools fails",
        "VCF parse error",
        "bcftools leaves out the records it cannot read and ends with an error (here phase before the first allele, "
        "as VCF 4.4 allows, which bcftools reads from version 1.22 on); varimol reads them",
    ),
    (
        "differs",
        r"^\d+ x GT, first in record \d+: \. for -65$",
        "bcftools query prints -65 for a call whose GT, not the first field, was left off at the end",
    ),
    (
        "differs",
        r"^\d+ x GT phase[^;]*$",
        "VCF Zarr has one phase flag for a call: one with both / and | is given back with / throughout",
    ),
)


def explain(verdict: str, reason: str) -> str:
    """Say why a difference stands; empty where there is nothing to explain or no words for it yet."""
    for kind, pattern, words in _EXPLANATIONS:
        if verdict == kind and re.search(pattern, reason):
            return words
    return ""


def _work(pipe: multiprocessing.connection.Connection) -> None:
    while (path := pipe.recv()) is not None:
        try:
            pipe.send(read_varimol(path))
        except Exception as error:  # a fault of ours: it is a row of the table, not the end of the run
            pipe.send(Reading(error=f"FAULT {type(error).__name__}: {error}"))


class _Worker:
    """A process that reads files, started again where a file ends or stops it."""

    def __init__(self) -> None:
        self.process: Any = None
        self.is_stuck = False

    def read(self, path: Path) -> Reading:
        """Read one file with varimol."""
        if self.process is None:
            context = multiprocessing.get_context("spawn")
            self.pipe, inner = context.Pipe()
            self.process = context.Process(target=_work, args=(inner,), daemon=True)
            self.process.start()
            self.is_stuck = False
            inner.close()
        self.pipe.send(path)
        try:
            if self.pipe.poll(_TIMEOUT):
                found: Reading = self.pipe.recv()
                return found
            reason, self.is_stuck = "FAULT no answer in time", True
        except EOFError:
            self.process.join()
            reason = f"FAULT the process ended with status {self.process.exitcode}"
        self.close()
        return Reading(error=reason)

    def close(self) -> None:
        """Stop the process."""
        if self.process is not None:
            if self.process.is_alive() and not self.is_stuck:
                self.pipe.send(None)
                self.process.join(5)
            self.process.kill()
            self.process.join()
            self.pipe.close()
            self.process = None


def main() -> None:
    """Compare and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", default="corpus")
    arguments = parser.parse_args()
    worker, rows = _Worker(), []
    for path in variant_files(arguments.folder):
        theirs, ours = read_bcftools(path), worker.read(path)
        verdict, reason = compare(ours, theirs)
        rows.append(
            {
                "file": path.relative_to(arguments.folder).as_posix(),
                "varimol": "error" if ours.error else f"{len(ours.rows)} x {len(ours.samples)}",
                "bcftools": "error" if theirs.error else f"{len(theirs.rows)} x {len(theirs.samples)}",
                "verdict": verdict,
                "reason": " ".join(reason.split()),
                "explanation": explain(verdict, reason),
            }
        )
    worker.close()
    table = pd.DataFrame(rows)
    print(table["verdict"].value_counts().to_string())
    for row in table.itertuples():
        if row.verdict not in ("equal", "both fail") and not row.explanation:
            print(f"UNEXPLAINED {row.verdict}: {row.file}: {row.reason}")
    write_results(table, arguments.out)


if __name__ == "__main__":
    main()
