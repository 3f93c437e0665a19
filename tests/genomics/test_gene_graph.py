"""Diffusion over pathways, beside personalised PageRank of another program and step-by-step walks."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.errors import InputError
from genomics.gene_graph import diffuse_profiles, diffusion, pathway_links
from genomics.profiles import GenotypeProfiles

PATHWAYS = {"RTK-RAS": ["KRAS", "BRAF", "NF1"], "PI3K": ["PIK3CA", "PTEN", "NF1"], "alone": ["VHL"]}
GENES = ["BRAF", "KRAS", "NF1", "PIK3CA", "PTEN", "VHL"]


def profiles(values: np.ndarray, block: str = "mutation") -> GenotypeProfiles:
    ids = [f"S{row}" for row in range(len(values))]
    return GenotypeProfiles.of(ids, {block: (GENES, values)})


def test_pathway_links__a_gene_of_two_pathways_has_the_links_of_both() -> None:
    links = pathway_links(GENES, PATHWAYS)
    assert (links == links.T).all()
    assert links[GENES.index("NF1")].tolist() == [0.5, 0.5, 0, 0.5, 0.5, 0]
    assert links[GENES.index("VHL")].sum() == 0


def test_pathway_links__former_symbols_are_found() -> None:
    assert pathway_links(["KMT2D", "TP53"], {"p": ["MLL2", "TP53"]}, {"MLL2": "KMT2D"})[0, 1] == 1


@pytest.mark.parametrize("share", [0.1, 0.5, 0.85])
def test_diffusion__is_personalised_pagerank(share: float) -> None:
    links = pathway_links(GENES[:-1], PATHWAYS)
    graph = nx.from_numpy_array(links)
    stops = diffusion(links, share)
    for gene in range(len(links)):
        told = nx.pagerank(graph, alpha=share, personalization={gene: 1.0}, tol=1e-12)
        assert stops[gene] == pytest.approx([told[other] for other in range(len(links))], abs=1e-9)


def test_diffusion__is_where_walkers_stop() -> None:
    links, share = pathway_links(GENES[:-1], PATHWAYS), 0.4
    steps = links / links.sum(axis=1, keepdims=True)
    walked = sum((1 - share) * share**n * np.linalg.matrix_power(steps, n) for n in range(60))
    assert diffusion(links, share) == pytest.approx(walked, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sets(st.sampled_from(GENES), min_size=1), min_size=1, max_size=4),
    st.floats(0, 0.95),
    st.floats(-3, 3, width=32),
    st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_diffuse_profiles__the_same_value_everywhere_stays(
    sets: list[set[str]], share: float, value: float, missing: list[bool]
) -> None:
    pathways = {str(number): sorted(genes) for number, genes in enumerate(sets)}
    row = np.where(missing, np.nan, value)[None]
    if not pathway_links(GENES, pathways).any():
        return
    diffused = diffuse_profiles(profiles(row), pathways, share).blocks["mutation"]
    assert diffused == pytest.approx(row, abs=1e-5, nan_ok=True)


def test_diffuse_profiles__no_share_changes_nothing_and_missing_stays_missing() -> None:
    values = np.array([[1, 0, np.nan, 0, 1, 1], [0, 0, 0, 0, 0, 1]])
    same = diffuse_profiles(profiles(values), PATHWAYS, 0.0).blocks["mutation"]
    assert np.array_equal(same, values.astype(np.float32), equal_nan=True)
    moved = diffuse_profiles(profiles(values), PATHWAYS, 0.5)
    assert np.isnan(moved.blocks["mutation"]).sum() == 1
    assert moved.blocks["mutation"][1].tolist() == [0, 0, 0, 0, 0, 1]  # VHL has no neighbour
    assert moved.remarks == ("mutation: diffused by 0.5 over 5 of 6 genes that share pathways",)


def test_diffuse_profiles__copy_number_is_left_alone() -> None:
    values = np.ones((1, 6)) * np.arange(6)
    both = GenotypeProfiles.of(["S"], {"mutation": (GENES, values), "copy_number": (GENES, values)})
    diffused = diffuse_profiles(both, PATHWAYS, 0.5)
    assert (diffused.blocks["copy_number"] == values).all()
    assert (diffused.blocks["mutation"] != values).any()


def test_diffuse_profiles__refuses_what_has_nothing_to_diffuse() -> None:
    values = np.ones((1, 6))
    with pytest.raises(InputError, match="no two genes share a pathway"):
        diffuse_profiles(profiles(values), {"alone": ["VHL"]}, 0.5)
    with pytest.raises(InputError, match="nothing to diffuse"):
        diffuse_profiles(profiles(values, "copy_number"), PATHWAYS, 0.5)
    with pytest.raises(InputError, match="1 is no share"):
        diffuse_profiles(profiles(values), PATHWAYS, 1.0)
