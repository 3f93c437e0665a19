"""Train a response network from tables, and predict with one: the files of `varimol train response` and `predict`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from varimol.response_markers import write_anova, write_attributions
from varimol.results import TOP, write_named_table
from varimol.steps import writing_to

if TYPE_CHECKING:
    from genomics.profiles import GenotypeProfiles
    from models.response_data import Blocks, ResponseData
    from models.response_experiment import ResponseExperiment
    from models.trained_response import TrainedResponse

PathName = str | os.PathLike[str]
LINE_COLUMN, DRUG_COLUMN, LABEL = "depmap_id", "drug_name", "ln_ic50"
SMILES_COLUMNS = ("smiles", "isomericsmiles", "canonicalsmiles")
"""Names of the column of structures, in any case, the first that is there."""
GENE_WEIGHTED = ("mutation", "copy_number", "burden")


def train_response(
    response: PathName,
    drugs: PathName,
    profiles: Mapping[str, PathName],
    out: PathName,
    *,
    covariates: PathName | None = None,
    covariate_columns: Sequence[str] = (),
    teacher: Mapping[str, PathName] | None = None,
    label: str = LABEL,
    line_column: str = LINE_COLUMN,
    drug_column: str = DRUG_COLUMN,
    smiles_column: str | None = None,
    folds: str | None = None,
    diffusion: float = 0.0,
    copy_number_scale: str = "relative_log2",
    experiment: ResponseExperiment | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> TrainedResponse:
    """Train a response network and judge it beside plain models on held-out lines, tissues and compounds.

    Parameters
    ----------
    response
        Table with a row per line and compound: the two names and the label.
    drugs
        Table of the compounds' structures.
    profiles
        Table of each block: mutation, copy_number, burden, expression; a row per line, a column per gene.
    out
        Folder for model.safetensors, card.json, folds.tsv, metrics.tsv, coverage.tsv and anova.tsv.
    covariates, covariate_columns
        Table of the lines' covariates, and its columns to use: tissue or disease. Lines of one value of the first are
        held out together in the setting ``tissue``.
    teacher
        Tables of blocks that teach and that lines to be predicted need not have, as expression.
    label
        Column of the label; its name says the unit, as ``ln_ic50`` in ln(umol/l).
    line_column, drug_column, smiles_column
        Names of columns; that of structures is found by its name unless given.
    folds
        Column of the response table with the fold of each line; made at random unless given.
    diffusion
        Share that mutations spread to genes of the same pathways, 0 for none.
    copy_number_scale
        ``relative_log2`` (log2(x + 1), x relative to two copies) or ``absolute`` (copies).
    experiment
        What to hold out, and the card's facts.
    progress
        Called with what was done and the share of it that is done.

    Returns
    -------
    TrainedResponse
        As saved.

    Raises
    ------
    InputError
        A table cannot be read or used; file, record and field are named.
    """
    from models.response_experiment import ResponseExperiment
    from models.response_experiment import train_response as run

    plan = experiment or ResponseExperiment()
    data, measured, fold, told = read_training(
        response, drugs, profiles, covariates=covariates, covariate_columns=covariate_columns,
        teacher=teacher or {}, label=label, line_column=line_column, drug_column=drug_column,
        smiles_column=smiles_column, folds=folds, diffusion=diffusion, copy_number_scale=copy_number_scale,
    )  # fmt: skip
    notes = [*plan.description.get("notes", []), *told.pop("notes")]
    plan = replace(plan, description={**plan.description, **told, "notes": notes})
    with writing_to(Path(out)):
        trained = run(data, out, plan, fold, progress)
    write_anova(data, measured, Path(out) / "anova.tsv")
    return trained


def read_training(
    response: PathName,
    drugs: PathName,
    profiles: Mapping[str, PathName],
    *,
    covariates: PathName | None,
    covariate_columns: Sequence[str],
    teacher: Mapping[str, PathName],
    label: str,
    line_column: str,
    drug_column: str,
    smiles_column: str | None,
    folds: str | None,
    diffusion: float,
    copy_number_scale: str,
) -> tuple[ResponseData, Blocks, np.ndarray | None, dict[str, Any]]:
    """Read the tables of `train_response`: data, blocks as measured, the fold of each line, facts for the card."""
    from genomics.profile_covariates import covariate_levels
    from models.response_data import ResponseData
    from models.response_structures import read_structures
    from models.response_table import match_lines, read_response
    from models.tables import differ_in_case
    from varimol.gene_aliases import unknown_genes

    table = read_response(response, drug_column, line_column, label)
    column = smiles_column or _smiles_column(drugs)
    structures = read_structures(drugs, drug_column, column)
    measured = _read_profiles(
        {**profiles, **teacher}, line_column, covariates, covariate_columns, copy_number_scale
    )
    read = _diffused(measured, diffusion)
    match = match_lines(table, read.sample_ids)
    chosen = read.select(match.table.line_ids)
    levels = covariate_levels(chosen)
    blocks, _ = _blocks(chosen, levels)
    names: dict[str, tuple[str, ...]] = {name: chosen.genes[name] for name in profiles}
    if levels:
        names["covariates"] = tuple(f"{name}={level}" for name, each in levels.items() for level in each)
    smiles = dict(zip(structures.compound_ids, structures.smiles, strict=True))
    data = ResponseData(
        match.table,
        {name: blocks[name] for name in names},
        names,
        tuple(smiles.get(name, "") for name in match.table.compound_ids),
        _tissue(chosen, covariate_columns),
        {name: blocks[name] for name in teacher},
        _gene_weights(names),
    )
    notes = [
        *table.notes,
        *structures.notes,
        *read.remarks,
        *unknown_genes({name: chosen.genes[name] for name in (*profiles, *teacher)}),
        *match.notes,
        *(note for name, each in levels.items() for note in differ_in_case(each, f"levels of {name}")),
        *_no_structure(data, structures.reasons),
    ]
    told = {
        "notes": notes,
        "columns": {"line": line_column, "drug": drug_column, "label": label},
        "covariates": {name: list(each) for name, each in levels.items()},
        "diffusion": diffusion,
        "copy_number_scale": copy_number_scale,
        "teacher": sorted(teacher),
        "kinds": {name: read.kinds[name] for name in profiles},
    }
    undiffused = dict(measured.select(match.table.line_ids).blocks)
    return data, undiffused, _folds(response, folds, line_column, match.table.line_ids), told


def _read_profiles(
    tables: Mapping[str, PathName], line_column: str, covariates: PathName | None, columns: Sequence[str],
    scale: str,
) -> GenotypeProfiles:  # fmt: skip
    from genomics.profile_tables import read_profile_tables
    from varimol.gene_aliases import gene_aliases

    return read_profile_tables(
        tables, line_column, covariates, columns, aliases=gene_aliases(), copy_number_scale=scale
    )


def _diffused(profiles: GenotypeProfiles, share: float) -> GenotypeProfiles:
    from genomics.gene_graph import diffuse_profiles
    from varimol.gene_aliases import gene_aliases
    from varimol.pathways import pathways

    return diffuse_profiles(profiles, pathways(), share, gene_aliases()) if share else profiles


def _blocks(
    profiles: GenotypeProfiles, levels: Mapping[str, tuple[str, ...]]
) -> tuple[Blocks, tuple[str, ...]]:
    """Blocks as models read them, covariates among them; and what is to be said of these."""
    from genomics.profile_covariates import encode_covariates

    blocks = dict(profiles.blocks)
    remarks: tuple[str, ...] = ()
    if levels:
        blocks["covariates"], remarks = encode_covariates(profiles, dict(levels))
    return blocks, remarks


def _tissue(profiles: GenotypeProfiles, columns: Sequence[str]) -> tuple[str, ...]:
    """What is held out together: the first covariate; a missing one is a value of its own."""
    if not columns:
        return ()
    return tuple(profiles.covariates[columns[0]].astype(object).fillna("").astype(str))


def _gene_weights(genes: Mapping[str, tuple[str, ...]]) -> dict[str, np.ndarray]:
    from varimol.druggable_genes import gene_weight

    return {name: gene_weight(genes[name]) for name in GENE_WEIGHTED if name in genes}


def _no_structure(data: ResponseData, reasons: Sequence[str]) -> list[str]:
    absent = [name for name, text in zip(data.table.compound_ids, data.smiles, strict=True) if not text]
    if not absent:
        return []
    return [
        f"{len(absent)} compounds have no structure that can be read ({', '.join(absent[:5])}"
        f"{', ...' if len(absent) > 5 else ''}): unseen compounds cannot be compared with them, and none are held out"
    ]


def _smiles_column(path: PathName) -> str:
    """Column of structures, by its name."""
    from models.tables import read_table

    columns = [str(name) for name in read_table(path, (), "drugs").columns]
    for wanted in SMILES_COLUMNS:
        for name in columns:
            if name.lower() == wanted:
                return name
    return SMILES_COLUMNS[0]


def _folds(path: PathName, column: str | None, line_column: str, lines: Sequence[str]) -> np.ndarray | None:
    """Fold of each line, from 1."""
    from chem.errors import InputError
    from models.tables import read_table

    if not column:
        return None
    table = read_table(path, (line_column, column), "response")
    names = table[line_column].str.strip()
    first = table.assign(line=names).drop_duplicates("line").set_index("line")[column]
    other = names.index[table[column].to_numpy() != names.map(first).to_numpy()]
    if len(other):
        raise InputError(
            f"line {names[other[0]]!r} is in two folds", file=path, record=int(other[0]) + 2, field=column,
            expected="one fold for all rows of a line",
        )  # fmt: skip
    fold, _ = pd.factorize(first.reindex(list(lines)), sort=True)
    return np.asarray(fold + 1, np.int64)


def predict_response(
    network: PathName,
    profiles: Mapping[str, PathName],
    out: PathName,
    *,
    pairs: PathName | None = None,
    drugs: PathName | None = None,
    covariates: PathName | None = None,
    line_column: str | None = None,
    drug_column: str | None = None,
    smiles_column: str | None = None,
    copy_number_scale: str | None = None,
    level: float = 0.9,
    attributions: PathName | None = None,
    top: int | None = TOP,
    tell: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Predict responses of lines or patients to compounds, one row per input row in their order.

    Parameters
    ----------
    network
        A run's folder.
    profiles
        Table of each block; blocks and genes that the network does not use are left out, and said.
    out
        Table to write, TSV by its name.
    pairs
        Table with the names of a line and a compound in each row; every line with every compound of `drugs` (or
        of the training) unless given.
    drugs
        Table of structures; a compound is a training compound by its structure, and by its name where `drugs` does
        not have it.
    covariates
        Table of the lines' covariates.
    line_column, drug_column, smiles_column
        Names of columns, those of the training unless given.
    copy_number_scale
        As in `train_response`; that of the training unless given.
    level
        Coverage of the interval.
    attributions
        Table to write the markers that moved each prediction to; none unless given.
    top
        Markers of each prediction, None for all.
    tell
        Called with a line for whatever was read otherwise than it is written.

    Returns
    -------
    pd.DataFrame
        The names of line and compound, prediction, lower, upper, sd, in_domain, abstain, reason.

    Raises
    ------
    InputError
        A table cannot be read, or no gene or line fits.
    """
    from varimol.networks import load_response_network

    trained = load_response_network(network)
    columns = trained.card["columns"]
    line_name, drug_name = line_column or columns["line"], drug_column or columns["drug"]
    scale = copy_number_scale or trained.card["copy_number_scale"]
    read = _profiles_to_predict(trained, profiles, line_name, covariates, scale)
    levels = {name: tuple(each) for name, each in trained.card["covariates"].items()}
    blocks, told = _blocks(read, levels if len(read.covariates.columns) else {})
    names, smiles, notes = _compounds(trained, drugs, drug_name, smiles_column)
    table, lines, compounds = _pairs(trained, pairs, read.sample_ids, names, line_name, drug_name)
    known = dict(zip(names, smiles, strict=True))
    distinct = list(dict.fromkeys(compounds))
    number = {name: place for place, name in enumerate(distinct)}
    row = {name: place for place, name in enumerate(read.sample_ids)}
    asked = (
        {name: blocks[name] for name in trained.genes if name in blocks},
        np.array([row.get(name, -1) for name in lines], np.int64),
        distinct,
        [known.get(name, "") for name in distinct],
        np.array([number[name] for name in compounds], np.int64),
    )
    table = table.reset_index(drop=True)
    every = pd.concat([table, trained.predict(*asked, level=level)], axis=1)
    write_named_table(every, out)
    if attributions is not None:
        write_attributions(trained, asked, table, every["abstain"].to_numpy(bool), attributions, top)
    if tell is not None:
        for note in [*read.remarks, *told, *notes]:
            tell(note)
    return every


def _profiles_to_predict(
    trained: TrainedResponse, tables: Mapping[str, PathName], line_column: str, covariates: PathName | None,
    scale: str,
) -> GenotypeProfiles:  # fmt: skip
    """Profiles with the columns of the training ones."""
    from varimol.gene_aliases import gene_aliases

    wanted = list(trained.card["covariates"])
    read = _read_profiles(tables, line_column, covariates, wanted if covariates else (), scale)
    genes = {name: each for name, each in trained.genes.items() if name != "covariates"}
    aligned = read.aligned_to(genes, gene_aliases()) if genes else read
    aligned = _diffused(aligned, trained.card.get("diffusion", 0.0))
    if wanted and covariates is None:
        said = f"{', '.join(wanted)}: no covariates are given, missing for every line"
        aligned = replace(aligned, remarks=(*aligned.remarks, said))
    return aligned


def _compounds(
    trained: TrainedResponse, drugs: PathName | None, drug_column: str, smiles_column: str | None
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Names, structures and notes: of the table of drugs, or of the training."""
    from models.response_structures import read_structures

    if drugs is None:
        return trained.compound_ids, trained.smiles, ()
    read = read_structures(drugs, drug_column, smiles_column or _smiles_column(drugs))
    return read.compound_ids, read.smiles, read.notes


def _pairs(
    trained: TrainedResponse, path: PathName | None, lines: Sequence[str], compounds: Sequence[str],
    line_column: str, drug_column: str,
) -> tuple[pd.DataFrame, list[str], list[str]]:  # fmt: skip
    """Keys of the rows to write, and their lines and compounds."""
    from models.tables import read_table, require_lines

    if path is None:
        table = pd.DataFrame(
            {
                line_column: np.repeat(np.array(lines, object), len(compounds)),
                drug_column: np.tile(np.array(compounds, object), len(lines)),
            }
        )
        return table, table[line_column].tolist(), table[drug_column].tolist()
    table = read_table(path, (line_column, drug_column), "pairs")
    require_lines(table, path, "pair")
    keys = [name for name in table.columns if name in (line_column, drug_column)]
    return table[keys], table[line_column].str.strip().tolist(), table[drug_column].str.strip().tolist()
