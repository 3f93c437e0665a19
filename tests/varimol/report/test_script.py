import base64
import hashlib
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest

from varimol.report import write_report


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    """Open a page in headless Chromium and return the document that its script made."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed: the page's script cannot be run")
    profile = tmp_path_factory.mktemp("profile")

    def dump(path: Path, fragment: str) -> str:
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"]
        command += ["--no-first-run", "--disable-background-networking", "--disable-component-update"]
        command += ["--disable-sync", f"--user-data-dir={profile}", "--virtual-time-budget=8000"]
        finished = subprocess.run(
            [*command, "--dump-dom", f"{path.as_uri()}#{fragment}"],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return finished.stdout

    return dump


@pytest.mark.slow
def test_script__opens_a_patients_page(browse, directory, page, parse_page):
    dom = browse(directory / "report.html", "patient=S0003")
    assert 'data-ready="true"' in dom
    _, text = parse_page(dom)
    assert "Patient S0003" in text and "3 of 40" in text
    therapies = pd.read_parquet(directory / "therapies.parquet")
    predicted = therapies.query("sample_id == 'S0003' and lane == 'predicted'")
    shown = re.findall(r'data-label="Predicted pKd"[^>]*>([^<]*)<', dom)
    np.testing.assert_allclose([float(value) for value in shown], predicted["score"], atol=0.0051)


@pytest.mark.slow
def test_script__says_why_nothing_is_proposed(browse, directory, page, parse_page):
    _, text = parse_page(browse(directory / "report.html", "patient=S0040"))
    assert "Nothing is proposed: outside the domain." in text
    assert "40 of 40" in text and "Next" not in text


@pytest.mark.slow
def test_script__compressed_data_and_hostile_names(browse, tmp_path, write_directory, parse_page, hostile):
    directory = write_directory(tmp_path / "out", 300)
    for name in ("quality_samples", "diplotypes", "recommendations", "therapies", "evidence"):
        table = pd.read_parquet(directory / f"{name}.parquet")
        table.replace({"S0002": hostile, "gefitinib": hostile}).to_parquet(directory / f"{name}.parquet")
    report = write_report(directory)
    assert 'data-encoding="gzip"' in report.read_text(encoding="utf-8")
    dom = browse(report, f"patient={quote(hostile, safe='')}")
    tags, text = parse_page(dom)
    assert f"Patient {hostile}" in text
    assert sum(tag == "script" for tag, _ in tags) == 2 and not any(tag == "img" for tag, _ in tags)


@pytest.mark.slow
def test_script__search_finds_carriers_and_rows_open(browse, tmp_path, directory, page):
    driver = """
      const input = document.getElementById("patient-search");
      input.value = "TPMT";
      input.dispatchEvent(new Event("input"));
    """
    opener = 'document.querySelectorAll("#patient .toggle").forEach((toggle) => toggle.click());'
    carriers = pd.read_parquet(directory / "diplotypes.parquet").query(
        "gene == 'TPMT' and rank == 1 and phenotype == 'Intermediate Metabolizer'"
    )["sample_id"]
    assert 0 < len(carriers) < 40
    dom = browse(_driven(tmp_path / "search.html", page, driver), "patients")
    assert re.findall(r'href="#patient=(\w+)"', dom) == carriers.tolist()
    dom = browse(_driven(tmp_path / "open.html", page, opener), f"patient={carriers.iloc[0]}")
    assert dom.count('class="evidence"') >= 25 and 'class="toggle" aria-expanded="false"' not in dom


def _driven(path, page, statements):
    """Let a reader's hand act once the page is ready; the page's policy must admit that one script."""
    ready = "document.documentElement.dataset.ready"
    script = f"const id = setInterval(() => {{ if ({ready}) {{ clearInterval(id); {statements} }} }}, 20);"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    admitted = page.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    path.write_text(admitted.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    return path
