"""Grids: every molecule in its place; the page to search needs no network."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pandas as pd
import pytest
from rdkit.Chem import rdDepictor

from chem import InputError, build_library
from chem.grid_picture import draw_grid, interactive_grid

SVG = "{http://www.w3.org/2000/svg}"
TABLE = pd.DataFrame(
    {
        "id": ["b", "a", "c", "d"],
        "name": ["ethanol", "ethylamine <b>", "benzene", ""],
        "smiles": ["CCO", "CCN", "c1ccccc1", None],
        "weight": [46.07, 45.08, 78.11, 9.0],
    }
)


def test_grid__cells_in_rows() -> None:
    root = ET.fromstring(
        draw_grid(["CCO", "CCN", "c1ccccc1"], ["x", "y", "z"], columns=2, cell_width=100, cell_height=90)
    )
    cells = root.findall(f"{SVG}svg")
    assert [(cell.get("x"), cell.get("y")) for cell in cells] == [("0", "0"), ("110", "0"), ("0", "100")]
    assert [cell.find(f"{SVG}text").text for cell in cells] == ["x", "y", "z"]  # type: ignore[union-attr]
    assert root.get("viewBox") == "0 0 210 190"
    assert not {name for element in root.iter() for name in element.attrib} & {"id", "class"}


def test_grid__weights_of_some() -> None:
    picture = draw_grid(["CCO", "CC"], atom_weights=[[1.0, 0.0, -1.0], None])
    assert len(list(ET.fromstring(picture).iter(f"{SVG}ellipse"))) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((["CCO", "C1CC"],), r"record 1, field smiles: 'C1CC' does not parse"),
        (([],), "expected a molecule and a column at least"),
        ((["CCO"], ["a", "b"]), "field legends: 2 for 1 molecules; expected one per molecule"),
    ],
)
def test_grid__bad_input(arguments: tuple[list[str], ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        draw_grid(*arguments)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    pytest.importorskip("mols2grid", reason="the extra 'notebooks' is not installed")
    path = tmp_path / "grid.html"
    interactive_grid(TABLE, columns=["name", "weight"]).write(path)
    return path


def test_page__loads_nothing(page: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = page.read_text(encoding="utf-8")
    assert capfd.readouterr() == ("", "")
    assert not re.search(r"<(script|link|img|iframe)[^>]*\b(src|href)\s*=", text)
    assert not re.search(r"https://|@import|url\(", text)
    assert set(re.findall(r"http://[^'\" ]+", text)) <= {  # names of name spaces, which nobody fetches
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
        "http://www.rdkit.org/xml",
    }
    assert "1 of 4 rows have no structure and are not shown" in text
    assert "ethylamine &lt;b&gt;" in text


def test_page__searches_and_sorts_in_a_browser(page: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium to open the page with")

    def shown(search: str, sort: int) -> list[str]:
        act = (
            f"<script>document.querySelector('.tools input').value = '{search}';"
            f"var select = document.querySelector('.tools select'); select.value = '{sort}';"
            "select.dispatchEvent(new Event('change'));</script></body>"
        )
        acted = page.with_name("acted.html")
        acted.write_text(page.read_text(encoding="utf-8").replace("</body></html>", act + "</html>"))
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
        command += ["--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={page.parent / 'profile'}"]
        done = subprocess.run(
            [*command, acted.as_uri()], capture_output=True, text=True, check=True, timeout=60
        )
        cells = re.findall(r"<td\b([^>]*)>(.*?)</td>", done.stdout, re.DOTALL)
        visible = [content for style, content in cells if "display: none" not in style]
        return [name for content in visible for name in re.findall(r"ethanol|ethylamine|benzene", content)]

    assert shown("", -1) == ["ethanol", "ethylamine", "benzene"]
    assert shown("", 1) == ["ethylamine", "ethanol", "benzene"]
    assert shown("eth 46", -1) == ["ethanol"]


def test_page__leaves_the_process_as_it_was(page: Path) -> None:
    for prefers in (True, False):
        rdDepictor.SetPreferCoordGen(prefers)
        interactive_grid(TABLE)
        assert rdDepictor.GetPreferCoordGen() is prefers


def test_page__shows_itself_in_a_frame(page: Path) -> None:
    shown = interactive_grid(TABLE, height=321)._repr_html_()
    assert shown.startswith("<iframe") and "height: 321px" in shown
    assert shown.count("<iframe") == 1 and shown.count("<td") == 0, "the page is quoted"


def test_page__online_is_mols2grids_own(page: Path) -> None:
    text = interactive_grid(TABLE.dropna(), online=True).html
    assert "RDKit_minimal.js" in text and "list.min.js" in text


def test_page__of_a_library(tmp_path: Path, page: Path) -> None:
    (tmp_path / "drugs.csv").write_text("id,smiles\na,[Na+].CC(=O)[O-]\nb,C1CC\nc,CC(=O)O\nd,CCO\n")
    text = interactive_grid(build_library(tmp_path / "drugs.csv")).html
    assert text.count('class="data copy-me data-img"') == 2, (
        "rejected and duplicate rows are not among the usable ones"
    )


@pytest.mark.parametrize(
    ("table", "settings", "said"),
    [
        (
            TABLE,
            {"smiles_column": "structure"},
            "has no column 'structure'; expected id, name, smiles, weight",
        ),
        (TABLE, {"columns": ["mass"]}, "has no column 'mass'"),
        (TABLE[3:], {}, "no row has a structure"),
        (pd.DataFrame({"smiles": ["CCO", "C1CC"]}), {}, "record 1, field smiles: 'C1CC' does not parse"),
    ],
)
def test_page__bad_input(page: Path, table: pd.DataFrame, settings: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        interactive_grid(table, **settings)  # type: ignore[arg-type]


def test_page__without_mols2grid() -> None:
    code = (
        "import sys; sys.modules['mols2grid'] = None\n"
        "import pandas as pd\nfrom chem.grid_picture import interactive_grid\n"
        "try:\n    interactive_grid(pd.DataFrame({'smiles': ['CCO']}))\n"
        "except ValueError as error:\n    print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("InputError mols2grid is not installed; install varimol[notebooks]")
