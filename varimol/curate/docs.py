"""Make the parts of ``docs/`` that repeat what the code says.

``python -m varimol.curate.docs .`` writes, below the repository's root that it is given,

- ``docs/schemas/NAME.json``, one JSON Schema per table, from `varimol.schemas`;
- ``docs/commands.md`` from the command line's own help;
- ``docs/api.md`` from the signatures and docstrings of the public names;
- the part of ``docs/network.md`` between its markers, from the card of the shipped network;
- the part of ``docs/reading-variants.md`` between its markers, from the policies, presets and callers;
- the part of ``docs/compounds.md`` between its markers, from the recipes, fingerprints, rules and alerts.

The same code and card give the same bytes, which a test holds.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from varimol.curate.compound_docs import with_kinds
from varimol.curate.docstrings import docstring_markdown
from varimol.curate.variant_docs import with_choices
from varimol.schemas import TABLES
from varimol.training_summary import HELD_OUT, model_order

PACKAGES = ("varimol", "genomics", "chem", "models")
NETWORK = Path("varimol", "data", "networks", "kinase-affinity")
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
GENERATED = "<!-- Made by `python -m varimol.curate.docs .`; change the code, not this file. -->"


def schema_files() -> dict[str, str]:
    """Text of each file of ``docs/schemas``, by its name."""
    return {
        f"{name}.json": json.dumps(table.row_schema(), indent=2, ensure_ascii=False) + "\n"
        for name, table in sorted(TABLES.items())
    }


def commands_page() -> str:
    """The page of the command line: every command with its arguments, options and example."""
    import typer

    from varimol.cli import app

    root = typer.main.get_command(app)
    parts = [
        GENERATED,
        "# Commands",
        (root.help or "").strip(),
        "Exit codes: 0 done, 2 bad input or usage, 1 a failure of ours; an error is one line on standard "
        "error. Tables are Parquet, and TSV with the same columns where the name given ends in `.tsv`; "
        "[schemas](schemas/) describe them. Every result appears whole under its name, or not at all.",
    ]
    for name, command in _commands(root, "varimol"):
        parts += [f"## {name}", (command.help or "").strip(), _options_table(command)]
        if command.epilog:
            parts.append(command.epilog.strip())
    return "\n\n".join(parts) + "\n"


def _commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix} {name}")
        elif not command.hidden:
            yield f"{prefix} {name}", command


def _options_table(command: Any) -> str:
    rows = ["| argument or option | default | meaning |", "|---|---|---|"]
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            shown = (parameter.metavar or parameter.name.upper()) + ("..." if parameter.nargs == -1 else "")
        else:
            shown = " / ".join([*parameter.opts, *parameter.secondary_opts])
        default = "required" if parameter.required else _default(parameter.default)
        rows.append(f"| `{shown}` | {default} | {_cell(parameter.help or '')} |")
    return "\n".join(rows)


def _default(value: Any) -> str:
    if value is None or value == "" or value is False:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(_default, value))
    return "on" if value is True else f"`{value}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def public_names(package: str) -> list[tuple[str, str, Any]]:
    """Public names of a package.

    Parameters
    ----------
    package
        One of `PACKAGES`.

    Returns
    -------
    list
        (name, module that defines it, value), by name.

    Examples
    --------
    >>> [module for name, module, _ in public_names("genomics") if name == "ingest"]
    ['genomics.ingest']
    """
    module = importlib.import_module(package)
    homes: dict[str, str] = module.__dict__.get("_EXPORTS") or module.__dict__["_HOME"]
    found = []
    for name in sorted(module.__all__, key=lambda text: (text.lower(), text)):
        if name.startswith("__"):
            continue
        if name not in homes:  # a module that is public as it stands
            found.append((name, f"{package}.{name}", importlib.import_module(f"{package}.{name}")))
            continue
        home = homes[name] if "." in homes[name] else f"{package}.{homes[name]}"
        found.append((name, home, getattr(importlib.import_module(home), name)))
    return found


def documentation(name: str, module: str, value: Any) -> str:
    """Docstring of a public name; for a constant, the text that stands below its assignment.

    Examples
    --------
    >>> documentation("TABLES", "varimol.schemas", TABLES)
    'Every table by its name.'
    """
    if isinstance(value, ModuleType) or callable(value):
        return inspect.cleandoc(value.__doc__ or "")
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    for statement, after in zip(tree.body, tree.body[1:], strict=False):
        names = (
            statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        )
        named = any(isinstance(target, ast.Name) and target.id == name for target in names)
        if named and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            return inspect.cleandoc(str(after.value.value))
    return ""


def api_page() -> str:
    """The page of the Python interface: every public name with its signature and docstring."""
    parts = [GENERATED, "# Python interface"]
    parts.append(" · ".join(f"[{package}](#{package})" for package in PACKAGES))
    for package in PACKAGES:
        module = importlib.import_module(package)
        parts += [f"## {package}", docstring_markdown(inspect.cleandoc(module.__doc__ or ""), level=4)]
        for name, home, value in public_names(package):
            parts += list(_entry(package, name, home, value))
    return "\n\n".join(part for part in parts if part) + "\n"


def _entry(package: str, name: str, home: str, value: Any) -> Iterator[str]:
    yield f"### {package}.{name}"
    if callable(value):
        yield f"```python\n{'class ' if inspect.isclass(value) else ''}{name}{_signature(value)}\n```"
    if home.split(".")[0] != package:
        yield f"The same as `{home.split('.')[0]}.{name}`, where it is described."
        return
    yield docstring_markdown(documentation(name, home, value), level=5)
    if inspect.isclass(value):
        for member, method in _public_methods(value):
            yield f"#### {name}.{member}"
            if not isinstance(method, property):
                yield f"```python\n{member}{_signature(inspect.unwrap(getattr(value, member)))}\n```"
            yield docstring_markdown(inspect.cleandoc(method.__doc__ or ""), level=5)


def _public_methods(value: type) -> list[tuple[str, Any]]:
    return [
        (name, member)
        for name, member in sorted(vars(value).items())
        if not name.startswith("_")
        and isinstance(member, property | classmethod | staticmethod | type(_signature))
    ]


def _signature(value: Callable[..., Any]) -> str:
    """Signature on one line, or one parameter per line where it is long; no addresses of objects."""
    try:
        signature = inspect.signature(value)
    except ValueError:
        return "(...)"
    kept = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
    signature = signature.replace(parameters=kept)
    text = re.sub(r" at 0x[0-9a-f]+", "", str(signature)).replace("'", '"')
    text = re.sub(r': "([^"]*)"', r": \1", text)
    text = re.sub(r'-> "([^"]*)"', r"-> \1", text)
    if len(text) <= 90 or not kept:
        return text
    inside, returns = text[1:].rsplit(")", 1) if " -> " not in text else _split_returns(text)
    return "(\n" + "".join(f"    {part},\n" for part in _split_commas(inside)) + f"){returns}"


def _split_returns(text: str) -> tuple[str, str]:
    inside, returns = text[1:].rsplit(") -> ", 1)
    return inside, f" -> {returns}"


def _split_commas(text: str) -> Iterator[str]:
    """Split at commas outside brackets and quotes."""
    depth, start, quoted = 0, 0, False
    for place, letter in enumerate(text):
        quoted ^= letter == '"'
        if quoted:
            continue
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            yield text[start:place].strip()
            start = place + 1
    yield text[start:].strip()


def network_figures(card: dict[str, Any]) -> str:
    """What a network's card says of it, as Markdown.

    Parameters
    ----------
    card
        card.json of a trained model; what it does not say is left out.

    Examples
    --------
    >>> print(network_figures({"name": "small", "seed": 3}))
    - network: small
    - seed: 3
    """
    facts = {
        "network": card.get("name"),
        "data": card.get("data"),
        "licence of the data": card.get("data_licence"),
        "folds": card.get("splits"),
        "seed": card.get("seed"),
        "epochs": ", ".join(f"{name} {n}" for name, n in card.get("epochs", {}).items()),
    }
    lines = [f"- {name}: {value}" for name, value in facts.items() if value not in (None, "")]
    parts = [str(card.get("summary", "")), "\n".join(lines)]
    for title, key in (("Sources", "data_sources"), ("Limits", "limits")):
        if card.get(key):
            parts += [f"### {title}", "\n".join(f"- {entry}" for entry in card[key])]
    if card.get("command"):
        parts += ["### Made by", f"```\n{card['command']}\n```"]
    if card.get("data_summary"):
        parts.append(_table(["endpoint", "pairs", "compounds", "proteins"], [
            [row["endpoint"], f"{row['n_pairs']:,}", f"{row['n_drugs']:,}", f"{row['n_targets']:,}"]
            for row in card["data_summary"]
        ]))  # fmt: skip
    if card.get("models"):
        held_out = list(card["models"][0]["weights"])
        titles = ["endpoint", "part", "members", *(f"share, {setting}" for setting in held_out)]
        parts += ["### The blend", _table(titles, _blend_rows(card, held_out))]
    if card.get("coverage"):
        parts += ["### Coverage of 90% intervals", _table(
            ["endpoint", "calibrated and measured on", "pairs", "coverage", "mean width", "least covered bin"],
            [_coverage_row(row) for row in card["coverage"]],
        )]  # fmt: skip
    figures = card.get("figures", [])
    for setting, endpoint in dict.fromkeys((row["setting"], row["endpoint"]) for row in figures):
        chosen = [row for row in figures if (row["setting"], row["endpoint"]) == (setting, endpoint)]
        parts += [_setting_title(setting, endpoint, chosen), _figures_table(chosen)]
    return "\n\n".join(part for part in parts if part)


def _blend_rows(card: dict[str, Any], held_out: list[str]) -> list[list[str]]:
    """One row per endpoint and part: its share by what was held out when the shares were found."""
    rows = []
    for model in card["models"]:
        members = {kind: len(part["scalers"]) for kind, part in model["networks"].items()}
        for part in dict.fromkeys(name for weights in model["weights"].values() for name in weights):
            shares = [model["weights"].get(setting, {}).get(part) for setting in held_out]
            told = ["-" if share is None else f"{share:.2f}" for share in shares]
            rows.append([model["endpoint"], part.replace("_", " "), str(members.get(part, 1)), *told])
    return rows


def _coverage_row(row: dict[str, Any]) -> list[str]:
    worst = row.get("by", {}).get("prediction", {})
    return [
        row["endpoint"], row["setting"], f"{row['n']:,}",
        f"{row['coverage']:.3f} [{row['coverage_lower']:.3f}, {row['coverage_upper']:.3f}]",
        f"{row['mean_width']:.2f}", f"{worst['worst']:.3f}" if worst else "-",
    ]  # fmt: skip


def _setting_title(setting: str, endpoint: str, rows: list[dict[str, Any]]) -> str:
    counts = sorted({row["n_folds"] for row in rows if row.get("n_folds")})
    folds = f", {' or '.join(map(str, counts))} folds" if counts else ""
    return f"### {endpoint}, {HELD_OUT.get(setting, setting)}{folds}"


def _figures_table(rows: list[dict[str, Any]]) -> str:
    """Models against metrics, the blend first; mean over folds with its 95% interval."""
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    models = sorted({row["model"] for row in rows}, key=model_order)
    cells = {(row["model"], row["metric"]): row for row in rows}
    return _table(
        ["model", *metrics],
        [[model, *(_figure(cells.get((model, metric), {})) for metric in metrics)] for model in models],
    )


def _figure(row: dict[str, Any]) -> str:
    if row.get("mean") is None:
        return "-"
    text = f"{row['mean']:.3f}"
    if row.get("lower") is not None and row.get("upper") is not None:
        text += f" [{row['lower']:.3f}, {row['upper']:.3f}]"
    return text


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def with_figures(page: str, figures: str) -> str:
    r"""Put new figures between the markers of a page.

    Examples
    --------
    >>> with_figures(f"a\n{BEGIN}\nold\n{END}\nb", "new").splitlines()[2]
    'new'
    """
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"the page has no {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n{figures}\n{END}{after}"


def generated_files(root: Path) -> dict[Path, str]:
    """Every generated file below `root` with its text.

    Parameters
    ----------
    root
        Root of the repository.

    Returns
    -------
    dict
        Path relative to `root`, and the text that belongs there.
    """
    card = json.loads((root / NETWORK / "card.json").read_text(encoding="utf-8"))
    page = (root / "docs" / "network.md").read_text(encoding="utf-8")
    files = {Path("docs", "schemas", name): text for name, text in schema_files().items()}
    files[Path("docs", "commands.md")] = commands_page()
    files[Path("docs", "api.md")] = api_page()
    reading = (root / "docs" / "reading-variants.md").read_text(encoding="utf-8")
    files[Path("docs", "reading-variants.md")] = with_choices(reading)
    compounds = (root / "docs" / "compounds.md").read_text(encoding="utf-8")
    files[Path("docs", "compounds.md")] = with_kinds(compounds)
    files[Path("docs", "network.md")] = with_figures(page, network_figures(card))
    return files


def main(arguments: list[str]) -> int:
    """Write the generated files below the repository's root."""
    if len(arguments) != 1 or not (Path(arguments[0]) / "docs").is_dir():
        print("usage: python -m varimol.curate.docs ROOT (the folder that holds docs/)", file=sys.stderr)
        return 2
    root = Path(arguments[0])
    (root / "docs" / "schemas").mkdir(exist_ok=True)
    for name, text in generated_files(root).items():
        (root / name).write_text(text, encoding="utf-8", newline="\n")
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
