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
