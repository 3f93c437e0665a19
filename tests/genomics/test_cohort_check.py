from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genomics.cohort import Cohort, open_cohort
from genomics.errors import InputError
from genomics.ingest import ingest

RECORDS = ["1 100 rs1 A G . PASS . GT:DP 0/1:7 1/1:8", "1 150 . A C . q10 . GT:DP ./.:1 0/0:2"]


@pytest.fixture
def cohort(make_vcf: Callable[..., Path], tmp_path: Path) -> Cohort:
    return ingest(make_vcf(RECORDS), tmp_path / "c.vcz")


@pytest.fixture
def zipped(make_vcf: Callable[..., Path], tmp_path: Path) -> Cohort:
    return ingest(make_vcf(RECORDS), tmp_path / "c.vcz.zip")


def _chunk(cohort: Cohort, array: str) -> Path:
    return next(path for path in sorted((cohort.path / array).iterdir()) if path.name[0].isdigit())


def test_open_cohort__zip_is_the_folder(cohort: Cohort, zipped: Cohort) -> None:
    assert zipped.path.is_file() and cohort.path.is_dir()
    for name in cohort.arrays:
        np.testing.assert_array_equal(zipped.read(name), cohort.read(name), err_msg=name)
    assert zipped.variants.equals(cohort.variants)
    assert zipped.dataset["call_genotype"].values.tolist() == cohort.genotypes(slice(None)).tolist()
    assert cohort.verify() > 20 and zipped.verify() > 20


def test_open_cohort__missing_chunk(cohort: Cohort) -> None:
    chunk = _chunk(cohort, "call_DP")
    chunk.unlink()
    with pytest.raises(InputError, match=rf"c\.vcz, field call_DP: chunk call_DP/{chunk.name} is missing"):
        open_cohort(cohort.path)


def test_open_cohort__chunk_of_another_size(cohort: Cohort) -> None:
    chunk = _chunk(cohort, "call_genotype")
    chunk.write_bytes(chunk.read_bytes()[:-1])
    with pytest.raises(
        InputError, match=rf"chunk call_genotype/{chunk.name} is damaged \(\d+ bytes, \d+ were"
    ):
        open_cohort(cohort.path)


@pytest.mark.parametrize("array", ["call_genotype", "variant_position", "variant_allele", "sample_id"])
def test_verify__one_byte_changed(cohort: Cohort, array: str) -> None:
    chunk = _chunk(cohort, array)
    data = bytearray(chunk.read_bytes())
    data[-1] ^= 1
    chunk.write_bytes(data)
    opened = open_cohort(cohort.path)  # of the same size: only reading tells
    with pytest.raises(InputError, match=rf"field {array}: chunk {array}/{chunk.name} is damaged .*checksum"):
        opened.verify()


def test_verify__file_that_was_not_written(cohort: Cohort) -> None:
    (cohort.path / "call_DP" / "7.0").write_bytes(b"x")
    with pytest.raises(InputError, match=r"chunk call_DP/7\.0 is damaged \(it was not part of the store"):
        cohort.verify()


def test_verify__without_checksums_decodes(cohort: Cohort) -> None:
    (cohort.path / ".varimol-integrity.json").unlink()
    opened = open_cohort(cohort.path)
    assert opened.verify() > 10
    chunk = _chunk(cohort, "variant_id")
    chunk.write_bytes(chunk.read_bytes()[:-2])
    with pytest.raises(InputError, match=r"variant_id/.* is damaged"):
        opened.verify()


def test_open_cohort__zip_cut_off_or_damaged(zipped: Cohort) -> None:
    data = zipped.path.read_bytes()
    with zipfile.ZipFile(zipped.path) as archive:
        entry = archive.getinfo("call_genotype/0.0.0")
    at = entry.header_offset + 30 + len(entry.filename) + 20  # in the chunk's bytes
    zipped.path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    with pytest.raises(InputError, match=r"chunk call_genotype/0\.0\.0 is damaged .*zip"):
        open_cohort(zipped.path).verify()
    zipped.path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="the writing of the store was cut off"):
        open_cohort(zipped.path)


def test_open_cohort__under_way(cohort: Cohort, tmp_path: Path) -> None:
    shutil.copytree(cohort.path, tmp_path / ".c.vcz.partial")
    with pytest.raises(InputError, match=r"cut off .* run the same varimol ingest again"):
        open_cohort(tmp_path / ".c.vcz.partial")
    shutil.rmtree(cohort.path / "sample_id")
    (cohort.path / ".zmetadata").unlink()
    with pytest.raises(InputError, match=r"cut off \(it has no sample_id"):
        open_cohort(cohort.path)


def _edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_open_cohort__metadata_that_disagree(cohort: Cohort) -> None:
    _edit(cohort.path / "call_DP" / ".zarray", shape=[1, 2])
    with pytest.raises(InputError, match=r"field call_DP: call_DP/\.zarray is not what the consolidated"):
        open_cohort(cohort.path)
    for name in (".zmetadata", ".varimol-integrity.json"):
        (cohort.path / name).unlink()
    with pytest.raises(InputError, match="field call_DP: call_DP is 1 long on variants, variant_position 2"):
        open_cohort(cohort.path)


def test_open_cohort__dimension_names_that_do_not_fit(cohort: Cohort) -> None:
    _edit(cohort.path / "call_DP" / ".zattrs", _ARRAY_DIMENSIONS=["variants"])
    for name in (".zmetadata", ".varimol-integrity.json"):
        (cohort.path / name).unlink()
    with pytest.raises(InputError, match="call_DP has 2 axes and names for 1"):
        open_cohort(cohort.path)


def test_open_cohort__broken_lists(cohort: Cohort) -> None:
    (cohort.path / ".varimol-integrity.json").write_text('{"files": {"x"')
    with pytest.raises(InputError, match=r"cut off \(\.varimol-integrity\.json cannot be read\)"):
        open_cohort(cohort.path)


def test_open_cohort__newer_version_is_read_with_a_warning(cohort: Cohort) -> None:
    for name in (".zmetadata", ".varimol-integrity.json"):
        (cohort.path / name).unlink()
    _edit(cohort.path / ".zattrs", vcf_zarr_version="0.5")
    assert open_cohort(cohort.path).n_variants == 2
    _edit(cohort.path / ".zattrs", vcf_zarr_version="0.9")
    with pytest.warns(UserWarning, match=r"c\.vcz is VCF Zarr 0\.9, newer than 0\.5"):
        assert open_cohort(cohort.path).n_variants == 2


def test_dataset__arrays_that_do_not_fit(cohort: Cohort) -> None:
    _edit(cohort.path / "variant_allele" / ".zattrs", _ARRAY_DIMENSIONS=["variants", "genotypes"])
    _edit(cohort.path / "variant_filter" / ".zattrs", _ARRAY_DIMENSIONS=["variants", "genotypes"])
    zarray = json.loads((cohort.path / "variant_filter" / ".zarray").read_text())
    assert zarray["shape"] == [2, 2]
    _edit(cohort.path / "variant_allele" / ".zarray", shape=[2, 1])
    for name in (".zmetadata", ".varimol-integrity.json"):
        (cohort.path / name).unlink()
    with pytest.raises(InputError, match="do not fit together"):
        _ = open_cohort(cohort.path).dataset
