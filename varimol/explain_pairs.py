"""What a score of a compound and a protein rests on: measured training pairs, and residues of the target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from chem.scaffold import inchikey_first_block
from varimol import tables

if TYPE_CHECKING:
    from models.affinity import EndpointModel
    from models.protein import Target

N_PAIRS = 3
"""Training pairs shown of each score."""
N_RESIDUES = 5
"""Residues shown of each score."""
NOTABLE = 0.05
"""Contribution, in the label's unit, from which a residue is worth its name."""
LIKENESS = "likeness by the model's own kernels of molecules and proteins, 1 for the same"
"""Of the numbers beside a measured pair: `models.landmarks.molecule_kernel` and `protein_kernel`. A molecule too
small for one of the kinds of environments, as ethanol without four atoms in a row, is below 1 with itself too."""
FIDELITY = (
    "Residues are those whose hiding lowers the prediction most: they show what the model reads, not contacts with "
    "the compound."
)


def evidence_of(model: EndpointModel, smiles: str, targets: Sequence[Target]) -> pd.DataFrame:
    """Training pairs nearest to a compound with each target, with what was measured.

    Parameters
    ----------
    model
        Of the endpoint.
    smiles
        Standardised SMILES.
    targets
        Proteins, named by gene.

    Returns
    -------
    pd.DataFrame
        gene, and the columns of `models.evidence_pairs.nearest_pairs` with the name of the compound where it is a
        shipped drug; empty for a model that keeps no labels.
    """
    from models.evidence_pairs import nearest_pairs

    columns = [
        "gene", "name", "smiles", "target_id", "label", "similarity_molecule", "similarity_protein", "similarity",
    ]  # fmt: skip
    if model.labels is None:
        return pd.DataFrame(columns=columns)
    drugs = tables.drugs()
    named = dict(zip(drugs["skeleton"], drugs["name"], strict=True))
    parts = []
    for target in targets:
        near = nearest_pairs(model.inputs, model.labels, smiles, target, n_pairs=N_PAIRS)
        names = [named.get(inchikey_first_block(text), "") for text in near["smiles"]]
        parts.append(near.assign(gene=target.target_id, name=names))
    return pd.concat(parts, ignore_index=True)[columns]


def residues_of(model: EndpointModel, smiles: str, targets: Sequence[Target]) -> pd.DataFrame:
    """Contribution of every residue of each target, in the numbering of its sequence.

    Returns
    -------
    pd.DataFrame
        gene, and the columns of `models.attribution_tables.residue_table`.
    """
    from models.attribution_tables import residue_table

    parts = [residue_table(model, smiles, target).assign(gene=target.target_id) for target in targets]
    return pd.concat(parts, ignore_index=True)[["gene", "position", "residue", "column", "contribution"]]


def pair_lines(gene: str, evidence: pd.DataFrame, residues: pd.DataFrame) -> list[str]:
    r"""Lines for a person on one target, two spaces in.

    Examples
    --------
    >>> evidence = pd.DataFrame(
    ...     {"gene": ["ABL1"], "name": [""], "smiles": ["CCO"], "target_id": ["ABL1p"], "label": [8.3],
    ...      "similarity_molecule": [0.5], "similarity_protein": [1.0], "similarity": [0.5]}
    ... )
    >>> residues = pd.DataFrame(
    ...     {"gene": ["ABL1"] * 2, "position": [315, 7], "residue": ["T", "K"], "contribution": [0.31, -0.2]}
    ... )
    >>> print("\n".join(pair_lines("ABL1", evidence, residues)))
      nearest measured pairs (likeness by the model's own kernels of molecules and proteins, 1 for the same): CCO on ABL1p 8.30 (compound 0.50, protein 1.00)
      residues that raise it most: T315 +0.31
    """
    lines = []
    near = evidence[evidence["gene"] == gene].to_dict("records")
    if near:
        lines.append(
            f"  nearest measured pairs ({LIKENESS}): "
            + ", ".join(
                f"{row['name'] or _short(row['smiles'])} on {row['target_id']} {row['label']:.2f} (compound "
                f"{row['similarity_molecule']:.2f}, protein {row['similarity_protein']:.2f})"
                for row in near
            )
        )
    strongest = residues[residues["gene"] == gene].nlargest(N_RESIDUES, "contribution").to_dict("records")
    notable = [row for row in strongest if row["contribution"] >= NOTABLE]
    if notable:
        lines.append(
            "  residues that raise it most: "
            + ", ".join(f"{row['residue']}{row['position']} {row['contribution']:+.2f}" for row in notable)
        )
    elif strongest:
        lines.append(f"  no residue alone raises it by {NOTABLE} or more")
    return lines


def _short(smiles: str, length: int = 40) -> str:
    return smiles if len(smiles) <= length else f"{smiles[:length]}..."
