from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genomics.metaboliser import assign_phenotypes
from genomics.recommendations import UNCHANGED, recommend
from varimol import tables


def called(
    gene: str, diplotypes: dict[str, float], *, sample: str = "p1", status: str = "called", missing: str = ""
) -> pd.DataFrame:
    rows = [
        {
            "sample_id": sample,
            "gene": gene,
            "rank": rank,
            "diplotype": name,
            "posterior": posterior,
            "posterior_no_prior": posterior,
            "status": status,
            "sites_missing": missing,
            "sites_settling": "",
            "assumptions": "",
            "reason": "" if status != "abstain" else "needs copy number",
        }
        for rank, (name, posterior) in enumerate(diplotypes.items(), start=1)
    ]
    return pd.DataFrame(rows)


def phenotyped(*diplotypes: pd.DataFrame) -> pd.DataFrame:
    joined = pd.concat(diplotypes, ignore_index=True)
    return assign_phenotypes(
        joined, tables.allele_functions(), tables.phenotype_rules(), tables.phenotype_scores()
    )


def advice(drug: str, *diplotypes: pd.DataFrame) -> pd.Series:
    found = recommend(phenotyped(*diplotypes), tables.guidance())
    return found[found["drug"] == drug].iloc[0]


@pytest.mark.parametrize(
    ("gene", "diplotype", "phenotype", "score"),
    [
        ("CYP2C19", "*1/*2", "Intermediate Metabolizer", np.nan),
        ("CYP2C19", "*2/*17", "Intermediate Metabolizer", np.nan),
        ("CYP2C9", "*2/*3", "Poor Metabolizer", 0.5),
        ("DPYD", "Reference/c.1905+1G>A (*2A)", "Intermediate Metabolizer", 1.0),
        ("G6PD", "A- 202A_376G", "G6PD Deficient", np.nan),
        ("G6PD", "A- 202A_376G/B (reference)", "G6PD Variable", np.nan),
        ("TPMT", "*3A/*3C", "Poor Metabolizer", np.nan),
        ("CYP2C9", "*1/*76", "Indeterminate", np.nan),
        ("CYP4F2", "*1/*3", "", np.nan),
    ],
)
def test_assign_phenotypes__known_diplotypes(gene: str, diplotype: str, phenotype: str, score: float) -> None:
    row = phenotyped(called(gene, {diplotype: 1.0})).iloc[0]
    assert row["phenotype"] == phenotype
    np.testing.assert_equal(row["activity_score"], score)


def test_assign_phenotypes__abstention_has_no_phenotype() -> None:
    row = phenotyped(called("CYP2C19", {"": np.nan}, status="abstain")).iloc[0]
    assert row["phenotype"] == "" and np.isnan(row["activity_score"])


def test_assign_phenotypes__reproduces_every_published_diplotype(shared_data: Path) -> None:
    n_rows = 0
    for path in sorted((shared_data / "pharmacogenes" / "pharmcat" / "phenotype").glob("*.json")):
        data = json.loads(path.read_text())
        rows = data["diplotypes"]
        if data["gene"] == "MT-RNR1" or not rows:
            continue
        # Either order of the two alleles must do.
        names = ["/".join(reversed(row["diplotype"].split("/"))) for row in rows]
        table = pd.DataFrame({"gene": data["gene"], "diplotype": names})
        found = assign_phenotypes(
            table, tables.allele_functions(), tables.phenotype_rules(), tables.phenotype_scores()
        )
        assert found["phenotype"].tolist() == [row["phenotype"] for row in rows], data["gene"]
        scores = [
            np.nan if row["activityScore"] in (None, "n/a") else float(row["activityScore"]) for row in rows
        ]
        np.testing.assert_equal(found["activity_score"].to_numpy(), np.array(scores))
        n_rows += len(rows)
    assert n_rows > 17_000


@pytest.mark.parametrize(
    ("drug", "gene", "diplotype", "action"),
    [
        ("clopidogrel", "CYP2C19", "*1/*2", "avoid"),
        ("clopidogrel", "CYP2C19", "*2/*2", "avoid"),
        ("fluorouracil", "DPYD", "Reference/c.1905+1G>A (*2A)", "reduce dose"),
        ("capecitabine", "DPYD", "c.1905+1G>A (*2A)/c.1905+1G>A (*2A)", "avoid"),
        ("simvastatin", "SLCO1B1", "*1/*5", "alternative"),
        ("simvastatin", "SLCO1B1", "*15/*15", "alternative"),
        ("tacrolimus", "CYP3A5", "*1/*3", "increase dose"),
        ("clopidogrel", "CYP2C19", "*1/*1", "standard"),
    ],
)
def test_recommend__carriers_are_flagged(drug: str, gene: str, diplotype: str, action: str) -> None:
    row = advice(drug, called(gene, {diplotype: 1.0}))
    assert (row["action"], row["active"], row["reason"]) == (action, True, "")
    assert row["probability"] == 1.0 and row["recommendation"]


@pytest.mark.parametrize("drug", ["azathioprine", "mercaptopurine", "thioguanine"])
@pytest.mark.parametrize("nudt15", ["*1/*1", ""])
@pytest.mark.parametrize(
    ("tpmt", "phenotype"), [("*1/*3A", "Intermediate Metabolizer"), ("*3A/*3C", "Poor Metabolizer")]
)
def test_recommend__tpmt_carriers_are_flagged_whatever_is_known_of_nudt15(
    drug: str, nudt15: str, tpmt: str, phenotype: str
) -> None:
    status = "called" if nudt15 else "abstain"
    row = advice(
        drug,
        called("NUDT15", {nudt15: 1.0 if nudt15 else np.nan}, status=status),
        called("TPMT", {tpmt: 1.0}),
    )
    assert row["gene"] == "NUDT15+TPMT" and row["phenotype"].endswith(f"+{phenotype}")
    assert row["action"] in ("reduce dose", "alternative") and row["active"]


def test_recommend__two_genes_multiply_their_probabilities() -> None:
    row = advice(
        "azathioprine",
        called("NUDT15", {"*1/*1": 0.9, "*1/*3": 0.1}, status="ambiguous"),
        called("TPMT", {"*1/*1": 0.8, "*1/*3A": 0.2}, status="ambiguous"),
    )
    assert row["action"] == "standard" and row["probability"] == pytest.approx(0.72)
    assert not row["active"]


def test_recommend__standard_dose_needs_a_called_diplotype() -> None:
    diplotypes = {"*1/*1": 0.99, "*1/*3": 0.01}
    likely = called("CYP2C19", diplotypes, status="ambiguous", missing="rs4986893")
    row = advice("clopidogrel", likely.assign(posterior_no_prior=0.5))
    assert row["action"] == "standard" and row["probability"] == pytest.approx(0.99)
    assert not row["active"] and row["reason"] == "CYP2C19: sites not observed: rs4986893"
    # A carrier is flagged though a rare allele may hide on the other copy: the finding is there.
    carrier = advice(
        "clopidogrel", called("CYP2C19", {"*1/*2": 0.97, "*2/*17": 0.03}, status="ambiguous", missing="rs1")
    )
    assert carrier["action"] == "avoid" and carrier["active"]


def test_recommend__standard_dose_where_all_that_is_open_asks_for_it() -> None:
    # *1 and *38 both are normal: the site that tells them apart does not matter.
    open_pairs = called(
        "CYP2C19", {"*1/*1": 0.9, "*1/*38": 0.09, "*38/*38": 0.01}, status="ambiguous", missing="rs3758581"
    )
    row = advice("clopidogrel", open_pairs.assign(posterior_no_prior=[0.25, 0.5, 0.25]))
    assert row["action"] == "standard" and row["active"] and not row["reason"]
    # A diplotype that the list left out, for its frequency, could ask for something else.
    cut = advice("clopidogrel", open_pairs.assign(posterior_no_prior=[0.25, 0.25, 0.25]))
    assert not cut["active"] and "rs3758581" in cut["reason"]


def test_recommend__either_gene_makes_people_susceptible_whatever_the_other_is() -> None:
    susceptible = called("CACNA1S", {"Reference/c.520C>T": 1.0})
    for other in ("Reference/Reference", "Reference/c.11315G>A", "Reference/c.7372C>T"):
        row = advice("sevoflurane", susceptible, called("RYR1", {other: 1.0}))
        assert row["action"] == "avoid" and row["active"], other
    assert advice("sevoflurane", susceptible)["active"]


def test_recommend__no_recommendation_is_never_active() -> None:
    row = advice("tacrolimus", called("CYP3A5", {"*1/*8": 1.0}))
    assert row["action"] == "no recommendation" and not row["active"]
    assert "no recommendation" in row["reason"]


def test_recommend__a_statement_that_asks_for_nothing_is_told_as_such() -> None:
    favourable = {"rs12979860 reference (C)/rs12979860 reference (C)": 1.0}
    row = advice("ribavirin", called("IFNL3", favourable))
    assert row["recommendation"] and not row["active"]
    assert row["reason"] == "the guidance states this and asks for nothing with this phenotype"


def test_recommend__below_95_percent_is_not_active() -> None:
    row = advice("clopidogrel", called("CYP2C19", {"*1/*2": 0.6, "*1/*1": 0.4}, status="ambiguous"))
    assert row["action"] == "avoid" and not row["active"]


def test_recommend__copy_number_gene_leaves_a_reason() -> None:
    row = advice("codeine", called("CYP2D6", {"": np.nan}, status="abstain"))
    assert not row["active"] and np.isnan(row["probability"])
    assert row["reason"] == "CYP2D6: needs copy number"


def test_recommend__unknown_second_gene_is_looked_up_as_such() -> None:
    row = advice(
        "amitriptyline",
        called("CYP2C19", {"*2/*2": 1.0}),
        called("CYP2D6", {"": np.nan}, status="abstain"),
    )
    assert row["action"] == "avoid" and row["active"]


def test_recommend__samples_keep_their_order_and_drugs_are_sorted() -> None:
    found = recommend(
        phenotyped(
            called("CYP2C19", {"*1/*1": 1.0}, sample="z"), called("CYP2C19", {"*1/*2": 1.0}, sample="a")
        ),
        tables.guidance(),
    )
    assert found["sample_id"].drop_duplicates().tolist() == ["z", "a"]
    first = found[found["sample_id"] == "z"]
    assert first["drug"].is_monotonic_increasing and first["drug"].is_unique
    assert set(found.columns[:9]) == {
        *("sample_id", "drug", "gene", "phenotype", "recommendation"),
        *("strength", "probability", "active", "source"),
    }


def test_recommend__permuted_patients_take_their_advice_along() -> None:
    diplotypes = [
        called("CYP2C19", {name: 1.0}, sample=f"p{i}")
        for i, name in enumerate(["*1/*1", "*1/*2", "*2/*2", "*17/*17", "*1/*17"])
    ]
    straight = recommend(phenotyped(*diplotypes), tables.guidance())
    turned = recommend(phenotyped(*reversed(diplotypes)), tables.guidance())
    order = ["sample_id", "drug"]
    pd.testing.assert_frame_equal(
        straight.sort_values(order, ignore_index=True), turned.sort_values(order, ignore_index=True)
    )


def test_recommend__sample_without_rows_of_a_gene_has_no_result() -> None:
    found = recommend(
        phenotyped(
            called("CYP2C19", {"*2/*2": 1.0}, sample="a"),
            called("DPYD", {"Reference/Reference": 1.0}, sample="b"),
        ),
        tables.guidance(),
    ).set_index(["sample_id", "drug"])
    assert (
        found.loc[("a", "clopidogrel"), "active"] and found.loc[("a", "clopidogrel"), "diplotype"] == "*2/*2"
    )
    lost = found.loc[("b", "clopidogrel")]
    assert not lost["active"] and lost["reason"] == "CYP2C19: the gene was not called"


def test_guidance__every_phenotype_of_a_gene_with_advice_can_be_reached() -> None:
    rules = tables.phenotype_rules()
    reachable = set(zip(rules["gene"], rules["phenotype"])) | {
        (gene, phenotype) for gene in set(rules["gene"]) for phenotype in ("Indeterminate", "None")
    }
    guidance = tables.guidance()
    wanted = set(zip(guidance["gene"], guidance["phenotype"])) | set(
        zip(guidance["gene_2"], guidance["phenotype_2"])
    )
    lost = {pair for pair in wanted - reachable if pair[0] not in ("", "CYP2D6")}
    # The definitions' release knows one rs12979860 alone, and no undecided variant of CFTR.
    assert lost <= {("CFTR", "Indeterminate"), ("IFNL3", "Indeterminate")}, lost


def test_unchanged_actions__leave_treatment_as_it_is() -> None:
    from varimol.curate.guidance import ACTIONS

    assert set(ACTIONS) > UNCHANGED and not UNCHANGED & {"avoid", "alternative", "reduce dose"}


def test_phenotype_probabilities__posterior_is_carried_through() -> None:
    from genomics.metaboliser import UNLISTED, phenotype_probabilities

    table = phenotyped(
        called("CYP2C19", {"*1/*2": 0.5, "*1/*1": 0.2, "*1/*3": 0.2}, status="ambiguous"),
        called("TPMT", {"": np.nan}, status="abstain"),
    )
    found = phenotype_probabilities(table)
    assert found["gene"].unique().tolist() == ["CYP2C19"]
    assert dict(zip(found["phenotype"], found["probability"].round(12))) == {
        "Intermediate Metabolizer": 0.7,
        "Normal Metabolizer": 0.2,
        UNLISTED: 0.1,
    }


def test_recommend__diplotypes_not_listed_count_against_it() -> None:
    listed = called("CYP2C19", {"*2/*2": 0.94}, status="ambiguous")
    assert not advice("clopidogrel", listed)["active"]
    assert advice("clopidogrel", listed)["probability"] == pytest.approx(0.94)
    assert advice("clopidogrel", called("CYP2C19", {"*2/*2": 1.0}))["active"]


def test_recommend__names_the_sites_that_would_settle_it() -> None:
    listed = called("CYP2C19", {"*1/*2": 0.6, "*1/*1": 0.4}, status="ambiguous", missing="rs1,rs4244285")
    row = advice("clopidogrel", listed.assign(sites_settling="rs4244285"))
    assert not row["active"] and row["reason"] == "CYP2C19: sites not observed; genotype rs4244285"
    unphased = called("TPMT", {"*1/*3A": 0.6, "*3B/*3C": 0.4}, status="ambiguous")
    assert "phase the calls" in advice("azathioprine", unphased)["reason"]


@pytest.mark.parametrize(
    ("diplotype", "phenotype", "score"),
    [
        ("*1/*4", "Intermediate Metabolizer", 1.0),
        ("*1x2/*4", "Normal Metabolizer", 2.0),
        ("*1x2/*2", "Ultrarapid Metabolizer", 3.0),
        ("*1/*5", "Intermediate Metabolizer", 1.0),
        ("*4/*4x2", "Poor Metabolizer", 0.0),
        # How many copies is open: two make it normal, more ultrarapid.
        ("*1xN/*4", "Indeterminate", np.nan),
        ("*2xN/*2", "Ultrarapid Metabolizer", np.nan),
        ("*1/*22", "Indeterminate", np.nan),
        # Three copies are ultrarapid whatever the allele of unknown function does.
        ("*1x3/*22", "Ultrarapid Metabolizer", np.nan),
        ("*1≥3/*unheard", "Ultrarapid Metabolizer", np.nan),
        ("*4/*22", "Indeterminate", np.nan),
        ("*22/*22", "Indeterminate", np.nan),
    ],
)
def test_assign_phenotypes__copies_add_to_the_activity_score(
    diplotype: str, phenotype: str, score: float
) -> None:
    row = phenotyped(called("CYP2D6", {diplotype: 1.0})).iloc[0]
    assert row["phenotype"] == phenotype
    np.testing.assert_equal(row["activity_score"], score)


@pytest.mark.parametrize(
    ("gene", "diplotype", "phenotype"),
    [
        # c.11315G>A is defined, and no source tells what it does.
        ("RYR1", "c.7372C>T/c.11315G>A", "Malignant Hyperthermia Susceptibility"),
        ("RYR1", "c.11315G>A/c.7042_7044delGAG", "Malignant Hyperthermia Susceptibility"),
        ("RYR1", "Reference/c.11315G>A", "Indeterminate"),
        ("RYR1", "c.11315G>A/c.11315G>A", "Indeterminate"),
        ("RYR1", "c.1589G>A/c.11315G>A", "Indeterminate"),
        ("CACNA1S", "c.520C>T/unheard", "Malignant Hyperthermia Susceptibility"),
        ("CACNA1S", "rs772226819 G/A, rs1800559 C/T", "Indeterminate"),
        ("CFTR", "G551D/unheard", "ivacaftor responsive in CF patients"),
        ("CYP2C19", "*2/unheard", "Indeterminate"),
        ("CYP2C9", "*3/unheard", "Indeterminate"),
        ("DPYD", "c.1905+1G>A (*2A)/unheard", "Indeterminate"),
        ("TPMT", "*2/*42", "Indeterminate"),
        ("MT-RNR1", "unheard", "Indeterminate"),
    ],
)
def test_assign_phenotypes__unknown_function_is_any_of_the_gene(
    gene: str, diplotype: str, phenotype: str
) -> None:
    row = phenotyped(called(gene, {diplotype: 1.0})).iloc[0]
    assert row["phenotype"] == phenotype and np.isnan(row["activity_score"])


def phenotype_of(gene: str, diplotypes: list[str]) -> pd.Series:
    table = pd.DataFrame({"gene": gene, "diplotype": diplotypes})
    found = assign_phenotypes(table, tables.allele_functions(), tables.phenotype_rules())
    return found.set_index("diplotype")["phenotype"]


def test_assign_phenotypes__unknown_function_makes_what_every_allele_makes() -> None:
    """Each allele beside one that no table knows, and beside every allele of the gene that has a rule."""
    deduced = {}
    for gene in sorted(set(tables.phenotype_rules()["gene"]) - {"CYP2D6", "MT-RNR1"}):
        names = tables.allele_functions().query("gene == @gene")["allele"].tolist()
        beside_all = phenotype_of(gene, [f"{one}/{two}" for one in names for two in names])
        beside_none = phenotype_of(gene, [f"{name}/unheard" for name in names])
        for made, told in zip(beside_all.to_numpy().reshape(len(names), -1), beside_none, strict=True):
            assert told == (made[0] if len(set(made)) == 1 else "Indeterminate")
        sure = beside_none[beside_none != "Indeterminate"]
        deduced |= {gene: (len(sure), *sorted(set(sure)))} if len(sure) else {}
    assert deduced == {
        "CACNA1S": (2, "Malignant Hyperthermia Susceptibility"),
        "CFTR": (103, "ivacaftor responsive in CF patients"),
        "F5": (1, "Unfavorable Response"),
        "G6PD": (6, "G6PD Indeterminate"),
        "IFNL3": (1, "Unfavorable Response"),
        "RYR1": (47, "Malignant Hyperthermia Susceptibility"),
    }


def test_assign_phenotypes__are_those_that_pypgx_lists_of_malignant_hyperthermia(shared_data: Path) -> None:
    path = shared_data / "pharmacogenes" / "pypgx_tables" / "diplotype-table.csv"
    listed = pd.read_csv(path).query("Gene == 'RYR1'")
    told = phenotype_of("RYR1", listed["Diplotype"].tolist())
    assert len(listed) > 1_000 and told.tolist() == listed["Phenotype"].tolist()


def test_recommend__malignant_hyperthermia_follows_from_one_variant() -> None:
    row = advice(
        "sevoflurane",
        called("RYR1", {"c.7372C>T/c.11315G>A": 1.0}),
        called("CACNA1S", {"Reference/Reference": 1.0}),
    )
    assert row["action"] == "avoid" and row["active"] and row["probability"] == 1.0


@pytest.mark.parametrize(
    ("gene", "score", "phenotype"),
    [
        ("CYP2C9", 1.5, "Intermediate Metabolizer"), ("CYP2C9", 2.0, "Normal Metabolizer"),
        ("CYP2C9", 0.5, "Poor Metabolizer"), ("DPYD", 1.0, "Intermediate Metabolizer"),
        ("DPYD", 0.0, "Poor Metabolizer"), ("CYP2D6", 0.25, "Intermediate Metabolizer"),
    ],
)  # fmt: skip
def test_assign_phenotypes__a_score_alone_decides(gene: str, score: float, phenotype: str) -> None:
    """As equation-table.csv of PyPGx has it."""
    row = phenotyped(called(gene, {"": 1.0}).assign(phenotype="", activity_score=score)).iloc[0]
    assert row["phenotype"] == phenotype and row["activity_score"] == score


def test_assign_phenotypes__what_another_program_gave_stands() -> None:
    given = called("CYP2D6", {"*1/*4": 1.0, "": 1.0}).assign(
        phenotype=["Poor Metabolizer", ""], activity_score=[np.nan, 0.25]
    )
    found = phenotyped(given)
    assert found["phenotype"].tolist() == ["Poor Metabolizer", "Intermediate Metabolizer"]
    np.testing.assert_equal(found["activity_score"].to_numpy(), [1.0, 0.25])


def test_recommend__a_call_with_a_reason_is_never_acted_on() -> None:
    poor = called("CYP2C19", {"*2/*2": 1.0}, status="ambiguous")
    assert advice("clopidogrel", poor)["active"]
    barred = advice("clopidogrel", poor.assign(reason="hybrids were not looked for"))
    assert not barred["active"] and barred["reason"] == "CYP2C19: hybrids were not looked for"
