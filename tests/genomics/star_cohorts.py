"""Small definitions of three genes, and files that carry their sites."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from genomics.ingest import ingest

SITES = {
    # rsid: contig, GRCh38 position, ref, alt, GRCh37 position, GRCh37 base
    "rs12248560": ("10", 94761900, "C", "T", 96521657, "C"),
    "rs4244285": ("10", 94781859, "G", "A", 96541616, "G"),
    "rs3758581": ("10", 94842866, "A", "G", 96602623, "G"),
    "rs1800460": ("6", 18138997, "C", "T", 18139228, "C"),
    "rs1142345": ("6", 18130687, "T", "C", 18130918, "T"),
    "rs3918290": ("1", 97450058, "C", "T", 97915614, "C"),
    "rs6025": ("1", 169549811, "C", "T", 169519049, "T"),
}
DEFINITION = [
    ("CYP2C19", "*38", ()),
    ("CYP2C19", "*1", ("rs3758581",)),
    ("CYP2C19", "*2", ("rs3758581", "rs4244285")),
    ("CYP2C19", "*17", ("rs3758581", "rs12248560")),
    ("TPMT", "*1", ()),
    ("TPMT", "*3A", ("rs1800460", "rs1142345")),
    ("TPMT", "*3B", ("rs1800460",)),
    ("TPMT", "*3C", ("rs1142345",)),
    ("F5", "Reference", ()),
    ("F5", "Leiden", ("rs6025",)),
]


def long_definitions(frequencies: dict[tuple[str, str], float] | None = None) -> pd.DataFrame:
    contigs = {"CYP2C19": "10", "TPMT": "6", "F5": "1"}
    rows = []
    for gene, allele, rsids in DEFINITION:
        base = {"gene": gene, "allele": allele, "contig": contigs[gene], "optional": "0"}
        if frequencies:
            base["frequency"] = frequencies.get((gene, allele), 0.0)
        for rsid in rsids or ("",):
            _, p38, ref, alt, p37, ref37 = SITES.get(rsid, ("", None, "", "", None, ""))
            rows.append(
                {
                    **base,
                    "rsid": rsid,
                    "position_grch38": p38,
                    "ref_grch38": ref,
                    "alt": alt,
                    "position_grch37": p37,
                    "ref_grch37": ref37,
                }
            )
    table = pd.DataFrame(rows)
    return table.astype({"position_grch38": "Int64", "position_grch37": "Int64"})


def ingest_records(
    folder: Path, records: list[tuple], *, build: str = "GRCh38", filters: dict[int, str] | None = None
) -> Any:
    """Ingest records given as text: contig, position, ref, alt, calls..."""
    n_samples = len(records[0]) - 4
    header = "##fileformat=VCFv4.2\n" + '##FILTER=<ID=low,Description="low">\n'
    header += "".join(f"##contig=<ID={c}>\n" for c in dict.fromkeys(r[0] for r in records))
    header += '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    fixed = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    lines = ["\t".join([*fixed, *(f"s{i}" for i in range(n_samples))])]
    for contig, position, ref, alt, *calls in records:
        status = (filters or {}).get(position, "PASS")
        lines.append("\t".join([contig, str(position), ".", ref, alt, ".", status, ".", "GT", *calls]))
    number = len(list(folder.iterdir()))
    path = folder / f"in{number}.vcf"
    path.write_text(header + "\n".join(lines) + "\n")
    return ingest(path, folder / f"in{number}.vcz", build=build)


def site_records(calls: dict[str, str | tuple[str, ...]], build: str = "GRCh38") -> list[tuple]:
    records = []
    for rsid, call in calls.items():
        contig, p38, ref, alt, p37, ref37 = SITES[rsid]
        if build == "GRCh37":
            alt = ref if ref37 == alt else alt
            ref = ref37
        each = (call,) if isinstance(call, str) else call
        records.append((contig, p38 if build == "GRCh38" else p37, ref, alt, *each))
    return records


def top(diplotypes: pd.DataFrame, gene: str, sample: str = "s0") -> pd.Series:
    rows = diplotypes[(diplotypes["gene"] == gene) & (diplotypes["sample_id"] == sample)]
    return rows.iloc[0]
