"""Calling star alleles: what the rows tell, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from genomics.errors import InputError
from genomics.ingest import ingest
from genomics.star_alleles import read_definitions
from genomics.star_rows import name_sites
from genomics.stars import call_diplotypes
from tests.genomics.star_cohorts import long_definitions, site_records, top


def test_call_diplotypes__unknown_base_or_combination_abstains(cohort_of: Callable[..., Any]) -> None:
    records = site_records({"rs1142345": "0/1", "rs1800460": "0/0"})
    odd = [(*records[0][:3], "C,G", "0/2"), records[1]]
    found = top(call_diplotypes(cohort_of(odd), long_definitions(), assay="array"), "TPMT")
    assert found["status"] == "abstain" and "undocumented" in found["reason"]
    assert found["diplotype"] == "" and np.isnan(found["posterior"])
    both = {"rs12248560": "1|0", "rs4244285": "1|0", "rs3758581": "1|1"}
    combined = call_diplotypes(cohort_of(site_records(both)), long_definitions(), assay="array")
    assert "undocumented" in top(combined, "CYP2C19")["reason"]


def test_call_diplotypes__split_records_and_file_order_change_nothing(cohort_of: Callable[..., Any]) -> None:
    records = site_records({"rs12248560": "0/1", "rs4244285": "1/0", "rs3758581": "1/1"})
    plain = call_diplotypes(cohort_of(records), long_definitions(), assay="array")
    split = [records[0], (*records[0][:3], "G", "0/0"), *records[1:]]
    again = call_diplotypes(cohort_of(split), long_definitions(), assay="array")
    pd.testing.assert_frame_equal(plain, again)
    swapped = [(*record[:4], record[4][::-1]) for record in records]
    pd.testing.assert_frame_equal(
        plain, call_diplotypes(cohort_of(swapped), long_definitions(), assay="array")
    )
    prefixed = [(f"chr{record[0]}", *record[1:]) for record in records]
    pd.testing.assert_frame_equal(
        plain, call_diplotypes(cohort_of(prefixed), long_definitions(), assay="array")
    )


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [({"assay": "chip"}, "field assay"), ({"assay": "wgs", "build": "NCBI36"}, "field build")],
)
def test_call_diplotypes__bad_options_say_what_was_expected(
    cohort_of: Callable[..., Any], kwargs: dict[str, str], message: str
) -> None:
    cohort = cohort_of(site_records({"rs6025": "0/0"}))
    with pytest.raises(InputError, match=message):
        call_diplotypes(cohort, long_definitions(), **kwargs)


def test_call_diplotypes__unknown_build_is_refused(cohort_of: Callable[..., Any]) -> None:
    cohort = cohort_of(site_records({"rs6025": "0/0"}), build="auto")
    with pytest.raises(InputError, match="expected GRCh37 or GRCh38"):
        call_diplotypes(cohort, long_definitions(), assay="wgs")


def test_read_definitions__missing_column_is_named() -> None:
    with pytest.raises(InputError, match="field alt"):
        list(read_definitions(long_definitions().drop(columns="alt")))


def test_name_sites__long_lists_are_cut() -> None:
    assert name_sites([f"rs{i}" for i in range(25)], 40).endswith("rs19 and 5 more")


def test_call_diplotypes__undocumented_haplotype_is_described(cohort_of: Callable[..., Any]) -> None:
    cohort = cohort_of(site_records({"rs12248560": "1/1", "rs4244285": "1/1", "rs3758581": "1/1"}))
    found = top(call_diplotypes(cohort, long_definitions(), assay="wgs"), "CYP2C19")
    assert found["status"] == "abstain" and found["diplotype"] == ""
    assert found["variants"] == "nearest: [*2 + *17]/[*2 + *17]"


def test_call_diplotypes__genotype_genes_tell_their_bases(cohort_of: Callable[..., Any]) -> None:
    cohort = cohort_of(site_records({"rs6025": "0/1"}))
    definitions = long_definitions().query("gene == 'F5'").assign(method="genotype")
    found = top(call_diplotypes(cohort, definitions, assay="wgs"), "F5")
    assert found["diplotype"] == "Reference/Leiden" and found["variants"] == "rs6025 C/T"


def test_call_diplotypes__tumour_calls_are_no_genotypes(tmp_path: Path) -> None:
    path = tmp_path / "tumour.vcf"
    path.write_text(
        "##fileformat=VCFv4.2\n##source=Mutect2\n##tumor_sample=T\n##contig=<ID=10>\n"
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tT\tN\n"
        "10\t94781859\t.\tG\tA\t.\tPASS\t.\tGT\t0/1\t0/0\n"
    )
    cohort = ingest(path, tmp_path / "tumour.vcz", build="GRCh38")
    found = call_diplotypes(cohort, long_definitions(), assay="wgs")
    assert set(found["status"]) == {"abstain"} and len(found) == 6
    assert found["reason"].str.startswith("somatic calls (GATK Mutect2)").all()


def test_call_diplotypes__a_sample_named_tumour_is_not_called(tmp_path: Path) -> None:
    path = tmp_path / "pair.vcf"
    path.write_text(
        "##fileformat=VCFv4.2\n##contig=<ID=10>\n"
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tTUMOR\tNORMAL\n"
        "10\t94781859\t.\tG\tA\t.\tPASS\t.\tGT\t0/1\t0/1\n"
        "10\t94842866\t.\tA\tG\t.\tPASS\t.\tGT\t1/1\t1/1\n"
    )
    cohort = ingest(path, tmp_path / "pair.vcz", build="GRCh38")
    found = call_diplotypes(cohort, long_definitions(), assay="targeted")
    tumour, normal = (top(found, "CYP2C19", sample) for sample in ("TUMOR", "NORMAL"))
    assert tumour["status"] == "abstain" and "tumour" in tumour["reason"] and not tumour["diplotype"]
    assert "*2" in normal["diplotype"]
