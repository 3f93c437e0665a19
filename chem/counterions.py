"""Organic counter-ions and solvates that accompany a drug without being it.

Size alone does not tell them: pamoic acid is larger than imipramine, citric acid than piperazine.
"""

from __future__ import annotations

from functools import cache

from rdkit import Chem

COUNTERIONS: dict[str, str] = {
    "acetic acid": "CC(=O)O",
    "adipic acid": "OC(=O)CCCCC(=O)O",
    "arginine": "NC(CCCNC(=N)N)C(=O)O",
    "aspartic acid": "NC(CC(=O)O)C(=O)O",
    "benethamine": "C(Cc1ccccc1)NCc1ccccc1",
    "benzathine": "C(CNCc1ccccc1)NCc1ccccc1",
    "benzenesulfonic acid": "OS(=O)(=O)c1ccccc1",
    "benzoic acid": "OC(=O)c1ccccc1",
    "camphorsulfonic acid": "CC1(C)C2CCC1(CS(=O)(=O)O)C(=O)C2",
    "choline": "C[N+](C)(C)CCO",
    "citric acid": "OC(=O)CC(O)(CC(=O)O)C(=O)O",
    "diethanolamine": "OCCNCCO",
    "diethylamine": "CCNCC",
    "dimethyl sulfoxide": "CS(C)=O",
    "edisylic acid": "OS(=O)(=O)CCS(=O)(=O)O",
    "epolamine": "OCCN1CCCC1",
    "erbumine": "CC(C)(C)N",
    "esylic acid": "CCS(=O)(=O)O",
    "ethanol": "CCO",
    "ethanolamine": "NCCO",
    "ethylenediamine": "NCCN",
    "fumaric or maleic acid": "OC(=O)C=CC(=O)O",
    "gluceptic acid": "OCC(O)C(O)C(O)C(O)C(O)C(=O)O",
    "gluconic acid": "OCC(O)C(O)C(O)C(O)C(=O)O",
    "glucuronic acid": "OC1OC(C(O)C(O)C1O)C(=O)O",
    "glycine": "NCC(=O)O",
    "hippuric acid": "OC(=O)CNC(=O)c1ccccc1",
    "isethionic acid": "OCCS(=O)(=O)O",
    "lactic acid": "CC(O)C(=O)O",
    "lactobionic acid": "OCC(O)C(OC1OC(CO)C(O)C(O)C1O)C(O)C(O)C(=O)O",
    "lauryl sulfate": "CCCCCCCCCCCCOS(=O)(=O)O",
    "lysine": "NCCCCC(N)C(=O)O",
    "malic acid": "OC(CC(=O)O)C(=O)O",
    "meglumine": "CNCC(O)C(O)C(O)C(O)CO",
    "mesylic acid": "CS(=O)(=O)O",
    "methyl sulfate": "COS(=O)(=O)O",
    "napadisylic acid": "OS(=O)(=O)c1cccc2c(cccc12)S(=O)(=O)O",
    "napsylic acid": "OS(=O)(=O)c1ccc2ccccc2c1",
    "oxalic acid": "OC(=O)C(=O)O",
    "pamoic acid": "OC(=O)c1cc2ccccc2c(Cc2c(O)c(cc3ccccc23)C(=O)O)c1O",
    "propylene glycol": "CC(O)CO",
    "saccharic acid": "OC(C(O)C(O)C(=O)O)C(O)C(=O)O",
    "salicylic acid": "OC(=O)c1ccccc1O",
    "stearic acid": "CCCCCCCCCCCCCCCCCC(=O)O",
    "succinic acid": "OC(=O)CCC(=O)O",
    "tartaric acid": "OC(C(O)C(=O)O)C(=O)O",
    "terephthalic acid": "OC(=O)c1ccc(cc1)C(=O)O",
    "tosylic acid": "Cc1ccc(cc1)S(=O)(=O)O",
    "triphenylacetic acid": "OC(=O)C(c1ccccc1)(c1ccccc1)c1ccccc1",
    "tromethamine": "NC(CO)(CO)CO",
    "xinafoic acid": "OC(=O)c1ccc2ccccc2c1O",
}
"""Name to SMILES, neutral and without stereochemistry."""


def is_counterion(fragment: Chem.Mol) -> bool:
    """Tell whether a neutral fragment is one of `COUNTERIONS`, whatever its stereochemistry.

    Parameters
    ----------
    fragment
        One connected, uncharged fragment.

    Returns
    -------
    bool
        True for a listed counter-ion or solvent.

    Examples
    --------
    >>> is_counterion(Chem.MolFromSmiles("OC(=O)[C@H](O)[C@@H](O)C(=O)O"))
    True
    >>> is_counterion(Chem.MolFromSmiles("CC(=O)Oc1ccccc1C(=O)O"))
    False
    """
    return Chem.MolToSmiles(fragment, isomericSmiles=False) in _known()


@cache
def _known() -> frozenset[str]:
    return frozenset(Chem.CanonSmiles(smiles) for smiles in COUNTERIONS.values())
