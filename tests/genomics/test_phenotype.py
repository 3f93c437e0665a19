import gzip

import numpy as np
import pandas as pd
import pytest

from genomics.errors import InputError
from genomics.phenotype import read_phenotypes

SAMPLES = ["A", "B", "C", "D"]


def _write(folder, text, name="traits.tsv"):
    path = folder / name
    path.write_text(text)
    return path


def _error(path, trait="flare", covariates=(), samples=SAMPLES, **options):
    with pytest.raises(InputError) as caught:
        read_phenotypes(path, trait, covariates, sample_ids=samples, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_read_phenotypes__aligned_to_cohort(tmp_path):
    path = _write(
        tmp_path, "sample_id\tflare\tage\tdose\nD\t1\t50\t2.5\nX\t0\t60\t1\nB\tNA\t\t\nA\t0\t20\t4e1\n"
    )
    binary = read_phenotypes(path, "flare", ["age"], sample_ids=SAMPLES)
    np.testing.assert_array_equal(binary.values, [0, np.nan, np.nan, 1])
    np.testing.assert_array_equal(binary.covariates["age"], [20, np.nan, np.nan, 50])
    assert (binary.trait_type, binary.n_matched, binary.n_unmatched) == ("binary", 3, 1)
    quantitative = read_phenotypes(path, "dose", sample_ids=SAMPLES)
    assert quantitative.trait_type == "quantitative" and quantitative.covariates.shape == (4, 0)
    np.testing.assert_array_equal(quantitative.values, [40, np.nan, np.nan, 2.5])


@pytest.mark.parametrize("separator", ["\t", ",", " ", "   "])
def test_read_phenotypes__separators_and_plink_names(tmp_path, separator):
    lines = [["FID", "IID", "flare"], ["f", "A", "0"], ["f", "B", "1"]]
    path = _write(tmp_path, "\n".join(separator.join(line) for line in lines), "traits.txt")
    assert read_phenotypes(path, "flare", sample_ids=SAMPLES).values[:2].tolist() == [0, 1]


def test_read_phenotypes__parquet(tmp_path):
    path = tmp_path / "traits.parquet"
    pd.DataFrame(
        {"sample_id": ["A", "B", "C"], "flare": [True, False, None], "age": [1.5, 2, None]}
    ).to_parquet(path)
    table = read_phenotypes(path, "flare", ["age"], sample_ids=SAMPLES)
    np.testing.assert_array_equal(table.values, [1, 0, np.nan, np.nan])
    np.testing.assert_array_equal(table.covariates["age"], [1.5, 2, np.nan, np.nan])


def test_read_phenotypes__categorical_covariate(tmp_path):
    path = _write(tmp_path, "IID\tflare\tsite\nA\t0\tRome\nB\t1\tOslo\nC\t0\tLima\nD\t1\tNA\n")
    covariates = read_phenotypes(path, "flare", ["site"], sample_ids=SAMPLES).covariates
    assert list(covariates) == ["site=Oslo", "site=Rome"]
    np.testing.assert_array_equal(covariates["site=Rome"], [1, 0, 0, np.nan])


def test_read_phenotypes__one_two(tmp_path):
    path = _write(tmp_path, "IID flare\nA 1\nB 2\nC NA\n")
    message = _error(path)
    assert "flare" in message and "one_two" in message
    table = read_phenotypes(path, "flare", sample_ids=SAMPLES, one_two=True)
    np.testing.assert_array_equal(table.values, [0, 1, np.nan, np.nan])
    assert read_phenotypes(path, "flare", sample_ids=SAMPLES, trait_type="quantitative").values[1] == 2


def test_read_phenotypes__binary_with_other_values(tmp_path):
    path = _write(tmp_path, "IID flare\nA 0\nB 1\nC -9\n")
    message = _error(path, trait_type="binary")
    assert "record 3" in message and "'-9'" in message and "NA" in message


def test_read_phenotypes__no_sample_column(tmp_path):
    message = _error(_write(tmp_path, "patient\tflare\nA\t1\nB\t0\n"))
    assert message.startswith("traits.tsv") and "sample_id or IID" in message and "patient" in message


def test_read_phenotypes__duplicate_sample(tmp_path):
    message = _error(_write(tmp_path, "sample_id\tflare\nsecret\t1\nB\t0\n\nsecret\t0\n"))
    assert "record 4" in message and "record 1" in message and "secret" not in message


def test_read_phenotypes__no_sample_matches(tmp_path):
    path = _write(tmp_path, "sample_id\tflare\n12\t1\n13\t0\n")
    message = _error(path, samples=["NA00012", "NA00013", "NA00014"])
    assert "2 rows" in message and "3 samples" in message
    assert "'AA99999'" in message and "NA00012" not in message


@pytest.mark.parametrize(
    ("ids", "samples", "hint"),
    [
        (["a1", "b1"], ["A1", "B1"], "case"),
        (["a1", "b1"], ["a1_a1", "b1_b1"], "FID_IID"),
        (["7", "8"], ["007", "008"], "leading zeros"),
    ],
)
def test_read_phenotypes__naming_difference_named(tmp_path, ids, samples, hint):
    path = _write(tmp_path, "sample_id\tflare\n" + "".join(f"{i}\t{n}\n" for n, i in enumerate(ids)))
    assert hint in _error(path, samples=samples)


def test_read_phenotypes__missing_trait_lists_columns(tmp_path):
    message = _error(_write(tmp_path, "FID,IID,bmi,age\n1,A,2,3\n"))
    assert "flare" in message and "bmi, age" in message and "FID" not in message


def test_read_phenotypes__missing_covariate(tmp_path):
    path = _write(tmp_path, "IID,flare,age\nA,0,3\nB,1,4\n")
    message = _error(path, covariates=["sex"])
    assert "covariate" in message and "field sex" in message and "age" in message


def test_read_phenotypes__not_a_number(tmp_path):
    message = _error(_write(tmp_path, "IID\tflare\nA\t0.5\nB\tlow\nC\t3\n"))
    assert message.startswith("traits.tsv, record 2, field flare: 'low' is not a number")
    message = _error(_write(tmp_path, "IID\tflare\nA\t0.5\nB\tinf\nC\t3\n"))
    assert "record 2" in message


def test_read_phenotypes__covariate_not_a_number(tmp_path):
    path = _write(tmp_path, "IID\tflare\tage\nA\t0\t31\nB\t1\tforty\n")
    assert "record 2, field age: 'forty'" in _error(path, covariates=["age"])


def test_read_phenotypes__constant_trait(tmp_path):
    assert "constant" in _error(_write(tmp_path, "IID\tflare\nA\t1\nB\t1\nC\tNA\n"))
    assert "constant" in _error(_write(tmp_path, "IID\tflare\nA\t1\nB\t1\nX\t0\n"))
    assert "no value" in _error(_write(tmp_path, "IID\tflare\nA\tNA\nB\t\n"))


def test_read_phenotypes__constant_covariate(tmp_path):
    path = _write(tmp_path, "IID\tflare\tage\tsite\nA\t0\t31\tRome\nB\t1\t31\tRome\n")
    assert "covariate is constant" in _error(path, covariates=["age"])
    assert "1 different value" in _error(path, covariates=["site"])


def test_read_phenotypes__too_many_levels(tmp_path):
    rows = "".join(f"{chr(65 + i)}\t{i % 2}\tx{chr(65 + i)}\n" for i in range(25))
    message = _error(_write(tmp_path, "IID\tflare\tcode\n" + rows), covariates=["code"])
    assert "25 different" in message and "20 levels" in message


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is empty"),
        ("sample_id\tflare\n", "no rows"),
        ("sample_id\tflare\nA\t1\nB\n", "record 2: has 1 fields"),
        ("sample_id\tflare\tflare\nA\t1\t2\n", "two columns"),
        ("sample_id\tflare\nNA\t1\n", "no sample is named"),
    ],
)
def test_read_phenotypes__malformed_table(tmp_path, text, part):
    assert part in _error(_write(tmp_path, text))


def test_read_phenotypes__not_text_or_absent(tmp_path):
    binary = tmp_path / "traits.tsv"
    binary.write_bytes(b"\x1f\x8b\xff\xfe\x00")
    assert "not a text table" in _error(binary)
    assert "cannot be read" in _error(tmp_path / "none.tsv")


def test_read_phenotypes__gzip_and_truncated_gzip(tmp_path):
    whole = gzip.compress(b"IID flare\n" + b"".join(b"%d %d\n" % (i, i % 2) for i in range(500)))
    path = tmp_path / "traits.txt.gz"
    path.write_bytes(whole)
    assert read_phenotypes(path, "flare", sample_ids=["0", "1"]).values.tolist() == [0, 1]
    path.write_bytes(whole[: len(whole) // 2])
    assert "complete gzip file" in _error(path)


def test_read_phenotypes__trait_among_covariates(tmp_path):
    assert "own covariates" in _error(_write(tmp_path, "IID flare\nA 1\nB 0\n"), covariates=["flare"])
