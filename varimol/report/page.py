"""Put the page together: template, style, script and data in one file."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

from varimol.report.bundle import Bundle
from varimol.report.model_text import model_facts, model_figures, model_parts
from varimol.report.notation import byte_count
from varimol.report.overview import (
    CALL_KINDS,
    as_text,
    association_facts,
    cohort_facts,
    marker_call_rows,
    marker_rows,
    quality_facts,
)
from varimol.report.payload import embed, encode_patients, patient_ids
from varimol.report.pharmacogenes import gene_rows, reason_counts
from varimol.report.targets import abstained_targets, target_sections

#: The script's parts in the order in which they are joined; each adds to one shared scope.
SCRIPT_PARTS = (
    *("data.js", "elements.js", "evidence.js", "pharmacogenes.js", "patient.js", "patients.js", "routes.js"),
)


def render_page(bundle: Bundle) -> str:
    """Render the report.

    Parameters
    ----------
    bundle
        Tables and manifest of the run.

    Returns
    -------
    str
        A complete HTML document that requests nothing.
    """
    from markupsafe import Markup

    if bundle.kind == "stars":
        return _render("stars.html.j2", bundle, _stars_context(bundle))
    network = bundle.manifest.get("network")
    context: dict[str, Any] = {
        "model_parts": model_parts(bundle.manifest.get("network")),
        "model_facts": model_facts(network) if isinstance(network, dict) else {},
        "model_figures": model_figures(network) if isinstance(network, dict) else [],
        "absent": bundle.absent,
        "cohort": cohort_facts(bundle),
        "quality": quality_facts(bundle),
        "association": association_facts(bundle),
        "markers": marker_rows(bundle),
        "marker_calls": marker_call_rows(bundle),
        "call_kinds": list(CALL_KINDS.values()),
        "targets": target_sections(bundle),
        "abstained": abstained_targets(bundle),
        "svg": Markup,
    }
    return _render("page.html.j2", bundle, context | {"title": context["cohort"]["trait"]})


def _stars_context(bundle: Bundle) -> dict[str, Any]:
    """Values of the page of star alleles alone."""
    rows = gene_rows(bundle.tables["diplotypes"], bundle.tables["recommendations"])
    nobody: dict[str, list[str]] = {}
    for row in rows:
        if row["reason"]:
            nobody.setdefault(row["reason"], []).append(row["gene"])
    return {
        "title": "Pharmacogenes",
        "n_patients": len(patient_ids(bundle)),
        "n_seen": sum(row["called"] + row["unsettled"] > 0 for row in rows),
        "genes": [row for row in rows if not row["reason"]],
        "nobody": nobody,
        "reasons": reason_counts(bundle.tables["diplotypes"]),
    }


def _render(template: str, bundle: Bundle, context: dict[str, Any]) -> str:
    """Fill a template, with the style, the script and the patients' data that every page carries."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("varimol.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(text=as_text, bytes=byte_count, count=_count, label=_label)
    script = page_script()
    encoding, data = embed(encode_patients(bundle))
    shared = {
        "kind": bundle.kind,
        "manifest": bundle.manifest,
        "version": bundle.manifest.get("varimol") or bundle.manifest.get("varimolVersion"),
        "style": Markup(_asset("page.css")),
        "script": Markup(script),
        "script_hash": _content_hash(script),
        "data_encoding": encoding,
        "data": Markup(data),
    }
    return environment.get_template(template).render(shared | context)


def page_script() -> str:
    """Join the script's parts into one function scope.

    Returns
    -------
    str
        JavaScript without any ``</script``.
    """
    body = "\n".join(_asset(f"script/{part}") for part in SCRIPT_PARTS)
    return f'(() => {{\n"use strict";\n{body}\n}})();\n'


def _asset(name: str) -> str:
    return files("varimol.report").joinpath(*name.split("/")).read_text(encoding="utf-8")


def _content_hash(script: str) -> str:
    """Hash as a content security policy wants it: only this script may run in the page."""
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else (as_text(value) or "–")


def _label(key: Any) -> str:
    words = str(key).replace("_", " ").strip()
    return words[:1].upper() + words[1:]
