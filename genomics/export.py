"""Write the calls of a cohort back as text: one row per call, or VCF."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from genomics.block import FILL, MISSING, STATE_NAMES
from genomics.cohort import Cohort
from genomics.errors import InputError
from genomics.store import disk_error, variants_per_block

COLUMNS: tuple[str, ...] = ("chrom", "pos", "ref", "alt", "filter", "sample", "gt", "state")


def export_calls(cohort: Cohort, out: str | os.PathLike[str]) -> Path:
    """Write every call of a cohort.

    Parameters
    ----------
    cohort
        The cohort.
    out
        ``NAME.tsv`` (``.tsv.gz``): one row per record and sample with chrom, pos, ref, alt
        (comma-separated), filter, sample, gt as in VCF, state. ``NAME.vcf`` or ``NAME.vcf.gz`` (bgzip):
        GT, and DP and GQ where the store has them.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    InputError
        The name ends otherwise, or the file cannot be written.
    """
    out = Path(out)
    writer = {".tsv": _write_tsv, ".vcf": _write_vcf}.get(Path(out.name.removesuffix(".gz")).suffix)
    if writer is None:
        raise InputError("a name that does not tell the format", file=out, expected=".tsv, .vcf or .vcf.gz")
    temporary = out.with_name(f"{out.name}.tmp-{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with _open(temporary, compressed=out.suffix == ".gz") as stream:
            writer(cohort, stream)
        temporary.replace(out)
    except OSError as error:
        described = disk_error(error, out, what="the exported file")
        if described is None:
            raise
        raise described from error
    finally:
        temporary.unlink(missing_ok=True)
    return out


def genotype_text(genotypes: np.ndarray, phased: np.ndarray) -> np.ndarray:
    """Write calls as VCF does.

    Parameters
    ----------
    genotypes : (..., ploidy)
        Allele numbers, -1 missing, -2 fill.
    phased : bool (...)

    Returns
    -------
    Array of str (...), ``.`` for a call without any allele.

    Examples
    --------
    >>> calls = np.array([[0, 1, -2], [1, 1, 0], [-1, 1, -2], [1, -2, -2], [-2, -2, -2]])
    >>> genotype_text(calls, np.array([False, True, False, False, False])).tolist()
    ['0/1', '1|1|0', './1', '1', '.']
    """
    ploidy = genotypes.shape[-1]
    flat = genotypes.reshape(-1, ploidy)
    # Few distinct calls stand for millions: each is written once.
    coded = np.column_stack([flat, phased.reshape(-1).astype(flat.dtype)])
    base = int(coded.max(initial=0)) + 3
    keys = np.zeros(len(coded), np.int64)
    for column in coded.T:
        keys = keys * base + (column.astype(np.int64) + 2)
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    texts = np.array([_one_call(coded[index]) for index in first] or [""], dtype=object)
    return texts[inverse].reshape(phased.shape)


def _one_call(call: np.ndarray) -> str:
    alleles = ["." if number == MISSING else str(number) for number in call[:-1] if number != FILL]
    return ("|" if call[-1] else "/").join(alleles) or "."


def _open(path: Path, *, compressed: bool) -> Any:
    if not compressed:
        return path.open("wb")
    from Bio import bgzf

    return bgzf.BgzfWriter(str(path), "wb")


class _Records:
    """The fields of one record that all of its calls share."""

    def __init__(self, cohort: Cohort) -> None:
        group = cohort.arrays
        self.contig_id = [str(name) for name in group["contig_id"][:]]
        self.filter_id = [str(name) for name in group["filter_id"][:]]
        self.arrays = group

    def block(self, start: int, stop: int) -> Iterator[tuple[str, int, str, str, str, str, str, int]]:
        """Yield contig, position, identifier, REF, ALT, QUAL, FILTER and END of each record."""
        take = slice(start, stop)
        contigs, positions = self.arrays["variant_contig"][take], self.arrays["variant_position"][take]
        identifiers = self.arrays["variant_id"][take]
        alleles = np.asarray(self.arrays["variant_allele"][take], dtype=object)
        flags = self.arrays["variant_filter"][take]
        qualities = _optional(self.arrays, "variant_quality", take, np.nan, len(positions))
        ends = _optional(self.arrays, "variant_END", take, MISSING, len(positions))
        for row, position in enumerate(positions):
            alts = [str(allele) for allele in alleles[row, 1:] if allele]
            yield (
                self.contig_id[int(contigs[row])],
                int(position),
                str(identifiers[row]) or ".",
                str(alleles[row, 0]),
                ",".join(alts) or ".",
                "." if np.isnan(qualities[row]) else np.format_float_positional(qualities[row], trim="-"),
                ";".join(name for name, flag in zip(self.filter_id, flags[row]) if flag) or ".",
                int(ends[row]),
            )


def _optional(arrays: Any, name: str, take: slice, fill: float, length: int) -> np.ndarray:
    if name in arrays:
        return np.asarray(arrays[name][take])
    return np.full(length, fill)


def _blocks(cohort: Cohort) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    size = variants_per_block(cohort.n_samples)
    for start in range(0, cohort.n_variants, size):
        stop = min(start + size, cohort.n_variants)
        take = slice(start, stop)
        yield start, stop, genotype_text(cohort.genotypes(take), cohort.phased(take)), cohort.states(take)


def _write_tsv(cohort: Cohort, stream: IO[bytes]) -> None:
    stream.write(("\t".join(COLUMNS) + "\n").encode())
    samples = cohort.sample_ids.tolist()
    records = _Records(cohort)
    for start, stop, texts, states in _blocks(cohort):
        named = np.array(STATE_NAMES, dtype=object)[states]
        for row, (contig, position, _, ref, alt, _, filters, _) in enumerate(records.block(start, stop)):
            head = f"{contig}\t{position}\t{ref}\t{alt}\t{filters}\t"
            lines = [
                f"{head}{sample}\t{text}\t{state}\n"
                for sample, text, state in zip(samples, texts[row].tolist(), named[row].tolist())
            ]
            stream.write("".join(lines).encode())


def _write_vcf(cohort: Cohort, stream: IO[bytes]) -> None:
    tags = [tag for tag in ("DP", "GQ") if f"call_{tag}" in cohort.arrays]
    stream.write(_vcf_header(cohort, tags).encode())
    records = _Records(cohort)
    for start, stop, texts, _ in _blocks(cohort):
        values = [np.asarray(cohort.arrays[f"call_{tag}"][start:stop]) for tag in tags]
        without = (cohort.genotypes(slice(start, stop)) == FILL).all(axis=(1, 2))
        for row, (contig, position, name, ref, alt, quality, filters, end) in enumerate(
            records.block(start, stop)
        ):
            keys = [] if without[row] else ["GT"]  # a record that came without GT goes without
            columns: list[list[str]] = [] if without[row] else [texts[row].tolist()]
            for tag, table in zip(tags, values, strict=True):
                if (table[row] >= 0).any():
                    keys.append(tag)
                    columns.append(["." if value < 0 else f"{value:g}" for value in table[row].tolist()])
            if not keys:
                keys, columns = ["."], [["."] * cohort.n_samples]
            cells = columns[0] if len(columns) == 1 else [":".join(cell) for cell in zip(*columns)]
            info = "." if end < 0 else f"END={end}"
            head = f"{contig}\t{position}\t{name}\t{ref}\t{alt}\t{quality}\t{filters}\t{info}\t"
            stream.write((head + ":".join(keys) + "\t" + "\t".join(cells) + "\n").encode())


def _vcf_header(cohort: Cohort, tags: list[str]) -> str:
    described = {
        "DP": ("Integer", "Read depth"),
        "GQ": ("Integer", "Genotype quality"),
    }
    arrays = cohort.arrays
    lines = ["##fileformat=VCFv4.3", f"##source={cohort.source}"]
    lines += [f'##FILTER=<ID={name},Description="{name}">' for name in map(str, arrays["filter_id"][:])]
    lengths = (
        arrays["contig_length"][:] if "contig_length" in arrays else np.full(len(arrays["contig_id"]), -1)
    )
    for name, length in zip(map(str, arrays["contig_id"][:]), lengths.tolist(), strict=True):
        lines.append(f"##contig=<ID={name},length={length}>" if length > 0 else f"##contig=<ID={name}>")
    lines.append('##INFO=<ID=END,Number=1,Type=Integer,Description="Last position of the record">')
    lines.append('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">')
    for tag in tags:
        kind, text = described[tag]
        if arrays[f"call_{tag}"].dtype.kind == "f":
            kind = "Float"
        lines.append(f'##FORMAT=<ID={tag},Number=1,Type={kind},Description="{text}">')
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    lines.append("\t".join([*columns, *cohort.sample_ids.tolist()]))
    return "\n".join(lines) + "\n"
