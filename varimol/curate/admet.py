"""Train the shipped network of ADMET properties.

``python -m varimol.curate.admet SOURCE OUT [WORKERS]`` reads ``properties/moleculenet``, ``properties/tdc`` and
``properties/biogen`` under SOURCE, joins them to one table of molecules and writes a run; its model.safetensors and
card.json are what ships in ``varimol/data/networks/admet``.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from models.pair_model import Task
from models.property_experiment import train_properties
from models.property_fits import PropertyExperiment
from models.property_kernel_fit import KernelOptions
from models.property_module import PropertyShape
from models.property_table import PropertyTable, read_properties
from models.trained_properties import TrainedProperties


@dataclass(frozen=True)
class Source:
    """One table.

    Attributes
    ----------
    file
        Below ``properties``.
    smiles
        Its column of structures.
    labels
        Endpoint by column; a column that is missing here is no label.
    task
        Of its labels.
    note
        Unit and direction of the labels.
    """

    file: str
    smiles: str
    labels: dict[str, str]
    task: Task
    note: str


def _tdc(name: str, endpoint: str, note: str) -> Source:
    return Source(f"tdc/{name}.tab", "Drug", {"Y": endpoint}, "classification", note)


def _biogen(name: str, endpoint: str, note: str) -> Source:
    return Source(f"biogen/ADME_{name}_train.csv", "smiles", {"activity": endpoint}, "regression", note)


_TOX21 = (
    "NR-AR", "NR-AR-LBD", "NR-AhR", "NR-Aromatase", "NR-ER", "NR-ER-LBD", "NR-PPAR-gamma", "SR-ARE", "SR-ATAD5",
    "SR-HSE", "SR-MMP", "SR-p53",
)  # fmt: skip
SOURCES = (
    Source("moleculenet/ESOL_delaney-processed.csv", "smiles",
           {"measured log solubility in mols per litre": "solubility_esol"}, "regression",
           "log10 of solubility in water, mol/l; higher is more soluble"),
    Source("moleculenet/FreeSolv_SAMPL.csv", "smiles", {"expt": "hydration_free_energy"}, "regression",
           "hydration free energy, kcal/mol; lower is better hydrated"),
    Source("moleculenet/Lipophilicity.csv", "smiles", {"exp": "lipophilicity"}, "regression",
           "log D of octanol and water at pH 7.4; higher is more lipophilic"),
    Source("moleculenet/BBBP.csv", "smiles", {"p_np": "bbb_bbbp"}, "classification",
           "probability of entering the brain (BBBP)"),
    Source("moleculenet/bace.csv", "smiles", {"Class": "bace1_inhibitor"}, "classification",
           "probability of inhibiting BACE-1 (IC50 of 100 nmol/l or less)"),
    Source("moleculenet/clintox.csv", "smiles",
           {"FDA_APPROVED": "fda_approved", "CT_TOX": "clinical_trial_toxicity"}, "classification",
           "probability of approval, and of failing in clinical trials for toxicity (ClinTox)"),
    Source("moleculenet/tox21.csv", "smiles", {name: f"tox21_{name}" for name in _TOX21}, "classification",
           "probability of activity in the Tox21 assay"),
    Source("moleculenet/sider.csv", "smiles", {}, "classification",
           "probability that side effects of this class are listed (SIDER)"),
    _tdc("ames", "ames_mutagenicity", "probability of being mutagenic in the Ames test"),
    _tdc("bbb_martins", "bbb_martins", "probability of entering the brain (Martins)"),
    _tdc("bioavailability_ma", "oral_bioavailability", "probability of oral bioavailability of 20% or more"),
    _tdc("cyp2d6_veith", "cyp2d6_inhibitor", "probability of inhibiting CYP2D6"),
    _tdc("cyp3a4_veith", "cyp3a4_inhibitor", "probability of inhibiting CYP3A4"),
    _tdc("hia_hou", "intestinal_absorption", "probability of being absorbed by the human intestine"),
    _tdc("pgp_broccatelli", "pgp_inhibitor", "probability of inhibiting P-glycoprotein"),
    _biogen("HLM", "clearance_hlm", "log10 of intrinsic clearance by human liver microsomes, ml/min/kg; higher is less stable"),
    _biogen("RLM", "clearance_rlm", "log10 of intrinsic clearance by rat liver microsomes, ml/min/kg; higher is less stable"),
    _biogen("MDR1_ER", "mdr1_efflux_ratio", "log10 of the MDR1-MDCK efflux ratio B-A/A-B; higher is pumped out more"),
    _biogen("Sol", "solubility_biogen", "log10 of solubility at pH 6.8, ug/ml; higher is more soluble"),
    _biogen("hPPB", "unbound_human", "log10 of % unbound to human plasma proteins; higher is more free"),
    _biogen("rPPB", "unbound_rat", "log10 of % unbound to rat plasma proteins; higher is more free"),
)  # fmt: skip
DESCRIPTION = {
    "name": "admet",
    "summary": "Absorption, distribution, metabolism, excretion and toxicity of small molecules: 59 measured properties "
    "from one table, per property a blend of a Gaussian process over descriptors and counted environments and of "
    "networks that all properties share.",
    "data": "MoleculeNet (ESOL, FreeSolv, Lipophilicity, BBBP, BACE, ClinTox, SIDER, Tox21), Therapeutics Data Commons "
    "(Ames, BBB, bioavailability, CYP2D6, CYP3A4, intestinal absorption, P-glycoprotein), Biogen ADME training tables",
    "data_sources": [
        "MoleculeNet: Wu et al. 2018, doi:10.1039/C7SC02664A",
        "Therapeutics Data Commons: Huang et al. 2021, arXiv:2102.09548",
        "Biogen ADME: Fang et al. 2023, doi:10.1021/acs.jcim.3c00160; training tables alone",
    ],
    "data_licence": "published benchmark data; each source's own terms hold (MoleculeNet and Therapeutics Data Commons "
    "redistribute tables of many authors)",
    "splits": "three folds of whole Murcko scaffolds over the joint table; weights, intervals and domain come from them",
    "command": "python -m varimol.curate.admet SOURCE OUT",
    "limits": [
        "Boosted trees and graph networks were not part of the blend: the networks read descriptors and counted environments alone.",
        "Of more than 4,000 molecules with a label, 4,000 are kept as the points of the Gaussian process, whose weights are fitted to all.",
        "Assays in vitro and labels of curated lists are not the effect in a patient; SIDER and ClinTox are lists, not measurements.",
        "bbb_bbbp and bbb_martins largely hold the same molecules.",
    ],
}  # fmt: skip


def joint_table(source: Path) -> tuple[PropertyTable, dict[str, str]]:
    """Molecules of all tables with their labels, and what each endpoint means.

    Parameters
    ----------
    source
        Folder that holds ``properties``.
    """
    tasks: dict[str, Task] = {}
    notes: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        paths = []
        for place, part in enumerate(SOURCES):
            path = source / "properties" / part.file
            table = pd.read_csv(path, sep="\t" if path.suffix == ".tab" else ",", dtype=str)
            labels = part.labels or {name: f"sider_{name}" for name in table.columns if name != part.smiles}
            renamed = table[[part.smiles, *labels]].rename(columns={part.smiles: "smiles", **labels})
            paths.append(Path(scratch) / f"{place:02}_{path.stem}.tsv")
            renamed.to_csv(paths[-1], sep="\t", index=False)
            tasks |= dict.fromkeys(labels.values(), part.task)
            notes |= dict.fromkeys(labels.values(), part.note)
        return read_properties(paths, "smiles", list(tasks), list(tasks.values())), notes


def train(source: Path, out: Path, workers: int = 1) -> TrainedProperties:
    """Train and write the run."""
    table, notes = joint_table(source)
    print(f"{len(table.smiles)} molecules, {len(table.label_names)} labels", flush=True)
    plan = PropertyExperiment(
        parts=("kernel", "network"), settings=("scaffold",), n_folds=3, baselines=False,
        kernel=KernelOptions(n_sample=800, n_exact=4000), network=PropertyShape(graph="", n_members=2, passes=600),
        workers=workers, description={**DESCRIPTION, "endpoint_notes": notes},
    )  # fmt: skip
    return train_properties(table, out, plan, lambda text, share: print(f"{share:.0%} {text}", flush=True))


if __name__ == "__main__":
    train(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
