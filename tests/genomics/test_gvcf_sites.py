import subprocess
from shutil import which

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.errors import InputError
from genomics.gvcf_sites import (
    UNKNOWN_ALLELE,
    minimal,
    names_site,
    read_sites,
    sites_of_regions,
    sites_of_table,
    translate_alleles,
)
from genomics.regions import Region

GENOME = "ACGTTGCATTGACCAGTACGATTACA"
BASES = st.text("ACGT", min_size=1, max_size=4)


def _table(**columns):
    return pd.DataFrame({"contig": ["1"], "position": [5], "ref": ["A"], "alt": ["G"]} | columns)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"position": ["five"]}, "record 1, field position: 'five'"),
        ({"position": [0]}, "from 1 on"),
        ({"position": [2**31]}, "from 1 on"),
        ({"alt": ["<DEL>"]}, "record 1, field ref, alt: '<DEL>'"),
        ({"ref": ["AX"]}, "bases ACGTN"),
    ],
)
def test_sites_of_table__malformed(columns, said):
    with pytest.raises(InputError, match=said):
        sites_of_table(_table(**columns), file="sites.tsv")


def test_sites_of_table__missing_column():
    with pytest.raises(InputError, match=r"sites\.tsv, field alt: the list of sites lacks a column"):
        sites_of_table(_table().drop(columns="alt"), file="sites.tsv")


def test_sites_of_table__order_and_duplicates():
    table = pd.DataFrame(
        {"#CHROM": ["chr2", "chr1", "chr1", "chr1", "1"], "POS": [1, 9, 9, 5, 5], "REF": list("acCAA"),
         "ALT": ["t", "g", "T", "G", "G"], "ID": ["", "rs1", ".", "", "x"]}
    )  # fmt: skip
    sites = sites_of_table(table)
    assert list(sites.contigs) == ["2", "1"] and len(sites) == 4
    one = sites.contigs["1"]
    assert one.contig == "chr1" and one.positions.tolist() == [5, 9, 9]
    assert one.alleles == [("A", "G"), ("C", "G"), ("C", "T")] and one.identifiers == ["", "rs1", ""]


def test_read_sites__vcf_and_table_agree(make_vcf, tmp_path):
    path = make_vcf(
        [
            "1 100 rs1 A G,<*> . . . GT 0/1 0/0",
            "1 200 . CT C . . . GT 0/1 0/0",
            "1 300 . A <DEL> . . . GT 0/0 0/0",
        ]
    )
    (tmp_path / "sites.tsv").write_text("chrom\tpos\tref\talt\n1\t100\tA\tG\n1\t200\tCT\tC\n1\t300\tA\t.\n")
    from_vcf, from_table = read_sites(path), read_sites(tmp_path / "sites.tsv")
    assert (
        from_vcf.contigs["1"].alleles == from_table.contigs["1"].alleles == [("A", "G"), ("CT", "C"), ("A",)]
    )
    assert from_vcf.contigs["1"].identifiers == ["rs1", "", ""]
    with pytest.raises(InputError, match="no such list of sites"):
        read_sites(tmp_path / "none.tsv")


def test_sites_within_regions():
    table = pd.DataFrame({"contig": ["1", "1", "2"], "position": [5, 9, 5], "ref": "A", "alt": "G"})
    sites = sites_of_table(table)
    inside = sites.within([Region("chr1", 6, 9)])
    assert list(inside.contigs) == ["1"] and inside.contigs["1"].positions.tolist() == [9]
    assert sites.within([]) is sites


def test_sites_of_regions__too_long():
    with pytest.raises(InputError, match="regions with an end"):
        sites_of_regions([Region("1")])


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 20), st.integers(1, 4), BASES)
def test_minimal__says_the_same(position, length, alt):
    """The trimmed form, put into the genome, gives the same sequence, and it cannot be trimmed further."""
    ref = GENOME[position - 1 : position - 1 + length]
    start, short_ref, short_alt = minimal(position, ref, alt)

    def edited(place, old, new):
        return GENOME[: place - 1] + new + GENOME[place - 1 + len(old) :]

    assert edited(start, short_ref, short_alt) == edited(position, ref, alt)
    assert minimal(start, short_ref, short_alt) == (start, short_ref, short_alt)
    assert names_site(position, (ref, alt), start, (short_ref, short_alt))


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 20), st.integers(1, 4), BASES, st.integers(1, 24))
def test_translate_alleles__substitutions_are_what_the_genome_says(position, length, alt, site):
    """Where the record keeps the length, the site's base after the edit is the allele given."""
    ref = GENOME[position - 1 : position - 1 + length]
    alt = (alt * 4)[:length]
    asked = [GENOME[site - 1], "ACGT".replace(GENOME[site - 1], "")[0]]
    numbers = translate_alleles(position, (ref, alt), site, asked)
    edited = GENOME[: position - 1] + alt + GENOME[position - 1 + length :]
    assert numbers[0] == 0 and asked[numbers[1]] == edited[site - 1]


@pytest.mark.parametrize(
    ("position", "alleles", "site", "asked", "expected"),
    [
        (10, ("AC", "A"), 10, ["A", "G"], "A"),  # the base before a deletion is unchanged
        (10, ("AC", "A"), 11, ["C", "T"], "*"),
        (10, ("A", "ATT"), 10, ["A", "G"], "ATT"),  # the same REF: a further ALT
        (10, ("AC", "ATTC"), 11, ["C", "T"], "C"),  # inserted before the base
        (10, ("A", "<DEL>"), 15, ["C", "T"], "*"),
        (10, ("A", "<DUP>"), 15, ["C", "T"], None),
        (10, ("A", "*"), 10, ["A", "G"], "*"),
        (9, ("CA", "*"), 10, ["A", "G"], None),  # what else the deletion takes is not said
        (9, ("CAG", "TT"), 10, ["A", "G"], None),  # a base replaced by another number of bases
        (10, ("A", "<NON_REF>"), 10, ["A", "G"], None),
        (10, ("AC", "A"), 10, ["A", "AT"], None),  # next to the insertion asked about
        (10, ("A", "G"), 20, ["AT", "A"], "AT"),  # far from it
    ],
)
def test_translate_alleles__each_kind(position, alleles, site, asked, expected):
    number = translate_alleles(position, alleles, site, asked)[1]
    assert (None if number == UNKNOWN_ALLELE else asked[number]) == expected


def test_minimal__as_bcftools_norm(tmp_path):
    """bcftools trims to the same form where there is nothing to left-align."""
    if which("bcftools") is None:
        pytest.skip("bcftools is not installed")
    (tmp_path / "g.fa").write_text(f">1\n{GENOME}\n")
    written = [(3, "GTTG", "GTCG"), (13, "CCAGT", "CCT"), (16, "GTA", "GTCTA"), (5, "TGCA", "TCCT")]
    lines = [f"1\t{position}\t.\t{ref}\t{alt}\t.\t.\t.\n" for position, ref, alt in sorted(written)]
    head = f"##fileformat=VCFv4.2\n##contig=<ID=1,length={len(GENOME)}>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    (tmp_path / "v.vcf").write_text(head + "".join(lines))
    normed = subprocess.run(
        ["bcftools", "norm", "-f", tmp_path / "g.fa", tmp_path / "v.vcf"],
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = [line.split("\t") for line in normed.stdout.splitlines() if not line.startswith("#")]
    theirs = {(int(columns[1]), columns[3], columns[4]) for columns in theirs}
    assert {minimal(*variant) for variant in written} == theirs
