from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pgenlib
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genomics.block import MISSING, NO_CALL, VariantBlock, call_states, join_blocks
from genomics.errors import InputError
from genomics.readers import Selection
from genomics.readers.pgen import PgenReader, pgen_prefix
from genomics.readers.plink import PlinkReader
from genomics.readers.pvar import read_psam
from genomics.regions import Region

_HEADER = """##fileformat=VCFv4.3
##contig=<ID=1,length=100000>
##contig=<ID=X,length=155000000>
##contig=<ID=Y,length=1000>
##contig=<ID=MT,length=1000>
##FILTER=<ID=q10,Description="low">
##INFO=<ID=AF,Number=A,Type=Float,Description="frequency">
##INFO=<ID=DB,Number=0,Type=Flag,Description="flag, with a comma">
##INFO=<ID=NS,Number=1,Type=Integer,Description="samples">
##INFO=<ID=TXT,Number=.,Type=String,Description="text">
##INFO=<ID=END,Number=1,Type=Integer,Description="end">
##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">
##FORMAT=<ID=DS,Number=1,Type=Float,Description="dosage">
##FORMAT=<ID=HDS,Number=2,Type=Float,Description="phased dosage">
"""
_CALLS = """1 10 rs1 A G 30.5 PASS AF=0.5;DB;NS=3 GT 0|0 0|1 1|0 1|1 .|.
1 20 . A G,T,AC . q10 AF=0.1,.,0.3;TXT=a,b GT 0/1 1/2 2|3 3/3 ./.
1 30 rs3 AT A 99 . . GT 0/0 0/0 0/0 0/0 0/0
1 40 rs4 A <DEL> . q10 END=60 GT 0/1 0/1 0/0 0/0 1/1
1 50 rs5 A C . PASS . GT 0|0 0/1 1|0 1|1 .|.
1 60 rs6 A . . PASS . GT 0/0 0/0 0/0 0/0 ./.
X 3000000 x A C . PASS . GT 0 0/1 1 1/1 .
Y 500 y A C . PASS . GT 0 . 1 . 1
MT 500 m A C . PASS . GT 0 1 1 0 .
"""


def _plink2(*arguments: object) -> None:
    if shutil.which("plink2") is None:
        pytest.skip("plink2 is not installed")
    done = subprocess.run(["plink2", "--threads", "1", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _make_pgen(
    folder: Path,
    records: str = _CALLS,
    options: Sequence[object] = (),
    vzs: bool = False,
    header: str = _HEADER,
) -> Path:
    columns = "#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT A B C D E\n"
    (folder / "in.vcf").write_text(header + (columns + records).replace(" ", "\t"))
    (folder / "in.psam").write_text("#IID\tSEX\nA\t1\nB\t2\nC\t1\nD\t2\nE\t1\n")
    vcf = [*("--vcf", folder / "in.vcf"), *options, "--psam", folder / "in.psam"]
    _plink2(*vcf, "--make-pgen", *(["vzs"] if vzs else []), "--out", folder / "p")
    return folder / "p"


def _export(prefix: Path, *options: object, vzs: bool = False) -> list[list[str]]:
    fileset = [prefix, "vzs"] if vzs else [prefix]
    _plink2("--pfile", *fileset, "--export", "vcf", *options, "--out", prefix.with_name("out"))
    lines = prefix.with_name("out.vcf").read_text().splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


def _read(prefix: Path, **chosen: Any) -> VariantBlock:
    reader = PgenReader(prefix)
    samples = chosen.get("samples") or reader.samples
    return join_blocks(list(reader.blocks(Selection(**chosen))), len(samples))


def _texts(block: VariantBlock, row: int) -> list[str]:
    """Calls as plink2 writes them, but for phase, which it writes after the sample's last heterozygous call."""
    rows = []
    for pair, phased in zip(block.genotypes[row].tolist(), block.phased[row].tolist(), strict=True):
        first, second = ("." if allele < 0 else str(allele) for allele in pair)
        rows.append(f"{first}{'|' if phased and first != second else '/'}{second}")
    return rows


def _as_diploid(call: str) -> str:
    """A call of plink2's VCF: haploid ones doubled, phase kept at heterozygous ones."""
    alleles = call.replace("|", "/").split("/")
    if len(set(alleles)) == 1:
        return f"{alleles[0]}/{alleles[0]}"
    return call


@pytest.mark.parametrize("vzs", [False, True])
def test_blocks__same_as_plink2_export(tmp_path: Path, vzs: bool) -> None:
    prefix = _make_pgen(tmp_path, vzs=vzs)
    block = _read(prefix, fields=("INFO/*",))
    expected = _export(prefix, vzs=vzs)
    for row, columns in enumerate(expected):
        assert block.contigs[row] == columns[0] and block.positions[row] == int(columns[1])
        assert (block.identifiers[row] or ".") == columns[2]
        assert block.alleles[row] == (columns[3], *(columns[4].split(",") if columns[4] != "." else ()))
        assert (";".join(block.filters[row]) or ".") == columns[6]
        calls = [_as_diploid(call) for call in columns[9:]]
        hidden = block.contigs[row] == "Y"  # plink2 does not export what women have on Y
        assert [t for t, c in zip(_texts(block, row), calls, strict=True) if not hidden or c != "./."] == [
            c for c in calls if not hidden or c != "./."
        ]
    np.testing.assert_array_equal(block.quality, np.float32([30.5, *[np.nan], 99, *[np.nan] * 6]))
    np.testing.assert_array_equal(block.ends, [-1, -1, -1, 60, -1, -1, -1, -1, -1])
    np.testing.assert_array_equal(
        block.info["AF"][:2], np.float32([[0.5, np.nan, np.nan], [0.1, np.nan, 0.3]])
    )
    assert block.info["DB"].tolist() == [True] + [False] * 8
    assert block.info["NS"].tolist() == [3] + [-1] * 8
    assert block.info["TXT"][1].tolist() == ["a", "b"]
    filtered = np.array([[bool(set(names) - {"PASS"})] for names in block.filters])
    np.testing.assert_array_equal(block.states, call_states(block.genotypes, filtered))
    assert PgenReader(prefix).filters == ("q10",)
    assert PgenReader(prefix).contigs["X"] == 155000000


def test_reader__notes_ploidy_sex_and_reference(tmp_path: Path) -> None:
    reader = PgenReader(_make_pgen(tmp_path))
    assert reader.samples == tuple("ABCDE") and reader.families == ("0",) * 5
    assert reader.sexes == ("male", "female", "male", "female", "male")
    assert "3 men, 2 women, 0 of unknown sex" in reader.notes["pgen_ploidy"]
    assert "none is marked as provisional" in reader.notes["pgen_reference"]
    assert reader.first_record() == ("1", 10)
    haploid = _read(reader.path, regions=(Region("MT"),))
    assert haploid.genotypes[0].tolist() == [[0, 0], [1, 1], [1, 1], [0, 0], [-1, -1]]


@pytest.mark.parametrize("name", ["example"])
def test_blocks__regenie_example_same_as_plink2_and_bed(shared_data: Path, tmp_path: Path, name: str) -> None:
    source = shared_data / "association" / "regenie" / name
    for suffix in (".pgen", ".pvar", ".psam", ".bed", ".bim", ".fam"):
        shutil.copyfile(source.with_suffix(suffix), tmp_path / f"e{suffix}")
    block = _read(tmp_path / "e", fields=("INFO/PR",))
    expected = _export(tmp_path / "e")
    assert [_texts(block, row) for row in range(len(block))] == [
        [_as_diploid(call) for call in columns[9:]] for columns in expected
    ]
    assert [list(alleles) for alleles in block.alleles] == [columns[3:5] for columns in expected]
    assert block.info["PR"].all() == all("PR" in columns[7] for columns in expected)
    (bed,) = PlinkReader(tmp_path / "e").blocks(Selection())
    same = [pgen == plink for pgen, plink in zip(block.alleles, bed.alleles, strict=True)]
    copies, others = block.genotypes.sum(2), bed.genotypes.sum(2)
    flipped = np.where(others < 0, others, 2 - others)
    np.testing.assert_array_equal(copies, np.where(np.array(same)[:, None], others, flipped))


def _write(
    folder: Path,
    calls: np.ndarray,
    phase: np.ndarray | None,
    n_alleles: np.ndarray,
    nonref: bool | None = False,
) -> Path:
    """Write alleles (n, samples, 2) as a fileset with pgenlib; the last record with that many alleles."""
    n, n_samples, _ = calls.shape
    writer = pgenlib.PgenWriter(
        str(folder / "w.pgen").encode(), n_samples, variant_ct=n, nonref_flags=nonref,
        allele_ct_limit=int(n_alleles.max()), hardcall_phase_present=phase is not None,
    )  # fmt: skip
    for row in range(n):
        alleles = np.where(calls[row] == MISSING, -9, calls[row]).astype(np.int32).ravel()
        count = int(n_alleles[row])
        if phase is None:
            writer.append_alleles(alleles, allele_ct=count)
        else:
            writer.append_partially_phased(alleles, phase[row].astype(np.uint8), allele_ct=count)
    writer.close()
    alts = [",".join("ACGT"[k % 4] * (2 + k) for k in range(count - 1)) for count in n_alleles]
    lines = [f"1\t{row + 1}\tv{row}\tT\t{alts[row]}\n" for row in range(n)]
    (folder / "w.pvar").write_text("#CHROM\tPOS\tID\tREF\tALT\n" + "".join(lines))
    (folder / "w.psam").write_text("#IID\n" + "".join(f"S{j}\n" for j in range(n_samples)))
    return folder / "w"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), data=st.data())
def test_blocks__give_back_what_pgenlib_wrote(tmp_path: Path, seed: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    n, n_samples = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 40))
    most = data.draw(st.sampled_from([2, 2, 3, 5]))
    n_alleles = rng.integers(2, most + 1, n)
    n_alleles[0] = most
    calls = np.sort(rng.integers(0, n_alleles[:, None, None], (n, n_samples, 2)), axis=2)
    with_phase = data.draw(st.booleans())
    phase = (rng.random((n, n_samples)) < 0.5) & (calls[:, :, 0] != calls[:, :, 1]) if with_phase else None
    if phase is not None:
        flipped = phase & (rng.random((n, n_samples)) < 0.5)
        calls = np.where(flipped[:, :, None], calls[:, :, ::-1], calls)
    missing = rng.random((n, n_samples)) < 0.1
    calls[missing] = MISSING
    prefix = _write(tmp_path, calls, None if phase is None else phase & ~missing, n_alleles)
    chosen = rng.permutation(n_samples)[: data.draw(st.integers(1, n_samples))]
    names = tuple(f"S{j}" for j in chosen)
    block = _read(prefix, samples=names, block_records=data.draw(st.integers(1, 4)))
    assert block.genotypes.dtype == np.int8
    np.testing.assert_array_equal(block.genotypes, calls[:, chosen])
    assert [len(alleles) for alleles in block.alleles] == n_alleles.tolist()
    heterozygous = (calls[:, :, 0] != calls[:, :, 1])[:, chosen]
    kept = np.zeros_like(missing) if phase is None else phase & ~missing
    np.testing.assert_array_equal(block.phased & heterozygous, kept[:, chosen])
    np.testing.assert_array_equal(block.states == NO_CALL, missing[:, chosen])


def test_blocks__more_alleles_than_int8_holds(tmp_path: Path) -> None:
    calls = np.array([[[0, 200], [199, 199], [-1, -1]]])
    block = _read(_write(tmp_path, calls, None, np.array([201])))
    assert block.genotypes.dtype == np.int16
    np.testing.assert_array_equal(block.genotypes, calls)


def test_blocks__provisional_flags_of_each_variant(tmp_path: Path) -> None:
    records = "".join(
        f"1 {10 * k} r{k} A G . . {'PR' if k % 2 else '.'} GT 0/0 0/1 0/0 1/1 ./.\n" for k in (1, 2, 3)
    )
    header = (
        "##fileformat=VCFv4.3\n##contig=<ID=1>\n"
        '##INFO=<ID=PR,Number=0,Type=Flag,Description="provisional">\n'
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">\n'
    )
    prefix = _make_pgen(tmp_path, records, header=header)  # plink2 turns INFO/PR into flags of the .pgen file
    assert "2 of 3 variants are marked as provisional" in PgenReader(prefix).notes["pgen_reference"]
    flags = _read(prefix, fields=("INFO/PR",), block_records=2).info["PR"]
    assert flags.tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("nonref", "said"), [(None, "does not say"), (False, "none is marked"), (True, "every variant is marked")]
)
def test_reader__says_whether_ref_is_provisional(tmp_path: Path, nonref: bool | None, said: str) -> None:
    prefix = _write(tmp_path, np.zeros((3, 2, 2), int), None, np.array([2, 2, 2]), nonref=nonref)
    assert said in PgenReader(prefix).notes["pgen_reference"]
    assert ("INFO/PR" in PgenReader(prefix).fields) == (nonref is True)


def test_blocks__dosages_same_as_plink2(tmp_path: Path) -> None:
    records = """1 10 a A G . . . GT:DS 0/0:0.07 0/1:1.2 1/1:1.96 ./.:. ./.:1.5
1 20 b A G . . . GT:DS 0/0:0 0/1:1 1/1:2 ./.:. 0/1:1
"""
    prefix = _make_pgen(tmp_path, records, ("dosage=DS",))
    reader = PgenReader(prefix)
    assert "FORMAT/DS" in reader.fields and "FORMAT/HDS" not in reader.fields
    assert "pgen_dosage" in reader.notes
    block = _read(prefix, fields=("FORMAT/DS",))
    assert block.formats["DS"].dtype == np.float32 and block.formats["DS"].shape == (2, 5)
    expected = _export(prefix, "vcf-dosage=DS-force")
    for row in range(2):
        theirs = [call.split(":") for call in expected[row][9:]]
        assert [_as_diploid(call[0]) for call in theirs] == _texts(block, row)
        dosages = [float(call[1]) if len(call) > 1 and call[1] != "." else np.nan for call in theirs]
        np.testing.assert_allclose(block.formats["DS"][row], dosages, atol=1e-4)
    few = _read(prefix, fields=("FORMAT/DS",), samples=("E", "A"))
    np.testing.assert_array_equal(few.formats["DS"], block.formats["DS"][:, [4, 0]])


def test_blocks__dosage_of_multiallelic_records_is_nan(tmp_path: Path) -> None:
    calls = np.array([[[0, 0], [0, 1]], [[0, 2], [1, 2]]])
    prefix = _write(tmp_path, calls, None, np.array([2, 3]))
    writer = pgenlib.PgenWriter(
        str(tmp_path / "w.pgen").encode(), 2, variant_ct=2, allele_ct_limit=3, dosage_present=True
    )
    writer.append_dosages(np.array([0.25, 1.0], np.float32))
    writer.append_alleles(np.array([0, 2, 1, 2], np.int32), allele_ct=3)
    writer.close()
    block = _read(prefix, fields=("FORMAT/DS",))  # one number cannot say it for several ALTs
    np.testing.assert_array_equal(block.formats["DS"], np.float32([[0.25, 1], [np.nan, np.nan]]))
    np.testing.assert_array_equal(block.genotypes[1], calls[1])


def test_blocks__phased_dosages_same_as_plink2(tmp_path: Path) -> None:
    records = "1 10 a A G . . . GT:HDS 0|0:0.1,0 0|1:0.2,0.9 1|0:1,0.05 .|.:. 1|1:0.95,1\n"
    prefix = _make_pgen(tmp_path, records, ("dosage=HDS",))
    block = _read(prefix, fields=("FORMAT/*",))
    (columns,) = _export(prefix, "vcf-dosage=HDS-force")
    place = columns[8].split(":").index("HDS")
    for sample, call in enumerate(columns[9:]):
        parts = call.split(":")
        known = len(parts) > place and not parts[place].startswith(".")
        expected = [float(text) for text in parts[place].split(",")] if known else [np.nan, np.nan]
        np.testing.assert_allclose(block.formats["HDS"][0, sample], expected, atol=2e-4)


def test_blocks__regions_are_aware_of_end(tmp_path: Path) -> None:
    prefix = _make_pgen(tmp_path)
    assert _read(prefix, regions=(Region("1", 31, 31),)).identifiers == ["rs3"]
    assert _read(prefix, regions=(Region("1", 55, 55), Region("X"))).identifiers == ["rs4", "x"]
    assert len(_read(prefix, regions=(Region("1", 90, 99),))) == 0


def test_blocks__tell_progress_and_leave_out_bad_lines(tmp_path: Path) -> None:
    calls = np.zeros((4, 2, 2), int)
    prefix = _write(tmp_path, calls, None, np.array([2] * 4))
    pvar = tmp_path / "w.pvar"
    pvar.write_text(pvar.read_text().replace("1\t2\t", "1\tzwei\t"))
    with pytest.raises(InputError, match=r"w\.pvar, record 2, field POS: 'zwei' is not a position"):
        _read(prefix)
    refused: list[tuple[object, ...]] = []
    read: list[int] = []
    block = _read(prefix, reject=lambda *what: refused.append(what), consumed=read.append, block_records=2)
    assert block.identifiers == ["v0", "v2", "v3"] and refused[0][:2] == (2, "POS")
    assert read == [(tmp_path / "w.pgen").stat().st_size // 2, (tmp_path / "w.pgen").stat().st_size]


@pytest.mark.parametrize(
    ("text", "names", "families", "sexes"),
    [
        ("#IID SEX\nA 1\nB F\n", ["A", "B"], ["0", "0"], ["male", "female"]),
        ("## note\n#FID IID\nf A\ng B\n", ["A", "B"], ["f", "g"], ["", ""]),
        ("#FID IID SID SEX\nf A 1 NA\nf A 2 0\n", ["A_1", "A_2"], ["f", "f"], ["", ""]),
        ("f A 0 0 2 -9\ng B 0 0 1 -9\n", ["A", "B"], ["f", "g"], ["female", "male"]),
    ],
)
def test_psam__columns(
    tmp_path: Path, text: str, names: list[str], families: list[str], sexes: list[str]
) -> None:
    (tmp_path / "p.psam").write_text(text)
    people = read_psam(tmp_path / "p.psam")
    assert [person.identifier for person in people] == names
    assert [person.family for person in people] == families
    assert [person.sex for person in people] == sexes


def test_pvar__without_header_has_the_columns_of_a_bim_file(tmp_path: Path) -> None:
    prefix = _write(tmp_path, np.array([[[0, 1]]]), None, np.array([2]))
    (tmp_path / "w.pvar").write_text("23 rs7 0 5 G A\n")
    block = _read(prefix)
    assert (block.contigs, block.identifiers, block.alleles) == (["X"], ["rs7"], [("A", "G")])


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda p: p.with_suffix(".pgen").unlink(), "w.pgen: no such file"),
        (lambda p: p.with_suffix(".pvar").unlink(), "w.pvar: no such file"),
        (lambda p: p.with_suffix(".psam").unlink(), "w.psam: no such file"),
        (
            lambda p: p.with_suffix(".pgen").write_bytes(b"##fileformat"),
            "w.pgen: not a variant-major PLINK 2",
        ),
        (lambda p: p.with_suffix(".pgen").write_bytes(b"\x6c\x1b\x10\x01\0"), "w.pgen: the file ends inside"),
        (lambda p: _cut(p.with_suffix(".pgen")), r"w\.pgen.*(cannot open it|damaged)"),
        (lambda p: p.with_suffix(".psam").write_text("#IID\nA\n"), "w.psam: 1 samples; expected 3"),
        (lambda p: p.with_suffix(".psam").write_text("#IID\nA\nA\nB\n"), "identifier occurs twice"),
        (lambda p: p.with_suffix(".psam").write_text("#IID\n"), "no sample identifier"),
        (
            lambda p: p.with_suffix(".pvar").write_text("#CHROM POS ID REF ALT\n1 1 a A G\n"),
            "1 variants; .*5",
        ),
        (lambda p: p.with_suffix(".pvar").write_text("#CHROM POS ID REF\n1 1 a A\n"), "no column ALT"),
        (lambda p: p.with_suffix(".pvar").write_text("1 1\n"), "no header, and 2 columns"),
        (lambda p: p.with_suffix(".pvar").write_bytes(b"\xff\xfe\n"), "not a text file"),
        (lambda p: p.with_suffix(".pvar").rename(p.with_suffix(".pvar.zst")), r"pvar\.zst: cannot be read"),
    ],
)
def test_reader__broken_fileset(tmp_path: Path, change: Callable[[Path], object], part: str) -> None:
    rng = np.random.default_rng(5)
    prefix = _write(tmp_path, np.sort(rng.integers(0, 2, (5, 3, 2)), axis=2), None, np.array([2] * 5))
    change(prefix)
    with pytest.raises(InputError, match=part):
        _read(prefix)


def test_blocks__damaged_record_is_named_and_left_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    n_samples = 64
    calls = np.sort(rng.integers(0, 2, (6, n_samples, 2)), axis=2)
    phase = (calls[:, :, 0] != calls[:, :, 1]) & (rng.random((6, n_samples)) < 0.5)
    prefix = _write(tmp_path, calls, phase, np.array([2] * 6))
    pgen = tmp_path / "w.pgen"
    data = bytearray(pgen.read_bytes())
    data[-1] ^= 0x80  # the last bits of the last record, beyond its phased calls
    data[-6:] = b"\xff" * 6
    pgen.write_bytes(bytes(data))
    with pytest.raises(InputError, match=r"w\.pgen, record 6, field genotypes: damaged"):
        _read(prefix)
    refused: list[tuple[object, ...]] = []
    block = _read(prefix, reject=lambda *what: refused.append(what))
    np.testing.assert_array_equal(block.genotypes, calls[:5])
    assert refused[0][:2] == (6, "genotypes")


def test_blocks__allele_that_the_pvar_does_not_name(tmp_path: Path) -> None:
    prefix = _write(tmp_path, np.array([[[0, 1]], [[0, 0]]]), None, np.array([2, 2]))
    pvar = tmp_path / "w.pvar"
    pvar.write_text("#CHROM POS ID REF ALT\n1 1 a T .\n1 2 b T .\n")
    with pytest.raises(InputError, match=r"record 1, .*allele number 1 where the record has 0 ALT"):
        _read(prefix)
    assert _read(prefix, reject=lambda *what: None).alleles == [("T",)]


def test_reader__damaged_anywhere_reads_or_is_an_input_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    calls = np.sort(rng.integers(0, 3, (8, 20, 2)), axis=2)
    prefix = _write(tmp_path, calls, rng.random((8, 20)) < 0.5, np.full(8, 3))
    pgen = tmp_path / "w.pgen"
    data = pgen.read_bytes()
    for _ in range(300):
        changed = bytearray(data)
        changed[rng.integers(3, len(data))] = rng.integers(256)
        pgen.write_bytes(bytes(changed))
        with contextlib.suppress(InputError):  # and nothing else
            assert len(_read(prefix)) == 8


def test_pgen_prefix__of_prefix_and_files(tmp_path: Path) -> None:
    prefix = _write(tmp_path, np.zeros((1, 1, 2), int), None, np.array([2]))
    assert pgen_prefix(prefix) == prefix
    assert {pgen_prefix(f"{prefix}{suffix}") for suffix in (".pgen", ".pvar", ".psam", ".pvar.zst")} == {
        prefix
    }
    assert pgen_prefix(tmp_path / "other") is None
