"""Response of cell lines or patients to compounds: compound mean + profile mean + interaction.

The means come from training lines alone: that of a compound over lines, and that of a line over compounds as a kernel
regression on its profile. What remains, the interaction, is the weighted sum of three parts fitted to the same training
residuals: an ensemble of networks (`models.response_network`), a kernel regression shared by all compounds
(`models.kronecker` on `models.line_kernel`) and a ridge on named markers per compound (`models.marker_ridge`).

Expression of the training lines may serve as a teacher where the profiles to be predicted have none: the network and
the kernel are then fitted to a blend of the measured responses and those smoothed over lines of alike expression
(privileged information; Lopez-Paz et al. 2016, arXiv:1511.03643). Nothing of a predicted line but its profile is read.

Labels keep their unit, as ln IC50 in ln umol/l. The model keeps the training lines' filled profiles, which its kernels
compare with; so one trained on patients holds their genotypes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from chem.errors import InputError
from models.kronecker import compound_correlation, fit_kronecker
from models.line_kernel import Kernel, fit_line_kernel
from models.marker_ridge import MarkerRidge
from models.new_compounds import CompoundMap
from models.profile_features import BlockFiller, Features, FilledBlocks, ProfileFeatures, Profiles
from models.response_attribution import integrated_gradients
from models.response_network import ResponseNetwork
from models.response_residuals import Residuals, checked_values
from models.response_settings import ResponseSettings

Array = NDArray[np.float64]
Fingerprints = NDArray[np.integer]


@dataclass(frozen=True)
class ResponseModel:
    """A fitted model of (line, compound) responses.

    Attributes
    ----------
    settings
        How it was fitted.
    compound_mean, scale
        (compounds,) as of `Residuals`, float64.
    filler, features
        What is done to profiles first.
    training
        Filled blocks of the training lines, (lines, columns) float32.
    mean_weights
        (lines,) of the kernel regression of the profile mean.
    weights
        (lines, compounds) of that of the interaction.
    network, markers
        The other two parts of the interaction.
    compounds
        How unseen compounds relate to the training ones, None without fingerprints.
    """

    settings: ResponseSettings
    compound_mean: Array
    scale: Array
    filler: BlockFiller
    features: ProfileFeatures
    training: dict[str, NDArray[np.float32]]
    mean_weights: Array
    weights: Array
    network: ResponseNetwork
    markers: MarkerRidge
    compounds: CompoundMap | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel", fit_line_kernel(self.features(self.filler(self.training))))

    kernel: Kernel = field(init=False, repr=False)

    @classmethod
    def fit(
        cls,
        values: Array,
        profiles: Profiles,
        fingerprints: Fingerprints | None = None,
        teacher: Profiles | None = None,
        settings: ResponseSettings | None = None,
        seed: int = 0,
        *,
        gene_weight: Profiles | None = None,
    ) -> ResponseModel:
        """Fit to a response table.

        Parameters
        ----------
        values
            (lines, compounds), NaN where nothing was measured; lines without any value are left out.
        profiles
            Blocks (lines, columns) by name, of `models.profile_features.BLOCKS`; NaN is missing.
        fingerprints
            (compounds, length) bits or counts, for unseen compounds.
        teacher
            Blocks of the same lines that need not be known of a line to be predicted, as expression.
        settings
            How.
        seed
            Of the network.
        gene_weight
            (genes,) by block, how much is known of a gene with any compound: log1p of a count of records.

        Raises
        ------
        InputError
            Tables do not fit together, or a compound has too few values.
        """
        settings = settings or ResponseSettings()
        values = checked_values(values)
        _check_counts(values, profiles, fingerprints)
        used = np.flatnonzero((~np.isnan(values)).any(axis=1))
        values, profiles = values[used], _select(profiles, used)
        residuals = Residuals.of(values)
        filler = BlockFiller.fit(profiles)
        blocks = filler(profiles)
        features = ProfileFeatures.fit(blocks, residuals.standard, gene_weight)
        target = residuals.standard
        if teacher is not None:
            weight = settings.distillation_for(list(blocks.values))
            target = _taught(target, _select(teacher, used), weight, settings)
        x = features(blocks)
        gram = fit_line_kernel(x)(x).numpy()
        correlation = compound_correlation(residuals.standard, settings.shrinkage)
        raw = compound_correlation(residuals.standard)
        return cls(
            settings, residuals.compound_mean, residuals.scale, filler, features,
            {name: block.numpy().astype(np.float32) for name, block in blocks.values.items()},
            _regression(gram, residuals.profile_mean, settings.mean_noise),
            fit_kronecker(gram, correlation, target, noise=settings.noise).weights,
            ResponseNetwork.fit(x, target, raw, settings.network, seed),
            MarkerRidge.fit(_side_by_side(blocks.values).numpy(), residuals.standard),
            None if fingerprints is None else CompoundMap.fit(fingerprints),
        )  # fmt: skip

    def predict(self, profiles: Profiles) -> Array:
        """(lines, compounds) predicted responses to the training compounds, in the unit of the labels."""
        return np.asarray(sum(self.parts(profiles).values()))

    def parts(self, profiles: Profiles) -> dict[str, Array]:
        """What predictions are the sum of, each (lines, compounds).

        Returns
        -------
        dict
            compound_mean, profile_mean, network, kernel, markers.
        """
        blocks = self.filler(profiles)
        n_lines = len(next(iter(blocks.values.values())))
        with torch.no_grad():
            moved = {name: part.numpy() for name, part in self.moved(blocks).items()}
        return {"compound_mean": np.tile(self.compound_mean, (n_lines, 1)), **moved}

    def moved(self, blocks: FilledBlocks) -> dict[str, Float[Tensor, "lines compounds"]]:
        """Parts that depend on the profile, differentiable in the values of the blocks."""
        features = self.features(blocks)
        gram = self.kernel(features)
        network, kernel, markers = self.settings.mix_for(list(self.training))
        scale = torch.from_numpy(self.scale)
        mean = (gram @ torch.from_numpy(self.mean_weights))[:, None].expand(-1, len(scale))
        return {
            "profile_mean": mean,
            "network": network * scale * self.network.predict(features),
            "kernel": kernel * scale * (gram @ torch.from_numpy(self.weights)),
            "markers": markers * scale * self.markers.predict(_side_by_side(blocks.values)),
        }

    def missing_share(self, profiles: Profiles) -> Array:
        """(lines,) share of the model's columns that a profile has no value for."""
        return self.filler.missing_share(profiles)

    def predict_new_compounds(self, profiles: Profiles, fingerprints: Fingerprints) -> Array:
        """Predict responses to compounds that no line was measured with.

        A new compound's mean and interaction come from those of the training compounds (`models.new_compounds`).

        Parameters
        ----------
        profiles
            Of the lines.
        fingerprints
            (n, length), of the kind that the model was fitted with.

        Returns
        -------
        Array
            (lines, n).

        Raises
        ------
        InputError
            The model was fitted without fingerprints, or to ones of another length.
        """
        if self.compounds is None:
            raise InputError("the model knows no structures", hint="fit it with fingerprints")
        parts = self.parts(profiles)
        interaction = parts["network"] + parts["kernel"] + parts["markers"]
        mean = self.compounds.mean(fingerprints, self.compound_mean)
        return mean + parts["profile_mean"][:, :1] + self.compounds.interaction(fingerprints, interaction)

    def attributions(
        self,
        profiles: Profiles,
        compounds: Sequence[int] | None = None,
        parts: Sequence[str] = ("network", "kernel", "markers"),
        n_steps: int = 8,
    ) -> dict[str, NDArray[np.float32]]:
        """Signed contributions of every column of every block to the predictions of each line.

        Integrated gradients from the mean training profile: exact for what is linear. For each line and compound
        they sum to the prediction less that of the mean profile, but for the error of the integral. A missing value
        contributes 0.

        Parameters
        ----------
        profiles
            Of the lines to explain.
        compounds
            Numbers of the compounds; all unless given.
        parts
            Which parts of the prediction; the profile mean, which says nothing of a compound, only if named.
        n_steps
            Points of the integral; with 8 the sums were off by 0.3% on GDSC2.

        Returns
        -------
        dict
            (lines, compounds, columns) float32 by block, in the unit of the labels.
        """
        chosen = np.arange(len(self.scale)) if compounds is None else np.asarray(compounds, np.int64)

        def predict(blocks: FilledBlocks) -> Tensor:
            moved = self.moved(blocks)
            return torch.stack([moved[part] for part in parts]).sum(dim=0)

        return integrated_gradients(
            predict, self.filler(profiles), self.filler.baseline(1), torch.from_numpy(chosen), n_steps,
        )  # fmt: skip

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays to keep on disk, from which `from_arrays` and the settings make the same model."""
        groups: dict[str, dict[str, NDArray[Any]]] = {
            "mean": dict(self.filler.means),
            "training": dict(self.training),
            "features": self.features.to_arrays(),
            "network": self.network.to_arrays(),
            "markers": self.markers.to_arrays(),
            "compounds": {} if self.compounds is None else self.compounds.to_arrays(),
        }
        single = {"compound_mean": self.compound_mean, "scale": self.scale, "mean_weights": self.mean_weights,
                  "weights": self.weights}  # fmt: skip
        return single | {f"{group}.{k}": a for group, arrays in groups.items() for k, a in arrays.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]], settings: ResponseSettings) -> ResponseModel:
        """Read what `to_arrays` wrote.

        Raises
        ------
        KeyError
            An array is missing.
        """

        def group(name: str) -> dict[str, NDArray[Any]]:
            return {k.removeprefix(f"{name}."): a for k, a in arrays.items() if k.startswith(f"{name}.")}

        return cls(
            settings, arrays["compound_mean"], arrays["scale"], BlockFiller.from_arrays(group("mean")),
            ProfileFeatures.from_arrays(group("features")), group("training"), arrays["mean_weights"],
            arrays["weights"], ResponseNetwork.from_arrays(group("network"), settings.network),
            MarkerRidge.from_arrays(group("markers")),
            CompoundMap.from_arrays(group("compounds")) if group("compounds") else None,
        )  # fmt: skip


def _check_counts(values: Array, profiles: Profiles, fingerprints: Fingerprints | None) -> None:
    for name, block in profiles.items():
        if len(block) != len(values):
            raise InputError(
                f"{len(block)} profiles", field=name, expected=f"one for each of the {len(values)} lines"
            )
    if fingerprints is not None and len(fingerprints) != values.shape[1]:
        raise InputError(
            f"{len(fingerprints)} fingerprints", expected=f"one for each of the {values.shape[1]} compounds"
        )


def _select(profiles: Profiles, lines: NDArray[np.int64]) -> Profiles:
    return {name: np.asarray(block)[lines] for name, block in profiles.items()}


def _side_by_side(blocks: Features) -> Float[Tensor, "lines markers"]:
    return torch.cat(list(blocks.values()), dim=1)


def _taught(response: Array, teacher: Profiles, weight: float, settings: ResponseSettings) -> Array:
    """Targets blended with the teacher's fit; where nothing was measured, the teacher's."""
    blocks = BlockFiller.fit(teacher)(teacher)
    x = ProfileFeatures.fit(blocks, response)(blocks)
    gram = fit_line_kernel(x)(x).numpy()
    correlation = compound_correlation(response, settings.shrinkage)
    fitted = fit_kronecker(gram, correlation, response, noise=settings.teacher_noise).fitted
    return np.where(np.isnan(response), fitted, (1 - weight) * response + weight * fitted)


def _regression(gram: Array, target: Array, noise: float) -> Array:
    """(lines,) weights of a kernel ridge."""
    return np.asarray(np.linalg.solve(gram + noise * np.eye(len(gram)), target - target.mean()))
