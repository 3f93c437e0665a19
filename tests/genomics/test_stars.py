from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from genomics.errors import InputError
from genomics.ingest import ingest
from genomics.star_alleles import read_definitions
from genomics.star_rows import name_sites
from genomics.stars import call_diplotypes

SITES = {
    # rsid: contig, GRCh38 position, ref, alt, GRCh37 position, GRCh37 base
    "rs12248560": ("10", 94761900, "C", "T", 96521657, "C"),
    "rs4244285": ("10", 94781859, "G", "A", 96541616, "G"),
    "rs3758581": ("10", 94842866, "A", "G", 96602623, "G"),
    "rs1800460": ("6", 18138997, "C", "T", 18139228, "C"),
    "rs1142345": ("6", 18130687, "T", "C", 18130918, "T"),
    "rs3918290": ("1", 97450058, "C", "T", 97915614, "C"),
    "rs6025": ("1", 169549811, "C", "T", 169519049, "T"),
}
DEFINITION = [
    ("CYP2C19", "*38", ()),
    ("CYP2C19", "*1", ("rs3758581",)),
    ("CYP2C19", "*2", ("rs3758581", "rs4244285")),
    ("CYP2C19", "*17", ("rs3758581", "rs12248560")),
    ("TPMT", "*1", ()),
    ("TPMT", "*3A", ("rs1800460", "rs1142345")),
    ("TPMT", "*3B", ("rs1800460",)),
    ("TPMT", "*3C", ("rs1142345",)),
    ("F5", "Reference", ()),
    ("F5", "Leiden", ("rs6025",)),
]


def long_definitions(frequencies: dict[tuple[str, str], float] | None = None) -> pd.DataFrame:
    contigs = {"CYP2C19": "10", "TPMT": "6", "F5": "1"}
    rows = []
    for gene, allele, rsids in DEFINITION:
        base = {"gene": gene, "allele": allele, "contig": contigs[gene], "optional": "0"}
        if frequencies:
            base["frequency"] = frequencies.get((gene, allele), 0.0)
        for rsid in rsids or ("",):
            _, p38, ref, alt, p37, ref37 = SITES.get(rsid, ("", None, "", "", None, ""))
            rows.append(
                {
                    **base,
                    "rsid": rsid,
                    "position_grch38": p38,
                    "ref_grch38": ref,
                    "alt": alt,
                    "position_grch37": p37,
                    "ref_grch37": ref37,
                }
            )
    table = pd.DataFrame(rows)
    return table.astype({"position_grch38": "Int64", "position_grch37": "Int64"})


@pytest.fixture
def cohort_of(tmp_path: Path) -> Callable[..., Any]:
    """Return a function that ingests records given as text: contig, position, ref, alt, calls..."""

    def make(records: list[tuple], *, build: str = "GRCh38", filters: dict[int, str] | None = None) -> Any:
        n_samples = len(records[0]) - 4
        header = "##fileformat=VCFv4.2\n" + '##FILTER=<ID=low,Description="low">\n'
        header += "".join(f"##contig=<ID={c}>\n" for c in dict.fromkeys(r[0] for r in records))
        header += '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        fixed = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
        lines = ["\t".join([*fixed, *(f"s{i}" for i in range(n_samples))])]
        for contig, position, ref, alt, *calls in records:
            status = (filters or {}).get(position, "PASS")
            lines.append("\t".join([contig, str(position), ".", ref, alt, ".", status, ".", "GT", *calls]))
        number = len(list(tmp_path.iterdir()))
        path = tmp_path / f"in{number}.vcf"
        path.write_text(header + "\n".join(lines) + "\n")
        return ingest(path, tmp_path / f"in{number}.vcz", build=build)

    return make


def site_records(calls: dict[str, str | tuple[str, ...]], build: str = "GRCh38") -> list[tuple]:
    records = []
    for rsid, call in calls.items():
        contig, p38, ref, alt, p37, ref37 = SITES[rsid]
        if build == "GRCh37":
            alt = ref if ref37 == alt else alt
            ref = ref37
        each = (call,) if isinstance(call, str) else call
        records.append((contig, p38 if build == "GRCh38" else p37, ref, alt, *each))
    return records


def top(diplotypes: pd.DataFrame, gene: str, sample: str = "s0") -> pd.Series:
    rows = diplotypes[(diplotypes["gene"] == gene) & (diplotypes["sample_id"] == sample)]
    return rows.iloc[0]


def test_call_diplotypes__reference_base_of_grch38_is_not_star_1(cohort_of: Callable[..., Any]) -> None:
    calls = {"rs12248560": "0/0", "rs4244285": "0/0", "rs3758581": "0/0"}
    on_38 = call_diplotypes(cohort_of(site_records(calls)), long_definitions(), assay="wgs")
    old = cohort_of(site_records(calls, "GRCh37"), build="GRCh37")
    on_37 = call_diplotypes(old, long_definitions(), assay="wgs")
    assert top(on_38, "CYP2C19")["diplotype"] == "*38/*38"
    assert top(on_37, "CYP2C19")["diplotype"] == "*1/*1"


def test_call_diplotypes__reference_of_grch37_carries_factor_v_leiden(cohort_of: Callable[..., Any]) -> None:
    records = site_records({"rs6025": ("0/0", "0/1", "1/1")}, "GRCh37")
    found = call_diplotypes(cohort_of(records, build="GRCh37"), long_definitions(), assay="array")
    assert [top(found, "F5", f"s{i}")["diplotype"] for i in range(3)] == [
        "Leiden/Leiden",
        "Reference/Leiden",
        "Reference/Reference",
    ]


@pytest.mark.parametrize("state", ["absent", "no-call", "filtered"])
def test_call_diplotypes__unobserved_site_is_never_the_reference(
    cohort_of: Callable[..., Any], state: str
) -> None:
    calls = {"rs12248560": "0/0", "rs4244285": "./." if state == "no-call" else "0/0", "rs3758581": "1/1"}
    if state == "absent":
        del calls["rs4244285"]
    filters = {94781859: "low"} if state == "filtered" else None
    cohort = cohort_of(site_records(calls), filters=filters)
    frequencies = {("CYP2C19", "*1"): 0.999, ("CYP2C19", "*2"): 0.001}
    found = call_diplotypes(cohort, long_definitions(frequencies), assay="array")
    rows = found[found["gene"] == "CYP2C19"]
    assert set(rows["diplotype"]) == {"*1/*1", "*1/*2", "*2/*2"}
    # However rare the allele, frequencies do not stand in for a site that was not observed.
    assert rows["posterior"].iloc[0] > 0.99 and set(rows["status"]) == {"ambiguous"}
    assert set(rows["sites_missing"]) == {"rs4244285"}


def test_call_diplotypes__low_genotype_quality_is_unknown(make_cohort: Callable[..., Any]) -> None:
    cohort = make_cohort(
        np.array([[1, 1], [0, 0]]),
        contigs=["6", "6"],
        positions=[18130687, 18138997],
        refs=["T", "C"],
        alts=["C", "T"],
        gq=np.array([[12, 40], [40, 40]]),
    )
    definitions = long_definitions({("TPMT", "*1"): 0.95, ("TPMT", "*3C"): 0.05})
    found = call_diplotypes(cohort, definitions, assay="wes", build="GRCh38")
    assert top(found, "TPMT", "s0")["status"] == "ambiguous"
    assert top(found, "TPMT", "s0")["sites_missing"] == "rs1142345"
    assert (top(found, "TPMT", "s1")["diplotype"], top(found, "TPMT", "s1")["status"]) == ("*1/*3C", "called")
    every = call_diplotypes(cohort, definitions, assay="wes", build="GRCh38", min_gq=None)
    assert top(every, "TPMT", "s0")["diplotype"] == "*1/*3C"


def test_call_diplotypes__half_call_leaves_one_copy_open(cohort_of: Callable[..., Any]) -> None:
    calls = {"rs12248560": "0/0", "rs4244285": "./1", "rs3758581": "1/1"}
    found = call_diplotypes(cohort_of(site_records(calls)), long_definitions(), assay="array")
    assert set(found.loc[found["gene"] == "CYP2C19", "diplotype"]) == {"*1/*2", "*2/*2"}


def test_call_diplotypes__wgs_assumes_the_reference_and_says_so(cohort_of: Callable[..., Any]) -> None:
    calls = {"rs12248560": "0/0", "rs3758581": "1/1"}
    neighbours = [("10", 94781800, "A", "C", "0/1"), ("10", 94781900, "A", "C", "0/1")]
    cohort = cohort_of([site_records(calls)[0], *neighbours, site_records(calls)[1]])
    assumed = top(call_diplotypes(cohort, long_definitions(), assay="wgs"), "CYP2C19")
    assert (assumed["diplotype"], assumed["status"]) == ("*1/*1", "called")
    assert "1 site that the file does not mention" in assumed["assumptions"]
    unknown = top(call_diplotypes(cohort, long_definitions(), assay="wes"), "CYP2C19")
    assert unknown["status"] == "ambiguous" and unknown["assumptions"] == ""


def test_call_diplotypes__wgs_assumes_nothing_beyond_the_records(cohort_of: Callable[..., Any]) -> None:
    calls = {"rs12248560": "0/0", "rs3758581": "1/1"}
    found = call_diplotypes(cohort_of(site_records(calls)), long_definitions(), assay="wgs")
    assert top(found, "CYP2C19")["sites_missing"] == "rs4244285"
    assert top(found, "TPMT")["status"] == "abstain"
    assert top(found, "TPMT")["reason"] == "no site of the gene was observed"


def test_call_diplotypes__phase_tells_3a_from_3b_3c(cohort_of: Callable[..., Any]) -> None:
    together = {"rs1142345": ("0|1", "0|1", "0/1"), "rs1800460": ("0|1", "1|0", "0/1")}
    cohort = cohort_of(site_records(together))
    found = call_diplotypes(cohort, long_definitions(), assay="array")
    assert top(found, "TPMT", "s0")["diplotype"] == "*1/*3A"
    assert top(found, "TPMT", "s1")["diplotype"] == "*3B/*3C"
    open_phase = found[(found["gene"] == "TPMT") & (found["sample_id"] == "s2")]
    assert set(open_phase["diplotype"]) == {"*1/*3A", "*3B/*3C"}
    assert set(open_phase["status"]) == {"ambiguous"}


def test_call_diplotypes__frequencies_may_choose_the_phase(cohort_of: Callable[..., Any]) -> None:
    cohort = cohort_of(site_records({"rs1142345": "0/1", "rs1800460": "0/1"}))
    common = {("TPMT", "*1"): 0.95, ("TPMT", "*3A"): 0.03, ("TPMT", "*3B"): 0.001, ("TPMT", "*3C"): 0.02}
    found = top(call_diplotypes(cohort, long_definitions(common), assay="array"), "TPMT")
    assert (found["diplotype"], found["status"]) == ("*1/*3A", "called")
    assert found["posterior"] == pytest.approx(0.95 * 0.03 / (0.95 * 0.03 + 0.001 * 0.02))
    assert found["posterior_no_prior"] == 0.5


def test_call_diplotypes__unknown_base_or_combination_abstains(cohort_of: Callable[..., Any]) -> None:
    records = site_records({"rs1142345": "0/1", "rs1800460": "0/0"})
    odd = [(*records[0][:3], "C,G", "0/2"), records[1]]
    found = top(call_diplotypes(cohort_of(odd), long_definitions(), assay="array"), "TPMT")
    assert found["status"] == "abstain" and "undocumented" in found["reason"]
    assert found["diplotype"] == "" and np.isnan(found["posterior"])
    both = {"rs12248560": "1|0", "rs4244285": "1|0", "rs3758581": "1|1"}
    combined = call_diplotypes(cohort_of(site_records(both)), long_definitions(), assay="array")
    assert "undocumented" in top(combined, "CYP2C19")["reason"]


def test_call_diplotypes__split_records_and_file_order_change_nothing(cohort_of: Callable[..., Any]) -> None:
    records = site_records({"rs12248560": "0/1", "rs4244285": "1/0", "rs3758581": "1/1"})
    plain = call_diplotypes(cohort_of(records), long_definitions(), assay="array")
    split = [records[0], (*records[0][:3], "G", "0/0"), *records[1:]]
    again = call_diplotypes(cohort_of(split), long_definitions(), assay="array")
    pd.testing.assert_frame_equal(plain, again)
    swapped = [(*record[:4], record[4][::-1]) for record in records]
    pd.testing.assert_frame_equal(
        plain, call_diplotypes(cohort_of(swapped), long_definitions(), assay="array")
    )
    prefixed = [(f"chr{record[0]}", *record[1:]) for record in records]
    pd.testing.assert_frame_equal(
        plain, call_diplotypes(cohort_of(prefixed), long_definitions(), assay="array")
    )


def test_call_diplotypes__cyp2b6_6_does_not_become_9_where_its_site_is_absent(
    cohort_of: Callable[..., Any],
) -> None:
    from varimol import tables

    definitions = tables.allele_definitions().query("gene == 'CYP2B6'")
    sites = (
        definitions[["position_grch38", "ref_grch38", "alt", "rsid"]]
        .dropna()
        .drop_duplicates("position_grch38")
    )
    records = [
        ("19", int(p), ref, alt, "0|1" if rsid == "rs3745274" else "0|0")
        for p, ref, alt, rsid in sites.sort_values("position_grch38").itertuples(index=False)
        if rsid != "rs2279343"
    ]
    found = call_diplotypes(cohort_of(records), definitions, assay="wgs")
    assert found["diplotype"].iloc[0] == "*1/*6"
    assert {"*1/*9", "*4/*6"} <= set(found["diplotype"])
    assert set(found["status"]) == {"ambiguous"} and set(found["sites_missing"]) == {"rs2279343"}


def test_call_diplotypes__copy_number_gene_abstains(cohort_of: Callable[..., Any]) -> None:
    definitions = long_definitions().replace({"gene": {"TPMT": "CYP2D6"}}).assign(copy_number="1")
    cohort = cohort_of(site_records({"rs1142345": "0/0", "rs1800460": "0/0"}))
    found = top(call_diplotypes(cohort, definitions, assay="wgs"), "CYP2D6")
    assert found["status"] == "abstain" and found["reason"].startswith("needs copy number")


def test_call_diplotypes__one_copy_on_x(cohort_of: Callable[..., Any]) -> None:
    from varimol import tables

    definitions = tables.allele_definitions().query("gene == 'G6PD'")
    # rs1050828 (202G>A) and rs1050829 (376A>G) make A- 202A_376G; both strands' letters as on GRCh38.
    records = [("X", 154535277, "T", "C", "1", "1/1"), ("X", 154536002, "C", "T", "1", "0/1")]
    found = call_diplotypes(cohort_of(records), definitions, assay="array")
    assert top(found, "G6PD", "s0")["diplotype"] == "A- 202A_376G"
    assert top(found, "G6PD", "s1")["diplotype"] == "A/A- 202A_376G"


def test_call_diplotypes__dpyd_names_the_worst_variant_of_each_copy(cohort_of: Callable[..., Any]) -> None:
    from varimol import tables

    definitions = tables.allele_definitions().query("gene == 'DPYD'")
    # c.1905+1G>A (no function), c.1627A>G and c.85T>C (normal function), unphased.
    records = [
        ("1", 97450058, "C", "T", "0/1", "0/0"),
        ("1", 97515839, "T", "C", "0/1", "0/0"),
        ("1", 97883329, "A", "G", "0/1", "0/1"),
    ]
    found = call_diplotypes(cohort_of(records), definitions, assay="array")
    worst = top(found, "DPYD", "s0")
    assert worst["diplotype"].endswith("c.1905+1G>A (*2A)")
    assert "different haplotypes" in worst["assumptions"]
    assert top(found, "DPYD", "s1")["diplotype"] == "Reference/c.85T>C (*9A)"
    # Two dozen alleles of no function lie at sites that nobody looked at.
    assert set(found["status"]) == {"ambiguous"}


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [({"assay": "chip"}, "field assay"), ({"assay": "wgs", "build": "NCBI36"}, "field build")],
)
def test_call_diplotypes__bad_options_say_what_was_expected(
    cohort_of: Callable[..., Any], kwargs: dict[str, str], message: str
) -> None:
    cohort = cohort_of(site_records({"rs6025": "0/0"}))
    with pytest.raises(InputError, match=message):
        call_diplotypes(cohort, long_definitions(), **kwargs)


def test_call_diplotypes__unknown_build_is_refused(cohort_of: Callable[..., Any]) -> None:
    cohort = cohort_of(site_records({"rs6025": "0/0"}), build="auto")
    with pytest.raises(InputError, match="expected GRCh37 or GRCh38"):
        call_diplotypes(cohort, long_definitions(), assay="wgs")


def test_read_definitions__missing_column_is_named() -> None:
    with pytest.raises(InputError, match="field alt"):
        list(read_definitions(long_definitions().drop(columns="alt")))


def test_name_sites__long_lists_are_cut() -> None:
    assert name_sites([f"rs{i}" for i in range(25)], 40).endswith("rs19 and 5 more")


def test_call_diplotypes__dpyd_phase_tells_one_copy_from_two(cohort_of: Callable[..., Any]) -> None:
    from varimol import tables

    definitions = tables.allele_definitions().query("gene == 'DPYD'")
    # c.1905+1G>A and c.1679T>G, both without function: on one chromosome, on two, and unphased.
    records = [("1", 97450058, "C", "T", "0|1", "0|1", "0/1"), ("1", 97515787, "A", "C", "0|1", "1|0", "0/1")]
    found = call_diplotypes(cohort_of(records), definitions, assay="array")
    # In the order of the definitions, c.1679T>G stands before c.1905+1G>A.
    assert top(found, "DPYD", "s0")["diplotype"] == "Reference/c.1679T>G (*13)"
    assert top(found, "DPYD", "s1")["diplotype"] == "c.1679T>G (*13)/c.1905+1G>A (*2A)"
    assert top(found, "DPYD", "s2")["diplotype"] == "c.1679T>G (*13)/c.1905+1G>A (*2A)"


def test_call_diplotypes__every_defined_site_is_found_in_a_file_of_all(
    shared_data: Path, tmp_path: Path
) -> None:
    """PharmCAT's own file of positions, called as the reference throughout: no site may go unseen."""
    from varimol import tables

    path = shared_data / "pharmacogenes" / "pharmcat" / "pharmcat_positions.vcf"
    cohort = ingest(path, tmp_path / "positions.vcz", build="GRCh38")
    definitions = tables.allele_definitions()
    listed = definitions["source"].str.startswith("PharmCAT") & (definitions["gene"] != "CYP2D6")
    definitions = definitions[listed]
    found = call_diplotypes(cohort, definitions, assay="array")
    assert found["gene"].nunique() == 19 and len(found) == 19
    assert set(found["status"]) == {"called"} and set(found["sites_missing"]) == {""}
    bare = definitions[definitions["position_grch38"].isna()].set_index("gene")["allele"]
    assert {gene: f"{allele}/{allele}" for gene, allele in bare.items()} == dict(
        zip(found["gene"], found["diplotype"])
    )


def sorted_copy(path: Path, out: Path) -> Path:
    lines = path.read_text().splitlines()
    records = [line for line in lines if not line.startswith("#")]
    records.sort(key=lambda line: (line.split("\t")[0], int(line.split("\t")[1])))
    out.write_text("\n".join([line for line in lines if line.startswith("#")] + records) + "\n")
    return out


def test_call_diplotypes__published_cases(shared_data: Path, tmp_path: Path) -> None:
    """Cases of PharmCAT's own tests: its diplotype comes first, and every alternative is listed."""
    from varimol import tables

    folder = shared_data / "pharmacogenes" / "cases"
    cases = [c for c in json.loads((folder / "expected_calls.json").read_text()) if c["vcf_path"]]
    assert len(cases) >= 18
    definitions = tables.allele_definitions()
    for number, case in enumerate(cases):
        # Some of the published files run from the gene's start on the reverse strand.
        ordered = sorted_copy(folder / case["vcf_path"], tmp_path / f"{number}.vcf")
        cohort = ingest(ordered, tmp_path / f"{number}.vcz", build="GRCh38")
        found = call_diplotypes(
            cohort, definitions[definitions["gene"].isin(case["expected"])], assay="unknown"
        )
        for gene, expected in case["expected"].items():
            rows = found[found["gene"] == gene]
            assert rows["diplotype"].iloc[0] in expected, case["test"]
            # PharmCAT reports one phase where another has a lower score.
            assert set(expected) <= set(rows["diplotype"]), case["test"]


@pytest.mark.slow
def test_call_diplotypes__frequencies_among_2504_people(shared_data: Path, tmp_path: Path) -> None:
    """Global frequencies of dbSNP's 1000 Genomes release: rs4244285 A 0.221, rs12248560 T 0.153."""
    from varimol import tables

    folder = shared_data / "pharmacogenes" / "1000genomes_grch37"
    files = [folder / f"{gene}.vcf.gz" for gene in ("CYP2C19", "CYP3A5", "F5", "TPMT")]
    cohort = ingest(files, tmp_path / "panel.vcz", sites=tables.build_sites())
    assert cohort.build == "GRCh37"
    found = call_diplotypes(cohort, tables.allele_definitions(), assay="wgs")
    first = found[(found["rank"] == 1) & (found["status"] == "called")]
    share = {
        gene: first.loc[first["gene"] == gene, "diplotype"]
        .str.split("/")
        .explode()
        .value_counts(normalize=True)
        for gene in ("CYP2C19", "CYP3A5", "F5", "TPMT")
    }
    assert share["CYP2C19"]["*2"] == pytest.approx(0.221, abs=0.005)
    assert share["CYP2C19"]["*17"] == pytest.approx(0.153, abs=0.005)
    assert share["F5"]["Leiden"] == pytest.approx(0.006, abs=0.002)
    assert 0.55 < share["CYP3A5"]["*3"] < 0.70
    assert share["TPMT"]["*3C"] == pytest.approx(0.026, abs=0.005)


def test_call_diplotypes__without_the_prior_the_calls_alone_decide(cohort_of: Callable[..., Any]) -> None:
    frequencies = {("TPMT", "*1"): 0.9, ("TPMT", "*3A"): 0.05, ("TPMT", "*3C"): 0.01}
    cohort = cohort_of(site_records({"rs1800460": "0/1", "rs1142345": "0/1"}))
    definitions = long_definitions(frequencies).query("gene == 'TPMT'")
    with_prior, without = (
        call_diplotypes(cohort, definitions, assay="wgs", prior=prior) for prior in (True, False)
    )
    assert with_prior["diplotype"].iloc[0] == "*1/*3A" and with_prior["posterior"].iloc[0] > 0.95
    assert without["posterior"].tolist() == without["posterior_no_prior"].tolist() == [0.5, 0.5]
    assert set(without["status"]) == {"ambiguous"}


def test_call_diplotypes__undocumented_haplotype_is_described(cohort_of: Callable[..., Any]) -> None:
    cohort = cohort_of(site_records({"rs12248560": "1/1", "rs4244285": "1/1", "rs3758581": "1/1"}))
    found = top(call_diplotypes(cohort, long_definitions(), assay="wgs"), "CYP2C19")
    assert found["status"] == "abstain" and found["diplotype"] == ""
    assert found["variants"] == "nearest: [*2 + *17]/[*2 + *17]"


def test_call_diplotypes__sites_say_why_they_are_missing(cohort_of: Callable[..., Any]) -> None:
    records = site_records({"rs12248560": "./.", "rs4244285": "0/1"})
    found = top(call_diplotypes(cohort_of(records), long_definitions(), assay="array"), "CYP2C19")
    assert found["sites_missing"] == "rs12248560,rs3758581" and found["sites_no_call"] == "rs12248560"
    assert found["sites_settling"] == "rs12248560,rs3758581"
    assert "*17" in found["unobserved_alleles"]


def test_call_diplotypes__genotype_genes_tell_their_bases(cohort_of: Callable[..., Any]) -> None:
    cohort = cohort_of(site_records({"rs6025": "0/1"}))
    definitions = long_definitions().query("gene == 'F5'").assign(method="genotype")
    found = top(call_diplotypes(cohort, definitions, assay="wgs"), "F5")
    assert found["diplotype"] == "Reference/Leiden" and found["variants"] == "rs6025 C/T"


def test_call_diplotypes__other_genes_tell_which_population_the_prior_is_of(
    cohort_of: Callable[..., Any],
) -> None:
    # *17 is common in the first population alone, as is Leiden; the site of *17 was not observed.
    shares = {
        ("CYP2C19", "*1"): (0.5, 0.99), ("CYP2C19", "*17"): (0.5, 0.0), ("F5", "Reference"): (0.5, 0.999),
        ("F5", "Leiden"): (0.5, 0.001),
    }  # fmt: skip
    definitions = long_definitions().query("gene in ['CYP2C19', 'F5']")
    keys = list(zip(definitions["gene"], definitions["allele"]))
    for number, name in enumerate(("A", "B")):
        definitions[f"frequency_{name}"] = [shares.get(key, (0.0, 0.0))[number] for key in keys]
    records = site_records(
        {"rs4244285": ("0/0", "0/0"), "rs3758581": ("1/1", "1/1"), "rs6025": ("1/1", "0/0")}
    )
    found = call_diplotypes(cohort_of(records), definitions, assay="array")
    leiden, plain = (top(found, "CYP2C19", sample) for sample in ("s0", "s1"))
    assert leiden["diplotype"] == "*1/*17" and plain["diplotype"] == "*1/*1"
    assert plain["posterior"] > 0.8 and "other genes: A 0.20, B 0.80" in plain["assumptions"]
    assert leiden["posterior_no_prior"] == plain["posterior_no_prior"] == pytest.approx(1 / 3)
    alone = call_diplotypes(cohort_of(records), definitions.query("gene == 'CYP2C19'"), assay="array")
    assert "populations" not in top(alone, "CYP2C19", "s0")["assumptions"]


def test_call_diplotypes__tumour_calls_are_no_genotypes(tmp_path: Path) -> None:
    path = tmp_path / "tumour.vcf"
    path.write_text(
        "##fileformat=VCFv4.2\n##source=Mutect2\n##tumor_sample=T\n##contig=<ID=10>\n"
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tT\tN\n"
        "10\t94781859\t.\tG\tA\t.\tPASS\t.\tGT\t0/1\t0/0\n"
    )
    cohort = ingest(path, tmp_path / "tumour.vcz", build="GRCh38")
    found = call_diplotypes(cohort, long_definitions(), assay="wgs")
    assert set(found["status"]) == {"abstain"} and len(found) == 6
    assert found["reason"].str.startswith("somatic calls (GATK Mutect2)").all()


def test_call_diplotypes__one_copy_of_an_autosome_leaves_the_other_open(
    cohort_of: Callable[..., Any],
) -> None:
    cohort = cohort_of(site_records({"rs1800460": "0", "rs1142345": "1"}))
    found = call_diplotypes(cohort, long_definitions().query("gene == 'TPMT'"), assay="wgs")
    assert set(found["diplotype"]) == {
        "*1/*3A",
        "*1/*3C",
        "*3A/*3C",
        "*3B/*3C",
        "*3C/*3C",
    }
    assert set(found["status"]) == {"ambiguous"}
    assert found["assumptions"].str.contains("calls of one copy leave the other unknown").all()


def test_call_diplotypes__three_copies_are_told(cohort_of: Callable[..., Any]) -> None:
    cohort = cohort_of(site_records({"rs1800460": "0/0/1", "rs1142345": "0/0/1"}))
    found = top(call_diplotypes(cohort, long_definitions(), assay="wgs"), "TPMT")
    assert found["status"] == "abstain" and "more than two" in found["assumptions"]


def test_call_diplotypes__genotype_genes_may_hide_a_variant_beside_another(
    cohort_of: Callable[..., Any],
) -> None:
    definitions = long_definitions().query("gene == 'TPMT' and allele != '*3A'").assign(method="genotype")
    found = top(
        call_diplotypes(cohort_of(site_records({"rs1800460": "1/1"})), definitions, assay="array"), "TPMT"
    )
    assert found["status"] == "ambiguous" and found["sites_settling"] == "rs1142345"
