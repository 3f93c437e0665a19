"""Molecules from ChEMBL's web service: its pages, in order, as one table."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from chem.errors import InputError
from varimol.download_transfer import Patience, Progress, fetch_text, writing

COLUMNS = ("chembl_id", "name", "smiles", "inchikey", "first_approval")
_MOST_PAGES = 10_000


def fetch_molecules(url: str, partial: Path, patience: Patience, progress: Progress | None = None) -> str:
    """Write every molecule that an address of the web service lists, one line each, in its order.

    Molecules without a structure (biologicals) have an empty SMILES; none is left out.

    Parameters
    ----------
    url
        First page, such as ``.../chembl/api/data/molecule.json?max_phase=4&limit=1000``.
    partial
        The table, tab-separated: chembl_id, name, smiles, inchikey, first_approval.
    patience
        When to give up on a page.
    progress
        Told the molecules there are and will be.

    Returns
    -------
    str
        The release, such as "ChEMBL_37".

    Raises
    ------
    InputError
        The service cannot be reached, answers something else, or lists fewer molecules than it counts.
    """
    release = _status(url, patience)
    n_read, n_total, page = 0, -1, url
    with writing(partial), partial.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter="\t", lineterminator="\n")
        writer.writerow(COLUMNS)
        for _ in range(_MOST_PAGES):
            answer = _page(page, patience)
            for molecule in answer["molecules"]:
                writer.writerow(_row(molecule))
            n_read += len(answer["molecules"])
            n_total = int(answer["page_meta"]["total_count"])
            if progress is not None:
                progress(n_read, n_total)
            following = answer["page_meta"]["next"]
            if not following:
                break
            page = _following(url, page, following)
    if n_read != n_total or n_read == 0:
        raise InputError(
            f"{n_read} molecules came", file=url, expected=f"{n_total}", hint="download it again"
        )
    if _status(url, patience) != release:
        raise InputError("ChEMBL changed its release meanwhile", file=url, hint="download it again")
    return release


def _following(first: str, page: str, link: str) -> str:
    """Address of the next page, on the host and under the path that the first one came from (a mirror's too)."""
    query = urlsplit(urljoin(page, link)).query
    return f"{first.partition('?')[0]}?{query}"


def _status(url: str, patience: Patience) -> str:
    address = urljoin(url, "status.json")
    try:
        return str(json.loads(fetch_text(address, patience)).get("chembl_db_version", "unknown"))
    except FileNotFoundError:
        return "unknown"
    except (ValueError, AttributeError):
        raise InputError("is no status of ChEMBL's web service", file=address, expected="JSON") from None


def _page(url: str, patience: Patience) -> dict[str, Any]:
    try:
        answer = json.loads(fetch_text(url, patience))
        if isinstance(answer["molecules"], list) and "next" in answer["page_meta"]:
            int(answer["page_meta"]["total_count"])
            return dict(answer)
    except FileNotFoundError:
        raise InputError("the server has no such page", file=url, hint="see the provider's page") from None
    except (ValueError, TypeError, KeyError):
        pass
    raise InputError(
        "is no page of ChEMBL's web service", file=url, expected="JSON with molecules, page_meta"
    )


def _row(molecule: dict[str, Any]) -> list[str]:
    structures = molecule.get("molecule_structures") or {}
    values = (
        molecule.get("molecule_chembl_id"), molecule.get("pref_name"), structures.get("canonical_smiles"),
        structures.get("standard_inchi_key"), molecule.get("first_approval"),
    )  # fmt: skip
    return ["" if value is None else " ".join(str(value).split()) for value in values]
