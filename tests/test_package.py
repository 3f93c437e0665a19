"""The package as its users get it: quick to import, documented, and whole once it is installed."""

from __future__ import annotations

import doctest
import importlib
import inspect
import io
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from varimol.curate.docs import PACKAGES, documentation, public_names

REPOSITORY = Path(__file__).resolve().parents[1]
CONDA_NAMES = {
    "torch": "pytorch-cpu",
    "torch-geometric": "pytorch_geometric",
    "matplotlib": "matplotlib-base",
}
HEAVY = ("torch", "rdkit", "matplotlib", "allel", "sklearn", "numba", "pandas")


def packages() -> list[ModuleType]:
    """Return the packages of the house."""
    return [importlib.import_module(name) for name in PACKAGES]


def module_names() -> list[str]:
    """Return the name of every module; `varimol.curate` has no `__init__.py`, so folders are walked."""
    found = []
    for name in PACKAGES:
        top = REPOSITORY / name
        folders = [top, *sorted(path for path in top.rglob("*") if path.is_dir() and list(path.glob("*.py")))]
        for folder in folders:
            package = ".".join(folder.relative_to(REPOSITORY).parts)
            found += [
                package,
                *(f"{package}.{module.name}" for module in pkgutil.iter_modules([str(folder)])),
            ]
    return sorted(set(found))


def dependencies() -> list[Requirement]:
    """Return the run-time dependencies of pyproject.toml."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    return [Requirement(text) for text in project["dependencies"]]


def pins() -> dict[str, Version]:
    """Return the exact versions of constraints.txt."""
    lines = (REPOSITORY / "constraints.txt").read_text("utf-8").splitlines()
    pinned = {}
    for line in lines:
        if line.strip() and not line.startswith("#"):
            name, version = line.split("==")
            pinned[canonicalize_name(name)] = Version(version)
    return pinned


def test_import__under_a_second_and_nothing_heavy() -> None:
    script = f"import sys, varimol; print([name for name in {HEAVY} if name in sys.modules])"
    durations = []
    for _ in range(3):
        start = time.perf_counter()
        result = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY
        )
        durations.append(time.perf_counter() - start)
        assert result.stdout.strip() == "[]"
    assert min(durations) < 1.0


def test_environment__names_the_same_packages() -> None:
    entries = yaml.safe_load((REPOSITORY / "environment.yml").read_text("utf-8"))["dependencies"]
    conda = [re.fullmatch(r"([\w.-]+)(.*)", entry).groups() for entry in entries if isinstance(entry, str)]  # type: ignore[union-attr]
    by_pip = next(entry["pip"] for entry in entries if isinstance(entry, dict))
    assert by_pip[-1] == "--editable ."
    theirs = {
        name: Requirement(f"x{rest}").specifier for name, rest in conda if name not in ("python", "pip")
    } | {r.name: r.specifier for r in map(Requirement, by_pip[:-1])}
    ours = {CONDA_NAMES.get(r.name, r.name): r.specifier for r in dependencies()}
    assert theirs == ours


def test_environment__asks_for_the_same_python() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"  - python{project['requires-python']}\n" in (REPOSITORY / "environment.yml").read_text("utf-8")


def test_constraints__satisfy_every_range() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [Requirement(text) for group in project["optional-dependencies"].values() for text in group]
    pinned = pins()
    wanted = [r for r in [*dependencies(), *extras] if r.name != "varimol"]
    assert not [str(r) for r in wanted if canonicalize_name(r.name) not in pinned]
    assert not [str(r) for r in wanted if not r.specifier.contains(pinned[canonicalize_name(r.name)])]


def test_constraints__pin_torch_and_rdkit() -> None:
    assert pins()["torch"] == Version("2.13.0")
    assert pins()["rdkit"] == Version("2026.3.5")


def test_version__is_the_same_everywhere() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text("utf-8"))
    assert importlib.import_module("varimol").__version__ == project["version"] == str(citation["version"])


@pytest.mark.parametrize("name", module_names())
def test_module__has_a_docstring_and_its_examples_run(name: str) -> None:
    module = importlib.import_module(name)
    assert inspect.cleandoc(module.__doc__ or "") or not module.__file__  # a folder alone has no docstring
    report = io.StringIO()
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in finder.find(module, name):
        runner.run(test, out=report.write)
    assert runner.summarize(verbose=False).failed == 0, report.getvalue()


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names__have_docstrings_and_are_in_the_docs(package: str) -> None:
    names = public_names(package)
    assert names
    assert not [name for name, home, value in names if not documentation(name, home, value)]
    page = (REPOSITORY / "docs" / "api.md").read_text("utf-8")
    assert not [name for name, _, _ in names if f"### {package}.{name}\n" not in page]


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names__mean_the_same_whatever_was_imported_before(package: str) -> None:
    """Python puts a submodule over a function of the same name once the submodule is imported."""
    face = importlib.import_module(package)
    found = [(name, home, value) for name, home, value in public_names(package)]
    assert not [name for name, _, value in found if getattr(face, name) is not value]


def test_public_methods__have_docstrings() -> None:
    wanting = []
    for package in PACKAGES:
        for name, home, value in public_names(package):
            if inspect.isclass(value) and home.split(".")[0] == package:
                members = vars(value).items()
                wanting += [
                    f"{package}.{name}.{member}"
                    for member, thing in members
                    if not member.startswith("_")
                    and (inspect.isfunction(thing) or isinstance(thing, property | classmethod))
                    and not inspect.getdoc(thing)
                ]
    assert not wanting


def test_tables__each_has_a_section_in_sources() -> None:
    folder = REPOSITORY / "varimol" / "data"
    text = (folder / "SOURCES.md").read_text("utf-8")
    tables = [path for path in sorted(folder.rglob("*")) if path.suffix in (".tsv", ".parquet")]
    assert len(tables) > 5
    assert not [path.name for path in tables if not in_sources(path, text)]


def in_sources(path: Path, text: str) -> bool:
    """Whether the file of sources names a table, or the table names its sources itself."""
    if re.search(rf"(?<![\w]){re.escape(path.name)}", text):
        return True
    if path.suffix == ".parquet":
        header = pq.read_schema(path).names
    else:
        header = path.read_text("utf-8").split("\n", 1)[0].split("\t")
    return path.name == "sources.tsv" or {"source", "source_version", "licence"} <= set(header)


def tracked_files() -> list[str]:
    """Files that git tracks; where this is no clone, all but what a build or a run leaves behind."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        left = {"__pycache__", ".venv", ".git", "demo", "dist", "build"}
        paths = [path.relative_to(REPOSITORY) for path in REPOSITORY.rglob("*") if path.is_file()]
        return [path.as_posix() for path in paths if not left & set(path.parts)]
    return [name for name in listed.stdout.decode().split("\0") if name and (REPOSITORY / name).is_file()]


@pytest.mark.slow
def test_wheel__holds_networks_tables_and_templates(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    names = tracked_files()
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, tree / name)
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")],
        cwd=tree, capture_output=True, text=True,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    networks = {Path(name).parts[3] for name in held if name.startswith("varimol/data/networks/")}
    assert {"admet", "kinase-affinity"} <= networks
    wanted = {
        f"varimol/data/networks/{n}/{file}" for n in networks for file in ("model.safetensors", "card.json")
    }
    wanted |= {"varimol/data/proteins.parquet", "varimol/data/drugs.tsv", "varimol/data/genes.parquet"}
    wanted |= {f"{package}/py.typed" for package in PACKAGES}
    shipped = ("varimol/report/", "varimol/data/")
    wanted |= {name for name in names if name.startswith(shipped)}
    assert not sorted(wanted - held)
    pharmacogenes = {name for name in held if re.fullmatch(r"varimol/data/pharmacogenes/\w+\.tsv", name)}
    assert len(pharmacogenes) >= 5
    assert {"varimol/report/page.html.j2", "varimol/report/page.css"} <= held
    assert not [name for name in held if name.startswith(("tests/", "benchmarks/", "docs/"))]
    size = sum(
        info.file_size for info in zipfile.ZipFile(wheel).infolist() if info.filename.endswith("safetensors")
    )
    assert size < 30_000_000
    _predict_from(wheel, tmp_path)


def _predict_from(wheel: Path, folder: Path) -> None:
    """The network of properties works from what the wheel holds alone."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    (folder / "drugs.tsv").write_text("smiles\nCC(=O)Oc1ccccc1C(=O)O\n")
    script = (
        "import varimol.cli; assert varimol.__file__.startswith({!r}), varimol.__file__; varimol.cli.main()"
    )
    words = ["predict", "admet", "--table", "drugs.tsv", "--smiles-column", "smiles", "--out", "told.tsv"]
    done = subprocess.run(
        [sys.executable, "-c", script.format(str(folder / "installed")), *words], cwd=folder, capture_output=True,
        text=True, env={**os.environ, "PYTHONPATH": str(folder / "installed")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = pd.read_csv(folder / "told.tsv", sep="\t").set_index("endpoint")
    # Measured: log S -1.72 (Delaney 2004).
    assert told.loc["solubility_esol", "lower"] < -1.72 < told.loc["solubility_esol", "upper"]
