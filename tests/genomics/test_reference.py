from __future__ import annotations

import gzip
import os
import random
from pathlib import Path

import pytest
from Bio import SeqIO, bgzf

from genomics.build import CHROMOSOME_LENGTHS
from genomics.errors import InputError
from genomics.reference import Reference, build_from_reference, require_same_build


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    rng = random.Random(3)
    path = tmp_path / "genome.fa"
    with path.open("w") as stream:
        for name, length in (("chr1", 200_003), ("chr2", 61), ("HLA*A", 60), ("chrM", 1)):
            bases = "".join(rng.choice("ACGTacgtnR") for _ in range(length))
            lines = [bases[start : start + 60] for start in range(0, length, 60)]
            stream.write(f">{name} described\n" + "".join(f"{line}\n" for line in lines))
    return path


def _expected(path: Path) -> dict[str, str]:
    with path.open() as stream:
        bases = {record.id: str(record.seq).upper() for record in SeqIO.parse(stream, "fasta")}
    return {name: "".join(c if c in "ACGT" else "N" for c in seq) for name, seq in bases.items()}


@pytest.mark.parametrize("packed", [False, True])
def test_fetch__agrees_with_biopython(genome: Path, packed: bool) -> None:
    expected = _expected(genome)
    path = genome
    if packed:
        path = genome.with_name("genome.fa.gz")
        with bgzf.BgzfWriter(str(path)) as writer:
            writer.write(genome.read_bytes())
    rng = random.Random(5)
    with Reference(path) as reference:
        assert dict(reference.lengths) == {name: len(bases) for name, bases in expected.items()}
        for _ in range(400):
            name = rng.choice(list(expected))
            start = rng.randint(1, len(expected[name]))
            end = start + rng.choice([0, 1, 59, 60, 61, 1000, 70_000])
            assert reference.fetch(name, start, end) == expected[name][start - 1 : end]
        assert reference.fetch("chr2", 62, 70) == ""
        assert reference.fetch("chr2", 0, 1) == expected["chr2"][:1]


def test_contig__is_found_with_or_without_chr(genome: Path) -> None:
    with Reference(genome) as reference:
        assert reference.contig_of("1") == "chr1"
        assert reference.contig_of("MT") == "chrM"
        assert reference.length("2") == 61
        with pytest.raises(InputError, match="no contig '3'"):
            reference.fetch("3", 1, 2)


def test_index__stays_away_from_a_folder_that_may_not_be_written(
    genome: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "replace", refuse)
    with Reference(genome) as reference:
        assert reference.fetch("2", 1, 5) == _expected(genome)["chr2"][:5]
    assert not genome.with_name("genome.fa.fai").exists()


def test_index__is_kept_and_made_anew_when_older_than_the_file(genome: Path) -> None:
    Reference(genome).close()
    index = genome.with_name("genome.fa.fai")
    assert index.read_text().startswith("chr1\t200003\t")
    assert [path.name for path in genome.parent.iterdir() if "tmp" in path.name] == []
    genome.write_text(">chr1\nACGT\n")
    os.utime(index, (1, 1))
    with Reference(genome) as reference:
        assert dict(reference.lengths) == {"chr1": 4}


def test_fasta__that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        Reference(tmp_path / "absent.fa")
    for name, data in (
        ("gzip.fa.gz", gzip.compress(b">a\nACGT\n")),
        ("named.fa", gzip.compress(b">a\nACGT\n")),
        ("longer.fa", b">a\nACG\nACGTT\n>b\nAC\n"),
        ("shorter.fa", b">a\nACG\nAC\nACG\n"),
        ("twice.fa", b">a\nACG\n>a\nACG\n"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(InputError):
            Reference(path)


def test_fasta__shorter_than_its_index_says_is_refused(genome: Path) -> None:
    Reference(genome).close()
    genome.write_bytes(genome.read_bytes()[:5000])
    os.utime(genome, (1, 1))
    with Reference(genome) as reference, pytest.raises(InputError, match="ends within chr1"):
        reference.fetch("chr1", 1, 10_000)


def test_build__is_told_by_lengths_and_a_mismatch_refused(tmp_path: Path) -> None:
    path = tmp_path / "hg38.fa"
    path.write_text(">chr1\nACGT\n")
    lengths = CHROMOSOME_LENGTHS["GRCh38"]
    path.with_name("hg38.fa.fai").write_text(
        "".join(f"chr{name}\t{length}\t6\t4\t5\n" for name, length in lengths.items())
    )
    with Reference(path) as reference:
        assert build_from_reference(reference) == "GRCh38"
        require_same_build(reference, "GRCh38")
        require_same_build(reference, "unknown")
        with pytest.raises(InputError, match="on GRCh37"):
            require_same_build(reference, "GRCh37")


@pytest.mark.parametrize("packed", [False, True])
def test_damaged_fasta__is_read_whole_or_refused(tmp_path: Path, packed: bool) -> None:
    rng = random.Random(9)
    whole = b">a x\n" + b"ACGTACGTAC\n" * 5 + b"ACG\n>b\nACGT\n"
    if packed:
        with bgzf.BgzfWriter(str(tmp_path / "whole.fa.gz")) as writer:
            writer.write(whole)
        whole = (tmp_path / "whole.fa.gz").read_bytes()
    refused = 0
    for number in range(150):
        data = bytearray(whole)
        data[rng.randrange(len(data))] = rng.randrange(256)
        del data[rng.randrange(len(data)) :][: rng.choice([0, 0, 1, 9])]
        path = tmp_path / f"{number}.fa{'.gz' if packed else ''}"
        path.write_bytes(data[: rng.choice([len(data), len(data), rng.randrange(len(data))])])
        try:
            with Reference(path) as reference:
                for contig, length in reference.lengths.items():
                    assert len(reference.fetch(contig, 1, length)) == length
        except InputError:
            refused += 1
    assert refused > 20
