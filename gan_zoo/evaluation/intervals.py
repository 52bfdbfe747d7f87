"""95% percentile-bootstrap intervals over samples, where resampling is a draw of counts.

They tell how far a number would move with other samples of the *same* generator, not with another
training run: only seeds tell that.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

RESAMPLES = 2000
_ENDS = (0.025, 0.975)


def share_interval(share: float, count: int) -> tuple[float, float]:
    """Interval of a share of ``count`` samples: resampled, it is binomial."""
    draws = np.random.default_rng(0).binomial(count, share, RESAMPLES) / count
    low, high = np.quantile(draws, _ENDS)
    return float(low), float(high)


def histogram_interval(
    shares: Tensor, wanted: Tensor, count: int, distance: Callable[[Tensor, Tensor], float]
) -> tuple[float, float]:
    """Interval of a distance between the shares of classes among ``count`` samples and others.

    Resampled counts are multinomial.  Such distances are biased upwards by noise, the resampled
    ones twice; the interval is shifted back by that bias (and not below 0).
    """
    shares, wanted = shares.cpu(), wanted.cpu()
    draws = np.random.default_rng(0).multinomial(count, shares.numpy(), RESAMPLES) / count
    found = np.array([distance(torch.from_numpy(draw), wanted) for draw in draws])
    bias = found.mean() - distance(shares, wanted)
    low, high = np.quantile(found, _ENDS) - bias
    return max(0.0, float(low)), max(0.0, float(high))
