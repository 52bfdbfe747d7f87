"""Pictures of a run: sample grids, toy scatter plots, the loss curve."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
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


def sample_grid(images: Tensor, columns: int = 10) -> bytes:
    """PNG of (N, C, H, W) images in [-1, 1], row by row, N a multiple of ``columns``.

    Grey for one channel, colours for three; else an image's channels side by side in grey.

    Raises:
        ValueError: N is no multiple of ``columns``.
    """
    if images.shape[1] not in (1, 3):
        images = images.transpose(1, 2).flatten(2).unsqueeze(1)  # (N, 1, H, C * W)
    count, channels, height, width = images.shape
    if count % columns:
        raise ValueError(
            f"a grid of {columns} columns takes a multiple of {columns} images, got {count}"
        )
    pixels = images.float().clamp(-1, 1).add(1).mul(127.5).round().byte().cpu()
    tiled = pixels.view(count // columns, columns, channels, height, width)
    mosaic = tiled.permute(0, 3, 1, 4, 2).reshape(count // columns * height, columns * width, -1)
    picture = Image.fromarray(mosaic.numpy().squeeze(2) if channels == 1 else mosaic.numpy())
    return _png(picture)


def sample_scatter(points: Tensor, real: Tensor | None = None) -> bytes:
    """PNG of (N, D) toy samples, over real ones if they are given.

    A histogram for D = 1, a scatter plot for D = 2.
    """
    figure = blank(5, 5)
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
    return rendered(figure)


def gaussian_fits(
    points: NDArray[np.float64],
    log_density: NDArray[np.float64],
    fits: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> bytes:
    """PNG with a panel for each fit on the line: the data, the learned and the best density.

    Args:
        points: (M,) where the densities are given.
        log_density: (M,) of the data.
        fits: title -> log densities (M,) of the learned and of the best fit.
    """
    columns = 4
    rows = math.ceil(len(fits) / columns)
    figure = blank(3.2 * columns, 2.4 * rows)
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
    return rendered(figure)


def trajectories(paths: Mapping[str, Sequence[tuple[float, float]]]) -> bytes:
    """PNG of where (theta, psi) of a Dirac-GAN went, a panel for each method; (0, 0) is a cross."""
    columns = 3
    rows = math.ceil(len(paths) / columns)
    figure = blank(3.2 * columns, 3.2 * rows)
    for number, (title, path) in enumerate(paths.items(), start=1):
        axes = figure.add_subplot(rows, columns, number)
        theta, psi = np.array(path).T
        axes.plot(theta, psi, color="#0072b2", linewidth=0.8)
        axes.plot(theta[0], psi[0], "o", color="#999999", markersize=5)
        axes.plot(theta[-1], psi[-1], "o", color="#d55e00", markersize=5)
        axes.plot(0, 0, "k+", markersize=10)
        symlog_if_outliers(axes, "x", theta)
        symlog_if_outliers(axes, "y", psi)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("theta")
        axes.set_ylabel("psi")
    return rendered(figure)


def side_by_side(pictures: Mapping[str, bytes]) -> bytes:
    """PNG of PNGs of equal size, four in a row, each under its title."""
    columns = min(4, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    opened = {
        title: Image.open(io.BytesIO(picture), formats=["PNG"])
        for title, picture in pictures.items()
    }
    width, height = next(iter(opened.values())).size
    figure = blank(4 * columns, (4 * height / width + 0.3) * rows)
    for number, (title, picture) in enumerate(opened.items(), start=1):
        axes = figure.add_subplot(rows, columns, number)
        axes.imshow(np.asarray(picture.convert("RGB")))
        axes.set_title(title, fontsize=11)
        axes.set_axis_off()
    return rendered(figure)


def loss_curve(rows: Sequence[dict[str, float]]) -> bytes:
    """PNG of both networks' losses over epochs, train and held out."""
    from matplotlib.ticker import MaxNLocator

    figure = blank(7, 4)
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
    return rendered(figure)


def blank(width: float, height: float) -> "Figure":
    """Return an empty figure; matplotlib is imported here, so that training begins sooner."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def rendered(figure: "Figure") -> bytes:
    """PNG of a figure, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    return buffer.getvalue()


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
