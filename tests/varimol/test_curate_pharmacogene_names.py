from __future__ import annotations

from varimol.curate.pharmacogene_names import DefinedAlleles, LeftAligned, same_allele

SITE = {"position_grch38": 10, "ref_grch38": "TGGA", "shift": 3, "optional": 0}


def test_same_allele__names_of_single_variants() -> None:
    names = ["Reference", "rs9923231"]
    assert same_allele("rs9923231 variant (T)", "rs9923231 reference (C)", names) == "rs9923231"
    assert same_allele("rs9923231 reference (C)", "rs9923231 reference (C)", names) == "Reference"
    assert same_allele("*1", "*1", ["*4"]) is None


def test_left_aligned__a_deletion_is_one_wherever_it_is_written() -> None:
    aligned = LeftAligned({(10, "TGGA", "T"): 3})
    assert aligned.read("19-10-TGGA-T") == (10, "TGGA", "T")
    assert aligned.read("19-12-GAGG-G") == (10, "TGGA", "T")
    assert aligned.read("19-30-GAGG-G") == (30, "GAGG", "G")


def test_defined_alleles__are_told_by_what_they_carry() -> None:
    bare = {
        "allele": "Reference",
        "position_grch38": "",
        "ref_grch38": "",
        "shift": 0,
        "optional": 0,
        "alt": "",
    }
    defined = DefinedAlleles([bare, {**SITE, "allele": "c.7_9del", "alt": "T"}], "GRCh38")
    listed = defined.listed({"GRCh38Core": "19-11-GGAG-G"})
    assert listed == {(10, "TGGA", "T")}
    assert defined.is_like("c.7_9del", listed) and not defined.is_like("Reference", listed)
    assert defined.is_like("Reference", set()) and not defined.is_like("c.7_9del", set())
