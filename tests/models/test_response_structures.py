from __future__ import annotations

from pathlib import Path

import pytest

from chem.errors import InputError
from models.response_structures import read_structures


def write(folder: Path, *rows: str) -> Path:
    path = folder / "drugs.tsv"
    path.write_text("\n".join(["drug_name\tsmiles", *rows]) + "\n")
    return path


def test_read_structures__refuses_a_compound_with_two(tmp_path: Path) -> None:
    path = write(tmp_path, "a\tCCO", "b\tCCN", "a\tCCC")
    with pytest.raises(InputError, match="'a' has two structures, in records 2 and 4: CCO and CCC") as caught:
        read_structures(path)
    assert (caught.value.record, caught.value.field) == (4, "smiles")


def test_read_structures__tells_enantiomers_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two structures"):
        read_structures(write(tmp_path, "a\tC[C@H](N)C(=O)O", "a\tC[C@@H](N)C(=O)O"))


def test_read_structures__joins_one_structure_written_twice(tmp_path: Path) -> None:
    structures = read_structures(write(tmp_path, "a\tOCC", "a\tCCO", "b\tC(O)C", "c\tC1CC", "c\tC1CC"))
    assert structures.compound_ids == ("a", "b", "c") and structures.smiles == ("CCO", "CCO", "")
    assert "unclosed ring" in structures.reasons[2] and structures.reasons[:2] == ("", "")
    assert structures.notes == (
        "2 rows of drugs.tsv repeat a compound and its structure and are joined",
        "compounds of one structure: a, b",
    )


def test_read_structures__refuses_an_empty_name_and_an_empty_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="record 3, field drug_name: a compound has no name"):
        read_structures(write(tmp_path, "a\tC", "\tCC"))
    with pytest.raises(InputError, match="no lines"):
        read_structures(write(tmp_path))


def test_read_structures__reads_the_shared_table(shared_data: Path) -> None:
    path = shared_data / "response" / "drugs.tsv"
    structures = read_structures(path, smiles_column="IsomericSMILES")
    assert len(structures.compound_ids) >= 133 and not any(structures.reasons)


def test_read_structures__a_complex_is_not_its_ligand(tmp_path: Path) -> None:
    """Oxaliplatin as PubChem writes it, its ligand alone, and a salt, which is its parent."""
    written = "C1CCC(C(C1)[NH-])[NH-].C(=O)(C(=O)[O-])[O-].[Pt+4]"
    path = write(tmp_path, f"oxaliplatin\t{written}", "ligand\tNC1CCCCC1N", "salt\tNC1CCCCC1N.Cl")
    structures = read_structures(path)
    assert "Pt" in structures.smiles[0] and "C(=O)" in structures.smiles[0]
    assert structures.smiles[1:] == ("NC1CCCCC1N", "NC1CCCCC1N")
    assert structures.notes == ("compounds of one structure: ligand, salt",)
