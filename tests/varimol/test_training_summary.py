"""What a training run says: every model's figures, the blend, and what is ahead of it."""

from __future__ import annotations

from typing import Any

import pytest

from models.blend import BlendReport
from varimol.report.model_text import model_parts
from varimol.training_summary import HELD_OUT, TREES_JOIN, fit_text, training_summary


def row(
    setting: str, model: str, metric: str, mean: float | None, *, endpoint: str = "pkd"
) -> dict[str, Any]:
    half = None if mean is None else 0.1
    return {
        "setting": setting, "endpoint": endpoint, "model": model, "metric": metric, "mean": mean,
        "lower": None if half is None or mean is None else mean - half,
        "upper": None if half is None or mean is None else mean + half, "n_folds": 5,
    }  # fmt: skip


APART = "; their intervals overlap, so these folds do not tell them apart"


def ahead(card: dict[str, Any]) -> list[str]:
    """Lines on models that are ahead of the blend."""
    starts = ("trees win", "ahead of", "gradient boosting joins")
    return [line for line in training_summary(card).splitlines() if line.startswith(starts)]


def test_summary__says_what_is_ahead_of_the_blend_and_where() -> None:
    figures = [
        row("random", "blend", "mse", 0.2), row("random", "random_forest", "mse", 0.3),
        row("scaffold", "blend", "mse", 0.7), row("scaffold", "random_forest", "mse", 0.6),
        row("scaffold", "means", "mse", 0.4), row("scaffold", "ridge", "mse", 0.7),
    ]  # fmt: skip
    assert ahead({"figures": figures}) == [
        f"trees win: pkd, {HELD_OUT['scaffold']}: random_forest has mse 0.600, the blend 0.700{APART}",
        f"ahead of the blend: pkd, {HELD_OUT['scaffold']}: means has mse 0.400, the blend 0.700",
        TREES_JOIN,
    ]


def test_summary__says_where_pairs_are_too_few_to_judge_by() -> None:
    figures = [row("random", "blend", "concordance", 1.0), row("scaffold", "blend", "concordance", 1.0)]
    coverage = [
        {"setting": "random", "endpoint": "pkd", "n": 60}, {"setting": "scaffold", "endpoint": "pkd", "n": 12},
        {"setting": "random -> scaffold", "endpoint": "pkd", "n": 12},
    ]  # fmt: skip
    lines = training_summary({"figures": figures, "coverage": coverage}).splitlines()
    (said,) = [line for line in lines if "too few" in line]
    assert said.startswith(
        f"pkd, {HELD_OUT['scaffold']}: 12 pairs were held out, too few to judge a model by"
    )


@pytest.mark.parametrize("joined", [True, False])
def test_summary__says_when_trees_join_where_they_are_ahead_and_outside(joined: bool) -> None:
    figures = [row("scaffold", "blend", "mse", 0.7), row("scaffold", "gradient_boosting", "mse", 0.3)]
    errors = {"kernel_ridge": 0.6, "gradient_boosting" if joined else "landmark_network": 0.5}
    said = BlendReport(dict.fromkeys(errors, 0.5), errors, 0.4, 90).summary()
    (win, *rest) = ahead({"figures": figures, "blend": {"pkd": {"random": said}}})
    assert win.startswith("trees win") and rest == ([] if joined else [TREES_JOIN])
    assert ahead({"figures": figures[:1], "blend": {"pkd": {"random": said}}}) == []


def test_model_parts__reads_what_a_blend_says_now_and_said_before() -> None:
    errors = {"kernel_ridge": 0.6, "gradient_boosting": 0.5}
    now = BlendReport(dict.fromkeys(errors, 0.5), errors, 0.4, 90).summary()
    before = "best alone: x, 0.5 over all 9 held-out rows; the blend 0.50 gradient_boosting + 0.50 kernel_ridge has 0.4"
    texts = [model_parts({"blend": {"pkd": {"random": text}}}) for text in (now, before)]
    assert texts[0] == texts[1] and "kernel regression" in texts[0] and "boosted trees" in texts[0]


def test_summary__plain_models_ahead_do_not_speak_of_trees() -> None:
    figures = [row("random", "blend", "mse", 0.7), row("random", "nearest_neighbour", "mse", 0.3)]
    (said,) = ahead({"figures": figures})
    assert said.startswith("ahead of the blend: ") and APART not in said


def test_summary__figures_of_any_size_stay_in_their_columns() -> None:
    big = {"mean": 13011247.355, "lower": 9285931.222, "upper": 16736563.488}
    figures = [
        row("random", "blend", "mse", 0.5) | big, row("random", "blend", "concordance", 0.6),
        row("random", "means", "mse", 0.5) | {"mean": 3e-13, "lower": -1.25e-13, "upper": 4e-13},
        row("random", "means", "concordance", 0.5), row("random", "a_very_long_name_of_a_network", "mse", None),
    ]  # fmt: skip
    head, blend, long, means, *_ = training_summary({"figures": figures}).splitlines()
    assert blend.split()[1:4] == ["1.301e+07", "[9.286e+06,", "1.674e+07]"]
    assert means.split()[1:4] == ["3e-13", "[-1.25e-13,", "4e-13]"]
    at = [head.index(metric) for metric in ("mse", "concordance")]
    assert [blend.index(text) for text in ("1.301e", "0.600")] == at
    assert [means.index(text) for text in ("3e-13", "0.500")] == at
    assert long.index(" - ") + 1 == at[0]


def test_summary__says_which_network_reads_no_yes_and_no() -> None:
    kinds = {"landmark_network": {}, "profile_network": {}}
    figures = [
        row("random", model, metric, 0.2, endpoint=endpoint)
        for endpoint, metric, models in (
            ("pkd", "mse", ("blend", *kinds)),
            ("binds", "brier", ("blend", "landmark_network")),
        )
        for model in models
    ]
    lines = training_summary({"figures": figures, "training": kinds}).splitlines()
    assert [line for line in lines if "not for" in line] == ["binds: profile network: not for yes/no labels"]


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
        ["blend", "0.100", "[0,", "0.200]"],
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


def test_summary__a_figure_of_fewer_folds_says_so() -> None:
    """One fold of a class alone has no AUROC; the others have."""
    figures = [row("random", "blend", "brier", 0.2), row("random", "blend", "auroc", 0.8) | {"n_folds": 4}]
    line = training_summary({"figures": figures}).splitlines()[1]
    assert line.endswith("0.800 [0.700, 0.900] 4 folds") and "0.200 [0.100, 0.300]  " in line


def test_fit_text__reads_the_names_of_all_parts() -> None:
    from models.experiment_plan import Part

    for setting, words in HELD_OUT.items():
        part = Part(1, setting, 2, "graph_network")
        said = fit_text(f"3 of 9 fits done ({part.name})", ["pkd", "ki"])
        assert said == f"3 of 9 fits done: ki, {words}, fold 2, graph network"
    assert fit_text("judging the blend", ["pkd"]) == "judging the blend"
    assert fit_text("1 of 2 fits done (7-random-1-means)", ["pkd"]).endswith("(7-random-1-means)")
