"""Pictures: well-formed SVG that can stand beside others."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from chem import InputError, draw_svg

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
SVG = "{http://www.w3.org/2000/svg}"


def test_svg__well_formed_and_plain() -> None:
    picture = draw_svg(ASPIRIN, width=300, height=200)
    root = ET.fromstring(picture)
    assert root.tag == f"{SVG}svg"
    assert (root.get("width"), root.get("height")) == ("300px", "200px")
    names = {name for element in root.iter() for name in element.attrib}
    assert not names & {"id", "class"}
    assert root.find(f"{SVG}rect") is None, "a rectangle would hide the page behind the picture"
    assert len(root.findall(f"{SVG}path")) >= 13


def test_svg__same_bytes_twice() -> None:
    assert draw_svg(ASPIRIN) == draw_svg(ASPIRIN)


def test_weights__tint_the_atoms_that_matter() -> None:
    def n_ellipses(weights: list[float] | None) -> int:
        return len(ET.fromstring(draw_svg(ASPIRIN, atom_weights=weights)).findall(f"{SVG}ellipse"))

    assert n_ellipses(None) == n_ellipses([0.0] * 13) == 0
    assert n_ellipses([1.0, -0.5, *[0.0] * 11]) == 2
    assert draw_svg("CC", atom_weights=[1.0, 0.0]) != draw_svg("CC", atom_weights=[-1.0, 0.0])


@pytest.mark.parametrize("weights", [[1.0], [float("nan")] * 13, [[0.0] * 13]])
def test_weights__one_finite_number_per_atom(weights: list[float]) -> None:
    with pytest.raises(InputError, match=r"atom_weights.*expected one finite number per heavy atom"):
        draw_svg(ASPIRIN, atom_weights=weights)


def test_bad_smiles__one_line() -> None:
    with pytest.raises(InputError, match="unclosed ring"):
        draw_svg("C1CC")
