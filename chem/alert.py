"""Structural alerts: which named substructures of concern a molecule has, and on which atoms."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import pandas as pd
from rdkit import Chem, rdBase
from rdkit.Chem import FilterCatalog

from chem.contrib import contrib_file
from chem.errors import InputError
from chem.molecules import Structure, map_blocks, molecule_at

_BLOCK = 1000
_MOST_MATCHES = 10_000
_RDKIT = {
    "PAINS_A": "PAINS_A",
    "PAINS_B": "PAINS_B",
    "PAINS_C": "PAINS_C",
    "Brenk": "BRENK",
    "NIH": "NIH",
    "ChEMBL_BMS": "CHEMBL_BMS",
    "ChEMBL_Dundee": "CHEMBL_Dundee",
    "ChEMBL_Glaxo": "CHEMBL_Glaxo",
    "ChEMBL_Inpharmatica": "CHEMBL_Inpharmatica",
    "ChEMBL_LINT": "CHEMBL_LINT",
    "ChEMBL_MLSMR": "CHEMBL_MLSMR",
    "ChEMBL_SureChEMBL": "CHEMBL_SureChEMBL",
    "ZINC": "ZINC",
}
ALERT_CATALOGUES: tuple[str, ...] = (*_RDKIT, "NIBR")
"""Catalogues that `structural_alerts` knows; PAINS and ChEMBL stand for all of theirs."""
DEFAULT_CATALOGUES = ("PAINS", "Brenk", "NIH", "NIBR")
_NIBR_FILE = "NIBRSubstructureFilters/SubstructureFilter_HitTriaging_wPubChemExamples.csv"
_NIBR_REFERENCE = (
    "Schuffenhauer et al., J. Med. Chem. 2020, 63, 14425-14447, doi:10.1021/acs.jmedchem.0c01332"
)
_WRITTEN_HYDROGEN = re.compile(r"\[(H|#1)")
_PLACE = "varimol_place"
_COLUMNS = ("index", "catalogue", "alert", "severity", "atoms", "reference")


def structural_alerts(
    smiles: Iterable[Structure], catalogues: Sequence[str] = DEFAULT_CATALOGUES, *, threads: int = 1
) -> pd.DataFrame:
    """Find substructures of concern by name, with the atoms that match.

    An alert is a reason to look, not to discard: each catalogue was made for one purpose (PAINS for one kind of
    assay), and approved drugs have many.

    Parameters
    ----------
    smiles
        One SMILES, or RDKit molecule, per molecule.
    catalogues
        Some of `ALERT_CATALOGUES`; PAINS stands for PAINS_A, PAINS_B and PAINS_C, ChEMBL for its seven sets.
    threads
        Processes; more than one are used for more than 1,000 molecules.

    Returns
    -------
    pandas.DataFrame
        One row per match, ordered by molecule, catalogue as asked for, alert as in the catalogue: index
        (of the molecule, from 0), catalogue, alert, severity (of NIBR: exclude, flag or annotate; else empty),
        atoms (tuple of atom numbers from 0, in the order in which the SMILES writes them, its explicit hydrogens
        counted), reference. Matches on the same atoms are one, and 10,000 of one alert are the
        most. A molecule without alerts has no row.

    Raises
    ------
    InputError
        A SMILES does not parse (its index is named), or a catalogue is unknown.

    References
    ----------
    PAINS: Baell and Holloway, J. Med. Chem. 2010, 53, 2719-2740, doi:10.1021/jm901137j. Brenk: Brenk et al.,
    ChemMedChem 2008, 3, 435-444, doi:10.1002/cmdc.200700139. NIH: Jadhav et al., J. Med. Chem. 2010, 53, 37-51,
    doi:10.1021/jm901070c. NIBR: Schuffenhauer et al., J. Med. Chem. 2020, 63, 14425-14447,
    doi:10.1021/acs.jmedchem.0c01332. The others: `alert_table`.

    Examples
    --------
    >>> found = structural_alerts(["CCO", "O=C1C=CC(=O)C=C1"], ["PAINS", "Brenk"])
    >>> found[["index", "catalogue", "alert", "atoms"]].values.tolist()
    [[1, 'PAINS_A', 'quinone_A(370)', (0, 1, 2, 3, 4, 5, 6, 7)], [1, 'Brenk', 'chinone_1', (0, 1, 2, 3, 4, 5, 6, 7)]]
    """
    names = _expanded(catalogues)
    blocks = map_blocks(partial(_matches, names), smiles, block=_BLOCK, threads=threads)
    return _frame([row for block in blocks for row in block], _COLUMNS)


def alert_table(
    catalogues: Sequence[str] = ("PAINS", "Brenk", "NIH", "NIBR", "ChEMBL", "ZINC"),
) -> pd.DataFrame:
    """List the alerts of catalogues, in the order in which they are searched.

    Parameters
    ----------
    catalogues
        As for `structural_alerts`.

    Returns
    -------
    pandas.DataFrame
        catalogue, alert, severity, reference.

    Raises
    ------
    InputError
        A catalogue is unknown.

    Examples
    --------
    >>> alert_table().groupby("catalogue", sort=False).size().head(4).to_dict()
    {'PAINS_A': 16, 'PAINS_B': 55, 'PAINS_C': 409, 'Brenk': 105}
    """
    rows = [
        (name, alert.name, alert.severity, alert.reference)
        for name in _expanded(catalogues)
        for alert in _catalogue(name).alerts.values()
    ]
    return _frame(rows, ("catalogue", "alert", "severity", "reference"))


@dataclass(frozen=True)
class _Alert:
    name: str
    severity: str
    reference: str


@dataclass(frozen=True)
class _Catalogue:
    filters: FilterCatalog.FilterCatalog
    alerts: dict[int, _Alert]


def _expanded(catalogues: Sequence[str]) -> tuple[str, ...]:
    if isinstance(catalogues, str):
        catalogues = (catalogues,)
    names: list[str] = []
    for asked in catalogues:
        group = [name for name in ALERT_CATALOGUES if name == asked or name.startswith(f"{asked}_")]
        if not group:
            raise InputError(
                f"no catalogue {asked!r}",
                field="catalogues",
                expected=f"some of PAINS, ChEMBL, {', '.join(ALERT_CATALOGUES)}",
            )
        names += group
    return tuple(dict.fromkeys(names))


@lru_cache(maxsize=len(ALERT_CATALOGUES))
def _catalogue(name: str) -> _Catalogue:
    if name == "NIBR":
        return _nibr_catalogue()
    parameters = FilterCatalog.FilterCatalogParams()
    parameters.AddCatalog(FilterCatalog.FilterCatalogParams.FilterCatalogs.names[_RDKIT[name]])
    filters = FilterCatalog.FilterCatalog(parameters)
    alerts = {}
    for place in range(filters.GetNumEntries()):
        entry = filters.GetEntryWithIdx(place)
        entry.SetProp(_PLACE, str(place))
        alerts[place] = _Alert(entry.GetDescription(), "", entry.GetProp("Reference"))
    return _Catalogue(filters, alerts)


def _nibr_catalogue() -> _Catalogue:
    """Read the filters of Novartis from RDKit's Contrib folder, with the count each asks for."""
    filters = FilterCatalog.FilterCatalog()
    alerts = {}
    with contrib_file(_NIBR_FILE).open(newline="", encoding="utf-8") as lines:
        for place, row in enumerate(csv.DictReader(lines)):
            matcher = FilterCatalog.SmartsMatcher(
                row["PATTERN_NAME"], row["SMARTS"], max(int(row["MIN_COUNT"]), 1)
            )
            filters.AddEntry(FilterCatalog.FilterCatalogEntry(row["PATTERN_NAME"], matcher))
            filters.GetEntryWithIdx(place).SetProp(_PLACE, str(place))
            alerts[place] = _Alert(
                row["PATTERN_NAME"], _NIBR_SEVERITY[row["SEVERITY_SCORE"]], _NIBR_REFERENCE
            )
    return _Catalogue(filters, alerts)


_NIBR_SEVERITY = {"0": "annotate", "1": "flag", "2": "exclude"}


def _matches(names: tuple[str, ...], first: int, items: list[Structure]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for place, item in enumerate(items):
        molecule, numbers = _numbered(first + place, item)
        for name in names:
            rows += [
                (first + place, name, *found) for found in _in_catalogue(_catalogue(name), molecule, numbers)
            ]
    return rows


def _in_catalogue(
    catalogue: _Catalogue, molecule: Chem.Mol, numbers: list[int]
) -> Iterator[tuple[str, str, tuple[int, ...], str]]:
    entries = {int(entry.GetProp(_PLACE)): entry for entry in catalogue.filters.GetMatches(molecule)}
    for place, entry in sorted(entries.items()):
        alert = catalogue.alerts[place]
        pattern = entry.GetFilterMatches(molecule)[
            0
        ].filterMatch.GetPattern()  # RDKit itself stops at one match
        found = molecule.GetSubstructMatches(pattern, maxMatches=_MOST_MATCHES)
        matched = [tuple(sorted(numbers[atom] for atom in atoms)) for atoms in found]
        for atoms in dict.fromkeys(matched):
            yield alert.name, alert.severity, atoms, alert.reference


def _numbered(index: int, item: Structure) -> tuple[Chem.Mol, list[int]]:
    """Return the molecule and the number that each of its atoms has in the text: reading drops hydrogens."""
    molecule = molecule_at(index, item)
    if not isinstance(item, str) or not _WRITTEN_HYDROGEN.search(item):
        return molecule, list(range(molecule.GetNumAtoms()))
    keeping = Chem.SmilesParserParams()
    keeping.parseName, keeping.removeHs = False, False  # type: ignore[assignment]
    with rdBase.BlockLogs():
        whole = Chem.MolFromSmiles(item.strip(), keeping)
        for atom in whole.GetAtoms():
            atom.SetIntProp(_PLACE, atom.GetIdx())
        molecule = Chem.RemoveHs(whole)
    return molecule, [atom.GetIntProp(_PLACE) for atom in molecule.GetAtoms()]


def _frame(rows: Sequence[tuple[object, ...]], columns: Sequence[str]) -> pd.DataFrame:
    """Return a table whose columns have the same types with rows and without."""
    frame = pd.DataFrame(rows, columns=list(columns))
    types = {"index": "int64", "atoms": "object"}
    return frame.astype({name: types.get(name, "str") for name in columns})
