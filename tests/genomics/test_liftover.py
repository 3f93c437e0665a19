from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from genomics.block import VariantBlock, join_blocks
from genomics.build import CHROMOSOME_LENGTHS
from genomics.chain import Chain
from genomics.errors import InputError
from genomics.liftover import REASONS, Liftover, require_chain
from genomics.reference import Reference

_COMPLEMENT = str.maketrans("ACGT", "TGCA")


def _reverse(bases: str) -> str:
    return bases.translate(_COMPLEMENT)[::-1]


def _block(records: list[tuple[str, int, tuple[str, ...]]], ends: list[int] | None = None) -> VariantBlock:
    n = len(records)
    genotypes = np.tile(np.array([[[0, 1]]], np.int8), (n, 1, 1))
    return VariantBlock(
        contigs=[contig for contig, _, _ in records],
        positions=np.array([position for _, position, _ in records], np.int32),
        identifiers=[f"r{at}" for at in range(n)],
        alleles=[alleles for _, _, alleles in records],
        quality=np.full(n, np.nan, np.float32),
        filters=[()] * n,
        ends=np.array([-1] * n if ends is None else ends, np.int32),
        genotypes=genotypes,
        phased=np.zeros((n, 1), bool),
        states=np.zeros((n, 1), np.int8),
        formats={"DP": np.arange(n, dtype=np.int32)[:, None]},
    )


@dataclass(frozen=True)
class Genomes:
    """An old genome, a new one made of its pieces, and the chain file that says how."""

    old: str
    new: dict[str, str]
    chain: Chain
    reference: Reference
    path: Path


def _chain_text(
    old_length: int, chains: list[tuple[list[tuple[int, int, int]], int, str, int, str, int]]
) -> str:
    """Write chains: (size, gap in old, gap in new) of each stretch, old start, new contig, length, strand, start."""
    text = ""
    for number, (stretches, start, name, length, strand, new_start) in enumerate(chains, start=1):
        old_end = start + sum(size + old_gap for size, old_gap, _ in stretches)
        new_end = new_start + sum(size + new_gap for size, _, new_gap in stretches)
        text += f"chain 99 chr1 {old_length} + {start} {old_end} {name} {length} {strand} {new_start} {new_end} {number}\n"
        text += "".join(f"{size}\t{old_gap}\t{new_gap}\n" for size, old_gap, new_gap in stretches[:-1])
        text += f"{stretches[-1][0]}\n\n"
    return text


@pytest.fixture
def genomes(tmp_path: Path) -> Iterator[Genomes]:
    rng = random.Random(8)
    old = "".join(rng.choice("ACGT") for _ in range(600))
    inserted = "".join(rng.choice("ACGT") for _ in range(7))
    # 0-100 is lost; 100-200, gap of 10 old and 7 new bases, 210-400 forward; 400-600 reversed on another contig
    first = "TTTTT" + old[100:200] + inserted + old[210:400] + "G"
    second = "CCC" + _reverse(old[400:600]) + "AAAA"
    new = {"chr7": first, "chr2": second}
    fasta = tmp_path / "new.fa"
    fasta.write_text("".join(f">{name}\n{bases}\n" for name, bases in new.items()))
    path = tmp_path / "old.chain.gz"
    text = _chain_text(
        600,
        [
            ([(100, 10, 7), (190, 0, 0)], 100, "chr7", len(first), "+", 5),
            ([(200, 0, 0)], 400, "chr2", len(second), "-", 4),
        ],
    )
    path.write_bytes(gzip.compress(text.encode()))
    with Reference(fasta) as reference:
        yield Genomes(old, new, Chain(path), reference, path)


def _lift(genomes: Genomes, *blocks: VariantBlock) -> tuple[VariantBlock, Liftover, list[tuple[str, str]]]:
    told: list[tuple[str, str]] = []
    step = Liftover(
        genomes.chain, genomes.reference, lambda record, field, _: told.append((str(record), field))
    )
    done = list(step.apply(iter(blocks)))
    return join_blocks(done, 1), step, told


def test_liftover__of_every_base_gives_the_same_base(genomes: Genomes) -> None:
    other = {"A": "C", "C": "G", "G": "T", "T": "A"}
    block = _block([("1", at + 1, (base, other[base])) for at, base in enumerate(genomes.old)])
    done, step, told = _lift(genomes, block.rows(0, 300), block.rows(300, 600))
    expected = {}
    for at in range(600):
        if 100 <= at < 200:
            expected[at] = ("chr7", at - 100 + 5 + 1)
        elif 210 <= at < 400:
            expected[at] = ("chr7", at - 210 + 112 + 1)
        elif at >= 400:
            expected[at] = ("chr2", 3 + 200 - (at - 400))
    assert len(done) == len(expected) == 490
    for row in range(len(done)):
        at = int(done.identifiers[row][1:])
        contig, position = done.contigs[row], int(done.positions[row])
        assert (contig, position) == expected[at]
        assert genomes.new[contig][position - 1] == done.alleles[row][0]
        alleles = (genomes.old[at], other[genomes.old[at]])
        assert done.alleles[row] == (tuple(map(_reverse, alleles)) if at >= 400 else alleles)
        assert done.formats["DP"][row, 0] == at
    places = list(zip(done.contigs, done.positions.tolist(), strict=True))
    assert places == sorted(places)
    attributes = step.attributes()
    assert attributes["rejected"] == {**dict.fromkeys(REASONS, 0), "unmapped": 110}
    assert attributes["records_read"] == 600 and attributes["records_reversed"] == 200
    assert told == [(f"1:{at + 1}", "POS") for at in range(600) if at not in expected]
    json.dumps(attributes)


def test_liftover__agrees_with_another_program(genomes: Genomes) -> None:
    liftover = pytest.importorskip("liftover", reason="the liftover package is not installed")
    theirs = liftover.ChainFile(str(genomes.path), one_based=True)
    for position in range(1, 601):
        mine = [
            (stretch.contig, stretch.lift(position, position)[0], "-" if stretch.is_reversed else "+")
            for stretch in genomes.chain.find("chr1", position, position)
        ]
        assert mine == [tuple(place[:3]) for place in theirs.query("chr1", position)]


def test_liftover__of_indels_keeps_the_haplotype(genomes: Genomes) -> None:
    rng = random.Random(4)
    records = []
    for _ in range(300):
        at = rng.randrange(100, 590)
        ref = genomes.old[at : at + rng.choice([1, 1, 2, 5])]
        alt = ref[0] + "".join(rng.choice("ACGT") for _ in range(rng.choice([0, 1, 3])))
        if ref != alt:
            records.append(("chr1", at + 1, (ref, alt)))
    done, step, _ = _lift(genomes, _block(records))
    assert len(done) > 200 and step.attributes()["records_reversed"] > 50
    pieces = {"chr7": [(100, 200, 5), (210, 400, 112)], "chr2": [(400, 600, 3)]}
    for row in range(len(done)):
        _, position, (ref, alt) = records[int(done.identifiers[row][1:])]
        start, end, new_start = next(
            piece for some in pieces.values() for piece in some if piece[0] < position <= piece[1]
        )
        before = genomes.old[start : position - 1] + alt + genomes.old[position - 1 + len(ref) : end]
        contig, place = done.contigs[row], int(done.positions[row])
        new_ref, new_alt = done.alleles[row]
        bases = genomes.new[contig]
        assert bases[place - 1 : place - 1 + len(new_ref)] == new_ref
        changed = bases[: place - 1] + new_alt + bases[place - 1 + len(new_ref) :]
        after = changed[new_start : new_start + len(before)]
        assert after == (_reverse(before) if contig == "chr2" else before)
        assert new_ref[-1] != new_alt[-1] or min(len(new_ref), len(new_alt)) > 1 or place == 1


def test_liftover__rejects_what_the_new_reference_contradicts(tmp_path: Path) -> None:
    old, new = "ACGTACGTTTTTGCAC", "ACGAACGTTTTTTGCAC"
    fasta = tmp_path / "new.fa"
    fasta.write_text(f">1\n{new}\n")
    path = tmp_path / "x.chain"
    # the sixth T of the new genome is a gap at the right end of the old one's run
    path.write_text("chain 9 1 16 + 0 16 1 17 + 0 17 1\n12 0 1\n4\n")
    with Reference(fasta) as reference:
        genomes = Genomes(old, {"1": new}, Chain(path), reference, path)
        block = _block(
            [
                ("1", 4, ("T", "A")),
                ("1", 4, ("T", "C")),
                ("1", 7, ("G", "GT")),
                ("1", 2, ("C", "CG")),
                ("1", 11, ("TTG", "T")),
                ("1", 15, ("A", "G[1:3[")),
                ("5", 15, ("A", "G")),
                ("1", 2, ("C", "T", "*")),
            ]
        )
        done, step, told = _lift(genomes, block)
    assert step.rejected == {"swapped": 1, "ref_mismatch": 1, "gap": 2, "not_sequence": 1, "unmapped": 1}
    assert done.identifiers == ["r3", "r7"]
    assert ("1:4", "REF") in told and len(told) == 6


def test_liftover__of_reference_blocks_and_symbolic_alleles(genomes: Genomes) -> None:
    base = genomes.old
    block = _block(
        [
            ("1", 111, (base[110], "<NON_REF>")),
            ("1", 121, (base[120], "<DEL>")),
            ("1", 151, (base[150], "<DEL>")),
            ("1", 411, (base[410], "<DEL>")),
            ("1", 421, (base[420], "<NON_REF>")),
            ("1", 431, (base[430], base[430] + "T", "*")),
        ],
        ends=[130, 125, 250, 420, 421, -1],
    )
    done, step, _ = _lift(genomes, block)
    kept = dict(
        zip(done.identifiers, zip(done.positions.tolist(), done.ends.tolist(), strict=True), strict=True)
    )
    assert kept["r0"] == (16, 35) and kept["r1"] == (26, 30)
    assert kept["r4"] == (203 - 20, 203 - 20)
    assert "r5" in kept and done.alleles[done.identifiers.index("r5")][2] == "*"
    assert step.rejected == {"gap": 1, "not_sequence": 1}


def test_chain__overlapping_chains_are_ambiguous(tmp_path: Path) -> None:
    fasta = tmp_path / "new.fa"
    fasta.write_text(">1\nACGTACGTAC\n")
    path = tmp_path / "x.chain"
    path.write_text("chain 9 1 10 + 0 10 1 10 + 0 10 1\n10\n\nchain 5 1 10 + 4 6 1 10 + 0 2 2\n2\n")
    with Reference(fasta) as reference:
        genomes = Genomes("ACGTACGTAC", {}, Chain(path), reference, path)
        done, step, _ = _lift(
            genomes, _block([("1", 3, ("G", "A")), ("1", 5, ("A", "G")), ("1", 8, ("T", "G"))])
        )
    assert done.positions.tolist() == [3, 8] and step.rejected == {"ambiguous": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not a chain\n",
        "chain 9 1 10 + 0 10 1 10 + 0 10 1\n10",
        "chain 9 1 10 + 0 10 1 10 + 0 10 1\n9\n",
        "chain 9 1 10 + 0 10 1 10 + 0 10 1\n5 1\n4\n",
        "chain 9 1 10 - 0 10 1 10 + 0 10 1\n10\n",
        "chain 9 1 10 + 0 11 1 10 + 0 11 1\n11\n",
        "chain 9 1 10 + 0 10 1 10 + 0 10 1\n-10\n",
        "chain 9 1 10 + 0 10 1 10 + 0 10 1\n5 1 1\n",
        "10\n",
    ],
)
def test_chain__refuses_a_malformed_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.chain"
    path.write_text(text)
    if text.endswith("\n10"):  # the last line needs no end
        assert Chain(path).find("1", 1, 10)
        return
    with pytest.raises(InputError):
        Chain(path)


def test_chain__refuses_a_truncated_gzip(tmp_path: Path, genomes: Genomes) -> None:
    path = tmp_path / "cut.chain.gz"
    path.write_bytes(genomes.path.read_bytes()[:-20])
    with pytest.raises(InputError, match="cannot be read"):
        Chain(path)


def test_require_chain__refuses_another_build_without_one(genomes: Genomes) -> None:
    require_chain(None, "GRCh37", "GRCh37")
    require_chain(genomes.chain, "GRCh37", "GRCh38")
    with pytest.raises(InputError, match="chain file"):
        require_chain(None, "GRCh37", "GRCh38")


def test_require_chain__refuses_one_that_leads_the_other_way(tmp_path: Path) -> None:
    path = tmp_path / "x.chain"
    lengths = [CHROMOSOME_LENGTHS[build]["1"] for build in ("GRCh38", "GRCh37")]
    path.write_text(f"chain 9 chr1 {lengths[0]} + 0 10 chr1 {lengths[1]} + 0 10 1\n10\n")
    require_chain(Chain(path), "GRCh38", "GRCh37")
    with pytest.raises(InputError, match="from GRCh37 to GRCh38"):
        require_chain(Chain(path), "GRCh37", "GRCh38")


def test_liftover__refuses_a_fasta_of_another_length(genomes: Genomes, tmp_path: Path) -> None:
    fasta = tmp_path / "other.fa"
    fasta.write_text("".join(f">{name}\n{bases}A\n" for name, bases in genomes.new.items()))
    with Reference(fasta) as reference, pytest.raises(InputError, match="the chain file says"):
        Liftover(genomes.chain, reference)


def test_liftover__keeps_no_more_than_a_bin_in_memory(genomes: Genomes) -> None:
    block = _block([("1", 101 + at % 90, (genomes.old[100 + at % 90], "<NON_REF>")) for at in range(5000)])
    block = replace(block, identifiers=[str(at) for at in range(5000)])
    step = Liftover(genomes.chain, genomes.reference)
    sizes = [len(part) for part in step.apply(block.rows(at, at + 100) for at in range(0, 5000, 100))]
    assert sizes == [1000] * 5


def test_liftover__rejects_records_of_a_contig_that_the_fasta_lacks(genomes: Genomes, tmp_path: Path) -> None:
    fasta = tmp_path / "no-alternates.fa"
    fasta.write_text(f">7\n{genomes.new['chr7']}\n")
    base = genomes.old
    with Reference(fasta) as reference:
        block = _block([("1", 111, (base[110], "<NON_REF>")), ("1", 411, (base[410], "<NON_REF>"))])
        done, step, _ = _lift(replace(genomes, reference=reference), block)
    assert done.contigs == ["7"] and step.rejected == {"no_contig": 1}
