"""The whole way: from variant calls, a phenotype table and compounds to ranked therapies with their evidence."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from genomics.errors import InputError
from varimol import evidence as ev
from varimol import tables
from varimol.carriers import by_skeleton, evidence_carriers, marker_dosage, marker_kinds
from varimol.commands import control_mask, ingest, is_store, write_star_tables
from varimol.compounds import named_compounds
from varimol.link_options import LinkOptions, check_options
from varimol.manifest import describe_run
from varimol.patient_states import patient_states
from varimol.ranking import rank_therapies
from varimol.results import (
    QUALITY_FILES,
    STRUCTURE_FILES,
    read_quality,
    read_structure,
    write_json,
    write_quality,
    write_structure,
)
from varimol.star_calls import STAR_FILES, call_stars
from varimol.steps import Run, file_sha256, reading_from, write_table

if TYPE_CHECKING:
    from genomics.cohort import Cohort
    from genomics.phenotype import Phenotypes

PathName = str | os.PathLike[str]


def link(
    variants: PathName | Sequence[PathName],
    phenotypes: PathName,
    trait: str,
    compounds: PathName,
    out: PathName,
    *,
    proteins: PathName | None = None,
    outside: PathName | None = None,
    sexes: PathName | None = None,
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
    outside
        Star alleles called elsewhere, which come before ours: see docs/pharmacogenes.md.
    sexes
        Table with sample_id (or IID) and sex: men have one copy of a gene on X, however their calls are written.
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
    for role, given in (("proteins", proteins), ("outside", outside), ("sexes", sexes)):
        if given is not None:
            files[role] = [Path(given)]
    for role, members in files.items():
        for member in members:
            if not member.exists():
                raise InputError(
                    "no such file", file=member, field=f"--{role}", expected=f"the {role}", hint="check the path"
                )  # fmt: skip
    check_options(plan)
    if proteins is not None:
        read_proteins(proteins)
    walk = _Walk(Run(out, progress), plan, files, list(notes), list(command))
    walk.go()
    return walk.run.path("report.html")


def _files(variants: PathName | Sequence[PathName]) -> list[Path]:
    """Files of a cohort; a PLINK fileset by its three members, so that all of them are watched."""
    from genomics.readers.plink import plink_prefix

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
        # Early, since it reads tables of the user's.
        step(
            "stars", self.stars, after=["cohort"], outputs=STAR_FILES,
            inputs=self._hash("outside", "sexes"),
            parameters={"assay": p.assay, "hybrids_assessed": p.hybrids_assessed},
        )  # fmt: skip
        step(
            "structure", self.structure, outputs=STRUCTURE_FILES, after=["quality"], parameters={"seed": p.seed},
        )  # fmt: skip
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
            "affinity", self.affinity, outputs=["affinity.parquet", "affinity.tsv"], after=["targets", "library"],
        )  # fmt: skip
        step(
            "evidence", self.evidence, after=["affinity", "stars"], parameters={"top": p.top},
            outputs=["evidence.parquet", "evidence.tsv", "therapies.parquet", "therapies.tsv"],
        )  # fmt: skip
        step(
            "report", self.report, outputs=["manifest.json", "report.html"], after=["evidence"],
            parameters={"notes": self.notes, "plan": asdict(p)},
        )  # fmt: skip

    def _hash(self, *roles: str) -> dict[str, str]:
        return {
            f"{role} {number} {path.name}": self.hashes[str(path)]
            for role in roles
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
        from genomics.star_fields import declared_star_fields

        sources = self.files["variants"]
        if len(sources) == 1 and is_store(sources[0]):
            _require_same_build(sources[0], self.plan.build)
            shutil.copytree(sources[0], folder / "cohort.vcz")
        else:
            beds = [path for path in sources if path.suffix not in (".bim", ".fam")]
            ingest(beds, folder / "cohort.vcz", build=self.plan.build, fields=declared_star_fields(beds))

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
        from genomics.policy import policy_of

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
            "call_policy": policy_of(cohort.arrays.attrs).as_json(),
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

        table = score_compounds(self._compounds(), self.run.table("targets"), load_network(self.plan.network))
        write_table(table, folder / "affinity")

    def stars(self, folder: Path) -> None:
        """Star alleles, phenotypes and guidance."""
        p = self.plan
        outside, sexes = (self.files.get(role, [None])[0] for role in ("outside", "sexes"))
        found = call_stars(
            self._cohort(), p.assay, outside=outside, sexes=sexes, hybrids_assessed=p.hybrids_assessed
        )
        write_star_tables(found, folder)

    def evidence(self, folder: Path) -> None:
        """Records of evidence and the ranking they give."""
        cohort = self._cohort()
        phenotypes = self._phenotypes(cohort)
        markers, affinity = self.run.table("markers"), self.run.table("affinity")
        compounds = self._compounds()
        named = compounds.assign(
            name=compounds["drug_name"].where(compounds["drug_name"] != "", compounds["name"])
        )
        values = phenotypes.values
        is_patient = values == 1 if phenotypes.trait_type == "binary" else ~np.isnan(values)
        is_patient = is_patient & read_quality(self.run.out).samples["passed"].to_numpy(bool)
        states = patient_states(
            cohort.sample_ids,
            is_patient,
            markers,
            marker_dosage(cohort, markers),
            marker_kinds(cohort, markers),
        )
        records = ev.number_evidence(
            [
                ev.safety_evidence(self.run.table("recommendations"), named),
                ev.known_action_evidence(states, markers, by_skeleton(tables.known_drug_actions(), compounds), named),
                ev.variant_drug_records(
                    evidence_carriers(cohort), by_skeleton(tables.variant_drug_evidence(), compounds), named, self.plan.trait,
                ),
                ev.predicted_evidence(
                    states, markers, affinity, self.run.table("targets"), self._network_source(), top=self.plan.top
                ),
            ]
        )  # fmt: skip
        write_table(records, folder / "evidence")
        write_table(rank_therapies(records), folder / "therapies")

    def _network_source(self) -> str:
        from varimol.networks import load_network

        card = load_network(self.plan.network).card
        return f"network {card.get('name', self.plan.network)} ({card.get('data', 'data not described')})"

    def report(self, folder: Path) -> None:
        """The manifest and the page; the page reads the finished tables and the manifest just made."""
        from varimol.report import write_report

        inputs = [
            (role, path, self.hashes[str(path)]) for role, paths in self.files.items() for path in paths
        ]
        facts = describe_run(self.run.out, self.plan, inputs, self.notes, self.command)
        write_json(facts, folder / "manifest.json")
        os.replace(folder / "manifest.json", self.run.path("manifest.json"))
        page = write_report(self.run.out)
        os.replace(page, folder / "report.html")
        shutil.copyfile(self.run.path("manifest.json"), folder / "manifest.json")


def _require_same_build(store: Path, build: str) -> None:
    from genomics.cohort import open_cohort

    known = open_cohort(store).build
    if build not in ("auto", known):
        raise InputError(
            f"the store was made with build {known}, not {build}", file=store, field="--build", expected="auto",
            hint=f"make the store again with `varimol ingest --build {build}`",
        )  # fmt: skip


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
