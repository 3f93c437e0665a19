"""The package's face: names that resolve, and nothing heavy before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import chem


def test_names__all_resolve() -> None:
    for name in chem.__all__:
        assert getattr(chem, name).__doc__ or name.isupper()
    assert dir(chem) == chem.__all__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        chem.nothing  # noqa: B018


def test_import__loads_neither_rdkit_nor_torch() -> None:
    script = "import sys, chem; print([name for name in ('rdkit', 'torch', 'pandas') if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(chem.__file__).parents[1],
    )
    assert result.stdout.strip() == "[]"


def test_input_error__one_line_with_every_part() -> None:
    error = chem.InputError("bad", file=Path("a/b.csv"), record=3, field="smiles", expected="x", hint="do\ny")
    assert str(error) == "a/b.csv, record 3, field smiles: bad; expected x; do y"
    assert str(chem.InputError("bad")) == "bad"
    assert isinstance(error, ValueError)
