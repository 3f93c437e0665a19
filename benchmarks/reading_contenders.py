"""The contenders of the reading benchmark: which program reads which file, and how its output is loaded."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from benchmarks.reading_data import CallSet, make_bcf, make_vcf, read_once
from benchmarks.reading_peers import (
    Arrays,
    Command,
    Reader,
    as_pgen,
    load_bcf,
    load_npy,
    load_pgen,
    load_zarr,
)

OURS = "varimol"
WARM_UP_RECORDS = 1000


@dataclass
class Contender:
    """A program on one file, and what it measured.

    Attributes
    ----------
    case, file
        ``a`` or ``b``, and the FORMAT of the file.
    runner
        Runs it once.
    load
        Reads its output for the comparison; None where it has none.
    keeps
        Reduces our calls to what the program keeps.
    """

    case: str
    file: str
    program: str
    version: str
    threads: int
    runner: Command | Reader
    load: Callable[[], Arrays] | None = None
    keeps: Callable[[Arrays], Arrays] = dict
    rounds: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Setting:
    """Where and how to measure."""

    calls: CallSet
    data: Path
    scratch: Path
    threads: int = 2
    repeats: int = 5
    peers: Path | None = None


def contenders(setting: Setting) -> list[Contender]:
    """Start all readers and name all commands, in the order in which they take turns.

    A program that is not installed is left out, with a line that says so.
    """
    found = []
    for fields in (True, False):
        calls = CallSet(setting.calls.n_variants, setting.calls.n_samples, fields, setting.calls.seed)
        vcf, bcf = make_vcf(calls, setting.data), make_bcf(calls, setting.data)
        small = CallSet(min(WARM_UP_RECORDS, calls.n_variants), calls.n_samples, fields, calls.seed)
        warm_up = make_vcf(small, setting.data), make_bcf(small, setting.data)
        tag = "GT:DP:GQ" if fields else "GT"
        for path in (vcf, bcf):
            read_once(path)
        for case in ("a", "b") if fields else ("a",):
            factory = _Factory(setting, case, tag, (vcf, bcf), warm_up)
            found += [*factory.readers(), *factory.commands()]
    return found


class _Factory:
    """Makes the contenders of one case and file."""

    def __init__(
        self, setting: Setting, case: str, tag: str, files: tuple[Path, Path], warm_up: tuple[Path, Path]
    ) -> None:
        self.setting, self.case, self.tag, self.files, self.warm_up = setting, case, tag, files, warm_up
        self.folder = setting.scratch / f"{case}-{tag.replace(':', '-')}"
        self.folder.mkdir(parents=True, exist_ok=True)

    def readers(self) -> list[Contender]:
        """Return varimol, cyvcf2 and scikit-allel, each in a process that waits."""
        names = [
            (OURS, OURS, 0),
            ("varimol, BCF", OURS, 1),
            ("cyvcf2", "cyvcf2", 0),
            ("cyvcf2, BCF", "cyvcf2", 1),
        ]
        if self.case == "a":
            names.append(("scikit-allel", "scikit-allel", 0))
        return [self._reader(*name) for name in names]

    def _reader(self, program: str, reader: str, which: int) -> Contender:
        threads = 1 if reader == "scikit-allel" else self.setting.threads
        out = self.folder / f"{reader}-{which}{'.vcz' if reader == OURS else ''}"
        runner = Reader(
            reader,
            self.files[which],
            out,
            fields=self.case == "b",
            threads=threads,
            warm_up=self.warm_up[which],
        )
        load = (lambda: load_zarr(out)) if reader == OURS else (lambda: load_npy(out))
        return Contender(self.case, self.tag, program, version(reader), threads, runner, load)

    def commands(self) -> list[Contender]:
        """Return the programs that are run from start to end."""
        vcf, threads = str(self.files[0]), str(self.setting.threads)
        bgzip = _version("bgzip")
        found = [
            self._command("bgzip -dc", bgzip, ["bgzip", "-dc", vcf], threads=1),
            self._command(f"bgzip -dc -@{threads}", bgzip, ["bgzip", "-dc", f"-@{threads}", vcf]),
        ]
        if self.case == "a":
            found.append(self._plink2(vcf, threads))
        if self.case == "b" or self.tag == "GT":  # these read all fields, whatever is wanted
            found += [self._varimol(vcf, threads), self._bcftools(vcf, threads), self._vcf2zarr(vcf, threads)]
        return [contender for contender in found if contender is not None]

    def _command(
        self,
        program: str,
        found_version: str | None,
        command: Sequence[str],
        outputs: Sequence[Path] = (),
        load: Callable[[], Arrays] | None = None,
        threads: int | None = None,
    ) -> Contender | None:
        if found_version is None:
            print(f"{program}: left out, {command[0]} is not installed", flush=True)
            return None
        threads = self.setting.threads if threads is None else threads
        runner = Command(list(command), list(outputs))
        return Contender(self.case, self.tag, program, found_version, threads, runner, load)

    def _plink2(self, vcf: str, threads: str) -> Contender | None:
        prefix = self.folder / "plink2"
        outputs = [prefix.with_suffix(suffix) for suffix in (".pgen", ".pvar", ".psam", ".log")]
        command = ["plink2", "--vcf", vcf, "--make-pgen", "--threads", threads, "--out", str(prefix)]
        found = self._command(
            "plink2 --make-pgen", _version("plink2"), command, outputs, lambda: load_pgen(prefix)
        )
        if found is not None:
            found.keeps = as_pgen
        return found

    def _varimol(self, vcf: str, threads: str) -> Contender | None:
        out = self.folder / "command.vcz"
        command = [
            str(Path(sys.executable).with_name("varimol")),
            "ingest",
            vcf,
            "--out",
            str(out),
            "--threads",
            threads,
        ]
        command += ["--quiet"]
        return self._command("varimol ingest", version(OURS), command, [out], lambda: load_zarr(out))

    def _bcftools(self, vcf: str, threads: str) -> Contender | None:
        out = self.folder / "bcftools.bcf"
        command = ["bcftools", "view", "-Ob", "--threads", threads, "-o", str(out), vcf]
        return self._command("bcftools view -Ob", _version("bcftools"), command, [out], lambda: load_bcf(out))

    def _vcf2zarr(self, vcf: str, threads: str) -> Contender | None:
        out = self.folder / "vcf2zarr.vcz"
        program = (self.setting.peers or Path("nowhere")).parent / "vcf2zarr"
        command = [str(program), "convert", "-Q", "-f", "-p", threads, vcf, str(out)]
        return self._command("vcf2zarr", _version(str(program)), command, [out], lambda: load_zarr(out))


def _version(program: str) -> str | None:
    """First version number that a program tells of itself; None where it is not installed."""
    found = shutil.which(program)
    if found is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    numbers = re.search(r"\bv?(\d[\w.-]*)", said.replace(Path(found).name, ""))
    return numbers[1] if numbers is not None else said.strip()
