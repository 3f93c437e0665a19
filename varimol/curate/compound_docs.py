"""The generated part of ``docs/compounds.md``: recipes, fingerprints, rules, alerts and the codes of a graph."""

from __future__ import annotations

from dataclasses import asdict

from chem.alert import ALERT_CATALOGUES
from chem.fingerprint_kinds import FINGERPRINT_KINDS
from chem.graph_schema import GRAPH_SCHEMA
from chem.rule_table import RULES, Condition
from chem.standardise import DEFAULT_RECIPE, RECIPES
from varimol.download import downloads

BEGIN, END = "<!-- kinds: begin -->", "<!-- kinds: end -->"


def kinds_text() -> str:
    """Everything that has a name, as Markdown tables, from the code that uses it.

    Examples
    --------
    >>> "lipinski" in kinds_text()
    True
    """
    return "\n\n".join(
        [
            "### Recipes", _recipes(), "### Fingerprints", _fingerprints(), "### Rules", _rules(),
            "### Alerts", ", ".join(f"`{name}`" for name in ALERT_CATALOGUES) + ".",
            "### Codes of a graph", _codes(), "### Downloads", _downloads(),
        ]
    )  # fmt: skip


def with_kinds(page: str) -> str:
    """Put the generated part between the markers of the page."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{kinds_text()}\n{END}{after}"


def _recipes() -> str:
    rows = ["| recipe | hash | differs from the default in |", "|---|---|---|"]
    default = asdict(DEFAULT_RECIPE)
    for name, recipe in RECIPES.items():
        other = [f"{k} {v}" for k, v in asdict(recipe).items() if k != "name" and v != default[k]]
        rows.append(f"| `{name}` | `{recipe.hash}` | {', '.join(other) or 'nothing: it is the default'} |")
    return "\n".join(rows)


def _fingerprints() -> str:
    rows = ["| kind | bits | what a bit says | source | reference |", "|---|---|---|---|---|"]
    for name, kind in FINGERPRINT_KINDS.items():
        rows.append(
            f"| `{name}` | {kind.n_bits} | {_cell(kind.description)} | {kind.source} | {_cell(kind.reference)} |"
        )
    return "\n".join(rows)


def _rules() -> str:
    rows = ["| rule | conditions | may fail | reference |", "|---|---|---|---|"]
    for name, rule in RULES.items():
        conditions = ", ".join(map(_condition, rule.conditions))
        rows.append(f"| `{name}` | {conditions} | {rule.may_fail} | {_cell(rule.reference)} |")
    return "\n".join(rows)


def _condition(condition: Condition) -> str:
    low, high = condition.low, condition.high
    if low == -float("inf"):
        return f"{condition.property} ≤ {high:g}"
    if high == float("inf"):
        return f"{condition.property} ≥ {low:g}"
    return f"{low:g} ≤ {condition.property} ≤ {high:g}"


def _codes() -> str:
    rows = ["| field | of | codes |", "|---|---|---|"]
    for of in ("node", "edge"):
        sizes = zip(GRAPH_SCHEMA[f"{of}_fields"], GRAPH_SCHEMA[f"{of}_cardinalities"], strict=True)
        rows += [f"| `{name}` | {'atom' if of == 'node' else 'bond'} | {size} |" for name, size in sizes]
    return "\n".join(rows) + "\n\nCode 0 is unknown; `chem.GRAPH_SCHEMA` lists the value of every other code."


def _downloads() -> str:
    rows = ["| name | version | what it is | terms |", "|---|---|---|---|"]
    for name, entry in downloads().items():
        rows.append(f"| `{name}` | {_cell(entry.version)} | {_cell(entry.about)} | {_cell(entry.licence)} |")
    return "\n".join(rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
