"""Hold molecules against rules of thumb, Lipinski's, Veber's, lead-like and others, and say what fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from chem.descriptor import DESCRIPTORS
from chem.errors import InputError
from chem.molecules import Structure, map_blocks, molecule_at
from chem.rule_table import RULES, Rule

_BLOCK = 2000
_PROPERTIES: dict[str, Callable[[Chem.Mol], float]] = DESCRIPTORS | {
    "n_nitrogen_oxygen": rdMolDescriptors.CalcNumLipinskiHBA,
    "n_nh_oh": rdMolDescriptors.CalcNumLipinskiHBD,
    "n_atoms_with_hydrogens": rdMolDescriptors.CalcNumAtoms,
    "n_carbons": lambda molecule: sum(atom.GetAtomicNum() == 6 for atom in molecule.GetAtoms()),
}


def check_rules(
    smiles: Iterable[Structure], rules: Sequence[str] = tuple(RULES), *, threads: int = 1
) -> pd.DataFrame:
    """Hold molecules against rules of thumb.

    Give molecules as they would be dosed, without salts: the rules count every atom there is.

    Parameters
    ----------
    smiles
        One SMILES, or RDKit molecule, per molecule.
    rules
        Keys of `RULES`; all unless given.
    threads
        Processes; more than one are used for more than 2,000 molecules.

    Returns
    -------
    pandas.DataFrame
        One row per molecule and rule, in order: index (from 0), rule, passes, n_failed (conditions),
        failed (each failed condition with the value found; empty where none).

    Raises
    ------
    InputError
        A SMILES does not parse (its index is named), or a rule is unknown.

    References
    ----------
    Each rule's own, in `RULES`.

    Examples
    --------
    >>> check_rules(["CCCCCCCCCCCCCCCCO", "CCO"], ["veber", "rule_of_three"])[["passes", "failed"]].values.tolist()
    [[False, 'n_rotatable_bonds <= 10 (14)'], [False, 'log_p <= 3 (5.46)'], [True, ''], [True, '']]
    """
    conditions = check_conditions(smiles, rules, threads=threads)
    chosen = [_rule(name) for name in rules]
    sizes = np.array([len(rule.conditions) for rule in chosen], dtype=int)
    n = len(conditions) // max(int(sizes.sum()), 1)
    ends = np.concatenate([[0], np.tile(sizes, n).cumsum()])
    failed = ~conditions["met"].to_numpy()
    n_failed = np.diff(np.concatenate([[0], failed.cumsum()])[ends])
    failing = conditions[failed]
    said = (f"{text} ({value:.4g})" for text, value in zip(failing["condition"], failing["value"]))
    return pd.DataFrame(
        {
            "index": np.repeat(np.arange(n), len(chosen)),
            "rule": [rule.name for rule in chosen] * n,
            "passes": n_failed <= np.tile([rule.may_fail for rule in chosen], n),
            "n_failed": n_failed,
            "failed": ["; ".join(islice(said, count)) for count in n_failed.tolist()],
        }
    ).astype({"rule": "str", "failed": "str"})


def check_conditions(
    smiles: Iterable[Structure], rules: Sequence[str] = tuple(RULES), *, threads: int = 1
) -> pd.DataFrame:
    """Hold molecules against each condition of rules of thumb, with the values found.

    Parameters
    ----------
    smiles, rules, threads
        As for `check_rules`.

    Returns
    -------
    pandas.DataFrame
        One row per molecule and condition, in order: index (from 0), rule, condition, value, met.

    Raises
    ------
    InputError
        A SMILES does not parse (its index is named), or a rule is unknown.

    Examples
    --------
    >>> check_conditions(["CCO"], ["veber"]).values.tolist()
    [[0, 'veber', 'n_rotatable_bonds <= 10', 0.0, True], [0, 'veber', 'tpsa <= 140', 20.23, True]]
    """
    chosen = [_rule(name) for name in rules]
    pairs = [(rule.name, condition) for rule in chosen for condition in rule.conditions]
    names = tuple(dict.fromkeys(condition.property for _, condition in pairs))
    blocks = list(map_blocks(partial(_measure, names), smiles, block=_BLOCK, threads=threads))
    measured = np.concatenate([np.empty((0, len(names))), *blocks])
    values = measured[:, [names.index(condition.property) for _, condition in pairs]]
    low, high = (np.array([getattr(condition, end) for _, condition in pairs]) for end in ("low", "high"))
    n = len(measured)
    return pd.DataFrame(
        {
            "index": np.repeat(np.arange(n), len(pairs)),
            "rule": [rule for rule, _ in pairs] * n,
            "condition": [str(condition) for _, condition in pairs] * n,
            "value": values.ravel(),
            "met": ((values >= low) & (values <= high)).ravel(),
        }
    ).astype({"rule": "str", "condition": "str"})


def _rule(name: str) -> Rule:
    if name not in RULES:
        raise InputError(f"no rule {name!r}", field="rules", expected=f"some of {', '.join(RULES)}")
    return RULES[name]


def _measure(names: tuple[str, ...], first: int, items: list[Structure]) -> np.ndarray:
    table = np.empty((len(items), len(names)))
    for row, item in enumerate(items):
        molecule = molecule_at(first + row, item)
        table[row] = [_PROPERTIES[name](molecule) for name in names]
    return table
