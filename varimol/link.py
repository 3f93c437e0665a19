"""The whole way: from variant calls, a phenotype table and compounds to ranked therapies with their evidence."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from genomics.contigs import canonical_contig
from genomics.errors import InputError
from varimol import __version__, tables
from varimol import evidence as ev
from varimol.commands import call_stars, control_mask, ingest, is_store, named_compounds
from varimol.results import (
    QUALITY_FILES,
    STRUCTURE_FILES,
    read_json,
    read_quality,
    read_structure,
    write_json,
    write_quality,
    write_structure,
)
from varimol.steps import Run, file_sha256, reading_from, write_table

if TYPE_CHECKING:
    from genomics.cohort import Cohort
    from genomics.phenotype import Phenotypes

PathName = str | os.PathLike[str]


@dataclass(frozen=True)
class LinkOptions:
    """What a run of `link` does.

    Attributes
    ----------
    trait
        Column of the phenotype table.
    trait_type
        ``binary``, ``quantitative`` or empty to read it from the values.
    covariates
        Columns of covariates.
    assay
        What made the calls: ``wgs``, ``wes``, ``array``, ``targeted`` or ``unknown``.
    desired
        For a quantitative trait, whether ``lower`` or ``higher`` is wanted.
    missing_policy
        What a missing genotype counts as in the scan: ``drop`` or ``mean``.
    network
        Shipped network's name or a run's folder.
    build
        ``auto`` to detect it, or ``GRCh37``, ``GRCh38``.
    one_two
        The binary trait is coded 1 (control) and 2 (case).
    top
        Compounds per target and patient.
    seed
        Of everything random.
    """

    trait: str
    trait_type: str = ""
    covariates: tuple[str, ...] = ()
    assay: str = "unknown"
    desired: str = ""
    missing_policy: str = "drop"
    network: str = "kinase-affinity"
    build: str = "auto"
    one_two: bool = False
    top: int = 10
    seed: int = 0


def link(
    variants: PathName | Sequence[PathName],
    phenotypes: PathName,
    trait: str,
    compounds: PathName,
    out: PathName,
    *,
    proteins: PathName | None = None,
    notes: Sequence[str] = (),
    command: Sequence[str] = (),
    progress: Callable[[str, bool], None] | None = None,
    **options: Any,
) -> Path:
    """Go the whole way from variant calls to ranked therapies.

    A second run with the same inputs reuses what is finished, and a run that was killed goes on.

    Parameters
    ----------
    variants
        VCF, BCF or PLINK files, a folder of them, or a store.
    phenotypes
        Table with sample_id (or IID), the trait and the covariates.
    trait
        Column of the trait.
    compounds
        SMILES, CSV, TSV, SDF or Parquet file.
    out
        Folder of the results.
    proteins
        FASTA of proteins that come before the shipped ones.
    notes
        Sentences for the report's head.
    command
        The command line, for the manifest.
    progress
        Called with each step and whether its result was reused.
    **options
        Fields of `LinkOptions`.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    InputError
        Naming file, record and field, and how to go on.
    """
    from varimol.targets import read_proteins

    plan = LinkOptions(trait=trait, **options)
    files = {"variants": _files(variants), "phenotypes": [Path(phenotypes)], "compounds": [Path(compounds)]}
    if proteins is not None:
        files["proteins"] = [Path(proteins)]
    for role, members in files.items():
        for member in members:
            if not member.exists():
                raise InputError(
                    "no such file", file=member, field=f"--{role}", expected=f"the {role}", hint="check the path"
                )  # fmt: skip
    _check_options(plan)
    if proteins is not None:
        read_proteins(proteins)
    walk = _Walk(Run(out, progress), plan, files, list(notes), list(command))
    walk.go()
    return walk.run.path("report.html")


CHOICES: dict[str, tuple[str, ...]] = {
    "trait_type": ("", "binary", "quantitative"),
    "desired": ("", "lower", "higher"),
    "assay": ("wgs", "wes", "array", "targeted", "unknown"),
    "missing_policy": ("drop", "mean"),
    "build": ("auto", "GRCh37", "GRCh38"),
}
"""What the options of a closed list may be."""


def _check_options(plan: LinkOptions) -> None:
    """Refuse what no later step could use, before the long ones begin."""
    from varimol.networks import network_folder

    for name, allowed in CHOICES.items():
        value = getattr(plan, name)
        if value not in allowed:
            raise InputError(
                f"{value!r} is not known", field="--" + name.replace("_", "-"),
                expected="one of " + ", ".join(filter(None, allowed)), hint="choose one of these",
            )  # fmt: skip
    network_folder(plan.network)


def _files(variants: PathName | Sequence[PathName]) -> list[Path]:
    """Files of a cohort; a PLINK fileset by its three members, so that all of them are watched."""
    from genomics.plink import plink_prefix

    named = [Path(variants)] if isinstance(variants, str | os.PathLike) else [Path(v) for v in variants]
    found: list[Path] = []
    for path in named:
        prefix = None if path.is_dir() else plink_prefix(path)
        if prefix is None:
            found.append(path)
        else:
            found += [prefix.with_name(prefix.name + suffix) for suffix in (".bed", ".bim", ".fam")]
    return found


class _Walk:
    """One walk through the steps; each method makes one step's files in the folder it is given."""

    def __init__(
        self, run: Run, plan: LinkOptions, files: dict[str, list[Path]], notes: list[str], command: list[str]
    ) -> None:
        self.run, self.plan, self.files, self.notes, self.command = run, plan, files, notes, command
        self.hashes: dict[str, str] = {}
        for role, members in files.items():
            for path in members:
                with reading_from(path, f"--{role}"):
                    self.hashes[str(path)] = file_sha256(path)

    def go(self) -> None:
        """All steps in their order."""
        from varimol.networks import network_folder

        p, step = self.plan, self.run.step
        step("library", self.library, outputs=["library"], inputs=self._hash("compounds"))
        step(
            "cohort", self.cohort, outputs=["cohort.vcz"], inputs=self._hash("variants"),
            parameters={"build": p.build},
        )  # fmt: skip
        step(
            "quality", self.quality, outputs=QUALITY_FILES, after=["cohort"], inputs=self._hash("phenotypes"),
            parameters={"trait": p.trait, "trait_type": p.trait_type, "covariates": p.covariates, "one_two": p.one_two},
        )  # fmt: skip
        step("structure", self.structure, outputs=STRUCTURE_FILES, after=["quality"], parameters={"seed": p.seed})
        step(
            "association", self.association, outputs=["association.parquet", "association.tsv", "association.json"],
            after=["structure"], parameters={"missing_policy": p.missing_policy},
        )  # fmt: skip
        step(
            "markers", self.markers, outputs=["markers.parquet", "markers.tsv"], after=["association"],
            parameters={"desired": p.desired},
        )  # fmt: skip
        network = file_sha256(network_folder(p.network))
        step(
            "targets", self.targets, outputs=["targets.parquet", "targets.tsv"], after=["markers"],
            inputs=self._hash("proteins"), parameters={"network": network},
        )  # fmt: skip
        step(
            "affinity", self.affinity, outputs=["affinity.parquet", "affinity.tsv"], after=["targets", "library"]
        )
        step(
            "stars", self.stars, after=["cohort"], parameters={"assay": p.assay},
            outputs=["diplotypes.parquet", "diplotypes.tsv", "recommendations.parquet", "recommendations.tsv"],
        )  # fmt: skip
        step(
            "evidence", self.evidence, after=["affinity", "stars"], parameters={"top": p.top},
            outputs=["evidence.parquet", "evidence.tsv", "therapies.parquet", "therapies.tsv"],
        )  # fmt: skip
        step(
            "report", self.report, outputs=["manifest.json", "report.html"], after=["evidence"],
            parameters={"notes": self.notes, "plan": asdict(p)},
        )  # fmt: skip

    def _hash(self, role: str) -> dict[str, str]:
        return {
            f"{number} {path.name}": self.hashes[str(path)]
            for number, path in enumerate(self.files.get(role, []), start=1)
        }

    def _cohort(self) -> Cohort:
        from genomics.cohort import open_cohort

        return open_cohort(self.run.path("cohort.vcz"))

    def _phenotypes(self, cohort: Cohort) -> Phenotypes:
        from genomics.phenotype import read_phenotypes

        p = self.plan
        return read_phenotypes(
            self.files["phenotypes"][0], p.trait, p.covariates, sample_ids=cohort.sample_ids,
            trait_type=p.trait_type or None, one_two=p.one_two,
        )  # fmt: skip

    def cohort(self, folder: Path) -> None:
        """Variant files to a store; a store given is copied."""
        sources = self.files["variants"]
        if len(sources) == 1 and is_store(sources[0]):
            _require_same_build(sources[0], self.plan.build)
            shutil.copytree(sources[0], folder / "cohort.vcz")
        else:
            beds = [path for path in sources if path.suffix not in (".bim", ".fam")]
            ingest(beds, folder / "cohort.vcz", build=self.plan.build)

    def quality(self, folder: Path) -> None:
        """Sample and variant quality; the phenotypes are read first, so that what is wrong shows early."""
        from genomics.cohort import require_build, require_known_contigs
        from genomics.quality import assess_quality

        cohort = self._cohort()
        phenotypes = self._phenotypes(cohort)
        require_known_contigs(cohort)
        require_build(cohort)
        controls = control_mask(phenotypes.values, phenotypes.trait_type)
        write_quality(assess_quality(cohort, controls=controls), folder)

    def structure(self, folder: Path) -> None:
        """Principal components, or why there are none."""
        from genomics.structure import principal_components

        write_structure(
            principal_components(self._cohort(), read_quality(self.run.out), seed=self.plan.seed), folder
        )

    def association(self, folder: Path) -> None:
        """Scan of the trait."""
        from genomics.associate import associate, genomic_control

        cohort = self._cohort()
        phenotypes = self._phenotypes(cohort)
        table = associate(
            cohort, read_quality(self.run.out), phenotypes, read_structure(self.run.out),
            missing_policy=self.plan.missing_policy,
        )  # fmt: skip
        write_table(table, folder / "association")
        values = phenotypes.values
        binary = phenotypes.trait_type == "binary"
        facts = {
            "n_tests": int(table["log10p"].notna().sum()),
            "lambda": _finite(genomic_control(table["log10p"])),
            "covariates": [str(name) for name in table.attrs.get("covariates", self.plan.covariates)],
            "missing_policy": self.plan.missing_policy,
            "trait_type": phenotypes.trait_type,
            "n_cases": int((values == 1).sum()) if binary else None,
            "n_controls": int((values == 0).sum()) if binary else None,
            "n_phenotyped": int((~np.isnan(values)).sum()),
        }
        write_json(facts, folder / "association.json")

    def markers(self, folder: Path) -> None:
        """Independent markers, their genes, and what a drug would have to do."""
        from genomics.conditional import independent_signals
        from genomics.markers import lead_markers

        cohort, association = self._cohort(), self.run.table("association")
        phenotypes = self._phenotypes(cohort)
        signals = independent_signals(
            cohort, read_quality(self.run.out), phenotypes, read_structure(self.run.out), association,
            missing_policy=self.plan.missing_policy,
        )  # fmt: skip
        found = lead_markers(association, cohort, tables.genes(cohort.build), leads=signals)
        extra = signals[["variant_id", "order", "log10p_marginal", "inflation"]]
        found = found.merge(extra.rename(columns={"variant_id": "marker_id"}), on="marker_id")
        found = ev.decide_drug_actions(found, phenotypes.trait_type, self.plan.desired)
        write_table(found, folder / "markers")

    def library(self, folder: Path) -> None:
        """Compounds read, standardised and encoded."""
        from chem.library import build_library

        build_library(self.files["compounds"][0], folder / "library")

    def targets(self, folder: Path) -> None:
        """Proteins of the genes that a drug should inhibit."""
        from varimol.networks import load_network
        from varimol.targets import choose_targets

        markers = self.run.table("markers")
        genes = sorted(set(markers.loc[markers["drug_action"] == "inhibit", "gene"]))
        proteins = self.files.get("proteins", [None])[0]
        write_table(choose_targets(genes, load_network(self.plan.network), proteins), folder / "targets")

    def _compounds(self) -> pd.DataFrame:
        from chem.library import open_library

        return named_compounds(open_library(self.run.path("library")))

    def affinity(self, folder: Path) -> None:
        """Scores of every compound on every target."""
        from varimol.networks import load_network
        from varimol.targets import score_compounds

        table = score_compounds(
            self._compounds(), self.run.table("targets"), load_network(self.plan.network)
        )
        write_table(table, folder / "affinity")

    def stars(self, folder: Path) -> None:
        """Star alleles, phenotypes and guidance."""
        diplotypes, recommendations = call_stars(self._cohort(), self.plan.assay)
        write_table(diplotypes, folder / "diplotypes")
        write_table(recommendations, folder / "recommendations")

    def evidence(self, folder: Path) -> None:
        """Records of evidence and the ranking they give."""
        cohort = self._cohort()
        phenotypes = self._phenotypes(cohort)
        markers, affinity = self.run.table("markers"), self.run.table("affinity")
        compounds = self._compounds()
        named = compounds.assign(name=compounds["drug_name"].where(compounds["drug_name"] != "", compounds["name"]))
        values = phenotypes.values
        is_patient = values == 1 if phenotypes.trait_type == "binary" else ~np.isnan(values)
        is_patient = is_patient & read_quality(self.run.out).samples["passed"].to_numpy(bool)
        states = ev.patient_states(cohort.sample_ids, is_patient, markers, _marker_dosage(cohort, markers))
        records = ev.number_evidence(
            [
                ev.safety_evidence(self.run.table("recommendations"), named),
                ev.known_action_evidence(states, markers, _by_skeleton(tables.known_drug_actions(), compounds), named),
                ev.variant_drug_records(
                    _evidence_carriers(cohort), _by_skeleton(tables.variant_drug_evidence(), compounds), named, self.plan.trait,
                ),
                ev.predicted_evidence(
                    states, markers, affinity, self.run.table("targets"), self._network_source(), top=self.plan.top
                ),
            ]
        )  # fmt: skip
        write_table(records, folder / "evidence")
        write_table(ev.rank_therapies(records), folder / "therapies")

    def _network_source(self) -> str:
        from varimol.networks import load_network

        card = load_network(self.plan.network).card
        return f"network {card.get('name', self.plan.network)} ({card.get('data', 'data not described')})"

    def report(self, folder: Path) -> None:
        """The manifest and the page; the page reads the finished tables and the manifest just made."""
        from varimol.report import write_report

        write_json(self._manifest(), folder / "manifest.json")
        os.replace(folder / "manifest.json", self.run.path("manifest.json"))
        page = write_report(self.run.out)
        os.replace(page, folder / "report.html")
        shutil.copyfile(self.run.path("manifest.json"), folder / "manifest.json")

    def _manifest(self) -> dict[str, Any]:
        from varimol.networks import load_network

        cohort = self._cohort()
        association = read_json(self.run.path("association.json"))
        structure = read_json(self.run.path("structure.json"))
        assessed = read_quality(self.run.out)
        card = load_network(self.plan.network).card
        notes = list(self.notes)
        if not structure["estimable"]:
            notes.append(
                f"Population structure could not be estimated and is not corrected for: {structure['reason']} "
                "Signals were told apart by conditioning on those found before."
            )
        if cohort.build != "GRCh38":
            notes.append(f"Positions are on {cohort.build}, detected from the reference alleles in the files.")
        return {
            "varimol": __version__,
            "created_with": {
                name: importlib.metadata.version(name)
                for name in ("numpy", "pandas", "rdkit", "scikit-allel", "torch", "torch-geometric", "zarr")
            },
            "command": self.command,
            "parameters": asdict(self.plan),
            "seed": self.plan.seed,
            "inputs": [
                {"role": role, "path": path.name, "sha256": self.hashes[str(path)], "bytes": _bytes(path)}
                for role, members in self.files.items()
                for path in members
            ],
            "trait": self.plan.trait,
            "trait_type": association["trait_type"],
            "cohort": {
                "n_samples": int(cohort.n_samples), "n_variants": int(cohort.n_variants),
                "n_cases": association["n_cases"], "n_controls": association["n_controls"],
                "n_phenotyped": association["n_phenotyped"], "build": cohort.build,
                "build_evidence": cohort.build_evidence,
            },
            "quality": asdict(assessed.policy) | {
                "n_samples_passed": int(assessed.samples["passed"].sum()),
                "n_variants_passed": int(assessed.variants["passed"].sum()),
            },
            "structure": {k: structure[k] for k in ("estimable", "reason", "n_variants_used", "n_regions")},
            "association": association,
            "network": {k: v for k, v in card.items() if k not in ("calibration", "members")},
            "sources": tables.sources(),
            "notes": notes,
        }  # fmt: skip


def _require_same_build(store: Path, build: str) -> None:
    from genomics.cohort import open_cohort

    known = open_cohort(store).build
    if build not in ("auto", known):
        raise InputError(
            f"the store was made with build {known}, not {build}", file=store, field="--build", expected="auto",
            hint=f"make the store again with `varimol ingest --build {build}`",
        )  # fmt: skip


def _bytes(path: Path) -> int:
    if path.is_dir():
        return sum(member.stat().st_size for member in path.rglob("*") if member.is_file())
    return path.stat().st_size


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _marker_dosage(cohort: Cohort, markers: pd.DataFrame) -> dict[str, np.ndarray]:
    """Copies of the alleles that decide, per variant, NaN where a call is missing or of low quality."""
    from genomics.quality import QualityPolicy, genotype_thresholds

    wanted = set(markers["marker_id"]) | set(markers["consequence_variant_id"])
    rows = cohort.variants[cohort.variants["variant_id"].isin(wanted)]
    result: dict[str, np.ndarray] = {}
    for block, dosage in cohort.dosage_blocks(rows, **genotype_thresholds(cohort, QualityPolicy())):
        for variant_id, copies in zip(block["variant_id"], dosage, strict=True):
            result.setdefault(variant_id, copies)
    return result


def _by_skeleton(table: pd.DataFrame, compounds: pd.DataFrame) -> pd.DataFrame:
    """Rows of a shipped table with the library's identifier of the same molecule instead of ours."""
    drugs = tables.drugs()
    skeleton = table["compound_id"].map(dict(zip(drugs["compound_id"], drugs["skeleton"], strict=True)))
    mine = compounds.assign(skeleton=compounds["inchikey"].str[:14]).drop_duplicates("skeleton")
    own = skeleton.map(dict(zip(mine["skeleton"], mine["compound_id"], strict=True))).fillna("")
    return table.assign(compound_id=own)[own != ""]


def _evidence_carriers(cohort: Cohort) -> pd.DataFrame:
    """Carriers of the variants that published evidence names, with their GRCh37 position."""
    published = tables.variant_drug_evidence()[["contig", "position_grch37", "ref", "alt"]].drop_duplicates()
    variants = cohort.variants
    contig = variants["contig"].map(canonical_contig)
    position = variants["position"]
    if cohort.build == "GRCh38":
        sites = tables.build_sites().drop_duplicates(["contig", "position_grch38"])
        lifted = sites.set_index(["contig", "position_grch38"])["position_grch37"]
        keys = pd.MultiIndex.from_arrays([contig, position])
        position = pd.Series(lifted.reindex(keys).to_numpy(), index=variants.index)
    frame = variants.assign(contig=contig, position_grch37=position)
    hits = frame.merge(published, on=["contig", "position_grch37", "ref", "alt"])
    rows = variants[variants["variant_id"].isin(set(hits["variant_id"]))]
    parts = []
    for block, dosage in cohort.dosage_blocks(rows):
        place, person = np.nonzero(dosage > 0)
        parts.append(
            pd.DataFrame({"variant_id": block["variant_id"].to_numpy()[place], "sample_id": cohort.sample_ids[person], "dosage": dosage[place, person]})
        )  # fmt: skip
    columns = ["sample_id", "variant_id", "contig", "position_grch37", "ref", "alt", "dosage"]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts).merge(hits.drop_duplicates("variant_id"), on="variant_id")[columns]
