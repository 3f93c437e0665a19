from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genomics.star_remarks import Remark, group_remarks, remark_on_sites, withhold
from genomics.star_rows import ROW_COLUMNS, Row


@given(st.lists(st.tuples(st.lists(st.booleans(), min_size=4, max_size=4), st.booleans()), max_size=5))
def test_group_remarks__each_patient_is_told_what_is_said_of_them(
    given_remarks: list[tuple[list[bool], bool]],
) -> None:
    remarks = [
        Remark(f"r{i}", np.array(samples), refuses) for i, (samples, refuses) in enumerate(given_remarks)
    ]
    said, of_sample = group_remarks(remarks, 4)
    for sample in range(4):
        own = [remark for remark in remarks if remark.samples[sample]]
        told = said[of_sample[sample]]
        assert told.assumed == tuple(remark.text for remark in own if not remark.refuses)
        assert told.refusal == "; ".join(remark.text for remark in own if remark.refuses)
    assert len(set(said)) == len(said)


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=4))
def test_remark_on_sites__names_the_sites_of_each_patient(at: list[list[bool]]) -> None:
    mask, names = np.array(at), [f"rs{i}" for i in range(len(at))]
    said, of_sample = group_remarks(remark_on_sites("at {sites}", mask, names, refuses=True), 3)
    for sample in range(3):
        own = ",".join(name for name, here in zip(names, mask[:, sample], strict=True) if here)
        assert said[of_sample[sample]].refusal == (f"at {own}" if own else "")


def test_withhold__tells_the_sites_and_no_diplotype() -> None:
    told = dict.fromkeys(ROW_COLUMNS, "") | {
        "rank": 1, "diplotype": "*1/*1", "posterior": 1.0, "posterior_no_prior": 1.0, "status": "called",
        "sites_missing": "rs1,rs2", "sites_no_call": "rs1", "sites_filtered": "rs2", "assumptions": "one word",
    }  # fmt: skip
    row: Row = tuple(told[name] for name in ROW_COLUMNS)  # type: ignore[assignment]
    assert withhold([row, row], "") == [row, row]
    (found,) = withhold([row, row], "three copies")
    left = {name: value for name, value in zip(ROW_COLUMNS, found, strict=True) if value == value}
    assert left == {
        **dict.fromkeys(ROW_COLUMNS[4:], ""), "rank": 1, "diplotype": "", "status": "abstain",
        "sites_missing": "rs1,rs2", "sites_no_call": "rs1", "sites_filtered": "rs2",
        "assumptions": "one word", "reason": "three copies",
    }  # fmt: skip
