from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import bgen
import numpy as np
import pytest

from genomics.errors import InputError
from genomics.ingest import ingest
from genomics.readers import Selection, open_reader
from genomics.readers.bgen import BgenReader
from genomics.readers.pgen import PgenReader
from genomics.readers.plink import PlinkReader
from genomics.readers.vcf import VcfReader


@pytest.fixture
def folder(shared_data: Path, tmp_path: Path) -> Path:
    for path in sorted((shared_data / "association" / "regenie").glob("example.*")):
        shutil.copyfile(path, tmp_path / path.name)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((f"example.{suffix}", PlinkReader) for suffix in ("bed", "bim", "fam")),
        *((f"example.{suffix}", PgenReader) for suffix in ("pgen", "pvar", "psam")),
        ("example.bgen", BgenReader),
    ],
)
def test_open_reader__by_suffix(folder: Path, name: str, kind: type) -> None:
    reader = open_reader(folder / name)
    assert isinstance(reader, kind) and len(reader.samples) == 500
    assert reader.first_record() == ("1", 1)


def test_open_reader__prefix_of_one_fileset_or_of_two(folder: Path) -> None:
    with pytest.raises(InputError, match=r"two filesets have this prefix: example\.bed and example\.pgen"):
        open_reader(folder / "example")
    (folder / "example.bed").unlink()
    assert isinstance(open_reader(folder / "example"), PgenReader)
    (folder / "example.pgen").unlink()
    with pytest.raises(InputError, match="no such file"):
        open_reader(folder / "example")


def test_open_reader__by_content(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    vcf = make_vcf(["1 5 . A G . . . GT 0/1 1/1"], "data")
    assert isinstance(open_reader(vcf), VcfReader)
    with bgen.BgenWriter(tmp_path / "b.dat", 1, samples=["A"]) as writer:
        writer.add_variant("v", "rs", "1", 5, ["A", "G"], np.array([[0.0, 1.0, 0.0]]))
    assert isinstance(open_reader(tmp_path / "b.dat"), BgenReader)
    (tmp_path / "p.dat").write_bytes(b"\x6c\x1b\x01\x00")
    with pytest.raises(InputError, match=r"p\.dat: a PLINK file by another name"):
        open_reader(tmp_path / "p.dat")
    with pytest.raises(InputError, match="no such file"):
        open_reader(tmp_path / "absent.vcf")


def test_open_reader__leaves_a_pipe_whole(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    vcf = make_vcf([f"1 {5 + row} . A G . . . GT 0/1 1/1" for row in range(3)])
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(vcf.read_bytes()))
    writer.start()
    reader = open_reader(pipe)
    positions = [position for block in reader.blocks(Selection()) for position in block.positions.tolist()]
    writer.join()
    assert positions == [5, 6, 7]


@pytest.mark.parametrize("name", ["example.pgen", "example.bgen"])
def test_ingest__gives_what_the_reader_gives(folder: Path, tmp_path: Path, name: str) -> None:
    cohort = ingest(folder / name, tmp_path / "c.vcz")
    blocks = list(open_reader(folder / name).blocks(Selection()))
    np.testing.assert_array_equal(
        cohort.genotypes(slice(None)), np.concatenate([block.genotypes for block in blocks])
    )
    notes = open_reader(folder / name).notes
    assert notes and {key: cohort.arrays.attrs[key] for key in notes} == notes
