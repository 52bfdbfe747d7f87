"""LeCam regularization: scores are kept near a moving average of the other kind's."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gan_zoo.regularizers.base import Penalty, require_positive
from gan_zoo.types import CriticStep, Discriminator


@dataclass
class LeCam(Penalty):
    """weight * [mean max(0, r - m_fake)^2 + mean max(0, m_real - f)^2].

    m_real and m_fake are moving averages of the mean scores, m <- decay m + (1 - decay) mean, that
    include each batch before it is penalised.  In the first ``start`` updates they are the last
    batch's means and nothing is penalised.  This is the only regularizer with a state.

    Args:
        weight: lambda.
        decay: of the moving averages.
        start: D updates before the penalty starts.

    Raises:
        ValueError: weight is not above 0, decay not in [0, 1), or start below 0.

    Source: Tseng et al. 2021 (arXiv 2104.03310); max(0, .), the defaults and the start are
    those of the authors' code.
    """

    weight: float = 0.3
    decay: float = 0.9
    start: int = 1000
    updates: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.int64), init=False)
    mean_real: Tensor = field(default_factory=lambda: torch.zeros(()), init=False)
    mean_fake: Tensor = field(default_factory=lambda: torch.zeros(()), init=False)

    def __post_init__(self) -> None:
        require_positive(weight=self.weight)
        if not 0 <= self.decay < 1:
            raise ValueError(f"regularizer.decay must be at least 0 and below 1, got {self.decay}")
        if self.start < 0:
            raise ValueError(f"regularizer.start must be at least 0 updates, got {self.start}")

    def penalty(self, discriminator: Discriminator, step: CriticStep) -> Tensor:
        """Update the averages, then return the penalty on the distances to them."""
        real, fake = step.real_scores, step.fake_scores
        real, fake = real.to(_wide(real)), fake.to(_wide(fake))
        if self.updates.device != real.device:
            self._move(real.device)
        # In place, without a decision of the host: a CUDA graph can hold it.
        decays = self.updates > self.start
        kept = self.updates.new_full((), self.decay, dtype=torch.float32).mul_(decays)
        added = torch.full_like(kept, 1 - self.decay).masked_fill_(~decays, 1.0)
        self.mean_real.mul_(kept).add_(added * real.detach().mean().float())
        self.mean_fake.mul_(kept).add_(added * fake.detach().mean().float())
        self.updates += 1
        above = (real - self.mean_fake).relu().square().mean()
        below = (self.mean_real - fake).relu().square().mean()
        penalty = self.weight * (above + below)
        return penalty.masked_fill(self.updates <= self.start, 0.0)

    def _move(self, device: torch.device) -> None:
        self.updates = self.updates.to(device)
        self.mean_real, self.mean_fake = self.mean_real.to(device), self.mean_fake.to(device)

    def state_dict(self) -> dict[str, float]:
        """Return the number of updates so far and the two moving averages, exactly."""
        return {
            "updates": int(self.updates),
            "mean_real": self.mean_real.item(),
            "mean_fake": self.mean_fake.item(),
        }

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Load a state returned by ``state_dict``.

        Raises:
            KeyError: the state belongs to another regularizer.
        """
        self.updates = torch.tensor(int(state["updates"]))
        self.mean_real = torch.tensor(state["mean_real"])
        self.mean_fake = torch.tensor(state["mean_fake"])


def _wide(scores: Tensor) -> torch.dtype:
    return torch.promote_types(scores.dtype, torch.float32)
