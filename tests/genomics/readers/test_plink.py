from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genomics.block import NO_CALL, OBSERVED, VariantBlock, call_states
from genomics.errors import InputError
from genomics.export import export_calls, genotype_text
from genomics.ingest import ingest
from genomics.readers import Selection
from genomics.readers.plink import PlinkReader, plink_prefix, read_fam
from genomics.regions import Region


def _write(folder: Path, calls: list[str], bim: list[str], samples: list[str]) -> Path:
    """Calls are written as PLINK's two bits, one string of A1 counts per variant ('.' missing)."""
    bits = {"2": 0b00, ".": 0b01, "1": 0b10, "0": 0b11}
    body = b""
    for row in calls:
        for start in range(0, len(row), 4):
            part = row[start : start + 4]
            body += bytes([sum(bits[call] << (2 * i) for i, call in enumerate(part))])
    (folder / "p.bed").write_bytes(b"\x6c\x1b\x01" + body)
    (folder / "p.bim").write_text("".join(line.replace(" ", "\t") + "\n" for line in bim))
    (folder / "p.fam").write_text("".join(f"F {name} 0 0 0 -9\n" for name in samples))
    return folder / "p"


def _blocks(prefix: Path, **chosen: object) -> list[VariantBlock]:
    return list(PlinkReader(prefix).blocks(Selection(**chosen)))  # type: ignore[arg-type]


@pytest.fixture
def fileset(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    bim = ["1 rs1 0 100 G A", "1 . 0 200 0 C", "23 rs3 0 50 AT A"]
    return _write(tmp_path / "in", ["21.0012", "0000000", "1.02.01"], bim, list("ABCDEFG"))


def test_ingest__bed_cell_by_cell(fileset: Path, tmp_path: Path) -> None:
    cohort = ingest(fileset, tmp_path / "c.vcz")
    assert cohort.variants["variant_id"].tolist() == ["1:100:A:G", "X:50:A:AT"]  # ALT is A1
    texts = genotype_text(cohort.genotypes(slice(None)), cohort.phased(slice(None)))
    assert texts[0].tolist() == ["1/1", "0/1", "./.", "0/0", "0/0", "0/1", "1/1"]
    assert texts[2].tolist() == ["0/1", "./.", "0/0", "1/1", "./.", "0/0", "0/1"]
    assert "A2" in cohort.arrays.attrs["plink_alleles"]
    assert cohort.sample_ids.tolist() == list("ABCDEFG")


def test_ingest__bed_samples_and_regions(fileset: Path, tmp_path: Path) -> None:
    cohort = ingest(fileset.with_suffix(".bed"), tmp_path / "c.vcz", samples=["F", "A"], regions=["1:1-150"])
    (_, dosage), *_ = cohort.dosage_blocks()
    assert dosage.tolist() == [[1.0, 2.0]]


def test_ingest__bed_shards_in_genome_order(tmp_path: Path) -> None:
    for name, contig in (("a", "10"), ("b", "2")):
        (tmp_path / name).mkdir()
        _write(tmp_path / name, ["12"], [f"{contig} rs 0 7 G A"], ["A", "B"])
    cohort = ingest([tmp_path / "a" / "p", tmp_path / "b" / "p"], tmp_path / "c.vcz")
    assert cohort.contigs == ["2", "10"]


@pytest.mark.parametrize("folder", ["regenie", "bigsnpr"])
def test_ingest__bed_same_as_plink2(shared_data: Path, tmp_path: Path, folder: str) -> None:
    if shutil.which("plink2") is None:
        pytest.skip("plink2 is not installed")
    bed = sorted((shared_data / "association" / folder).rglob("*.bed"))[0]
    cohort = ingest(bed, tmp_path / "c.vcz")
    export = ["plink2", "--bfile", str(bed.with_suffix("")), "--export", "vcf", "--out", str(tmp_path / "p")]
    subprocess.run([*export, "--threads", "1"], check=True, capture_output=True)
    lines = (tmp_path / "p.vcf").read_text().splitlines()
    expected = [line.split("\t")[9:] for line in lines if not line.startswith("#")]
    got = genotype_text(cohort.genotypes(slice(None)), cohort.phased(slice(None)))
    assert got.tolist() == expected


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda p: p.with_suffix(".bed").write_bytes(b"not a bed"), "not a PLINK 1 .bed file"),
        (lambda p: p.with_suffix(".bed").write_bytes(b"\x6c\x1b\x00aaaa"), "sample-major"),
        (lambda p: p.with_suffix(".bed").write_bytes(b"\x6c\x1b\x01aa"), "the file has 5 bytes; expected 9"),
        (lambda p: p.with_suffix(".bim").unlink(), "p.bim: no such file"),
        (lambda p: p.with_suffix(".fam").unlink(), "p.fam: no such file"),
        (lambda p: p.with_suffix(".bed").unlink(), "p.bed: no such file"),
        (lambda p: p.with_suffix(".fam").write_text(""), "p.fam: the file names no samples"),
        (lambda p: p.with_suffix(".fam").write_text("F A\nF A\n"), "record 2, field IID: .* occurs twice"),
    ],
)
def test_ingest__broken_fileset(
    fileset: Path, tmp_path: Path, change: Callable[[Path], object], part: str
) -> None:
    change(fileset)
    with pytest.raises(InputError, match=part):
        ingest(fileset.with_suffix(".bed"), tmp_path / "c.vcz")
    assert not (tmp_path / "c.vcz").exists()


def test_ingest__bad_line_of_bim(fileset: Path, tmp_path: Path) -> None:
    bim = fileset.with_suffix(".bim")
    bim.write_text(bim.read_text().replace("\t200\t", "\tx\t"))
    with pytest.raises(InputError, match=r"p\.bim, record 2, field position: 'x' is not a position"):
        ingest(fileset, tmp_path / "c.vcz")
    cohort = ingest(fileset, tmp_path / "c.vcz", keep_going=True)
    assert cohort.n_variants == 2
    assert "position" in (tmp_path / "c.vcz.rejects.tsv").read_text().splitlines()[1]
    bim.write_text(bim.read_text().replace("\tx\t", "\t2e+05\t"))
    positions = ingest(fileset, tmp_path / "c.vcz").dataset["variant_position"]
    assert positions.values.tolist() == [100, 200000, 50]


def test_plink_prefix__and_round_trip_through_vcf(fileset: Path, tmp_path: Path) -> None:
    assert plink_prefix(fileset) == fileset and plink_prefix(str(fileset) + ".fam") == fileset
    assert read_fam(fileset) == tuple("ABCDEFG")
    first = ingest(fileset, tmp_path / "a.vcz")
    second = ingest(export_calls(first, tmp_path / "a.vcf.gz"), tmp_path / "b.vcz")
    np.testing.assert_array_equal(first.genotypes(slice(None)), second.genotypes(slice(None)))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    calls=st.integers(1, 9).flatmap(
        lambda n: st.lists(st.text("012.", min_size=n, max_size=n), min_size=1, max_size=7)
    ),
    block_records=st.integers(1, 4),
)
def test_blocks__same_as_bed_reader(tmp_path: Path, calls: list[str], block_records: int) -> None:
    bed_reader = pytest.importorskip("bed_reader")
    bim = [f"1 v{i} 0 {i + 1} G A" for i in range(len(calls))]
    prefix = _write(tmp_path, calls, bim, [f"S{j}" for j in range(len(calls[0]))])
    with bed_reader.open_bed(prefix.with_suffix(".bed")) as bed:
        a1_counts = bed.read(dtype="int8", num_threads=1).T  # -127 where missing
    found = _blocks(prefix, block_records=block_records)
    assert all(len(block) <= block_records and block.genotypes.dtype == np.int8 for block in found)
    genotypes = np.concatenate([block.genotypes for block in found])
    states = np.concatenate([block.states for block in found])
    missing = a1_counts == -127
    np.testing.assert_array_equal(np.where(missing, 0, genotypes.sum(2)), np.where(missing, 0, a1_counts))
    np.testing.assert_array_equal(states, np.where(missing, NO_CALL, OBSERVED))
    np.testing.assert_array_equal(states, call_states(genotypes, np.zeros((len(calls), 1), bool)))


def test_blocks__a1_as_reference_when_asked(fileset: Path) -> None:
    reader = PlinkReader(fileset, reference="a1")
    (block,) = reader.blocks(Selection(samples=("G", "C", "A")))
    assert block.alleles == [("G", "A"), ("N", "C"), ("AT", "A")]
    assert block.genotypes[0].tolist() == [[0, 0], [-1, -1], [0, 0]]  # two copies of A1 are hom-ref
    assert reader.notes["plink_alleles"].startswith("REF is A1 and ALT is A2")
    assert "provisional" in reader.notes["plink_alleles"]


def test_blocks__regions_reach_as_far_as_ref(fileset: Path) -> None:
    at_51 = (Region("X", 51, 51),)  # the deletion at 50 has REF AT only where A1 is taken for REF
    assert not _blocks(fileset, regions=at_51)
    (block,) = PlinkReader(fileset, reference="a1").blocks(Selection(regions=at_51))
    assert block.identifiers == ["rs3"]


def test_blocks__say_how_far_they_read(fileset: Path) -> None:
    read: list[int] = []
    _blocks(fileset, block_records=2, consumed=read.append)
    assert read == [3 + 2 * 2, 3 + 3 * 2]
    assert PlinkReader(fileset).families == ("F",) * 7


def test_blocks__bim_that_is_no_text(fileset: Path) -> None:
    fileset.with_suffix(".bim").write_bytes(b"1\trs\xff\t0\t1\tA\tG\n")
    with pytest.raises(InputError, match=r"p\.bim: not a text file"):
        _blocks(fileset)


def test_blocks__contigs_by_plinks_codes(tmp_path: Path) -> None:
    codes = ["chr7", "23", "24", "25", "26", "XY", "PAR1", "PAR2", "MT", "scaffold_9"]
    bim = [f"{code} v{i} 0 {i + 1} G A" for i, code in enumerate(codes)]
    (block,) = _blocks(_write(tmp_path, ["0"] * len(codes), bim, ["S"]))
    assert block.contigs == ["7", "X", "Y", "X", "MT", "X", "X", "X", "MT", "scaffold_9"]
