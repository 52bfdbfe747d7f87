"""A loss in the space of scores, drawn by evaluating it: what D and G pay, and where it pushes.

Each curve is a loss on batches of one real and one fake sample: one score runs along the axis, the
other stays at the score of an undecided D (``real_threshold``).  A push is the negative derivative
by the running score: above 0, gradient descent raises that score.
"""

import io
from collections.abc import Callable
from typing import NamedTuple

import torch
from matplotlib import rc_context
from matplotlib.figure import Figure
from torch import Tensor

from gan_zoo.types import AdversarialLoss

SCORES = (-5.0, 5.0)
LOSSES = (-5.0, 9.0)  # what the pictures show, the same in all of them
PUSHES = (-3.0, 3.0)
POINTS = 161  # 1/16 apart, so that every hinge lies on one
_STYLES = (  # of the three curves, of which two may lie on each other: colours on a light page
    # and on a dark one, dashes, width
    ("D, real sample", "#0072B2", "#56B4E9", "-", 1.8),
    ("D, fake sample", "#D55E00", "#FF9E4A", "--", 1.8),
    ("G, fake sample", "#CC3F94", "#F29AC9", (0, (1.2, 2.2)), 3.2),
)


class Curves(NamedTuple):
    """One of the three ways that a score enters a loss, along ``SCORES``."""

    losses: Tensor  # (POINTS,)
    pushes: Tensor  # (POINTS,) minus the derivative


def curves(loss: AdversarialLoss) -> tuple[Curves, Curves, Curves]:
    """D's loss by the real score, D's by the fake score, G's by the fake score."""
    rest = torch.tensor([loss.real_threshold])
    return (
        _along(lambda score: loss.discriminator(score, rest)),
        _along(lambda score: loss.discriminator(rest, score)),
        _along(lambda score: loss.generator(score, rest)),
    )


def _along(of: Callable[[Tensor], Tensor]) -> Curves:
    scores = torch.linspace(*SCORES, POINTS).requires_grad_()
    losses = torch.stack([of(score[None]) for score in scores])
    (slopes,) = torch.autograd.grad(losses.sum(), scores)
    return Curves(losses.detach(), -slopes)


def picture(found: tuple[Curves, ...], undecided: float, *, dark: bool) -> bytes:
    """SVG of ``curves`` on a transparent ground: losses on the left, pushes on the right.

    Args:
        found: what ``curves`` gives.
        undecided: the score at which the dotted line stands.
        dark: whether for a dark page.
    """
    ink = "#d0d0d0" if dark else "#404040"
    with rc_context({
        "svg.fonttype": "none", "svg.hashsalt": "gan_zoo", "font.family": "sans-serif",
        "font.size": 11, "text.color": ink, "axes.edgecolor": ink, "axes.labelcolor": ink,
        "xtick.color": ink, "ytick.color": ink,
    }):  # fmt: skip
        figure = Figure(figsize=(7.2, 3.0), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.subplots(1, 2)
        for number, title in enumerate(("loss", "push on the score")):
            axes[number].set(
                title=title, xlabel="score", xlim=SCORES, ylim=(LOSSES, PUSHES)[number]
            )
            axes[number].set_facecolor("none")
            axes[number].spines[["top", "right"]].set_visible(False)
            axes[number].axhline(0, color=ink, linewidth=0.6)
            axes[number].axvline(undecided, color=ink, linewidth=0.6, linestyle=":")
        along = torch.linspace(*SCORES, POINTS)
        for (name, *colours, dashes, width), drawn in zip(_STYLES, found, strict=True):
            for axis, values in zip(axes, drawn, strict=True):
                axis.plot(
                    along.numpy(), values.numpy(), linestyle=dashes, color=colours[dark],
                    linewidth=width, label=name,
                )  # fmt: skip
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
