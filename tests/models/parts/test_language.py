"""Embeddings read from files: three forms, one result, and everything that is refused."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from chem.errors import InputError
from models.parts.language import read_embeddings

DIM = 6
Rows = dict[str, NDArray[Any]]


def some_rows(dtype: type[np.floating] = np.float32) -> Rows:
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=DIM).astype(dtype) for name in ("EGFR", "ABL1(T315I)p", "MET/HGFR")}


def write(file: Path, rows: Rows) -> Path:
    """Write embeddings in the form of the file's ending."""
    if file.suffix == ".npz":
        np.savez(file, **rows)  # type: ignore[arg-type]
    elif file.suffix == ".safetensors":
        save_file({name: torch.from_numpy(row) for name, row in rows.items()}, file)
    else:
        vectors = pa.array([row.tolist() for row in rows.values()], pa.list_(pa.float32()))
        pq.write_table(pa.table({"target_id": list(rows), "embedding": vectors}), file)
    return file


@pytest.fixture(params=["npz", "safetensors", "parquet"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_read_embeddings__every_form_gives_the_vectors_written(form: str, tmp_path: Path) -> None:
    rows = some_rows()
    found = read_embeddings(write(tmp_path / f"e.{form}", rows))
    assert set(found.target_ids) == set(rows) and found.dim == DIM
    assert found.vectors.dtype == np.float32
    for name, row in zip(found.target_ids, found.vectors, strict=True):
        np.testing.assert_array_equal(row, rows[name])


def test_read_embeddings__order_is_the_one_asked(form: str, tmp_path: Path) -> None:
    rows = some_rows()
    file = write(tmp_path / f"e.{form}", rows)
    wanted = ["MET/HGFR", "EGFR", "MET/HGFR"]
    found = read_embeddings(file, wanted)
    assert found.target_ids == ("MET/HGFR", "EGFR")
    np.testing.assert_array_equal(found.take(wanted), np.stack([rows[name] for name in wanted]))


def test_read_embeddings__missing_targets_are_named(form: str, tmp_path: Path) -> None:
    file = write(tmp_path / f"e.{form}", some_rows())
    with pytest.raises(InputError, match=r"no embedding of BRAF, KIT; .*every target"):
        read_embeddings(file, ["EGFR", "BRAF", "KIT", "BRAF"])
    with pytest.raises(InputError, match="T0, T1, T2, T3, T4 and 2 more"):
        read_embeddings(file).take([f"T{i}" for i in range(7)])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_read_embeddings__nan_and_infinity_are_refused(form: str, value: float, tmp_path: Path) -> None:
    rows = some_rows()
    rows["EGFR"][3] = value
    with pytest.raises(InputError, match=rf"record EGFR: holds {value} at place 3"):
        read_embeddings(write(tmp_path / f"e.{form}", rows))


def test_read_embeddings__lengths_must_agree(form: str, tmp_path: Path) -> None:
    rows = {"A": np.ones(4, np.float32), "B": np.ones(3, np.float32)}
    with pytest.raises(InputError, match="record B: has 3 numbers and A has 4"):
        read_embeddings(write(tmp_path / f"e.{form}", rows))


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_read_embeddings__shape_and_dtype_are_checked(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"e.{suffix}"
    with pytest.raises(InputError, match=r"has shape \(50, 6\).*average"):
        read_embeddings(write(file, {"A": np.ones((50, 6), np.float32)}))
    with pytest.raises(InputError, match=r"has shape \(0,\)"):
        read_embeddings(write(file, {"A": np.ones(0, np.float32)}))
    with pytest.raises(InputError, match="has dtype int64"):
        read_embeddings(write(file, {"A": np.ones(4, np.int64)}))


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_read_embeddings__other_precisions_become_float32(dtype: type[np.floating], tmp_path: Path) -> None:
    rows = some_rows(dtype)
    found = read_embeddings(write(tmp_path / "e.npz", rows), ["EGFR"])
    np.testing.assert_array_equal(found.vectors[0], rows["EGFR"].astype(np.float32))


def test_read_embeddings__bfloat16_is_read(tmp_path: Path) -> None:
    vector = torch.tensor([1.0, -2.5, 1e30]).bfloat16()
    save_file({"A": vector}, tmp_path / "e.safetensors")
    np.testing.assert_array_equal(
        read_embeddings(tmp_path / "e.safetensors").vectors[0], vector.float().numpy()
    )


def test_read_embeddings__float64_beyond_float32_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds inf at place 1"):
        read_embeddings(write(tmp_path / "e.npz", {"A": np.array([0.0, 1e300])}))


def test_read_embeddings__a_file_cut_in_half_is_refused(form: str, tmp_path: Path) -> None:
    file = write(tmp_path / f"e.{form}", some_rows())
    whole = file.read_bytes()
    for size in (0, 3, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:size])
        with pytest.raises(InputError, match="cannot be read"):
            read_embeddings(file)


def test_read_embeddings__a_flipped_byte_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "e.npz", {"A": np.arange(2000, dtype=np.float32)})
    content = bytearray(file.read_bytes())
    content[1000] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(InputError, match="record A: cannot be read"):
        read_embeddings(file)


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[Path, str]]:
        return Path.write_text, (self.file, "ran")


def test_read_embeddings__nothing_is_unpickled(form: str, tmp_path: Path) -> None:
    trap = Trap(tmp_path / "ran")
    file = tmp_path / f"e.{form}"
    file.write_bytes(pickle.dumps(trap))
    with pytest.raises(InputError, match="cannot be read"):
        read_embeddings(file)
    np.savez(tmp_path / "objects.npz", A=np.array([trap], dtype=object))
    with pytest.raises(InputError, match="record A: cannot be read"):
        read_embeddings(tmp_path / "objects.npz")
    assert not trap.file.exists()
    pickle.loads(pickle.dumps(trap))  # noqa: S301 - shows that the trap works
    assert trap.file.exists()


def test_read_embeddings__other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_embeddings(tmp_path / "e.npz")
    with pytest.raises(InputError, match=r"ending in \.pt are not read"):
        read_embeddings(tmp_path / "e.pt")
    np.save(tmp_path / "e.npy", np.ones(3))
    (tmp_path / "e.npy").rename(tmp_path / "one.npz")
    with pytest.raises(InputError, match="is one array"):
        read_embeddings(tmp_path / "one.npz")
    np.savez(tmp_path / "none.npz")
    with pytest.raises(InputError, match="holds no embedding"):
        read_embeddings(tmp_path / "none.npz")


def test_read_embeddings__parquet_columns_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "e.parquet"
    pq.write_table(pa.table({"target_id": ["A"]}), file)
    with pytest.raises(InputError, match="field embedding: there is no such column"):
        read_embeddings(file)
    pq.write_table(pa.table({"target_id": ["A"], "embedding": [1.0]}), file)
    with pytest.raises(InputError, match="has type double"):
        read_embeddings(file)
    pq.write_table(pa.table({"target_id": ["A", "B", "A"], "embedding": [[1.0]] * 3}), file)
    with pytest.raises(InputError, match="record A: stands there twice"):
        read_embeddings(file)
    pq.write_table(pa.table({"target_id": ["A", "B"], "embedding": [[1.0], None]}), file)
    with pytest.raises(InputError, match="record B, field embedding: is empty"):
        read_embeddings(file)
    pq.write_table(pa.table({"target_id": ["A"], "embedding": [[1.0, None]]}), file)
    with pytest.raises(InputError, match="record A: holds nan at place 1"):
        read_embeddings(file)
