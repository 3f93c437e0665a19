"""Do attributions of the response model name the biomarkers that are known? ``python -m benchmarks.response_biomarkers``.

CIViC of August 2021: predictive evidence that supports sensitivity or resistance of a somatic mutation, amplification
or loss to a single compound of GDSC2 (levels A to D). A known pair is a marker and a compound; where evidence points both
ways, the greater number of items counts, and a tie leaves the pair out. Its score is how sensitive (or resistant)
the marker makes a line: for the model the mean attribution to the marker's column over lines that have it, in units of
the compound's spread; for the analysis of variance (tissue as covariate) the effect over its standard error.

The nulls are pairs of the same markers and compounds, dealt anew so that every marker and every compound has as many
pairs as in CIViC and none is known. AUROC: how often a known pair scores above a null. Intervals draw genes with
replacement. Model and analysis of variance both see all lines: this asks what they name, not what they predict.
Writes benchmarks/results/response_biomarkers.tsv and response_biomarker_pairs.tsv.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from benchmarks.record import write_results
from benchmarks.response_data import DATA, read_arm
from models.marker_anova import marker_anova
from models.profile_features import AMPLIFIED
from models.response import ResponseModel
from models.response_anova import LOST
from models.response_data import ResponseData
from models.response_fits import fit_model
from models.response_settings import ResponseSettings

Array = NDArray[np.float64]
Pair = tuple[str, str]
EVIDENCE = Path("civic") / "01-Aug-2021-ClinicalEvidenceSummaries.tsv"
SIGN = {"Sensitivity/Response": -1, "Resistance": 1}
MIN_LINES = 3
MAX_LINES = 30
"""Lines whose attributions are averaged for a marker."""
N_DEALS, N_DRAWS = 500, 2000
_ELSEWHERE = re.compile(
    r"FUSION|REARRANG|EXPRESSION|METHYL|PHOSPHO|POLYMORPH|WILD|NUCLEAR|SERUM|^RS\d|[A-Z0-9]{3,}-[A-Z][A-Z0-9]{2,}"
)


@dataclass(frozen=True)
class Known:
    """Known pairs: marker ("gene mutation", "gene amplification", "gene loss"), compound and sign, -1 sensitive."""

    sign: dict[Pair, int]

    def of(self, sign: int) -> list[Pair]:
        """Pairs of one sign."""
        return [pair for pair, its in self.sign.items() if its == sign]


def marker_kind(variant: str) -> str | None:
    """What a variant of CIViC is in a profile, None for what a profile does not tell.

    Examples
    --------
    >>> [marker_kind(v) for v in ("V600E", "AMPLIFICATION", "LOSS", "EXON 19 DELETION", "EML4-ALK", "OVEREXPRESSION")]
    ['mutation', 'amplification', 'loss', 'mutation', None, None]
    """
    name = variant.upper().strip()
    if name in ("AMPLIFICATION", "COPY NUMBER GAIN", "GAIN"):
        return "amplification"
    if name in ("LOSS", "DELETION", "COPY NUMBER LOSS"):
        return "loss"
    if name.startswith("LOSS-OF-FUNCTION"):
        return "mutation"
    return None if _ELSEWHERE.search(name) else "mutation"


def known_pairs(evidence: pd.DataFrame, genes: set[str], compounds: set[str]) -> Known:
    """Pairs that the evidence supports, of genes and compounds that are there.

    Parameters
    ----------
    evidence
        CIViC's clinical evidence summaries.
    genes, compounds
        Names that a profile and a response table have.
    """
    names = {_plain(name): name for name in compounds}
    used = evidence[
        (evidence["evidence_type"] == "Predictive")
        & (evidence["evidence_direction"] == "Supports")
        & (evidence["evidence_status"] == "accepted")
        & evidence["clinical_significance"].isin(list(SIGN))
        & evidence["evidence_level"].isin(list("ABCD"))
        & evidence["drug_interaction_type"].isna()
        & ~evidence["variant_origin"].fillna("").str.contains("Germline")
    ]
    votes: dict[Pair, int] = {}
    for row in used.to_dict("records"):
        compound, kind = names.get(_plain(str(row["drugs"]))), marker_kind(str(row["variant"]))
        if compound and kind and row["gene"] in genes:
            pair = (f"{row['gene']} {kind}", compound)
            votes[pair] = votes.get(pair, 0) + SIGN[row["clinical_significance"]]
    return Known({pair: int(np.sign(vote)) for pair, vote in sorted(votes.items()) if vote})


def marker_states(data: ResponseData, markers: list[str]) -> dict[str, NDArray[np.bool_]]:
    """Which lines have each marker; those that too few lines have, or lack, are left out."""
    place = {
        block: {gene: k for k, gene in enumerate(data.genes[block])} for block in ("mutation", "copy_number")
    }
    states = {}
    for marker in markers:
        gene, kind = marker.split(" ")
        block = "mutation" if kind == "mutation" else "copy_number"
        column = data.profiles[block][:, place[block][gene]]
        has = (
            column > AMPLIFIED
            if kind == "amplification"
            else column < LOST
            if kind == "loss"
            else column == 1
        )
        if MIN_LINES <= has.sum() <= len(has) - MIN_LINES:
            states[marker] = has
    return states


def model_scores(
    model: ResponseModel,
    data: ResponseData,
    states: Mapping[str, NDArray[np.bool_]],
    compounds: list[int],
    seed: int,
) -> pd.DataFrame:
    """Mean attribution, in units of the compound's spread, over lines that have the marker (markers, compounds)."""
    rng = np.random.default_rng(seed)
    chosen = {}
    for name, has in states.items():
        lines = np.flatnonzero(has)
        chosen[name] = np.sort(rng.choice(lines, min(len(lines), MAX_LINES), replace=False))
    lines = np.unique(np.concatenate(list(chosen.values())))
    told = model.attributions(
        {name: block[lines] for name, block in data.profiles.items()}, compounds, n_steps=4
    )
    rows = {}
    for name, some in chosen.items():
        gene, kind = name.split(" ")
        block = "mutation" if kind == "mutation" else "copy_number"
        column = data.genes[block].index(gene)
        rows[name] = (
            told[block][np.searchsorted(lines, some)][:, :, column].mean(axis=0) / model.scale[compounds]
        )
    return pd.DataFrame(rows, index=[data.table.compound_ids[k] for k in compounds]).T


def anova_scores(
    data: ResponseData, states: Mapping[str, NDArray[np.bool_]], compounds: list[int]
) -> pd.DataFrame:
    """Effect over standard error of markers (rows) and compounds; 0 where no test can be made."""
    names = [data.table.compound_ids[k] for k in compounds]
    tests = marker_anova(
        data.table.values[:, compounds], np.column_stack(list(states.values())).astype(float), data.tissue,
        marker_ids=list(states), compound_ids=names, min_lines=MIN_LINES,
    )  # fmt: skip
    score = tests.assign(t=tests["effect"] / tests["standard_error"]).pivot_table(
        index="marker", columns="compound", values="t"
    )
    return score.reindex(index=list(states), columns=names).fillna(0.0)


def dealt(pairs: list[Pair], forbidden: set[Pair], n_deals: int, seed: int) -> dict[Pair, float]:
    """How often each pair comes when markers and compounds are dealt anew with their numbers of pairs.

    Parameters
    ----------
    pairs
        Known ones, distinct.
    forbidden
        Pairs that must not come.
    n_deals
        Deals, each of many swaps of the compounds of two pairs, counted where the pair is not forbidden.
    seed
        Of the deals.

    Examples
    --------
    >>> known = [("a", "x"), ("b", "y")]
    >>> dealt(known, set(known), 10, 0).keys() == {("a", "y"), ("b", "x")}
    True
    """
    rng = np.random.default_rng(seed)
    now, counts = list(pairs), dict[Pair, float]()
    for _ in range(n_deals):
        for i, j in rng.integers(0, len(now), (5 * len(now), 2)):
            (a, x), (b, y) = now[i], now[j]
            if (a, y) not in now and (b, x) not in now:
                now[i], now[j] = (a, y), (b, x)
        for pair in now:
            if pair not in forbidden:
                counts[pair] = counts.get(pair, 0) + 1 / n_deals
    return counts


@dataclass(frozen=True)
class Comparison:
    """Known pairs and nulls of one or both signs: scores by ranking, weights and the genes that are drawn."""

    known: list[tuple[Pair, int]]
    null: list[tuple[Pair, int]]
    weight: Array

    def wins(self, score: pd.DataFrame) -> Array:
        """(known, nulls) 1 where the known pair scores above the null, half for ties."""
        ours, theirs = (
            np.array([sign * score.loc[pair] for pair, sign in some]) for some in (self.known, self.null)
        )
        return (ours[:, None] > theirs) + 0.5 * (ours[:, None] == theirs)

    def auroc(self, wins: Array, times: Mapping[str, int] | None = None) -> float:
        """Weighted share of wins, genes counted as often as `times` says."""
        ours, theirs = (
            np.array([1.0 if times is None else times.get(pair[0].split(" ")[0], 0) for pair, _ in some])
            for some in (self.known, self.null)
        )
        theirs = theirs * self.weight
        same = np.array([s for _, s in self.known])[:, None] == np.array([s for _, s in self.null])
        total = ours @ same @ theirs
        return float(ours @ (wins * same) @ theirs / total) if total > 0 else float("nan")


def compared(
    known: Known, states: Mapping[str, NDArray[np.bool_]], signs: tuple[int, ...], seed: int
) -> Comparison:
    """Known pairs whose marker lines have, and their nulls."""
    ours, null, weight = [], [], []
    for sign in signs:
        pairs = [pair for pair in known.of(sign) if pair[0] in states]
        counts = dealt(pairs, set(known.sign), N_DEALS, seed) if len(pairs) > 1 else {}
        ours += [(pair, sign) for pair in pairs]
        null += [(pair, sign) for pair in counts]
        weight += list(counts.values())
    return Comparison(ours, null, np.array(weight))


def auroc_rows(
    known: Known, states: Mapping[str, NDArray[np.bool_]], scores: dict[str, pd.DataFrame], seed: int
) -> list[dict[str, object]]:
    """AUROC of each ranking, and of the first less the others, with 95% intervals over genes."""
    rows: list[dict[str, object]] = []
    for name, signs in (("sensitivity", (-1,)), ("resistance", (1,)), ("both", (-1, 1))):
        case = compared(known, states, signs, seed)
        genes = sorted({pair[0].split(" ")[0] for pair, _ in case.known})
        rng = np.random.default_rng(seed)
        draws = rng.multinomial(len(genes), np.full(len(genes), 1 / len(genes)), N_DRAWS)
        wins = {ranking: case.wins(score) for ranking, score in scores.items()}
        drawn = {
            ranking: np.array([case.auroc(w, dict(zip(genes, map(int, row), strict=True))) for row in draws])
            for ranking, w in wins.items()
        }
        first, *_ = scores
        for ranking, w in wins.items():
            lower, upper = np.nanquantile(drawn[ranking], [0.025, 0.975])
            low, high = np.nanquantile(drawn[first] - drawn[ranking], [0.025, 0.975])
            rows.append({
                "pairs": name, "ranking": ranking, "n_known": len(case.known), "n_genes": len(genes),
                "n_compounds": len({pair[1] for pair, _ in case.known}), "auroc": case.auroc(w), "lower": lower,
                "upper": upper, "ahead": case.auroc(wins[first]) - case.auroc(w), "ahead_lower": low, "ahead_upper": high,
            })  # fmt: skip
    return rows


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = read_arm(given.data, "genotype_tissue", taught=False)
    evidence = pd.read_csv(given.data.parent / "knowledge" / EVIDENCE, sep="\t", on_bad_lines="skip")
    known = known_pairs(evidence, set(data.genes["mutation"]), set(data.table.compound_ids))
    states = marker_states(data, sorted({marker for marker, _ in known.sign}))
    compounds = [
        data.table.compound_ids.index(name) for name in sorted({compound for _, compound in known.sign})
    ]
    model = fit_model(data, ResponseSettings(), given.seed)
    scores = {
        "response_model": model_scores(model, data, states, compounds, given.seed),
        "marker_anova": anova_scores(data, states, compounds),
    }
    rows = pd.DataFrame(auroc_rows(known, states, scores, given.seed))
    print(rows.to_string())
    write_results(rows, "response_biomarkers")
    pairs = [
        {"marker": pair[0], "compound": pair[1], "sign": sign, "n_lines": int(states[pair[0]].sum())}
        | {name: score.loc[pair] for name, score in scores.items()}
        for pair, sign in known.sign.items()
        if pair[0] in states
    ]
    write_results(pd.DataFrame(pairs), "response_biomarker_pairs")


if __name__ == "__main__":
    main()
