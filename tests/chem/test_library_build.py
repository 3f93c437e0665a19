"""Libraries under way: killed, resumed, given molecules that RDKit cannot bear, and always the same in the end."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rdkit import RDConfig

import chem.library_build
from chem import InputError, build_library, open_library
from chem.killable import run_tasks
from chem.library_part import read_part, read_summary
from chem.library_worker import make_part, part_task, retry_part
from chem.read import read_compounds

PART = 60
SLOW = "C" * 14_000
"""RDKit needs seconds to write a chain of this length: its canonicalisation is quadratic."""
BUILD = """
import sys
import chem.library_build
from chem import build_library
chem.library_build._PART_RECORDS = int(sys.argv[3])
build_library(sys.argv[1], sys.argv[2], threads=2)
"""
UNBEARABLE = """
import os, signal
from pathlib import Path
import chem.library_worker as worker

standardise, encode = worker.standardise_molecule, worker.encode_molecules


def crash(*_):
    os.kill(os.getpid(), signal.SIGSEGV)


def standardise_molecule(molecule, recipe, *, smiles):
    flag = Path(__file__).with_name("killed")
    if smiles == "CCCl" and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return crash() if smiles == "c1ccncc1" else standardise(molecule, recipe, smiles=smiles)


def encode_molecules(molecules, *, compiled):
    return crash() if any(m.GetNumAtoms() == 7 for m in molecules) else encode(molecules, compiled=compiled)


worker.standardise_molecule, worker.encode_molecules = standardise_molecule, encode_molecules
write_part = worker.write_part
"""


@pytest.fixture(scope="module")
def compounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return real compounds of the NCI, every tenth twice, and some that cannot be read."""
    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()[:1200]
    for at in range(0, len(lines), 10):
        lines[at] = lines[at // 2]
    for at in range(7, len(lines), 150):
        lines[at] = f"C1CC broken{at}"
    path = tmp_path_factory.mktemp("compounds") / "nci.smi"
    path.write_text("\n".join(lines) + "\n")
    return path


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def undisturbed(compounds: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the hashes of the library that one worker makes without being disturbed."""
    out = tmp_path_factory.mktemp("undisturbed") / "library"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chem.library_build, "_PART_RECORDS", PART)
        build_library(compounds, out)
    return digests(out)


def start_build(compounds: Path, out: Path, part: int = PART) -> subprocess.Popen[bytes]:
    """Start a build in a process that can be killed."""
    return subprocess.Popen([sys.executable, "-c", BUILD, str(compounds), str(out), str(part)])


def kill_when(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> bool:
    """Kill the process once something is so; False where it ended before."""
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        if ready():
            process.send_signal(signal.SIGKILL)
            return process.wait() == -signal.SIGKILL
        time.sleep(0.001)
    assert process.poll() == 0
    return False


def test_kill__the_same_bytes_after_any_number(
    compounds: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    out, steps = tmp_path / "library", tmp_path / ".library.partial"
    parts, moments = steps / "parts", random.Random(5)
    kept: dict[str, int] = {}
    for n_parts in (1, 7, 15):

        def enough(n_parts: int = n_parts) -> bool:
            return parts.is_dir() and len(list(parts.glob("*.npz"))) >= n_parts

        process = start_build(compounds, out)
        kill_when(process, enough)
        assert not out.exists()
        now = {path.name: path.stat().st_mtime_ns for path in parts.glob("*.npz")}
        assert now.items() >= kept.items(), "a finished part was made again"
        kept = now
    assert len(kept) >= 15
    for ready in ((steps / "keys").exists, (steps / "whole").exists, (steps / "whole" / "graphs").exists):
        kill_when(start_build(compounds, out), ready)
    delay = moments.uniform(0.1, 1.0)
    began = time.monotonic()
    kill_when(start_build(compounds, out), lambda: time.monotonic() - began > delay)
    assert start_build(compounds, out).wait() == 0
    assert digests(out) == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["library"]


def test_processes__the_same_bytes_for_any_number(
    compounds: Path, undisturbed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chem.library_build, "_PART_RECORDS", PART)
    build_library(compounds, tmp_path / "library", threads=3)
    assert digests(tmp_path / "library") == undisturbed


def test_parts__where_they_are_cut_changes_no_record(
    compounds: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    """One part of all records and twenty of sixty make the same tables, graphs and fingerprints."""
    build_library(compounds, tmp_path / "library")
    found = digests(tmp_path / "library")
    assert found == undisturbed
    table = open_library(tmp_path / "library").table
    assert len(table) == sum(1 for _ in read_compounds(compounds))
    assert table["duplicate_of"].notna().sum() > 100
    assert (table["status"] == "rejected").sum() >= 8


def test_resume__another_recipe_or_source_starts_anew(
    compounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, parts = tmp_path / "library", tmp_path / ".library.partial" / "parts"
    monkeypatch.setattr(chem.library_build, "_PART_RECORDS", PART)

    def stop(n_records: int) -> None:
        if n_records >= 5 * PART:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_library(compounds, out, time_limit=None, progress=stop)
    assert len(list(parts.iterdir())) == 5
    changed = tmp_path / "changed.smi"
    changed.write_text("C methane\n" + "\n".join(compounds.read_text().splitlines()[:200]) + "\n")
    built = build_library(changed, out, time_limit=None)
    assert len(built) == 201
    assert built.table["smiles"].iloc[0] == "C"
    pd.testing.assert_frame_equal(built.table, build_library(changed, time_limit=None).table)


def test_resume__a_damaged_part_is_made_again(
    compounds: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    out, parts = tmp_path / "library", tmp_path / ".library.partial" / "parts"
    kill_when(start_build(compounds, out), lambda: len(list(parts.glob("*.npz"))) >= 3)
    first, second, third, *_ = sorted(parts.glob("*.npz"))
    first.write_bytes(first.read_bytes()[:500])
    second.write_bytes(b"")
    data = bytearray(third.read_bytes())
    data[len(data) // 2] ^= 255  # what only a checksum finds
    third.write_bytes(data)
    with pytest.raises(InputError, match=r"part of a library under way is damaged.*goes on"):
        start(compounds, out)
    start(compounds, out)
    assert digests(out) == undisturbed


def start(compounds: Path, out: Path) -> None:
    """Build in this process, with small parts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chem.library_build, "_PART_RECORDS", PART)
        build_library(compounds, out, threads=2)


def test_two__the_second_is_refused(compounds: Path, tmp_path: Path) -> None:
    out = tmp_path / "library"
    parts = tmp_path / ".library.partial" / "parts"
    with start_build(compounds, out, part=20) as other:
        while not parts.is_dir():
            assert other.poll() is None
            time.sleep(0.005)
        with pytest.raises(InputError, match="library: another program is writing it"):
            build_library(compounds, out)
        assert other.wait() == 0
    assert len(open_library(out)) == 1200


def test_slow__only_the_molecule_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "slow.smi"
    path.write_text(f"CCO a\n{SLOW} slow\nCCN b\n{SLOW} again\nCCO c\n")
    began = time.monotonic()
    library = build_library(path, tmp_path / "library", time_limit=0.5)
    assert time.monotonic() - began < 60
    assert library.table["status"].tolist() == ["ok", "rejected", "ok", "rejected", "ok"]
    assert library.rejects["reason"].tolist() == [
        "line 2: took longer than 0.5 s",
        "line 4: took longer than 0.5 s",
    ]
    assert library.table["input"].iloc[1] == SLOW
    assert library.usable["smiles"].tolist() == ["CCO", "CCN"]
    with pytest.raises(InputError, match=r"record 2, field smiles: .* took longer than 0.5 s"):
        build_library(path, strict=True, time_limit=0.5)


def test_crash__only_the_molecule_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where standardising pyridine ends the process, and so does encoding toluene, alone or among others.

    The last compound is innocent: somebody kills the worker once while it is at that.
    """
    (tmp_path / "unbearable.py").write_text(UNBEARABLE)
    monkeypatch.syspath_prepend(tmp_path)
    smiles = ["CCO", "c1ccncc1", "Cc1ccccc1", "CCN", "c1ccccc1", "OCC", "c1ccncc1", "CCCl"]
    records = [
        [row, f"line {row}", str(row), "", text, "", "smiles", ""] for row, text in enumerate(smiles, 1)
    ]
    settings = chem.library_build.LibraryOptions(chem.standardise.DEFAULT_RECIPE, ("morgan",), 5.0).settings
    path = tmp_path / "part.npz"
    task = part_task(records, settings) | {"path": str(path)}
    [(_, summary)] = run_tasks("unbearable:write_part", iter([task]), 1, retry_part)
    assert summary == read_summary(path)
    assert summary["n_rejected"] == 3
    assert (tmp_path / "killed").exists()
    part = read_part(path)
    assert part.table.column("reason").to_pylist() == [
        None,
        "line 2: crashed RDKit (SIGSEGV)",
        "line 3: crashed RDKit (SIGSEGV)",
        None,
        None,
        None,
        "line 7: crashed RDKit (SIGSEGV)",
        None,
    ]
    assert part.graph.tolist() == [0, -1, -1, 1, 2, -1, -1, 3]
    assert part.graphs.n_atoms.tolist() == [3, 3, 6, 3]


def test_singly__the_same_as_in_bulk(compounds: Path) -> None:
    values = [
        chem.library_worker.record_values(record.row, record)
        for record, _ in zip(read_compounds(compounds), range(150))
    ]
    settings = chem.library_build.LibraryOptions(chem.standardise.DEFAULT_RECIPE, ("morgan",), None).settings
    task = part_task(values, settings)
    bulk, singly = make_part(task), make_part(task | {"singly": True})
    assert bulk.table.equals(singly.table)
    np.testing.assert_array_equal(bulk.graph, singly.graph)
    np.testing.assert_array_equal(bulk.keys, singly.keys)
    np.testing.assert_array_equal(bulk.graphs.node_features, singly.graphs.node_features)
    np.testing.assert_array_equal(bulk.graphs.edge_index, singly.graphs.edge_index)
    np.testing.assert_array_equal(bulk.fingerprints["morgan"], singly.fingerprints["morgan"])


def test_cache__a_text_is_standardised_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.smi"
    path.write_text("CCSCC one\nCCSCCN two\n" * 3000)
    seen: list[str] = []
    real = chem.library_worker.standardise_molecule

    def counted(molecule: Any, recipe: Any, *, smiles: str) -> Any:
        seen.append(smiles)
        return real(molecule, recipe, smiles=smiles)

    monkeypatch.setattr(chem.library_worker, "standardise_molecule", counted)
    library = build_library(path, time_limit=None)
    assert library.manifest["n_duplicates"] == 5998
    assert seen.count("CCSCC") == seen.count("CCSCCN") == 1


def test_script__needs_no_guard(tmp_path: Path) -> None:
    """The workers do not run the user's script again, as those of multiprocessing do."""
    (tmp_path / "a.smi").write_text("CCO\n")
    script = tmp_path / "script.py"
    script.write_text("from chem import build_library\nprint(len(build_library('a.smi', threads=2)))\n")
    environment = os.environ | {"PYTHONPATH": str(Path(chem.library_build.__file__).parents[1])}
    run = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "1\n"
    assert run.stderr == ""


def test_manifest__tells_what_was_done(compounds: Path, tmp_path: Path) -> None:
    build_library(compounds, tmp_path / "library", time_limit=None)
    manifest = json.loads((tmp_path / "library" / "library.json").read_text())
    assert manifest["source_sha256"] == hashlib.sha256(compounds.read_bytes()).hexdigest()
    assert manifest["n_records"] == 1200
    assert manifest["n_usable"] + manifest["n_duplicates"] + manifest["n_rejected"] == 1200
    assert manifest["fingerprints"] == ["morgan"]
    assert manifest["time_limit"] is None
