"""The README's figures are those of the committed results."""

from __future__ import annotations

from benchmarks.readme import ROOT, readme


def test_readme__says_what_was_measured():
    assert readme() == (ROOT / "README.md").read_text(encoding="utf-8"), (
        "run `make docs` and commit README.md"
    )
