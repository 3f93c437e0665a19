import numpy as np

from varimol.report.bundle import read_bundle
from varimol.report.targets import abstained_targets, target_sections


def test_targets__compounds_in_order_without_the_withheld(directory):
    bundle = read_bundle(directory)
    (section,) = target_sections(bundle)
    affinity = bundle.tables["affinity"]
    best = affinity.loc[~affinity["abstain"]].nlargest(9, "prediction")
    assert [compound["name"] for compound in section["compounds"]] == best["name"].tolist()
    assert section["n_abstained"] == 1 and "7 heavy atoms" in section["reasons"][0][0]
    assert all(compound["drawing"].startswith("<svg") for compound in section["compounds"])
    assert [row["gene"] for row in abstained_targets(bundle)] == ["LINC1"]


def test_targets__intervals_without_a_bound_are_words(directory):
    bundle = read_bundle(directory)
    affinity = bundle.tables["affinity"]
    best = affinity.loc[~affinity["abstain"]].nlargest(2, "prediction").index
    affinity.loc[best[0], ["lower", "upper"]] = [-np.inf, np.inf]
    affinity.loc[best[1], "upper"] = np.inf
    first, second = target_sections(bundle)[0]["compounds"][:2]
    assert first["interval"] == "not known" and first["bar"][::2] == (0.0, 100.0)
    assert second["interval"].endswith(" or more")


def test_targets__reasons_are_counted_without_each_compounds_own_value(directory):
    bundle = read_bundle(directory)
    affinity = bundle.tables["affinity"]
    affinity["abstain"] = True
    said = (
        "the nearest training molecule has Tanimoto similarity {}, below 0.18, from which it beats the means"
    )
    affinity["reason"] = [said.format(f"0.{10 + k % 8}") for k in range(len(affinity))]
    (section,) = target_sections(bundle)
    text = "the nearest training molecule is below Tanimoto similarity 0.18, from which it beats the means"
    assert section["reasons"] == [(text, len(affinity))]
