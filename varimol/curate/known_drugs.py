"""Known drug actions and evidence: ``python -m varimol.curate.known_drugs KNOWLEDGE GENE_IDS DRUGS OUT``.

KNOWLEDGE is a folder with ``drugcentral/targets.tsv`` (DrugCentral as converted for Rephetio) and
``civic/01-Aug-2021-ClinicalEvidenceSummaries.tsv``. GENE_IDS is ``genes_NCBI_9606_ProteinCoding.py`` of the
goatools wheel: NCBI's protein-coding genes, read as text and never imported. DRUGS is drugs.tsv. OUT is the
folder that known_drug_actions.tsv and variant_drug_evidence.tsv are written to.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pandas as pd

from varimol.curate.drugs import write_tsv

ACTION_COLUMNS = [
    "compound_id",
    "drug",
    "gene",
    "entrez_gene_id",
    "action",
    "source",
    "source_version",
    "licence",
]
EVIDENCE_COLUMNS = [
    "gene",
    "variant",
    "contig",
    "position_grch37",
    "ref",
    "alt",
    "drug",
    "drug_interaction",
    "compound_id",
    "disease",
    "clinical_significance",
    "direction",
    "evidence_level",
    "variant_origin",
    "citation",
    "evidence_id",
    "source",
    "source_version",
    "licence",
]
CIVIC_FILE = "civic/01-Aug-2021-ClinicalEvidenceSummaries.tsv"
DRUGCENTRAL_FILE = "drugcentral/targets.tsv"
_GENE_ROW = re.compile(r"GeneID=(\d+), .*?Status='live', Symbol='([^']+)'")


def read_gene_symbols(path: Path) -> dict[int, str]:
    """NCBI gene numbers to symbols.

    Parameters
    ----------
    path
        Text with one gene a line, holding ``GeneID=`` and ``Symbol=``.

    Returns
    -------
    dict
        Gene number to symbol, live records only.
    """
    with path.open(encoding="utf-8") as handle:
        matches = filter(None, map(_GENE_ROW.search, handle))
        return {int(match[1]): match[2] for match in matches}


def compound_ids(drugs: pd.DataFrame) -> dict[str, str]:
    """Names and synonyms to compound ids.

    Parameters
    ----------
    drugs
        Columns compound_id, name, synonyms (joined by |).

    Returns
    -------
    dict
        Lower-case name to id; a name outranks a synonym.

    Examples
    --------
    >>> table = pd.DataFrame({"compound_id": ["C1"], "name": ["imatinib"], "synonyms": ["imatinib mesylate"]})
    >>> compound_ids(table)["imatinib mesylate"]
    'C1'
    """
    found: dict[str, str] = {}
    for identifier, name, synonyms in zip(
        drugs["compound_id"], drugs["name"], drugs["synonyms"].fillna(""), strict=True
    ):
        found[name] = identifier
        for synonym in filter(None, synonyms.split("|")):
            found.setdefault(synonym, identifier)
    return found


def known_drug_actions(targets: pd.DataFrame, symbols: dict[int, str], drugs: pd.DataFrame) -> pd.DataFrame:
    """What approved drugs do to which gene's product.

    Parameters
    ----------
    targets
        DrugCentral's table: GeneID, drugbank_name, actions.
    symbols
        NCBI gene number to symbol; other genes are left out.
    drugs
        drugs.tsv; other drugs are left out, as are rows without a stated action.

    Returns
    -------
    pandas.DataFrame
        `ACTION_COLUMNS`, sorted by drug, gene and action.
    """
    names = dict(zip(drugs["compound_id"], drugs["name"], strict=True))
    table = pd.DataFrame(
        {
            "compound_id": targets["drugbank_name"].str.lower().map(compound_ids(drugs)),
            "entrez_gene_id": targets["GeneID"].astype(int),
            "action": targets["actions"].str.strip().str.lower(),
        }
    )
    table = table.assign(
        gene=table["entrez_gene_id"].map(symbols),
        drug=table["compound_id"].map(names),
        source="DrugCentral, as converted for Rephetio",
        source_version="2016",
        licence="CC BY 4.0",
    )
    table = table[table["action"] != ""].dropna(subset=["compound_id", "gene"])
    # A drug whose source rows are two salts states the same thing twice.
    return (
        table[ACTION_COLUMNS]
        .drop_duplicates()
        .sort_values(["drug", "gene", "entrez_gene_id", "action"])
        .reset_index(drop=True)
    )


def variant_drug_evidence(evidence: pd.DataFrame, drugs: pd.DataFrame) -> pd.DataFrame:
    """Accepted predictive evidence on single drugs and short variants with both alleles.

    One row per evidence item and drug. Drugs that substitute one another get a row each; a combination or
    sequence is evidence on all of its drugs together, stays one row and has no compound_id. Insertions and
    deletions, which the source writes without an anchor base, cannot be found in a VCF and are left out.

    Parameters
    ----------
    evidence
        CIViC's clinical evidence summaries, all columns as text.
    drugs
        drugs.tsv, to match names.

    Returns
    -------
    pandas.DataFrame
        `EVIDENCE_COLUMNS`, sorted by gene, position, alleles, evidence and drug.
    """
    bases = r"[ACGT]+"
    chosen = evidence[
        (evidence["evidence_type"] == "Predictive")
        & (evidence["evidence_status"] == "accepted")
        & (evidence["reference_build"] == "GRCh37")
        & evidence["reference_bases"].str.fullmatch(bases)
        & evidence["variant_bases"].str.fullmatch(bases)
        & (evidence["source_type"] == "PubMed")
        & (evidence["drugs"] != "")
        & (evidence["chromosome2"] == "")
    ]
    single = ~chosen["drug_interaction_type"].isin(["Combination", "Sequential"])
    names = chosen["drugs"].str.split(",").where(single, chosen["drugs"].map(lambda text: [text]))
    chosen = chosen.assign(drug=names).explode("drug")
    drug = chosen["drug"].str.strip().str.lower().str.replace(",", " + ")
    interaction = chosen["drug_interaction_type"].str.lower()
    table = pd.DataFrame(
        {
            "gene": chosen["gene"],
            "variant": chosen["variant"],
            "contig": chosen["chromosome"],
            "position_grch37": chosen["start"].astype(int),
            "ref": chosen["reference_bases"],
            "alt": chosen["variant_bases"],
            "drug": drug,
            "drug_interaction": interaction,
            "compound_id": drug.map(compound_ids(drugs)),
            "disease": chosen["disease"],
            "clinical_significance": chosen["clinical_significance"],
            "direction": chosen["evidence_direction"],
            "evidence_level": chosen["evidence_level"],
            "variant_origin": chosen["variant_origin"],
            "citation": "PMID:" + chosen["citation_id"],
            "evidence_id": "EID" + chosen["evidence_id"],
            "source": "CIViC",
            "source_version": "01-Aug-2021",
            "licence": "CC0 1.0",
        }
    )
    order = ["gene", "position_grch37", "ref", "alt", "evidence_id", "drug"]
    return table[EVIDENCE_COLUMNS].sort_values(order).reset_index(drop=True)


def read_text_table(path: Path) -> pd.DataFrame:
    """Read a tab-separated file as text: empty stays empty and quotes mean nothing."""
    return pd.read_csv(path, sep="\t", dtype="str", keep_default_na=False, quoting=3, encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Write both tables: KNOWLEDGE folder, GENE_IDS file, DRUGS file, OUT folder."""
    knowledge, gene_ids, drugs_file, out = map(Path, arguments[:4])
    drugs = pd.read_csv(drugs_file, sep="\t")
    targets = read_text_table(knowledge / DRUGCENTRAL_FILE)
    actions = known_drug_actions(targets, read_gene_symbols(gene_ids), drugs)
    evidence = variant_drug_evidence(read_text_table(knowledge / CIVIC_FILE), drugs)
    write_tsv(actions, out / "known_drug_actions.tsv")
    write_tsv(evidence, out / "variant_drug_evidence.tsv")
    n_drugs, n_genes = actions["compound_id"].nunique(), actions["gene"].nunique()
    print(f"{len(actions)} actions of {n_drugs} drugs on {n_genes} genes")
    print(f"{len(evidence)} rows of evidence, {int(evidence['compound_id'].notna().sum())} with a compound")


if __name__ == "__main__":
    main(sys.argv[1:])
