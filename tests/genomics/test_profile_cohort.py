"""Profiles of cohorts, by hand and against counts of bcftools."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.errors import InputError
from genomics.ingest import ingest
from genomics.profile_cohort import profiles_from_cohort
from genomics.profiles import GenotypeProfiles

needs_bcftools = pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not installed")
ANN_LINE = (
    "##INFO=<ID=ANN,Number=.,Type=String,Description=\"Functional annotations: 'Allele | Annotation'\">"
)
NAN = np.nan


def ann(gene: str, consequence: str = "missense_variant", alt: str = "G") -> str:
    return f"ANN={alt}|{consequence}|MODERATE|{gene}|g|transcript|t|protein_coding|1/1|c.1A>G|p.Pro7Ala|||||"


def record(position: int, info: str, *calls: str, filters: str = "PASS", alt: str = "G") -> str:
    return " ".join(["1", str(position), ".", "A", alt, ".", filters, info, "GT", *calls])


@pytest.fixture
def cohort(make_vcf: Callable[..., Path], tmp_path: Path) -> Callable[..., Any]:
    def make(
        records: list[str], samples: tuple[str, ...] = ("A", "B", "C"), header: tuple[str, ...] = ()
    ) -> Any:
        path = make_vcf(records, "in.vcf", samples, (ANN_LINE, "##contig=<ID=1>", *header))
        return ingest(path, tmp_path / "in.vcz", build="GRCh38", fields=["FORMAT/*"])

    return make


def of(profiles: GenotypeProfiles, block: str, gene: str) -> list[float]:
    values: list[float] = profiles.blocks[block][:, profiles.genes[block].index(gene)].tolist()
    return values


def test_germline__carriers_copies_and_missing_calls(cohort: Callable[..., Any]) -> None:
    calls = cohort(
        [
            record(10, ann("VHL"), "0/1", "./.", "0/0"),
            record(20, ann("VHL", "stop_gained"), "1/1", "0/1", "./."),
            record(30, ann("VHL", "synonymous_variant"), "./.", "./.", "./."),
            record(40, ann("APC"), "0/0", "./1", "0/0"),
            record(50, ann("SMAD4", "intron_variant"), "0/1", "0/1", "0/1"),
        ]
    )
    profiles = profiles_from_cohort(calls, max_frequency=None)
    assert profiles.sample_ids == ("A", "B", "C")
    np.testing.assert_equal(of(profiles, "mutation", "VHL"), [1, 1, NAN])
    np.testing.assert_equal(of(profiles, "burden", "VHL"), [3, NAN, NAN])
    np.testing.assert_equal(of(profiles, "mutation", "APC"), [0, 1, 0])
    np.testing.assert_equal(of(profiles, "burden", "APC"), [0, NAN, 0])
    np.testing.assert_equal(of(profiles, "mutation", "SMAD4"), [0, 0, 0])
    assert np.isnan(profiles.blocks["copy_number"]).all()
    assert set(profiles.kinds.values()) == {"genotype"}


def test_germline__a_gene_without_a_record_is_missing_unless_assessed(cohort: Callable[..., Any]) -> None:
    calls = cohort([record(10, ann("MLL2"), "0/1", "0/0", "0/0")])
    genes, aliases = ["KMT2D", "TP53", "VHL"], {"MLL2": "KMT2D"}
    profiles = profiles_from_cohort(calls, genes, max_frequency=None, assessed=["VHL"], aliases=aliases)
    assert of(profiles, "mutation", "KMT2D") == [1, 0, 0]
    assert of(profiles, "mutation", "VHL") == [0, 0, 0]
    assert np.isnan(of(profiles, "mutation", "TP53")).all() and np.isnan(of(profiles, "burden", "TP53")).all()
    assert "mutation, burden: 1 of 3 genes missing (TP53)" in profiles.remarks
    training = {"mutation": ("TP53", "MLL2"), "copy_number": ("VHL",)}
    aligned = profiles.aligned_to(training, aliases)
    np.testing.assert_array_equal(aligned.blocks["mutation"], [[NAN, 1], [NAN, 0], [NAN, 0]])


def test_germline__frequency_of_the_cohort_and_of_a_population(cohort: Callable[..., Any]) -> None:
    common = record(10, ann("APC"), "0/1", "1/1", "0/1")
    calls = cohort([common, record(20, ann("VHL"), "0/1", "0/0", "0/0")])
    own = profiles_from_cohort(calls, max_frequency=0.3)
    assert of(own, "mutation", "APC") == [0, 0, 0] and of(own, "mutation", "VHL") == [1, 0, 0]
    given = profiles_from_cohort(calls, frequencies={"1:20:A:G": 0.01})
    assert of(given, "mutation", "APC") == [1, 1, 1] and of(given, "mutation", "VHL") == [0, 0, 0]
    assert given.remarks[0].startswith("germline: 2 alleles of high or moderate impact, 1 too frequent")
    with pytest.raises(
        InputError, match=r"field max_frequency: 3 samples cannot tell .* more than 50 samples"
    ):
        profiles_from_cohort(calls)


def test_germline__failed_record_and_low_quality(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    rows = [record(10, ann("VHL"), "0/1:50", "0/0:50", filters="q10").replace(" GT ", " GT:GQ ")]
    rows += [record(20, ann("APC"), "0/1:50", "0/0:5").replace(" GT ", " GT:GQ ")]
    path = make_vcf(rows, header=(ANN_LINE, "##contig=<ID=1>"))
    profiles = profiles_from_cohort(ingest(path, tmp_path / "c.vcz"), max_frequency=None, min_gq=20)
    np.testing.assert_equal(of(profiles, "mutation", "VHL"), [NAN, 0])
    np.testing.assert_equal(of(profiles, "mutation", "APC"), [1, NAN])


MUTECT = ("##source=Mutect2", "##tumor_sample=T", "##normal_sample=N") + tuple(
    f'##FILTER=<ID={name},Description="x">' for name in ("germline", "weak_evidence")
)
PAIR = [
    record(10, ann("VHL"), "0/0", "0/1"),  # somatic
    record(20, ann("APC"), "0/1", "0/1"),  # in the normal too
    record(30, ann("SMAD4"), "./.", "0/1"),  # the normal is not called
    record(40, ann("BRCA1"), "0/1", "./."),  # in the normal: not somatic whatever the tumour has
    record(50, ann("BRCA2"), "0/0", "0/1", filters="germline"),
    record(60, ann("RB1"), "0/0", "0/1", filters="weak_evidence"),
]


@pytest.mark.parametrize(
    ("declared", "header"),
    [(None, MUTECT), ({"T": "N"}, MUTECT[3:]), (None, MUTECT[1:])],
    ids=["caller", "pairs", "header alone"],
)
def test_pair__somatic_mutations_alone(
    cohort: Callable[..., Any], declared: dict[str, str] | None, header: tuple[str, ...]
) -> None:
    calls = cohort(PAIR, ("N", "T"), header)
    profiles = profiles_from_cohort(calls, pairs=declared, assessed=["TP53"])
    assert profiles.sample_ids == ("T",)
    expected = {"VHL": 1, "APC": 0, "SMAD4": NAN, "BRCA1": 0, "BRCA2": 0, "RB1": NAN, "TP53": 0}
    for gene, value in expected.items():
        np.testing.assert_equal(of(profiles, "mutation", gene), [value], err_msg=gene)
        np.testing.assert_equal(of(profiles, "burden", gene), [value], err_msg=gene)


def test_pair__empty_mapping_reads_every_sample(cohort: Callable[..., Any]) -> None:
    profiles = profiles_from_cohort(cohort(PAIR, ("N", "T"), MUTECT), pairs={}, max_frequency=None)
    assert of(profiles, "mutation", "APC") == [1, 1]


def test_pair__two_tumours_of_one_normal(cohort: Callable[..., Any]) -> None:
    rows = [record(10, ann("VHL"), "0/0", "0/1", "0/0"), record(20, ann("APC"), "0/1", "0/1", "0/0")]
    profiles = profiles_from_cohort(cohort(rows, ("N", "T", "T2"), (*MUTECT, "##tumor_sample=T2")))
    assert profiles.sample_ids == ("T", "T2")
    assert of(profiles, "mutation", "VHL") == [1, 0] and of(profiles, "mutation", "APC") == [0, 0]


def test_pair__calls_without_genotypes(cohort: Callable[..., Any]) -> None:
    row = record(10, ann("VHL"), "30", "20").replace(" GT ", " DP ")
    with pytest.raises(InputError, match=r"in\.vcz, field GT: no sample has a genotype .* INFO/SGT"):
        profiles_from_cohort(cohort([row], ("N", "T")), pairs={"T": "N"})


def test_pair__bad_names(cohort: Callable[..., Any]) -> None:
    calls = cohort(PAIR, ("N", "T"), (*MUTECT[:2], *MUTECT[3:]))
    with pytest.raises(InputError, match=r"in\.vcz, field pairs: GATK Mutect2 .* 1 tumours and 0 normals"):
        profiles_from_cohort(calls)
    with pytest.raises(InputError, match="the cohort has no sample 'X'"):
        profiles_from_cohort(calls, pairs={"T": "X"})
    with pytest.raises(InputError, match="'T' is given as its own normal"):
        profiles_from_cohort(calls, pairs={"T": "T"})


def test_copy_number__from_symbolic_records(cohort: Callable[..., Any]) -> None:
    header = (
        '##INFO=<ID=END,Number=1,Type=Integer,Description="End">',
        '##FORMAT=<ID=CN,Number=1,Type=Integer,Description="Copies">',
    )
    calls = cohort(
        [
            record(10, ann("VHL"), "0/0", "0/0", "0/0"),
            record(900, "END=2100", "1/1:0", "0/1:1", "0/0:2", alt="<DEL>").replace(" GT ", " GT:CN "),
        ],
        header=header,
    )
    regions = pd.DataFrame(
        {"gene": ["VHL", "APC"], "contig": ["chr1"] * 2, "start": [1000, 9000], "end": [2000, 9500]}
    )
    profiles = profiles_from_cohort(calls, max_frequency=None, regions=regions)
    np.testing.assert_allclose(of(profiles, "copy_number", "VHL"), np.log2([1, 1.5, 2]), rtol=1e-6)
    assert np.isnan(of(profiles, "copy_number", "APC")).all()
    with pytest.raises(InputError, match="field contig: the regions lack a column"):
        profiles_from_cohort(calls, max_frequency=None, regions=regions.drop(columns="contig"))


def test_cohort__without_consequences_or_known_gene(cohort: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match=r"in\.vcz, field consequence_gene: the calls carry no consequences"):
        profiles_from_cohort(cohort([record(10, ".", "0/1", "0/0", "0/0")]), max_frequency=None)


def test_cohort__without_samples(cohort: Callable[..., Any]) -> None:
    row = record(10, ann("VHL")).removesuffix(" GT")
    with pytest.raises(InputError, match="the file has no samples"):
        profiles_from_cohort(cohort([row], ()), max_frequency=None)


def test_cohort__no_gene_known(cohort: Callable[..., Any]) -> None:
    calls = cohort([record(10, ann("ENSG1"), "0/1", "0/0", "0/0")])
    with pytest.raises(InputError, match=r"annotated with one of the 1 genes; expected .*TP53, found ENSG1"):
        profiles_from_cohort(calls, ["TP53"], max_frequency=None)


@settings(max_examples=12)
@given(order=st.permutations(range(4)), columns=st.permutations(range(3)))
def test_cohort__order_of_records_and_samples_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    vcf_text: Callable[..., str],
    order: list[int],
    columns: list[int],
) -> None:
    calls = [("0/1", "./.", "0/0"), ("./.", "0/1", "0/0"), ("1/1", "0/0", "./1"), ("0/0", "./.", "0/1")]
    genes = ["VHL", "VHL", "APC", "APC"]

    def read(order: list[int], columns: list[int]) -> GenotypeProfiles:
        # Positions follow the order, since a store's records ascend.
        rows = [
            record(10 * (at + 1), ann(genes[i]), *(calls[i][c] for c in columns))
            for at, i in enumerate(order)
        ]
        folder = tmp_path_factory.mktemp("order")
        samples = [f"s{c}" for c in columns]
        (folder / "in.vcf").write_text(vcf_text(rows, samples, (ANN_LINE, "##contig=<ID=1>")))
        return profiles_from_cohort(ingest(folder / "in.vcf", folder / "c.vcz"), max_frequency=None)

    first, second = read(list(range(4)), list(range(3))), read(order, columns)
    assert first.sample_ids == second.sample_ids and first.genes == second.genes
    for block in ("mutation", "burden"):
        np.testing.assert_array_equal(first.blocks[block], second.blocks[block])


@needs_bcftools
def test_germline__counts_equal_bcftools(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    """Rare missense alleles of 60 samples, chosen and counted by bcftools."""
    rng = np.random.default_rng(5)
    genes = [f"GENE{i}" for i in rng.integers(0, 6, 80)]
    terms = rng.choice(["missense_variant", "synonymous_variant"], 80)
    rows = []
    for at, (gene, term) in enumerate(zip(genes, terms, strict=True)):
        dosage = rng.binomial(2, rng.choice([0.01, 0.05, 0.3]), 60)
        rows.append(record(10 * at + 10, ann(gene, term), *(["0/0", "0/1", "1/1"][d] for d in dosage)))
    samples = [f"s{i:02}" for i in range(60)]
    path = make_vcf(rows, "sim.vcf", samples, (ANN_LINE, "##contig=<ID=1>"))
    chosen = ["bcftools", "view", "-i", 'INFO/ANN~"missense_variant" && AC/AN<0.1', str(path)]
    text = subprocess.run(chosen, capture_output=True, text=True, check=True).stdout
    query = ["bcftools", "query", "-f", "%INFO/ANN[\t%GT]\n"]
    lines = subprocess.run(query, input=text, capture_output=True, text=True, check=True).stdout.splitlines()
    burden = pd.DataFrame(0, index=samples, columns=sorted(set(genes)))
    for info, *calls in (line.split("\t") for line in lines):
        burden[info.split("|")[3]] += [call.count("1") for call in calls]
    profiles = profiles_from_cohort(ingest(path, tmp_path / "sim.vcz"), max_frequency=0.1)
    assert profiles.sample_ids == tuple(samples) and profiles.genes["burden"] == tuple(burden.columns)
    np.testing.assert_array_equal(profiles.blocks["burden"], burden.to_numpy())
    np.testing.assert_array_equal(profiles.blocks["mutation"], burden.to_numpy() > 0)
    assert 0 < len(lines) < (terms == "missense_variant").sum()


@needs_bcftools
def test_germline__consequences_of_bcftools_csq(shared_data: Path, tmp_path: Path) -> None:
    """A real transcript on X, annotated by bcftools: missense at 31140 and 31177, haploid calls among them."""
    folder, out = shared_data / "variants" / "bcftools" / "csq" / "ENST00000381157", tmp_path / "csq.vcf"
    command = ["bcftools", "csq", "-f", f"{folder}/ENST00000381157.fa", "-g", f"{folder}/ENST00000381157.gff"]
    run = [*command, "-o", str(out), f"{folder}/haploid-diploid.vcf"]
    subprocess.run(run, capture_output=True, check=True)
    profiles = profiles_from_cohort(ingest(out, tmp_path / "csq.vcz"), max_frequency=None)
    assert profiles.genes["burden"] == ("GYG2",)
    assert of(profiles, "mutation", "GYG2") == [1, 1] and of(profiles, "burden", "GYG2") == [1, 2]
