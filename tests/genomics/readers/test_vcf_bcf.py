from __future__ import annotations

import gzip
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from benchmarks.fuzz_vcf import HEADER, read_or_refuse
from genomics.block import VariantBlock, join_blocks
from genomics.errors import InputError
from genomics.readers.vcf import read_blocks, read_header

VARIED = (
    "1\t5\trs1\tA\tG,C\t30.5\tq10\tEND=9\tGT:DP:GQ:FT\t0|1/2:7:.:PASS\t./2:.:99:low\n"
    "chr2\t0\t.\tN\t<DEL>\t.\tPASS\t.\tDP:GT\t300:1\t70000:.\n"
    "chr2\t9\t.\tA\t.\t1e-3\t.\t.\t.\t.\t.\n"
)


def _read(path: Path, **options: object) -> VariantBlock:
    header = read_header(path)
    return join_blocks(list(read_blocks(path, header, **options)), len(header.samples))  # type: ignore[arg-type]


@pytest.fixture
def bcf(tmp_path: Path) -> Path:
    """Return an uncompressed BCF file of three records."""
    if shutil.which("bcftools") is None:
        pytest.skip("bcftools is not installed")
    (tmp_path / "a.vcf").write_bytes(HEADER + VARIED.encode())
    command = ["bcftools", "view", "-Ou", "-o", tmp_path / "a.bcf", tmp_path / "a.vcf"]
    subprocess.run(command, check=True, capture_output=True)
    path = tmp_path / "a.bcf"
    path.write_bytes(gzip.decompress(path.read_bytes()))  # bcftools puts it into blocks all the same
    return path


def _first_record(data: bytes) -> int:
    return 9 + int.from_bytes(data[5:9], "little")


def test_bcf__values_by_hand(bcf: Path) -> None:
    block = _read(bcf)
    assert block.genotypes.tolist() == [
        [[0, 1, 2], [-1, 2, -2]],
        [[1, -2, -2], [-1, -2, -2]],
        [[-2, -2, -2], [-2, -2, -2]],
    ]
    assert not block.phased.any()
    assert block.formats["DP"].tolist() == [[7, -1], [300, 70_000], [-1, -1]]
    assert block.formats["GQ"].tolist() == [[-1, 99], [-1, -1], [-1, -1]]
    assert block.filters == [("q10",), ("PASS",), ()] and block.ends.tolist() == [9, -1, -1]
    assert block.states.tolist() == [[2, 1], [0, 1], [1, 1]]
    np.testing.assert_array_equal(block.quality, np.array([30.5, np.nan, 1e-3], np.float32))


def test_bcf__every_field_as_cyvcf2_reads_it(shared_data: Path) -> None:
    import cyvcf2

    path = shared_data / "variants" / "htslib" / "tabix" / "vcf_file.bcf"
    block = _read(path, fields=["INFO/*", "FORMAT/*"])
    header = read_header(path)
    for row, variant in enumerate(cyvcf2.VCF(str(path), strict_gt=True)):
        assert (block.contigs[row], block.positions[row]) == (variant.CHROM, variant.POS)
        assert block.alleles[row] == (variant.REF, *variant.ALT)
        calls = variant.genotype.array()
        np.testing.assert_array_equal(block.genotypes[row, :, : calls.shape[1] - 1], calls[:, :-1])
        for name, values in block.info.items():
            value = variant.INFO.get(name)
            if isinstance(value, int | float) and header.infos[name]["Type"] in ("Integer", "Float"):
                assert np.ravel(values[row])[0] == np.float32(value), name
        for name in set(variant.FORMAT) - {"GT"}:
            if header.formats[name]["Type"] == "Integer":
                theirs = variant.format(name)
                ours = block.formats[name][row].reshape(len(theirs), -1)[:, : theirs.shape[1]]
                np.testing.assert_array_equal(np.where(ours < 0, -1, ours), np.where(theirs < 0, -1, theirs))


def test_bcf__damage_is_an_error_or_another_value_never_a_crash(bcf: Path) -> None:
    whole = bcf.read_bytes()
    start = _first_record(whole)
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(600):
        data = bytearray(whole)
        for place in rng.integers(start, len(whole), int(rng.integers(1, 4))).tolist():
            data[place] = int(rng.integers(256))
        bcf.write_bytes(data)
        refused += read_or_refuse(bcf) is None
    assert 100 < refused < 600


def test_bcf__bad_record_is_named_or_rejected(bcf: Path) -> None:
    whole = bytearray(bcf.read_bytes())
    second = _first_record(whole)
    second += 8 + sum(np.frombuffer(bytes(whole[second : second + 8]), "<u4").tolist())
    whole[second + 8 : second + 12] = b"\x77\0\0\0"  # a contig that the header does not number
    bcf.write_bytes(whole)
    with pytest.raises(InputError, match=r"a\.bcf, record 2, field record: the BCF record is damaged"):
        _read(bcf)
    rejected: list[tuple[object, ...]] = []
    assert len(_read(bcf, reject=lambda *row: rejected.append(row))) == 2
    assert [row[:2] for row in rejected] == [(2, "record")]


@pytest.mark.parametrize("keep", [4, 7, 300, -3])
def test_bcf__cut_off(bcf: Path, keep: int) -> None:
    bcf.write_bytes(bcf.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"a\.bcf"):
        _read(bcf)


def test_bcf__other_version(bcf: Path) -> None:
    bcf.write_bytes(b"BCF\4\1" + bcf.read_bytes()[5:])
    with pytest.raises(InputError, match="a BCF file of an unknown version"):
        read_header(bcf)
