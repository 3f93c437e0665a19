"""Pictures: well-formed SVG that can stand beside others, in colours that everybody can tell apart."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from rdkit import Chem

from chem import InputError, draw_svg
from chem.draw import _AGAINST, _READABLE, _TOWARDS

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
SVG = "{http://www.w3.org/2000/svg}"

# Machado, Oliveira & Fernandes (2009), severity 1.0, on linear RGB.
COLOUR_VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def linear(colour: tuple[float, ...]) -> np.ndarray:
    values = np.asarray(colour)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def luminance(colour: tuple[float, ...]) -> float:
    return float(linear(colour) @ (0.2126, 0.7152, 0.0722))


def lab(values: np.ndarray) -> np.ndarray:
    """CIELAB (D65) of linear RGB."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.clip(to_xyz @ values, 1e-6, None) / (0.9505, 1.0, 1.089))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", sorted(COLOUR_VISION))
def test_colours__the_two_signs_differ_for_everybody(vision: str) -> None:
    """A difference of 2.3 in CIELAB is just seen; half-strong tints must differ far more, and from white."""
    white = np.ones(3)
    for share in (1.0, 0.5):
        seen = [share * linear(colour) + (1 - share) * white for colour in (_TOWARDS, _AGAINST)]
        shown = [lab(np.clip(COLOUR_VISION[vision] @ each, 0, 1)) for each in (*seen, white)]
        for first, second in itertools.combinations(shown, 2):
            assert np.linalg.norm(first - second) > 12


def test_colours__letters_can_be_read() -> None:
    """Contrast as WCAG 2 counts it: 4.5 for the letters on white, 7 for black on the tints."""
    for colour in _READABLE.values():
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5
    for colour in (_TOWARDS, _AGAINST):
        assert (luminance(colour) + 0.05) / 0.05 >= 7


def test_svg__well_formed_and_plain() -> None:
    for picture in (
        draw_svg(ASPIRIN, width=300, height=200),
        draw_svg(ASPIRIN, width=300, height=200, atom_weights=range(13), scale="pKd", legend="a < b"),
    ):
        root = ET.fromstring(picture)
        assert root.tag == f"{SVG}svg"
        assert (root.get("width"), root.get("height")) == ("300px", "200px")
        names = {name for element in root.iter() for name in element.attrib}
        assert not names & {"id", "class"}
        assert len(root.findall(f".//{SVG}path")) >= 13


def test_svg__transparent() -> None:
    root = ET.fromstring(draw_svg(ASPIRIN))
    assert root.find(f".//{SVG}rect") is None, "a rectangle would hide the page behind the picture"


def test_svg__same_bytes_twice() -> None:
    assert draw_svg(ASPIRIN) == draw_svg(ASPIRIN)


def test_weights__tint_the_atoms_that_matter() -> None:
    def n_ellipses(weights: list[float] | None) -> int:
        return len(ET.fromstring(draw_svg(ASPIRIN, atom_weights=weights)).findall(f"{SVG}ellipse"))

    assert n_ellipses(None) == n_ellipses([0.0] * 13) == 0
    assert n_ellipses([1.0, -0.5, *[0.0] * 11]) == 2
    assert draw_svg("CC", atom_weights=[1.0, 0.0]) != draw_svg("CC", atom_weights=[-1.0, 0.0])


def hexadecimal(colour: tuple[float, ...]) -> str:
    return "#" + "".join(f"{int(255 * value):02X}" for value in colour)


def test_weights__tint_the_bonds_that_matter() -> None:
    """Bond k of the molecule, not another: its tinted shape lies around its middle."""
    n_bonds = Chem.MolFromSmiles(ASPIRIN).GetNumBonds()
    plain = draw_svg(ASPIRIN)
    for bond in (0, 3, n_bonds - 1):
        weights = np.zeros(n_bonds)
        weights[bond] = -2.0
        added = [line for line in draw_svg(ASPIRIN, bond_weights=weights).splitlines() if line not in plain]
        tinted = [line for line in added if hexadecimal(_AGAINST) in line.upper()]
        assert len(tinted) == 1, "one bond, one shape"
        assert hexadecimal(_TOWARDS) not in draw_svg(ASPIRIN, bond_weights=weights).upper()
    places = {
        bond: next(
            line
            for line in draw_svg(ASPIRIN, bond_weights=np.eye(n_bonds)[bond]).splitlines()
            if hexadecimal(_TOWARDS) in line.upper()
        )
        for bond in range(n_bonds)
    }
    assert len(set(places.values())) == n_bonds


def test_weights__one_limit_makes_pictures_comparable() -> None:
    def opacity(weight: float, limit: float | None) -> int:
        picture = draw_svg("CC", atom_weights=[weight, 0.0], weight_limit=limit)
        (colour,) = re.findall(r"<ellipse.*fill:#[0-9A-F]{6}([0-9A-F]{2});", picture)
        return int(colour, 16)

    assert opacity(0.5, None) == opacity(5.0, None)
    assert opacity(0.5, 1.0) < opacity(1.0, 1.0) == opacity(9.0, 1.0)


def test_scale__tells_the_limits_and_the_meaning() -> None:
    texts = [
        element.text
        for element in ET.fromstring(
            draw_svg("CCO", atom_weights=[0.0, 0.25, -0.75], scale="contribution to pKd")
        ).iter(f"{SVG}text")
    ]
    assert texts == ["−0.75", "+0.75", "contribution to pKd"]
    assert "<text" not in draw_svg("CCO", scale="no weights, no scale")


def test_legend__is_escaped_and_shortened() -> None:
    picture = draw_svg("CCO", legend="<b>bold</b>" + " and long" * 20)
    root = ET.fromstring(picture)
    (line,) = root.iter(f"{SVG}text")
    assert (line[0].tail or "").startswith("<b>bold</b>") and (line[0].tail or "").endswith("…")
    assert line[0].text == "<b>bold</b>" + " and long" * 20


def test_atom_numbers__count_from_zero_as_graphs_do() -> None:
    # RDKit writes the letters as paths of class note.
    plain, numbered = (draw_svg("CCO", atom_numbers=flag) for flag in (False, True))
    assert numbered.count("<path") == plain.count("<path") + 3


@pytest.mark.parametrize("weights", [[1.0], [float("nan")] * 13, [[0.0] * 13]])
@pytest.mark.parametrize("part", ["atom", "bond"])
def test_weights__one_finite_number_each(weights: list[float], part: str) -> None:
    expected = {"atom": "heavy atom", "bond": "bond"}[part]
    with pytest.raises(InputError, match=rf"{part}_weights.*expected one finite number per {expected}"):
        draw_svg(ASPIRIN, **{f"{part}_weights": weights})


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_limit__positive(limit: float) -> None:
    with pytest.raises(InputError, match=r"weight_limit.*expected a positive number"):
        draw_svg(ASPIRIN, atom_weights=[0.0] * 13, weight_limit=limit)


def test_bad_smiles__one_line() -> None:
    with pytest.raises(InputError, match="unclosed ring"):
        draw_svg("C1CC")
