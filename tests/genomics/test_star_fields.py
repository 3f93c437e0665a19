"""Fields that star alleles are called from."""

from __future__ import annotations

from pathlib import Path

from genomics.ingest import ingest
from genomics.star_fields import declared_star_fields


def test_declared_star_fields__those_of_the_header_reach_the_store(tmp_path: Path) -> None:
    header = (
        "##fileformat=VCFv4.2\n##contig=<ID=22>\n"
        '##INFO=<ID=SVLEN,Number=.,Type=Integer,Description="l">\n'
        '##INFO=<ID=AF,Number=A,Type=Float,Description="f">\n'
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">\n'
        '##FORMAT=<ID=CN,Number=1,Type=Integer,Description="c">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\n"
    )
    path = tmp_path / "in.vcf"
    path.write_text(header + "22\t5\t.\tN\t<DEL>\t.\t.\tSVLEN=-9;AF=0.5\tGT:CN\t0/1:1\n")
    fields = declared_star_fields(path)
    assert fields == ["FORMAT/CN", "INFO/SVLEN"]
    cohort = ingest(path, tmp_path / "in.vcz", build="GRCh38", fields=fields)
    assert cohort.read("call_CN").tolist() == [[1]] and cohort.read("variant_SVLEN").ravel().tolist() == [-9]
    assert "variant_AF" not in cohort.arrays
