from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import genomics.store_arrays
from genomics.cohort import open_cohort
from genomics.errors import InputError
from genomics.ingest import ingest
from genomics.policy import CallPolicy
from genomics.preparation import Preparation
from genomics.shards import list_inputs

ONE = "1 100 rs1 A G . PASS . GT 0/1 1|1"
TWO = "2 100 rs2 A G . PASS . GT 0/0 ./."


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix not in (".vcf", ".gz"))


def test_ingest__shards_in_genome_order(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    make_vcf(["10 5 . A G . . . GT 0/1 0/0"], "in/a.vcf")
    make_vcf(["2 9 . A G . . . GT 0/1 0/0"], "in/b.vcf.gz")
    make_vcf(["2 7 . A G . . . GT 1/1 0/0"], "in/c.vcf")
    make_vcf(["X 1 . A G . . . GT 0/1 0/0", "MT 1 . A G . . . GT 1 0"], "in/d.vcf")
    steps: list[float] = []
    cohort = ingest(tmp_path / "in", tmp_path / "c.vcz", progress=steps.append)
    assert cohort.variants["variant_id"].tolist() == ["2:7:A:G", "2:9:A:G", "10:5:A:G", "X:1:A:G", "MT:1:A:G"]
    assert steps == sorted(steps) and steps[-1] == 1.0


def test_ingest__same_input_same_bytes(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    path = make_vcf([ONE, TWO])
    stores = [ingest(path, tmp_path / name).path for name in ("a.vcz", "b.vcz")]
    files = [sorted(p.relative_to(s) for p in s.rglob("*") if p.is_file()) for s in stores]
    assert files[0] == files[1]
    for name in files[0]:
        assert (stores[0] / name).read_bytes() == (stores[1] / name).read_bytes(), name


def test_ingest__shards_with_other_samples(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    a, b = make_vcf([ONE], "a.vcf"), make_vcf([TWO], "b.vcf", samples=("A", "C"))
    with pytest.raises(InputError, match=r"b\.vcf, field #CHROM: its samples are not those of a\.vcf"):
        ingest([a, b], tmp_path / "c.vcz")
    with pytest.raises(InputError, match="in the same order"):
        ingest([a, make_vcf([TWO], "b.vcf", samples=("B", "A"))], tmp_path / "c.vcz")
    assert _left(tmp_path) == []


def test_ingest__two_ways_to_name_contigs(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    a, b = make_vcf([ONE], "a.vcf"), make_vcf(["chr" + TWO], "b.vcf")
    with pytest.raises(InputError, match=r"two ways to name contigs: a\.vcf 1 and b\.vcf chr2"):
        ingest([a, b], tmp_path / "c.vcz")
    mixed = ingest(make_vcf([ONE, "chr" + TWO]), tmp_path / "mixed.vcz")
    assert mixed.arrays.attrs["contig_naming"] == "mixed: 1, chr2"
    assert _left(tmp_path) == ["mixed.vcz"]


@pytest.mark.parametrize(
    ("records", "is_sorted"),
    [
        (["1 200 . A G . . . GT 0/1 0/1", ONE], False),
        ([ONE, TWO, "1 300 . A G . . . GT 0/1 0/1"], False),
        ([ONE, ONE, TWO], True),
    ],
)
def test_ingest__order_of_records_is_kept_and_stated(
    make_vcf: Callable[..., Path], tmp_path: Path, records: list[str], is_sorted: bool
) -> None:
    cohort = ingest(make_vcf(records), tmp_path / "c.vcz")
    found = cohort.variants[["contig", "position"]].astype(str).to_numpy().tolist()
    assert found == [record.split()[:2] for record in records]
    assert cohort.arrays.attrs["sorted"] is is_sorted


def test_ingest__shards_that_overlap(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    a = make_vcf([ONE, "1 300 . A G . . . GT 0/1 0/1"], "a.vcf")
    b = make_vcf(["1 200 . A G . . . GT 0/1 0/1"], "b.vcf")
    with pytest.raises(InputError, match=r"b\.vcf, record 1:200.*overlaps a\.vcf, which goes on to 1:300"):
        ingest([a, b], tmp_path / "c.vcz")


def test_ingest__keep_going_lists_rejects(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    path = make_vcf([ONE, "1 x rs9 A G . PASS . GT 0/1 0/1", "1 200 . A G . PASS . GT 0/z 0/1", TWO])
    with pytest.raises(InputError, match="record 2, field POS"):
        ingest(path, tmp_path / "c.vcz")
    assert _left(tmp_path) == []
    cohort = ingest(path, tmp_path / "c.vcz", keep_going=True)
    assert cohort.n_variants == 2
    rejects = pd.read_csv(tmp_path / "c.vcz.rejects.tsv", sep="\t")
    assert rejects[["file", "record", "field"]].to_numpy().tolist() == [
        ["cohort.vcf", 2, "POS"],
        ["cohort.vcf", 3, "GT"],
    ]
    assert rejects["reason"].str.contains("expected").all()
    assert _left(tmp_path) == ["c.vcz", "c.vcz.rejects.tsv"]


def test_ingest__disk_full(
    make_vcf: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(genomics.store_arrays, "encode_chunk", full)
    with pytest.raises(InputError, match=r"c\.vcz: the disk is full while the cohort store was written"):
        ingest(make_vcf([ONE]), tmp_path / "c.vcz", keep_going=True)
    assert _left(tmp_path) == []


def test_ingest__no_write_permission(
    make_vcf: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    path = make_vcf([ONE])
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match=r"c\.vcz: no write permission for the cohort store"):
        ingest(path, tmp_path / "c.vcz")
    assert _left(tmp_path) == []


def test_ingest__other_errors_of_the_disk_pass_through(
    make_vcf: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(genomics.store_arrays, "encode_chunk", broken)
    with pytest.raises(OSError, match="Input/output error"):
        ingest(make_vcf([ONE]), tmp_path / "c.vcz")
    assert _left(tmp_path) == []


def test_ingest__replaces_a_store_and_nothing_else(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    path = make_vcf([ONE])
    ingest(path, tmp_path / "c.vcz")
    assert ingest(make_vcf([ONE, TWO]), tmp_path / "c.vcz").n_variants == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(InputError, match="exists and is not a cohort store"):
        ingest(path, tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"


def test_ingest__failure_keeps_the_old_store(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    cohort = ingest(make_vcf([ONE, TWO]), tmp_path / "c.vcz")
    with pytest.raises(InputError):
        ingest(make_vcf([ONE, "1 x . A G . . . GT 0/1 0/1"]), tmp_path / "c.vcz")
    assert cohort.genotypes(slice(None)).shape == (2, 2, 2)
    assert _left(tmp_path) == ["c.vcz"]


def test_ingest__samples_and_regions(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    path = make_vcf([ONE, "1 200 . ATT A . . . GT 1/1 0/0", "1 300 . A G . . . GT 0/0 0/1", TWO])
    cohort = ingest(path, tmp_path / "c.vcz", samples=["B", "A"], regions=["1:202-350"])
    assert cohort.sample_ids.tolist() == ["B", "A"]
    assert cohort.variants["position"].tolist() == [200, 300]
    assert cohort.genotypes([0]).tolist() == [[[0, 0], [1, 1]]]
    with pytest.raises(InputError, match=r"1 of 2 samples asked for are not in the file") as caught:
        ingest(path, tmp_path / "d.vcz", samples=["A", "patient-7"])
    assert "patient-7" not in str(caught.value)
    with pytest.raises(InputError, match="names one twice"):
        ingest(path, tmp_path / "d.vcz", samples=["A", "A"])


@pytest.mark.parametrize("header", [[], ["##contig=<ID=1>", "##contig=<ID=2>"]])
def test_ingest__region_in_the_other_naming(
    make_vcf: Callable[..., Path], tmp_path: Path, header: list[str]
) -> None:
    path = make_vcf([ONE, TWO], header=header)
    with pytest.raises(InputError, match=r"field regions: no contig 'chr1'; the file names its contigs 1"):
        ingest(path, tmp_path / "c.vcz", regions=["chr1:1-500"])
    assert _left(tmp_path) == []


def test_ingest__region_without_records_is_an_empty_cohort(
    make_vcf: Callable[..., Path], tmp_path: Path
) -> None:
    cohort = ingest(make_vcf([ONE, TWO]), tmp_path / "c.vcz", regions=["1:5000-6000"])
    assert (cohort.n_variants, cohort.n_samples, len(cohort.variants)) == (0, 2, 0)
    assert list(cohort.dosage_blocks()) == []
    assert cohort.dataset.sizes["samples"] == 2


def test_list_inputs__nothing_to_read(tmp_path: Path, make_vcf: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="the folder holds no variant files"):
        list_inputs(tmp_path)
    with pytest.raises(InputError, match="no input was given"):
        list_inputs([])
    path = make_vcf([ONE])
    with pytest.raises(InputError, match="given twice"):
        list_inputs([path, path])


@pytest.mark.slow
def test_ingest__24_genes_of_1000_genomes(
    shared_data: Path, build_sites: pd.DataFrame, tmp_path: Path
) -> None:
    folder = shared_data / "pharmacogenes" / "1000genomes_grch37"
    cohort = ingest(folder, tmp_path / "c.vcz", sites=build_sites)
    assert (cohort.n_variants, cohort.n_samples, cohort.build) == (23152, 2504, "GRCh37")
    # rs1057910, CYP2C9*3, 1000 Genomes phase 3: C at 243 of 5,008 chromosomes (AF 0.0485)
    row = cohort.variants.query("rsid == 'rs1057910'")
    (_, dosage), *_ = cohort.dosage_blocks(row)
    assert np.nansum(dosage) == 243


def test_ingest__keeps_the_header_s_words(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    source = make_vcf([ONE], header=["##reference=hg19.fa", '##ALT=<ID=DEL,Description="a, b">'])
    group = ingest(source, tmp_path / "c.vcz").arrays
    assert [str(text) for text in group["filter_description"][:]] == ["All filters passed", "low"]
    assert group.attrs["vcf_meta_information"] == [
        ["fileformat", "VCFv4.2"], ["reference", "hg19.fa"], ["ALT", '<ID=DEL,Description="a, b">']
    ]  # fmt: skip


def test_ingest__by_sex(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    source = make_vcf(["X 5000000 . A G . PASS . GT 1/1 0/1", "X 5000010 . A G . PASS . GT 0/1 0/1"])
    (tmp_path / "sexes.tsv").write_text("sample_id\tsex\nA\tM\nB\tF\n")
    chosen = Preparation(policy=CallPolicy(sex_chromosomes="by-sex"), sexes=tmp_path / "sexes.tsv")
    cohort = ingest(source, tmp_path / "c.vcz", preparation=chosen, build="GRCh38")
    assert cohort.genotypes(slice(None)).tolist()[0] == [[1, -2], [0, 1]]
    assert cohort.states(slice(None)).tolist() == [[0, 0], [1, 0]]
    counts = cohort.arrays.attrs["call_policy"]["counts"]
    assert (counts["men_made_haploid"], counts["men_heterozygous"]) == (1, 1)


def test_append__refuses_records_that_were_changed(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    one = make_vcf(["1 10 . A G . PASS . GT 0/. 0/1"], "one.vcf")
    two = make_vcf(["1 20 . A G . PASS . GT 0/. 0/1"], "two.vcf")
    chosen = Preparation(policy=CallPolicy(half_calls="reference"))
    ingest(one, tmp_path / "plain.vcz")
    ingest(one, tmp_path / "changed.vcz", preparation=chosen)
    with pytest.raises(InputError, match="changed on their way cannot be mixed"):
        ingest(two, tmp_path / "plain.vcz", preparation=chosen, append=True)
    with pytest.raises(InputError, match="changed on their way cannot be mixed"):
        ingest(two, tmp_path / "changed.vcz", append=True)


def test_read__a_flipped_bit_is_no_call(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    cohort = ingest(make_vcf([ONE, TWO]), tmp_path / "c.vcz")
    chunk = cohort.path / "call_genotype" / "0.0.0"
    data = chunk.read_bytes()
    for place in range(len(data)):
        chunk.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        with pytest.raises(InputError, match=r"chunk call_genotype/0\.0\.0 is damaged \(wrong checksum\)"):
            open_cohort(cohort.path).genotypes(slice(None))


def test_ingest__a_step_s_error_names_the_file(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    chosen = Preparation(policy=CallPolicy(half_calls="error"))
    shards = [
        make_vcf(["1 10 . A G . PASS . GT 0/1 0/1"], "one.vcf"),
        make_vcf(["2 20 . A G . PASS . GT 0/1 0/."], "two.vcf"),
    ]
    with pytest.raises(InputError, match=r"^two\.vcf, record 2:20, field GT: a half call"):
        ingest(shards, tmp_path / "c.vcz", preparation=chosen)
