import subprocess
from shutil import which

import numpy as np
import pytest

from genomics.errors import InputError
from genomics.ingest import ingest
from genomics.sex_check import SEX_COLUMNS, check_sex, count_sex_contradictions

N_MEN, N_WOMEN, N_X, N_Y = 12, 14, 300, 40


def _text(alleles):
    return "/".join(map(str, alleles))


def _people(rng, men_haploid):
    """Men and women over X outside the pseudo-autosomal regions, PAR1, Y and MT, on GRCh38."""
    records = []
    for place in range(N_X):
        p = rng.uniform(0.1, 0.5)
        men = [(a,) if men_haploid else (a, a) for a in rng.binomial(1, p, N_MEN)]
        women = [tuple(pair) for pair in rng.binomial(1, p, (N_WOMEN, 2))]
        calls = [_text(call) for call in [*men, *women]]
        records.append(f"chrX {20_000_000 + place * 1000} x{place} A G . . . GT {' '.join(calls)}")
    par = [_text(pair) for pair in rng.binomial(1, 0.5, (N_MEN + N_WOMEN, 2))]
    records.insert(0, f"chrX 1000000 par A G . . . GT {' '.join(par)}")
    for place in range(N_Y):
        calls = [str(a) for a in rng.binomial(1, 0.3, N_MEN)] + ["."] * N_WOMEN
        records.append(f"chrY {5_000_000 + place * 1000} y{place} A G . . . GT {' '.join(calls)}")
    return records


@pytest.fixture(params=[True, False], ids=["haploid-men", "diploid-men"])
def cohort(request, make_vcf, tmp_path):
    """Return a cohort of men and women, its build known."""
    records = _people(np.random.default_rng(3), request.param)
    samples = [f"m{n}" for n in range(N_MEN)] + [f"f{n}" for n in range(N_WOMEN)]
    path = make_vcf(records, samples=samples)
    return ingest(path, tmp_path / "people.vcz", build="GRCh38")


def test_check_sex__finds_men_and_women(cohort):
    table = check_sex(cohort)
    assert list(table) == list(SEX_COLUMNS)
    assert table["inferred_sex"].tolist() == ["male"] * N_MEN + ["female"] * N_WOMEN
    assert (table["x_f"][:N_MEN] == 1).all() and (table["x_f"][N_MEN:] < 0.2).all()
    assert (table["y_call_rate"] == [1.0] * N_MEN + [0.0] * N_WOMEN).all()
    assert not table["problem"].any()


def test_check_sex__names_who_was_swapped(cohort):
    stated = np.array([1] * N_MEN + [2] * N_WOMEN)
    stated[[0, -1]] = 2, 1
    table = check_sex(cohort, stated)
    assert np.flatnonzero(table["problem"] != "").tolist() == [0, N_MEN + N_WOMEN - 1]
    assert "stated female, the calls say male" in table["problem"][0]


def test_check_sex__build_unknown(cohort):
    with pytest.raises(InputError, match="build"):
        check_sex(cohort, build="unknown")


def test_check_sex__f_as_plink2(make_vcf, tmp_path):
    """PLINK 2's --het has the F of --check-sex, on autosomes: the same calls are given to it as chromosome 1."""
    if which("plink2") is None:
        pytest.skip("plink2 is not installed")
    rng = np.random.default_rng(4)
    lines = [line for line in _people(rng, men_haploid=False) if line.startswith("chrX 2")]
    lines = [line.replace("0/1", "./.", 1) if n % 7 == 0 else line for n, line in enumerate(lines)]
    samples = [f"s{n}" for n in range(N_MEN + N_WOMEN)]
    mine = check_sex(ingest(make_vcf(lines, samples=samples), tmp_path / "x.vcz", build="GRCh38"))
    autosomal = make_vcf([line.replace("chrX", "1", 1) for line in lines], "autosome.vcf", samples=samples)
    frequencies = ["plink2", "--vcf", autosomal, "--freq", "--out", tmp_path / "p"]
    subprocess.run([*frequencies, "--bad-freqs"], check=True, capture_output=True)
    command = [
        "plink2",
        "--vcf",
        autosomal,
        "--read-freq",
        tmp_path / "p.afreq",
        "--het",
        "--out",
        tmp_path / "p",
    ]
    subprocess.run([*command, "--bad-freqs"], check=True, capture_output=True)
    rows = [line.split() for line in (tmp_path / "p.het").read_text().splitlines()]
    theirs = {
        name: np.array([float(row[rows[0].index(name)]) for row in rows[1:]])
        for name in ("O(HOM)", "OBS_CT", "F")
    }
    np.testing.assert_array_equal(mine["x_called"], theirs["OBS_CT"])
    np.testing.assert_array_equal(mine["x_called"] - mine["x_heterozygous"], theirs["O(HOM)"])
    np.testing.assert_allclose(mine["x_f"], theirs["F"], atol=2e-4)


def test_count_sex_contradictions__each_kind(make_vcf, tmp_path):
    records = [
        "X 1000000 . A G . . . GT 0/1 0/1 0/1",
        "X 20000000 . A G . . . GT 0/1 0/1 0/1",
        "X 20000001 . A G . q10 . GT 0/1 0/1 0/1",
        "Y 5000000 . A G . . . GT 0/1 1 ./.",
        "MT 1000 . A G . . . GT 0/1 1 0/1",
    ]
    cohort = ingest(make_vcf(records, samples="ABC"), tmp_path / "c.vcz", build="GRCh38")
    table = count_sex_contradictions(cohort, np.array([1, 2, 0]))
    assert table["man_heterozygous_x"].tolist() == [1, 0, 0]
    assert table["man_heterozygous_y"].tolist() == [1, 0, 0]
    assert table["woman_called_y"].tolist() == [0, 1, 0]
    assert table["heterozygous_mt"].tolist() == [1, 0, 1]
