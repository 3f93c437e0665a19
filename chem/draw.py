"""Pictures of molecules, as SVG that can stand inside a page beside many others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from rdkit import Chem

from chem.errors import InputError
from chem.parse import explain_smiles, parse_smiles

_TOWARDS = (0.16, 0.55, 0.36)
_AGAINST = (0.80, 0.30, 0.42)
_HEADER = re.compile(r"<\?xml[^>]*\?>\s*|<!--.*?-->\s*", re.DOTALL)
_CLASS = re.compile(r" class='[^']*'")


def draw_svg(
    smiles: str, *, width: int = 240, height: int = 180, atom_weights: Sequence[float] | None = None
) -> str:
    """Draw a molecule as an SVG element with a transparent background.

    The element carries no ids and no classes, so any number of them share a page.

    Parameters
    ----------
    smiles
        The molecule.
    width, height
        Size in pixels.
    atom_weights
        One weight per heavy atom, in the order of the SMILES: positive atoms are tinted green, negative
        ones red, the largest absolute weight most.

    Returns
    -------
    str
        The `<svg>` element.

    Raises
    ------
    InputError
        The SMILES does not parse, or the weights are not one finite number per atom.

    Examples
    --------
    >>> picture = draw_svg("CCO", atom_weights=[0.0, 0.2, -1.0])
    >>> picture.startswith("<svg"), picture.rstrip().endswith("</svg>")
    (True, True)
    """
    molecule = parse_smiles(smiles)
    if molecule is None:
        raise InputError(f"{smiles!r} does not parse: {explain_smiles(smiles)}", field="smiles")
    colours = {} if atom_weights is None else _atom_colours(molecule, atom_weights)
    return _plain_svg(_render(molecule, width, height, colours))


def _atom_colours(
    molecule: Chem.Mol, weights: Sequence[float]
) -> dict[int, tuple[float, float, float, float]]:
    values = np.asarray(weights, dtype=float)
    if values.shape != (molecule.GetNumAtoms(),) or not np.isfinite(values).all():
        raise InputError(
            f"{values.size} weights for {molecule.GetNumAtoms()} atoms",
            field="atom_weights",
            expected="one finite number per heavy atom",
        )
    largest = np.abs(values).max()
    if largest == 0:
        return {}
    return {
        number: (*(_TOWARDS if value > 0 else _AGAINST), 0.85 * abs(value) / largest)
        for number, value in enumerate(values.tolist())
        if abs(value) > 0.02 * largest
    }


def _render(
    molecule: Chem.Mol, width: int, height: int, colours: dict[int, tuple[float, float, float, float]]
) -> str:
    from rdkit.Chem.Draw import rdMolDraw2D

    drawer = rdMolDraw2D.MolDraw2DSVG(width, height)
    options: Any = drawer.drawOptions()
    options.clearBackground = False
    options.bondLineWidth = 1.4
    options.highlightBondWidthMultiplier = 12
    rdMolDraw2D.PrepareAndDrawMolecule(
        drawer, molecule, highlightAtoms=list(colours), highlightAtomColors=colours, highlightBonds=[]
    )
    drawer.FinishDrawing()
    return drawer.GetDrawingText()


def _plain_svg(text: str) -> str:
    return _CLASS.sub("", _HEADER.sub("", text)).strip() + "\n"
