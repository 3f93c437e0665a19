import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.call_counts import CallOutOfRangeError, count_calls, tally_samples


def _counted_one_by_one(genotypes, states, n_alleles):
    """The same counts as `count_calls`, a call at a time."""
    n, n_samples, _ = genotypes.shape
    by_state, by_allele = np.zeros((n, 4), int), np.zeros((4, n, n_alleles), int)
    diploid, of_sample = np.zeros(n, int), np.zeros((6, n_samples), int)
    copies, het, hom, haploid = by_allele
    holders = [{} for _ in range(n)]
    for i in range(n):
        for j in range(n_samples):
            by_state[i, states[i, j]] += 1
            of_sample[states[i, j], j] += 1
            call = [int(allele) for allele in genotypes[i, j] if allele >= 0 and states[i, j] == 0]
            for allele in call:
                copies[i, allele] += 1
                holders[i].setdefault(allele, []).append(j)
            for allele in set(call):
                haploid[i, allele] += len(call) == 1
                het[i, allele] += len(call) == 2 and call.count(allele) == 1
                hom[i, allele] += len(call) == 2 and call.count(allele) == 2
            diploid[i] += len(call) == 2
            of_sample[4, j] += len(call) == 2 and call[0] != call[1]
        for allele, samples in holders[i].items():
            if allele and len(samples) == 1:
                of_sample[5, samples[0]] += 1
    return [by_state, copies, het, hom, haploid, diploid, of_sample[:4], of_sample[4], of_sample[5]]


def _fields(counts):
    names = ("states", "copies", "het", "hom", "haploid", "diploid", "sample_states", "sample_het")
    return [getattr(counts, name) for name in (*names, "sample_singletons")]


@st.composite
def blocks(draw):
    """Genotypes, states and number of alleles of a small block, of one kind of rows or a mixture."""
    ploidy, n_alleles = draw(st.sampled_from([(1, 2), (2, 2), (2, 2), (2, 2), (2, 3), (2, 4), (3, 3)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_samples = draw(st.one_of(st.integers(0, 20), st.integers(60, 140)))
    shape = (draw(st.integers(0, 5)), n_samples, ploidy)
    genotypes = rng.integers(0, n_alleles, shape)
    genotypes[rng.random(shape[:2]) < draw(st.sampled_from([0, 0.2])), 0] = -1
    if ploidy > 1:
        genotypes[rng.random(shape[:2]) < draw(st.sampled_from([0, 0.3])), 1:] = -2
    genotypes[rng.random(shape[0]) < 0.1] = -2
    states = rng.choice(4, shape[:2], p=draw(st.sampled_from([[1, 0, 0, 0], [0.7, 0.1, 0.1, 0.1]])))
    no_call = (genotypes == -1).any(axis=2) | (genotypes == -2).all(axis=2)
    states = np.where(no_call & (states == 0), 1, states).astype(np.int8)
    return genotypes.astype(draw(st.sampled_from([np.int8, np.int8, np.int16]))), states, n_alleles


@given(blocks())
@settings(deadline=None, max_examples=200)
def test_count_calls__one_by_one(block):
    genotypes, states, n_alleles = block
    for found, expected in zip(_fields(count_calls(*block)), _counted_one_by_one(*block), strict=True):
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, expected)
    if not states.any():
        without = count_calls(genotypes, None, n_alleles)
        for found, expected in zip(_fields(without), _fields(count_calls(*block)), strict=True):
            np.testing.assert_array_equal(found, expected)


@given(blocks(), st.data())
@settings(deadline=None)
def test_tally_samples__one_by_one(block, data):
    genotypes, states, n_alleles = block
    record, alt_index = (axis.ravel() for axis in np.mgrid[0 : len(genotypes), 1:n_alleles])
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    usable, telling = rng.random((2, len(record))) < 0.6
    expected = np.zeros((3, genotypes.shape[1]), int)
    for row, (i, allele) in enumerate(zip(record, alt_index, strict=True)):
        for j, call in enumerate(genotypes[i]):
            present = call[call >= 0]
            if usable[row] and states[i, j] == 0:
                expected[0, j] += 1
                expected[1, j] += telling[row] and len(present) == 2 and (present == allele).sum() == 1
                expected[2, j] += telling[row] and len(present) == 2
    found = tally_samples(genotypes, states, record, alt_index, usable, telling)
    np.testing.assert_array_equal(found, expected)


def test_count_calls__more_rows_and_samples_than_small_integers_hold():
    genotypes = np.ones((300, 70_000, 2), np.int8)
    genotypes[:, :, 1] = 0
    counts = count_calls(genotypes, None, 2)
    assert (counts.copies == 70_000).all() and (counts.sample_het == 300).all()


def test_count_calls__strided_rows_and_columns():
    genotypes = np.random.default_rng(2).integers(-1, 2, (8, 30, 2)).astype(np.int8)
    states = (genotypes == -1).any(axis=2).astype(np.int8)
    part = (slice(None, None, 2), slice(1, None, 3))
    found = _fields(count_calls(genotypes[part], states[part], 2))
    for values, expected in zip(found, _counted_one_by_one(genotypes[part], states[part], 2), strict=True):
        np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("ploidy", [1, 2, 3])
def test_count_calls__allele_out_of_range(ploidy):
    genotypes = np.zeros((3, 4, ploidy), np.int8)
    genotypes[1, 2, 0] = 2
    with pytest.raises(CallOutOfRangeError, match="row 1 has an allele number above 1") as caught:
        count_calls(genotypes, None, 2)
    assert caught.value.row == 1


@pytest.mark.parametrize("state", [4, -1, 127, -128])
def test_count_calls__unknown_state(state):
    states = np.zeros((3, 4), np.int8)
    states[2, 3] = state
    with pytest.raises(CallOutOfRangeError, match=r"row 2 has .* a state outside 0 to 3"):
        count_calls(np.zeros((3, 4, 2), np.int8), states, 2)
