from __future__ import annotations

from pathlib import Path

import pytest

from varimol import tables
from varimol.curate import pharmacogene_sources, pharmacogenes


def test_curate__gives_the_shipped_bytes(shared_data: Path, tmp_path: Path) -> None:
    pharmacogenes.main([str(shared_data / "pharmacogenes"), str(tmp_path)])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{name}.tsv" for name in pharmacogenes.TABLES
    )
    for name in pharmacogenes.TABLES:
        shipped = tables.data_file("pharmacogenes", f"{name}.tsv").read_bytes()
        assert (tmp_path / f"{name}.tsv").read_bytes() == shipped, name


def test_write_tsv__leaves_nothing_under_the_name_when_it_fails(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown"):
        pharmacogene_sources.write_tsv(tmp_path / "t.tsv", ["a"], [{"a": 1}, {"unknown": 2}])
    assert not (tmp_path / "t.tsv").exists()
