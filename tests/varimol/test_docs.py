"""The generated pages say what the code says now, and what is written by hand points at things that exist."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from varimol.cli import app
from varimol.curate import compound_docs, variant_docs
from varimol.curate.docs import (
    BEGIN,
    END,
    commands_page,
    main,
    network_figures,
    public_names,
    with_figures,
)
from varimol.curate.docstrings import docstring_markdown
from varimol.schemas import TABLES

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*(REPOSITORY / "docs").glob("*.md"), REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md"]
)


def test_generated__are_the_committed_bytes() -> None:
    """Run in a process of its own: what other tests imported or set must not matter."""
    script = (
        "import sys; from pathlib import Path; from varimol.curate.docs import generated_files\n"
        "root = Path(sys.argv[1])\n"
        "stale = [str(n) for n, text in generated_files(root).items()\n"
        "         if not (root / n).exists() or (root / n).read_bytes() != text.encode()]\n"
        "print(*stale, sep='\\n', end='')"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(REPOSITORY)],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    )
    assert result.stdout == "", "run `make docs` and commit what it changed"


def test_generated__no_schema_without_a_table() -> None:
    assert {path.stem for path in (REPOSITORY / "docs" / "schemas").iterdir()} == set(TABLES)


def test_main__writes_below_the_root_it_is_given(tmp_path: Path) -> None:
    card = tmp_path / "varimol" / "data" / "networks" / "kinase-affinity" / "card.json"
    card.parent.mkdir(parents=True)
    card.write_text(json.dumps({"name": "n"}), encoding="utf-8")
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "network.md"
    page.write_text(f"kept\n{BEGIN}\n{END}\nkept too\n", encoding="utf-8")
    reading = tmp_path / "docs" / "reading-variants.md"
    reading.write_text(f"kept\n{variant_docs.BEGIN}\n{variant_docs.END}\n", encoding="utf-8")
    compounds = tmp_path / "docs" / "compounds.md"
    compounds.write_text(f"{compound_docs.BEGIN}\n{compound_docs.END}\n", encoding="utf-8")
    assert main([str(tmp_path)]) == 0
    assert "| `morgan` | 2048 |" in compounds.read_text("utf-8")
    assert page.read_text("utf-8") == f"kept\n{BEGIN}\n- network: n\n{END}\nkept too\n"
    assert "| `half_calls` | `no-call` (default) |" in reading.read_text("utf-8")
    assert len(list((tmp_path / "docs" / "schemas").iterdir())) == len(TABLES)


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["no-such-folder"]])
def test_main__wrong_arguments_are_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "usage" in capsys.readouterr().err


def test_with_figures__page_without_markers() -> None:
    with pytest.raises(ValueError, match="figures: begin"):
        with_figures("no markers", "x")


def test_network_figures__blend_stands_first_and_absent_values_are_dashes() -> None:
    rows = [
        {"setting": "random", "endpoint": "pkd", "model": model, "metric": metric, "mean": mean,
         "lower": mean, "upper": mean, "n_folds": 5}
        for model, metric, mean in [("means", "mse", 0.5), ("blend", "mse", 0.25), ("blend", "r", None)]
    ]  # fmt: skip
    lines = network_figures({"figures": rows}).splitlines()
    assert lines[-2:] == ["| blend | 0.250 [0.250, 0.250] | - |", "| means | 0.500 [0.500, 0.500] | - |"]


def test_commands_page__every_command_with_every_option_and_an_example() -> None:
    page = commands_page()
    group = typer.main.get_command(app)
    commands = {f"varimol {name}": c for name, c in group.commands.items() if not hasattr(c, "commands")}
    commands |= {f"varimol train {name}": c for name, c in group.commands["train"].commands.items()}
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page, re.S | re.M))
    assert set(sections) == set(commands)
    for name, command in commands.items():
        assert f"Example: `{name}" in sections[name]
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert f"`{parameter.opts[0]}" in sections[name]


def test_commands_page__what_it_shows_is_what_the_program_takes() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "varimol.cli", "export", "--help"], capture_output=True, text=True, check=True,
        cwd=REPOSITORY,
    )  # fmt: skip
    assert "--out" in result.stdout and "varimol export cohort.vcz --out calls.tsv" in result.stdout


def test_public_names__modules_count_too() -> None:
    assert ("standardise", "chem.standardise") in [(name, home) for name, home, _ in public_names("chem")]


def test_docstring_markdown__parts_of_numpydoc() -> None:
    text = """Count ``x``.

    Parameters
    ----------
    a, b
        Two of
        them.

    References
    ----------
    Someone (2020).

    =====  ====
    value  name
    =====  ====
    0      none
    =====  ====

    Examples
    --------
    >>> f(
    ...     1)
    array([1,
           2])
    """
    lines = docstring_markdown(re.sub("(?m)^    ", "", text), level=5).splitlines()
    assert "Count `x`." in lines and "- `a, b`: Two of them." in lines and "**References**" in lines
    fences = "\n".join(lines).split("```")
    assert fences[1].strip("\n").splitlines()[1] == "value  name"
    assert fences[3] == "python\n>>> f(\n...     1)\narray([1,\n       2])\n"


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_pages__links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.S)
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    broken = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_pages__commands_shown_exist(page: Path) -> None:
    """A command in a code block is one of the program's, with options that it has."""
    group = typer.main.get_command(app)
    for block in re.findall(r"^```\w*\n(.*?)^```", page.read_text("utf-8"), flags=re.S | re.M):
        for line in re.sub(r"\\\n", " ", block).splitlines():
            words = line.strip().removeprefix("$ ").split()
            if words[:1] != ["varimol"] or len(words) < 2:
                continue
            command = group.commands[words[1]]
            if hasattr(command, "commands"):
                command = command.commands[words[2]]
            known = {option for p in command.params for option in [*p.opts, *p.secondary_opts]} | {"--help"}
            assert {word.split("=")[0] for word in words if word.startswith("--")} <= known, line


def test_pages__table_columns_named_exist() -> None:
    """The data model's lists of columns are those of the schemas."""
    text = (REPOSITORY / "docs" / "data-model.md").read_text("utf-8")
    named = re.findall(r"\[`(\w+)`\]\(schemas/(\w+)\.json\)", text)
    assert {name for name, _ in named} == set(TABLES)
    assert all(name == file for name, file in named)
