"""Response networks through the command line, and every kind of bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from models.response_experiment import ResponseExperiment
from models.response_network import NetworkSettings
from models.response_settings import ResponseSettings
from models.simulate_response import PlantedMarker, simulate_response
from varimol.cli import app
from varimol.networks import load_response_network
from varimol.response_runs import train_response
from varimol.schemas import TABLES
from varimol.tables import drugs

SMALL = ResponseExperiment(
    n_folds=2,
    baselines=False,
    workers=0,
    model=ResponseSettings(network=NetworkSettings(n_members=1, hidden=8, rank=2, n_steps=20)),
)


def run(*words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    chosen = drugs().iloc[::120].head(12)
    compounds = pd.DataFrame(
        {"drug_name": chosen["name"], "smiles": chosen["smiles"], "compound_class": np.resize(["x", "y"], 12)}
    )
    markers = [
        PlantedMarker("BRAF", "x", -3.0, frequency=0.4),
        PlantedMarker("KMT2D", "y", 3.0, frequency=0.4),
    ]
    made = simulate_response(seed=1, compounds=compounds, markers=markers, n_lines=60, n_background=8)
    return made.write(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def trained(tables: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    train_response(
        tables["response"], tables["drugs"], {name: tables[name] for name in ("mutation", "copy_number")}, folder,
        covariates=tables["covariates"], covariate_columns=["tissue"], teacher={"expression": tables["expression"]},
        experiment=SMALL,
    )  # fmt: skip
    return folder


def predict(trained: Path, tables: dict[str, Path], out: Path, *words: object) -> Any:
    profiles = [f"{name}={tables[name]}" for name in ("mutation", "copy_number")]
    return run("predict", trained, "--profiles", profiles[0], "--profiles", profiles[1], "--out", out, *words)


def train(tables: dict[str, Path], out: Path, *words: object, **other: Path) -> Any:
    files = {**tables, **other}
    return run(
        "train", "response", "--response", files["response"], "--drugs", files["drugs"],
        "--profiles", f"mutation={files['mutation']}", "--out", out, "--no-baselines", "--quiet", *words,
    )  # fmt: skip


def test_predict__rows_are_the_inputs_in_their_order(
    trained: Path, tables: dict[str, Path], tmp_path: Path
) -> None:
    asked = pd.read_csv(tables["response"], sep="\t")[["drug_name", "depmap_id"]].sample(50, random_state=0)
    asked.to_csv(tmp_path / "pairs.tsv", sep="\t", index=False)
    done = predict(
        trained, tables, tmp_path / "p.tsv", "--pairs", tmp_path / "pairs.tsv", "--drugs", tables["drugs"],
        "--covariates", tables["covariates"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "p.tsv", sep="\t")
    assert list(table.columns) == [
        "drug_name", "depmap_id", "prediction", "lower", "upper", "sd", "in_domain", "abstain", "reason",
    ]  # fmt: skip
    assert table[["drug_name", "depmap_id"]].to_numpy().tolist() == asked.to_numpy().tolist()
    assert np.isfinite(table[["prediction", "lower", "upper", "sd"]]).all().all()
    again = predict(
        trained,
        tables,
        tmp_path / "q.tsv",
        "--pairs",
        tmp_path / "pairs.tsv",
        "--covariates",
        tables["covariates"],
    )
    assert again.exit_code == 0, again.output
    assert (tmp_path / "q.tsv").read_bytes() == (tmp_path / "p.tsv").read_bytes()


def test_predict__every_line_with_every_compound_where_no_pairs_are_given(
    trained: Path, tables: dict[str, Path], tmp_path: Path
) -> None:
    new = tmp_path / "drugs.tsv"
    new.write_text("drug_name\tsmiles\nnew\tCCOc1ccccc1\nbroken\tC1CC\n")
    done = predict(trained, tables, tmp_path / "p.tsv", "--drugs", new)
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "p.tsv", sep="\t")
    assert len(table) == 2 * 60
    of = table.groupby("drug_name")
    assert of.get_group("new")["prediction"].notna().all()
    assert of.get_group("broken")["prediction"].isna().all()
    assert of.get_group("broken")["reason"].str.contains("no structure that can be read").all()
    assert of.get_group("broken")["abstain"].all()
    assert "tissue: no covariates are given, missing for every line" in done.output


def test_predict__a_level_that_training_did_not_have_is_named(
    trained: Path, tables: dict[str, Path], tmp_path: Path
) -> None:
    given = pd.read_csv(tables["covariates"], sep="\t").assign(
        tissue=lambda table: table["tissue"].str.upper()
    )
    given.to_csv(tmp_path / "covariates.tsv", sep="\t", index=False)
    done = predict(trained, tables, tmp_path / "p.tsv", "--covariates", tmp_path / "covariates.tsv")
    assert done.exit_code == 0, done.output
    level = given["tissue"].iloc[0]
    assert (
        "note: tissue: a level that is not known for 60 of 60 samples" in done.output and level in done.output
    )


def test_predict__a_line_without_a_profile_is_a_row_all_the_same(
    trained: Path, tables: dict[str, Path], tmp_path: Path
) -> None:
    name = pd.read_csv(tables["drugs"], sep="\t")["drug_name"][0]
    (tmp_path / "pairs.tsv").write_text(f"depmap_id\tdrug_name\nLINE0001\t{name}\nNOBODY\t{name}\n")
    done = predict(trained, tables, tmp_path / "p.tsv", "--pairs", tmp_path / "pairs.tsv")
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "p.tsv", sep="\t")
    assert table["prediction"].notna().tolist() == [True, False]
    assert table["reason"][1] == "the line has no profile"


def test_predict__former_names_of_genes_are_read_and_said(
    trained: Path, tables: dict[str, Path], tmp_path: Path
) -> None:
    former = tmp_path / "mutation.tsv"
    former.write_text(tables["mutation"].read_text().replace("KMT2D", "MLL2"))
    assert "MLL2" in former.read_text()
    told = predict(trained, {**tables, "mutation": former}, tmp_path / "p.tsv")
    same = predict(trained, tables, tmp_path / "q.tsv")
    assert told.exit_code == same.exit_code == 0
    assert "renamed MLL2 to KMT2D" in told.output
    assert (tmp_path / "p.tsv").read_bytes() == (tmp_path / "q.tsv").read_bytes()


def test_predict__a_profile_without_a_known_gene_is_refused(
    trained: Path, tables: dict[str, Path], tmp_path: Path
) -> None:
    strange = tmp_path / "mutation.tsv"
    strange.write_text("depmap_id\tfoo\tbar\nPATIENT\t1\t0\n")
    done = run("predict", trained, "--profiles", f"mutation={strange}", "--out", tmp_path / "p.tsv")
    assert done.exit_code == 2
    assert "mutation" in done.output
    assert "foo" in done.output or "bar" in done.output
    assert not (tmp_path / "p.tsv").exists()


def test_predict__options_of_another_kind_are_named(
    trained: Path, tables: dict[str, Path], tmp_path: Path
) -> None:
    missing = run("predict", trained, "--out", tmp_path / "p.tsv")
    assert missing.exit_code == 2
    assert "predicts response and needs --profiles" in missing.output
    other = predict(trained, tables, tmp_path / "p.tsv", "--targets", tables["drugs"])
    assert "predicts response and does not read --targets" in other.output
    affinity = run("predict", "kinase-affinity", "--out", tmp_path / "p.tsv", "--profiles", "mutation=m.tsv")
    assert affinity.exit_code == 2
    assert "predicts affinity and needs --pairs" in affinity.output


def test_train__writes_what_others_read(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == [
        "anova.tsv", "card.json", "coverage.tsv", "folds.tsv", "metrics.tsv", "model.safetensors",
    ]  # fmt: skip
    folds = pd.read_csv(trained / "folds.tsv", sep="\t", nrows=5)
    assert list(folds.columns) == [
        "setting", "model", "fold", "seed", "depmap_id", "drug_name", "label", "prediction",
    ]  # fmt: skip
    metrics = pd.read_csv(trained / "metrics.tsv", sep="\t")
    assert list(metrics.columns) == ["setting", "model", "fold", "seed", "metric", "value"]
    card = json.loads((trained / "card.json").read_text())
    assert card["kind"] == "response"
    assert card["unit"] == "ln(umol/l)"
    assert card["kinds"] == {"mutation": "genotype", "copy_number": "genotype"}
    assert card["teacher"] == ["expression"]
    assert card["copy_number_scale"] == "relative_log2"


def test_train__by_command_says_what_it_found(tables: dict[str, Path], tmp_path: Path) -> None:
    done = run(
        "train", "response", "--response", tables["response"], "--drugs", tables["drugs"], "--profiles",
        f"mutation={tables['mutation']}", "--settings", "line", "--no-baselines", "--out", tmp_path / "run",
        "--terms", "for research alone", "--diffusion", "0.0", "--threads", "2",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "responses of 60 lines to 12 compounds, ln(umol/l)" in done.output
    assert "unseen lines: residual r" in done.output
    card = json.loads((tmp_path / "run" / "card.json").read_text())
    assert card["terms"] == "for research alone"
    assert card["command"].startswith("varimol")


@pytest.mark.parametrize("name", ["folds", "metrics", "coverage", "anova", "predictions", "attributions"])
def test_tables__are_as_their_schemas_say(
    trained: Path, tables: dict[str, Path], tmp_path: Path, name: str
) -> None:
    schema = TABLES[f"response_{name}"]
    path = trained / f"{name}.tsv"
    if not path.exists():
        path = tmp_path / f"{name}.tsv"
        written = {"predictions": path, "attributions": tmp_path / "p.tsv"}[name]
        more = ("--attributions", path) if name == "attributions" else ()
        assert predict(trained, tables, written, *more).exit_code == 0
    table = pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""])
    assert list(table.columns) == schema.names
    texts = [column.name for column in schema.columns if column.type == "string"]
    table[texts] = table[texts].astype(object).fillna("")
    validator = jsonschema.Draft202012Validator(schema.row_schema())
    for row in table.iloc[:: max(1, len(table) // 100)].to_dict("records"):
        validator.validate({key: None if value != value else value for key, value in row.items()})


def edited(path: Path, tmp_path: Path, edit: Any) -> Path:
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    changed = edit(table)
    place = tmp_path / f"edited_{path.name}"
    changed.to_csv(place, sep="\t", index=False)
    return place


def doubled(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table.head(1).assign(ln_ic50="9.5")])


def mixed(table: pd.DataFrame) -> pd.DataFrame:
    values = pd.to_numeric(table["ln_ic50"])
    return table.assign(
        ln_ic50=np.where(np.arange(len(table)) % 2, np.exp(values) * 1000, values).astype(str)
    )


def wide(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_index(["drug_name", "depmap_id"])["ln_ic50"].unstack().reset_index()  # noqa: PD010


@pytest.mark.parametrize(
    ("which", "edit", "said"),
    [
        ("response", doubled, ["record", "ln_ic50"]),
        ("response", mixed, ["ln_ic50"]),
        ("response", wide, ["response"]),
        (
            "response",
            lambda t: t.rename(columns={"depmap_id": "drug_name", "drug_name": "depmap_id"}),
            ["exchanged"],
        ),
        (
            "response",
            lambda t: t.assign(depmap_id="other " + t["depmap_id"]),
            ["none of the 60 lines has a profile"],
        ),
        (
            "drugs",
            lambda t: pd.concat([t, t.head(1).assign(smiles="CCCCN")]),
            ["two structures", "record"],
        ),
        ("mutation", lambda t: t.set_index("depmap_id").T.reset_index(), ["mutation"]),
        ("mutation", lambda t: t.assign(BRAF="2"), ["BRAF"]),
    ],
)
def test_train__bad_tables_are_one_line(
    tables: dict[str, Path], tmp_path: Path, which: str, edit: Any, said: list[str]
) -> None:
    bad = edited(tables[which], tmp_path, edit)
    done = train(tables, tmp_path / "run", **{which: bad})
    assert done.exit_code == 2, done.output
    lines = done.output.strip().splitlines()
    assert len(lines) == 1, done.output
    assert bad.name in lines[0] or "profile" in lines[0]
    for text in said:
        assert text in lines[0], lines[0]
    assert not (tmp_path / "run" / "card.json").exists()


def test_train__a_line_without_a_profile_is_left_out_and_said(
    tables: dict[str, Path], tmp_path: Path
) -> None:
    few = edited(tables["mutation"], tmp_path, lambda t: t.iloc[:-3])
    train_response(tables["response"], tables["drugs"], {"mutation": few}, tmp_path / "run",
                   experiment=ResponseExperiment(settings=("line",), n_folds=2, baselines=False, workers=0,
                                                 model=SMALL.model))  # fmt: skip
    card = json.loads((tmp_path / "run" / "card.json").read_text())
    assert card["n_lines"] == 57
    assert any("3 of 60 lines have no profile and are left out" in note for note in card["notes"])


def test_train__given_folds_are_kept(tables: dict[str, Path], tmp_path: Path) -> None:
    fold = {f"LINE{n:04d}": str(n % 3) for n in range(61)}
    given = edited(tables["response"], tmp_path, lambda t: t.assign(part=t["depmap_id"].map(fold)))
    train_response(
        given, tables["drugs"], {"mutation": tables["mutation"]}, tmp_path / "run", folds="part",
        experiment=ResponseExperiment(settings=("line",), baselines=False, workers=0, model=SMALL.model),
    )  # fmt: skip
    told = pd.read_csv(tmp_path / "run" / "folds.tsv", sep="\t").drop_duplicates("depmap_id")
    assert (told["fold"] == told["depmap_id"].map(fold).astype(int) + 1).all()
    torn = edited(given, tmp_path, lambda t: t.assign(part=[*t["part"][:-1], "7"]))
    done = train(tables, tmp_path / "other", "--folds", "part", response=torn)
    assert done.exit_code == 2
    assert "is in two folds" in done.output


@pytest.mark.parametrize("text", ["mutation", "=m.tsv", "mutation="])
def test_train__profiles_need_a_block_and_a_table(tables: dict[str, Path], tmp_path: Path, text: str) -> None:
    done = run(
        "train", "response", "--response", tables["response"], "--drugs", tables["drugs"], "--profiles", text,
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert done.exit_code == 2
    assert "names no block and table" in done.output


def test_train__diffusion_is_applied_to_what_is_predicted(tables: dict[str, Path], tmp_path: Path) -> None:
    renamed = tmp_path / "mutation.tsv"
    text = tables["mutation"].read_text().replace("GENE001", "NRAS").replace("GENE002", "KRAS")
    renamed.write_text(text)
    trained = train_response(
        tables["response"], tables["drugs"], {"mutation": renamed}, tmp_path / "run", diffusion=0.5,
        experiment=ResponseExperiment(settings=("line",), n_folds=2, baselines=False, workers=0, model=SMALL.model),
    )  # fmt: skip
    assert trained.card["diffusion"] == 0.5
    unknown = next(note for note in trained.card["notes"] if "no known symbol of a gene" in note)
    assert "GENE003" in unknown and "NRAS" not in unknown
    anova = pd.read_csv(tmp_path / "run" / "anova.tsv", sep="\t")
    assert set(anova["kind"]) == {"mutation"}  # of what was measured: diffused mutations are not 0 or 1
    kept = trained.model.training["mutation"][:, list(trained.genes["mutation"]).index("NRAS")]
    assert set(np.unique(kept)) - {0.0, 1.0}
    done = run("predict", tmp_path / "run", "--profiles", f"mutation={renamed}", "--out", tmp_path / "p.tsv")
    assert done.exit_code == 0, done.output
    assert "diffused by 0.5" in done.output


@pytest.fixture(scope="module")
def explained(
    trained: Path, tables: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions of training compounds and one that is new, and all contributions to them."""
    folder = tmp_path_factory.mktemp("explained")
    new = pd.DataFrame({"drug_name": ["new"], "smiles": ["CCOc1ccccc1"]})
    pd.concat([pd.read_csv(tables["drugs"], sep="\t"), new]).to_csv(folder / "d.tsv", sep="\t", index=False)
    done = predict(
        trained, tables, folder / "p.tsv", "--drugs", folder / "d.tsv", "--covariates", tables["covariates"],
        "--attributions", folder / "a.tsv", "--top", 0,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return pd.read_csv(folder / "p.tsv", sep="\t"), pd.read_csv(folder / "a.tsv", sep="\t")


def test_attributions__name_the_planted_marker_first(
    explained: tuple[pd.DataFrame, pd.DataFrame], tables: dict[str, Path]
) -> None:
    mutated = pd.read_csv(tables["mutation"], sep="\t", index_col="depmap_id")
    every = explained[1].set_index("depmap_id")
    kind = every["drug_name"].map(
        pd.read_csv(tables["drugs"], sep="\t").set_index("drug_name")["compound_class"]
    )
    for gene, other, of_class, sign in (("BRAF", "KMT2D", "x", -1), ("KMT2D", "BRAF", "y", 1)):
        alone = mutated.index[(mutated[gene] == 1) & (mutated[other] == 0)]
        asked = every[(kind == of_class) & every.index.isin(alone)]
        mean = asked.groupby(["block", "marker"])["contribution"].mean()
        assert mean.abs().idxmax() == ("mutation", gene)
        found = asked[(asked["marker"] == gene) & (asked["block"] == "mutation")]
        assert (np.sign(found["contribution"]) == sign).all() and (found["value"] == 1).all()
        if gene == "BRAF":
            first = asked.reset_index().drop_duplicates(["depmap_id", "drug_name"])["marker"]
            assert (first == gene).mean() > 0.9


def test_attributions__sum_to_the_prediction_less_that_of_the_mean_profile(
    explained: tuple[pd.DataFrame, pd.DataFrame], trained: Path
) -> None:
    predictions, contributions = explained
    model = load_response_network(trained)
    at_mean = model.model.predict({name: mean[None] for name, mean in model.model.filler.means.items()})[0]
    keys = ["depmap_id", "drug_name"]
    total = contributions.groupby(keys)["contribution"].sum()
    told = predictions[~predictions["abstain"]].set_index(keys)["prediction"]
    assert set(total.index) == set(told.index) and len(told) > 600
    start = told.index.get_level_values("drug_name").map(dict(zip(model.compound_ids, at_mean, strict=True)))
    difference = told - start
    assert np.abs(total.reindex(told.index) - difference).max() < 0.02 * difference.abs().max()


def test_attributions__of_a_new_compound_are_those_of_its_likes(trained: Path) -> None:
    model = load_response_network(trained)
    names, smiles = ["new", model.compound_ids[0]], ["CCOc1ccccc1", model.smiles[0]]
    lines = {name: block[:5] for name, block in model.model.training.items()}
    mean = {name: block[None] for name, block in model.model.filler.means.items()}
    line, compound = np.repeat(np.arange(5), 2), np.tile([0, 1], 5)
    known = model.find_compounds(names, smiles)
    difference = (model.scores(lines, known, smiles) - model.scores(mean, known, smiles))[line, compound]
    found = pd.concat(model.attributions(lines, line, names, smiles, compound))
    total = found.groupby("pair")["contribution"].sum()
    assert known.tolist() == [-1, 0]
    assert np.allclose(total, difference, atol=0.02 * np.abs(difference).max())


def test_attributions__the_strongest_by_row_in_the_order_of_the_rows(
    trained: Path, tables: dict[str, Path], tmp_path: Path
) -> None:
    names = pd.read_csv(tables["drugs"], sep="\t")["drug_name"]
    asked = [("LINE0003", names[1]), ("NOBODY", names[1]), ("LINE0001", names[0]), ("LINE0003", names[1])]
    pd.DataFrame(asked, columns=["depmap_id", "drug_name"]).to_csv(
        tmp_path / "pairs.tsv", sep="\t", index=False
    )
    done = predict(
        trained, tables, tmp_path / "p.tsv", "--pairs", tmp_path / "pairs.tsv", "--attributions",
        tmp_path / "a.tsv", "--top", 3,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "a.tsv", sep="\t")
    assert list(zip(table["depmap_id"], table["drug_name"], strict=True)) == [
        each for row in (0, 2, 3) for each in [asked[row]] * 3
    ]
    size = table["contribution"].abs().to_numpy().reshape(3, 3)
    assert (np.diff(size, axis=1) <= 0).all()
    assert not table["block"].eq("covariates").any()  # none are given: missing, so that they move nothing
    assert table["contribution"][:3].tolist() == table["contribution"][6:].tolist()


def test_attributions__options_that_do_not_fit_are_refused(
    trained: Path, tables: dict[str, Path], tmp_path: Path
) -> None:
    lost = predict(trained, tables, tmp_path / "p.tsv", "--top", 3)
    assert lost.exit_code == 2 and "--top says how much of --attributions to write" in lost.output
    affinity = run(
        "predict", "kinase-affinity", "--out", tmp_path / "p.tsv", "--attributions", tmp_path / "a.tsv",
        "--pairs", "p.tsv", "--drugs", "d.tsv", "--targets", "t.tsv",
    )  # fmt: skip
    assert affinity.exit_code == 2
    assert "'kinase-affinity' predicts affinity and does not read --attributions" in affinity.output
    assert not (tmp_path / "p.tsv").exists()


def test_train__anova_finds_the_planted_markers(trained: Path, tables: dict[str, Path]) -> None:
    tests = pd.read_csv(trained / "anova.tsv", sep="\t")
    kind = tests["compound"].map(
        pd.read_csv(tables["drugs"], sep="\t").set_index("drug_name")["compound_class"]
    )
    first = tests.head(12).assign(of=kind)
    assert first["marker"].tolist() == np.where(first["of"] == "x", "BRAF", "KMT2D").tolist()
    assert (np.sign(first["effect"]) == np.where(first["of"] == "x", -1, 1)).all()
    assert (tests["fdr"] >= tests["p_value"]).all() and tests["p_value"].is_monotonic_increasing
