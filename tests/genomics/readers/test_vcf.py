from __future__ import annotations

import gzip
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.block import FILL, MISSING, join_blocks
from genomics.errors import InputError
from genomics.export import genotype_text
from genomics.readers.vcf import read_blocks
from genomics.readers.vcf_header import read_header
from genomics.regions import Region, merge_regions, parse_region

GOOD = "1 100 rs1 A G 30 PASS . GT 0/1 1|1"


def _read(path: Path, **options: object):
    header = read_header(path)
    blocks = list(read_blocks(path, header, **options))  # type: ignore[arg-type]
    samples = options.get("samples") or header.samples
    return join_blocks(blocks, len(samples))  # type: ignore[arg-type]


def _text_records(path: Path) -> list[list[str]]:
    raw = path.read_bytes()
    text = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    return [line.split("\t") for line in text.decode().splitlines() if line and not line.startswith("#")]


def test_read_blocks__edge_file_cell_by_cell(shared_data: Path) -> None:
    path = shared_data / "variants" / "edge" / "edge.vcf"
    block = _read(path)
    records = _text_records(path)
    assert len(block) == len(records)
    texts = genotype_text(block.genotypes, block.phased)
    for row, columns in enumerate(records):
        keys = columns[8].split(":")
        expected = [cell.split(":")[keys.index("GT")] if "GT" in keys else "." for cell in columns[9:]]
        assert texts[row].tolist() == expected, columns[:3]
        assert block.contigs[row] == columns[0]
        assert block.positions[row] == int(columns[1])
        assert (block.identifiers[row] or ".") == columns[2]
        assert block.alleles[row] == (columns[3], *(() if columns[4] == "." else columns[4].split(",")))
        assert ";".join(block.filters[row]) == ("" if columns[6] == "." else columns[6])
    nogt = block.identifiers.index("nogt")
    assert (block.genotypes[nogt] == FILL).all()
    assert (block.states[nogt] == 1).all()
    assert block.ends[block.identifiers.index("sym")] == 900


def test_read_blocks__real_exome_depths_and_genotypes(shared_data: Path) -> None:
    path = shared_data / "variants" / "ceu_exon" / "CEU_Exon.vcf.gz"
    block = _read(path)
    records = _text_records(path)
    texts = genotype_text(block.genotypes, block.phased)
    assert [";".join(row) for row in texts] == [";".join(c.split(":")[0] for c in r[9:]) for r in records]
    depth = [[int(cell.split(":")[1]) for cell in record[9:]] for record in records]
    assert block.formats["DP"] is not None
    np.testing.assert_array_equal(block.formats["DP"], depth)


def test_read_blocks__states(make_vcf: Callable[..., Path]) -> None:
    path = make_vcf(
        [
            "1 1 . A G . PASS . GT:FT 0/1:PASS 0/1:lowdp",
            "1 2 . A G . q10 . GT 0/1 ./.",
            "1 3 . A G . . . GT 0 0/.",
        ]
    )
    assert _read(path).states.tolist() == [[0, 2], [2, 1], [0, 1]]


def test_read_blocks__mixed_separators_are_not_phased(make_vcf: Callable[..., Path]) -> None:
    block = _read(make_vcf(["1 1 . A G . . . GT 0/1|1 0|1/1", "1 2 . A G . . . GT 0|1|1 0|1"]))
    assert block.phased.tolist() == [[False, False], [True, True]]


def test_read_blocks__depth_and_quality_missing(make_vcf: Callable[..., Path]) -> None:
    block = _read(make_vcf(["1 1 . A G . . . GT:DP:GQ 0/1:7:99 0/1:.:.", "1 2 . A G . . . GT 0/1 0/1"]))
    assert block.formats["DP"].tolist() == [[7, MISSING], [MISSING, MISSING]]
    assert block.formats["GQ"].tolist() == [[99, MISSING], [MISSING, MISSING]]


def test_read_blocks__consequences_per_alt(make_vcf: Callable[..., Path]) -> None:
    header = [
        '##INFO=<ID=CSQ,Number=.,Type=String,Description="VEP. Format: Allele|Consequence|SYMBOL|HGVSp">'
    ]
    csq = "CSQ=C|missense_variant|TYK2|ENSP1:p.Pro1104Ala,T|synonymous_variant|TYK2|,C|intron_variant|CDC37|"
    block = _read(make_vcf([f"19 10352442 . G C,T . . {csq} GT 0/1 0/2"], header=header))
    assert block.consequences == [
        (("TYK2", "missense_variant", "P1104A"), ("TYK2", "synonymous_variant", ""))
    ]


def test_read_blocks__samples_in_the_order_asked_for(make_vcf: Callable[..., Path]) -> None:
    path = make_vcf(["1 1 . A G . . . GT:DP 0/0:1 0/1:2 1/1:3"], samples=("A", "B", "C"))
    block = _read(path, samples=["C", "A"])
    assert block.genotypes[0].tolist() == [[1, 1], [0, 0]]
    assert block.formats["DP"].tolist() == [[3, 1]]


def test_read_blocks__more_than_127_alleles(make_vcf: Callable[..., Path]) -> None:
    alts = ",".join("A" * n for n in range(2, 203))
    block = _read(make_vcf([f"1 1 . A {alts} . . . GT 0/200 150|3"]))
    assert block.genotypes.tolist() == [[[0, 200], [150, 3]]]


@pytest.mark.parametrize("block_records", [1, 2, 7])
def test_read_blocks__block_size_does_not_matter(shared_data: Path, block_records: int) -> None:
    path = shared_data / "variants" / "edge" / "edge.vcf"
    whole, parts = _read(path), _read(path, block_records=block_records)
    np.testing.assert_array_equal(whole.genotypes, parts.genotypes)
    assert whole.alleles == parts.alleles


@pytest.mark.parametrize(
    ("record", "field", "part"),
    [
        ("1 x rs A G . PASS . GT 0/1 0/1", "POS", "'x' is not a position"),
        ("1 -5 rs A G . PASS . GT 0/1 0/1", "POS", "'-5' is not a position"),
        ("1 99999999999 rs A G . PASS . GT 0/1 0/1", "POS", "too large"),
        ("1 200 rs A G . PASS . GT 0/x 0/1", "GT", "'0/x' in sample column 1"),
        ("1 200 rs A G . PASS . GT 0/1 0/40000", "GT", "allele number that is too large"),
        ("1 200 rs A G . PASS", "columns", "7 columns; expected 11"),
        ("1 200 rs A G . PASS . GT 0/1", "columns", "10 columns"),
        ("1 200 rs A G . PASS . GT", "columns", "9 columns"),
        ("1 200 rs A G high PASS . GT 0/1 0/1", "QUAL", "'high' is not a quality"),
        ("", "CHROM", "blank line"),
    ],
)
def test_read_blocks__bad_record_is_named_or_rejected(
    make_vcf: Callable[..., Path], record: str, field: str, part: str
) -> None:
    path = make_vcf([GOOD, record, "1 300 rs3 A G . PASS . GT 0/1 ./."])
    with pytest.raises(InputError) as caught:
        _read(path)
    message = str(caught.value)
    assert message.startswith(f"cohort.vcf, record 2, field {field}: ") and part in message
    assert "--keep-going" in message
    rejected: list[tuple[object, str, str]] = []
    block = _read(path, reject=lambda *row: rejected.append(row))
    assert block.positions.tolist() == [100, 300]
    assert len(rejected) == 1 and rejected[0][:2] == (2, field)


def test_read_blocks__blank_lines_at_the_end_are_no_records(make_vcf: Callable[..., Path]) -> None:
    assert len(_read(make_vcf([GOOD, "", ""]))) == 1


def test_read_header__missing_empty_headless(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.vcf: no such file"):
        read_header(tmp_path / "none.vcf")
    (tmp_path / "empty.vcf").write_text("")
    with pytest.raises(InputError, match=r"empty\.vcf: the file is empty"):
        read_header(tmp_path / "empty.vcf")
    (tmp_path / "bare.vcf").write_text(GOOD.replace(" ", "\t") + "\n")
    with pytest.raises(InputError, match=r"bare\.vcf, record 1: the file has no VCF header"):
        read_header(tmp_path / "bare.vcf")
    (tmp_path / "names.vcf").write_text("#CHROM\tPOS\n" + GOOD.replace(" ", "\t") + "\n")
    with pytest.raises(InputError, match=r"names\.vcf, record 1: the file has no VCF header"):
        read_header(tmp_path / "names.vcf")
    (tmp_path / "short.vcf").write_text("##fileformat=VCFv4.2\n" + GOOD.replace(" ", "\t") + "\n")
    with pytest.raises(InputError, match="no #CHROM line"):
        read_header(tmp_path / "short.vcf")


def test_read_header__duplicate_samples(make_vcf: Callable[..., Path]) -> None:
    path = make_vcf([GOOD], samples=("same", "same"))
    with pytest.raises(InputError, match="sample columns 1 and 2 have the same name") as caught:
        read_header(path)
    assert "same same" not in str(caught.value)


@pytest.mark.parametrize("kind", ["gzip", "bgzip"])
@pytest.mark.parametrize("keep", [0.5, 0.98])
def test_read__truncated_file(
    tmp_path: Path, vcf_text: Callable[..., str], kind: str, keep: float, capfd: pytest.CaptureFixture[str]
) -> None:
    from Bio import bgzf

    calls = np.random.default_rng(1).choice(["0/0", "0/1", "1/1", "./."], size=(3000, 2))
    rows = [f"1 {10 * i + 10} rs{i} A G . PASS . GT {a} {b}" for i, (a, b) in enumerate(calls.tolist())]
    data = vcf_text(rows).encode()
    path = tmp_path / "cohort.vcf.gz"
    if kind == "gzip":
        path.write_bytes(gzip.compress(data))
    else:
        with bgzf.BgzfWriter(str(path), "wb") as stream:
            stream.write(data)
    assert len(_read(path)) == 3000
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(InputError, match=r"cohort\.vcf\.gz.*truncated or damaged"):
        _read(path)
    assert capfd.readouterr().err == ""


def test_read__htslib_is_silent(make_vcf: Callable[..., Path], capfd: pytest.CaptureFixture[str]) -> None:
    _read(make_vcf(["undeclared 5 . A G . odd XX=1 GT:ZZ 0/1:1 0/0:2"]))
    captured = capfd.readouterr()
    assert captured.err == "" and captured.out == ""


def test_read_blocks__same_from_gzip_bgzip_and_bcf(shared_data: Path, tmp_path: Path) -> None:
    if shutil.which("bcftools") is None:
        pytest.skip("bcftools is not installed")
    source = shared_data / "variants" / "edge" / "edge.vcf"
    expected = _read(source)
    (tmp_path / "plain.vcf.gz").write_bytes(gzip.compress(source.read_bytes()))
    for kind, name in (("z", "bgzip.vcf.gz"), ("b", "edge.bcf"), ("u", "raw.bcf")):
        subprocess.run(
            ["bcftools", "view", f"-O{kind}", "-o", tmp_path / name, source], check=True, capture_output=True
        )
    for name in ("plain.vcf.gz", "bgzip.vcf.gz", "edge.bcf", "raw.bcf"):
        block = _read(tmp_path / name)
        np.testing.assert_array_equal(block.genotypes, expected.genotypes)
        assert block.alleles == expected.alleles and block.contigs == expected.contigs


@pytest.mark.parametrize("region", ["10:96700000-96701000", "10:96696580-96696583", "10:96741053"])
def test_read_blocks__region_with_index_scan_and_bcftools(
    shared_data: Path, tmp_path: Path, region: str
) -> None:
    indexed = shared_data / "pharmacogenes" / "1000genomes_grch37" / "CYP2C9.vcf.gz"
    alone = tmp_path / "CYP2C9.vcf.gz"
    shutil.copyfile(indexed, alone)
    with_index = _read(indexed, regions=[parse_region(region)])
    scanned = _read(alone, regions=[parse_region(region)])
    assert with_index.positions.tolist() == scanned.positions.tolist()
    np.testing.assert_array_equal(with_index.genotypes, scanned.genotypes)
    if shutil.which("bcftools") is None:
        pytest.skip("bcftools is not installed: index and scan were compared with each other only")
    query = ["bcftools", "query", "-r", region, "-f", "%POS\n", str(indexed)]
    listed = subprocess.run(query, check=True, capture_output=True, text=True).stdout.split()
    assert scanned.positions.tolist() == [int(position) for position in listed]


def test_read_blocks__regions_that_meet_give_each_record_once(shared_data: Path) -> None:
    path = shared_data / "pharmacogenes" / "1000genomes_grch37" / "CYP2C9.vcf.gz"
    twice = _read(path, regions=[Region("10", 96700000, 96701000), Region("10", 96700500, 96702000)])
    once = _read(path, regions=[Region("10", 96700000, 96702000)])
    assert twice.positions.tolist() == once.positions.tolist()


def test_parse_region__malformed() -> None:
    assert parse_region("chr1:5-") == Region("chr1", 5)
    assert parse_region("X") == Region("X")
    assert parse_region("1:7") == Region("1", 7, 7)
    for text in ("", "1:0-5", "1:9-3"):
        with pytest.raises(InputError, match="field region"):
            parse_region(text)


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 20)), max_size=8))
def test_merge_regions__covers_the_same_positions(pairs: list[tuple[int, int]]) -> None:
    regions = [Region("1", start, start + length) for start, length in pairs]
    merged = merge_regions(regions)

    def covered(items: list[Region]) -> set[int]:
        return {position for item in items for position in range(item.start, item.end + 1)}

    assert covered(merged) == covered(regions)
    assert sum(item.end - item.start + 1 for item in merged) == len(covered(regions))


_CALLS = st.sampled_from(["0/0", "0/1", "1/1", "0|1", "1|0", "2/1", "./.", "1|2"])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(_CALLS, min_size=3, max_size=3), min_size=1, max_size=12))
def test_read_blocks__same_as_scikit_allel_for_diploid_calls(
    vcf_text: Callable[..., str], rows: list[list[str]]
) -> None:
    import allel

    records = [f"1 {10 * (i + 1)} . A C,G . PASS . GT {' '.join(row)}" for i, row in enumerate(rows)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "simple.vcf"
        path.write_text(vcf_text(records, ("A", "B", "C")))
        block = _read(path)
        other = allel.read_vcf(str(path), fields=["variants/POS", "calldata/GT"], alt_number=2)
    np.testing.assert_array_equal(block.genotypes, other["calldata/GT"])
    np.testing.assert_array_equal(block.positions, other["variants/POS"])
