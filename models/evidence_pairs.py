"""The training pairs nearest to a predicted pair, with their labels: what was measured that a prediction leans on.

Nearness is that of the model's own kernels (`models.landmarks`). The model keeps its training molecules and
proteins; the labels lie beside them in half precision, two bytes for each pair in a checkpoint.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.errors import InputError
from models.affinity_inputs import InputEncoder
from models.landmarks import molecule_kernel, molecule_tables, protein_kernel, protein_tables
from models.pairs import PairData
from models.protein import Target, encode_proteins

Labels = NDArray[np.float16]


def label_matrix(pairs: PairData, inputs: InputEncoder) -> Labels:
    """Labels of training pairs in the order of a model's molecules and proteins.

    Parameters
    ----------
    pairs
        The training pairs that `inputs` was fitted to, with labels.
    inputs
        Holds the molecules and proteins.

    Returns
    -------
    np.ndarray
        float16 (n_molecules, n_proteins), NaN where nothing was measured; several labels of a pair are their
        mean. Half precision has 11 bits: 0.004 for a pKd of 5 to 8, 0.008 for 8 to 16.

    Raises
    ------
    InputError
        A pair's molecule or protein is not among those of `inputs`.

    Examples
    --------
    >>> from models.affinity_inputs import fit_inputs
    >>> one, index = Target("X", "MKL"), np.array([0, 0])
    >>> pairs = PairData("pkd", ("a",), ("CCO",), ("",), ("X",), (one,), index, index, np.array([5.0, 6.0]), index)
    >>> label_matrix(pairs, fit_inputs([pairs])).tolist()
    [[5.5]]
    """
    molecule = {smiles: place for place, smiles in enumerate(inputs.smiles)}
    protein = {target.form: place for place, target in enumerate(inputs.targets)}
    try:
        row = np.array([molecule[pairs.smiles[d]] for d in pairs.drug], np.int64)
        column = np.array([protein[pairs.targets[t].form] for t in pairs.target], np.int64)
    except KeyError as error:
        raise InputError(
            f"{str(error.args[0])[:40]!r} is not among the training molecules and proteins",
            expected="the pairs that the inputs were fitted to",
        ) from None
    count, total = np.zeros((2, len(inputs.smiles), len(inputs.targets)))
    np.add.at(count, (row, column), 1.0)
    np.add.at(total, (row, column), pairs.label)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0).astype(np.float16)


def nearest_pairs(
    inputs: InputEncoder, labels: Labels, smiles: str, target: Target, *, n_pairs: int = 5
) -> pd.DataFrame:
    """Training pairs nearest to a pair.

    Parameters
    ----------
    inputs
        Of the model.
    labels
        `label_matrix` of its training pairs.
    smiles
        Standardised SMILES of one molecule.
    target
        One protein.
    n_pairs
        Pairs wanted.

    Returns
    -------
    pd.DataFrame
        smiles, target_id, label, similarity_molecule, similarity_protein (`models.landmarks` kernels, 0 to 1)
        and similarity (their product), nearest first; pairs that are equally near in the order of training.

    Raises
    ------
    InputError
        The SMILES does not parse, `labels` is of another model, or `n_pairs` is below 1.
    """
    size = (len(inputs.smiles), len(inputs.targets))
    if labels.shape != size:
        raise InputError(f"labels of shape {labels.shape}", field="labels", expected=f"{size}")
    if n_pairs < 1:
        raise InputError(f"{n_pairs} pairs", field="n_pairs", expected="1 or more")
    near = molecule_kernel(molecule_tables([smiles]), inputs.molecules.tables)[0]
    arrays = encode_proteins([target], inputs.profile)
    alike = protein_kernel(protein_tables([target], arrays), inputs.proteins)[0]
    molecule, protein = np.nonzero(~np.isnan(labels))
    similarity = near[molecule] * alike[protein]
    first = np.argsort(-similarity, kind="stable")[:n_pairs]
    molecule, protein = molecule[first], protein[first]
    return pd.DataFrame(
        {
            "smiles": [inputs.smiles[m] for m in molecule],
            "target_id": [inputs.targets[p].target_id for p in protein],
            "label": labels[molecule, protein].astype(np.float64),
            "similarity_molecule": near[molecule],
            "similarity_protein": alike[protein],
            "similarity": similarity[first],
        }
    )
