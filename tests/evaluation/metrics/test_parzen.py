import math

import numpy as np
import pytest
import scipy.stats
import torch

from benchmarks.subjects import trainer
from gan_zoo.data.batches import normalise
from gan_zoo.data.mnist import load_mnist
from gan_zoo.data.random_streams import stream
from gan_zoo.evaluation.metrics import distances
from gan_zoo.evaluation.metrics.parzen import BANDWIDTHS, log_likelihoods, parzen


def normal(count, dim, seed, scale=1.0):
    rng = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, dim, generator=rng, dtype=torch.float64)


def test_agrees_with_densities_by_scipy(monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", 36)
    samples, points = normal(9, 3, 0), normal(7, 3, 1)
    found = log_likelihoods(samples, points, (0.3, 1.0))
    for row, b in zip(found, (0.3, 1.0), strict=True):
        densities = [
            np.mean([scipy.stats.multivariate_normal(s, b * b).pdf(x) for s in samples.numpy()])
            for x in points.numpy()
        ]
        np.testing.assert_allclose(row, np.log(densities), rtol=1e-10)


def test_far_points_in_many_dimensions_are_finite():
    # one sample: log N(x; s, b^2 I) in closed form, where every density would underflow
    found = log_likelihoods(torch.zeros(1, 784).double(), torch.ones(5, 784).double(), (0.1,))
    expected = -784 / (2 * 0.01) - 784 * math.log(0.1 * math.sqrt(2 * math.pi))
    np.testing.assert_allclose(found, np.full((1, 5), expected), rtol=1e-12)


def test_bandwidths_are_those_of_the_published_procedure():
    np.testing.assert_allclose(BANDWIDTHS, np.logspace(-1, 0, 10), rtol=1e-12)


def test_mean_and_standard_error_at_the_best_bandwidth_of_the_validation_data():
    samples, validation, test = normal(200, 2, 2), normal(90, 2, 3), normal(80, 2, 4)
    found = parzen(samples, validation, test)
    scores = {b: float(log_likelihoods(samples, validation, (b,)).mean()) for b in BANDWIDTHS}
    assert found.bandwidth == max(scores, key=scores.get)
    assert BANDWIDTHS[0] < found.bandwidth < BANDWIDTHS[-1]
    values = log_likelihoods(samples, test, (found.bandwidth,))[0].numpy()
    assert found.mean == pytest.approx(values.mean())
    assert found.standard_error == pytest.approx(scipy.stats.sem(values))


def test_approaches_the_true_log_likelihood():
    # of N(0, I) in the plane: -1 - log(2 pi); the estimate lies below it
    found = parzen(normal(4000, 2, 5), normal(500, 2, 6), normal(2000, 2, 7))
    assert -0.15 < found.mean - (-1 - math.log(2 * math.pi)) < 3 * found.standard_error


def test_the_right_distribution_beats_a_wrong_one():
    validation, test = normal(200, 4, 8, scale=2.0), normal(200, 4, 9, scale=2.0)
    right = parzen(normal(500, 4, 10, scale=2.0), validation, test)
    wide = parzen(normal(500, 4, 10, scale=5.0), validation, test)
    collapsed = parzen(torch.zeros(500, 4), validation, test)
    assert right.mean > wide.mean
    assert right.mean > collapsed.mean
    assert math.isfinite(collapsed.mean)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_input_that_cannot_be_measured(which):
    name = ("samples", "validation", "test")[which]
    sets = [normal(9, 3, 11), normal(9, 3, 12), normal(9, 3, 13)]
    bad = [s / 0 if i == which else s for i, s in enumerate(sets)]
    with pytest.raises(ValueError, match=f"{name} has NaN or infinity in 9 of 9 rows"):
        parzen(*bad)
    other = [normal(9, 4, 14) if i == which else s for i, s in enumerate(sets)]
    with pytest.raises(ValueError, match="columns"):
        parzen(*other)


def test_real_then_trained_then_noise():
    small = trainer(
        "loss=bce", "model=mlp", "model.generator.latent_dim=20", "aux=none",
        "trainer.batch_size=20", "trainer.generator_batch_size=20", "trainer.ema_decay=0.98",
        "optimizer.generator.lr=1e-3", "optimizer.discriminator.lr=1e-3",
    )  # fmt: skip
    digits = load_mnist()

    def pixels(images):
        return (images.flatten(1).double() + 1) / 2

    def some(split, name):
        order = torch.randperm(len(split.labels), generator=stream(0, name))[:1000]
        return pixels(normalise(split.images[order]))

    validation, test = some(digits.validation, "validation"), some(digits.test, "test")

    def score(samples):
        return parzen(samples, validation, test).mean

    for _ in range(300):  # four seeds then have from -90 to -71; real has 119 and noise -635
        small.step()
    z, labels = small.draw(1000, stream(1, "z"))
    with torch.no_grad():
        trained = score(pixels(small.ema(z, labels)))
    noise = score(torch.rand(1000, 784, generator=stream(0, "noise")).double())
    real = score(some(digits.train, "train"))
    assert real > trained > noise
    assert real - trained < trained - noise  # nearer to digits than to noise
