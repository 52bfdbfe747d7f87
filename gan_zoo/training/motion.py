"""A run in motion: points on the line or in the plane, from the weights of its epochs.

Nothing here runs while the networks train: the weights of each epoch are read again at the end,
into copies of the networks, so that no number of the run can depend on its pictures.
"""

import copy
import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from gan_zoo.data.random_streams import stream
from gan_zoo.evaluation.fixed_latents import evaluating
from gan_zoo.models.discriminator import scores_of_copies
from gan_zoo.runs.weights import load_weights, weight_path
from gan_zoo.types import AdversarialLoss, Sampler

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

Values = NDArray[np.float64]

FRAMES = 25  # at most, evenly over the epochs
IN_STRIP = 5
MILLISECONDS, LAST = 140, 1500  # a frame is shown, and the last one
POINTS = 240  # generated; a multiple of most packings
ARROWS = 80  # of these points
REAL = 1000  # real points, as many as are drawn
SIDE = 61  # scores along a side of the plane
ON_LINE = 241  # scores along the line, latents along a curve
LEVELS = 7  # of scores, from a frame's least to its most
GRID = 11  # latent curves in each direction
REACH = 2.0  # most that the picture extends beyond the real points, as a share of their extent
TYPICAL = 0.06  # length of the median arrow of the run, as a share of the picture's side
LONGEST = 0.2
GREY, ORANGE, BLUE, GREEN = "#555555", "#d55e00", "#0072b2", "#009e73"


class Moment(NamedTuple):
    """What is seen of a run after one of its epochs; D is the number of dimensions, 1 or 2."""

    updates: int  # of G
    points: Values  # (POINTS, D) generated
    pushes: Values  # (POINTS, D): minus the slope of G's loss at each, times POINTS
    scores: Values  # (ON_LINE,), or (SIDE, SIDE) with a row for each y
    curves: Values  # (C, ON_LINE, D): G along lines of latents


class Motion(NamedTuple):
    """A run in motion, with what all its frames share."""

    moments: tuple[Moment, ...]
    real: Values  # (N, D)
    low: Values  # (D,) lower end of the picture
    high: Values
    latent: tuple[float, float]  # ends of the first latent's line


class Players(NamedTuple):
    """The networks of a run, whose weights are replaced, and what G's loss is."""

    generator: nn.Module
    discriminator: nn.Module
    loss: AdversarialLoss
    latents: Sampler
    latent_dim: int


def observe(folder: Path, updates: Mapping[int, int], players: Players, real: Tensor) -> Motion:
    """Return what a run with all its weights did.

    The picture holds all real points, and 90% of the generated ones, in all epochs together, at the
    start and at the end, unless they are far away.

    Args:
        folder: of the run.
        updates: epoch -> updates of G; the epochs whose weights are there.
        players: copies are made of the networks.
        real: (N, D) points.
    """
    generator, discriminator = (
        copy.deepcopy(network) for network in (players.generator, players.discriminator)
    )
    places = np.linspace(0, len(updates) - 1, min(FRAMES, len(updates))).round().astype(int)
    epochs = [sorted(updates)[place] for place in places]
    device = next(discriminator.parameters()).device
    z = players.latents(POINTS, players.latent_dim, stream(0, "motion: latents"))
    ends = torch.quantile(z, torch.tensor([0.025, 0.975]), dim=0)
    lines = _latent_lines(ends, curves=real.shape[1] == 2).to(device)
    real, z = real[:REAL], z.to(device)
    with evaluating(generator, discriminator):
        drawn = []
        for epoch in epochs:
            load_weights(weight_path(folder, "generator", epoch), generator)
            drawn.append((_generated(generator, z), _curves(generator, lines)))
        low, high = _region(_array(real), np.stack([_array(points) for points, _ in drawn]))
        at = _grid(low, high).to(device)
        moments = []
        for epoch, (points, curves) in zip(epochs, drawn, strict=True):
            load_weights(weight_path(folder, "discriminator", epoch), discriminator)
            scores = scores_of_copies(discriminator, at)
            pushes = _pushes(discriminator, players.loss, points, real.to(device))
            shape = (SIDE, SIDE) if real.shape[1] == 2 else (ON_LINE,)
            moments.append(
                Moment(updates[epoch], _array(points), pushes, _array(scores).reshape(shape),
                       _array(curves))
            )  # fmt: skip
    first = (float(ends[0, 0]), float(ends[1, 0]))
    return Motion(tuple(moments), _array(real), low, high, first)


def animation(runs: Mapping[str, Motion]) -> bytes:
    """Return an animated WebP: points, arrows and scores of each run, and of a single run G's map.

    Arrows are minus the slope of G's loss at each generated point, in one scale for all runs and
    frames; those longer than ``LONGEST`` are drawn that long. The title of a frame has the mean of
    their true lengths.

    Args:
        runs: by title.
    """
    count = max(len(motion.moments) for motion in runs.values())
    pictures = [_frame(runs, number / max(1, count - 1)) for number in range(count)]
    palette = _palette()
    pictures = [picture.quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB")
                for picture in pictures]  # fmt: skip
    durations = [MILLISECONDS] * (count - 1) + [LAST]
    out = io.BytesIO()
    pictures[0].save(
        out, format="WEBP", save_all=True, append_images=pictures[1:], duration=durations, loop=0,
        lossless=True, quality=60, method=3, minimize_size=True,
    )  # fmt: skip
    return out.getvalue()


def strip(runs: Mapping[str, Motion]) -> bytes:
    """Return a WebP of a few frames side by side, evenly over each run; a row for each.

    A single run has G's map in a second row.
    """
    game = partial(_game, usual=_usual(runs))
    rows: list[tuple[str, Motion, Callable[..., None]]] = [
        (title, motion, game) for title, motion in runs.items()
    ]
    if len(runs) == 1:
        rows.append(("G along lines of latents", rows[0][1], _map))
    height = 0.3 + 1.55 * len(rows)
    figure = _figure(7.0, height)
    for row, (title, motion, draw) in enumerate(rows):
        count = min(IN_STRIP, len(motion.moments))
        places = np.linspace(0, len(motion.moments) - 1, count).round().astype(int)
        for column, place in enumerate(places):
            bottom = height - 1.5 - 1.55 * row
            axes = figure.add_axes((0.035 + 0.194 * column, bottom / height, 0.184, 1.288 / height))
            draw(axes, motion, motion.moments[place])
            axes.set(xticks=[], yticks=[], xlabel="", ylabel="")
            if draw is game:
                axes.set_title(f"update {motion.moments[place].updates:,}", fontsize=8, pad=3)
            if not column:
                axes.set_ylabel(title, fontsize=8)
    _key(figure, next(iter(runs.values())))
    out = io.BytesIO()
    _pixels(figure, 200).save(out, format="WEBP", quality=80, method=4)
    return out.getvalue()


def _frame(runs: Mapping[str, Motion], share: float) -> Image.Image:
    """Return the frame of each run after this share of its moments."""
    columns = 2 if len(runs) == 1 else len(runs)
    width = 6.9 / columns - 0.5
    height = width + (0.8 if columns < 3 else 0.95)  # titles of one or two lines
    figure = _figure(7.0, height)
    for column, (title, motion) in enumerate(runs.items()):
        moment = motion.moments[round(share * (len(motion.moments) - 1))]
        axes = figure.add_axes((_left(column, columns), 0.5 / height, width / 7, width / height))
        _game(axes, motion, moment, _usual(runs))
        if columns > 2:
            axes.set_ylabel("")  # there is no room; the key below says what the line is
        length = float(np.linalg.norm(moment.pushes, axis=1).mean())
        words = f"{title}, update {moment.updates:,}"
        axes.set_title(f"{words}{_between(columns)}mean arrow {length:.2g}", fontsize=8.5,
                       loc="left", pad=3)  # fmt: skip
        if len(runs) == 1:
            right = figure.add_axes((_left(1, 2), 0.5 / height, width / 7, width / height))
            _map(right, motion, moment)
            right.set_title("G along lines of latents", fontsize=8.5, loc="left", pad=3)
    _key(figure, next(iter(runs.values())))
    return _pixels(figure, 100)


def _left(column: int, columns: int) -> float:
    return (0.45 + 6.9 / columns * column) / 7


def _between(columns: int) -> str:
    return ", " if columns < 3 else "\n"


def _game(axes: "Axes", motion: Motion, moment: Moment, usual: float) -> None:
    """Draw real and generated points, where G's loss pulls the latter, and D's scores."""
    points, pushes = moment.points, _arrows(motion, moment, usual)
    if points.shape[1] == 1:
        _game_on_line(axes, motion, moment, pushes)
    else:
        extent = (motion.low[0], motion.high[0], motion.low[1], motion.high[1])
        if np.ptp(moment.scores) > 0:
            levels = np.linspace(*np.quantile(moment.scores, [0.02, 0.98]), LEVELS)
            axes.contourf(moment.scores, levels, origin="lower", extent=extent, cmap=_pale(),
                          extend="both")  # fmt: skip
        axes.scatter(*motion.real.T, s=6, color=GREY, linewidths=0, zorder=3)
        axes.scatter(*points.T, s=5, color=ORANGE, linewidths=0, alpha=0.8, zorder=4)
        axes.quiver(*points[:ARROWS].T, *pushes.T, color=BLUE, angles="xy", scale_units="xy",
                    scale=1, width=0.004, minlength=0, zorder=5)  # fmt: skip
        axes.set_ylim(motion.low[1], motion.high[1])
    axes.set_xlim(motion.low[0], motion.high[0])
    axes.locator_params(nbins=5)
    axes.tick_params(labelsize=7)


def _game_on_line(axes: "Axes", motion: Motion, moment: Moment, pushes: Values) -> None:
    """Draw D's score over the line, generated points on it, and histograms along the bottom."""
    at = np.linspace(motion.low[0], motion.high[0], ON_LINE)
    every = np.stack([each.scores for each in motion.moments])
    least, most = np.quantile(every, [0.02, 0.98])
    room = max(most - least, 1e-3)
    bottom, top = least - 0.45 * room, most + 0.1 * room
    bins = np.linspace(motion.low[0], motion.high[0], 61)
    tallest = 0.0
    for values, colour in ((motion.real, GREY), (moment.points, ORANGE)):
        heights = np.histogram(values[:, 0], bins)[0] / len(values)
        tallest = tallest or heights.max()  # of the real ones; a collapsed G's are cut off there
        heights = 0.35 * room * np.minimum(1, heights / tallest)
        axes.fill_between(bins, bottom, bottom + np.append(heights, 0), step="post", color=colour,
                          alpha=0.5, linewidth=0)  # fmt: skip
    axes.plot(at, moment.scores, color=GREEN, linewidth=1.5)
    x = moment.points[:ARROWS, 0]
    y = np.interp(x, at, moment.scores)
    axes.quiver(x, y, pushes[:, 0], np.zeros_like(x), color=BLUE, angles="xy", scale_units="xy",
                scale=1, width=0.005, minlength=0, zorder=3)  # fmt: skip
    axes.scatter(x, y, s=10, color=ORANGE, linewidths=0, zorder=4)
    axes.set_ylim(bottom, top)
    axes.set_ylabel("D's score", fontsize=8, labelpad=1)


def _map(axes: "Axes", motion: Motion, moment: Moment) -> None:
    """Draw G along lines of latents: over the latent on the line, as curves in the plane."""
    from matplotlib.collections import LineCollection

    axes.tick_params(labelsize=7)
    if moment.points.shape[1] == 1:
        latents = np.linspace(*motion.latent, ON_LINE)
        for value in motion.real[:200, 0]:
            axes.axhline(value, color=GREY, alpha=0.05, linewidth=1)
        axes.plot(latents, moment.curves[0, :, 0], color=ORANGE, linewidth=1.5)
        axes.set(xlim=motion.latent, ylim=(motion.low[0], motion.high[0]))
        axes.set_xlabel("first latent", fontsize=8, labelpad=1)
        return
    axes.scatter(*motion.real.T, s=4, color="#aaaaaa", linewidths=0)
    half = len(moment.curves) // 2 or 1
    for curves, colour in ((moment.curves[:half], BLUE), (moment.curves[half:], ORANGE)):
        axes.add_collection(LineCollection(list(curves), colors=colour, linewidths=0.8))
    axes.set(xlim=(motion.low[0], motion.high[0]), ylim=(motion.low[1], motion.high[1]))


def _key(figure: "Figure", motion: Motion) -> None:
    score = "green line: D's score" if motion.real.shape[1] == 1 else "greener: higher score of D"
    parts = (("real", GREY), ("generated", ORANGE), ("arrow: minus the slope of G's loss", BLUE),
             (score, GREEN))  # fmt: skip
    at = 0.06
    for words, colour in parts:
        figure.text(at, 0.09 / figure.get_figheight(), words, fontsize=8, color=colour)
        at += 0.03 + 0.008 * len(words)


def _usual(runs: Mapping[str, Motion]) -> float:
    """Return the median length of a run's pushes, the largest of all runs."""
    return max(
        float(np.median([np.linalg.norm(each.pushes, axis=1) for each in motion.moments]))
        for motion in runs.values()
    )


def _arrows(motion: Motion, moment: Moment, usual: float) -> Values:
    """Return what is drawn of the pushes of the first points: scaled, and shortened if too long.

    Args:
        motion: of the run.
        moment: whose pushes they are.
        usual: length of a push whose arrow has the length ``TYPICAL``.
    """
    side = float((motion.high - motion.low)[0])
    arrows = moment.pushes[:ARROWS] * (TYPICAL * side / usual if usual > 0 else 0.0)
    lengths = np.linalg.norm(arrows, axis=1, keepdims=True)
    return arrows * np.minimum(1, LONGEST * side / np.maximum(lengths, 1e-300))


def _pale() -> "LinearSegmentedColormap":
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("pale", ["#ffffff", "#8fd3bc"])


def _palette() -> Image.Image:
    """Return the colours of an animation: few and the same in all frames, so that it is small."""
    white = np.full(3, 255.0)
    inks = [np.zeros(3)] + [_rgb(colour) for colour in (GREY, ORANGE, BLUE, GREEN)]
    blends = [share * ink + (1 - share) * white for ink in inks for share in (1.0, 0.66, 0.33)]
    greens = [255 * np.asarray(_pale()(share)[:3]) for share in np.linspace(0, 1, LEVELS + 1)]
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.concatenate([white, *blends, *greens]).round().astype(int).tolist())
    return palette


def _rgb(colour: str) -> Values:
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)], dtype=float)


def _region(real: Values, generated: Values) -> tuple[Values, Values]:
    """Return the ends of the picture, a square in the plane.

    Args:
        real: (N, D).
        generated: (frames, POINTS, D).
    """
    low, high = real.min(0), real.max(0)
    outer = np.stack([
        np.quantile(points.reshape(-1, real.shape[1]), [0.05, 0.95], axis=0)
        for points in (generated, generated[0], generated[-1])
    ])  # fmt: skip
    outer = np.stack([outer[:, 0].min(0), outer[:, 1].max(0)])
    extent = (high - low).max()
    if extent > 0:
        outer = np.clip(outer, low - REACH * extent, high + REACH * extent)
    low, high = np.minimum(low, outer[0]), np.maximum(high, outer[1])
    middle, half = (low + high) / 2, 0.55 * max((high - low).max(), 1e-3)
    return middle - half, middle + half


def _grid(low: Values, high: Values) -> Tensor:
    """Return the points whose scores are drawn: (ON_LINE, 1), or (SIDE^2, 2) row by row of y."""
    if len(low) == 1:
        return torch.linspace(float(low[0]), float(high[0]), ON_LINE)[:, None]
    x, y = (torch.linspace(float(a), float(b), SIDE) for a, b in zip(low, high, strict=True))
    return torch.cartesian_prod(y, x).flip(1)


def _latent_lines(ends: Tensor, *, curves: bool) -> Tensor:
    """Return (C, ON_LINE, latent_dim): a grid in the first two latents, the others 0.

    One line, along the first latent, if ``curves`` is false or there is only one.
    """
    dim = ends.shape[1]
    along = torch.linspace(0, 1, ON_LINE)
    if dim == 1 or not curves:
        line = torch.zeros(1, ON_LINE, dim)
        line[0, :, 0] = ends[0, 0] + along * (ends[1, 0] - ends[0, 0])
        return line
    lines = torch.zeros(2, GRID, ON_LINE, dim)
    for axis, other in ((0, 1), (1, 0)):
        ticks = torch.linspace(float(ends[0, axis]), float(ends[1, axis]), GRID)
        lines[axis, :, :, axis] = ticks[:, None]
        lines[axis, :, :, other] = ends[0, other] + along * (ends[1, other] - ends[0, other])
    return lines.flatten(0, 1)


def _generated(generator: nn.Module, z: Tensor) -> Tensor:
    points: Tensor = generator(z, torch.zeros(len(z), dtype=torch.int64, device=z.device))
    return points.clone()  # it may be a view of weights, which are about to change


def _curves(generator: nn.Module, lines: Tensor) -> Tensor:
    return _generated(generator, lines.flatten(0, 1)).unflatten(0, lines.shape[:2])


def _pushes(discriminator: nn.Module, loss: AdversarialLoss, fake: Tensor, real: Tensor) -> Values:
    """Return minus the slope of G's adversarial loss at each point, times their number."""
    with torch.enable_grad():
        points = fake.detach().requires_grad_()
        of_real = real[torch.arange(len(fake), device=real.device) % len(real)]
        on_real, on_fake = (discriminator(each).scores.float() for each in (of_real, points))
        value = loss.generator(on_fake, on_real.detach())
        (slope,) = torch.autograd.grad(value, points)
    return -len(fake) * _array(slope)


def _array(tensor: Tensor) -> Values:
    return cast(Values, tensor.detach().double().cpu().numpy())


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def _pixels(figure: "Figure", dpi: int) -> Image.Image:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
