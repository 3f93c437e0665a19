import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.associate import associate
from genomics.errors import InputError
from genomics.markers import COLUMNS, gene_distances, lead_markers, squared_correlation
from genomics.phenotype import Phenotypes
from genomics.quality import QualityPolicy, assess_quality

LENIENT = QualityPolicy(
    min_sample_call_rate=0, min_variant_call_rate=0, min_hwe_p=0, min_minor_allele_frequency=0
)
N = 400


def _genes(*rows):
    return pd.DataFrame(rows, columns=["symbol", "contig", "start", "end"])


def _linked(rng, dosage, errors):
    """Copy a variant, redrawing some of its genotypes."""
    return np.where(rng.random(N) < errors, rng.binomial(2, dosage.mean() / 2, N), dosage)


@pytest.fixture
def scan(make_cohort):
    """Two causal variants on chr1, 3 Mb apart, each with neighbours, and one on chr2 without effect."""
    rng = np.random.default_rng(0)
    first, second, third = rng.binomial(2, 0.3, (3, N))
    dosage = np.stack(
        [first, _linked(rng, first, 0.2), _linked(rng, first, 0.5), second, _linked(rng, second, 0.1), third]
    )
    positions = [1_000_000, 1_010_000, 1_300_000, 4_000_000, 4_005_000, 500]
    annotation = "G|missense_variant|MODERATE|KIN1|g|transcript|t|protein_coding|3/9|c.1A>G|p.Pro7Ala|||||"
    info = [".", f"ANN={annotation}", ".", ".", ".", "."]
    trait = 1.5 * first - 1.5 * second + rng.normal(size=N)
    cohort = make_cohort(dosage, contigs=["chr1"] * 5 + ["chr2"], positions=positions, info=info)
    phenotypes = Phenotypes("trait", "quantitative", trait, pd.DataFrame(index=range(N)), N, 0)
    return associate(cohort, assess_quality(cohort, LENIENT), phenotypes), cohort


def test_lead_markers__one_per_linked_group(scan):
    association, cohort = scan
    genes = _genes(
        ("KIN1", "1", 900_000, 1_020_000), ("NEAR", "chr1", 4_100_000, 4_200_000), ("FAR", "1", 9e6, 9.1e6)
    )
    markers = lead_markers(association, cohort, genes)
    assert list(markers) == list(COLUMNS)
    assert markers["marker_id"].tolist() == ["chr1:1000000:A:G", "chr1:4000000:A:G"]
    assert markers["n_in_clump"].tolist() == [3, 2]
    assert markers["gene"].tolist() == ["KIN1", "NEAR"]
    assert markers["gene_distance"].tolist() == [0, 100_000]
    assert (
        markers["beta"].tolist() == association.set_index("variant_id")["beta"][markers["marker_id"]].tolist()
    )
    assert markers["beta"][0] > 0 > markers["beta"][1]


def test_lead_markers__linked_missense_variant(scan):
    association, cohort = scan
    # Another gene contains the lead: the annotation of the linked missense variant comes first.
    genes = _genes(("OTHER", "1", 999_000, 1_001_000), ("KIN1", "1", 1_005_000, 1_020_000))
    markers = lead_markers(association, cohort, genes)
    row = markers.iloc[0]
    assert (row["consequence"], row["amino_acid_change"]) == ("missense_variant", "P7A")
    assert row["consequence_variant_id"] == "chr1:1010000:A:G"
    assert 0.5 <= row["ld_r2"] < 1
    linked = association.set_index("variant_id").loc["chr1:1010000:A:G"]
    assert row["consequence_effect_beta"] == linked["beta"]
    assert (row["gene"], row["gene_distance"]) == ("KIN1", 5_000)
    strict = lead_markers(association, cohort, genes, min_r2=0.99).iloc[0]
    assert strict["consequence"] == "" and np.isnan(strict["ld_r2"]) and strict["gene"] == "OTHER"
    assert markers["consequence"][1] == "" and np.isnan(markers["consequence_effect_beta"][1])


def test_lead_markers__gene_of_annotation_not_in_table(scan):
    association, cohort = scan
    row = lead_markers(association, cohort, _genes(("OTHER", "1", 999_000, 1_001_000))).iloc[0]
    assert row["gene"] == "KIN1" and pd.isna(row["gene_distance"]) and "no such gene" in row["reason"]


def test_lead_markers__no_gene_near(scan):
    association, cohort = scan
    row = lead_markers(association, cohort, _genes(("KIN1", "2", 1, 2))).iloc[1]
    assert row["gene"] == "" and pd.isna(row["gene_distance"]) and row["reason"] == "no gene within 250 kb"


def test_lead_markers__shortest_of_nested_genes(scan):
    association, cohort = scan
    genes = _genes(("LONG", "1", 3_900_000, 4_100_000), ("SHORT", "1", 3_999_000, 4_001_000))
    assert lead_markers(association, cohort, genes)["gene"][1] == "SHORT"


def test_lead_markers__unlinked_neighbours_are_separate(scan):
    association, cohort = scan
    markers = lead_markers(association, cohort, _genes(), window=10_000_000)
    assert len(markers) == 2
    alone = lead_markers(association, cohort, _genes(), window=1_000)
    assert alone["n_in_clump"].tolist() == [1] * len(alone) and len(alone) == 5


def test_lead_markers__read_piece_by_piece(scan, monkeypatch):
    association, cohort = scan
    at_once = lead_markers(association, cohort, _genes())
    monkeypatch.setattr("genomics.markers._MOST_BYTES_AT_ONCE", 0)
    pd.testing.assert_frame_equal(lead_markers(association, cohort, _genes()), at_once)


def test_lead_markers__nothing_significant(scan):
    association, cohort = scan
    markers = lead_markers(association, cohort, _genes(), min_log10p=1e6)
    assert markers.empty and list(markers) == list(COLUMNS)


def test_lead_markers__row_order_does_not_matter(scan):
    association, cohort = scan
    genes = _genes(("KIN1", "1", 900_000, 1_020_000))
    shuffled = association.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        lead_markers(association, cohort, genes), lead_markers(shuffled, cohort, genes)
    )


def test_lead_markers__table_lacks_a_column(scan):
    association, cohort = scan
    with pytest.raises(InputError, match="field symbol"):
        lead_markers(association, cohort, pd.DataFrame({"contig": []}))
    with pytest.raises(InputError, match="field log10p"):
        lead_markers(association.drop(columns="log10p"), cohort, _genes())


def test_lead_markers__association_of_another_cohort(scan):
    association, cohort = scan
    with pytest.raises(ValueError, match="not of this cohort"):
        lead_markers(association.assign(variant_id="chr9:1:A:G"), cohort, _genes())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_squared_correlation__numpy(seed):
    rng = np.random.default_rng(seed)
    lead, other = rng.binomial(2, 0.4, (2, 60)).astype(np.float32)
    lead[rng.random(60) < 0.1] = np.nan
    other[rng.random(60) < 0.1] = np.nan
    both = ~np.isnan(lead) & ~np.isnan(other)
    r2 = float(squared_correlation(lead, other[None])[0])
    assert r2 == pytest.approx(np.corrcoef(lead[both], other[both])[0, 1] ** 2, rel=1e-6)
    assert r2 == pytest.approx(float(squared_correlation(2 - lead, other[None])[0]), rel=1e-6)


def test_gene_distances__edges():
    genes = _genes(("A", "1", 10, 20), ("B", "2", 10, 20))
    assert [int(gene_distances("1", p, genes).iloc[0]) for p in (5, 10, 20, 23)] == [5, 0, 0, 3]
