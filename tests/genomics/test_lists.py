from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.block import VariantBlock, empty_block, join_blocks
from genomics.errors import InputError
from genomics.lists import VariantLists, read_sample_list, select_samples
from genomics.readers import Selection
from genomics.readers.plink import PlinkReader


@pytest.fixture
def example(shared_data: Path) -> Path:
    return shared_data / "association" / "regenie" / "example_3chr"


def _plink2(prefix: Path, out: Path, *arguments: object) -> None:
    if shutil.which("plink2") is None:
        pytest.skip("plink2 is not installed")
    subprocess.run(
        ["plink2", "--threads", "1", "--bfile", prefix, *map(str, arguments), "--out", out],
        check=True, capture_output=True,
    )  # fmt: skip


def _write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("keep", "3 3\n1 1\n77 77\n1 1\n900 900\n"),
        ("keep", "#FID IID SID\n3 3 x\n4 5 x\n"),
        ("keep", "#FID\tIID\n3\t3\n5\t5\n"),
        ("keep", "FID IID\n3 3\n"),
        ("remove", "3 3 more columns\n1 1\n2 1\n"),
        ("remove", "900 900\n"),
    ],
)
def test_select_samples__same_as_plink2(example: Path, tmp_path: Path, option: str, text: str) -> None:
    path = _write(tmp_path, "list", text)
    _plink2(example, tmp_path / "p", f"--{option}", path, "--write-samples")
    lines = (tmp_path / "p.id").read_text().splitlines()[1:]
    reader = PlinkReader(example)
    found = select_samples(reader.samples, families=reader.families, **{option: [path]})
    assert list(found.samples) == [line.split("\t")[1] for line in lines]


def test_select_samples__keep_then_remove_and_several_files(example: Path, tmp_path: Path) -> None:
    keep = [_write(tmp_path, "k1", "1 1\n2 2\n3 3\n"), _write(tmp_path, "k2", "9 9\n4 4\n")]
    remove = [_write(tmp_path, "r", "2 2\n8 8\n")]
    _plink2(example, tmp_path / "p", "--keep", *keep, "--remove", *remove, "--write-samples")
    reader = PlinkReader(example)
    found = select_samples(reader.samples, keep=keep, remove=remove, families=reader.families)
    assert list(found.samples) == ["1", "3", "4", "9"]
    lines = (tmp_path / "p.id").read_text().splitlines()[1:]
    assert list(found.samples) == [line.split("\t")[1] for line in lines]
    assert found.attributes == {
        "samples_read": 500,
        "keep": {"files": ["k1", "k2"], "listed": 5, "unknown": 0},
        "remove": {"files": ["r"], "listed": 2, "unknown": 0},
        "samples_kept": 4,
    }


def test_select_samples__of_iid_alone(tmp_path: Path) -> None:
    path = _write(tmp_path, "k", "#IID\nB\nnobody\n")
    for families in (None, ["0", "0"], ["f", "g"]):
        found = select_samples(["A", "B"], keep=[path], families=families)
        assert found.samples == ("B",) and found.attributes["keep"]["unknown"] == 1
    two = _write(tmp_path, "k2", "f B\n")
    assert select_samples(["A", "B"], keep=[two]).samples == ("B",)  # the data know no families
    with pytest.raises(InputError, match="no sample is left"):
        select_samples(["A", "B"], keep=[two], families=["f", "g"])


@given(
    st.lists(st.sampled_from("ABCDEF"), unique=True, min_size=1),
    st.sets(st.sampled_from("ABCDEFG"), min_size=1),
)
@settings(max_examples=30, deadline=None)
def test_select_samples__keep_and_remove_divide_the_data(
    tmp_path_factory: pytest.TempPathFactory, samples: list[str], listed: set[str]
) -> None:
    path = _write(tmp_path_factory.mktemp("lists"), "list", "".join(f"{name}\n" for name in sorted(listed)))
    parts = []
    for option in ("keep", "remove"):
        try:
            parts.append(select_samples(samples, **{option: [path]}).samples)
        except InputError:
            parts.append(())
    assert sorted([*parts[0], *parts[1]]) == sorted(samples)
    assert parts[0] == tuple(name for name in samples if name in listed)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("#IID\nX\n", "no sample is left"),
        ("#FID SEX\nX 1\n", "record 2, field IID: no IID"),
        ("#FID IID\nX\n", "record 2, field IID: no IID"),
    ],
)
def test_select_samples__bad_list(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(InputError, match=part):
        select_samples(["A"], keep=[_write(tmp_path, "list", text)])
    with pytest.raises(InputError, match="absent: no such file"):
        read_sample_list(tmp_path / "absent")
    (tmp_path / "raw").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="raw: not a text file"):
        read_sample_list(tmp_path / "raw")


def test_read_sample_list__compressed(tmp_path: Path) -> None:
    (tmp_path / "l.gz").write_bytes(gzip.compress(b"A\nf B\n"))
    assert read_sample_list(tmp_path / "l.gz") == [("0", "A"), ("f", "B")]
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"A\nf B\n")[:-9])
    with pytest.raises(InputError, match=r"cut\.gz: the compressed file is truncated"):
        read_sample_list(tmp_path / "cut.gz")


def _kept(prefix: Path, lists: VariantLists, block_records: int = 60) -> list[str]:
    blocks = PlinkReader(prefix).blocks(Selection(block_records=block_records))
    return [name for block in lists.apply(blocks) for name in block.identifiers]


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (["--extract"], ["mog_1\nmog_2 mog_400\nabsent\nmog_1\n"]),
        (["--exclude"], ["mog_1\nmog_2 mog_400\nabsent\n"]),
        (["--extract", "bed1"], ["1 10 12 set\n2 5 5\nchr3 1 400\n"]),
        (["--extract", "bed0"], ["1 10 12\n1 12 14\n3 390 402\n"]),
        (["--exclude", "bed1"], ["1\t1\t100\n2\t190\t500\n"]),
        (["--extract", "range"], ["1 10 12\n"]),
    ],
)
def test_variant_lists__same_as_plink2(
    example: Path, tmp_path: Path, options: list[str], texts: list[str]
) -> None:
    paths = [_write(tmp_path, f"list{index}", text) for index, text in enumerate(texts)]
    _plink2(example, tmp_path / "p", *options, *paths, "--write-snplist")
    expected = (tmp_path / "p.snplist").read_text().split()
    prefix = f"{options[1]}:" if len(options) > 1 else ""
    lists = VariantLists(**{options[0][2:]: [f"{prefix}{path}" for path in paths]})
    assert _kept(example, lists) == expected
    assert 0 < len(expected) < 500
    attributes = lists.attributes()
    assert attributes["variants_read"] == 500 and attributes["variants_kept"] == len(expected)
    assert attributes["not_extracted"] + attributes["excluded"] == 500 - len(expected)


def test_variant_lists__extract_and_exclude_together(example: Path, tmp_path: Path) -> None:
    extract, exclude = (
        _write(tmp_path, "e", "mog_1 mog_2 mog_3 none"),
        _write(tmp_path, "x", "2 1 9\n1 3 3\n"),
    )
    _plink2(example, tmp_path / "p", "--extract", extract, "--exclude", "bed1", exclude, "--write-snplist")
    lists = VariantLists(extract=[extract], exclude=[f"bed1:{exclude}"])
    assert _kept(example, lists) == (tmp_path / "p.snplist").read_text().split() == ["mog_1", "mog_3"]
    found = lists.attributes()
    assert found["extract"]["names"] == 4 and found["extract"]["first_never_seen"] == ["none"]
    assert found["exclude"]["intervals"] == 2 and found["exclude"]["intervals_never_hit"] == 1
    assert (found["not_extracted"], found["excluded"], found["variants_kept"]) == (497, 1, 2)


def _block(
    contigs: list[str], positions: list[int], names: list[str], alts: list[tuple[str, ...]]
) -> VariantBlock:
    n = len(contigs)
    part = empty_block(1)
    return VariantBlock(
        contigs=contigs, positions=np.array(positions, np.int32), identifiers=names,
        alleles=[("A", *each) for each in alts], quality=np.zeros(n, np.float32), filters=[()] * n,
        ends=np.full(n, -1, np.int32), genotypes=np.zeros((n, 1, 2), np.int8), phased=np.zeros((n, 1), bool),
        states=np.zeros((n, 1), np.int8), info=part.info, formats=part.formats,
    )  # fmt: skip


def test_variant_lists__names_of_several_kinds(tmp_path: Path) -> None:
    block = _block(["chr1", "chr1", "2"], [5, 6, 7], ["rs1;rs2", "", "rs3"], [("C",), ("C", "G"), ("T",)])
    lists = VariantLists(extract=[_write(tmp_path, "l", "# note\nrs2\nchr1:6:A:G\n.\n")])
    (kept,) = lists.apply(iter([block]))
    assert kept.positions.tolist() == [5, 6]
    assert lists.attributes()["extract"]["first_never_seen"] == ["."]


def test_variant_lists__block_that_needs_no_change_is_handed_on(tmp_path: Path) -> None:
    blocks = [_block(["1"], [5], ["a"], [("C",)]), _block(["1"], [6], ["b"], [("C",)])]
    lists = VariantLists(exclude=[_write(tmp_path, "l", "b\n")])
    kept = list(lists.apply(iter(blocks)))
    assert len(kept) == 1 and kept[0] is blocks[0]


@settings(max_examples=50, deadline=None)
@given(
    spans=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 9)), min_size=1, max_size=8),
    positions=st.lists(st.integers(1, 55), min_size=1, max_size=12),
)
def test_variant_lists__intervals_against_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[int, int]], positions: list[int]
) -> None:
    text = "".join(f"chr1\t{start}\t{start + length}\n" for start, length in spans)
    path = _write(tmp_path_factory.mktemp("spans"), "l", text)
    block = _block(
        ["1"] * len(positions), sorted(positions), [""] * len(positions), [("C",)] * len(positions)
    )

    def blocks() -> Iterator[VariantBlock]:
        yield block.rows(0, 3)
        yield block.rows(3, len(block))

    kept = join_blocks(list(VariantLists(extract=[f"bed1:{path}"]).apply(blocks())), 1)
    expected = [p for p in sorted(positions) if any(start <= p <= start + length for start, length in spans)]
    assert kept.positions.tolist() == expected


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("bed1:l", "1 5\n", "l, record 1: no interval"),
        ("bed1:l", "1 x 9\n", "l, record 1: no interval"),
        ("bed1:l", "track n\n1 9 5\n", "l, record 2: the interval ends before it starts"),
        ("bed0:l", "1 9 9\n", "l, record 1: the interval ends before it starts"),
        ("l.bed", "1 1 9\n", r"l\.bed: a \.bed file is no list.*bed0:l\.bed"),
        ("absent", "", "absent: no such file"),
    ],
)
def test_variant_lists__bad_list(tmp_path: Path, name: str, text: str, part: str) -> None:
    kind, _, file = name.rpartition(":")
    if file != "absent":
        _write(tmp_path, file, text)
    with pytest.raises(InputError, match=part):
        VariantLists(extract=[f"{kind}:{tmp_path / file}" if kind else tmp_path / file])
