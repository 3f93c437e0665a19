"""Structural alerts against other routes to the same catalogues."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pandas as pd
import pytest
import skfp.filters
from rdkit import Chem, RDConfig

import chem
from chem.alert import alert_table, structural_alerts
from chem.contrib import contrib_file, contrib_module
from chem.errors import InputError

DRUGS = Path(chem.__file__).parents[1] / "varimol" / "data" / "drugs.tsv"
CURCUMIN = "COc1cc(/C=C/C(=O)CC(=O)/C=C/c2ccc(O)c(OC)c2)ccc1O"
KNOWN = {  # names from the paper's supplement
    "rhodanine": ("O=C1NC(=S)SC1=Cc1ccccc1", "ene_rhod_A(235)"),
    "quinone": ("O=C1C=CC(=O)c2ccccc21", "quinone_A(370)"),
    "catechol": ("Oc1ccccc1O", "catechol_A(92)"),
    "Mannich base of a phenol": ("CN(C)Cc1ccccc1O", "mannich_A(296)"),
    "azobenzene": ("c1ccc(N=Nc2ccccc2)cc1", "azo_A(324)"),
    "curcumin": (CURCUMIN, None),
}


@pytest.fixture(scope="module")
def drugs() -> list[str]:
    return pd.read_csv(DRUGS, sep="\t")["smiles"].iloc[::8].tolist()


@pytest.mark.parametrize(("smiles", "name"), KNOWN.values(), ids=KNOWN)
def test_pains__known_examples(smiles: str, name: str | None) -> None:
    found = structural_alerts([smiles], ["PAINS"])["alert"].tolist()
    assert found == ([] if name is None else [name])


def test_pains__same_as_the_smarts_of_its_authors(drugs: list[str]) -> None:
    """RDKit's data folder has the SMARTS as text; matched one by one, the hydrogens merged."""
    with (Path(RDConfig.RDDataDir) / "Pains" / "wehi_pains.csv").open() as lines:
        patterns = {
            re.search("regId=(.*)>", label)[1]: Chem.MolFromSmarts(smarts, mergeHs=True)  # type: ignore[index]
            for smarts, label in csv.reader(lines)
        }
    assert len(patterns) == 480
    smiles = [*drugs[::4], *(smiles for smiles, _ in KNOWN.values())]
    expected = {
        (index, name)
        for index, text in enumerate(smiles)
        for name, pattern in patterns.items()
        if Chem.MolFromSmiles(text).HasSubstructMatch(pattern)
    }
    found = structural_alerts(smiles, ["PAINS"])
    assert len(expected) > 4
    assert set(zip(found["index"], found["alert"])) == expected


@pytest.mark.parametrize(
    ("catalogue", "peer"),
    [
        ("Brenk", skfp.filters.BrenkFilter),
        ("NIH", skfp.filters.NIHFilter),
        ("ChEMBL_SureChEMBL", skfp.filters.SureChEMBLFilter),
        ("ChEMBL_MLSMR", skfp.filters.MLSMRFilter),
    ],
)
def test_catalogue__same_molecules_as_scikit_fingerprints(
    catalogue: str, peer: type, drugs: list[str]
) -> None:
    passing = peer(return_type="indicators").transform(drugs).astype(bool)
    with_alerts = set(structural_alerts(drugs, [catalogue])["index"])
    assert 5 < len(with_alerts) < len(drugs)
    assert with_alerts == {index for index, passes in enumerate(passing) if not passes}


def test_nibr__same_as_its_program(drugs: list[str]) -> None:
    program = contrib_module("NIBRSubstructureFilters/assignSubstructureFilters.py")
    smiles = drugs[:60]
    expected = program.assignFilters(pd.DataFrame({"smiles": smiles}))
    found = structural_alerts(smiles, ["NIBR"])
    points = {"annotate": 0, "flag": 1}
    for index, theirs in enumerate(expected):
        ours = found[found["index"] == index].drop_duplicates("alert")
        said = [] if theirs.SubstructureMatches == "no match" else theirs.SubstructureMatches.split(" | ")
        assert [name.removeprefix("NIBR_Screeningdeck_2019_").rsplit("_min(", 1)[0] for name in said] == list(
            ours["alert"]
        )
        severity = (
            10 if "exclude" in set(ours["severity"]) else sum(points[text] for text in ours["severity"])
        )
        assert severity == theirs.SeverityScore


def test_atoms__are_those_of_the_text() -> None:
    """Reading drops written hydrogens; the numbers count them all the same."""
    plain = structural_alerts(["Oc1ccccc1O"], ["PAINS"])
    written = structural_alerts(["[H]Oc1ccc([H])cc1O[H]"], ["PAINS"])
    assert plain["atoms"].tolist() == [(0, 1, 2, 3, 4, 5, 6, 7)]
    assert written["atoms"].tolist() == [(1, 2, 3, 4, 5, 7, 8, 9)]


def test_atoms__match_the_pattern() -> None:
    found = structural_alerts(["CC(C)CC=O", "O=CCCC=O"], ["Brenk"])
    aldehydes = found[found["alert"] == "aldehyde"]
    assert list(zip(aldehydes["index"], aldehydes["atoms"])) == [(0, (4, 5)), (1, (0, 1)), (1, (4, 5))]


def test_rows__are_ordered_and_without_repeats(drugs: list[str]) -> None:
    catalogues = ("NIBR", "ChEMBL", "PAINS", "Brenk")
    found = structural_alerts(iter(drugs[:20]), catalogues)
    names = zip(alert_table(catalogues)["catalogue"], alert_table(catalogues)["alert"])
    places: dict[tuple[str, str], int] = {}
    for place, pair in enumerate(names):
        places.setdefault(pair, place)
    assert len(found) > 100 and found["index"].is_monotonic_increasing
    for _, group in found.groupby("index"):
        of_nibr = [places[pair] for pair in zip(group["catalogue"], group["alert"]) if pair[0] == "NIBR"]
        assert of_nibr == sorted(of_nibr)
        order = list(dict.fromkeys(group["catalogue"]))
        asked = list(dict.fromkeys(alert_table(catalogues)["catalogue"]))
        assert order == [name for name in asked if name in order]
    pd.testing.assert_frame_equal(found, structural_alerts(drugs[:20], catalogues))


def test_rows__every_match_of_every_alert(drugs: list[str]) -> None:
    """By the SMARTS of NIBR's own table, one by one."""
    with contrib_file(
        "NIBRSubstructureFilters/SubstructureFilter_HitTriaging_wPubChemExamples.csv"
    ).open() as lines:
        rows = [
            (row["PATTERN_NAME"], Chem.MolFromSmarts(row["SMARTS"]), int(row["MIN_COUNT"]))
            for row in csv.DictReader(lines)
        ]
    expected = []
    for index, text in enumerate(drugs[:40]):
        molecule = Chem.MolFromSmiles(text)
        for name, pattern, least in rows:
            matches = molecule.GetSubstructMatches(pattern)
            expected += [(index, name, tuple(sorted(match))) for match in matches if len(matches) >= least]
    found = structural_alerts(drugs[:40], ["NIBR"])
    assert list(zip(found["index"], found["alert"], found["atoms"])) == expected


def test_rows__same_over_processes(drugs: list[str]) -> None:
    smiles = (drugs * 6)[:1100]
    pd.testing.assert_frame_equal(
        structural_alerts(smiles, ["PAINS_A"], threads=2), structural_alerts(smiles, ["PAINS_A"])
    )


def test_groups__stand_for_their_sets() -> None:
    assert alert_table(["PAINS"])["catalogue"].unique().tolist() == ["PAINS_A", "PAINS_B", "PAINS_C"]
    assert alert_table(["ChEMBL"])["catalogue"].nunique() == 7
    sizes = alert_table().groupby("catalogue").size()
    assert sizes[["PAINS_A", "PAINS_B", "PAINS_C", "Brenk", "NIH", "NIBR"]].tolist() == [
        16,
        55,
        409,
        105,
        180,
        444,
    ]
    assert (alert_table()["reference"].str.len() > 10).all()


def test_alerts__nothing_and_odd_molecules() -> None:
    empty = structural_alerts([])
    assert empty.shape == (0, 6)
    assert empty.dtypes.equals(structural_alerts(["O=CC=O"]).dtypes)
    assert structural_alerts(["[H][H]", "[He]", "C" * 3000], ["PAINS"]).empty
    assert set(structural_alerts(["*CC=O"])["index"]) == {0}


def test_alerts__bad_input() -> None:
    with pytest.raises(InputError, match="record 1, field smiles: 'C1CC' does not parse"):
        structural_alerts(["C", "C1CC"])
    with pytest.raises(InputError, match="no catalogue 'pains'; expected some of PAINS, ChEMBL, PAINS_A"):
        structural_alerts(["C"], ["pains"])
    with pytest.raises(InputError, match="one molecule was given"):
        structural_alerts("CCO")
