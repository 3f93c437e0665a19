"""The commands as functions: each does one step and writes its tables whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from genomics.errors import InputError
from varimol import tables
from varimol.results import write_json, write_quality, write_structure
from varimol.steps import file_sha256, replace_path, write_table, writing_to

if TYPE_CHECKING:
    from chem.library import CompoundLibrary
    from genomics.cohort import Cohort
    from models.affinity import AffinityModel
    from models.experiment import AffinityExperiment

PathName = str | os.PathLike[str]
Progress = Callable[[float], None]


@contextmanager
def whole_results(out: PathName) -> Iterator[Path]:
    """Folder to write into, whose members are renamed into `out` once all of them are there."""
    place = Path(out)
    with writing_to(place):
        place.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".step-", dir=place))
        try:
            yield folder
            for member in sorted(folder.iterdir()):
                replace_path(member, place / member.name)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def write_named_table(table: pd.DataFrame, out: PathName) -> None:
    """Write a table as TSV where the name ends in .tsv, else as Parquet; whole or not at all."""
    place = Path(out)
    with writing_to(place.parent):
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = place.with_name(f"{place.name}.tmp-{os.getpid()}")
        try:
            if place.suffix == ".tsv":
                table.to_csv(temporary, sep="\t", index=False, float_format="%.6g", na_rep="")
            else:
                table.to_parquet(temporary, index=False)
            os.replace(temporary, place)
        finally:
            temporary.unlink(missing_ok=True)


def ingest(
    inputs: PathName | Sequence[PathName],
    out: PathName,
    *,
    regions: Sequence[str] = (),
    samples: Sequence[str] | None = None,
    build: str = "auto",
    keep_going: bool = False,
    progress: Progress | None = None,
) -> Cohort:
    """Read variant files into a VCF Zarr store.

    Parameters
    ----------
    inputs
        VCF, BCF or PLINK files, or a folder of them.
    out
        The store.
    regions
        Regions to keep, like ``chr19:10300000-10400000``.
    samples
        Samples to keep, in the order wanted.
    build
        ``auto`` to detect it, or ``GRCh37``, ``GRCh38``.
    keep_going
        Write records that cannot be read to a rejects file instead of stopping.
    progress
        Called with the share done.

    Returns
    -------
    Cohort
        The opened store.
    """
    from genomics.ingest import ingest as read_variants

    return read_variants(
        inputs, out, sites=tables.build_sites(), regions=regions, samples=samples, keep_going=keep_going,
        build=build, progress=progress,
    )  # fmt: skip


def open_or_ingest(source: PathName, store: Path, progress: Progress | None = None) -> Cohort:
    """Open a store, or make one at `store` from variant files."""
    from genomics.cohort import open_cohort

    if is_store(source):
        return open_cohort(source)
    return ingest(source, store, progress=progress)


def is_store(source: PathName) -> bool:
    """Whether a path is a VCF Zarr store."""
    return (Path(source) / ".zattrs").exists() or (Path(source) / ".zgroup").exists()


def export(cohort: PathName, out: PathName) -> None:
    """Write the calls of a store as TSV or VCF."""
    from genomics.cohort import open_cohort
    from genomics.export import export_calls

    export_calls(open_cohort(cohort), out)


def quality(
    cohort: PathName, out: PathName, *, seed: int = 0, progress: Progress | None = None, **thresholds: Any
) -> None:
    """Assess samples and variants of a store and its population structure.

    Parameters
    ----------
    cohort
        The store.
    out
        Folder for quality_samples, quality_variants and structure, as Parquet and TSV.
    seed
        Of the components' solver.
    progress
        Called with the share done.
    **thresholds
        Fields of `genomics.quality.QualityPolicy`.
    """
    from genomics.cohort import open_cohort
    from genomics.quality import QualityPolicy, assess_quality
    from genomics.structure import principal_components

    opened = open_cohort(cohort)
    assessed = assess_quality(opened, QualityPolicy(**thresholds), progress=progress)
    structure = principal_components(opened, assessed, seed=seed)
    with whole_results(out) as folder:
        write_quality(assessed, folder)
        write_structure(structure, folder)


def associate(
    cohort: PathName,
    phenotypes: PathName,
    trait: str,
    out: PathName,
    *,
    covariates: Sequence[str] = (),
    trait_type: str | None = None,
    missing_policy: str = "drop",
    one_two: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Scan a trait over the variants of a store.

    Parameters
    ----------
    cohort
        The store.
    phenotypes
        Table with sample_id (or IID), the trait and the covariates.
    trait
        Column of the trait.
    out
        Folder for association, quality and structure.
    covariates
        Columns of the covariates; principal components join them where they can be estimated.
    trait_type
        ``binary`` or ``quantitative``; read from the values unless given.
    missing_policy
        What a missing genotype counts as: ``drop`` or ``mean``.
    one_two
        The binary trait is coded 1 (control) and 2 (case).
    seed
        Of the components' solver.
    progress
        Called with the share done.

    Returns
    -------
    pd.DataFrame
        The association table.
    """
    from genomics.associate import associate as scan
    from genomics.associate import genomic_control
    from genomics.cohort import open_cohort
    from genomics.phenotype import read_phenotypes
    from genomics.quality import assess_quality
    from genomics.structure import principal_components

    opened = open_cohort(cohort)
    values = read_phenotypes(
        phenotypes, trait, covariates, sample_ids=opened.sample_ids, trait_type=trait_type, one_two=one_two
    )
    assessed = assess_quality(opened, controls=control_mask(values.values, values.trait_type))
    structure = principal_components(opened, assessed, seed=seed)
    table = scan(opened, assessed, values, structure, missing_policy=missing_policy, progress=progress)
    with whole_results(out) as folder:
        write_quality(assessed, folder)
        write_structure(structure, folder)
        write_table(table, folder / "association")
        facts = {
            "trait": trait, "trait_type": values.trait_type, "n_tests": int(table["log10p"].notna().sum()),
            "lambda": genomic_control(table["log10p"]), "covariates": list(table.attrs.get("covariates", [])),
            "missing_policy": missing_policy, "structure": structure.reason or "principal components included",
        }  # fmt: skip
        write_json(facts, folder / "association.json")
    return table


def control_mask(values: np.ndarray, trait_type: str) -> np.ndarray | None:
    """Controls of a binary trait, for Hardy-Weinberg; None for a quantitative one."""
    return values == 0 if trait_type == "binary" else None


def stars(
    source: PathName,
    out: PathName,
    *,
    assay: str = "unknown",
    build: str = "auto",
    progress: Progress | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Call star alleles, metaboliser phenotypes and the guidance that follows.

    Parameters
    ----------
    source
        VCF or store.
    out
        Folder for diplotypes and recommendations, as Parquet and TSV.
    assay
        ``wgs``, ``wes``, ``array``, ``targeted`` or ``unknown``: what an absent site may mean.
    build
        ``auto``, ``GRCh37`` or ``GRCh38``.
    progress
        Called with the share done.

    Returns
    -------
    tuple[pd.DataFrame, pd.DataFrame]
        Diplotypes and recommendations.
    """
    with whole_results(out) as folder:
        store = folder / "cohort.vcz"
        if not is_store(source):
            ingest(source, store, build=build, progress=progress)
        from genomics.cohort import open_cohort

        opened = open_cohort(source if is_store(source) else store)
        diplotypes, recommendations = call_stars(opened, assay, None if build == "auto" else build)
        if not is_store(source):
            shutil.rmtree(store)
        write_table(diplotypes, folder / "diplotypes")
        write_table(recommendations, folder / "recommendations")
    return diplotypes, recommendations


def call_stars(cohort: Cohort, assay: str, build: str | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Diplotypes with phenotypes, and recommendations, from the shipped tables."""
    from genomics.metaboliser import assign_phenotypes, recommend
    from genomics.stars import call_diplotypes

    diplotypes = call_diplotypes(cohort, tables.allele_definitions(), assay=assay, build=build)
    diplotypes = assign_phenotypes(diplotypes, tables.allele_functions(), tables.phenotype_rules())
    return diplotypes, recommend(diplotypes, tables.guidance())


def library(
    source: PathName,
    out: PathName,
    *,
    smiles_column: str | None = None,
    id_column: str | None = None,
    strict: bool = False,
) -> CompoundLibrary:
    """Read, standardise and encode a compound file.

    Parameters
    ----------
    source
        SMILES, CSV, TSV, SDF or Parquet file.
    out
        Folder for library.parquet, rejects.tsv and graphs/.
    smiles_column, id_column
        Columns of a table, found by their usual names unless given.
    strict
        Stop at the first record that cannot be read.

    Returns
    -------
    CompoundLibrary
        As many rows as records.
    """
    from chem.library import build_library

    return build_library(
        Path(source), Path(out), smiles_column=smiles_column, id_column=id_column, strict=strict
    )


def named_compounds(opened: CompoundLibrary) -> pd.DataFrame:
    """Usable compounds with an identifier and a name: the file's, else those of the shipped drug table."""
    usable = opened.usable
    drugs = tables.drugs()
    named = dict(zip(drugs["skeleton"], drugs["name"], strict=True))
    identifier = usable["id"].astype("string").fillna("")
    table = pd.DataFrame(
        {
            "compound_id": identifier.where(identifier != "", "row" + usable["row"].astype(str)).astype(str),
            "smiles": usable["smiles"].astype(str),
            "inchikey": usable["inchikey"].astype("string").fillna("").astype(str),
        }
    )
    own = usable["name"].astype("string").fillna("") if "name" in usable else pd.Series("", index=usable.index)
    known = table["inchikey"].str[:14].map(named).fillna("")
    table["name"] = own.where(own != "", known.where(known != "", table["compound_id"])).astype(str)
    table["drug_name"] = known.astype(str)
    return table


def predict(
    network: PathName,
    pairs: PathName,
    drugs: PathName,
    targets: PathName,
    out: PathName,
    *,
    endpoint: str | None = None,
    level: float = 0.9,
) -> pd.DataFrame:
    """Predict the affinity of pairs, one row per input row in their order.

    Parameters
    ----------
    network
        A run's folder or a shipped network's name.
    pairs, drugs, targets
        Tables as for training; labels are not read.
    out
        Table to write, TSV by its name.
    endpoint
        Label to predict; all of the network's, in long form, where there are several and none is named.
    level
        Coverage of the interval.

    Returns
    -------
    pd.DataFrame
        drug_id, target_id, (endpoint,) prediction, lower, upper, sd, in_domain, abstain, reason.
    """
    from models.pairs import read_pairs
    from varimol.networks import load_network

    model = load_network(network)
    data = read_pairs(pairs, drugs, targets)
    keys = pd.DataFrame(
        {
            "drug_id": [data.drug_ids[d] for d in data.drug],
            "target_id": [data.target_ids[t] for t in data.target],
        }
    )
    wanted = [endpoint or model.endpoints[0]]
    parts = []
    for name in wanted:
        table = pd.concat([keys, model.predict(data, endpoint=name, level=level)], axis=1)
        table.insert(2, "endpoint", name)
        parts.append(table)
    result = pd.concat(parts, ignore_index=True)
    write_named_table(result, out)
    return result


def train_affinity(
    pairs: PathName | Sequence[PathName],
    drugs: PathName | Sequence[PathName],
    targets: PathName | Sequence[PathName],
    label: str | Sequence[str],
    out: PathName,
    *,
    folds: str | None = None,
    experiment: AffinityExperiment | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> AffinityModel:
    """Train an affinity model by cross-validation, beside its baselines.

    Parameters
    ----------
    pairs, drugs, targets, label
        One table each and the column of the label, or equally many of each: one per endpoint.
    out
        Folder for model.safetensors, card.json, folds.tsv and metrics.tsv.
    folds
        Column of the fold; folds are made where there is none.
    experiment
        How to train.
    progress
        Called with what is being done and the share of it that is done.

    Returns
    -------
    AffinityModel
        The ensemble of the folds' networks.
    """
    from models.experiment import train_affinity as run
    from models.pairs import read_pairs, require_structures

    each = [_as_list(value) for value in (pairs, drugs, targets, label)]
    if len({len(values) for values in each}) != 1:
        raise InputError(
            "pairs, drugs, targets and labels differ in number: " + ", ".join(str(len(v)) for v in each),
            expected="one of each per endpoint", hint="repeat the options together",
        )  # fmt: skip
    endpoints = []
    for pair_file, drug_file, target_file, column in zip(*each, strict=True):
        data = read_pairs(pair_file, drug_file, target_file, label=str(column), folds=folds)
        require_structures(data, drug_file)
        endpoints.append(data.select(~np.isnan(data.label)))
    with writing_to(Path(out)):
        return run(endpoints, out, experiment, progress)


def _as_list(value: Any) -> list[Any]:
    return [value] if isinstance(value, str | os.PathLike) else list(value)


def screen(
    compounds: PathName,
    targets: PathName,
    out: PathName,
    *,
    network: PathName | None = None,
    smiles_column: str | None = None,
    id_column: str | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Score every compound of a library against every target of a table.

    Parameters
    ----------
    compounds
        A compound file, or the folder of a library.
    targets
        Table with target_id and sequence, or FASTA.
    out
        Folder for hits.parquet, hits.tsv, rejects.tsv and manifest.json.
    network
        A run's folder or a shipped network's name.
    smiles_column, id_column
        Columns of a table of compounds.
    progress
        Called with the share done.

    Returns
    -------
    pd.DataFrame
        The hits, by target and falling prediction.
    """
    from chem.library import build_library, open_library
    from varimol import __version__
    from varimol.networks import DEFAULT_NETWORK, load_network
    from varimol.targets import read_target_table, score_compounds

    model = load_network(network or DEFAULT_NETWORK)
    place = Path(compounds)
    if place.is_dir():
        opened = open_library(place)
    else:
        opened = build_library(place, smiles_column=smiles_column, id_column=id_column)
    proteins = read_target_table(targets)
    frame = named_compounds(opened)
    block = 20_000
    parts = []
    for start in range(0, len(frame), block):
        parts.append(score_compounds(frame.iloc[start : start + block], proteins, model))
        if progress is not None:
            progress(min(1.0, (start + block) / len(frame)))
    hits = pd.concat(parts, ignore_index=True).rename(columns={"gene": "target_id"})
    hits = hits.sort_values(
        ["target_id", "prediction", "compound_id"], ascending=[True, False, True], kind="stable"
    ).reset_index(drop=True)
    with whole_results(out) as folder:
        write_table(hits, folder / "hits")
        opened.rejects.to_csv(folder / "rejects.tsv", sep="\t", index=False)
        manifest = {
            "varimol": __version__,
            "network": model.card.get("name", str(network)),
            "n_compounds": len(frame),
            "n_rejected": len(opened.rejects),
            "inputs": [
                {"path": Path(path).name, "sha256": file_sha256(path)} for path in (compounds, targets)
            ],
        }
        write_json(manifest, folder / "manifest.json")
    return hits


def report(directory: PathName) -> Path:
    """Write report.html of a finished `link` run.

    Parameters
    ----------
    directory
        Its folder.

    Returns
    -------
    Path
        The report.
    """
    from varimol.report import write_report

    return write_report(directory)
