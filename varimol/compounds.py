"""The commands on compounds as functions: library, train, predict, screen."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from chem.standardise_steps import LOST_METAL
from genomics.errors import InputError
from varimol import __version__, tables
from varimol.results import whole_results, write_json, write_named_table
from varimol.steps import file_sha256, write_table, writing_to

if TYPE_CHECKING:
    from chem.library import CompoundLibrary
    from models.affinity import AffinityModel
    from models.experiment_plan import AffinityExperiment
    from models.protein import ReadAs

PathName = str | os.PathLike[str]
Progress = Callable[[float], None]
_SCREENED_AT_ONCE = 20_000


def library(
    source: PathName,
    out: PathName,
    *,
    smiles_column: str | None = None,
    id_column: str | None = None,
    format: str | None = None,
    strict: bool = False,
    recipe: str = "parent",
    fingerprints: Sequence[str] = ("morgan",),
    time_limit: float | None = 10.0,
    threads: int = 1,
    downloads: PathName | None = None,
    progress: Callable[[int], None] | None = None,
) -> CompoundLibrary:
    """Read, standardise and encode compounds; what was killed goes on where it stopped.

    Parameters
    ----------
    source
        SMILES, CSV, TSV, SDF, InChI or Parquet file, a folder of them, "-" for standard input, or the name of
        a library (`varimol.named_libraries.library_names`).
    out
        Folder for library.parquet, rejects.tsv, graphs/ and fingerprints/.
    smiles_column, id_column
        Columns of a table, found by their usual names unless given.
    format
        What the file is, whatever its name.
    strict
        Stop at the first record that cannot be read.
    recipe
        Name of a recipe of `chem.standardise.RECIPES`.
    fingerprints
        Kinds of fingerprints to keep, of `chem.fingerprint_kinds.FINGERPRINT_KINDS`.
    time_limit
        Seconds of processor time that one molecule may take; None for as much as it takes.
    threads
        Worker processes.
    downloads
        Where named libraries lie; the user's cache folder unless given.
    progress
        Called with the number of records done so far.

    Returns
    -------
    CompoundLibrary
        As many rows as records.
    """
    from chem.library import build_library
    from chem.standardise import recipe_named
    from varimol.named_libraries import is_library_name, library_source

    if is_library_name(source) or not (str(source) == "-" or Path(source).exists()):
        named = library_source(str(source), downloads)
        source = named.path
        smiles_column = smiles_column or named.smiles_column
        id_column = id_column or named.id_column
    return build_library(
        os.fspath(source), Path(out), smiles_column=smiles_column, id_column=id_column, format=format, strict=strict,
        recipe=recipe_named(recipe), fingerprints=fingerprints, time_limit=time_limit, threads=threads,
        progress=progress,
    )  # fmt: skip


def named_compounds(opened: CompoundLibrary) -> pd.DataFrame:
    """Usable compounds with an identifier and a name: the file's, else those of the shipped drug table."""
    return _named(opened.usable)


def _named(usable: pd.DataFrame) -> pd.DataFrame:
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
    own = usable["name"].astype("string").fillna("")
    known = table["inchikey"].str[:14].map(named).fillna("")
    table["name"] = own.where(own != "", known.where(known != "", table["compound_id"])).astype(str)
    table["drug_name"] = known.astype(str)
    # The ligand of a metal is not the compound: what is predicted of it is abstained from.
    table["problem"] = (
        usable["note"].astype("string").str.extract(f"({LOST_METAL} [^;]+)")[0].fillna("").astype(str)
    )
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
    variants: Sequence[str] = (),
    shifts: PathName | None = None,
    tell: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Predict the affinity of pairs, one row per input row in their order.

    Parameters
    ----------
    network
        A run's folder or a shipped network's name.
    pairs, drugs, targets
        Tables as for training, targets read as they were then; labels are not read.
    out
        Table to write, TSV by its name.
    endpoint
        Label to predict; all of the network's, in long form, where there are several and none is named.
    level
        Coverage of the interval.
    variants
        A patient's variants as ``TARGET:V600E``, several changes of one target joined by ``+`` or one by one.
    shifts
        Table to write the shift from wild type to variant to, of every pair whose target carries one.
    tell
        Called with a line on the rows of that table, or why it has none, and one per endpoint on how its shifts
        were judged, once both tables are written.

    Returns
    -------
    pd.DataFrame
        drug_id, target_id, endpoint, variant (where variants are given), prediction, lower, upper, sd, in_domain,
        abstain, reason, nearest_train_tanimoto, nearest_train_protein, latent_density,
        in_training, notes.

    Raises
    ------
    InputError
        A table cannot be read, a variant does not fit its target's sequence, or both tables have one name.
    """
    from models.tables import require_there
    from varimol.networks import load_network
    from varimol.predictions import predict_pairs, read_input
    from varimol.shifts import shift_table

    if shifts is not None and Path(shifts).resolve() == Path(out).resolve():
        raise InputError(
            "predictions and shifts in one file", file=shifts, field="--shifts", expected="another name than --out"
        )  # fmt: skip
    for path, what in ((pairs, "pairs"), (drugs, "drugs"), (targets, "targets")):
        require_there(path, what)
    model = load_network(network)
    wanted = [endpoint] if endpoint else list(model.endpoints)
    data, chains = read_input(model, pairs, drugs, targets, variants)
    result = predict_pairs(model, data, wanted, level, variants=bool(variants))
    notes: list[str] = []
    if shifts is not None:
        table, notes = shift_table(model, data, chains, wanted, level=level, variants=variants)
        write_named_table(table, shifts)
    write_named_table(result, out)
    if tell is not None:
        for note in notes:
            tell(note)
    return result


def train_affinity(
    pairs: PathName | Sequence[PathName],
    drugs: PathName | Sequence[PathName],
    targets: PathName | Sequence[PathName],
    label: str | Sequence[str],
    out: PathName,
    *,
    folds: str | None = None,
    read_as: ReadAs = "true",
    experiment: AffinityExperiment | None = None,
    progress: Callable[[str, float], None] | None = None,
    start: PathName | None = None,
) -> AffinityModel:
    """Train an affinity model: judge it by cross-validation beside plain models, then fit it to all pairs.

    Parameters
    ----------
    pairs, drugs, targets, label
        One table each and the column of the label, or equally many of each: one per endpoint.
    out
        Folder for model.safetensors, card.json, folds.tsv, metrics.tsv, coverage.tsv and leakage.tsv.
    folds
        Column of the fold; folds are made where there is none.
    read_as
        ``"given"`` takes the targets' sequences as they stand; ``"true"`` applies the variants that their names
        or columns say, and reads domain and phosphorylation.
    experiment
        How to train.
    progress
        Called with what is being done and the share of it that is done.
    start
        A run's folder or a shipped network's name to go on from: its pairs are trained on too, and its networks are
        where training starts. Labels are those of its endpoints, targets are read as it reads them, and pairs alone
        are held out.

    Returns
    -------
    AffinityModel
        As saved; its card's ``notes`` tell what was read otherwise than it is written, or looks wrong.
    """
    from dataclasses import replace

    from models.experiment import train_affinity as run
    from models.experiment_plan import AffinityExperiment
    from models.pair_checks import drop_unreadable, training_notes
    from models.pairs import read_pairs, require_structures
    from models.start import networks_of
    from varimol.networks import load_network, network_folder
    from varimol.predictions import read_input
    from varimol.target_variants import gene_names

    each = [_as_list(value) for value in (pairs, drugs, targets, label)]
    if len({len(values) for values in each}) != 1:
        raise InputError(
            "pairs, drugs, targets and labels differ in number: " + ", ".join(str(len(v)) for v in each),
            expected="one of each per endpoint", hint="repeat the options together",
        )  # fmt: skip
    plan = experiment or AffinityExperiment()
    told: dict[str, Any] = {"read_as": read_as}
    model = None if start is None else load_network(start)
    if start is not None and model is not None:
        unknown = [str(column) for column in each[3] if column not in model.endpoints]
        if unknown:
            raise InputError(
                f"the model to start from predicts no {unknown[0]!r}", file=start, field="--label",
                expected=f"one of {', '.join(model.endpoints)}", hint="name the column of the labels as that model does",
            )  # fmt: skip
        told = {name: model.card[name] for name in ("read_as", "constructs") if name in model.card}
        plan = replace(
            plan, start=str(network_folder(start)), networks=networks_of(model), settings=("random",)
        )
    endpoints, notes = [], []
    for pair_file, drug_file, target_file, column in zip(*each, strict=True):
        files = pair_file, drug_file, target_file
        # To go on, as `predict` reads them, lest a variant that the model knows passes for new.
        data = (
            read_pairs(*files, label=str(column), folds=folds, read_as=read_as, genes=gene_names())
            if model is None
            else read_input(model, *files, label=str(column), folds=folds)[0]
        )
        require_structures(data, drug_file)
        whole, left_out = drop_unreadable(data)  # complexes of metals
        labelled, said = training_notes(whole, file=pair_file)
        endpoints.append(labelled)
        notes += [note for note in (*left_out, *said) if note not in notes]
    plan = replace(plan, description={**plan.description, **told, "notes": notes})
    with writing_to(Path(out)):
        return run(endpoints, out, plan, progress)


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
    threads: int = 1,
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
    threads
        Worker processes that read a compound file.
    progress
        Called with the share done.

    Returns
    -------
    pd.DataFrame
        The hits, by target, those that abstain after the others, and falling prediction.
    """
    from models.pair_checks import label_unit
    from models.tables import require_there
    from varimol.networks import DEFAULT_NETWORK, load_network
    from varimol.target_variants import constructs_of
    from varimol.targets import read_target_table

    require_there(targets, "targets")
    model = load_network(network or DEFAULT_NETWORK)
    known = {target.form for target in model.models[0].inputs.targets}
    wanted = read_target_table(targets, model.card.get("read_as", "true"), known, constructs_of(model))
    endpoint = model.endpoints[0]
    with _opened(Path(compounds), smiles_column, id_column, threads) as opened:
        hits = _score_library(opened, wanted, model, endpoint, progress)
        rejects = opened.rejects
        n_compounds = int(opened.manifest["n_usable"])
    with whole_results(out) as folder:
        write_table(hits, folder / "hits")
        rejects.to_csv(folder / "rejects.tsv", sep="\t", index=False)
        manifest = {
            "varimol": __version__,
            "network": model.card.get("name", str(network)),
            "endpoint": endpoint,
            "unit": label_unit(endpoint, is_probability=model.endpoint(endpoint).task == "classification"),
            "n_compounds": n_compounds,
            "n_rejected": len(rejects),
            "inputs": [
                {"path": Path(path).name, "sha256": file_sha256(path)} for path in (compounds, targets)
            ],
        }
        write_json(manifest, folder / "manifest.json")
    return hits


@contextmanager
def _opened(
    compounds: Path, smiles_column: str | None, id_column: str | None, threads: int
) -> Iterator[CompoundLibrary]:
    """Open a library, or make one of a file for the time being: a million compounds need not fit in memory."""
    from chem.library import build_library, open_library

    if (compounds / "library.json").is_file():
        yield open_library(compounds)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield build_library(
            compounds, Path(folder) / "library", smiles_column=smiles_column, id_column=id_column,
            fingerprints=(), threads=threads,
        )  # fmt: skip


def _score_library(
    opened: CompoundLibrary,
    proteins: pd.DataFrame,
    model: AffinityModel,
    endpoint: str,
    progress: Progress | None,
) -> pd.DataFrame:
    from varimol.target_variants import variant_text
    from varimol.targets import score_compounds

    parts, n_done = [], 0
    for usable in opened.batches(_SCREENED_AT_ONCE, usable=True):
        parts.append(score_compounds(_named(usable), proteins, model, endpoint=endpoint))
        n_done += len(usable)
        if progress is not None:
            progress(n_done / opened.manifest["n_usable"])
    hits = pd.concat(parts, ignore_index=True).rename(columns={"gene": "target_id"})
    place = hits.columns.tolist().index("prediction")
    carried = {target.target_id: variant_text(target) for target in proteins["target"]}
    if any(carried.values()):
        hits.insert(place, "variant", hits["target_id"].map(carried))
    hits.insert(place, "endpoint", endpoint)
    # What the network makes no claim on is no hit, however high it is predicted.
    order = {"target_id": True, "abstain": True, "prediction": False, "compound_id": True}
    return hits.sort_values(list(order), ascending=list(order.values()), kind="stable").reset_index(drop=True)
