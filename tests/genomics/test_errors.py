from __future__ import annotations

import pytest

from genomics.errors import InputError


def test_message__names_file_record_field_expectation_and_hint() -> None:
    error = InputError(
        "bad value",
        file="/data/cohort.vcf.gz",
        record=12,
        field="GT",
        expected="0/1",
        hint="correct it",
    )
    assert str(error) == "cohort.vcf.gz, record 12, field GT: bad value; expected 0/1; correct it"
    assert isinstance(error, ValueError)
    assert (error.record, error.field) == (12, "GT")


@pytest.mark.parametrize("text", ["two\nlines", "a\ttab", "  spaces   within "])
def test_message__is_one_line(text: str) -> None:
    assert "\n" not in str(InputError(text)) and "\t" not in str(InputError(text))


def test_message__without_place() -> None:
    assert str(InputError("bad value")) == "bad value"


def test_package__exports_functions_not_modules_of_the_same_name() -> None:
    import genomics.ingest

    assert callable(genomics.ingest)
    assert genomics.InputError is InputError
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = genomics.nothing
