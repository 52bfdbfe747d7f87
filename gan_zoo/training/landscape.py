"""A critic's landscape: its score over the plane, with real and generated points."""

from collections.abc import Callable

import torch
from torch import Tensor

from gan_zoo.training.pictures import blank, rendered

RESOLUTION = 200  # scores along each side of the picture
CHUNK = 5000  # points a forward pass
MARGIN = 0.25  # of the real points' extent, around them on every side
LEVELS = 24
SHOWN = 2000  # real points, lest they hide the landscape


def landscape(score: Callable[[Tensor], Tensor], points: Tensor, real: Tensor) -> bytes:
    """PNG of a critic's score over the plane as filled contours, real and generated points on it.

    The real points decide what is shown; the title tells how many generated ones lie outside.

    Args:
        score: (M, 2) points -> (M,) raw scores, all finite.
        points: (N, 2) generated.
        real: (N, 2).
    """
    low, high = real.amin(0), real.amax(0)
    low, high = low - MARGIN * (high - low), high + MARGIN * (high - low)
    x, y = (torch.linspace(float(a), float(b), RESOLUTION) for a, b in zip(low, high, strict=True))
    plane = torch.cartesian_prod(x, y).to(real.device)
    scores = torch.cat([score(part) for part in plane.split(CHUNK)]).float().cpu()
    figure = blank(5, 4.2)
    axes = figure.add_subplot()
    heights = scores.view(RESOLUTION, RESOLUTION).T  # a row for each y
    filled = axes.contourf(x.numpy(), y.numpy(), heights.numpy(), LEVELS, cmap="viridis")
    figure.colorbar(filled, ax=axes, label="score (higher: believed real)", shrink=0.8)
    for sample, colour, name in (
        (real[:SHOWN], "#ffffff", "real"),
        (points, "#d55e00", "generated"),
    ):
        at = sample.float().cpu().numpy()
        axes.scatter(at[:, 0], at[:, 1], s=2, color=colour, alpha=0.6, linewidths=0, label=name)
    axes.set_xlim(float(low[0]), float(high[0]))
    axes.set_ylim(float(low[1]), float(high[1]))
    axes.set_aspect("equal")
    axes.legend(loc="upper right", fontsize=8, markerscale=4, facecolor="#999999")
    outside = int((~((points >= low) & (points <= high)).all(1)).sum())
    if outside:
        axes.set_title(f"{outside} of {len(points)} generated points are outside", fontsize=10)
    return rendered(figure)
