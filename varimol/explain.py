"""Why a compound stands where it does for a patient: the claims, their paths, and the atoms behind a score."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genomics.errors import InputError
from varimol.explain_pairs import FIDELITY, evidence_of, pair_lines, residues_of
from varimol.interval_text import interval_text
from varimol.results import read_json

if TYPE_CHECKING:
    from models.affinity import AffinityModel
    from models.protein import Target


@dataclass(frozen=True)
class Explanation:
    """What is known of a compound for a patient.

    Attributes
    ----------
    evidence
        The patient's records of the compound.
    atoms
        gene, atom (0-based, in the order of `smiles`), input_atom (0-based, in the order of the structure as the
        compound file has it; missing where it cannot be followed through standardisation), symbol, contribution
        (label's unit).
    pairs
        gene, name, smiles, target_id, label, similarity_molecule, similarity_protein, similarity: the training pairs
        nearest to each score, with what was measured.
    residues
        gene, position (1-based, in the target's sequence), residue, column (of the kinase profile; missing outside
        the domain), contribution (label's unit).
    smiles
        Standardised SMILES, empty where the compound was not scored.
    text
        For a person to read.
    """

    evidence: pd.DataFrame
    atoms: pd.DataFrame
    pairs: pd.DataFrame
    residues: pd.DataFrame
    smiles: str
    text: str


def explain(
    directory: str | os.PathLike[str],
    patient: str,
    compound: str,
    *,
    out: str | os.PathLike[str] | None = None,
) -> Explanation:
    """Explain a compound for a patient of a finished `link` run.

    Parameters
    ----------
    directory
        Folder of the run.
    patient
        Sample identifier.
    compound
        Identifier or name.
    out
        Folder for explanation.tsv, atoms.tsv, pairs.tsv, residues.tsv and one picture per target.

    Returns
    -------
    Explanation
        Claims with their paths; where a network scored the compound, the measured pairs nearest to it, and the
        share of each atom and residue in the score.

    Raises
    ------
    InputError
        No finished run, patient or compound of that name.
    """
    folder = Path(directory)
    if not (folder / "manifest.json").exists():
        raise InputError(
            "there is no manifest.json", file=folder, expected="the folder of a finished `varimol link` run",
            hint="run `varimol link` first",
        )  # fmt: skip
    evidence = pd.read_parquet(folder / "evidence.parquet")
    affinity = pd.read_parquet(folder / "affinity.parquet")
    _require(patient, pd.read_parquet(folder / "quality_samples.parquet")["sample_id"], folder, "--patient")
    names = pd.concat(
        [
            affinity[["compound_id", "name"]],
            evidence[["compound_id", "compound_name"]].rename(columns={"compound_name": "name"}),
        ]
    )
    named = names[(names["compound_id"] == compound) | (names["name"].str.lower() == compound.lower())]
    _require(
        compound,
        pd.concat([names["compound_id"], named["name"].str.lower(), named["name"]]),
        folder,
        "--compound",
    )
    identifier = named["compound_id"].iloc[0]
    mine = evidence[(evidence["sample_id"] == patient) & (evidence["compound_id"] == identifier)]
    scored = affinity[affinity["compound_id"] == identifier]
    atoms, smiles = pd.DataFrame(columns=["gene", "atom", "input_atom", "symbol", "contribution"]), ""
    pairs = pd.DataFrame(columns=["gene"])
    residues = pd.DataFrame(columns=["gene", "contribution"])
    if len(scored):
        from models.protein import Target
        from varimol.networks import load_network

        smiles = str(scored["smiles"].iloc[0])
        model = load_network(read_json(folder / "manifest.json")["parameters"]["network"])
        chains = pd.read_parquet(folder / "targets.parquet").set_index("gene")["sequence"]
        targets = [Target(gene, str(chains[gene])) for gene in scored["gene"]]
        atoms = _atoms_of_targets(model, smiles, targets)
        pairs = evidence_of(model.endpoint(), smiles, targets)
        residues = residues_of(model.endpoint(), smiles, targets)
        atoms.insert(
            2, "input_atom", atoms["atom"].map(_input_atoms(folder / "library", smiles)).astype("Int64")
        )
    text = _text(patient, compound, mine, scored, atoms, pairs, residues)
    told = Explanation(mine, atoms, pairs, residues, smiles, text)
    if out is not None:
        _write(told, out)
    return told


def _require(value: str, known: pd.Series, folder: Path, field: str) -> None:
    if value not in set(known) and value.lower() not in set(known):
        raise InputError(
            f"{value!r} is not in this run", file=folder, field=field, expected=f"one of its {known.nunique()}",
            hint="see therapies.tsv",
        )  # fmt: skip


def _atoms_of_targets(model: AffinityModel, smiles: str, targets: Sequence[Target]) -> pd.DataFrame:
    from rdkit import Chem

    symbols = [atom.GetSymbol() for atom in Chem.MolFromSmiles(smiles).GetAtoms()]
    parts = []
    for target in targets:
        share = atom_contributions(model, smiles, target)
        parts.append(
            pd.DataFrame(
                {
                    "gene": target.target_id, "atom": np.arange(len(symbols)), "symbol": symbols,
                    "contribution": share,
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _input_atoms(library: Path, smiles: str) -> dict[int, int]:
    """Atom of the structure as its file has it, for each atom of the standardised molecule."""
    from chem.atom_origin import input_atoms
    from chem.errors import InputError as ChemError

    rows = pd.read_parquet(
        library / "library.parquet", columns=["input", "smiles"], filters=[("smiles", "==", smiles)]
    )
    try:
        return dict(enumerate(input_atoms(str(rows["input"].iloc[0])).tolist()))
    except (ChemError, IndexError):
        return {}


def atom_contributions(model: AffinityModel, smiles: str, target: Target) -> NDArray[np.float64]:
    """How much the first endpoint's prediction falls when one atom is made unknown to the model.

    Parameters
    ----------
    model
        The network, with all parts of its blend.
    smiles
        One molecule.
    target
        A `models.protein.Target`.

    Returns
    -------
    NDArray[np.float64]
        (n_atoms,) in the label's unit: positive where the atom raises the prediction.

    References
    ----------
    Occlusion: Zeiler and Fergus 2014, doi:10.1007/978-3-319-10590-1_53.
    """
    from models.attribution import atom_contributions as contributions

    return contributions(model.endpoint(), smiles, target)


def _text(
    patient: str, compound: str, mine: pd.DataFrame, scored: pd.DataFrame, atoms: pd.DataFrame,
    pairs: pd.DataFrame, residues: pd.DataFrame,
) -> str:  # fmt: skip
    lines = [f"{compound} for {patient}"]
    for row in mine.to_dict("records"):
        lines += [
            f"- {row['lane']}, {row['claim']}: {row['direction'] or 'no direction'}"
            + ("; abstains" if row["abstain"] else ""),
            f"  path: {row['path']}",
            f"  reason: {row['reason']}",
            f"  assumes: {row['assumptions']}",
            f"  sources: {row['sources']}",
        ]
    if not len(mine):
        lines.append(
            "- no claim is made about this compound for this patient: its safety lane says nothing of it, and claims of "
            "efficacy are made for people who have the trait and for the best-scored compounds of a target alone"
        )
    for row in scored.to_dict("records"):
        lines.append(
            f"- scored on {row['gene']}: {row['prediction']:.2f} {interval_text(row['lower'], row['upper'], 2)}, nearest "
            f"training compound at Tanimoto {row['nearest_train_tanimoto']:.2f}"
            + (f"; abstains: {row['reason']}" if row["abstain"] else "")
        )
        lines.append(f"  {atoms_text(atoms[atoms['gene'] == row['gene']])}")
        lines += pair_lines(row["gene"], pairs, residues)
    if len(residues):
        lines.append(FIDELITY)
    lines.append("For research use only.")
    return "\n".join(lines)


def atoms_text(atoms: pd.DataFrame) -> str:
    """Name the atoms that raise a score most, five at most.

    Parameters
    ----------
    atoms
        symbol, atom, contribution (`atom_contributions`) of one compound and protein.

    Examples
    --------
    >>> atoms_text(pd.DataFrame({"symbol": ["N", "C"], "atom": [0, 1], "contribution": [0.31, -0.2]}))
    'atoms that raise it most: N0 +0.31'
    """
    strongest = atoms.nlargest(5, "contribution")
    # What is written as +0.00 raises nothing that anyone could see.
    raising = [row for row in strongest.to_dict("records") if float(f"{row['contribution']:.2f}") > 0]
    if not raising:
        return "no atom alone raises it"
    named = (f"{row['symbol']}{row['atom']} {row['contribution']:+.2f}" for row in raising)
    return f"atoms that raise it most: {', '.join(named)}"


def _write(told: Explanation, out: str | os.PathLike[str]) -> None:
    from chem.draw import draw_svg
    from varimol.results import whole_results

    with whole_results(out) as folder:
        told.evidence.to_csv(folder / "explanation.tsv", sep="\t", index=False)
        told.atoms.to_csv(folder / "atoms.tsv", sep="\t", index=False, float_format="%.4f")
        told.pairs.to_csv(folder / "pairs.tsv", sep="\t", index=False, float_format="%.4f")
        told.residues.to_csv(folder / "residues.tsv", sep="\t", index=False, float_format="%.4f")
        for gene, part in told.atoms.groupby("gene", sort=True):
            picture = draw_svg(told.smiles, width=500, height=400, atom_weights=part["contribution"].tolist())
            (folder / f"{gene}.svg").write_text(picture, encoding="utf-8")
