"""How a response model is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from models.response_network import NetworkSettings


@dataclass(frozen=True)
class ResponseSettings:
    """How the model is fitted.

    Attributes
    ----------
    mix
        Weights of network, kernel and markers; None for a ratio that fits the blocks given.
    distillation
        Weight of the teacher in the targets; None for one that fits the blocks given.
    noise, teacher_noise, mean_noise
        Variance of a cell's noise in the kernel regressions of the interaction, of the teacher and of the
        profile mean, where responses and the kernel's diagonal have 1.
    shrinkage
        Of the correlation of compounds to the identity.
    network
        Of the ensemble.
    """

    mix: tuple[float, float, float] | None = None
    distillation: float | None = None
    noise: float = 4.0
    teacher_noise: float = 6.0
    mean_noise: float = 3.0
    shrinkage: float = 0.4
    network: NetworkSettings = field(default_factory=NetworkSettings)

    def mix_for(self, blocks: Sequence[str]) -> tuple[float, float, float]:
        """Weights of network, kernel and markers; markers say more beside tissue or expression.

        Examples
        --------
        >>> ResponseSettings().mix_for(["mutation", "covariates"])
        (0.4, 0.4, 0.2)
        """
        if self.mix is not None:
            return self.mix
        return (0.4, 0.4, 0.2) if {"covariates", "expression"} & set(blocks) else (0.45, 0.45, 0.1)

    def distillation_for(self, blocks: Sequence[str]) -> float:
        """Weight of the teacher; less where the profiles have expression of their own."""
        if self.distillation is not None:
            return self.distillation
        return 0.3 if "expression" in blocks else 0.5
