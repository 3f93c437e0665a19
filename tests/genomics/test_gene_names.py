from __future__ import annotations

import pytest

from genomics.errors import InputError
from genomics.gene_names import check_aliases, current_names, looks_transposed, match_genes, shown

ALIASES = {"MLL2": "KMT2D", "FGFR1OP": "CEP43"}


def test_current_names__order_stays_and_changes_are_told() -> None:
    names, renamed = current_names(["VHL", "FGFR1OP", "KMT2D"], ALIASES)
    assert names == ("VHL", "CEP43", "KMT2D")
    assert renamed == {"FGFR1OP": "CEP43"}


def test_current_names__two_names_of_one_gene() -> None:
    with pytest.raises(InputError, match=r"cn\.tsv, field KMT2D: names the same gene as 'MLL2'"):
        current_names(["MLL2", "KMT2D"], ALIASES, file="cn.tsv")


def test_current_names__a_gene_twice() -> None:
    with pytest.raises(InputError, match="field VHL: the gene has two columns"):
        current_names(["VHL", "VHL"], {})


def test_check_aliases__chain() -> None:
    with pytest.raises(InputError, match="record A: 'B' is itself given as a former symbol"):
        check_aliases({"A": "B", "B": "C"})


@pytest.mark.parametrize(("have", "wanted"), [("MLL2", "KMT2D"), ("KMT2D", "MLL2"), ("MLL2", "MLL2")])
def test_match_genes__either_side_may_use_the_former_symbol(have: str, wanted: str) -> None:
    where, renamed = match_genes(["VHL", have], [wanted, "APC"], ALIASES)
    assert where.tolist() == [1, -1]
    assert renamed == ({have: wanted} if have != wanted else {})


def test_looks_transposed__by_known_genes_and_by_landmarks() -> None:
    assert looks_transposed(["GENE1", "GENE2"], ["line1"], {"GENE1"})
    assert looks_transposed(["TP53"], ["line1"], ())
    assert not looks_transposed(["GENE1"], ["line1"], ())
    assert not looks_transposed(["line1"], ["TP53", "GENE1"], {"GENE1"})


def test_shown__is_sorted_and_short() -> None:
    assert shown({"B", "A"}) == "A, B"
    assert shown([str(i) for i in range(9)]).endswith("and 4 more")
