"""The critic's landscape: colours follow the score, points are at their coordinates."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from gan_zoo.training import pictures
from gan_zoo.training.pictures import landscape

CORNERS = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])  # all the real points there are
NOWHERE = torch.zeros(0, 2)


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)


def plane(picture):
    """Return the middle rows, and the columns between the labels and the colour bar."""
    height, width, _ = picture.shape
    return picture[height // 3 : 2 * height // 3, width // 5 : 3 * width // 5]


def test_colours_follow_the_score_along_its_own_axis():
    """Viridis goes from blue to yellow: more green wherever the score is higher."""
    green = plane(pixels(landscape(lambda at: at[:, 0], NOWHERE, CORNERS)))[:, :, 1]
    assert green[:, -1].mean() > green[:, 0].mean() + 80
    rising = green.mean(0)
    assert rising[-1] == rising.max()
    green = plane(pixels(landscape(lambda at: at[:, 1], NOWHERE, CORNERS)))[:, :, 1]
    assert green[0].mean() > green[-1].mean() + 40  # the picture's first row is its top


def test_generated_points_are_at_their_coordinates():
    """Orange in the lower right quarter of the axes, and nowhere else."""
    points = torch.tensor([[0.9, -0.9]]) + 0.05 * torch.randn(300, 2)
    without, with_points = (
        pixels(landscape(lambda at: 0 * at[:, 0], p, CORNERS)) for p in (NOWHERE, points)
    )
    rows, columns = np.nonzero((without != with_points).any(2))
    height, width, _ = without.shape
    assert len(rows) > 100
    assert rows.mean() > 0.55 * height
    assert columns.mean() > 0.45 * width


def test_says_how_many_points_are_outside(monkeypatch):
    titles = []
    monkeypatch.setattr("matplotlib.axes.Axes.set_title", lambda _, text, **__: titles.append(text))
    points = torch.tensor([[0.0, 0.0], [1.4, 0.0], [1.6, 0.0], [0.0, 1e6], [float("inf"), 0.0]])
    landscape(lambda at: at[:, 0], points[:4], CORNERS)
    assert titles == ["2 of 4 generated points are outside"]
    landscape(lambda at: at[:, 0], points[:2], CORNERS)
    assert len(titles) == 1


def test_scores_the_plane_around_the_real_points_in_chunks():
    seen = []
    landscape(lambda at: seen.append(at) or at[:, 0], NOWHERE, torch.tensor([[0.0, 0], [4, 8]]))
    assert max(len(part) for part in seen) == pictures.CHUNK
    plane = torch.cat(seen)
    assert len(plane) == pictures.RESOLUTION**2
    assert plane.amin(0).tolist() == pytest.approx([-1, -2])
    assert plane.amax(0).tolist() == pytest.approx([5, 10])


@pytest.mark.parametrize("real", [torch.tensor([[0.0, 0.0], [0.0, 1.0]]), torch.zeros(5, 2)])
def test_real_points_on_one_line_or_at_one_place_have_room_on_all_sides(real):
    seen = []
    landscape(lambda at: seen.append(at) or at[:, 0], NOWHERE, real)
    at = torch.cat(seen)
    assert (at.amin(0) < real.amin(0)).all()
    assert (at.amax(0) > real.amax(0)).all()
