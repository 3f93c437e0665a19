"""Normalisation of a corpus of variant files, compared with ``bcftools norm`` record by record.

``python -m benchmarks.normalise CORPUS [--out normalise_corpus]`` reads every .vcf, .vcf.gz and .bcf below a
folder, splits (``-m-any``), joins (``-m+both``, ``-m+any``) and, where a FASTA of the same name, or the one
FASTA of the folder, holds its contigs, aligns it (``-f``) with REF mismatches kept (``-c w``) or excluded
(``-c x``). Contig, position, alleles, END, FILTER, ID, genotypes with phase and all fields of Number A, R and G
are compared. A row per file and mode that is not equal: outcome, what differs, why; and the number of equal
files per mode. Files without samples are given two.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import write_results
from genomics.block import VariantBlock
from genomics.errors import InputError
from genomics.fields import Field
from genomics.normalise import Normalise, NormaliseOptions
from genomics.normalise_align import is_sequence
from genomics.readers import Selection, open_reader
from genomics.reference import Reference

_SUFFIXES = (".vcf", ".vcf.gz", ".vcf.bgz", ".bcf")
_LARGEST = 3_000_000  # bytes of a file


@dataclass(frozen=True)
class Row:
    """What is compared of one record."""

    site: tuple[str, int, tuple[str, ...]]
    values: dict[str, Any]


def comparable_rows(
    blocks: Iterable[VariantBlock], fields: Mapping[str, Field], phase: bool = True
) -> list[Row]:
    """List records in a form in which two programs' output can be compared.

    Alleles are in capitals; unphased genotypes, or all where `phase` is false, are sorted; missing values at
    the end of a field are left out.
    """
    return [
        Row(
            (block.contigs[row], int(block.positions[row]), tuple(a.upper() for a in block.alleles[row])),
            {
                "END": int(block.ends[row]),
                "FILTER": block.filters[row],
                "ID": block.identifiers[row],
                "GT": tuple(_genotype(block, row, sample, phase) for sample in range(block.n_samples)),
                **{key: _values(values[row]) for key, values in _per_allele(block, fields)},
            },
        )
        for block in blocks
        for row in range(len(block))
    ]


def _per_allele(block: VariantBlock, fields: Mapping[str, Field]) -> Iterator[tuple[str, np.ndarray]]:
    for category, some in (("INFO", block.info), ("FORMAT", block.formats)):
        for name, values in some.items():
            known = fields.get(f"{category}/{name}")
            if known is not None and known.number in ("A", "R", "G"):
                yield known.key, values


def _genotype(block: VariantBlock, row: int, sample: int, phase: bool) -> tuple[tuple[int, ...], bool]:
    alleles = [allele for allele in block.genotypes[row, sample].tolist() if allele != -2]
    ordered = phase and bool(block.phased[row, sample])
    return tuple(alleles if ordered else sorted(alleles)), ordered


def _values(values: np.ndarray) -> Any:
    if values.ndim == 2:
        return tuple(_values(row) for row in values)
    given: list[Any] = []
    for value in values.tolist():
        if value in (-2, ""):
            break
        missing = value in (-1, ".") or (isinstance(value, float) and math.isnan(value))
        given.append("." if missing else float(f"{value:.5g}") if isinstance(value, float) else value)
    while given and given[-1] == ".":
        given.pop()
    return tuple(given)


# -- the corpus --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mode:
    """One way to call both programs."""

    name: str
    arguments: tuple[str, ...]
    options: NormaliseOptions
    needs_fasta: bool = False


MODES = (
    Mode("split", ("-m-any",), NormaliseOptions(split=True, other_alleles="reference", align="none")),
    Mode("join", ("-m+both",), NormaliseOptions(join="by-type", align="none")),
    Mode("join any", ("-m+any",), NormaliseOptions(join="any", align="none")),
    Mode("align", ("-c", "w"), NormaliseOptions(check_ref="warn"), True),
    Mode("align, exclude", ("-c", "x"), NormaliseOptions(check_ref="exclude"), True),
    Mode(
        "split, align",
        ("-c", "w", "-m-any"),
        NormaliseOptions(split=True, other_alleles="reference", check_ref="warn"),
        True,
    ),
)


def compare(path: Path, mode: Mode, fasta: Path | None, folder: Path) -> tuple[str, Counter[tuple[str, str]]]:
    """Normalise a file with both programs; return the outcome, and each difference with its reason."""
    try:
        reference = None if fasta is None else Reference(fasta)
    except InputError as error:
        return "the FASTA is refused", Counter({(str(error), ""): 1})
    out = folder / "theirs.vcf"
    fasta_arguments = () if fasta is None else ("-f", str(fasta))
    command = ["bcftools", "norm", *fasta_arguments, *mode.arguments, "-o", str(out), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    try:
        reader = open_reader(path)
        step = Normalise(mode.options, reader.fields, reference)
        mine = comparable_rows(
            step.apply(reader.blocks(Selection(fields=("INFO/*", "FORMAT/*")))), reader.fields
        )
    except InputError as error:
        return ("both refuse" if done.returncode else "we refuse"), Counter({(str(error), ""): 1})
    except UnicodeError as error:
        return "the reader fails", Counter({(f"{type(error).__name__}: {error}", ""): 1})
    finally:
        if reference is not None:
            reference.close()
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [""])[-1].replace(str(out), "the output")
        return "bcftools refuses", Counter({(said, ""): 1})
    try:
        theirs_reader = open_reader(out)
        selection = Selection(fields=("INFO/*", "FORMAT/*"))
        theirs = comparable_rows(theirs_reader.blocks(selection), reader.fields)
    except InputError as error:
        return "bcftools' output is unreadable", Counter({(str(error), ""): 1})
    if len(theirs) < len(mine) and "[E::" in done.stderr:
        said = next(line for line in done.stderr.splitlines() if line.startswith("[E::"))
        return "bcftools stops on the way", Counter({(said, ""): 1})
    found = differences(mine, theirs, {} if reference is None else reference.lengths)
    return ("differs" if found else "equal"), found


def differences(mine: list[Row], theirs: list[Row], lengths: Mapping[str, int]) -> Counter[tuple[str, str]]:
    """Count what differs between two lists of records, with the reason where it is known.

    `lengths` are those of the reference's contigs.
    """
    sides = [defaultdict(list), defaultdict(list)]
    for side, rows in zip(sides, (mine, theirs), strict=True):
        for row in rows:
            side[row.site].append(row)
    found: Counter[tuple[str, str]] = Counter()
    for site in sorted({*sides[0], *sides[1]}):
        ours, others = sides[0][site], sides[1][site]
        if len(ours) != len(others):
            found["record", _why_record(site, sides, lengths)] += 1
            continue
        for one, other in zip(ours, others, strict=True):
            for key in sorted({*one.values, *other.values}):
                if one.values.get(key) != other.values.get(key):
                    found[key, _why_value(key, one.values.get(key), other.values.get(key), site)] += 1
    order = [[row.site[:2] for row in rows] for rows in (mine, theirs)]
    if not found and order[0] != order[1]:
        found["order", "unexplained"] += 1
    return found


def _why_record(site: tuple[str, int, tuple[str, ...]], sides: list[Any], lengths: Mapping[str, int]) -> str:
    contig, position, alleles = site
    beside = [other for side in sides for other in side if other[:2] == (contig, position)]
    if any("[" in allele or "]" in allele for allele in alleles):
        return "bcftools takes a breakend beside other ALTs for bad bases"
    if any(not is_sequence(a) and a != "*" for other in beside for a in other[2][1:]):
        return "symbolic alleles are never joined here"
    if len(alleles) == 1:
        return "bcftools shortens the REF of a record without ALT to its first base"
    if alleles[0] in alleles[1:]:
        return "ALT is REF: excluded here, kept by bcftools -c x"
    if position > lengths.get(contig, position):
        return "bcftools compares a position beyond the contig with the contig's last base"
    return "unexplained"


def _why_value(key: str, mine: Any, theirs: Any, site: tuple[str, int, tuple[str, ...]]) -> str:
    if key == "END":
        return "the farthest END of the joined records here, the first record's in bcftools"
    if key == "GT":
        return _why_genotype(mine, theirs)
    flat = [value for call in theirs for value in (call if isinstance(call, tuple) else (call,))]
    if any(isinstance(value, str) and value != "." for value in flat):
        return "bcftools leaves the rest of a longer text, or drops the field"
    return "bcftools takes a missing value of one record over the value of another, or writes it as 0"


def _why_genotype(mine: Any, theirs: Any) -> str:
    pairs = [(one, other) for one, other in zip(mine, theirs, strict=True) if one != other]
    if all(sorted(one[0]) == sorted(other[0]) for one, other in pairs):
        return "phase is kept here, forgotten or swapped by bcftools"
    if all(-1 in one[0] for one, _ in pairs):
        return "a call that one record does not know, or that has too many alleles, is missing here"
    if all(sum(a > 0 for a in other[0]) > sum(a > 0 for a in one[0]) for one, other in pairs):
        return "bcftools counts an allele of two records twice"
    return "a call that one record does not know, or alleles counted twice by bcftools"


def _with_samples(path: Path, folder: Path) -> Path | None:
    """Give two samples to a file without; None where bcftools cannot read it."""
    listed = subprocess.run(
        ["bcftools", "query", "-l", str(path)], capture_output=True, text=True, check=False
    )
    if listed.returncode:
        return None
    if listed.stdout.strip():
        return path
    view = subprocess.run(
        ["bcftools", "view", str(path)], capture_output=True, text=True, errors="replace", check=False
    )
    if view.returncode:
        return None
    lines = []
    for line in view.stdout.splitlines():
        columns = line.split("\t")[:8]
        if line.startswith("#CHROM"):
            lines.append('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">')
            lines.append("\t".join([*columns, "FORMAT", "A", "B"]))
        elif line.startswith("#"):
            lines += [] if line.startswith("##FORMAT=<ID=GT,") else [line]
        else:
            n_alts = 0 if columns[4] == "." else columns[4].count(",") + 1
            calls = [("0/0", "0"), ("0/1", "1"), ("1/2", "0|2"), ("3|1", "./3")][min(3, n_alts)]
            lines.append("\t".join([*columns, "GT", *calls]))
    given = folder / f"{path.name}.vcf"
    given.write_text("\n".join(lines) + "\n")
    return given


def _fasta_of(path: Path, folder: Path) -> Path | None:
    """Copy the FASTA that belongs to a file, since indexing it writes beside it."""
    stem = path.name.split(".vcf")[0]
    own = path.with_name(f"{stem}.fa")
    general = path.with_name(f"{stem.split('.')[0]}.fa")
    alone = sorted(path.parent.glob("*.fa"))
    found = own if own.exists() else general if general.exists() else alone[0] if len(alone) == 1 else None
    if found is None:
        return None
    copy = folder / found.name
    copy.write_bytes(found.read_bytes())
    index = found.with_name(f"{found.name}.fai")
    if index.exists():
        copy.with_name(index.name).write_bytes(index.read_bytes())
    return copy


def run(corpus: Path) -> pd.DataFrame:
    """Compare every file below a folder in every mode."""
    files = sorted(p for p in corpus.rglob("*") if p.name.endswith(_SUFFIXES) and p.is_file())
    rows = []
    for path in files:
        if path.stat().st_size > _LARGEST:
            continue
        with tempfile.TemporaryDirectory() as name:
            given, fasta = _with_samples(path, Path(name)), _fasta_of(path, Path(name))
            for mode in MODES:
                if mode.needs_fasta and fasta is None:
                    continue
                if given is None:
                    outcome, found = "bcftools cannot read it", Counter({("", ""): 1})
                else:
                    outcome, found = compare(given, mode, fasta if mode.needs_fasta else None, Path(name))
                rows.append(
                    {
                        "file": str(path.relative_to(corpus)),
                        "mode": mode.name,
                        "outcome": outcome,
                        "what": "; ".join(
                            f"{what} ({n})" if n > 1 else what for (what, _), n in found.items()
                        ),
                        "why": "; ".join(sorted({why for _, why in found if why})),
                    }
                )
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--out", default="normalise_corpus")
    arguments = parser.parse_args()
    table = run(arguments.corpus)
    print(pd.crosstab(table["mode"], table["outcome"]).to_string())
    reasons = table[table["why"] != ""].assign(why=lambda t: t["why"].str.split("; ")).explode("why")
    print(reasons.groupby(["mode", "why"]).size().to_string())
    equal = table[table["outcome"] == "equal"].groupby("mode").size()
    summary = pd.DataFrame(
        {"file": "(files)", "mode": equal.index, "outcome": "equal", "what": equal.to_numpy(), "why": ""}
    )
    write_results(pd.concat([summary, table[table["outcome"] != "equal"]]), arguments.out)


if __name__ == "__main__":
    main()
