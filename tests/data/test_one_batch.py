"""One batch, again and again; and the default network learns it by heart."""

import pytest
import torch

import gan_zoo
from gan_zoo.data.one_batch import one_batch


def test_the_first_images_are_repeated_and_the_other_parts_are_unchanged(tiny_dataset):
    few = one_batch(tiny_dataset, images=5, times=3)
    for got, whole in zip(few.train, tiny_dataset.train, strict=True):
        assert torch.equal(got, torch.cat([whole[:5]] * 3))
    assert few.validation is tiny_dataset.validation
    assert few.test is tiny_dataset.test
    assert few.name == tiny_dataset.name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": 0}, "data.images is 0; allowed: 1 to 120 training images"),
        ({"images": 121}, "data.images is 121; allowed: 1 to 120 training images"),
        ({"times": 0}, "data.times must be at least 1, got 0"),
    ],
)
def test_impossible_numbers_are_refused(tiny_dataset, arguments, message):
    with pytest.raises(ValueError, match=message):
        one_batch(tiny_dataset, **{"images": 5, **arguments})


def test_the_default_network_learns_one_batch_by_heart():
    trainer = gan_zoo.make_trainer(["debug=overfit_batch", "device=cpu"])
    losses = []
    for _ in range(2):
        for _ in range(100):
            trainer.step()
        means = trainer.collect()
        losses.append([means[f"{who}_train_auxiliary"] for who in ("discriminator", "generator")])
    assert max(losses[1]) < 0.1 < min(losses[0])  # chance is log 10 = 2.3
