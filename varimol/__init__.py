"""From a patient's variant calls to candidate therapies, through molecular graph networks.

The functions here are the commands of the ``varimol`` command line by the same names, for notebooks and
scripts: each does one step and writes tables that the next one opens. `genomics`, `chem` and `models` hold
the parts. For research use only.

Examples
--------
>>> import varimol
>>> "link" in dir(varimol)
True
"""

from __future__ import annotations

import sys
import types
from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_EXPORTS = {
    "associate": "varimol.commands",
    "demo": "varimol.demo",
    "download": "varimol.download",
    "explain": "varimol.explain",
    "export": "varimol.cohorts",
    "ingest": "varimol.cohorts",
    "ingest_notes": "varimol.cohorts",
    "library": "varimol.compounds",
    "link": "varimol.link",
    "load_network": "varimol.networks",
    "open_cohort": "genomics.cohort",
    "open_library": "chem.library",
    "predict": "varimol.compounds",
    "predict_property": "varimol.property_runs",
    "predict_response": "varimol.response_runs",
    "profiles": "varimol.profiles",
    "quality": "varimol.commands",
    "report": "varimol.commands",
    "screen": "varimol.compounds",
    "search": "varimol.search",
    "stars": "varimol.commands",
    "train_affinity": "varimol.compounds",
    "train_property": "varimol.property_runs",
    "train_response": "varimol.response_runs",
}
__all__ = ["__version__", *sorted(_EXPORTS)]


def __getattr__(name: str) -> Any:
    """Load what a command needs only when it is first used."""
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'varimol' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)


class _Package(types.ModuleType):
    """Keep ``varimol.link`` the command, though a module of the same name is loaded to run it."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, types.ModuleType) and name in _EXPORTS):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
