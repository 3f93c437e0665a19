from __future__ import annotations

import csv
from pathlib import Path

import pytest

from varimol import tables
from varimol.curate.pharmacogene_core_variants import (
    CoreVariants,
    agreed_bases,
    core_variant_rows,
    optional_bases,
    read_core_variants,
)

SITE = (100, "G", 200, "C")


def _gene(**defaults: str) -> CoreVariants:
    """One swapped site: GRCh38 has G, GRCh37 has C, and each names the other as its variant."""
    sites = {"GRCh38": {"1-100-G-C": (SITE, 0)}, "GRCh37": {"1-200-C-G": (SITE, 0)}}
    rsids = {(SITE, "C"): "rs1", (SITE, "G"): "rs1"}
    return CoreVariants("A", "1", sites, rsids, [], defaults)


def _allele(name: str, on_38: str = "N/A", on_37: str = "N/A", tag: str = "N/A") -> dict[str, str]:
    return {"StarAllele": name, "GRCh38Core": on_38, "GRCh37Core": on_37, "GRCh38Tag": tag, "SV": "FALSE"}


def test_agreed_bases__a_swapped_site() -> None:
    gene = _gene(GRCh38="*1", GRCh37="*2")
    assert agreed_bases(gene, _allele("*1", on_37="1-200-C-G")) == {SITE: "G"}
    assert agreed_bases(gene, _allele("*2", on_38="1-100-G-C")) == {SITE: "C"}
    # The reference sequence itself lists nothing; what neither build lists is left open.
    assert agreed_bases(gene, _allele("*1")) == {SITE: "G"}
    assert agreed_bases(gene, _allele("*2")) == {SITE: "C"}
    assert agreed_bases(gene, _allele("*3")) == {SITE: None}


def test_agreed_bases__two_bases_at_one_site_stop_the_curation() -> None:
    gene = _gene(GRCh38="*1", GRCh37="*2")
    with pytest.raises(ValueError, match=r"A\*3: \['C', 'G'\] at one site"):
        agreed_bases(gene, _allele("*3", "1-100-G-C", "1-200-C-G"))


def test_optional_bases__tags_count_at_core_sites_alone() -> None:
    gene = _gene(GRCh38="*1", GRCh37="*2")
    tagged = _allele("*4", tag="1-100-G-C")
    assert optional_bases(gene, tagged) == {}
    gene.alleles.append((0, _allele("*2", on_38="1-100-G-C")))
    assert optional_bases(gene, tagged) == {SITE: "C"}


@pytest.mark.parametrize("build", ["GRCh38", "GRCh37"])
def test_definitions__say_what_pypgx_lists_on_either_build(shared_data: Path, build: str) -> None:
    """The long table turned back into each build's lists, against the source's own."""
    folder = shared_data / "pharmacogenes" / "pypgx_tables"
    with (folder / "allele-table.csv").open(newline="") as handle:
        alleles = {(row["Gene"], row["StarAllele"]): row for row in csv.DictReader(handle)}
    field = build.lower()
    table = tables.allele_definitions()
    table = table[table["source"].str.startswith("PyPGx")]
    assert table["gene"].nunique() == 66
    swapped = table[table["ref_grch38"] != table["ref_grch37"]]
    swaps = set(zip(swapped["gene"], swapped[f"position_{field}"]))
    # A misplaced column and a slip of a digit in the source, see the table of disagreements.
    differ = {("ACYP2", "rs1872328"), ("CYP17A1", "L465P")} if build == "GRCh38" else set()
    for key, rows in table.groupby(["gene", "allele"]):
        listed = alleles[key][f"{build}Core"]
        theirs = set() if listed == "N/A" else {tuple(name.split("-")[1:]) for name in listed.split(",")}
        fixed = rows[(rows["optional"] == "0") & rows["position_grch38"].notna()]
        ours = {
            (str(row[f"position_{field}"]), row[f"ref_{field}"], row["alt"])
            for _, row in fixed.iterrows()
            if row["alt"] != row[f"ref_{field}"]
        }
        both = {text for text in ours ^ theirs if (key[0], int(text[0])) not in swaps}
        assert bool(both) == (key in differ), (key, both)


def test_definitions__a_gene_that_grch37_defines_otherwise() -> None:
    """GRCh37's own sequence carries factor V Leiden, TBXAS1*3, CYP3A7*2, CYP2A6*18 and CYP1B1*3."""
    table = tables.allele_definitions().set_index(["gene", "allele"]).sort_index()
    for allele in [("F5", "Leiden"), ("TBXAS1", "*3"), ("CYP3A7", "*2"), ("CYP2A6", "*18"), ("CYP1B1", "*3")]:
        row = table.loc[[allele]].iloc[0]
        assert len(table.loc[[allele]]) == 1
        assert row["alt"] == row["ref_grch37"] != row["ref_grch38"]


def test_definitions__open_sites_and_tags_are_optional() -> None:
    table = tables.allele_definitions()
    table = table[table["source"].str.startswith("PyPGx") & (table["optional"] == "1")]
    open_sites = table[table["ref_grch38"] != table["ref_grch37"]]
    assert set(open_sites["gene"]) == {"CYP1B1", "CYP2A6", "TBXAS1"}
    assert (open_sites["alt"] == open_sites["ref_grch37"]).all()
    assert set(table["gene"]) - set(open_sites["gene"]) == {"CYP4A22", "UGT1A4"}


def test_definitions__deletions_of_mitochondrial_dna_know_how_far_they_go() -> None:
    table = tables.allele_definitions().query("gene == 'MT-RNR1'").set_index("allele")
    assert (table["contig"] == "MT").all()
    assert table.loc["m.960C>del", ["position_grch38", "shift"]].tolist() == [955, 4]
    assert table.loc["m.961T>del", ["position_grch38", "shift"]].tolist() == [960, 0]


def test_core_variant_rows__leave_structural_alleles_out(shared_data: Path) -> None:
    rows = core_variant_rows(shared_data / "pharmacogenes")
    core = read_core_variants(shared_data / "pharmacogenes")
    structural = {(name, row["StarAllele"]) for name, gene in core.items() for _, row in gene.alleles
                  if row["SV"] == "TRUE"}  # fmt: skip
    assert ("CYP2A6", "*4") in structural
    assert not structural & {(row["gene"], row["allele"]) for row in rows}
