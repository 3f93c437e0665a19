"""Ctrl-C still interrupts after the calls that would swallow it."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import os, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit it ignored
{call}
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)
except KeyboardInterrupt:
    print("interrupted")
"""
CALLS = {
    "standardise": 'from chem.standardise import standardise_smiles; standardise_smiles("CC(=O)[O-].[Na+]")',
    "skeleton": 'from chem.scaffold import inchikey_first_block; inchikey_first_block("CCO")',
    "graph": 'from chem.graph_encode import encode_graphs; encode_graphs(["C[C@H](N)C(=O)O"])',
    "fingerprint": 'from chem.fingerprint import morgan_fingerprints; morgan_fingerprints(["CCO"])',
    "patterns": 'from chem.fingerprint import fingerprints; fingerprints(["CCO"], "maccs")',
    "alerts": 'from chem.alert import structural_alerts; structural_alerts(["CCO"], ["Brenk"])',
    "substructure": "import tempfile; from chem.substructure import index_substructures, parse_query; "
    'list(index_substructures(["CCO"], tempfile.mkdtemp() + "/i").search(parse_query("[OH]")))',
    "score": 'from chem.score import scores; scores(["CCO"])',
    "descriptors": 'from chem.descriptor import descriptors; descriptors(["CCO"])',
    "drawing": 'from chem.draw import draw_svg; draw_svg("CCO")',
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_interrupt__reaches_python_after(call: str) -> None:
    script = SCRIPT.format(call=call)
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.stdout.strip() == "interrupted"
