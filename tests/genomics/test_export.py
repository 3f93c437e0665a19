from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.errors import InputError
from genomics.export import export_calls, genotype_text
from genomics.export_bgzip import BgzipWriter
from genomics.export_cells import FLOAT_FILL, FLOAT_MISSING, cell_text, field_cells, float_text, has_value
from genomics.ingest import ingest

CALLS = "[%CHROM %POS %REF %ALT %FILTER %SAMPLE %GT\\n]"


def _query(path: Path) -> str:
    done = subprocess.run(["bcftools", "query", "-f", CALLS, str(path)], check=True, capture_output=True)
    return done.stdout.decode()


@pytest.mark.parametrize("name", ["calls.vcf", "calls.vcf.gz"])
def test_export__edge_file_comes_back(shared_data: Path, tmp_path: Path, name: str) -> None:
    source = shared_data / "variants" / "edge" / "edge.vcf"
    cohort = ingest(source, tmp_path / "c.vcz")
    out = export_calls(cohort, tmp_path / name)
    again = ingest(out, tmp_path / "again.vcz")
    records = slice(None)
    np.testing.assert_array_equal(again.genotypes(records), cohort.genotypes(records))
    np.testing.assert_array_equal(again.states(records), cohort.states(records))
    np.testing.assert_array_equal(again.phased(records), cohort.phased(records))
    pd.testing.assert_frame_equal(again.variants, cohort.variants)
    for column in ("variant_quality", "variant_END", "variant_filter"):
        np.testing.assert_array_equal(again.arrays[column][:], cohort.arrays[column][:])
    if shutil.which("bcftools") is None:
        pytest.skip("bcftools is not installed: compared with a second ingest only")
    assert _query(out) == _query(source)


def test_export__tsv_same_as_bcftools(shared_data: Path, tmp_path: Path) -> None:
    if shutil.which("bcftools") is None:
        pytest.skip("bcftools is not installed")
    source = shared_data / "variants" / "edge" / "edge.vcf"
    out = export_calls(ingest(source, tmp_path / "c.vcz"), tmp_path / "calls.tsv")
    table = pd.read_csv(out, sep="\t", dtype=str, keep_default_na=False)
    columns = ["chrom", "pos", "ref", "alt", "filter", "sample", "gt"]
    assert table.columns.tolist() == [*columns, "state"]
    lines = [" ".join(row) for row in table[columns].to_numpy().tolist()]
    assert lines == _query(source).splitlines()
    states = table.set_index(["pos", "sample"])["state"]
    assert states["100", "A"] == "observed" and states["100", "D"] == "no-call"
    assert states["200", "A"] == "no-call" and states["200", "D"] == "filtered"


def test_export__real_exome_with_depths(shared_data: Path, tmp_path: Path) -> None:
    if shutil.which("bcftools") is None:
        pytest.skip("bcftools is not installed")
    source = shared_data / "variants" / "ceu_exon" / "CEU_Exon.vcf.gz"
    out = export_calls(ingest(source, tmp_path / "c.vcz"), tmp_path / "calls.vcf.gz")
    query = ["bcftools", "query", "-f", "[%GT:%DP ]\\n"]
    before = subprocess.run([*query, str(source)], check=True, capture_output=True).stdout
    after = subprocess.run([*query, str(out)], check=True, capture_output=True).stdout
    assert before == after


def test_export__bgzip_and_index(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    cohort = ingest(make_vcf(["1 5 . A G . PASS . GT 0/1 0/0"]), tmp_path / "c.vcz")
    out = export_calls(cohort, tmp_path / "calls.vcf.gz")
    data = out.read_bytes()
    assert data[12:14] == b"BC" and data.endswith(bytes.fromhex("1b0003000000000000000000"))
    assert gzip.decompress(data).splitlines()[-1].split(b"\t")[9:] == [b"0/1", b"0/0"]
    if shutil.which("tabix") is None and shutil.which("bcftools") is None:
        pytest.skip("neither tabix nor bcftools is installed")
    subprocess.run(["bcftools", "index", str(out)], check=True, capture_output=True)


def test_export__unknown_format_and_failure(
    make_vcf: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = ingest(make_vcf(["1 5 . A G . PASS . GT 0/1 0/0"]), tmp_path / "c.vcz")
    with pytest.raises(InputError, match=r"calls\.xlsx: .*expected \.tsv, \.vcf or \.vcf\.gz"):
        export_calls(cohort, tmp_path / "calls.xlsx")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("genomics.export_tsv.genotype_bytes", full)
    with pytest.raises(InputError, match="the disk is full while the exported file was written"):
        export_calls(cohort, tmp_path / "calls.tsv")
    assert not list(tmp_path.glob("calls*"))


def _records(path: Path) -> list[list[str]]:
    """Return the records of a VCF as bcftools reads them, the entries of INFO sorted."""
    done = subprocess.run(["bcftools", "view", "-H", str(path)], check=True, capture_output=True)
    rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
    return [[*row[:7], ";".join(sorted(row[7].split(";"))), *row[8:]] for row in rows]


def _declared(path: Path) -> set[str]:
    done = subprocess.run(["bcftools", "view", "-h", str(path)], check=True, capture_output=True)
    lines = done.stdout.decode().splitlines()
    return {line for line in lines if line.startswith(("##INFO", "##FORMAT", "##contig", "##FILTER"))}


@pytest.mark.parametrize("name", ["calls.vcf", "calls.vcf.gz"])
def test_export__every_field_of_the_edge_file(shared_data: Path, tmp_path: Path, name: str) -> None:
    if shutil.which("bcftools") is None:
        pytest.skip("bcftools is not installed")
    source = shared_data / "variants" / "edge" / "edge.vcf"
    cohort = ingest(source, tmp_path / "c.vcz", fields=["INFO/*", "FORMAT/*"])
    out = export_calls(cohort, tmp_path / name)
    assert _records(out) == _records(source)
    kept = {line for line in _declared(source) if "ID=END" not in line and "ID=GT" not in line}
    assert {line for line in kept if "FILTER" not in line} <= _declared(out)


def _cells(path: Path, fields: set[str]) -> list[list[object]]:
    """Return the fixed columns, and each value of the fields by name, whatever their order; empty ones left out."""
    rows: list[list[object]] = []
    for line in subprocess.run(
        ["bcftools", "view", "-H", str(path)], capture_output=True
    ).stdout.splitlines():
        row = line.decode().split("\t")
        info = dict(entry.partition("=")[::2] for entry in row[7].split(";") if entry != ".")
        calls = [dict(zip(row[8].split(":"), cell.split(":"), strict=False)) for cell in row[9:]]
        values = [{k: v for k, v in cell.items() if k in fields and set(v) - set(".,")} for cell in calls]
        flags_too = {k: v for k, v in info.items() if k in fields and (not v or set(v) - set(".,"))}
        rows.append([*row[:6], sorted(row[6].split(";")), flags_too, *values])
    return rows


def test_export__corpus_comes_back(shared_data: Path, tmp_path: Path) -> None:
    """Files of bcftools' own tests, small ones: what is declared and ingested is the same in the VCF that comes back."""
    if shutil.which("bcftools") is None:
        pytest.skip("bcftools is not installed")
    folder = shared_data / "variants" / "bcftools" / "test"
    files = [path for path in sorted(folder.glob("[f-u]*.vcf")) if path.stat().st_size < 12_000][::5]
    compared = 0
    for source in files:
        try:
            cohort = ingest(source, tmp_path / "c.vcz", fields=["INFO/*", "FORMAT/*"])
        except InputError:
            continue
        out = export_calls(cohort, tmp_path / "out.vcf")
        fields = {name.split("_", 1)[1] for name in cohort.arrays if name.startswith(("variant_", "call_"))}
        assert _cells(out, fields | {"GT"}) == _cells(source, fields | {"GT"}), source.name
        compared += 1
    assert compared > 20


ALL_KINDS = [
    "##contig=<ID=1,length=249250621>",
    "##contig=<ID=X>",
    '##INFO=<ID=I1,Number=1,Type=Integer,Description="one">',
    '##INFO=<ID=IA,Number=A,Type=Float,Description="per ALT">',
    '##INFO=<ID=IR,Number=R,Type=Integer,Description="per allele">',
    '##INFO=<ID=IN,Number=.,Type=String,Description="any, with spaces">',
    '##INFO=<ID=I2,Number=2,Type=Float,Description="two">',
    '##INFO=<ID=FL,Number=0,Type=Flag,Description="flag">',
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="depths">',
    '##FORMAT=<ID=PL,Number=G,Type=Integer,Description="likelihoods">',
    '##FORMAT=<ID=DS,Number=A,Type=Float,Description="dosage">',
    '##FORMAT=<ID=TX,Number=1,Type=String,Description="text">',
    '##FORMAT=<ID=FX,Number=2,Type=Float,Description="two floats">',
]


def _random_record(rng: np.random.Generator, position: int) -> str:
    n_alts = int(rng.integers(1, 4))
    maybe = lambda text: text if rng.random() < 0.8 else "."  # noqa: E731

    def numbers(count: int, kind: str) -> str:
        values = [
            f"{np.float32(rng.normal()):.5g}" if kind == "f" else str(rng.integers(0, 40_000))
            for _ in range(count)
        ]
        return ",".join(maybe(value) for value in values)

    info = [
        f"I1={rng.integers(-9, -2)}",
        f"IA={numbers(n_alts, 'f')}",
        f"IR={numbers(n_alts + 1, 'i')}",
        "IN=" + ",".join(["aa", "b"][: rng.integers(1, 3)]),
        f"I2={numbers(2, 'f')}",
        "FL",
    ]
    chosen = sorted(entry for entry in info if rng.random() < 0.6)
    cells = []
    for _ in range(3):
        called = [str(rng.integers(0, n_alts + 1)) if rng.random() < 0.9 else "." for _ in range(2)]
        genotype = "/|"[rng.integers(2)].join(called) if "." not in called else "/".join(called)
        n_genotypes = (n_alts + 1) * (n_alts + 2) // 2
        values = [
            numbers(n_alts + 1, "i"),
            numbers(n_genotypes, "i"),
            numbers(n_alts, "f"),
            maybe("t:x".replace(":", "_")),
        ]
        cells.append(":".join([genotype, *values, numbers(2, "f")]))
    quality = maybe(f"{np.float32(rng.random() * 1000):.6g}")
    filters = ["PASS", ".", "q10"][rng.integers(3)]
    alts = ",".join(["G", "T", "AC"][:n_alts])
    head = (
        f"1 {position} {maybe('rs' + str(position))} A {alts} {quality} {filters} {';'.join(chosen) or '.'}"
    )
    return f"{head} GT:AD:PL:DS:TX:FX {' '.join(cells)}"


@pytest.mark.parametrize("seed", range(4))
def test_export__fields_of_every_kind_come_back(
    make_vcf: Callable[..., Path], tmp_path: Path, seed: int
) -> None:
    """Values as bcftools reads them from the file and from the file that came back; NaN and fill included."""
    if shutil.which("bcftools") is None:
        pytest.skip("bcftools is not installed")
    rng = np.random.default_rng(seed)
    records = [_random_record(rng, position) for position in range(100, 160, 3)]
    source = make_vcf(records, samples=("A", "B", "C"), header=ALL_KINDS)
    cohort = ingest(source, tmp_path / "c.vcz", fields=["INFO/*", "FORMAT/*"])
    out = export_calls(cohort, tmp_path / "out.vcf.gz")
    info = "%I1 %IN %FL"
    for query in (f"%POS %ID %REF %ALT %QUAL %FILTER {info}\\n", "[%POS %SAMPLE %GT %TX\\n]"):
        assert _bcftools_query(query, out) == _bcftools_query(query, source)
    for tag in ("AD", "PL", "DS", "FX", "IA", "IR", "I2"):
        query = f"[%{tag}\\n]" if tag.isupper() and not tag.startswith("I") else f"%{tag}\\n"
        before, after = (_bcftools_query(query, path).splitlines() for path in (source, out))
        assert [_without_dots(line) for line in before] == [_without_dots(line) for line in after], tag
    again = ingest(out, tmp_path / "again.vcz", fields=["INFO/*", "FORMAT/*"])
    for name in cohort.arrays:
        if name != "filter_description":
            ours, theirs = cohort.read(name), again.read(name)
            np.testing.assert_array_equal(has_value(theirs), has_value(ours), err_msg=name)
            np.testing.assert_array_equal(theirs[has_value(ours)], ours[has_value(ours)], err_msg=name)


def _bcftools_query(query: str, path: Path) -> str:
    command = ["bcftools", "query", "-f", query.replace("\\\\", "\\"), str(path)]
    return subprocess.run(command, check=True, capture_output=True).stdout.decode()


def _without_dots(values: str) -> str:
    """A field of which no value is there is one dot, however many it had."""
    return "." if set(values) <= set(".,") else values


def test_export__sites_only(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    """A store without samples loses no record."""
    header = ['##INFO=<ID=AF,Number=A,Type=Float,Description="frequency">']
    records = ["1 5 rs1 A G,T . PASS AF=0.1,0.25 GT 0/0 0/1", "1 9 . C G 30 . . GT 0/0 0/1"]
    cohort = ingest(make_vcf(records, header=header), tmp_path / "c.vcz", fields=["INFO/*"])
    sites = cohort.select(samples=[])
    out = export_calls(sites, tmp_path / "calls.tsv").read_text()
    assert out.splitlines()[1:] == ["1\t5\tA\tG,T\tPASS\t\t\t", "1\t9\tC\tG\t.\t\t\t"]
    vcf = export_calls(sites, tmp_path / "out.vcf").read_text()
    assert vcf.splitlines()[-3:] == [
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO",
        "1\t5\trs1\tA\tG,T\t.\tPASS\tAF=0.1,0.25",
        "1\t9\t.\tC\tG\t30\t.\t.",
    ]


def test_export__selection(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    records = [f"1 {at} rs{at} A G . PASS . GT 0/1 0/0 1/1" for at in (5, 6, 7, 8)]
    cohort = ingest(make_vcf(records, samples=("A", "B", "C")), tmp_path / "c.vcz")

    def rows(**selection: object) -> list[str]:
        out = export_calls(cohort, tmp_path / "calls.tsv", **selection)  # type: ignore[arg-type]
        table = pd.read_csv(out, sep="\t")
        return [f"{pos}{sample}" for pos, sample in zip(table["pos"], table["sample"], strict=True)]

    assert rows(keep=["C", "A"], regions=["1:6-7"]) == ["6C", "6A", "7C", "7A"]
    assert rows(remove=["A", "B"], extract=["rs5", "1:8:A:G", "rs99"]) == ["5C", "8C"]
    assert rows(keep=["B"], exclude=["rs5", "rs6"]) == ["7B", "8B"]
    assert rows(regions=["1:900-1000"]) == []
    with pytest.raises(InputError, match="samples asked for are not in the store"):
        rows(keep=["Z"])


def test_export__store_of_another_program(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    """Without states, phase, ids, qualities, filters or attributes."""
    import zarr

    from genomics.cohort import open_cohort

    cohort = ingest(make_vcf(["1 5 . A G . PASS . GT:DP 0/1:3 0/0:."]), tmp_path / "c.vcz")
    other = zarr.open_group(tmp_path / "other.vcz", mode="w", zarr_format=3)
    for name in ("variant_contig", "variant_position", "call_genotype", "call_DP"):
        dimensions = cohort.arrays[name].attrs["_ARRAY_DIMENSIONS"]
        other.create_array(name, data=cohort.read(name), dimension_names=dimensions)
    for name in ("sample_id", "contig_id", "variant_allele"):
        dimensions = cohort.arrays[name].attrs["_ARRAY_DIMENSIONS"]
        values = np.asarray(cohort.read(name), dtype=object).astype("T")
        other.create_array(name, data=values, dimension_names=dimensions)
    lines = export_calls(open_cohort(tmp_path / "other.vcz"), tmp_path / "o.vcf").read_text().splitlines()
    assert lines[-1] == "1\t5\t.\tA\tG\t.\t.\t.\tGT:DP\t0/1:3\t0/0:."
    assert '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="DP">' in lines


@settings(max_examples=30, deadline=None)
@given(size=st.integers(0, 300_000), seed=st.integers(0, 9), random=st.booleans(), threads=st.integers(1, 3))
def test_bgzip__gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, size: int, seed: int, random: bool, threads: int
) -> None:
    rng = np.random.default_rng(seed)
    data = rng.bytes(size) if random else (b"0/1\t" * (size // 4))
    path = tmp_path_factory.mktemp("bgzip") / "data.gz"
    with BgzipWriter(path, threads=threads) as stream:
        for start in range(0, len(data), 70_001):
            stream.write(data[start : start + 70_001])
    packed = path.read_bytes()
    assert gzip.decompress(packed) == data
    assert packed.endswith(bytes.fromhex("1b0003000000000000000000"))
    at = 0
    while at < len(packed):  # every block says its own size, which is below 64 KB
        assert packed[at : at + 4] == b"\x1f\x8b\x08\x04"
        at += int.from_bytes(packed[at + 16 : at + 18], "little") + 1
    assert at == len(packed)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float_text__tells_every_float_apart(value: float) -> None:
    assert np.float32(float_text(np.float32(value))) == np.float32(value)


@given(st.lists(st.lists(st.integers(-1, 2**31 - 1), min_size=1, max_size=4), min_size=1, max_size=20))
def test_field_cells__integers_of_any_number(rows: list[list[int]]) -> None:
    width = max(len(row) for row in rows)
    values = np.array([row + [-2] * (width - len(row)) for row in rows], np.int32)
    cells, present = field_cells(values, 1)
    for row, cell, is_present in zip(rows, cells, present, strict=True):
        text = ",".join("." if value == -1 else str(value) for value in row)
        assert cell_text(cell).decode() == (text if is_present else ".")
        assert is_present == any(value != -1 for value in row)


def test_field_cells__missing_floats_at_the_end_stay() -> None:
    missing, fill = np.array([FLOAT_MISSING, FLOAT_FILL], np.int32).view(np.float32)
    values = np.array([[missing, 9.9, missing], [1, missing, fill], [2, np.nan, np.nan]], np.float32)
    cells, _ = field_cells(values, 1)
    assert [cell_text(cell) for cell in cells] == [b".,9.9,.", b"1,.", b"2"]


_ALLELE = st.one_of(st.none(), st.integers(0, 130))


@given(st.lists(st.tuples(st.lists(_ALLELE, min_size=1, max_size=4), st.booleans()), min_size=1, max_size=30))
def test_genotype_text__writes_each_allele(calls: list[tuple[list[int | None], bool]]) -> None:
    array = np.full((len(calls), 4), -2, np.int16)
    for row, (alleles, _) in enumerate(calls):
        array[row, : len(alleles)] = [-1 if allele is None else allele for allele in alleles]
    phased = np.array([phase for _, phase in calls])
    expected = []
    for alleles, phase in calls:
        expected.append(("|" if phase else "/").join("." if a is None else str(a) for a in alleles))
    assert genotype_text(array, phased).tolist() == expected
