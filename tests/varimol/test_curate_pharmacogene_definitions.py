from __future__ import annotations

import csv
import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from varimol import tables
from varimol.curate.pharmacogene_definitions import carried_bases, hgvs_name, right_shift, rotated

PANEL = "pharmacogenes/1000genomes_grch37"


def test_carried_bases__ambiguity_letters() -> None:
    assert carried_bases("R", "A") == (["G"], True)
    assert carried_bases("Y", "G") == (["C", "T"], False)
    assert carried_bases(None, "G") == ([], True)


@pytest.mark.parametrize(
    ("position", "ref", "alt", "name", "shift"),
    [
        (94781859, "G", "A", "g.94781859G>A", 0),
        (117540156, "CCTT", "C", "g.117540161_117540163del", 4),
        (94942205, "CAATGGAAAGA", "C", "g.94942213_94942222del", 7),
        (48037825, "C", "CGCGG", "g.48037826_48037827insCGGG", 1),
        (97740410, "GATGA", "G", "g.97740411ATGA[1]", 4),
        (48037782, "AGGAGTC", "AGGAGTCGGAGTC", "g.48037784GAGTCG[4]", 19),
        (233760233, "CAT", "CATATAT", "g.233760235TA[9]", 15),
        (38572266, "TC", "CT", "g.38572266_38572267delinsCT", 0),
    ],
)
def test_right_shift__published_names(position: int, ref: str, alt: str, name: str, shift: int) -> None:
    assert right_shift(position, ref, alt, name) == shift


@pytest.mark.parametrize("name", ["g.117540162_117540164delTTC", "g.117540150_117540152del", "p.Phe508del"])
def test_right_shift__a_name_of_another_change_stops_the_curation(name: str) -> None:
    with pytest.raises(ValueError, match=name.split("_")[0]):
        right_shift(117540156, "CCTT", "C", name)


@given(
    left=st.text("ACGT", min_size=1, max_size=6),
    unit=st.text("ACGT", min_size=1, max_size=4),
    copies=st.integers(1, 6),
    right=st.text("ACGT", min_size=1, max_size=6),
)
def test_right_shift__is_what_writing_out_the_sequence_gives(
    left: str, unit: str, copies: int, right: str
) -> None:
    """Every place that gives the same sequence when one unit is deleted there, found by trying them all."""
    sequence = left + unit * copies + right
    shorter = left + unit * (copies - 1) + right
    size = len(unit)
    places = [i for i in range(len(sequence) - size + 1) if sequence[:i] + sequence[i + size :] == shorter]
    first, last = places[0], places[-1]
    if first == 0:
        return
    ref, alt = sequence[first - 1 : first + size], sequence[first - 1]
    assert right_shift(first, ref, alt, f"g.{last + 1}_{last + size}del") == last - first
    assert rotated(ref[1:], last - first) == sequence[last : last + size]


def test_hgvs_name__picks_the_alternate_of_a_repeat() -> None:
    site = {
        "ref": "CAT",
        "chromosomeHgvsName": "g.233760235TA[6]; g.233760235TA[7]; g.233760235TA[8]",
        "cpicToVcfAlleleMap": {"TA(6)": "C", "TA(7)": "CAT", "TA(8)": "CATAT"},
    }
    assert hgvs_name(site, "C").endswith("TA[6]") and hgvs_name(site, "CATAT").endswith("TA[8]")


def _indels() -> pd.DataFrame:
    table = tables.allele_definitions().query("hgvs != ''")
    table = table[table["ref_grch38"].str.len() != table["alt"].str.len()]
    return table.drop_duplicates(["gene", "position_grch38", "alt"])


def _trimmed(position: int, ref: str, alt: str) -> tuple[int, str, str]:
    while min(len(ref), len(alt)) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    return position, ref, alt


def _panel_records(shared_data: Path, gene: str) -> list[tuple[int, str, str, str]]:
    path = shared_data / PANEL / f"{gene}.vcf.gz"
    if not path.exists():
        return []
    with gzip.open(path, "rt") as lines:
        fields = [line[:3000].split("\t", 5)[:5] for line in lines if not line.startswith("#")]
    return [(int(f[1]), f[2], f[3], f[4]) for f in fields]


def test_shift__panel_writes_the_same_changes_as_far_left(shared_data: Path) -> None:
    found = 0
    for gene, rows in _indels().groupby("gene"):
        records = {
            _trimmed(position, ref, alt)
            for position, _, ref, alts in _panel_records(shared_data, str(gene))
            for alt in alts.split(",")
            if "<" not in alt
        }
        for row in rows.itertuples():
            position, ref, alt = _trimmed(int(row.position_grch37), row.ref_grch37, row.alt)
            found += (position, ref, alt) in records
            for step in range(1, row.shift + 1):
                bases = [text[0] + rotated(text[1:], step) for text in (ref, alt) if len(text) > 1]
                assert not any(
                    p == position + step and b[1:] == bases[0][1:] for p, *b_ in records for b in b_
                )
    assert found == 7


def test_shift__reference_bases_repeat_as_far_as_it_says(shared_data: Path) -> None:
    """Bases of GRCh37 at other sites and in the panel: a repeat inside the stretch, none beyond it."""
    definitions = tables.allele_definitions().dropna(subset="position_grch37")
    inside: Counter[bool] = Counter()
    beyond: Counter[bool] = Counter()
    for gene, rows in _indels().groupby("gene"):
        sites = definitions[definitions["gene"] == gene]
        known = [*zip(sites["position_grch37"], sites["ref_grch37"])]
        known += [(position, ref) for position, _, ref, _ in _panel_records(shared_data, str(gene))]
        bases = {position + i: base for position, ref in known for i, base in enumerate(ref)}
        for row in rows.itertuples():
            position, ref, alt = _trimmed(int(row.position_grch37), row.ref_grch37, row.alt)
            unit = (ref if len(ref) > len(alt) else alt)[1:]
            last = position + row.shift + (len(ref) - 1 if len(ref) > len(alt) else 0)
            for place in range(position + len(ref), last + 2):
                if place in bases:
                    same = bases[place] == unit[(place - position - 1) % len(unit)]
                    (inside if place <= last else beyond)[same] += 1
    assert inside[True] >= 10 and inside[False] == 0
    assert beyond[False] == 5 and beyond[True] == 0


def test_shift__other_writings_of_the_sources_lie_within_it(shared_data: Path) -> None:
    """PyPGx writes some deletions of G6PD further right than PharmCAT does."""
    path = shared_data / "pharmacogenes" / "pypgx_tables" / "variant-table.csv"
    with path.open(newline="") as handle:
        names = [row["GRCh38Name"].split("-") for row in csv.DictReader(handle) if row["Gene"] == "G6PD"]
    theirs = {_trimmed(int(p), r, a) for _, p, r, a in names if len(r) != len(a)}
    steps = []
    for row in _indels().query("gene == 'G6PD'").itertuples():
        lost = row.ref_grch38[1:]
        steps += [
            (step, row.shift)
            for step in range(30)
            for p, r, a in theirs
            if p == row.position_grch38 + step and r[1:] == rotated(lost, step) and len(a) == 1
        ]
    assert len(steps) == 9 and all(step <= shift for step, shift in steps)
    assert max(step for step, _ in steps) >= 4


def test_definitions__positions_by_distance_hold_rsids_of_the_grch37_panel(shared_data: Path) -> None:
    """Positions that no list gives are checked against rsIDs in calls made on GRCh37."""
    table = tables.allele_definitions()
    table = table[(table["position_grch37_from"] == "distance") & (table["rsid"] != "")]
    place = dict(zip(table["rsid"], table["position_grch37"]))
    agree: Counter[Any] = Counter()
    for gene in ("CYP2B6", "CYP2C9", "CYP3A4", "CYP4F2", "NAT2", "SLCO1B1"):
        for position, name, _, _ in _panel_records(shared_data, gene):
            for rsid in name.split(";"):
                if rsid in place:
                    agree[position == place[rsid]] += 1
    assert agree[True] >= 10 and agree[False] == 0


def test_definitions__grch37_bases_are_those_of_the_panel(shared_data: Path) -> None:
    """Swapped sites among them: REF of calls made on GRCh37 is GRCh37's own base."""
    table = tables.allele_definitions().dropna(subset="position_grch37")
    table = table.drop_duplicates(["gene", "position_grch37", "ref_grch37"])
    agree: Counter[tuple[bool, bool]] = Counter()
    for gene, rows in table.groupby("gene"):
        bases = {position: ref for position, _, ref, _ in _panel_records(shared_data, str(gene))}
        for row in rows.itertuples():
            ref = bases.get(row.position_grch37)
            if ref is not None:
                size = min(len(ref), len(row.ref_grch37))
                agree[ref[:size] == row.ref_grch37[:size], row.ref_grch37 != row.ref_grch38] += 1
    assert agree[False, False] == agree[False, True] == 0
    assert agree[True, False] > 200 and agree[True, True] == 7
