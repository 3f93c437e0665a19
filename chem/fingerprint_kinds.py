"""The kinds of fingerprints: what each is, which options it takes, and where it is defined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chem.errors import InputError

_LARGEST = 1 << 20


@dataclass(frozen=True)
class FingerprintKind:
    """One kind of fingerprint.

    Parameters
    ----------
    name
        What `fingerprints` calls it.
    description
        What a bit stands for.
    n_bits
        Length unless another is asked for.
    fixed_length
        Each position has a meaning of its own, so that `n_bits` cannot be chosen.
    options
        Which of radius, counts and chirality it takes.
    real
        Its values are real numbers, not bits.
    source
        RDKit or scikit-fingerprints.
    reference
        Where it is defined.

    Examples
    --------
    >>> FINGERPRINT_KINDS["maccs"].n_bits, sorted(FINGERPRINT_KINDS["morgan"].options)
    (167, ['chirality', 'counts', 'radius'])
    """

    name: str
    description: str
    n_bits: int
    reference: str
    fixed_length: bool = False
    options: frozenset[str] = frozenset()
    real: bool = False
    source: str = "RDKit"


@dataclass(frozen=True)
class FingerprintSettings:
    """A kind of fingerprint with every option settled, as stores record it.

    Parameters
    ----------
    kind
        Key of `FINGERPRINT_KINDS`.
    n_bits
        Length; for a kind of fixed length, its length.
    radius
        Bonds from the central atom, for the circular kinds; 0 for others.
    counts
        How often each environment occurs instead of whether.
    chirality
        Whether enantiomers differ.
    packed
        Eight bits per byte, the first in the highest bit, as `numpy.packbits` has it.

    Examples
    --------
    >>> settle("morgan", packed=True)
    FingerprintSettings(kind='morgan', n_bits=2048, radius=2, counts=False, chirality=False, packed=True)
    >>> settle("morgan", packed=True).width
    256
    """

    kind: str
    n_bits: int
    radius: int
    counts: bool
    chirality: bool
    packed: bool

    @property
    def width(self) -> int:
        """Columns of the array: bytes where packed."""
        return -(-self.n_bits // 8) if self.packed else self.n_bits

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the array: uint8, uint32 for counts, float32 for real values."""
        if FINGERPRINT_KINDS[self.kind].real:
            return np.dtype(np.float32)
        return np.dtype(np.uint32 if self.counts else np.uint8)


_MORGAN = "Rogers and Hahn, J. Chem. Inf. Model. 2010, 50, 742-754, doi:10.1021/ci100050t"
_SKFP = "scikit-fingerprints"
_KINDS = (
    FingerprintKind(
        "morgan",
        "circular environment of an atom (ECFP; radius 2 is ECFP4)",
        2048,
        _MORGAN,
        options=frozenset({"radius", "counts", "chirality"}),
    ),
    FingerprintKind(
        "feature_morgan",
        "circular environment of an atom told by its role: donor, acceptor, aromatic, halogen, acid, base (FCFP)",
        2048,
        _MORGAN,
        options=frozenset({"radius", "counts", "chirality"}),
    ),
    FingerprintKind(
        "atom_pair",
        "two atoms and the bonds between them; bits also tell how often (count simulation); chirality only in counts",
        2048,
        "Carhart, Smith and Venkataraghavan, J. Chem. Inf. Comput. Sci. 1985, 25, 64-73, doi:10.1021/ci00046a002",
        options=frozenset({"counts", "chirality"}),
    ),
    FingerprintKind(
        "topological_torsion",
        "four atoms in a row; bits also tell how often (count simulation); three-membered rings are walked in the "
        "order of the atoms, so a rewritten SMILES can change a bit or two",
        2048,
        "Nilakantan et al., J. Chem. Inf. Comput. Sci. 1987, 27, 82-85, doi:10.1021/ci00054a008",
        options=frozenset({"counts", "chirality"}),
    ),
    FingerprintKind(
        "rdkit",
        "subgraph of up to 7 bonds, two bits each",
        2048,
        "RDKit, Fingerprinting and Molecular Similarity, https://www.rdkit.org/docs/GettingStartedInPython.html",
        options=frozenset({"counts"}),
    ),
    FingerprintKind(
        "layered",
        "path of up to 7 bonds, seen in layers of growing detail",
        2048,
        "RDKit book, https://www.rdkit.org/docs/RDKit_Book.html",
    ),
    FingerprintKind(
        "pattern",
        "generic substructure, made for screening before a substructure search",
        2048,
        "RDKit book, https://www.rdkit.org/docs/RDKit_Book.html",
    ),
    FingerprintKind(
        "maccs",
        "one of 166 public MDL keys; bit i is key i, bit 0 is never set",
        167,
        "Durant et al., J. Chem. Inf. Comput. Sci. 2002, 42, 1273-1280, doi:10.1021/ci010132r",
        fixed_length=True,
    ),
    FingerprintKind(
        "avalon",
        "path, ring, pair or atom of 16 feature classes",
        512,
        "Gedeck, Rohde and Bartels, J. Chem. Inf. Model. 2006, 46, 1924-1936, doi:10.1021/ci050413p",
        options=frozenset({"counts"}),
    ),
    FingerprintKind(
        "erg",
        "pair of pharmacophore points of the reduced graph at a distance (fuzzy, not bits)",
        315,
        "Stiefl et al., J. Chem. Inf. Model. 2006, 46, 208-220, doi:10.1021/ci050457y",
        fixed_length=True,
        real=True,
        source=_SKFP,
    ),
    FingerprintKind(
        "pubchem",
        "one of 881 PubChem substructure keys, as CACTVS defines them",
        881,
        "PubChem substructure fingerprint v1.3, https://ftp.ncbi.nlm.nih.gov/pubchem/specifications",
        fixed_length=True,
        source=_SKFP,
    ),
    FingerprintKind(
        "klekota_roth",
        "one of 4,860 substructures that are enriched among active compounds",
        4860,
        "Klekota and Roth, Bioinformatics 2008, 24, 2518-2525, doi:10.1093/bioinformatics/btn479",
        fixed_length=True,
        options=frozenset({"counts"}),
        source=_SKFP,
    ),
    FingerprintKind(
        "ghose_crippen",
        "one of 110 atom types of the log P model",
        110,
        "Wildman and Crippen, J. Chem. Inf. Comput. Sci. 1999, 39, 868-873, doi:10.1021/ci990307l",
        fixed_length=True,
        options=frozenset({"counts"}),
        source=_SKFP,
    ),
    FingerprintKind(
        "functional_groups",
        "one of 85 functional groups of RDKit",
        85,
        "RDKit, rdkit.Chem.Fragments, https://www.rdkit.org/docs/source/rdkit.Chem.Fragments.html",
        fixed_length=True,
        options=frozenset({"counts"}),
        source=_SKFP,
    ),
    FingerprintKind(
        "map",
        "pair of circular environments and their distance (MAP4)",
        2048,
        "Capecchi, Probst and Reymond, J. Cheminform. 2020, 12, 43, doi:10.1186/s13321-020-00445-4",
        options=frozenset({"radius", "chirality"}),
        source=_SKFP,
    ),
    FingerprintKind(
        "secfp",
        "circular environment written as a SMILES (SECFP, of radius 3 unless asked)",
        2048,
        "Probst and Reymond, J. Cheminform. 2018, 10, 66, doi:10.1186/s13321-018-0321-8",
        options=frozenset({"radius", "chirality"}),
        source=_SKFP,
    ),
)
FINGERPRINT_KINDS: dict[str, FingerprintKind] = {kind.name: kind for kind in _KINDS}
"""Every kind that `fingerprints` knows, by name."""
_RADIUS = {"secfp": 3}


def settle(
    kind: str = "morgan",
    *,
    n_bits: int | None = None,
    radius: int | None = None,
    counts: bool = False,
    chirality: bool = False,
    packed: bool = False,
) -> FingerprintSettings:
    """Check the options of a fingerprint and fill in those left open.

    Parameters
    ----------
    kind, n_bits, radius, counts, chirality, packed
        As `fingerprints` takes them.

    Returns
    -------
    FingerprintSettings
        The options, all of them.

    Raises
    ------
    InputError
        The kind is unknown, does not take an option, or a value is out of range.

    Examples
    --------
    >>> settle("maccs").width, settle("morgan", counts=True).dtype.name
    (167, 'uint32')
    """
    if kind not in FINGERPRINT_KINDS:
        raise InputError(
            f"no fingerprint {kind!r}", field="kind", expected=f"one of {', '.join(FINGERPRINT_KINDS)}"
        )
    known = FINGERPRINT_KINDS[kind]
    asked = {"radius": radius is not None, "counts": counts, "chirality": chirality}
    for option, wanted in asked.items():
        if wanted and option not in known.options:
            takes = ", ".join(sorted(known.options)) or "none of radius, counts and chirality"
            raise InputError(f"the {kind} fingerprint has no {option}", field=option, expected=takes)
    if kind == "atom_pair" and chirality and not counts:
        raise InputError(
            "RDKit's folding drops the chirality of atom pairs from many bits, silently",
            field="chirality",
            expected="counts, which keep it",
        )
    if packed and (counts or known.real):
        raise InputError("only bits can be packed", field="packed", expected="counts off and a kind of bits")
    return FingerprintSettings(
        kind, _length(known, n_bits), _radius(known, radius), bool(counts), bool(chirality), bool(packed)
    )


def _length(kind: FingerprintKind, n_bits: int | None) -> int:
    if n_bits is None:
        return kind.n_bits
    if kind.fixed_length and n_bits != kind.n_bits:
        raise InputError(
            f"the {kind.name} fingerprint has {kind.n_bits} positions",
            field="n_bits",
            hint="leave n_bits out",
        )
    if not isinstance(n_bits, int | np.integer) or not 1 <= n_bits <= _LARGEST:
        raise InputError(f"a fingerprint of {n_bits!r} bits", field="n_bits", expected=f"1 to {_LARGEST}")
    return int(n_bits)


def _radius(kind: FingerprintKind, radius: int | None) -> int:
    if radius is None:
        return _RADIUS.get(kind.name, 2) if "radius" in kind.options else 0
    if not isinstance(radius, int | np.integer) or not 0 <= radius <= 20:
        raise InputError(f"a radius of {radius!r}", field="radius", expected="0 to 20 bonds")
    return int(radius)
