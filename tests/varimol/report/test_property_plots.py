import re

import numpy as np
import pandas as pd
import pytest

from chem.errors import InputError
from models.metrics import auroc
from varimol.report.property_plots import property_predicted_svg, reliability_svg


def texts(svg):
    return re.findall(r">([^<>]+)</text>", svg)


@pytest.fixture(scope="module")
def held_out():
    rng = np.random.default_rng(0)
    label = rng.normal(size=300)
    solubility = pd.DataFrame(
        {"endpoint": "logS", "label": label, "prediction": label + rng.normal(size=300)}
    )
    p = rng.random(500)
    toxic = pd.DataFrame({"endpoint": "toxic", "label": (rng.random(500) < p).astype(float), "prediction": p})
    toxic.loc[3, "label"] = np.nan
    return pd.concat([toxic, solubility], ignore_index=True)


def test_property_predicted__measured_endpoints_alone(held_out):
    shown = texts(property_predicted_svg(held_out, units={"logS": "log10(mol/l)"}))
    rows = held_out[held_out["endpoint"] == "logS"]
    rmse = np.sqrt(np.mean((rows["label"] - rows["prediction"]) ** 2))
    assert "logS, log10(mol/l)" in shown and f"RMSE {rmse:.2f}, n 300" in shown and "toxic" not in shown


def test_reliability__classes_alone(held_out):
    shown = texts(reliability_svg(held_out))
    rows = held_out[held_out["endpoint"] == "toxic"].dropna()
    assert f"AUROC {auroc(rows['label'], rows['prediction']):.2f}, n 499" in shown and "logS" not in shown


def test_plots__same_rows_same_bytes(held_out):
    mixed = held_out.sample(frac=1, random_state=1)
    assert property_predicted_svg(held_out) == property_predicted_svg(mixed)
    assert reliability_svg(held_out) == reliability_svg(held_out)


def test_plots__nothing_to_draw(held_out):
    assert property_predicted_svg(held_out[held_out["endpoint"] == "toxic"]) == ""
    assert reliability_svg(held_out[held_out["endpoint"] == "logS"]) == ""


def test_plots__no_more_panels_than_asked(held_out):
    many = pd.concat([held_out.assign(endpoint=held_out["endpoint"] + str(k)) for k in range(5)])
    assert sum("AUROC" in text for text in texts(reliability_svg(many, n_shown=3))) == 3


def test_plots__bad_input(held_out):
    with pytest.raises(InputError, match="no column 'endpoint'"):
        property_predicted_svg(held_out.drop(columns="endpoint"))
    with pytest.raises(InputError, match="a number from 0 to 1"):
        reliability_svg(held_out.assign(prediction=lambda t: 2 * t["prediction"]))
