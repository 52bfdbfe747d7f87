import numpy as np
import pytest
import scipy.signal
import torch

from gan_zoo.evaluation.metrics.ms_ssim import class_ms_ssim_3scale, ms_ssim_3scale


def images(count, seed, channels=1, size=28):
    """Smooth random pictures in [-1, 1]."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, channels, 7, 7, generator=rng)
    return torch.nn.functional.interpolate(coarse, size=(size, size), mode="bilinear") * 2 - 1


def by_definition(a, b):
    """One pair of (H, W) pictures in [-1, 1], on scipy's two-dimensional convolution."""
    offsets = np.arange(5) - 2
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / 2)
    window /= window.sum()
    weights = np.array([0.0448, 0.2856, 0.3001])
    weights /= weights.sum()

    def local(picture):
        return scipy.signal.convolve2d(picture, window, mode="valid")

    def halve(picture):
        h, w = (side // 2 * 2 for side in picture.shape)
        p = picture[:h, :w]
        return (p[::2, ::2] + p[1::2, ::2] + p[::2, 1::2] + p[1::2, 1::2]) / 4

    a, b = (a + 1) / 2, (b + 1) / 2
    value = 1.0
    for scale, weight in enumerate(weights):
        if scale:
            a, b = halve(a), halve(b)
        ma, mb = local(a), local(b)
        va, vb, cab = local(a**2) - ma**2, local(b**2) - mb**2, local(a * b) - ma * mb
        value *= max(0, ((2 * cab + 0.0009) / (va + vb + 0.0009)).mean()) ** weight
    return value * ((2 * ma * mb + 0.0001) / (ma**2 + mb**2 + 0.0001)).mean() ** weights[-1]


@pytest.mark.parametrize("size", [20, 28, 33])
def test_agrees_with_the_definition(size):
    first = images(6, 0, size=size)
    second = 0.6 * first + 0.3 * images(6, 1, size=size)
    expected = [
        by_definition(a[0].double().numpy(), b[0].double().numpy())
        for a, b in zip(first, second, strict=True)
    ]
    found = ms_ssim_3scale(first, second)
    assert found.shape == (6,)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert found.min() > 0.1
    assert found.max() < 0.99


def test_equal_pictures_are_one_and_opposite_ones_zero():
    first = images(5, 2)
    torch.testing.assert_close(ms_ssim_3scale(first, first), torch.ones(5, dtype=torch.float64))
    assert (ms_ssim_3scale(first, -first) == 0).all()


def test_symmetric():
    first, second = images(5, 3), images(5, 4)
    torch.testing.assert_close(ms_ssim_3scale(first, second), ms_ssim_3scale(second, first))


def test_constant_pictures_differ_in_luminance_alone():
    dark, bright = torch.full((5, 1, 28, 28), -0.6), torch.full((5, 1, 28, 28), 0.2)
    luminance = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    expected = luminance ** (0.3001 / (0.0448 + 0.2856 + 0.3001))
    torch.testing.assert_close(
        ms_ssim_3scale(dark, bright), torch.full((5,), expected, dtype=torch.float64)
    )


def test_black_pictures_have_a_number():
    black = torch.full((5, 1, 28, 28), -1.0)
    torch.testing.assert_close(ms_ssim_3scale(black, black), torch.ones(5, dtype=torch.float64))


def test_each_image_by_itself_and_channels_together():
    first, second = images(5, 5, channels=3), images(5, 6, channels=3)
    together = ms_ssim_3scale(first, second)
    alone = torch.cat([ms_ssim_3scale(first[i : i + 1], second[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(together, alone)
    gray = images(5, 7)
    twice = ms_ssim_3scale(gray.repeat(1, 3, 1, 1), images(5, 8).repeat(1, 3, 1, 1))
    torch.testing.assert_close(twice, ms_ssim_3scale(gray, images(5, 8)))


def test_classes_pair_only_with_themselves_and_never_with_the_same_image():
    first, second = images(1, 9), images(3, 10)
    members = torch.cat([first, second[:1], first, second[1:], first])
    labels = torch.tensor([0, 1, 0, 1, 1, 0])
    found = class_ms_ssim_3scale(members, labels, 2, 60, torch.Generator().manual_seed(0))
    pairs = [(0, 1), (0, 2), (1, 2)]
    values = [float(ms_ssim_3scale(second[[i]], second[[j]])) for i, j in pairs]
    assert found[0] == pytest.approx(1)  # three copies
    assert min(values) < found[1] < max(values)  # no pair of an image with itself, which is 1


def test_all_pairs_are_equally_likely(monkeypatch):
    drawn = []

    def record(first, second):
        drawn.extend(zip(first[:, 0, 0, 0].tolist(), second[:, 0, 0, 0].tolist(), strict=True))
        return torch.ones(len(first))

    monkeypatch.setattr("gan_zoo.evaluation.metrics.ms_ssim.ms_ssim_3scale", record)
    numbered = torch.arange(4.0).reshape(4, 1, 1, 1).repeat(1, 1, 20, 20)
    labels = torch.zeros(4, dtype=torch.long)
    class_ms_ssim_3scale(numbered, labels, 1, 12_000, torch.Generator().manual_seed(0))
    counts = [drawn.count((a, b)) for a in range(4) for b in range(4) if a != b]
    assert sum(counts) == 12_000
    assert max(abs(c - 1000) for c in counts) < 5 * 31


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (images(5, 0), images(4, 0), "must have equal shapes"),
        (images(5, 0, size=19), images(5, 0, size=19), "H and W at least 20"),
        (images(5, 0)[:0], images(5, 0)[:0], "N at least 1"),
        (images(5, 0), images(5, 0) * float("nan"), "NaN or infinity"),
        (images(5, 0) / 0, images(5, 0), "NaN or infinity"),
    ],
)
def test_images_that_cannot_be_compared(first, second, message):
    with pytest.raises(ValueError, match=message):
        ms_ssim_3scale(first, second)


def test_classes_that_cannot_be_compared():
    rng = torch.Generator().manual_seed(0)
    labels = torch.tensor([0, 0, 0, 1])
    with pytest.raises(ValueError, match="at least 2 samples of class 1, got 1"):
        class_ms_ssim_3scale(images(4, 0), labels, 2, 10, rng)
    with pytest.raises(ValueError, match="pairs must be at least 1, got 0"):
        class_ms_ssim_3scale(images(4, 0), labels, 1, 0, rng)
    with pytest.raises(ValueError, match="labels of images"):
        class_ms_ssim_3scale(images(4, 0), labels[:3], 1, 10, rng)
