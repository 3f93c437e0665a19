"""numpydoc to Markdown, as far as the docstrings here go."""

from __future__ import annotations

import re
from collections.abc import Iterator

_RULE = re.compile(r"^\s*=+(\s+=+)+\s*$")
_INDENT = "    "


def docstring_markdown(text: str, *, level: int = 4) -> str:
    r"""Turn a cleaned numpydoc docstring into Markdown.

    Headings become headings or bold words, entries with an indented text become list items, examples and
    tables become code blocks.

    Parameters
    ----------
    text
        Docstring without common indentation.
    level
        Level of the headings; from 5 on they are bold words instead.

    Returns
    -------
    str
        Markdown without a newline at its end.

    Examples
    --------
    >>> text = "Count.\n\nParameters\n----------\nn\n    How many,\n    at most."
    >>> print(docstring_markdown(text, level=5))
    Count.
    <BLANKLINE>
    **Parameters**
    <BLANKLINE>
    - `n`: How many, at most.
    """
    lines = [line.rstrip() for line in text.replace("``", "`").splitlines()]
    out: list[str] = []
    for block in _blocks(lines):
        out += _block_markdown(block, level)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip()


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """Runs of lines between blank ones; what an entry's indented text holds stays with the entry."""
    block: list[str] = []
    for line in lines:
        if line or not block:
            block += [line] if line else []
        else:
            yield block
            block = []
    if block:
        yield block


def _block_markdown(block: list[str], level: int) -> list[str]:
    if len(block) > 1 and re.fullmatch(r"-{3,}", block[1]):
        title = block[0]
        heading = f"{'#' * level} {title}" if level < 5 else f"**{title}**"
        rest = block[2:]
        return ["", heading, "", *(_block_markdown(rest, level) if rest else []), ""]
    if block[0].lstrip().startswith(">>>"):
        return [
            "",
            "```python",
            *_dedent(block),
            "```",
            "",
        ]
    if any(_RULE.match(line) for line in block):
        return ["", "```", *_dedent(block), "```", ""]
    if _is_entries(block):
        return ["", *_entries(block), ""]
    if all(line.startswith(_INDENT) for line in block):  # a further paragraph of the entry before
        return ["", "  " + " ".join(line.strip() for line in block), ""]
    return ["", *block, ""]


def _is_entries(block: list[str]) -> bool:
    """Whether a block is names on the margin, each with an indented text below (or none)."""
    if block[0].startswith((" ", "-", "*")) or len(block) < 2:
        return False
    return any(line.startswith(_INDENT) for line in block) and block[1].startswith(_INDENT)


def _entries(block: list[str]) -> list[str]:
    items: list[list[str]] = []
    for line in block:
        if line.startswith(_INDENT):
            items[-1].append(line.strip())
        else:
            items.append([line if line.startswith("`") else f"`{line}`"])
    return ["- " + name + (": " + " ".join(text) if text else "") for name, *text in items]


def _dedent(block: list[str]) -> list[str]:
    margin = min(len(line) - len(line.lstrip()) for line in block)
    return [line[margin:] for line in block]
