"""What an objective is: hyper-parameters by name, from which the loss module of one adaptation is built."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int64
from torch import nn

__all__ = ["Formula", "Objective"]


@dataclass(frozen=True)
class Objective(ABC):
    """A loss with its hyper-parameters: frozen, comparable, writable as JSON.

    A trainer knows nothing else of a loss: ``loss = objective.build(dim, classes)``, then
    ``loss(embeddings, labels, domains)`` for each batch, with ``loss.parameters()`` among what the optimiser moves and
    ``loss.state_dict()`` in the checkpoint. A further loss is one file with one subclass, and a line in the registry:
    of `Formula` where it has nothing to learn (pairs, triplets, prototypes), of this class where it has (proxies,
    classifiers, learned margins).

    Attributes:
        name: Under which the registry has it.
    """

    name: ClassVar[str]

    @abstractmethod
    def build(self, dim: int, classes: int, *, seed: int = 0) -> nn.Module:
        """The loss as a module, on the cpu.

        Args:
            dim: Length of an embedding.
            classes: How many there are; labels are 0 to classes − 1.
            seed: Of what is drawn at random for its parameters: a run that is repeated begins the same.

        Returns:
            Called with embeddings (batch, dim) of any length other than 0, labels (batch,) int64 and domains (batch,)
            int64, −1 for a domain that isn't known; gives the mean loss, (), float32 or float64, never less precise.
        """

    def options(self) -> dict[str, Any]:
        """The hyper-parameters as JSON values: what `encoders.objectives.registry.objective` takes."""
        return asdict(self)


@dataclass(frozen=True)
class Formula(Objective):
    """An objective with nothing to learn: it can be called as it is."""

    @abstractmethod
    def __call__(
        self,
        embeddings: Float[torch.Tensor, "batch dim"],
        labels: Int64[torch.Tensor, " batch"],
        domains: Int64[torch.Tensor, " batch"],
    ) -> Float[torch.Tensor, ""]:
        """The mean loss of a batch.

        Args:
            embeddings: (batch, dim), of any length other than 0: they are L2-normalised here.
            labels: (batch,) class of each.
            domains: (batch,) domain of each, −1 where it isn't known.

        Returns:
            A scalar, float32 or float64. 0 with a path for gradients where the batch has nothing to learn from.
        """

    def build(self, dim: int, classes: int, *, seed: int = 0) -> nn.Module:  # noqa: ARG002 -- it has no parameters
        """The formula as a module without parameters."""
        return _FormulaModule(self)


class _FormulaModule(nn.Module):
    def __init__(self, formula: Formula) -> None:
        super().__init__()
        self._formula = formula

    def forward(
        self,
        embeddings: Float[torch.Tensor, "batch dim"],
        labels: Int64[torch.Tensor, " batch"],
        domains: Int64[torch.Tensor, " batch"],
    ) -> Float[torch.Tensor, ""]:
        return self._formula(embeddings, labels, domains)
