"""Pictures of a run in motion, as WebP: an animation, and a strip of a few frames."""

import io
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gan_zoo.training.motion import ON_LINE, Moment, Motion, Values

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

IN_STRIP = 5
MILLISECONDS, LAST = 140, 1500  # a frame is shown, and the last one
ARROWS = 80  # of the generated points
LEVELS = 7  # of scores, from a frame's least to its most
TYPICAL = 0.06  # length of the median arrow of the run, as a share of the picture's side
LONGEST = 0.2
GREY, ORANGE, BLUE, GREEN = "#555555", "#d55e00", "#0072b2", "#009e73"


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
            least, most = np.quantile(moment.scores, [0.02, 0.98])
            levels = np.linspace(least, most, LEVELS)
            axes.contourf(moment.scores, levels, origin="lower", extent=extent, cmap=_pale(),
                          extend="both")  # fmt: skip
        axes.scatter(*_xy(motion.real), s=6, color=GREY, linewidths=0, zorder=3)
        axes.scatter(*_xy(points), s=5, color=ORANGE, linewidths=0, alpha=0.8, zorder=4)
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
    axes.scatter(*_xy(motion.real), s=4, color="#aaaaaa", linewidths=0)
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


def _xy(points: Values) -> tuple[Values, Values]:
    return points[:, 0], points[:, 1]


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def _pixels(figure: "Figure", dpi: int) -> Image.Image:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
