"""Pictures of molecules, as SVG that can stand inside a page beside many others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from rdkit import Chem

from chem.errors import InputError
from chem.parse import explain_smiles, parse_smiles

# Sky blue and orange of Okabe and Ito (2008): told apart with any colour vision, and light enough for black
# letters on top of them.
_TOWARDS = (0.337, 0.706, 0.914)
_AGAINST = (0.902, 0.624, 0.0)
_DEEPEST = 0.9
# RDKit's yellow and cyan are too pale for letters on white; these have a contrast of 4.5 and more.
_READABLE = {9: (0.0, 0.46, 0.46), 15: (0.7, 0.34, 0.0), 16: (0.52, 0.45, 0.0), 17: (0.0, 0.5, 0.0)}
_NOT_SHOWN = 0.02
_LEGEND_HEIGHT, _SCALE_HEIGHT = 20, 34
_N_STEPS = 21
_HEADER = re.compile(r"<\?xml[^>]*\?>\s*|<!--.*?-->\s*", re.DOTALL)
_CLASS = re.compile(r" class='[^']*'")
_Colours = dict[int, tuple[float, float, float, float]]


def draw_svg(
    smiles: str,
    *,
    width: int = 240,
    height: int = 180,
    atom_weights: Sequence[float] | None = None,
    bond_weights: Sequence[float] | None = None,
    weight_limit: float | None = None,
    scale: str = "",
    legend: str = "",
    atom_numbers: bool = False,
) -> str:
    """Draw a molecule as an SVG element with a transparent background.

    The element carries no ids and no classes, so any number of them share a page.

    Parameters
    ----------
    smiles
        The molecule.
    width, height
        Size in pixels, legend and scale included.
    atom_weights
        One weight per heavy atom, in the order of the SMILES: positive atoms are tinted blue, negative ones
        orange, the largest absolute weight most.
    bond_weights
        One weight per bond, in the order of the SMILES, tinted likewise and by the same scale. The edges 2k
        and 2k + 1 of a molecular graph are bond k.
    weight_limit
        The absolute weight of the deepest tint, and of all beyond it; the largest weight of this molecule
        where not given. Pictures that are compared need one limit.
    scale
        What the weights mean, with their unit: draws the scale of colours under the molecule, from minus to
        plus the limit.
    legend
        A line of text under the molecule, shortened where it is too long.
    atom_numbers
        Number the atoms from 0, as molecular graphs do.

    Returns
    -------
    str
        The `<svg>` element.

    Raises
    ------
    InputError
        The SMILES does not parse, the weights are not one finite number per atom or bond, or the limit is
        not a positive number.

    References
    ----------
    Colours: Okabe & Ito, Color Universal Design, 2008.

    Examples
    --------
    >>> picture = draw_svg("CCO", atom_weights=[0.0, 0.2, -1.0], scale="contribution to pKd")
    >>> picture.startswith("<svg"), picture.rstrip().endswith("</svg>"), "contribution to pKd" in picture
    (True, True, True)
    """
    molecule = parse_smiles(smiles)
    if molecule is None:
        raise InputError(f"{smiles!r} does not parse: {explain_smiles(smiles)}", field="smiles")
    atoms = _checked(atom_weights, molecule.GetNumAtoms(), "atom")
    bonds = _checked(bond_weights, molecule.GetNumBonds(), "bond")
    limit = _limit(weight_limit, atoms, bonds)
    weighted = atom_weights is not None or bond_weights is not None
    below = _LEGEND_HEIGHT * bool(legend) + _SCALE_HEIGHT * bool(scale and weighted)
    picture = _plain_svg(
        _render(
            molecule, (width, height - below), (_colours(atoms, limit), _colours(bonds, limit)), atom_numbers
        )
    )
    if not below:
        return picture
    parts = [picture.rstrip()]
    if legend:
        parts.append(svg_text(legend, width / 2, height - below + 14, width - 8))
    if scale and weighted:
        parts.append(_scale(scale, limit, width, height - _SCALE_HEIGHT))
    return svg_sheet(parts, width, height)


def svg_sheet(parts: Sequence[str], width: int, height: int) -> str:
    """Put SVG elements together on one sheet.

    Parameters
    ----------
    parts
        Elements with their places.
    width, height
        Size in pixels.

    Returns
    -------
    str
        The `<svg>` element.

    Examples
    --------
    >>> svg_sheet([svg_text("aspirin", 50, 10, 90)], 100, 20).count("<text")
    1
    """
    frame = f"width='{width}px' height='{height}px' viewBox='0 0 {width} {height}'"
    return "\n".join([f"<svg xmlns='http://www.w3.org/2000/svg' {frame}>", *parts, "</svg>\n"])


def svg_text(text: str, x: float, y: float, room: float, *, size: int = 12) -> str:
    """Write one centred line; what does not fit is cut, and told by a tooltip.

    Parameters
    ----------
    text
        Any text.
    x, y
        Middle and baseline in pixels.
    room
        Width there is, in pixels.
    size
        Font size in pixels.

    Returns
    -------
    str
        The `<text>` element.

    Examples
    --------
    >>> "…" in svg_text("a name of many letters", 20, 10, 40)
    True
    """
    line = " ".join(text.split())
    fitting = max(int(room / (0.56 * size)), 1)  # a sans-serif letter is some 0.56 of its height wide
    shown = line if len(line) <= fitting else line[: fitting - 1].rstrip() + "…"
    title = "" if shown == line else f"<title>{escape(line)}</title>"
    style = f"font-family='sans-serif' font-size='{size}px' text-anchor='middle' fill='#333333'"
    return f"<text x='{x:g}' y='{y:g}' {style}>{title}{escape(shown)}</text>"


def _checked(weights: Sequence[float] | None, count: int, part: str) -> np.ndarray:
    if weights is None:
        return np.zeros(count)
    values = np.asarray(weights, dtype=float)
    if values.shape != (count,) or not np.isfinite(values).all():
        raise InputError(
            f"{values.size} weights for {count} {part}s",
            field=f"{part}_weights",
            expected=f"one finite number per {'heavy atom' if part == 'atom' else 'bond'}",
        )
    return values


def _limit(given: float | None, atoms: np.ndarray, bonds: np.ndarray) -> float:
    if given is None:
        return float(np.abs(np.concatenate([atoms, bonds])).max(initial=0.0))
    if not (np.isfinite(given) and given > 0):
        raise InputError(f"{given!r} is no limit", field="weight_limit", expected="a positive number")
    return float(given)


def _colours(weights: np.ndarray, limit: float) -> _Colours:
    if limit == 0:
        return {}
    shares = np.clip(weights / limit, -1.0, 1.0).tolist()
    return {number: _tint(share) for number, share in enumerate(shares) if abs(share) > _NOT_SHOWN}


def _tint(share: float) -> tuple[float, float, float, float]:
    return (*(_TOWARDS if share > 0 else _AGAINST), _DEEPEST * abs(share))


def _render(
    molecule: Chem.Mol, size: tuple[int, int], colours: tuple[_Colours, _Colours], atom_numbers: bool
) -> str:
    from rdkit.Chem.Draw import rdMolDraw2D

    atoms, bonds = colours
    drawer = rdMolDraw2D.MolDraw2DSVG(*size)
    options: Any = drawer.drawOptions()
    set_style(options)
    options.addAtomIndices = atom_numbers
    if atoms or bonds:
        options.useBWAtomPalette()  # a red or blue letter is hard to read on a tint
    rdMolDraw2D.PrepareAndDrawMolecule(
        drawer,
        molecule,
        highlightAtoms=list(atoms),
        highlightAtomColors=atoms,
        highlightBonds=list(bonds),
        highlightBondColors=bonds,
    )
    drawer.FinishDrawing()
    return drawer.GetDrawingText()


def set_style(options: Any) -> None:
    """Set the lines and letters that all pictures share.

    Parameters
    ----------
    options
        RDKit's drawing options, which are changed.

    Examples
    --------
    >>> from rdkit.Chem.Draw import MolDrawOptions
    >>> options = MolDrawOptions()
    >>> set_style(options)
    >>> options.clearBackground
    False
    """
    options.clearBackground = False
    options.bondLineWidth = 1.4
    options.highlightBondWidthMultiplier = 12
    options.annotationFontScale = 0.6
    options.updateAtomPalette(_READABLE)


def _plain_svg(text: str) -> str:
    return _CLASS.sub("", _HEADER.sub("", text)).strip() + "\n"


def _scale(label: str, limit: float, width: int, top: float) -> str:
    """Draw the colours from minus to plus the limit, the numbers beside them and what they mean below."""
    bar = min(0.5 * width, 200.0)
    step, left = bar / _N_STEPS, (width - bar) / 2
    boxes = []
    for number, share in enumerate(np.linspace(-1.0, 1.0, _N_STEPS).tolist()):
        red, green, blue, opacity = _tint(share)
        fill = f"rgb({255 * red:.0f},{255 * green:.0f},{255 * blue:.0f})"
        place = f"x='{left + number * step:.2f}' y='{top + 3:g}' width='{step:.2f}' height='10'"
        boxes.append(
            f"<rect {place} fill='{fill}' fill-opacity='{opacity:.3f}' shape-rendering='crispEdges'/>"
        )
    frame = f"x='{left:.2f}' y='{top + 3:g}' width='{bar:.2f}' height='10'"
    boxes.append(f"<rect {frame} fill='none' stroke='#777777' stroke-width='0.6'/>")
    for x, value in ((left - 22, -limit), (width - left + 22, limit)):
        text = f"{value:+.2g}".replace("-", "\N{MINUS SIGN}")
        boxes.append(svg_text(text, x, top + 12, left, size=11))
    return "\n".join([*boxes, svg_text(label, width / 2, top + 28, width - 8, size=11)])
