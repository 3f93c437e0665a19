"""What the sweep is to run: tables, cells in order of priority and changes of recipes, read from a TOML file."""

from __future__ import annotations

import ast
import hashlib
import importlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, Literal

from chem.errors import InputError

PLAN = Path(__file__).with_name("sweep.toml")
SPLITS = ("random", "published", "cold_drug", "cold_target", "cold_both", "scaffold")
ARMS = {"tables": ("given", "true", "distinct"), "rows": ("random", "cold")}
_WHERE = ("table", "arm", "split", "model")


@dataclass(frozen=True)
class Table:
    """A table of pairs.

    Attributes
    ----------
    name
        As in the results.
    folder
        Inside the data folder.
    layout
        ``"tables"``: drugs.tsv, targets.tsv and train.tsv.gz with a fold column; ``"rows"``: one folder per arm
        with train.csv, val.csv and test.csv of SMILES, Protein and label.
    label
        Its column.
    task
        Regression, or classification of labels 0 and 1.
    """

    name: str
    folder: str
    layout: Literal["tables", "rows"]
    label: str
    task: Literal["regression", "classification"]


@dataclass(frozen=True)
class Cell:
    """One fit: what is trained on what, and judged on one fold."""

    table: str
    arm: str
    split: str
    model: str
    fold: int
    seed: int

    def __str__(self) -> str:
        return f"{self.table} {self.arm} {self.split} {self.model} fold {self.fold} seed {self.seed}"

    def path(self, cache: Path) -> Path:
        """Its files in a cache, without their suffix."""
        return cache / self.table / self.arm / self.split / self.model / f"fold-{self.fold}-seed-{self.seed}"


@dataclass(frozen=True)
class Plan:
    """What the sweep is to run.

    Attributes
    ----------
    tables
        By name.
    cells
        In order of priority, each once.
    recipes
        Changes of recipes: where they hold, and what they change.
    n_folds, split_seed
        Of splits that are made here.
    """

    tables: dict[str, Table]
    cells: tuple[Cell, ...]
    recipes: tuple[tuple[dict[str, str], dict[str, Any]], ...]
    n_folds: int
    split_seed: int

    def recipe(self, cell: Cell) -> Any:
        """Recipe of the cell's network; None where the model is none."""
        from models.contenders import NETWORKS

        recipe = NETWORKS.get(cell.model)
        if recipe is None:
            return None
        for where, change in self.recipes:
            if all(getattr(cell, name) == value for name, value in where.items()):
                recipe = with_changes(recipe, change)
        return recipe

    def settings(self, cell: Cell) -> dict[str, Any]:
        """All that the cell's model is told, in JSON's types."""
        recipe = self.recipe(cell)
        settings = {
            "model": cell.model,
            "seed": cell.seed,
            "task": self.tables[cell.table].task,
            "recipe": None if recipe is None else asdict(recipe),
        }
        plain: dict[str, Any] = json.loads(json.dumps(settings, default=str))
        return plain


def with_changes(recipe: Any, changes: Mapping[str, Any], place: str = "recipe") -> Any:
    """Copy of a dataclass with some fields changed, those of nested ones by nested tables.

    Raises
    ------
    InputError
        There is no such field.

    Examples
    --------
    >>> from models.loop_config import LoopConfig
    >>> with_changes(LoopConfig(), {"n_epochs": 3}).n_epochs
    3
    """
    known = [field.name for field in fields(recipe)]
    values = {}
    for name, value in changes.items():
        if name not in known:
            raise InputError(f"{place} has no field {name!r}", field=name, expected=", ".join(known))
        old = getattr(recipe, name)
        nested = is_dataclass(old) and isinstance(value, Mapping)
        values[name] = with_changes(old, value, f"{place}.{name}") if nested else value
    return replace(recipe, **values)


@cache
def model_code(name: str) -> str:
    """Hash of what a plain model does: its module and those of the package that it imports, without comments.

    Parameters
    ----------
    name
        Of `models.contenders.PLAIN`.

    Examples
    --------
    >>> model_code("means") == model_code("ridge")
    False
    """
    from models.contenders import PLAIN

    own = ast.parse(_source(PLAIN[name].__module__))
    imported = {node.module for node in own.body if isinstance(node, ast.ImportFrom) and node.module}
    # What is read of the pairs is in the digest of the data.
    others = sorted(m for m in imported if m.startswith("models.") and m != "models.pairs")
    return digest([_without_words(tree) for tree in (own, *(ast.parse(_source(m)) for m in others))])


def _source(module: str) -> str:
    return Path(str(importlib.import_module(module).__file__)).read_text("utf-8")


def _without_words(tree: ast.Module) -> str:
    """Code less its docstrings and comments."""
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [  # type: ignore[attr-defined]
                line
                for line in body
                if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
            ]
    return ast.dump(tree)


def digest(content: Any) -> str:
    """Short hash of values in JSON's types.

    Examples
    --------
    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def read_plan(path: Path = PLAN) -> Plan:
    """Read a declared sweep.

    Parameters
    ----------
    path
        TOML: tables, runs and recipes as in benchmarks/sweep.toml.

    Raises
    ------
    InputError
        A file that cannot be read, an unknown key, or a name of which there is no table, arm, split or model.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", file=path, hint="see benchmarks/sweep.toml") from None
    _require_known(content, ("n_folds", "split_seed", "tables", "runs", "recipes"), path, "plan")
    n_folds = int(content.get("n_folds", 5))
    tables = {}
    for name, table in content.get("tables", {}).items():
        _require_known(table, [field.name for field in fields(Table)][1:], path, f"tables.{name}")
        tables[name] = Table(name, **table)
    cells: dict[Cell, None] = {}
    for number, run in enumerate(content.get("runs", []), start=1):
        cells |= dict.fromkeys(_run_cells(run, tables, n_folds, path, f"run {number}"))
    recipes = []
    for number, entry in enumerate(content.get("recipes", []), start=1):
        _require_known(entry, (*_WHERE, "change"), path, f"recipe {number}")
        recipes.append(({name: entry[name] for name in _WHERE if name in entry}, entry.get("change", {})))
    plan = Plan(tables, tuple(cells), tuple(recipes), n_folds, int(content.get("split_seed", 0)))
    for cell in plan.cells:
        plan.recipe(cell)  # refuses unknown fields before anything has run
    return plan


def model_groups() -> dict[str, tuple[str, ...]]:
    """Names of a plan that stand for several contenders, so that a plan outlives the networks' names.

    Examples
    --------
    >>> sorted(model_groups())
    ['graph_networks', 'networks', 'table_networks']
    """
    from models.contenders import NETWORKS

    graphs = tuple(name for name, recipe in NETWORKS.items() if recipe.shape.graph)
    tables = tuple(name for name in NETWORKS if name not in graphs)
    return {"networks": (*tables, *graphs), "table_networks": tables, "graph_networks": graphs}


def _run_cells(
    run: dict[str, Any], tables: dict[str, Table], n_folds: int, path: Path, place: str
) -> list[Cell]:
    """Cells of a run: all models on one fold before the next, so that they can share its inputs."""
    from models.contenders import CONTENDERS

    groups = model_groups()
    _require_known(run, ("table", "arms", "splits", "models", "folds", "seeds"), path, place)
    table = run.get("table", "")
    _require_names([table], tuple(tables), path, place, "table")
    _require_names(run.get("arms", ()), ARMS[tables[table].layout], path, place, "arms")
    _require_names(run.get("splits", ()), SPLITS, path, place, "splits")
    _require_names(run.get("models", ()), (*groups, *CONTENDERS), path, place, "models")
    models = [name for given in run["models"] for name in groups.get(given, (given,))]
    folds, seeds = run.get("folds", list(range(1, n_folds + 1))), run.get("seeds", [0])
    order = product(run["arms"], run["splits"], seeds, folds, models)
    return [Cell(table, arm, split, model, fold, seed) for arm, split, seed, fold, model in order]


def _require_known(content: Mapping[str, Any], known: Sequence[str], path: Path, place: str) -> None:
    for name in content:
        if name not in known:
            raise InputError(
                f"unknown key {name!r}", file=path, record=place, field=name, expected=", ".join(known)
            )


def _require_names(names: Sequence[str], known: Sequence[str], path: Path, place: str, field: str) -> None:
    if not names:
        raise InputError("is not given", file=path, record=place, field=field, expected=", ".join(known))
    for name in names:
        if name not in known:
            raise InputError(
                f"there is no {name!r}", file=path, record=place, field=field, expected=", ".join(known)
            )


def select_cells(cells: Sequence[Cell], wanted: Mapping[str, Sequence[str]]) -> list[Cell]:
    """Cells whose fields are among those wanted, where any are.

    Raises
    ------
    InputError
        No cell has a value that is asked for.

    Examples
    --------
    >>> cells = [Cell("davis", "given", "random", "means", fold, 0) for fold in (1, 2)]
    >>> [cell.fold for cell in select_cells(cells, {"fold": ["2"], "model": []})]
    [2]
    """
    for field, values in wanted.items():
        there = list(dict.fromkeys(str(getattr(cell, field)) for cell in cells))
        for value in values:
            if value not in there:
                raise InputError(
                    f"no cell has the {field} {value!r}", field=field, expected=f"one of {', '.join(there)}"
                )
    return [
        cell
        for cell in cells
        if all(not values or str(getattr(cell, field)) in values for field, values in wanted.items())
    ]
