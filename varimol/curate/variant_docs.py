"""The generated part of ``docs/reading-variants.md``: call policies, callers and their hard filters."""

from __future__ import annotations

from genomics.dialects import DIALECTS
from genomics.hard_filters import HARD_FILTERS
from genomics.policy import CHOICES

BEGIN, END = "<!-- choices: begin -->", "<!-- choices: end -->"


def choices_text() -> str:
    """Policies, callers and presets as Markdown tables, from the code that applies them.

    Examples
    --------
    >>> "half_calls" in choices_text()
    True
    """
    return "\n\n".join(
        ["### Call policies", _policies(), "### Hard filters", _presets(), "### Callers", _callers()]
    )


def with_choices(page: str) -> str:
    """Put the generated part between the markers of the page."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{choices_text()}\n{END}{after}"


def _policies() -> str:
    rows = ["| policy | choice | what it does |", "|---|---|---|"]
    for name, choices in CHOICES.items():
        for index, (choice, sentence) in enumerate(choices.items()):
            shown = f"`{choice}`" + (" (default)" if index == 0 else "")
            rows.append(f"| {f'`{name}`' if index == 0 else ''} | {shown} | {_prose(sentence)} |")
    return "\n".join(rows)


def _presets() -> str:
    rows = ["| preset | what fails | among | source |", "|---|---|---|---|"]
    for preset in HARD_FILTERS.values():
        for index, rule in enumerate(preset.rules):
            name = f"`{preset.name}`" if index == 0 else ""
            rows.append(f"| {name} | `{_cell(rule.expression)}` | {rule.applies_to} | {_cell(rule.source)} |")
    notes = [f"- `{preset.name}`: {preset.description}" for preset in HARD_FILTERS.values()]
    return "\n".join(rows) + "\n\n" + "\n".join(notes)


def _callers() -> str:
    rows = ["| caller | programs | fields described in |", "|---|---|---|"]
    for name, dialect in DIALECTS.items():
        rows.append(f"| `{name}` | {_cell(dialect.title)} | {_cell(dialect.documentation)} |")
    return "\n".join(rows)


def _prose(text: str) -> str:
    return _cell(text).replace("<", "&lt;").replace("*", "\\*")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
