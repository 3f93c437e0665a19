"""What all tests share: where the development data lies, variant files made for one test, a finished run."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import settings

# A busy machine makes single examples slow; the suite has no timed tests. The same commit is tested on the same examples
# every time; `pytest --hypothesis-profile explore` looks for new ones.
settings.register_profile("untimed", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Undo what a test or a command did to torch's threads: more of them than cores make small networks crawl."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


REPOSITORY = Path(__file__).resolve().parents[1]
_VCF_HEADER = (
    "##fileformat=VCFv4.2\n"
    '##FILTER=<ID=q10,Description="low">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">\n'
    '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Quality">\n'
    '##FORMAT=<ID=FT,Number=1,Type=String,Description="Filter">\n'
)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real development data, beside the repository; skip where there is none."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared data folder (../shared/data) is not on this machine")
    return folder


@pytest.fixture(scope="session")
def vcf_text() -> Callable[..., str]:
    """Return a function that writes a VCF; its records have spaces where the file has tabs."""

    def write(records: Sequence[str], samples: Sequence[str] = ("A", "B"), header: Sequence[str] = ()) -> str:
        columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]
        extra = "".join(line + "\n" for line in header)
        body = "".join(record.replace(" ", "\t") + "\n" for record in records)
        return _VCF_HEADER + extra + "\t".join(columns) + "\n" + body

    return write


@pytest.fixture
def make_vcf(tmp_path: Path, vcf_text: Callable[..., str]) -> Callable[..., Path]:
    """Return a function that puts such a VCF into the test's own folder, gzip where its name ends so."""

    def make(
        records: Sequence[str],
        name: str = "cohort.vcf",
        samples: Sequence[str] = ("A", "B"),
        header: Sequence[str] = (),
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = vcf_text(records, samples, header).encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return make


@pytest.fixture(scope="session")
def build_sites(shared_data: Path) -> pd.DataFrame:
    """Return known variants with their place on both builds, from the table of PyPGx."""
    table = pd.read_csv(shared_data / "pharmacogenes" / "pypgx_tables" / "variant-table.csv")
    return pd.DataFrame(
        {
            "rsid": table["rsID"],
            "contig": table["Chromosome"].astype(str),
            "position_grch37": table["GRCh37Position"],
            "position_grch38": table["GRCh38Position"],
            "ref_grch37": table["GRCh37Allele"],
            "ref_grch38": table["GRCh38Allele"],
        }
    )


@dataclass(frozen=True)
class LinkInput:
    """What `varimol link` is given: simulated people with one planted effect, and shipped drugs."""

    variants: Path
    phenotypes: Path
    compounds: Path
    trait: str

    def options(self, out: Path) -> list[str]:
        """Return the command line for a run into `out`."""
        return [
            *("link", "--variants", str(self.variants), "--phenotypes", str(self.phenotypes)),
            *("--trait", self.trait, "--compounds", str(self.compounds), "--covariates", "age,sex"),
            *("--assay", "wgs", "--out", str(out)),
        ]  # fmt: skip

    def link(self, out: Path, **changes: Any) -> Path:
        """Run it through Python; `changes` replace arguments of `varimol.link.link`."""
        from varimol.link import link

        given: dict[str, Any] = {
            "variants": self.variants, "phenotypes": self.phenotypes, "trait": self.trait,
            "compounds": self.compounds, "covariates": ("age", "sex"), "assay": "wgs",
        }  # fmt: skip
        return link(**(given | {"out": out} | changes))


@pytest.fixture(scope="session")
def simulate_link_input() -> Callable[..., LinkInput]:
    """Return a function that simulates a small cohort in which the planted variant is common.

    Common, and with a larger effect than the demo's, so that few people suffice to find it.
    """

    def simulate(
        folder: Path,
        *,
        odds_ratio: float = 0.1,
        n_samples: int = 250,
        n_background: int = 500,
        n_drugs: int = 60,
    ) -> LinkInput:
        from genomics.simulate import TraitModel, simulate_cohort
        from genomics.simulate_sites import POPULATIONS
        from varimol import tables
        from varimol.demo_cohort import PROTECTIVE, TRAIT, demo_haplotypes, demo_loci, demo_sites

        sites = demo_sites()
        planted = (sites["position"] == PROTECTIVE.position) & (sites["alt"] == PROTECTIVE.alt)
        sites.loc[planted, list(POPULATIONS)] = 0.3
        simulate_cohort(
            seed=7,
            frequencies=sites,
            haplotypes=demo_haplotypes(),
            loci=demo_loci(sites),
            n_neighbours=5,
            planted=replace(PROTECTIVE, odds_ratio=odds_ratio),
            n_samples=n_samples,
            n_background=n_background,
            trait=TraitModel(name=TRAIT),
        ).write(folder)
        drugs = tables.drugs()
        known = drugs[drugs["compound_id"].isin(tables.known_drug_actions()["compound_id"])].iloc[
            : n_drugs // 3
        ]
        guided = drugs[drugs["name"].isin(tables.guidance()["drug"])].iloc[: n_drugs // 3]
        others = drugs.iloc[:: len(drugs) // n_drugs]
        chosen = pd.concat([known, guided, others]).drop_duplicates("compound_id").iloc[:n_drugs]
        chosen[["compound_id", "name", "smiles"]].to_csv(folder / "drugs.tsv", sep="\t", index=False)
        return LinkInput(folder / "cohort.vcf.gz", folder / "phenotypes.tsv", folder / "drugs.tsv", TRAIT)

    return simulate


@pytest.fixture(scope="session")
def link_input(
    simulate_link_input: Callable[..., LinkInput], tmp_path_factory: pytest.TempPathFactory
) -> LinkInput:
    """Return what the run of `linked` was given; not to be changed."""
    return simulate_link_input(tmp_path_factory.mktemp("link-input"))


@pytest.fixture(scope="session")
def linked(link_input: LinkInput, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished `varimol link` run, in which a marker is found; not to be changed."""
    out = tmp_path_factory.mktemp("linked") / "out"
    link_input.link(out)
    return out
