import shutil
from pathlib import Path

import numpy as np
import pytest

from genomics.cohort import open_cohort
from genomics.errors import InputError
from genomics.quality_rows import allele_texts, count_alleles, naming_columns


@pytest.fixture
def cohort(make_cohort):
    dosage = np.zeros((5, 3), int)
    alts = ["G", "G,T", "<DEL>", "GA,C,T", "C"]
    return make_cohort(
        dosage, contigs=["1", "1", "1", "chrX", "chrX"], alts=alts, refs=["A", "A", "AT", "G", "G"]
    )


def test_allele_texts__as_the_cohort_reads_them(cohort):
    expected = cohort.read("variant_allele")
    assert allele_texts(cohort).to_pylist() == [str(text) for text in expected.ravel()]
    chosen = cohort.select(regions=["chrX"])
    assert allele_texts(chosen).to_pylist() == [str(text) for text in expected[3:].ravel()]


def test_naming_columns__as_the_cohort_names_its_variants(cohort):
    for some in (cohort, cohort.select(regions=["chrX"]), cohort.select(regions=["1:1-2"])):
        texts = allele_texts(some)
        columns = naming_columns(some, texts, count_alleles(texts, some.n_variants))
        assert len(columns) == 7
        for name, values in columns.items():
            assert values.tolist() == some.variants[name].tolist()


def test_allele_texts__damaged_chunk_is_an_error(cohort, tmp_path):
    copied = tmp_path / "copied.vcz"
    shutil.copytree(cohort.path, copied)
    opened = open_cohort(copied)
    chunk = next(path for path in Path(copied / "variant_allele").iterdir() if path.name[0].isdigit())
    chunk.write_bytes(chunk.read_bytes()[:-3])
    with pytest.raises(
        InputError, match=r"copied.vcz, field variant_allele: chunk variant_allele/0.0 is damaged"
    ):
        allele_texts(opened)
