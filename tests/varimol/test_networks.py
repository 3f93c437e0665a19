"""Networks by name or by folder: what is neither is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from chem.errors import InputError
from varimol.networks import network_folder


def test_network_folder__folder_without_card(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the folder has no card\.json") as raised:
        network_folder(tmp_path)
    assert raised.value.file == str(tmp_path) and raised.value.hint


def test_network_folder__neither_folder_nor_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no network .*expected a folder .* kinase-affinity"):
        network_folder(tmp_path / "nowhere")
