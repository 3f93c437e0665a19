"""Normalise against ``bcftools norm``: the same records, genotypes and values of Number A, R and G."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks.normalise import Row, comparable_rows
from genomics.normalise import Normalise, NormaliseOptions
from genomics.readers import Selection, open_reader
from genomics.reference import Reference

pytestmark = pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not installed")

_SPLIT = {"split": True, "other_alleles": "reference"}
HEADER = """##fileformat=VCFv4.3
##contig=<ID=1,length={length}>
##contig=<ID=2,length={length}>
##FILTER=<ID=q10,Description="d">
##INFO=<ID=END,Number=1,Type=Integer,Description="d">
##INFO=<ID=AC,Number=A,Type=Integer,Description="d">
##INFO=<ID=AF,Number=A,Type=Float,Description="d">
##INFO=<ID=NAME,Number=R,Type=String,Description="d">
##FORMAT=<ID=GT,Number=1,Type=String,Description="d">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="d">
##FORMAT=<ID=PL,Number=G,Type=Integer,Description="d">
##FORMAT=<ID=GL,Number=G,Type=Float,Description="d">
##FORMAT=<ID=EC,Number=A,Type=Integer,Description="d">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\tB\tC
"""


def _call(rng: random.Random, n_alts: int) -> str:
    n = n_alts + 1
    ploidy = rng.choice([1, 2, 2, 2])
    alleles = [rng.choice([*map(str, range(n)), "."]) for _ in range(ploidy)]
    if rng.random() < 0.1:
        alleles = ["."] * ploidy
    n_genotypes = n if ploidy == 1 else n * (n + 1) // 2
    values = [
        rng.choice("|/").join(alleles),
        ",".join(str(rng.randint(0, 99)) for _ in range(n)),
        ",".join(str(rng.randint(0, 999)) for _ in range(n_genotypes)),
        ",".join(f"{-rng.randint(0, 90) / 8}" for _ in range(n_genotypes)),
        ",".join(str(rng.randint(0, 99)) for _ in range(n_alts)),
    ]
    return ":".join(value if at == 0 or rng.random() < 0.9 else "." for at, value in enumerate(values))


def _write(folder: Path, seed: int) -> tuple[Path, Path]:
    """Write a genome full of repeats and records on it, in many ways of writing."""
    rng = random.Random(seed)
    length = 1500
    genome = {name: "".join(rng.choice("AC") for _ in range(length)) for name in "12"}
    fasta = folder / "genome.fa"
    fasta.write_text("".join(f">{name}\n{bases}\n" for name, bases in genome.items()))
    lines = []
    for name, bases in genome.items():
        position = 1
        while position < length - 20:
            ref = bases[position - 1 : position - 1 + rng.choice([1, 1, 2, 3, 8])]
            alts = {"".join(rng.choice("ACG") for _ in range(rng.choice([1, 1, 2, 4]))) for _ in range(5)}
            chosen = sorted(alts - {ref})[: rng.choice([1, 1, 2, 3, 4])]
            n = len(chosen)
            info = [
                f"AC={','.join(str(rng.randint(0, 9)) for _ in range(n))}",
                f"AF={','.join(str(rng.randint(0, 8) / 8) for _ in range(n))}",
                f"NAME={','.join(rng.choice(['x', 'yy', 'zzz']) for _ in range(n + 1))}",
            ]
            if rng.random() < 0.1:
                info.append(f"END={position + len(ref) - 1}")
            fixed = [name, str(position), ".", ref, ",".join(chosen), "30", rng.choice(["PASS", "q10"])]
            calls = [_call(rng, n) for _ in range(3)]
            lines.append("\t".join([*fixed, ";".join(info), "GT:AD:PL:GL:EC", *calls]))
            position += rng.choice([0, 1, 3, 10])
    calls_path = folder / "calls.vcf"
    calls_path.write_text(HEADER.format(length=length) + "\n".join(lines) + "\n")
    return calls_path, fasta


def _mine(path: Path, fasta: Path | None, phase: bool = True, **options: Any) -> list[Row]:
    reader = open_reader(path)
    reference = None if fasta is None else Reference(fasta)
    step = Normalise(NormaliseOptions(**options), reader.fields, reference)
    selection = Selection(fields=("INFO/*", "FORMAT/*"), block_records=64)
    rows = comparable_rows(step.apply(reader.blocks(selection)), reader.fields, phase)
    if reference is not None:
        reference.close()
    return rows


def _theirs(path: Path, *arguments: str, phase: bool = True) -> list[Row]:
    out = path.with_name("theirs.vcf")
    subprocess.run(
        ["bcftools", "norm", *arguments, "-o", str(out), str(path)], check=True, capture_output=True
    )
    reader = open_reader(out)
    return comparable_rows(reader.blocks(Selection(fields=("INFO/*", "FORMAT/*"))), reader.fields, phase)


@pytest.mark.parametrize("seed", range(2))
def test_split__agrees_with_bcftools(tmp_path: Path, seed: int) -> None:
    calls, _ = _write(tmp_path, seed)
    mine = _mine(calls, None, align="none", **_SPLIT)
    assert mine == _theirs(calls, "-m-any") and len(mine) > 1000


@pytest.mark.parametrize("seed", range(3))
def test_left_align__agrees_with_bcftools(tmp_path: Path, seed: int) -> None:
    calls, fasta = _write(tmp_path, seed)
    before = _mine(calls, None, align="none")
    mine = _mine(calls, fasta)
    assert mine == _theirs(calls, "-f", str(fasta)) and mine != before
    split = _mine(calls, fasta, **_SPLIT)
    assert split == _theirs(calls, "-f", str(fasta), "-m-any")
    unique = _mine(calls, fasta, duplicates="exact", **_SPLIT)
    assert unique == _theirs(_vcf_of(calls, fasta, tmp_path), "-d", "exact") and len(unique) < len(split)


def _vcf_of(calls: Path, fasta: Path, folder: Path) -> Path:
    """Let bcftools split and align first: it drops no duplicates while it splits."""
    out = folder / "split.vcf"
    command = ["bcftools", "norm", "-f", str(fasta), "-m-any", "-o", str(out), str(calls)]
    subprocess.run(command, check=True, capture_output=True)
    return out


@pytest.mark.parametrize("how", ["by-type", "any"])
def test_join__agrees_with_bcftools_on_what_it_split(tmp_path: Path, how: str) -> None:
    calls, _ = _write(tmp_path, 7)
    # one record a site, no missing alleles and one ploidy: elsewhere bcftools drops or doubles alleles
    lines = calls.read_text().splitlines()
    kept, seen = [], set()
    for line in lines:
        columns = line.split("\t")
        if not line.startswith("#"):
            if tuple(columns[:2]) in seen or any(
                "." in c.split(":")[0] or len(c.split(":")[0]) == 1 for c in columns[9:]
            ):
                continue
            seen.add(tuple(columns[:2]))
            columns = [*columns[:8], "GT:AD:PL", *(":".join(c.split(":")[:3]) for c in columns[9:])]
        kept.append("\t".join(columns))
    calls.write_text("\n".join(kept) + "\n")
    split = tmp_path / "split.vcf"
    subprocess.run(
        ["bcftools", "norm", "-m-any", "-o", str(split), str(calls)], check=True, capture_output=True
    )
    # bcftools up to 1.20 forgets phase on joining, so that only the alleles of a call can be compared
    mine = _mine(split, None, phase=False, align="none", join=how)
    theirs = _theirs(split, "-m+both" if how == "by-type" else "-m+any", phase=False)
    assert sorted(mine, key=str) == sorted(theirs, key=str)
    assert len(mine) > 30


@pytest.mark.parametrize("letter", ["w", "x"])
def test_check_ref__agrees_with_bcftools(tmp_path: Path, letter: str) -> None:
    calls, fasta = _write(tmp_path, 11)
    bases = list(fasta.read_text())
    for at in range(10, len(bases), 37):
        if bases[at] in "AC":
            bases[at] = "G"
    fasta.write_text("".join(bases))
    mine = _mine(calls, fasta, check_ref={"w": "warn", "x": "exclude"}[letter])
    assert mine == _theirs(calls, "-f", str(fasta), "-c", letter)


@pytest.mark.parametrize(
    "name", ["norm.4", "norm.5", "norm.phased-split", "norm.split.4", "norm.split.5", "norm.rmdup.2"]
)
def test_split__agrees_with_bcftools_on_its_own_files(shared_data: Path, tmp_path: Path, name: str) -> None:
    source = shared_data / "variants" / "bcftools" / "test" / f"{name}.vcf"
    calls = tmp_path / "calls.vcf"
    calls.write_bytes(source.read_bytes())
    assert _mine(calls, None, align="none", **_SPLIT) == _theirs(calls, "-m-any")


def test_left_align__gives_the_expected_output_of_bcftools(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "variants" / "bcftools" / "test"
    fasta = tmp_path / "norm.fa"
    fasta.write_bytes((folder / "norm.fa").read_bytes())
    calls = tmp_path / "norm.vcf"
    calls.write_bytes((folder / "norm.vcf").read_bytes())
    expected = tmp_path / "expected.vcf"
    expected.write_bytes((folder / "norm.out").read_bytes())
    reader = open_reader(expected)
    theirs = comparable_rows(reader.blocks(Selection(fields=("INFO/*", "FORMAT/*"))), reader.fields)
    mine = _mine(calls, fasta, check_ref="exclude")
    # bcftools shortens the REF of a record without ALT to its first base; here it stays as it was called
    assert [row for row in mine if len(row.site[2]) > 1] == [row for row in theirs if len(row.site[2]) > 1]
    assert [row.site[:2] for row in mine] == [row.site[:2] for row in theirs]
