"""What computes each kind of fingerprint: RDKit's generators and scikit-fingerprints."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors

from chem.fingerprint_kinds import FINGERPRINT_KINDS, FingerprintSettings

Encoder = Callable[[Iterable[Chem.Mol]], NDArray[Any]]
_BITS_REVERSED = np.packbits(
    np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1), axis=1, bitorder="little"
).ravel()


@lru_cache(maxsize=64)
def encoder(settings: FingerprintSettings) -> Encoder:
    """Return what turns molecules into rows of a fingerprint array.

    Parameters
    ----------
    settings
        As `settle` returns them.

    Returns
    -------
    callable
        From n molecules, of which each is let go before the next is taken, to an array (n, settings.width) of settings.dtype.

    Examples
    --------
    >>> from chem.fingerprint_kinds import settle
    >>> int(encoder(settle("maccs"))([Chem.MolFromSmiles("CCO")]).sum())
    9
    """
    if FINGERPRINT_KINDS[settings.kind].source == "scikit-fingerprints":
        return partial(_with_skfp, settings, _skfp_transformer(settings))
    if settings.counts:
        return partial(_count_rows, _count_function(settings))
    return partial(_bit_rows, settings, _bit_function(settings))


def _bit_rows(
    settings: FingerprintSettings,
    bits_of: Callable[[Chem.Mol], DataStructs.ExplicitBitVect],
    molecules: Iterable[Chem.Mol],
) -> NDArray[np.uint8]:
    """RDKit's binary text of a bit vector has the first bit in the lowest; one copy per block."""
    texts = [DataStructs.BitVectToBinaryText(bits_of(molecule)) for molecule in molecules]
    rows = np.frombuffer(b"".join(texts), np.uint8).reshape(len(texts), -1)
    if settings.packed:
        return _BITS_REVERSED[rows]
    return np.unpackbits(rows, axis=1, count=settings.n_bits, bitorder="little")


def _count_rows(
    counts_of: Callable[[Chem.Mol], NDArray[np.uint32]], molecules: Iterable[Chem.Mol]
) -> NDArray[np.uint32]:
    return np.stack([counts_of(molecule) for molecule in molecules])


def _generator(settings: FingerprintSettings) -> Any:
    size, chiral, radius = settings.n_bits, settings.chirality, settings.radius
    match settings.kind:
        case "morgan":
            return rdFingerprintGenerator.GetMorganGenerator(
                radius=radius, fpSize=size, includeChirality=chiral
            )
        case "feature_morgan":
            return rdFingerprintGenerator.GetMorganGenerator(
                radius=radius,
                fpSize=size,
                includeChirality=chiral,
                atomInvariantsGenerator=rdFingerprintGenerator.GetMorganFeatureAtomInvGen(),
            )
        case "atom_pair":
            return rdFingerprintGenerator.GetAtomPairGenerator(fpSize=size, includeChirality=chiral)
        case "topological_torsion":
            return rdFingerprintGenerator.GetTopologicalTorsionGenerator(fpSize=size, includeChirality=chiral)
    return rdFingerprintGenerator.GetRDKitFPGenerator(fpSize=size)


def _bit_function(settings: FingerprintSettings) -> Callable[[Chem.Mol], DataStructs.ExplicitBitVect]:
    match settings.kind:
        case "maccs":
            return rdMolDescriptors.GetMACCSKeysFingerprint
        case "layered":
            return partial(Chem.LayeredFingerprint, fpSize=settings.n_bits)
        case "pattern":
            return partial(Chem.PatternFingerprint, fpSize=settings.n_bits)
        case "avalon":
            from rdkit.Avalon import pyAvalonTools

            return partial(pyAvalonTools.GetAvalonFP, nBits=settings.n_bits)
    return _generator(settings).GetFingerprint


def _count_function(settings: FingerprintSettings) -> Callable[[Chem.Mol], NDArray[np.uint32]]:
    if settings.kind == "avalon":
        return partial(_avalon_counts, settings.n_bits)
    return _generator(settings).GetCountFingerprintAsNumPy


def _avalon_counts(n_bits: int, molecule: Chem.Mol) -> NDArray[np.uint32]:
    from rdkit.Avalon import pyAvalonTools

    row = np.zeros(n_bits, dtype=np.uint32)
    for place, count in pyAvalonTools.GetAvalonCountFP(molecule, nBits=n_bits).GetNonzeroElements().items():
        row[place] = count
    return row


def _skfp_transformer(settings: FingerprintSettings) -> Any:
    import skfp.fingerprints as skfp

    match settings.kind:
        case "erg":
            return skfp.ERGFingerprint()
        case "pubchem":
            return skfp.PubChemFingerprint()
        case "klekota_roth":
            return skfp.KlekotaRothFingerprint(count=settings.counts)
        case "ghose_crippen":
            return skfp.GhoseCrippenFingerprint(count=settings.counts)
        case "functional_groups":
            return skfp.FunctionalGroupsFingerprint(count=settings.counts)
        case "map":
            return skfp.MAPFingerprint(
                fp_size=settings.n_bits, radius=settings.radius, include_chirality=settings.chirality
            )
    return skfp.SECFPFingerprint(
        fp_size=settings.n_bits, radius=settings.radius, isomeric_smiles=settings.chirality
    )


def _with_skfp(
    settings: FingerprintSettings, transformer: Any, molecules: Iterable[Chem.Mol]
) -> NDArray[Any]:
    rows = transformer.transform(list(molecules)).astype(settings.dtype, copy=False)
    return np.packbits(rows, axis=1) if settings.packed else rows
