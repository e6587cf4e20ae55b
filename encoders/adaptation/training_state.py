"""What a training goes on from, as tensors by name."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

__all__ = ["load_moments", "load_state", "moments_of", "state_of"]


def state_of(trained: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Clones of everything: a back may name one tensor twice, which safetensors refuses.

    Args:
        trained: Everything that is moved by the optimiser.
        average: Of the back's weights.
        optimiser: Its moments are taken.
    """
    tensors = {f"now.{name}": value.clone() for name, value in trained.state_dict().items()}
    tensors |= {f"mean.{name}": value.clone() for name, value in average.state_dict().items()}
    tensors |= {f"optimiser.{name}": value.clone() for name, value in moments_of(optimiser).items()}
    return tensors


def load_state(
    tensors: Mapping[str, torch.Tensor], trained: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer
) -> None:
    """Put everything back where `state_of` took it from."""
    trained.load_state_dict(_below(tensors, "now."))
    average.load_state_dict(_below(tensors, "mean."))
    load_moments(optimiser, _below(tensors, "optimiser."))


def moments_of(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """What an optimiser remembers of each parameter, as ``<number of the parameter>.<name>``; none before a step."""
    states = optimiser.state_dict()["state"]
    return {f"{number}.{name}": value for number, state in states.items() for name, value in state.items()}


def load_moments(optimiser: torch.optim.Optimizer, moments: Mapping[str, torch.Tensor]) -> None:
    """Let an optimiser remember what `moments_of` told of one with the same parameters, whatever device that is on."""
    states: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in moments.items():
        number, _, name = key.partition(".")
        # The count of steps is kept on the cpu: asking a device for it would stop it at every parameter.
        states.setdefault(int(number), {})[name] = value if value.ndim else value.cpu()
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": states, "param_groups": groups})


def _below(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
