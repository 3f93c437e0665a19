"""SDF in every state, beside RDKit's own suppliers; InChI and other structures that become SMILES."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from rdkit import Chem, RDConfig, rdBase

from chem import CompoundRecord, read_compounds
from chem.read_origin import Origin
from chem.read_sdf import read_sdf
from chem.read_structure import MAX_STRUCTURE, structure_smiles

NCI = Path(RDConfig.RDDataDir) / "NCI"


@pytest.fixture(scope="module")
def blocks() -> list[str]:
    """Real records, each with its line $$$$."""
    path = NCI / "first_200.props.sdf"
    if not path.exists():
        pytest.skip("this RDKit has no NCI example file")
    text = path.read_text().replace("\r\n", "\n")
    return [f"{block}$$$$\n" for block in text.split("$$$$\n")[:-1]]


def read_text(text: str, **options: object) -> list[CompoundRecord]:
    return list(read_sdf([list(io.StringIO(text, newline=""))], Origin("a.sdf", **options)))  # type: ignore[arg-type]


def rdkit_smiles(text: str) -> list[str]:
    supplier = Chem.SDMolSupplier()
    with rdBase.BlockLogs():
        supplier.SetData(text)
        return [Chem.MolToSmiles(molecule) for molecule in supplier if molecule and molecule.GetNumAtoms()]


def mol_block(smiles: str, **options: object) -> str:
    return str(Chem.MolToMolBlock(Chem.MolFromSmiles(smiles), **options))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_sdf__line_ends(tmp_path: Path, blocks: list[str], end: str) -> None:
    text = "".join(blocks[:30])
    path = tmp_path / "a.sdf"
    path.write_bytes(text.replace("\n", end).encode())
    records = list(read_compounds(path))
    assert [record.input for record in records] == rdkit_smiles(text)
    assert [record.line for record in records][:2] == [1, 1 + blocks[0].count("\n")]


def test_sdf__cut_anywhere_keeps_what_is_whole(blocks: list[str]) -> None:
    text = "".join(blocks[:4])
    whole = [Chem.CanonSmiles(record.input) for record in read_text(text)]
    ends = [sum(map(len, blocks[:n])) for n in range(5)]
    for at in range(1, len(text), 37):
        records = read_text(text[:at])
        n_whole = sum(end <= at for end in ends[1:])
        assert [record.input for record in records][:n_whole] == whole[:n_whole]
        assert all(not record.reason for record in records[:n_whole])
        (rest,) = records[n_whole:] or [None]
        if rest is not None and "M  END" not in text[ends[n_whole] : at]:
            assert "cut off" in rest.reason and rest.input == ""
        elif rest is not None and "\n>" in text[ends[n_whole] : at]:
            assert rest.input == whole[n_whole] and "may be cut off" in rest.note
        assert [record.input for record in records if record.input] == rdkit_smiles(text[:at])


def damage(lines: list[str], generator: random.Random) -> list[str]:
    at = generator.randrange(len(lines))
    changed = {
        "lost": [],
        "blank": ["\n", lines[at]],
        "short": [lines[at][: generator.randrange(len(lines[at]))] + "\n"],
        "element": [lines[at].replace("C", "Xx")],
        "twice": [lines[at], lines[generator.randrange(len(lines))]],
        "ended": [lines[at], "$$$$\n"],
    }
    return [*lines[:at], *generator.choice(list(changed.values())), *lines[at + 1 :]]


def test_sdf__never_fewer_good_records_than_rdkit(blocks: list[str]) -> None:
    """The suppliers lose the record after a mol block that ends too early; beyond that the two agree."""
    generator = random.Random(7)
    equal = 0
    for _ in range(150):
        lines = "".join(generator.sample(blocks, 5)).splitlines(keepends=True)
        for _ in range(generator.choice([1, 1, 3])):
            lines = damage(lines, generator)
        text = "".join(lines)
        records = read_text(text)
        n_ends = sum(line.startswith("$$$$") for line in lines)
        assert len(records) in (n_ends, n_ends + 1)
        assert all(bool(record.input) != bool(record.reason) for record in records)
        mine, theirs = [record.input for record in records if record.input], rdkit_smiles(text)
        remaining = iter(mine)
        assert all(smiles in remaining for smiles in theirs)
        equal += mine == theirs
    assert equal >= 135


def test_sdf__without_m_end_and_of_nothing(blocks: list[str]) -> None:
    broken = blocks[0].replace("M  END\n", "")
    records = read_text("$$$$\n" + broken + "\n\n\n$$$$\n" + blocks[1])
    assert ["M  END" in record.reason for record in records] == [True, True, True, False]


def test_sdf__dollars_and_angles_in_values() -> None:
    text = mol_block("CCO") + "> <price>\n $$$$ 5\n\n> <id>\n> <x>\n> <name>\n\n>  7 <key> (3)\nk\n\n$$$$ \n"
    (record,) = read_text(text)
    assert (record.id, record.input) == ("> <x>", "CCO")
    (record,) = read_text(text, id_column="key")
    assert record.id == "k"
    (record,) = read_text(text, id_column="price")
    assert record.id == "$$$$ 5"


def test_sdf__v3000_and_large() -> None:
    peptide = Chem.MolFromSequence("ACDEFGHIKLMNPQRSTVWY" * 7)
    Chem.RemoveStereochemistry(peptide)  # drawing a thousand atoms for their wedges takes seconds
    assert peptide.GetNumAtoms() > 1_000
    large = Chem.MolToV3KMolBlock(peptide, includeStereo=False)
    records = read_text(f"{large}$$$$\n{mol_block('C[C@H](N)C(=O)O', forceV3000=True)}$$$$\n")
    assert [record.input for record in records] == [Chem.MolToSmiles(peptide), "C[C@H](N)C(=O)O"]


@pytest.mark.parametrize(
    "smiles",
    [
        ".".join(f"{'C' * (n % 7 + 1)}O" for n in range(50)),
        "[2H]C([2H])([13CH3])O",
        "[CH2]C[O]",
        "[Cl-].[Cl-].[NH3][Pt+2][NH3]",
        "Cl[Fe]Cl",
        "C[Hg]C",
        "[U+6]",
        "[Na+].CC(=O)[O-]",
    ],
)
def test_sdf__what_is_unusual_comes_through(smiles: str) -> None:
    block = mol_block(smiles)
    (record,) = read_text(block + "$$$$\n")
    assert record.reason == "" == record.note
    assert record.input == Chem.MolToSmiles(Chem.MolFromMolBlock(block))
    assert Chem.CanonSmiles(record.input) == Chem.CanonSmiles(smiles)


@pytest.mark.parametrize("line", range(6))
def test_sdf__names_in_any_script_and_damage_beside_them(line: int) -> None:
    """RDKit counts bytes; a complaint of half a letter once stopped the reader."""
    lines = mol_block("CCO").splitlines()
    lines[0] = "乙醇 é"
    (whole,) = read_text("\n".join(lines) + "\n$$$$\n")
    assert (whole.id, whole.input) == ("乙醇 é", "CCO")
    for at in range(0, 40):
        damaged = [*lines[:line], lines[line][:at] + "é中é" + lines[line][at:], *lines[line + 1 :]]
        (record,) = read_text("\n".join(damaged) + "\n$$$$\n")
        assert bool(record.reason) != bool(record.input)


def test_sdf__wrong_valence_is_a_reason_in_rdkits_words() -> None:
    molecule = Chem.MolFromSmiles("CC(C)(C)(C)C", sanitize=False)
    (record,) = read_text(Chem.MolToMolBlock(molecule, kekulize=False) + "$$$$\n")
    assert "valence" in record.reason and record.input == ""


def test_sdf__a_violated_condition_is_named(blocks: list[str]) -> None:
    lines = mol_block("CCO").replace("  2  3  1  0", "  1  2  1  0")
    (record,) = read_text(lines + "$$$$\n")
    assert record.reason == "bond already exists"


def test_sdf__r_groups_query_atoms_and_polymers_are_noted() -> None:
    polymer = mol_block("CCO").replace(
        "M  END", "M  STY  1   1 SRU\nM  SAL   1  2   1   2\nM  SMT   1 n\nM  END"
    )
    groups = [
        mol_block("*CCO"),
        mol_block("CCO").replace(" O   0", " R#  0").replace("M  END", "M  RGP  1   3   1\nM  END"),
        mol_block("CCO").replace(" O   0", " A   0"),
        mol_block("CCO").replace(" O   0", " L   0").replace("M  END", "M  ALS   3  2 F N   O   \nM  END"),
        mol_block("CCO").replace("  1  2  1  0", "  1  2  8  0"),
        mol_block("CCO").replace("  1  2  1  0", "  1  2  5  0"),
        polymer,
    ]
    records = read_text("".join(f"{group}$$$$\n" for group in groups))
    assert [record.reason for record in records] == [""] * 7
    assert ["*" in record.input for record in records] == [True] * 4 + [False] * 3
    said = ["R groups or query atoms"] * 4 + ["query bonds"] * 2 + ["polymer (SRU)"]
    assert [record.note.split(":")[0] for record in records] == said


def test_sdf__relative_stereochemistry_is_noted() -> None:
    molecule = Chem.MolFromSmiles("C[C@H](N)C(=O)O |&1:1|")
    (record,) = read_text(Chem.MolToV3KMolBlock(molecule) + "$$$$\n")
    assert record.note.startswith("relative stereochemistry")


def test_sdf__more_atoms_than_rdkit_can_write() -> None:
    n = MAX_STRUCTURE + 1
    atoms = "".join(f"M  V30 {i} C 0 0 0 0\n" for i in range(1, n + 1))
    head = "\n\n\n  0  0  0     0  0            999 V3000\nM  V30 BEGIN CTAB\n"
    body = f"M  V30 COUNTS {n} 0 0 0 0\nM  V30 BEGIN ATOM\n{atoms}M  V30 END ATOM\nM  V30 END CTAB\nM  END\n"
    (record,) = read_text(head + body + "$$$$\n")
    assert record.reason == "a structure of 15,001 atoms; the limit is 15,000"


def test_sdf__mol_blocks_left_for_a_worker(blocks: list[str]) -> None:
    text = "".join(blocks[:20]) + "\n\n\n$$$$\n"
    whole, left = read_text(text), read_text(text, mol_blocks=True)
    assert {record.kind for record in left[:-1]} == {"molblock"} and left[-1].reason
    made = [structure_smiles(record.input, record.kind)[0] for record in left]
    assert made == [record.input for record in whole]
    assert [record.id for record in left] == [record.id for record in whole]


def test_inchi__leads_back_to_the_molecule() -> None:
    """InChI written from RDKit's example structures, as SMILES again, has the same InChI."""
    path = NCI / "first_5K.smi"
    if not path.exists():
        pytest.skip("this RDKit has no NCI example file")
    stereo = ["C[C@H](N)C(=O)O", "F/C=C/F", "F/C=C\\F", "[13CH3]O", "[2H]O[2H]", "CC(=O)[O-].[Na+]", "[CH3]"]
    with rdBase.BlockLogs():
        molecules = [Chem.MolFromSmiles(line.split()[0]) for line in path.read_text().splitlines()[:400]]
        molecules += [Chem.MolFromSmiles(smiles) for smiles in stereo]
        inchis = [Chem.MolToInchi(molecule) for molecule in molecules if molecule]
    for inchi in inchis:
        smiles, reason, note = structure_smiles(inchi, "inchi")
        assert (reason, note) == ("", "")
        with rdBase.BlockLogs():
            assert Chem.MolToInchi(Chem.MolFromSmiles(smiles)) == inchi


@pytest.mark.parametrize(
    "inchi",
    ["InChI=", "InChI=1S/", "InChI=1S/C2H6O/c1-2", "InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H4", "InChI=1S/Xx", "CCO"],
)
def test_inchi__that_is_none_has_a_reason(inchi: str, capfd: pytest.CaptureFixture[str]) -> None:
    smiles, reason, _ = structure_smiles(inchi, "inchi")
    assert smiles == "" and reason and "\n" not in reason
    assert capfd.readouterr() == ("", "")


def test_inchi__file(tmp_path: Path) -> None:
    path = tmp_path / "a.inchi"
    path.write_text("InChI=1S/CH4/h1H4 methane\nAuxInfo=1/0/N:1\n\nInChI=1S/H2O/h1H2\tfresh water\nCCO\n")
    records = list(read_compounds(path))
    assert [(record.id, record.line, record.kind) for record in records] == [
        ("methane", 1, "inchi"), ("fresh water", 4, "inchi"), ("3", 5, "smiles"),
    ]  # fmt: skip
    assert records[2].reason.startswith("is no InChI")
    assert [structure_smiles(record.input, record.kind)[0] for record in records[:2]] == ["C", "O"]


def test_sdf__a_missing_separator_loses_no_record(blocks: list[str]) -> None:
    whole = read_text("".join(blocks[:4]))
    fused = read_text(blocks[0].replace("$$$$\n", "") + "".join(blocks[1:4]))
    assert [(r.row, r.id, r.input) for r in fused] == [(r.row, r.id, r.input) for r in whole]
    assert not any(record.reason for record in fused)
