"""What a training run says: every model's figures, the blend, and where trees win."""

from __future__ import annotations

from typing import Any

from varimol.training_summary import HELD_OUT, fit_text, training_summary


def row(
    setting: str, model: str, metric: str, mean: float | None, *, endpoint: str = "pkd"
) -> dict[str, Any]:
    half = None if mean is None else 0.1
    return {
        "setting": setting, "endpoint": endpoint, "model": model, "metric": metric, "mean": mean,
        "lower": None if half is None or mean is None else mean - half,
        "upper": None if half is None or mean is None else mean + half, "n_folds": 5,
    }  # fmt: skip


def test_summary__says_where_trees_win_and_nowhere_else() -> None:
    figures = [
        row("random", "blend", "mse", 0.2), row("random", "random_forest", "mse", 0.3),
        row("scaffold", "blend", "mse", 0.7), row("scaffold", "random_forest", "mse", 0.6),
        row("scaffold", "means", "mse", 0.5),
    ]  # fmt: skip
    said = [line for line in training_summary({"figures": figures}).splitlines() if line.startswith("trees")]
    assert said == [f"trees win: pkd, {HELD_OUT['scaffold']}: random_forest has mse 0.600, the blend 0.700"]


def test_summary__a_tree_wins_by_its_error_and_not_by_its_order() -> None:
    figures = [
        row("random", "blend", "mse", 0.2), row("random", "blend", "concordance", 0.8),
        row("random", "random_forest", "mse", 0.3), row("random", "random_forest", "concordance", 0.9),
    ]  # fmt: skip
    assert "trees win" not in training_summary({"figures": figures})


def test_summary__every_model_once_per_setting_and_endpoint_with_its_interval() -> None:
    figures = [
        row("random", "means", "mse", 0.5), row("random", "blend", "mse", 0.25),
        row("random", "blend", "concordance", None), row("random", "means", "rm2", 0.1),
        row("random", "blend", "brier", 0.1, endpoint="binds"),
    ]  # fmt: skip
    lines = training_summary({"figures": figures}).splitlines()
    assert [line.split() for line in lines] == [
        ["pkd,", "pairs", "held", "out,", "5", "folds", "mse", "concordance"],
        ["blend", "0.250", "[0.150,", "0.350]", "-"],
        ["means", "0.500", "[0.400,", "0.600]", "-"],
        ["binds,", "pairs", "held", "out,", "5", "folds", "brier"],
        ["blend", "0.100", "[0.000,", "0.200]"],
    ]


def test_summary__notes_first_and_the_blend_last() -> None:
    card = {"notes": ["3 pairs have no label"], "blend": {"pkd": {"random": "kernel_ridge is best"}}}
    assert training_summary(card).splitlines() == [
        "note: 3 pairs have no label",
        "pkd, pairs held out: kernel_ridge is best",
    ]


def test_summary__one_fold_has_no_interval() -> None:
    single = row("random", "blend", "mse", 0.25) | {"lower": None, "upper": None}
    assert training_summary({"figures": [single]}).splitlines()[1].split() == ["blend", "0.250"]


def test_fit_text__reads_the_names_of_all_parts() -> None:
    from models.experiment_parts import Part

    for setting, words in HELD_OUT.items():
        part = Part(1, setting, 2, "graph_network")
        said = fit_text(f"3 of 9 fits done ({part.name})", ["pkd", "ki"])
        assert said == f"3 of 9 fits done: ki, {words}, fold 2, graph network"
    assert fit_text("judging the blend", ["pkd"]) == "judging the blend"
    assert fit_text("1 of 2 fits done (7-random-1-means)", ["pkd"]).endswith("(7-random-1-means)")
