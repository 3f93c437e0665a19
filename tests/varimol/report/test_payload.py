import base64
import gzip
import json

import numpy as np
import pandas as pd

from varimol.report.bundle import read_bundle
from varimol.report.payload import PLAIN_LIMIT, embed, encode_patients


def _decode(data, table, column):
    stored = data["tables"][table]["columns"][column]
    if "text" in stored:
        return ["" if code < 0 else data["pool"][code] for code in stored["text"]]
    return stored.get("number", stored.get("flag"))


def test_encode_patients__rows_come_back_as_written(directory, page, embedded):
    data = embedded(page)
    therapies = pd.read_parquet(directory / "therapies.parquet").sort_values(["sample_id", "rank"])
    assert _decode(data, "therapies", "compound_name") == therapies["compound_name"].tolist()
    assert _decode(data, "therapies", "evidence_id") == therapies["evidence_id"].tolist()
    written = np.array(_decode(data, "therapies", "score"), dtype=float)
    np.testing.assert_allclose(written, therapies["score"], rtol=1e-3)
    offsets, ids = data["tables"]["therapies"]["offsets"], data["patients"]["id"]
    assert offsets[ids.index("S0003")] == 50 and offsets[ids.index("S0004")] == 75


def test_embed__large_data_are_compressed_and_equal():
    data = {"values": list(range(PLAIN_LIMIT))}
    encoding, text = embed(data)
    assert encoding == "gzip"
    assert json.loads(gzip.decompress(base64.b64decode(text))) == data


def test_encode_patients__evidence_about_the_cohort_belongs_to_nobody(tmp_path, write_directory):
    directory = write_directory(tmp_path / "out", 3)
    evidence = pd.read_parquet(directory / "evidence.parquet")
    evidence.loc[0, "sample_id"] = ""
    evidence.to_parquet(directory / "evidence.parquet")
    data = encode_patients(read_bundle(directory))
    assert data["patients"]["id"] == ["S0001", "S0002", "S0003"]
    offsets = data["tables"]["evidence"]["offsets"]
    assert offsets[-1] - offsets[-2] == 1 and offsets[-1] == len(evidence)
