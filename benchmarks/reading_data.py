"""Variant calls for the reading benchmarks: genotypes of a coalescent simulation, written as VCF and BCF.

``python -m benchmarks.reading_data --data DIR [--variants 50000] [--samples 1000]`` makes GT:DP:GQ and GT files
of one size. Genotypes come from msprime (Baumdicker and others 2022, doi:10.1093/genetics/iyab229): N = 10,000,
recombination 1e-8, mutation 1.2e-8 per base and generation. On top, by the seed: 1% of records have a second ALT,
1% are unphased, 2% fail a filter, 1% of calls are missing (``./.``), DP is Poisson with mean 30 and GQ is
3 DP with noise, between 0 and 99. The two files of one size and seed carry the same genotypes. Everything is written
block by block: memory does not grow with the number of records.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import numpy as np

POPULATION = 10_000
MUTATION_RATE, RECOMBINATION_RATE = 1.2e-8, 1e-8
SEGMENT_BASES = 10_000_000
CONTIG_BASES = 200_000_000
"""Bases that are put on one contig; what the simulation has beyond goes to the next."""
_CALL_WIDTH = len("0|0:255:99\t")
_BLOCK_BYTES = 32_000_000
_ALLELES = ("A\tG", "C\tT", "G\tA", "T\tC", "A\tC", "G\tT", "C\tCTT", "GAA\tG")
_TWO_ALLELES = ("A\tG,T", "C\tT,G", "GA\tG,GAA")
_LENGTHS = (249_250_621, 243_199_373, 198_022_430, 191_154_276)  # contigs 1 to 4 of GRCh37


@dataclass(frozen=True)
class CallSet:
    """Size and content of a file.

    Attributes
    ----------
    fields
        GT, DP and GQ rather than GT alone.
    """

    n_variants: int
    n_samples: int
    fields: bool
    seed: int = 1

    @property
    def name(self) -> str:
        """File name without suffix."""
        return f"{self.n_variants}x{self.n_samples}_{'GT-DP-GQ' if self.fields else 'GT'}_{self.seed}"


@dataclass(frozen=True, eq=False)
class Records:
    """A run of simulated records.

    Attributes
    ----------
    lines
        CHROM to FORMAT of each record, with the tab behind.
    alleles : int8 (n, samples, 2)
        -1 where missing; then both are.
    phased : bool (n,)
        Calls that are not missing are written with ``|``.
    depth, quality : int16 (n, samples)
        DP and GQ; -1 where the call is missing.
    """

    lines: list[str]
    alleles: np.ndarray
    phased: np.ndarray
    depth: np.ndarray
    quality: np.ndarray


def make_vcf(calls: CallSet, folder: Path) -> Path:
    """Write the calls as bgzip'ed VCF with an index, unless they lie in the folder already.

    Returns
    -------
    Path
        ``FOLDER/NAME.vcf.gz``; the index is ``.tbi`` beside it.
    """
    path = folder / f"{calls.name}.vcf.gz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"tmp-{os.getpid()}-{path.name}"
        with temporary.open("wb") as target:
            bgzip = subprocess.Popen(["bgzip", "-c", "-@", "2"], stdin=subprocess.PIPE, stdout=target)
            assert bgzip.stdin is not None
            with bgzip.stdin as text:
                text.write(header(calls).encode())
                for records in simulate(calls):
                    text.write(format_records(records, fields=calls.fields))
            if bgzip.wait():
                raise RuntimeError(f"bgzip ended with {bgzip.returncode}")
        subprocess.run(["tabix", "-p", "vcf", str(temporary)], check=True)
        os.replace(f"{temporary}.tbi", f"{path}.tbi")
        os.replace(temporary, path)
    return path


def make_bcf(calls: CallSet, folder: Path) -> Path:
    """Write the calls as BCF, through bcftools, unless they lie in the folder already."""
    path = folder / f"{calls.name}.bcf"
    if not path.exists():
        source = make_vcf(calls, folder)
        temporary = folder / f"tmp-{os.getpid()}-{path.name}"
        subprocess.run(["bcftools", "view", "-Ob", "-o", str(temporary), str(source)], check=True)
        os.replace(temporary, path)
    return path


def header(calls: CallSet) -> str:
    """Return the header of a file, the line of samples included."""
    lines = ["##fileformat=VCFv4.2", '##FILTER=<ID=PASS,Description="All filters passed">']
    lines += ['##FILTER=<ID=q10,Description="Quality below 10">']
    lines += [f"##contig=<ID={number},length={size}>" for number, size in enumerate(_LENGTHS, start=1)]
    lines += ['##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    if calls.fields:
        lines += ['##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Read depth">']
        lines += ['##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">']
    fixed = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    samples = [f"S{number:06d}" for number in range(1, calls.n_samples + 1)]
    return "\n".join([*lines, "\t".join([*fixed, *samples])]) + "\n"


def simulate(calls: CallSet) -> Iterator[Records]:
    """Yield the records of a file, a block at a time."""
    of_records, of_fields = (np.random.default_rng(s) for s in np.random.SeedSequence(calls.seed).spawn(2))
    number = 0
    for positions, alleles in _haplotypes(calls):
        n, n_samples = len(alleles), calls.n_samples
        two = of_records.random(n) < 0.01
        alleles[two] *= of_records.integers(1, 3, (int(two.sum()), n_samples, 2), dtype=np.int8)
        missing = of_records.random((n, n_samples)) < 0.01
        alleles[missing] = -1
        lines = [
            _line(number + row, int(positions[row]), bool(two[row]), of_records, calls.fields)
            for row in range(n)
        ]
        number += n
        phased = of_records.random(n) >= 0.01
        depth = of_fields.poisson(30, (n, n_samples) if calls.fields else (n, 0)).astype(np.int16)
        noise = of_fields.integers(-10, 11, depth.shape, dtype=np.int16)
        quality = np.clip(3 * depth + noise, 0, 99)
        if calls.fields:
            depth[missing] = quality[missing] = -1
        yield Records(lines, alleles, phased, depth, quality)


def _haplotypes(calls: CallSet) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield positions, 0-based over all contigs, and alleles 0 and 1, (n, samples, 2)."""
    rows = min(1000, max(1, _BLOCK_BYTES // (_CALL_WIDTH * calls.n_samples)))
    variants = islice(_sites(calls), calls.n_variants)
    for start in range(0, calls.n_variants, rows):
        n = min(rows, calls.n_variants - start)
        positions, alleles = np.empty(n, np.int64), np.empty((n, calls.n_samples, 2), np.int8)
        for row, (position, genotypes) in enumerate(islice(variants, n)):
            positions[row], alleles[row] = position, genotypes.reshape(-1, 2)
        yield positions, alleles


def _sites(calls: CallSet) -> Iterator[tuple[int, np.ndarray]]:
    """Yield position and haplotypes of one site after the other, without end.

    The time of a simulation grows with the square of its length, so it is cut into segments that are not
    linked to each other.
    """
    import msprime

    per_base = 4 * POPULATION * MUTATION_RATE * (1 / np.arange(1, 2 * calls.n_samples)).sum()
    length = min(SEGMENT_BASES, round(1.3 * calls.n_variants / per_base) + 2000)
    for segment in count():
        seeds = np.random.SeedSequence([calls.seed, segment]).generate_state(2) // 2 + 1
        trees = msprime.sim_ancestry(
            calls.n_samples,
            population_size=POPULATION,
            sequence_length=length,
            recombination_rate=RECOMBINATION_RATE,
            random_seed=int(seeds[0]),
        )
        model = msprime.BinaryMutationModel()
        trees = msprime.sim_mutations(trees, rate=MUTATION_RATE, model=model, random_seed=int(seeds[1]))
        for variant in trees.variants(copy=False):
            yield segment * length + int(variant.site.position), variant.genotypes


def _line(number: int, position: int, two: bool, rng: np.random.Generator, fields: bool) -> str:
    choices = _TWO_ALLELES if two else _ALLELES
    # Mostly SNVs: the last of each list are insertions and deletions.
    alleles = choices[int(len(choices) * rng.random() ** 1.5)]
    contig, base = divmod(position, CONTIG_BASES)
    status = "q10" if rng.random() < 0.02 else "PASS"
    tags = "GT:DP:GQ" if fields else "GT"
    quality = rng.integers(20, 50_000) / 10
    return f"{contig + 1}\t{base + 1}\trs{number + 1}\t{alleles}\t{quality}\t{status}\t.\t{tags}\t"


def format_records(records: Records, *, fields: bool) -> bytes:
    """Write records as VCF text.

    Every call takes a fixed number of bytes at first, padded with zero bytes, which are dropped at the end: no
    string is made for a call.
    """
    alleles = records.alleles
    calls = np.zeros((*alleles.shape[:2], _CALL_WIDTH if fields else 4), np.uint8)
    missing = alleles[..., 0] < 0
    for number, place in ((0, 0), (1, 2)):
        calls[..., place] = np.where(missing, ord("."), alleles[..., number] + ord("0"))
    joined = records.phased[:, None] & ~missing
    calls[..., 1] = np.where(joined, ord("|"), ord("/"))
    if fields:
        calls[..., 3] = calls[..., 7] = ord(":")
        calls[..., 4:7] = _digits(3)[records.depth]
        calls[..., 8:10] = _digits(2)[records.quality]
    calls[..., -1] = ord("\t")
    calls[:, -1, -1] = ord("\n")
    start = np.array([line.encode() for line in records.lines])
    text = np.concatenate(
        [start.view(np.uint8).reshape(len(start), -1), calls.reshape(len(start), -1)], axis=1
    )
    return text[text != 0].tobytes()


def _digits(width: int) -> np.ndarray:
    """Return numbers as padded text, uint8 (10**width + 1, width); the last, which -1 finds, is a dot."""
    texts = np.array([*(str(number) for number in range(10**width)), "."], dtype=f"S{width}")
    return texts.view(np.uint8).reshape(-1, width)


def read_once(path: Path) -> int:
    """Read a file to have it in the page cache; return its bytes."""
    with path.open("rb") as file:
        return sum(len(part) for part in iter(lambda: file.read(1 << 22), b""))


def main() -> None:
    """Make the two files of one size, and the BCF of each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--variants", type=int, default=50_000)
    parser.add_argument("--samples", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for fields in (True, False):
        print(make_bcf(CallSet(options.variants, options.samples, fields, options.seed), options.data))


if __name__ == "__main__":
    main()
