from __future__ import annotations

import contextlib
import shutil
import subprocess
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import bgen
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genomics.block import NO_CALL, VariantBlock, join_blocks
from genomics.errors import InputError
from genomics.readers import Selection
from genomics.readers.bgen import BgenReader
from genomics.readers.bgen_calls import call_diploids, call_genotypes
from genomics.readers.bgen_samples import read_sample_file
from genomics.readers.plink import PlinkReader
from genomics.regions import Region

_PEOPLE = ("A", "B", "C", "D", "E", "F")


def _plink2(*arguments: object) -> None:
    if shutil.which("plink2") is None:
        pytest.skip("plink2 is not installed")
    done = subprocess.run(["plink2", "--threads", "1", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _make_bgen(folder: Path, values: list[list[str]], tag: str, export: list[str]) -> Path:
    """Let plink2 write a BGEN file from a VCF of dosages (DS) or haplotype dosages (HDS)."""
    header = (
        "##fileformat=VCFv4.3\n##contig=<ID=1,length=100000>\n"
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">\n'
        f'##FORMAT=<ID={tag},Number=.,Type=Float,Description="d">\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO'
        "\tFORMAT\t" + "\t".join(_PEOPLE) + "\n"
    )
    gt = "./." if tag == "DS" else ".|."
    rows = [
        f"1\t{10 + row}\trs{row}\tA\tG\t.\t.\t.\tGT:{tag}\t" + "\t".join(f"{gt}:{text}" for text in texts)
        for row, texts in enumerate(values)
    ]
    (folder / "in.vcf").write_text(header + "\n".join(rows) + "\n")
    _plink2("--vcf", folder / "in.vcf", f"dosage={tag}", "--make-pgen", "--out", folder / "p")
    _plink2("--pfile", folder / "p", "--export", *export, "ref-first", "--out", folder / "b")
    return folder / "b.bgen"


def _export(path: Path, tag: str, sample: Path | None = None) -> list[list[list[str]]]:
    """What plink2 reads from a BGEN file: GT and the dosages of each call, by record."""
    ids = ["--sample", sample] if sample is not None else []
    out = path.with_name("out")
    _plink2("--bgen", path, "ref-first", *ids, "--export", "vcf", f"vcf-dosage={tag}-force", "--out", out)
    found = []
    for line in out.with_suffix(".vcf").read_text().splitlines():
        if not line.startswith("#"):
            columns = line.split("\t")
            place = columns[8].split(":").index(tag)
            calls = [call.split(":") for call in columns[9:]]
            found.append([[call[0], call[place] if len(call) > place else "."] for call in calls])
    return found


def _read(path: Path, reader: dict[str, Any] | None = None, **chosen: Any) -> VariantBlock:
    opened = BgenReader(path, **(reader or {}))
    chosen.setdefault("fields", ("FORMAT/*",))
    return join_blocks(list(opened.blocks(Selection(**chosen))), len(chosen.get("samples") or opened.samples))


def _text(alleles: list[int]) -> str:
    return "/".join("." if allele < 0 else str(allele) for allele in sorted(alleles) if allele != -2)


def _random_dosages(seed: int, n: int, most: int) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, most + 1, (n, len(_PEOPLE)))
    values = np.clip(centres + rng.normal(0, 0.08, centres.shape), 0, most)
    return [["." if rng.random() < 0.1 else f"{x:.3f}" for x in row] for row in values]


@pytest.mark.parametrize(
    "export",
    [["bgen-1.1"], ["bgen-1.2", "bits=8"], ["bgen-1.2", "bits=16"], ["bgen-1.3", "bits=8"]],
    ids=lambda export: "-".join(export),
)
def test_blocks__unphased_same_as_plink2(tmp_path: Path, export: list[str]) -> None:
    path = _make_bgen(tmp_path, _random_dosages(3, 40, 2), "DS", export)
    expected = _export(path, "DS", path.with_suffix(".sample"))
    block = _read(path)
    assert (block.identifiers[1], block.alleles[1], block.positions[1]) == ("rs1", ("A", "G"), 11)
    found = [[_text(call) for call in row] for row in block.genotypes.tolist()]
    assert found == [[call[0] for call in row] for row in expected]
    assert {"0/0", "0/1", "1/1", "./."} <= {text for row in found for text in row}
    theirs = [[np.nan if call[1] == "." else float(call[1]) for call in row] for row in expected]
    np.testing.assert_allclose(block.formats["DS"], theirs, atol=1e-4)
    assert block.formats["DS"].dtype == block.formats["GP"].dtype == np.float32
    assert not block.phased.any() and np.isnan(block.formats["HP"]).all()
    np.testing.assert_array_equal(block.states == NO_CALL, (block.genotypes < 0).any(axis=2))
    assert BgenReader(path).samples == _PEOPLE


@pytest.mark.parametrize("bits", [8, 16])
def test_blocks__phased_same_as_plink2(tmp_path: Path, bits: int) -> None:
    rng = np.random.default_rng(8)
    haplotypes = np.clip(rng.integers(0, 2, (30, len(_PEOPLE), 2)) + rng.normal(0, 0.05, (30, 6, 2)), 0, 1)
    values = [[f"{a:.3f},{b:.3f}" for a, b in row] for row in haplotypes]
    values[0][2] = "."
    path = _make_bgen(tmp_path, values, "HDS", ["bgen-1.2", f"bits={bits}"])
    block = _read(path)
    haplotypes[0, 2] = np.nan
    # What went in tells the order: plink2 of 2022 swaps the haplotypes of some calls as it reads BGEN back.
    np.testing.assert_allclose(block.formats["HP"][:, :, 1::2], haplotypes, atol=1 / (2**bits - 1) + 1e-3)
    for row, calls in enumerate(_export(path, "HDS")):
        for sample, (gt, hds) in enumerate(calls):
            assert _text(block.genotypes[row, sample].tolist()) == "/".join(sorted(gt[::2]))
            total = np.nan if hds.startswith(".") else sum(float(text) for text in hds.split(","))
            np.testing.assert_allclose(block.formats["DS"][row, sample], total, atol=2e-4)
    in_order = haplotypes > 0.5
    np.testing.assert_array_equal(block.genotypes[block.phased], in_order[block.phased])
    assert block.phased.mean() > 0.5 and not block.phased[0, 2] and np.isnan(block.formats["GP"]).all()


def test_blocks__regenie_example_same_as_bed(shared_data: Path) -> None:
    folder = shared_data / "association" / "regenie"
    block = _read(folder / "example.bgen")
    (bed,) = PlinkReader(folder / "example").blocks(Selection())
    same = np.array([a == b for a, b in zip(block.alleles, bed.alleles, strict=True)])[:, None]
    others = bed.genotypes.sum(2)
    np.testing.assert_array_equal(block.genotypes.sum(2), np.where(same | (others < 0), others, 2 - others))
    assert block.genotypes.shape == (1000, 500, 2)


def test_blocks__zlib_and_zstd_and_named_samples(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "association" / "regenie"
    zlib, zstd = BgenReader(folder / "example_3chr.bgen"), folder / "example_3chr_zstd.bgen"
    nameless = BgenReader(zstd)
    assert nameless.samples[:2] == ("sample_1", "sample_2") and "numbered" in nameless.notes["bgen_samples"]
    named = BgenReader(zstd, folder / "example_3chr.sample")
    assert named.samples[:2] == ("1", "2") and named.families[:2] == ("1", "2")
    assert "example_3chr.sample" in named.notes["bgen_samples"]
    for first, second in zip(zlib.blocks(Selection()), nameless.blocks(Selection()), strict=True):
        np.testing.assert_array_equal(first.genotypes, second.genotypes)
    shutil.copyfile(zstd, tmp_path / "example_3chr.bgen")
    shutil.copyfile(folder / "example_3chr.sample", tmp_path / "example_3chr.sample")
    assert BgenReader(tmp_path / "example_3chr.bgen").samples == named.samples


@pytest.mark.parametrize("name", ["example", "example-no-samples", "example-separate-samples"])
def test_blocks__sgkit_examples_same_as_the_bgen_package(shared_data: Path, name: str) -> None:
    path = shared_data / "variants" / "sgkit" / "bgen" / "data" / f"{name}.bgen"  # 32 bits, not for plink2
    block = _read(path)
    with bgen.BgenReader(path) as file:
        dosages = np.stack([variant.alt_dosage for variant in file])
    np.testing.assert_allclose(block.formats["DS"], dosages, atol=1e-6)
    near = np.abs(dosages - np.rint(dosages)) <= 0.1
    np.testing.assert_array_equal(block.states == NO_CALL, ~near)
    np.testing.assert_array_equal(block.genotypes.sum(2)[near], np.rint(dosages[near]))
    assert block.contigs[0] == "1" and block.identifiers[0] == "RSID_2"  # the file writes 01


def _scalar_call(
    probabilities: np.ndarray, ploidy: int, n_alleles: int, phased: bool
) -> tuple[list[int], bool, list[float]]:
    """Hard call of one sample, written down as the rule says it."""
    if phased:
        rows = [list(map(float, probabilities[h * n_alleles : (h + 1) * n_alleles])) for h in range(ploidy)]
        copies = [sum(row[allele] for row in rows) for allele in range(n_alleles)]
    else:
        genotypes = sorted(combinations_with_replacement(range(n_alleles), ploidy), key=lambda g: g[::-1])
        copies = [
            sum(float(p) * g.count(allele) for p, g in zip(probabilities, genotypes, strict=False))
            for allele in range(n_alleles)
        ]
    if any(np.isnan(copies)) or any(abs(c - round(c)) > 0.1 for c in copies):
        return [-1] * ploidy, False, copies
    alleles = [allele for allele in range(n_alleles) for _ in range(round(copies[allele]))]
    if phased:
        likeliest = [int(np.argmax(row)) for row in rows]
        if sorted(likeliest) == alleles:
            return likeliest, ploidy >= 2, copies
    return alleles, False, copies


def _probabilities(rng: np.random.Generator, ploidy: int, n_alleles: int, phased: bool) -> np.ndarray:
    size = len(list(combinations_with_replacement(range(n_alleles), ploidy)))
    groups, width = (ploidy, n_alleles) if phased else (1, size)
    parts = [rng.dirichlet(np.full(width, rng.choice([0.02, 0.5]))) for _ in range(groups)]
    return np.full(groups * width, np.nan) if rng.random() < 0.1 else np.concatenate(parts)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    compression=st.sampled_from([None, "zlib", "zstd"]),
    bits=st.sampled_from([8, 12, 16, 24]),
    mixed=st.booleans(),
)
def test_blocks__hard_calls_follow_the_rule(
    tmp_path: Path, seed: int, compression: str | None, bits: int, mixed: bool
) -> None:
    rng = np.random.default_rng(seed)
    n_samples, n = int(rng.integers(1, 8)), 4
    path = tmp_path / "w.bgen"
    names = [f"S{j}" for j in range(n_samples)]
    shapes = []
    with bgen.BgenWriter(path, n_samples, samples=names, compression=compression) as writer:
        for row in range(n):
            n_alleles, phased = int(rng.integers(2, 4)), bool(rng.random() < 0.5)
            ploidy = rng.integers(1, 4, n_samples) if mixed else np.full(n_samples, 2)
            each = [_probabilities(rng, int(p), n_alleles, phased) for p in ploidy]
            table = np.full((n_samples, max(map(len, each))), np.nan)
            for sample, values in enumerate(each):
                table[sample, : len(values)] = values
            alleles = ["A", "CC", "G"][:n_alleles]
            writer.add_variant(
                f"v{row}", f"rs{row}", "1", row + 1, alleles, table, ploidy.astype(np.uint8), phased, bits
            )
            shapes.append((n_alleles, phased, ploidy, each))
    blocks = list(BgenReader(path).blocks(Selection(fields=("FORMAT/*",), block_records=3)))
    assert [len(block) for block in blocks] == [3, 1]
    block = join_blocks(blocks, n_samples)
    for row, (n_alleles, phased, ploidy, each) in enumerate(shapes):
        stored = block.formats["HP" if phased else "GP"][row]
        for sample, p in enumerate(ploidy.tolist()):
            width = len(each[sample])
            np.testing.assert_allclose(stored[sample, :width], each[sample], atol=1.01 / (2**bits - 1) + 1e-6)
            assert np.isnan(stored[sample, width:]).all()
            call, in_order, copies = _scalar_call(stored[sample], p, n_alleles, phased)
            near = min((abs(abs(c - round(c)) - 0.1) for c in copies if not np.isnan(c)), default=1.0)
            if near < 1e-5:
                continue  # float32 may fall on either side of the threshold
            spelt = call + [-2] * (block.genotypes.shape[2] - p)
            assert block.genotypes[row, sample].tolist() == spelt
            assert block.phased[row, sample] == in_order
            expected = copies[1] if n_alleles == 2 else np.nan
            np.testing.assert_allclose(block.formats["DS"][row, sample], expected, atol=1e-5)


@pytest.mark.parametrize("phased", [False, True])
def test_call_diploids__same_as_call_genotypes(phased: bool) -> None:
    rng = np.random.default_rng(4)
    each = [_probabilities(rng, 2, 2, phased) for _ in range(3000)]
    table = np.stack(each).astype(np.float32)
    table[0] = [0.5, 0.5, 0.5, 0.5][: table.shape[1]] if phased else [0, 1, 0]
    fast = call_diploids(table, phased=phased)
    slow = call_genotypes(table, np.full(len(table), 2), 2, phased=phased)
    np.testing.assert_array_equal(fast.dosages, slow.dosages)
    sure = ~(np.abs(np.abs(fast.dosages - np.rint(fast.dosages)) - 0.1) < 1e-5)
    np.testing.assert_array_equal(fast.genotypes[sure], slow.genotypes[sure])
    np.testing.assert_array_equal(fast.phased[sure], slow.phased[sure])
    assert fast.genotypes.dtype == slow.genotypes.dtype == np.int8 and sure.mean() > 0.9


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "s.bgen"
    certain = np.eye(3)
    with bgen.BgenWriter(path, 3, samples=["A", "B", "C"]) as writer:
        for row in range(5):
            alleles = ["AT" if row == 1 else "A", "G"]
            writer.add_variant(f"v{row}", f"rs{row}", "01", 10 * row + 10, alleles, np.roll(certain, row, 0))
    return path


def test_blocks__first_allele_is_ref_or_the_last_when_asked(small: Path) -> None:
    first, last = _read(small), _read(small, {"reference": "last"})
    assert first.alleles[0] == ("A", "G") and last.alleles[0] == ("G", "A")
    np.testing.assert_array_equal(first.genotypes.sum(2), 2 - last.genotypes.sum(2))
    np.testing.assert_array_equal(first.formats["DS"], 2 - last.formats["DS"])
    np.testing.assert_array_equal(first.formats["GP"], last.formats["GP"][:, :, ::-1])
    assert "the first allele" in BgenReader(small).notes["bgen_reference"]
    assert "the last allele" in BgenReader(small, reference="last").notes["bgen_reference"]


def test_blocks__threshold_is_a_choice_that_the_notes_state(tmp_path: Path) -> None:
    path = tmp_path / "t.bgen"
    with bgen.BgenWriter(path, 1, samples=["A"]) as writer:
        writer.add_variant("v", "rs", "1", 5, ["A", "G"], np.array([[0.8, 0.2, 0.0]]))
    assert _read(path).genotypes.tolist() == [[[-1, -1]]]
    assert _read(path, {"threshold": 0.25}).genotypes.tolist() == [[[0, 0]]]
    assert "within 0.25 of" in BgenReader(path, threshold=0.25).notes["bgen_calls"]


def test_blocks__samples_regions_and_fields(small: Path) -> None:
    block = _read(small, samples=("C", "A"), fields=("FORMAT/DS",))
    assert list(block.formats) == ["DS"] and block.formats["DS"][0].tolist() == [2.0, 0.0]
    assert _read(small, regions=(Region("1", 21, 21),)).identifiers == ["rs1"]  # REF AT reaches to 21
    assert _read(small, regions=(Region("1", 21, 35), Region("1", 50, 50))).identifiers == [
        "rs1",
        "rs2",
        "rs4",
    ]
    assert len(_read(small, regions=(Region("2"),))) == 0
    assert BgenReader(small).first_record() == ("1", 10)
    read: list[int] = []
    _read(small, consumed=read.append)
    assert read == sorted(read) and read[-1] == small.stat().st_size


def test_blocks__index_gives_the_same_and_a_stale_one_is_not_used(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "association" / "regenie" / "example_3chr.bgen"
    indexed, bare = tmp_path / "i.bgen", tmp_path / "b.bgen"
    shutil.copyfile(source, indexed)
    shutil.copyfile(source, bare)
    shutil.copyfile(source.with_name(source.name + ".bgi"), tmp_path / "i.bgen.bgi")
    regions = (Region("3", 1, 450), Region("2", 210, 215))
    first, second = (_read(path, regions=regions) for path in (indexed, bare))
    assert first.identifiers == second.identifiers and 0 < len(first) < 500
    np.testing.assert_array_equal(first.genotypes, second.genotypes)
    shutil.copyfile(source.with_name("example.bgen.bgi"), tmp_path / "b.bgen.bgi")
    assert _read(bare, regions=regions).identifiers == first.identifiers
    (tmp_path / "b.bgen.bgi").write_bytes(b"no index")
    assert _read(bare, regions=regions).identifiers == first.identifiers


def test_reader__truncated_anywhere_is_an_input_error(small: Path) -> None:
    data = small.read_bytes()
    cut = small.with_name("cut.bgen")
    for size in range(0, len(data), 3):
        cut.write_bytes(data[:size])
        with pytest.raises(InputError, match=r"cut\.bgen"):
            _read(cut)


def test_reader__damaged_anywhere_reads_or_is_an_input_error(small: Path) -> None:
    data = small.read_bytes()
    broken = small.with_name("broken.bgen")
    for place in range(data.index(b"rs0") + 3, len(data)):
        changed = bytearray(data)
        changed[place] ^= 0x11
        broken.write_bytes(bytes(changed))
        with contextlib.suppress(InputError):  # and nothing else
            assert len(_read(broken)) == 5


def test_blocks__more_genotypes_than_anyone_has(tmp_path: Path) -> None:
    path = tmp_path / "m.bgen"
    with bgen.BgenWriter(path, 1, samples=["A"]) as writer:
        names = ["A" * (k + 1) for k in range(500)]
        writer.add_variant("v", "rs", "1", 1, names, np.eye(1, 125250), bit_depth=1)
    with pytest.raises(InputError, match="500 alleles at ploidy 2 make 125250 genotypes"):
        _read(path)


def test_blocks__bad_record_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "z.bgen"
    with bgen.BgenWriter(path, 1, samples=["A"]) as writer:
        for position in (0, 7):
            writer.add_variant("v", f"rs{position}", "1", position, ["A", "G"], np.array([[0.0, 1.0, 0.0]]))
    with pytest.raises(InputError, match=r"z\.bgen, record 1, field position: 0 is not a position"):
        _read(path)
    refused: list[tuple[object, ...]] = []
    assert _read(path, reject=lambda *what: refused.append(what)).identifiers == ["rs7"]
    assert refused == [(1, "position", "0 is not a position")]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("ID_1 ID_2 missing sex\n0 0 0 D\nf A 0 1\ng B 0 2\n", [("f", "A"), ("g", "B")]),
        ("ID missing\n0 0\nA 0\n", [("0", "A")]),
        ("ID sex\n0 D\nA 1\n", [("0", "A")]),
    ],
)
def test_sample_file__columns(tmp_path: Path, text: str, rows: list[tuple[str, str]]) -> None:
    (tmp_path / "x.sample").write_text(text)
    assert read_sample_file(tmp_path / "x.sample") == rows


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("A\nB\nC\n", "x.sample, record 2: not a .sample file"),
        ("ID_1 ID_2 missing\n0 0 0\nf A 0\n", "1 samples; expected 3"),
        ("ID_1 ID_2 missing\n0 0 0\nf A 0\nf A 0\nf B 0\n", "field ID_2: .* occurs twice"),
        ("ID_1 ID_2 missing\n0 0 0\nf\n", "record 3: too few columns"),
    ],
)
def test_reader__bad_sample_file(small: Path, tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "x.sample").write_text(text)
    with pytest.raises(InputError, match=part):
        BgenReader(small, tmp_path / "x.sample")


def test_reader__no_bgen_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        BgenReader(tmp_path / "none.bgen")
    (tmp_path / "text.bgen").write_text("##fileformat=VCFv4.2\n" * 20)
    with pytest.raises(InputError, match=r"text\.bgen"):
        BgenReader(tmp_path / "text.bgen")
