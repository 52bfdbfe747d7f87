"""Pictures of a run, as PNG: sample grids, scatter plots, a critic's landscape, the loss curve."""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from gan_zoo.report.outliers import symlog_if_outliers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CURVES = (
    ("generator_train_loss", "generator, train", "#0072b2", "-"),
    ("generator_test_loss", "generator, held out", "#0072b2", ":"),
    ("discriminator_train_loss", "discriminator, train", "#d55e00", "-"),
    ("discriminator_test_loss", "discriminator, held out", "#d55e00", ":"),
)
# Of the landscape:
RESOLUTION = 200  # scores along each side
CHUNK = 5000  # points in a forward pass
MARGIN = 0.25  # around the real points, as a share of their extent
LEVELS = 24
SHOWN = 2000  # real points at most, which would hide the landscape


def sample_grid(images: Tensor, columns: int = 10) -> bytes:
    """Return a grid of (N, C, H, W) images in [-1, 1], row by row.

    One channel is grey, three are colours; others are drawn side by side in grey.

    Raises:
        ValueError: N is not a multiple of ``columns``.
    """
    if images.shape[1] not in (1, 3):
        images = images.transpose(1, 2).flatten(2).unsqueeze(1)  # (N, 1, H, C * W)
    count, channels, height, width = images.shape
    if count % columns:
        raise ValueError(
            f"the number of images must be a multiple of {columns}, the columns, got {count}"
        )
    pixels = images.float().clamp(-1, 1).add(1).mul(127.5).round().byte().cpu()
    tiled = pixels.view(count // columns, columns, channels, height, width)
    mosaic = tiled.permute(0, 3, 1, 4, 2).reshape(count // columns * height, columns * width, -1)
    picture = Image.fromarray(mosaic.numpy().squeeze(2) if channels == 1 else mosaic.numpy())
    return _png(picture)


def sample_scatter(points: Tensor, real: Tensor | None = None) -> bytes:
    """Return a histogram (D = 1) or scatter plot (D = 2) of (N, D) samples, over real ones."""
    figure = new_figure(5, 5)
    axes = figure.add_subplot()
    drawn: dict[str, list[float]] = {"x": [], "y": []}
    for sample, colour, name in ((real, "#999999", "real"), (points, "#0072b2", "generated")):
        if sample is None:
            continue
        values = sample.float().cpu().numpy()
        if values.shape[1] == 1:
            axes.hist(values[:, 0], bins=100, density=True, alpha=0.6, color=colour, label=name)
        else:
            axes.scatter(values[:, 0], values[:, 1], s=3, alpha=0.5, color=colour, label=name)
            for axis, along in zip("xy", values.T[:2], strict=True):
                drawn[axis].extend(along.tolist())
    axes.legend(loc="upper right")
    for axis, along in drawn.items():
        symlog_if_outliers(axes, axis, along)
    return to_png(figure)


def landscape(score: Callable[[Tensor], Tensor], points: Tensor, real: Tensor) -> bytes:
    """Return a critic's score over the plane as contours, with real and generated points.

    The real points determine the limits; the title says how many generated ones lie outside.

    Args:
        score: (M, 2) points -> (M,) raw scores, all finite.
        points: (N, 2) generated.
        real: (N, 2).
    """
    low, high = real.amin(0), real.amax(0)
    extent = high - low
    margin = MARGIN * torch.where(extent > 0, extent, extent.max().clamp(min=1e-3))
    low, high = low - margin, high + margin
    x, y = (torch.linspace(float(a), float(b), RESOLUTION) for a, b in zip(low, high, strict=True))
    plane = torch.cartesian_prod(x, y).to(real.device)
    scores = torch.cat([score(part) for part in plane.split(CHUNK)]).float().cpu()
    figure = new_figure(5, 4.2)
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
    return to_png(figure)


def gaussian_fits(
    points: NDArray[np.float64],
    log_density: NDArray[np.float64],
    fits: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> bytes:
    """Return a panel for each fit in one dimension: the data, the learned and the best density.

    Args:
        points: (M,) at which the densities are given.
        log_density: (M,) of the data.
        fits: title -> log densities (M,) of the learned and of the best fit.
    """
    columns = 4
    rows = math.ceil(len(fits) / columns)
    figure = new_figure(3.2 * columns, 2.4 * rows)
    shown = (points > -5) & (points < 8)
    for number, (title, (learned, best)) in enumerate(fits.items(), start=1):
        axes = figure.add_subplot(rows, columns, number)
        axes.fill_between(points[shown], np.exp(log_density[shown]), color="#cccccc", label="data")
        axes.plot(points[shown], np.exp(best[shown]), "k--", linewidth=1, label="best")
        axes.plot(points[shown], np.exp(learned[shown]), color="#d55e00", label="learned")
        axes.set_title(title, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        if number == 1:
            axes.legend(frameon=False, fontsize=8)
    return to_png(figure)


def side_by_side(pictures: Mapping[str, bytes]) -> bytes:
    """Return PNGs of equal size in one picture, four in a row, each under its title."""
    columns = min(4, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    opened = {
        title: Image.open(io.BytesIO(picture), formats=["PNG"])
        for title, picture in pictures.items()
    }
    width, height = next(iter(opened.values())).size
    figure = new_figure(4 * columns, (4 * height / width + 0.3) * rows)
    for number, (title, picture) in enumerate(opened.items(), start=1):
        axes = figure.add_subplot(rows, columns, number)
        axes.imshow(np.asarray(picture.convert("RGB")))
        axes.set_title(title, fontsize=11)
        axes.set_axis_off()
    return to_png(figure)


def loss_curve(rows: Sequence[dict[str, float]]) -> bytes:
    """Return both networks' losses over epochs, train and held out."""
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(7, 4)
    axes = figure.add_subplot()
    epochs = np.array([row["epoch"] for row in rows])
    every = []
    for column, label, colour, style in _CURVES:
        losses = [row[column] for row in rows]
        every += losses
        axes.plot(epochs, losses, style, color=colour, label=label, marker=".")
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss (adversarial + class)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    symlog_if_outliers(axes, "y", every)
    return to_png(figure)


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure; imports matplotlib only here, so that training starts sooner."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def to_png(figure: "Figure") -> bytes:
    """Return a figure as PNG, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    return buffer.getvalue()


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
