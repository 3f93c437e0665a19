from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.block import FILL, MISSING, call_states, empty_block, join_blocks, widen_ploidy
from genomics.cohort import open_cohort
from genomics.errors import InputError
from genomics.ingest import ingest
from genomics.readers.vcf import read_blocks
from genomics.readers.vcf_header import read_header
from genomics.store import StoreWriter
from genomics.store_arrays import MAX_CHUNK_BYTES, ArrayWriter
from genomics.store_files import is_store

ONE = "1 100 rs1 A G 30 PASS . GT:DP:GQ 0/1:7:50 1|1:8:60"


def test_store__arrays_of_the_specification(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    path = make_vcf([ONE, "1 200 . A G,T . q10 . GT 1 ./."], header=["##contig=<ID=1,length=500>"])
    store = ingest(path, tmp_path / "c.vcz").path
    group = zarr.open_group(store, mode="r")
    dimensions = {
        "call_genotype": ["variants", "samples", "ploidy"],
        "call_genotype_mask": ["variants", "samples", "ploidy"],
        "call_genotype_phased": ["variants", "samples"],
        "call_state": ["variants", "samples"],
        "call_DP": ["variants", "samples"],
        "call_GQ": ["variants", "samples"],
        "variant_position": ["variants"],
        "variant_contig": ["variants"],
        "variant_allele": ["variants", "alleles"],
        "variant_id": ["variants"],
        "variant_id_mask": ["variants"],
        "variant_filter": ["variants", "filters"],
        "variant_quality": ["variants"],
        "variant_END": ["variants"],
        "variant_length": ["variants"],
        "contig_id": ["contigs"],
        "contig_length": ["contigs"],
        "filter_id": ["filters"],
        "filter_description": ["filters"],
        "region_index": ["region_index_values", "region_index_fields"],
        "sample_id": ["samples"],
    }
    assert {name: group[name].attrs["_ARRAY_DIMENSIONS"] for name in dimensions} == dimensions
    assert set(group.array_keys()) == set(dimensions)
    assert group.metadata.zarr_format == 2
    assert group.attrs["vcf_zarr_version"] == "0.4"
    assert group.attrs["source"].startswith("varimol-") and group.attrs["build"] == "unknown"
    assert group["call_genotype"].dtype == np.int8 and group["variant_position"].dtype == np.int32
    assert group["call_genotype"][:].tolist() == [[[0, 1], [1, 1]], [[1, FILL], [MISSING, MISSING]]]
    assert group["call_genotype_mask"][:].tolist() == [
        [[False, False], [False, False]],
        [[False, True], [True, True]],
    ]
    assert group["call_genotype_phased"][:].tolist() == [[False, True], [False, False]]
    assert group["call_DP"][:].tolist() == [[7, 8], [MISSING, MISSING]]
    assert [list(map(str, row)) for row in group["variant_allele"][:]] == [["A", "G", ""], ["A", "G", "T"]]
    assert list(map(str, group["filter_id"][:])) == ["PASS", "q10"]
    assert group["variant_filter"][:].tolist() == [[True, False], [False, True]]
    assert group["contig_length"][:].tolist() == [500]
    assert group["variant_id_mask"][:].tolist() == [False, True]


def test_store__ploidy_alleles_filters_and_fields_grow(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    many = ",".join("A" * n for n in range(2, 140))
    shards = [
        make_vcf(["1 1 . A G . PASS . GT 0/1 1"], "a.vcf"),
        make_vcf(["2 1 . A G . new . GT:DP 0/1/1:5 0/0:6"], "b.vcf"),
        make_vcf([f"3 1 . A {many} . PASS . GT 0/138 0|2"], "c.vcf"),
    ]
    writer = StoreWriter(tmp_path / "c.vcz", ("A", "B"))
    writer.block_records = 1  # every record is a chunk of its own, so each one widens what is on disk
    with writer:
        for path in shards:
            for block in read_blocks(path, read_header(path)):
                writer.append(block)
        writer.finish({})
    cohort = open_cohort(tmp_path / "c.vcz")
    genotypes = cohort.genotypes([0, 1, 2])
    assert genotypes.dtype == np.int16
    assert genotypes.tolist() == [
        [[0, 1, FILL], [1, FILL, FILL]],
        [[0, 1, 1], [0, 0, FILL]],
        [[0, 138, FILL], [0, 2, FILL]],
    ]
    assert cohort.arrays["call_DP"][:].tolist() == [[MISSING, MISSING], [5, 6], [MISSING, MISSING]]
    assert cohort.filter_pass.tolist() == [True, False, True]
    assert len(cohort.variants) == 1 + 1 + 138
    assert cohort.arrays["call_genotype_mask"][0].tolist() == [[False, False, True], [False, True, True]]
    assert not list((tmp_path / "c.vcz").glob("*_widened*"))


@settings(max_examples=20, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 5), min_size=1, max_size=6),
    block_records=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
def test_store__blocks_of_any_size_give_the_same_store(
    sizes: list[int], block_records: int, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from dataclasses import replace

    folder = tmp_path_factory.mktemp("store")
    rng = np.random.default_rng(seed)
    start, blocks = 0, []
    for size in sizes:
        genotypes = rng.integers(-2, 2, (size, 3, int(rng.integers(1, 4)))).astype(np.int16)
        blocks.append(
            replace(
                empty_block(3),
                contigs=["1"] * size,
                positions=np.arange(start, start + size, dtype=np.int32),
                identifiers=[""] * size,
                alleles=[("A", "G")] * size,
                quality=np.zeros(size, np.float32),
                filters=[()] * size,
                ends=np.full(size, -1, np.int32),
                genotypes=genotypes,
                phased=np.zeros((size, 3), bool),
                states=call_states(genotypes, np.zeros((size, 1), bool)),
            )
        )
        start += size
    writer = StoreWriter(folder / "c.vcz", ("A", "B", "C"))
    writer.block_records = block_records
    with writer:
        for block in blocks:
            writer.append(block)
        writer.finish({})
    cohort = open_cohort(folder / "c.vcz")
    expected = join_blocks(blocks, 3)
    assert cohort.n_variants == start
    stored = cohort.genotypes(slice(None))
    np.testing.assert_array_equal(stored, widen_ploidy(expected.genotypes, stored.shape[2]))
    np.testing.assert_array_equal(cohort.states(slice(None)), expected.states)


def test_array_writer__chunks_stay_under_the_limits(tmp_path: Path) -> None:
    for dimensions, tail, dtype in (
        (("variants", "samples", "ploidy"), (25_000, 2), np.int16),
        (("variants", "samples"), (25_000,), np.int32),
        (("variants", "samples", "ploidy"), (25_000, 8), np.int16),
    ):
        array = ArrayWriter(tmp_path, dimensions, 0, 0, 1000, {})
        chunks = array.chunk_shape(tail, np.dtype(dtype))
        assert chunks[0] == 1000 and chunks[1] <= 10_000
        assert np.prod(chunks) * np.dtype(dtype).itemsize <= MAX_CHUNK_BYTES


def test_store__left_without_finish_leaves_nothing(tmp_path: Path) -> None:
    with StoreWriter(tmp_path / "c.vcz", ["A"]):
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_store__consolidated_metadata_lists_every_array(
    make_vcf: Callable[..., Path], tmp_path: Path
) -> None:
    store = ingest(make_vcf([ONE]), tmp_path / "c.vcz").path
    listed = json.loads((store / ".zmetadata").read_text())["metadata"]
    assert {path.parent.name for path in store.glob("*/.zarray")} == {
        name.split("/")[0] for name in listed if name.endswith(".zarray")
    }


def test_is_store__other_folders(tmp_path: Path) -> None:
    assert not is_store(tmp_path)
    (tmp_path / "zarr.json").write_text('{"node_type": "array"}')
    assert not is_store(tmp_path)
    with pytest.raises(InputError, match="not a VCF Zarr store"):
        open_cohort(tmp_path)


def test_call_states__half_calls_and_filters() -> None:
    calls = np.array([[[0, 0], [0, MISSING], [1, FILL], [MISSING, FILL], [FILL, FILL]]])
    assert call_states(calls, np.array([[False]])).tolist() == [[0, 1, 0, 1, 1]]
    assert call_states(calls, np.array([[True]])).tolist() == [[2, 1, 2, 1, 1]]
