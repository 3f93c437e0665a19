"""What the sweep declares, and what a declaration may not say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import sweep_plan
from benchmarks.sweep_data import read_arm
from benchmarks.sweep_plan import Cell, model_code, model_groups, read_plan, select_cells, with_changes
from chem.errors import InputError
from models.contenders import NETWORKS

NETWORK = next(iter(NETWORKS))
PLAN = """
[tables.tiny]
folder = "affinity/tiny"
layout = "tables"
label = "pkd"
task = "regression"
[[runs]]
table = "tiny"
arms = ["given"]
splits = ["random", "scaffold"]
models = ["means", "NETWORK"]
folds = [2, 1]
[[runs]]
table = "tiny"
arms = ["given"]
splits = ["random"]
models = ["means"]
[[recipes]]
model = "NETWORK"
change = { n_members = 1, shape = { dim = 16 }, loop = { n_epochs = 50 } }
[[recipes]]
model = "NETWORK"
split = "random"
change = { loop = { n_epochs = 2 } }
""".replace("NETWORK", NETWORK)


def write_plan(folder: Path, text: str = PLAN) -> Path:
    path = folder / "plan.toml"
    path.write_text(text, "utf-8")
    return path


def test_read_plan__declares_in_order_of_priority() -> None:
    cells = read_plan().cells
    assert len(set(cells)) == len(cells)
    first: dict[str, int] = {}
    for number, cell in enumerate(cells):
        what = "cold" if cell.split.startswith("cold") else cell.table + (" 1" if cell.fold == 1 else " all")
        first.setdefault(what, number)
    order = ["davis 1", "davis all", "kiba 1", "kiba all", "human_dti 1", "human_dti all", "cold"]
    assert sorted(first, key=lambda name: first[name]) == order
    assert {cell.arm for cell in cells if cell.table == "davis"} == {"given", "true", "distinct"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('models = ["means"]', 'models = ["meens"]', "there is no 'meens'"),
        ('arms = ["given"]', 'arms = ["taken"]', "there is no 'taken'"),
        ('table = "tiny"', 'table = "tidy"', "there is no 'tidy'"),
        ("folds = [2, 1]", "fold = [1]", "unknown key 'fold'"),
        ("n_epochs = 50", "epochs = 50", "has no field 'epochs'"),
        ("n_epochs = 50", "n_epochs = 0", "out of range"),
        ("[[runs]]", "[[runs]", "cannot be read"),
    ],
)
def test_read_plan__refuses(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_plan(write_plan(tmp_path, text=PLAN.replace(old, new)))


def test_recipe__later_and_nested_changes_win(tmp_path: Path) -> None:
    plan = read_plan(write_plan(tmp_path))
    cell = Cell("tiny", "given", "random", NETWORK, 1, 0)
    assert plan.recipe(cell).loop.n_epochs == 2
    assert plan.recipe(replace(cell, split="scaffold")).loop.n_epochs == 50
    assert plan.recipe(cell).shape.dim == 16
    assert plan.recipe(cell).loop.learning_rate == NETWORKS[NETWORK].loop.learning_rate
    assert plan.recipe(replace(cell, model="means")) is None


def test_read_plan__a_cell_stands_once_and_where_it_comes_first(tmp_path: Path) -> None:
    cells = read_plan(write_plan(tmp_path)).cells
    assert [(c.split, c.model, c.fold) for c in cells] == [
        ("random", "means", 2), ("random", NETWORK, 2), ("random", "means", 1), ("random", NETWORK, 1),
        ("scaffold", "means", 2), ("scaffold", NETWORK, 2), ("scaffold", "means", 1), ("scaffold", NETWORK, 1),
        ("random", "means", 3), ("random", "means", 4), ("random", "means", 5),
    ]  # fmt: skip


def test_read_plan__groups_stand_for_every_network(tmp_path: Path) -> None:
    text = PLAN.replace(f'models = ["means", "{NETWORK}"]', 'models = ["networks", "means"]')
    cells = read_plan(write_plan(tmp_path, text=text)).cells
    assert {cell.model for cell in cells} == {*NETWORKS, "means"}
    groups = model_groups()
    assert not set(groups["table_networks"]) & set(groups["graph_networks"])
    assert set(NETWORKS) <= {cell.model for cell in read_plan().cells}


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("# why\n", "# because\n", True),
        ('"""Ridge."""', '"""Kernel ridge."""', True),
        ("RIDGE = 0.05", "RIDGE = 0.06", False),
        ("x + RIDGE", "x - RIDGE", False),
    ],
)
def test_model_code__follows_what_is_computed_not_the_words(
    monkeypatch: pytest.MonkeyPatch, old: str, new: str, same: bool
) -> None:
    source = '"""Ridge."""\n# why\nRIDGE = 0.05\ndef fit(x):\n    """Fit."""\n    return x + RIDGE\n'
    texts = iter([source, source.replace(old, new)])
    monkeypatch.setattr(sweep_plan, "_source", lambda module: next(texts))
    codes = [model_code.__wrapped__("means") for _ in range(2)]
    assert (codes[0] == codes[1]) == same


def test_select_cells__by_any_field(tmp_path: Path) -> None:
    cells = read_plan(write_plan(tmp_path)).cells
    chosen = select_cells(cells, {"model": ["means"], "fold": ["1", "3"], "table": []})
    assert [(c.split, c.fold) for c in chosen] == [("random", 1), ("scaffold", 1), ("random", 3)]
    with pytest.raises(InputError, match="no cell has the model 'ridge'"):
        select_cells(cells, {"model": ["ridge"]})


def test_with_changes__refuses_what_is_no_field() -> None:
    with pytest.raises(InputError, match=r"recipe.loop has no field 'epoch'"):
        with_changes(NETWORKS[NETWORK], {"loop": {"epoch": 3}})


def test_tables__of_the_plan_are_read(shared_data: Path) -> None:
    """The real tables have the rows that are told of them."""
    tables = read_plan().tables
    for name, arm, n in (("davis", "given", 25_046), ("human_dti", "cold", 3919)):
        pairs, n_dropped = read_arm(tables[name], arm, shared_data)
        assert len(pairs) + n_dropped == n
