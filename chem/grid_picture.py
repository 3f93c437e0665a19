"""Many molecules on one sheet, and a grid to search and sort in a browser."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdkit import rdBase

from chem.draw import draw_svg, set_style, svg_sheet
from chem.errors import InputError
from chem.parse import explain_smiles, parse_smiles

if TYPE_CHECKING:
    import pandas as pd

    from chem.library import CompoundLibrary

_GAP = 10
_MOST = 3_000
_EXTERNAL_SCRIPT = re.compile(r"<script[^>]*\bsrc=[^>]*>\s*</script>")
_ANY_SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)
_CELL_STYLE = """
#mols2grid { border: 0; width: 100%; }
#mols2grid tbody { display: flex; flex-wrap: wrap; align-items: stretch; }
#mols2grid tr { display: contents; }
#mols2grid td { box-sizing: content-box; overflow-wrap: anywhere; }
.tools { font: 13px sans-serif; display: flex; gap: 12px; align-items: center; padding: 6px 2px; flex-wrap: wrap; }
.tools input, .tools select { font: inherit; padding: 3px 6px; }
"""
_TOOLS = """
<div class="tools">
<label>Search <input type="search" size="24" placeholder="text of a cell"></label>
<label>Sort by <select>%s</select></label>
<span role="status"></span><span>%s</span>
</div>
"""
_BEHAVIOUR = """
<script>
(function () {
  var body = document.querySelector('#mols2grid tbody'), input = document.querySelector('.tools input'),
    select = document.querySelector('.tools select'), status = document.querySelector('.tools [role=status]'),
    cells = Array.from(body.querySelectorAll('td')).filter(function (cell) { return cell.textContent.trim(); }),
    order = cells.slice();
  function value(cell, number) {
    var text = cell.querySelectorAll('.data:not(.data-img):not(.data-mols2grid-id)')[number].textContent.trim();
    return text !== '' && isFinite(text) ? Number(text) : text;
  }
  function before(first, second) {
    if (typeof first !== typeof second) { return typeof first === 'number' ? -1 : 1; }
    return first < second ? -1 : first > second ? 1 : 0;
  }
  function show() {
    var words = input.value.toLowerCase().split(/\\s+/), number = Number(select.value), shown = 0;
    var sorted = number < 0 ? order : order.slice().sort(function (a, b) { return before(value(a, number), value(b, number)); });
    body.replaceChildren.apply(body, sorted);
    sorted.forEach(function (cell) {
      var text = cell.textContent.toLowerCase();
      var match = words.every(function (word) { return text.includes(word); });
      cell.style.display = match ? '' : 'none';
      shown += match;
    });
    status.textContent = shown + ' of ' + cells.length + ' shown';
  }
  input.addEventListener('input', show); select.addEventListener('change', show); show();
})();
</script>
"""


def draw_grid(
    smiles: Sequence[str],
    legends: Sequence[str] | None = None,
    *,
    columns: int = 4,
    cell_width: int = 220,
    cell_height: int = 180,
    atom_weights: Sequence[Sequence[float] | None] | None = None,
    bond_weights: Sequence[Sequence[float] | None] | None = None,
    weight_limit: float | None = None,
    atom_numbers: bool = False,
) -> str:
    """Draw molecules in rows, as one SVG element.

    Parameters
    ----------
    smiles
        The molecules, row by row.
    legends
        A line under each.
    columns
        Molecules per row.
    cell_width, cell_height
        Size of each in pixels.
    atom_weights, bond_weights
        Weights per molecule, as `chem.draw_svg` takes them; None for a molecule without.
    weight_limit
        The absolute weight of the deepest tint in all cells; each molecule's largest where not given.
    atom_numbers
        Number the atoms from 0.

    Returns
    -------
    str
        The `<svg>` element.

    Raises
    ------
    InputError
        No molecules, lists of different lengths, or a molecule that cannot be drawn; the message names its
        index.

    Examples
    --------
    >>> draw_grid(["CCO", "CCN", "c1ccccc1"], ["ethanol", "ethylamine", "benzene"], columns=2).count("<svg")
    7
    """
    if not len(smiles) or columns < 1:
        raise InputError(
            f"{len(smiles)} molecules in {columns} columns", expected="a molecule and a column at least"
        )
    given = {"legends": legends, "atom_weights": atom_weights, "bond_weights": bond_weights}
    for name, values in given.items():
        if values is not None and len(values) != len(smiles):
            raise InputError(
                f"{len(values)} for {len(smiles)} molecules", field=name, expected="one per molecule"
            )
    cells = []
    for index, text in enumerate(smiles):
        try:
            cell = draw_svg(
                text,
                width=cell_width,
                height=cell_height,
                legend="" if legends is None else legends[index],
                atom_weights=None if atom_weights is None else atom_weights[index],
                bond_weights=None if bond_weights is None else bond_weights[index],
                weight_limit=weight_limit,
                atom_numbers=atom_numbers,
            )
        except InputError as error:
            raise InputError(
                error.message, record=index, field=error.field, expected=error.expected
            ) from None
        x, y = (cell_width + _GAP) * (index % columns), (cell_height + _GAP) * (index // columns)
        cells.append(cell.rstrip().replace("<svg", f"<svg x='{x}' y='{y}'", 1))
    across, down = min(columns, len(smiles)), -(-len(smiles) // columns)
    width, height = (cell_width + _GAP) * across - _GAP, (cell_height + _GAP) * down - _GAP
    return svg_sheet(cells, width, height)


@dataclass(frozen=True)
class InteractiveGrid:
    """A page of molecules to look through; shows itself in a notebook.

    Parameters
    ----------
    html
        The whole page.
    height
        Height of its frame in a notebook, in pixels.
    """

    html: str
    height: int = 600

    def write(self, path: str | Path) -> None:
        """Write the page to a file.

        Parameters
        ----------
        path
            The file, such as grid.html.
        """
        Path(path).write_text(self.html, encoding="utf-8")

    def _repr_html_(self) -> str:
        style = f"width: 100%; height: {self.height}px; border: 1px solid #cccccc"
        return f'<iframe style="{style}" srcdoc="{escape(self.html)}"></iframe>'


def interactive_grid(
    compounds: CompoundLibrary | pd.DataFrame,
    *,
    smiles_column: str = "smiles",
    columns: Sequence[str] | None = None,
    online: bool = False,
    cell_width: int = 180,
    cell_height: int = 140,
    height: int = 600,
) -> InteractiveGrid:
    """Lay out compounds with mols2grid, to search and sort in a browser or notebook.

    By default the page holds all it needs: it opens without a network and asks for nothing. The grid of
    mols2grid itself, with pages, boxes to tick and a search by SMARTS, loads list.js, jQuery, Bootstrap and
    RDKit's JavaScript from four public servers when somebody looks at it: `online` asks for that one.

    Parameters
    ----------
    compounds
        A library, of which the usable rows are shown, or any table with a column of SMILES.
    smiles_column
        That column.
    columns
        Columns shown under each structure and searched; id and name where not given, as far as there are.
    online
        Let the page load what it needs from the network.
    cell_width, cell_height
        Size of a structure in pixels.
    height
        Height of the frame in a notebook, in pixels.

    Returns
    -------
    InteractiveGrid
        Rows without a SMILES are not shown; the page says how many those are.

    Raises
    ------
    InputError
        mols2grid is not installed, a column is missing, there is no structure, one does not parse, or there are
        more than 3,000.

    Examples
    --------
    >>> import pandas as pd
    >>> grid = interactive_grid(pd.DataFrame({"id": ["a", "b"], "smiles": ["CCO", "CCN"]}))
    >>> "https://" in grid.html
    False
    """
    mols2grid = _mols2grid()
    from chem.library import CompoundLibrary

    table = compounds.usable if isinstance(compounds, CompoundLibrary) else compounds
    shown = _shown_columns(table, smiles_column, columns)
    drawn = _with_structure(table[list(dict.fromkeys([smiles_column, *shown]))], smiles_column)
    left_out = len(table) - len(drawn)
    note = f"{left_out} of {len(table)} rows have no structure and are not shown" * bool(left_out)
    from IPython.utils.capture import capture_output  # mols2grid brings it

    with capture_output(), rdBase.BlockLogs():  # mols2grid shows a widget that is not used here
        html = _page(mols2grid, drawn, smiles_column, shown, online, (cell_width, cell_height), note)
    return InteractiveGrid(html, height)


def _mols2grid() -> Any:
    try:
        import mols2grid
    except ImportError:
        raise InputError(
            "mols2grid is not installed",
            hint="install varimol[notebooks], or draw the molecules with chem.grid_picture",
        ) from None
    return mols2grid


def _shown_columns(table: pd.DataFrame, smiles_column: str, columns: Sequence[str] | None) -> list[str]:
    shown = [name for name in ("id", "name") if name in table] if columns is None else list(columns)
    for name in (smiles_column, *shown):
        if name not in table:
            raise InputError(
                f"the table has no column {name!r}", field=name, expected=", ".join(map(str, table.columns))
            )
    return shown


def _with_structure(table: pd.DataFrame, smiles_column: str) -> pd.DataFrame:
    """Leave out rows without a SMILES: mols2grid would drop those that do not parse without a word."""
    texts = table[smiles_column].fillna("").astype(str).str.strip()
    kept = table.assign(**{smiles_column: texts})[texts != ""].reset_index(drop=True)
    if len(kept) > _MOST:
        raise InputError(
            f"{len(kept)} molecules are too many for one page", expected=f"up to {_MOST}", hint="choose rows"
        )
    for index, text in enumerate(kept[smiles_column]):
        if parse_smiles(text) is None:
            raise InputError(
                f"{text!r} does not parse: {explain_smiles(text)}", record=index, field=smiles_column
            )
    if kept.empty:
        raise InputError("no row has a structure", field=smiles_column, expected="a SMILES at least")
    # mols2grid writes texts into its page as they are: a name must not become a tag.
    others = [name for name in kept if name != smiles_column and kept[name].dtype.kind not in "biuf"]
    return kept.assign(**{str(name): kept[name].map(_quoted) for name in others})


def _quoted(value: Any) -> str:
    import pandas as pd

    return "" if pd.isna(value) else escape(str(value))


def _page(
    mols2grid: Any,
    table: pd.DataFrame,
    smiles_column: str,
    shown: list[str],
    online: bool,
    size: tuple[int, int],
    note: str,
) -> str:
    from rdkit.Chem import rdDepictor
    from rdkit.Chem.Draw import MolDrawOptions

    options = MolDrawOptions()
    set_style(options)
    prefers = rdDepictor.GetPreferCoordGen()  # mols2grid sets this for the whole process
    try:
        grid = mols2grid.MolGrid(
            table,
            smiles_col=smiles_column,
            size=size,
            prerender=not online,
            coordGen=prefers,
            MolDrawOptions=None if online else options,
            name="varimol",
        )
        subset = ["img", *shown]
        if online:
            page = grid.to_interactive(subset=subset, tooltip=False, use_iframe=True)
        else:
            # Room for what the template appends; the grid breaks its rows by the width of the page.
            page = grid.to_static(subset=subset, tooltip=False, n_cols=len(table), custom_css=_CELL_STYLE)
    finally:
        rdDepictor.SetPreferCoordGen(prefers)
    return str(page) if online else _offline(str(page), shown, note)


def _offline(page: str, shown: list[str], note: str) -> str:
    """Take mols2grid's scripts out of its page, which load others, and give it a search and a sort."""
    still = _ANY_SCRIPT.sub("", _EXTERNAL_SCRIPT.sub("", page))
    choices = "".join(
        f'<option value="{number}">{escape(name)}</option>' for number, name in enumerate(["row", *shown], -1)
    )
    tools = _TOOLS % (choices, escape(note))
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><body>{tools}{still}{_BEHAVIOUR}</body></html>\n'
