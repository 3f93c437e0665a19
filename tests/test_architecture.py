"""The house's rules that no single module can hold: who imports whom, and what no file may contain."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("genomics", "chem", "models", "varimol")
FORBIDDEN = {
    "genomics": {"torch", "torch_geometric", "chem", "models", "varimol"},
    "chem": {"torch", "torch_geometric", "genomics", "models", "varimol"},
    "models": {"varimol"},
    "varimol": set(),
}
"""What each package may not import: varimol -> models -> {genomics, chem}."""
MAX_LINES = 410
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
# The simulator's story and the evaluation name the planted gene; whatever finds it may not.
MAY_NAME_THE_PLANTED_GENE = (
    "varimol/demo_cohort.py",
    "varimol/data/networks/",  # cards list the proteins of the training data
    "benchmarks/",
    "tests/",
    "notebooks/",
    "docs/",
    "README.md",
    "CHANGELOG.md",
)
MAY_NAME_IT_TOO = {"README.md", "CHANGELOG.md"}
PLANTED_GENE = re.compile(r"TYK2|JAK[123]?(?![a-zA-Z0-9])")
DATA_SUFFIXES = {".tsv", ".parquet", ".safetensors", ".png", ".svg", ".gz"}
BINARY_SUFFIXES = {".parquet", ".safetensors", ".png", ".gz"}


def tracked_files() -> list[Path]:
    """Files that git tracks, or the files of the tree where this is no clone; relative to the repository."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True
        ).stdout.decode()
        names = [Path(name) for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [
            path.relative_to(REPOSITORY)
            for top in (*PACKAGES, "tests", "benchmarks", "docs", "notebooks")
            for path in (REPOSITORY / top).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        ]
    return sorted(name for name in names if (REPOSITORY / name).is_file())


TRACKED = tracked_files()
MODULES = [name for name in TRACKED if name.suffix == ".py" and name.parts[0] in PACKAGES]


def imported_packages(source: str) -> set[str]:
    """Top-level names that a module imports, also inside its functions and by importlib with a fixed name."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__") and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                found.add(name.value.split(".")[0])
    return found


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_imported_packages__finds_every_form() -> None:
    lines = [
        "import a.b",
        "def f():",
        "    from c.d import e",
        "    import_module('g.h')",
        "    lib.import_module('i')",
    ]
    source = "\n".join(lines)
    assert imported_packages(source) == {"a", "c", "g", "i"}


def test_modules__every_package_has_some() -> None:
    assert {name.parts[0] for name in MODULES} == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports__point_one_way(package: str) -> None:
    wrong = {
        str(name): sorted(imported & FORBIDDEN[package])
        for name in MODULES
        if name.parts[0] == package
        and (imported := imported_packages((REPOSITORY / name).read_text("utf-8"))) & FORBIDDEN[package]
    }
    assert not wrong


def test_names__none_is_vague() -> None:
    assert not [str(name) for name in TRACKED if name.stem in VAGUE_NAMES]


def test_modules__none_unpickles() -> None:
    """Weights are safetensors and arrays Zarr, Parquet or .npy: nothing that runs code when it is opened."""
    wrong = []
    for name in MODULES:
        source = (REPOSITORY / name).read_text("utf-8")
        if imported_packages(source) & {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}:
            wrong.append(f"{name}: imports a pickler")
        if re.search(r"torch\.(load|save)\(|allow_pickle\s*=\s*True|read_pickle|to_pickle", source):
            wrong.append(f"{name}: opens or writes pickles")
    assert not wrong


def test_sources__at_most_about_400_lines() -> None:
    sources = [
        name for name in TRACKED if name.suffix in (".py", ".js", ".css", ".j2") and name.parts[0] != "tests"
    ]
    sizes = {str(name): (REPOSITORY / name).read_bytes().count(b"\n") for name in sources}
    assert not {name: size for name, size in sizes.items() if size > MAX_LINES}


def test_planted_gene__named_by_simulator_and_evaluation_alone() -> None:
    wrong = []
    for name in TRACKED:
        path = name.as_posix()
        if (
            path.startswith(MAY_NAME_THE_PLANTED_GENE)
            or path in MAY_NAME_IT_TOO
            or name.suffix in DATA_SUFFIXES
        ):
            continue
        text = (REPOSITORY / name).read_text("utf-8")
        wrong += [
            f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()}"
            for match in PLANTED_GENE.finditer(text)
        ]
    assert not wrong


def test_files__name_no_folder_of_one_machine() -> None:
    wrong = []
    pattern = re.compile(r"/(?:work|home|Users|root)/\w")
    for name in TRACKED:
        if name.suffix in BINARY_SUFFIXES or name == Path("tests/test_architecture.py"):
            continue
        for number, line in enumerate((REPOSITORY / name).read_text("utf-8").splitlines(), start=1):
            if pattern.search(line):
                wrong.append(f"{name}:{number}: {line.strip()[:80]}")
    assert not wrong


def test_tests__have_no_packages() -> None:
    assert not [str(name) for name in TRACKED if name.parts[0] == "tests" and name.name == "__init__.py"]
