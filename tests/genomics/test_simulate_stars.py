from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.errors import InputError
from genomics.ingest import ingest
from genomics.simulate_star_records import StarWriting, local_reference, vcf_text, write_gene
from genomics.simulate_stars import (
    PHASINGS,
    StarPatient,
    carried_codes,
    consistent_diplotypes,
    draw_haplotype,
    lowest_function_pair,
    merge_haplotypes,
    simulate_patient,
)
from genomics.star_alleles import StarGene, StarSite, read_definitions
from genomics.star_fields import declared_star_fields
from genomics.stars import call_diplotypes
from varimol import tables

# Of every kind: a base that the builds differ in, repeats, deletions over other sites, variants of one X.
GENES = ("CYP2C19", "DPYD", "G6PD", "NUDT15", "TPMT", "UGT1A1")


@functools.cache
def defined() -> dict[str, StarGene]:
    definitions = tables.allele_definitions()
    return {gene.name: gene for gene in read_definitions(definitions[definitions["gene"].isin(GENES)])}


@pytest.fixture(scope="module")
def genes() -> dict[str, StarGene]:
    return defined()


def seen_at(gene: StarGene, calls: dict[str, tuple[int | None, ...]]) -> list[tuple[int | None, ...]]:
    """Both copies the GRCh38 reference, but at the sites given."""
    return [calls.get(site.name, (0, 0)) for site in gene.sites]


def names(gene: StarGene, found: dict[tuple[int, ...], float]) -> set[str]:
    return {"/".join(gene.alleles[allele] for allele in pair) for pair in found}


def test_consistent_diplotypes__published_calls(genes: dict[str, StarGene]) -> None:
    """Expectations of PharmCAT's tests of TPMT and CYP2C19."""
    tpmt, cyp2c19 = genes["TPMT"], genes["CYP2C19"]
    both = seen_at(tpmt, {"rs1142345": (0, 1), "rs1800460": (0, 1)})
    unphased = consistent_diplotypes(carried_codes(tpmt), both, [0] * len(both))
    assert names(tpmt, unphased) == {"*1/*3A", "*3B/*3C"} and len(set(unphased.values())) == 1
    phased = consistent_diplotypes(carried_codes(tpmt), both, [1] * len(both))
    assert names(tpmt, phased) == {"*1/*3A"}
    open_site = seen_at(cyp2c19, {"rs3758581": (1, 1), "rs12248560": (None, None)})
    found = consistent_diplotypes(carried_codes(cyp2c19), open_site, [0] * len(open_site))
    assert names(cyp2c19, found) == {"*1/*1", "*1/*17", "*17/*17"}


def test_consistent_diplotypes__nothing_fits_a_haplotype_that_nobody_has(genes: dict[str, StarGene]) -> None:
    gene = genes["CYP2C19"]
    seen = seen_at(gene, {"rs3758581": (1, 1), "rs12248560": (1, 1), "rs4244285": (1, 1)})
    assert consistent_diplotypes(carried_codes(gene), seen, [0] * len(seen)) == {}


def test_lowest_function_pair__each_copy_of_a_variant_counts_once(genes: dict[str, StarGene]) -> None:
    gene = genes["DPYD"]
    carried = carried_codes(gene)
    hapb3 = {"rs75017182": (0, 1), "rs56038477": (0, 1)}

    def named(calls: dict[str, tuple[int | None, ...]], phase_set: int) -> str:
        seen = seen_at(gene, calls)
        pair = lowest_function_pair(gene, carried, seen, [phase_set] * len(seen))
        return "/".join(gene.alleles[allele] for allele in pair) if pair else "none"

    assert named(hapb3, 0) == "Reference/c.1129-5923C>G, c.1236G>A (HapB3)"
    assert named({"rs3918290": (0, 1), "rs67376798": (0, 1)}, 0) == "c.1905+1G>A (*2A)/c.2846A>T"
    assert named({"rs56038477": (0, 1)}, 0) == "none"
    assert named({"rs3918290": (0, 1), "rs67376798": (0, 1)}, 1) == "Reference/c.1905+1G>A (*2A)"


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from([name for name in GENES if name != "DPYD"]),
    seed=st.integers(0, 2**31),
    phasing=st.sampled_from(PHASINGS),
    unseen=st.sampled_from([0.0, 0.1, 0.3]),
)
def test_consistent_diplotypes__truth_is_always_among_them(
    name: str, seed: int, phasing: str, unseen: float
) -> None:
    gene, rng = defined()[name], np.random.default_rng(seed)
    pair = sorted(rng.integers(0, len(gene.alleles), 2).tolist())
    haplotypes = [draw_haplotype(gene, allele, rng) for allele in pair]
    patient = simulate_patient("p", haplotypes, rng, phasing=phasing, unseen=unseen)
    seen = [patient.seen(site) for site in range(len(gene.sites))]
    found = consistent_diplotypes(carried_codes(gene), seen, patient.phase_sets)
    assert tuple(pair) in found and all(0 < chance <= 1 for chance in found.values())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), phasing=st.sampled_from(PHASINGS))
def test_simulate_patient__each_phase_set_keeps_its_haplotypes(seed: int, phasing: str) -> None:
    rng = np.random.default_rng(seed)
    truth = [tuple(rng.integers(0, 3, 12).tolist()) for _ in range(2)]
    patient = simulate_patient("p", truth, rng, phasing=phasing)
    for number in set(patient.phase_sets):
        sites = [i for i, label in enumerate(patient.phase_sets) if label == number]
        written = {tuple(h[i] for i in sites) for h in patient.written}
        if number:
            assert written == {tuple(h[i] for i in sites) for h in truth}
    assert all(sorted(a) == sorted(b) for a, b in zip(zip(*truth), zip(*patient.written)))


def test_merge_haplotypes__carries_the_variants_of_all(genes: dict[str, StarGene]) -> None:
    gene, rng = genes["DPYD"], np.random.default_rng(0)
    two = [gene.alleles.index("c.1905+1G>A (*2A)"), gene.alleles.index("c.2846A>T")]
    merged = merge_haplotypes(gene, two, rng)
    carried = {site.name for site, code in zip(gene.sites, merged) if code}
    assert carried == {"rs3918290", "rs67376798"}


def one_record(gene: StarGene, site_name: str, base: str, writing: StarWriting) -> list[tuple[int, str, str]]:
    number = [site.name for site in gene.sites].index(site_name)
    code = gene.sites[number].bases.index(base)
    one = tuple(code if i == number else 0 for i in range(len(gene.sites)))
    patient = StarPatient("p", (one, one), (one, one), (0,) * len(one), ("observed",) * len(one))
    dropped = frozenset(range(len(gene.sites))) - {number}
    lines = write_gene(gene, [patient], writing, dropped=dropped).lines
    return [(int(f[1]), f[3], f[4]) for f in (line.split("\t") for line in lines)]


def test_write_gene__repeat_from_either_end(genes: dict[str, StarGene]) -> None:
    """UGT1A1*28 is g.233760235TA[8] on GRCh38: a seventh to an eighth TA, of which the last ends at 233760248."""
    gene = genes["UGT1A1"]
    left = one_record(gene, "rs3064744", "CATAT", StarWriting(carried=True))
    right = one_record(gene, "rs3064744", "CATAT", StarWriting(carried=True, shifted=True))
    padded = one_record(gene, "rs3064744", "CATAT", StarWriting(carried=True, padding=1))
    assert left == [(233760233, "CAT", "CATAT")]
    position, ref, alt = right[0]
    # The last base of the seventh TA, and then one TA more.
    assert (position, ref[0], alt[:3], len(alt) - len(ref)) == (233760248, "A", "ATA", 2)
    assert padded[0][0] == 233760232 and padded[0][1][1:4] == "CAT"
    split = one_record(gene, "rs3064744", "CATAT", StarWriting(split=True))
    assert [(ref, alt) for _, ref, alt in split] == [("CAT", "C"), ("CAT", "CATAT"), ("CAT", "CATATAT")]


def test_write_gene__reference_of_the_build(genes: dict[str, StarGene]) -> None:
    """CYP2C19 rs3758581: A on GRCh38, G on GRCh37."""
    gene = genes["CYP2C19"]
    assert one_record(gene, "rs3758581", "G", StarWriting()) == [(94842866, "A", "G")]
    assert one_record(gene, "rs3758581", "G", StarWriting("GRCh37")) == [(96602623, "G", "A")]
    assert one_record(gene, "rs3758581", "G", StarWriting("GRCh37", variants_only=True)) == []


@pytest.mark.parametrize("build", ["GRCh38", "GRCh37"])
def test_local_reference__definitions_agree_with_each_other(build: str) -> None:
    """Sites, and the repeats that shifts imply around them, never name two bases at one position."""
    for gene in read_definitions(tables.allele_definitions()):
        assert len(local_reference(gene, build)) >= len({s.positions[build] for s in gene.sites} - {None})


def test_local_reference__contradiction_is_named() -> None:
    sites = (
        StarSite("rs1", {"GRCh38": 10}, {"GRCh38": "CAT"}, ("CAT", "C"), (0, 2)),
        StarSite("rs2", {"GRCh38": 13}, {"GRCh38": "G"}, ("G", "A")),
    )
    gene = StarGene("G", "1", ("*1",), sites, np.ones((1, 2, 2), dtype=bool), np.ones(1), np.ones(1))
    with pytest.raises(InputError, match="two different bases at 1:13 of GRCh38"):
        local_reference(gene, "GRCh38")


def test_simulate_patient__bad_input_is_named() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="field phasing"):
        simulate_patient("p", [(0,), (1,)], rng, phasing="half")
    with pytest.raises(InputError, match="expected one or two"):
        simulate_patient("p", [(0,)] * 3, rng)


WRITINGS = [
    StarWriting(),
    StarWriting("GRCh37", contig_prefix="", carried=True),
    StarWriting(shifted=True, split=True),
    StarWriting("GRCh37", shifted=True, spanning=True),
    StarWriting(padding=4),
]


@pytest.mark.parametrize("writing", WRITINGS, ids=str)
def test_vcf_text__calls_give_the_truth_back(
    genes: dict[str, StarGene], tmp_path: Path, writing: StarWriting
) -> None:
    """Phased calls of every site, written in any way, name the two alleles that were drawn."""
    rng = np.random.default_rng(5)
    chosen = [genes[name] for name in ("DPYD", "UGT1A1", "TPMT", "CYP2C19", "NUDT15")]
    definitions = tables.allele_definitions()
    pairs = {gene.name: np.sort(rng.integers(0, len(gene.alleles), (40, 2)), axis=1) for gene in chosen}
    written = []
    for gene in chosen:
        drawn = [[draw_haplotype(gene, a, rng) for a in pair] for pair in pairs[gene.name]]
        patients = [simulate_patient(f"p{i}", h, rng, phasing="phased") for i, h in enumerate(drawn)]
        written.append(write_gene(gene, patients, writing))
    path = tmp_path / "cases.vcf"
    contigs = [writing.contig_prefix + gene.contig for gene in chosen]
    path.write_text(vcf_text(written, [f"p{i}" for i in range(40)], contigs))
    cohort = ingest(path, tmp_path / "cases.vcz", build=writing.build, fields=declared_star_fields(path))
    wanted = definitions[definitions["gene"].isin(pairs)]
    found = call_diplotypes(cohort, wanted, assay="unknown").set_index(["gene", "sample_id", "rank"])
    for gene in chosen:
        carried = carried_codes(gene)
        for number, pair in enumerate(pairs[gene.name]):
            top = found.loc[(gene.name, f"p{number}", 1)]
            name = "/".join(gene.alleles[allele] for allele in pair)
            assert carried.may[pair[0]] and (top["diplotype"], top["status"]) == (name, "called")
