"""Does it help to spread mutations over pathways? ``python -m benchmarks.response_diffusion KEEP [--sweep FOLDER]``.

Genotypes alone, five folds of lines (seed 0), the response model without a teacher: profiles as they are, and diffused
over shared pathways with a share of 0.3 or 0.6 (`genomics.gene_graph`). KEEP holds the predictions of every fit; those of
profiles as they are come from the folder of `benchmarks.response_sweep`, KEEP unless given. Writes
benchmarks/results/response_diffusion.tsv: a row per share, and its gain over no diffusion over the same drawn lines.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.record import write_results
from benchmarks.response_data import DATA
from benchmarks.response_summary import N_DRAWS, Predicted, figures, of_lines, read_fits
from benchmarks.response_sweep import fit_setting, place_of, shared_of
from genomics.gene_graph import DIFFUSED, diffuse_profiles
from genomics.profiles import GenotypeProfiles
from models.response_data import ResponseData
from models.response_fits import MODEL, Shared
from models.response_metrics import bootstrap_difference
from varimol.gene_aliases import gene_aliases
from varimol.pathways import pathways

ARM, SETTING, SEED = "genotype", "line", 0
SHARES = (0.3, 0.6)


def diffused(data: ResponseData, share: float) -> ResponseData:
    """The same lines with their mutations spread over genes of the same pathways."""
    lines = data.table.line_ids
    blocks = {name: (data.genes[name], data.profiles[name]) for name in DIFFUSED if name in data.profiles}
    spread = diffuse_profiles(GenotypeProfiles.of(lines, blocks), pathways(), share, gene_aliases())
    profiles = dict(data.profiles)
    for name in blocks:  # profiles have their lines and genes in the order of names
        frame = pd.DataFrame(spread.blocks[name], spread.sample_ids, spread.genes[name])
        profiles[name] = frame.loc[list(lines), list(data.genes[name])].to_numpy(np.float32)
    return replace(data, profiles=profiles)


def diffusion_rows(plain: Predicted, spread: dict[float, Predicted]) -> list[dict[str, object]]:
    """Figures of each share, 0 first, with the differences to no diffusion."""
    rows: list[dict[str, object]] = [{"share": 0.0} | _figures_of_model(plain)]
    for share, predicted in spread.items():
        row: dict[str, object] = {"share": share} | _figures_of_model(predicted)
        for metric in ("residual_r", "ndcg"):
            gain = bootstrap_difference(
                predicted.measured, predicted.by_model[MODEL], plain.by_model[MODEL], plain.means, metric, n_draws=N_DRAWS,
            )  # fmt: skip
            row |= {
                f"gain_{metric}": gain.value,
                f"gain_{metric}_lower": gain.lower,
                f"gain_{metric}_upper": gain.upper,
            }
        rows.append(row)
    return rows


def predicted_by(keep: Path, shared: Shared, name: str) -> Predicted:
    """Held-out predictions of the model for profiles of a kind; fits that are kept are not done again."""
    place = place_of(keep, name, "none", SEED)
    fit_setting(keep, shared, place, SETTING, [MODEL], workers=1)
    fits = {key: arrays for key, arrays in read_fits(place, SETTING).items() if key[1] == MODEL}
    return of_lines(shared, SETTING, fits)


def _figures_of_model(predicted: Predicted) -> dict[str, object]:
    return next(row for row in figures(predicted, predicted) if row["model"] == MODEL)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("keep", type=Path)
    parser.add_argument("--sweep", type=Path, help="folder of the sweep's predictions; KEEP without")
    parser.add_argument("--data", type=Path, default=DATA)
    given = parser.parse_args()
    shared = shared_of(given.data, ARM, "none", SETTING, SEED)
    plain = predicted_by(given.sweep or given.keep, shared, ARM)
    spread = {
        share: predicted_by(
            given.keep, replace(shared, data=diffused(shared.data, share)), f"diffused_{share:g}"
        )
        for share in SHARES
    }
    print(write_results(pd.DataFrame(diffusion_rows(plain, spread)), "response_diffusion"))


if __name__ == "__main__":
    main()
