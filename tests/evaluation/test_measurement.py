"""Which measures there are, when they apply, and that each gives the metric of its name."""

import math
from dataclasses import replace

import pytest
import torch

from gan_zoo.data.batches import normalise
from gan_zoo.data.stacked_mnist import load_stacked_mnist
from gan_zoo.evaluation.features.extractor import load_extractor
from gan_zoo.evaluation.measurement import unmeasurable_metrics
from gan_zoo.evaluation.metrics.fid import fid
from gan_zoo.evaluation.metrics.kid import kid
from gan_zoo.evaluation.metrics.memorisation import memorisation
from gan_zoo.evaluation.metrics.registry import (
    METRICS,
    applicable,
    choose,
    min_samples,
    without_requested,
)
from gan_zoo.evaluation.reference import Reference
from gan_zoo.types import Split

ALL = [name for name in METRICS if name not in ("gan_train", "modes")]


def measured(reference, split, names=ALL, labels=None):
    images = normalise(split.images)
    return reference.measure(reference.embed(images, split.labels if labels is None else labels),
                           "test", names)  # fmt: skip


def test_real_images_are_as_good_as_real_images(reference, dataset):
    found = measured(reference, dataset.validation).values
    assert found["label_accuracy"] == 1
    assert found["class_kl"] == found["class_tv"] == 0
    assert found["duplicates_exact"] == 0
    assert found["precision"] > 0.7
    assert found["recall"] > 0.7
    assert 0.5 < found["memorisation"] < 2
    assert all(math.isfinite(value) for value in found.values())


def test_values_are_those_of_the_metrics(reference, dataset):
    found = measured(reference, dataset.train, ["fid", "kid"]).values
    real, fake = reference.features("test").features, reference.features("train").features
    assert found == {"fid": fid(real, fake), "kid": kid(real, fake)}


def test_training_images_are_told_from_honest_samples(reference, dataset):
    found = measured(reference, dataset.train, ["memorisation", "parzen"]).values
    assert found["memorisation"] == 0
    assert found["near_training_share"] == 1


def test_swapped_labels_are_seen_by_what_looks_at_labels_alone(reference, dataset):
    swapped = 1 - dataset.validation.labels
    wrong = measured(reference, dataset.validation, labels=swapped)
    right = measured(reference, dataset.validation)
    assert wrong.values["label_accuracy"] == 0
    assert wrong.confusion == [[0, 30], [30, 0]]
    assert right.confusion == [[30, 0], [0, 30]]
    assert wrong.values["intra_class_fid"] > 10 * right.values["intra_class_fid"]
    for name in ("fid", "kid", "precision", "recall", "class_kl", "parzen_log_likelihood"):
        assert wrong.values[name] == right.values[name]


def test_each_class_has_numbers_whose_mean_is_the_metric(reference, dataset):
    found = measured(reference, dataset.validation)
    assert set(found.per_class) == {"label_accuracy", "intra_class_fid", "ms_ssim_3scale",
                                    "diversity"}  # fmt: skip
    for name, values in found.per_class.items():
        assert len(values) == 2
        assert sum(values) / 2 == pytest.approx(found.values[name])


def test_a_constant_generator_has_defined_numbers_and_never_the_best(reference, dataset):
    images = normalise(dataset.train.images[:1]).expand(60, -1, -1, -1)
    labels = torch.arange(60) % 2
    found = reference.measure(reference.embed(images, labels), "test", ALL).values
    honest = measured(reference, dataset.validation).values
    assert all(math.isfinite(value) for value in found.values())
    assert found["fid"] > honest["fid"]
    assert found["recall"] == found["diversity"] == 0
    assert found["ms_ssim_3scale"] == pytest.approx(1)
    assert found["duplicates_exact"] == 1
    assert found["label_accuracy"] == 0.5
    assert found["class_tv"] == 0.5
    assert found["class_kl"] == pytest.approx(math.log(2))


def test_samples_that_are_not_finite_are_refused(reference):
    with pytest.raises(ValueError, match="NaN or infinity"):
        reference.embed(torch.full((4, 1, 20, 20), torch.nan), None)


def test_a_missing_class_costs_the_metrics_that_need_it_and_is_named(reference, dataset):
    found = measured(reference, dataset.validation, ["intra_class_fid", "fid"],
                   labels=torch.zeros(60, dtype=torch.int64))  # fmt: skip
    assert set(found.values) == {"fid"}
    told = "ValueError: fake must have at least 2 samples of class 1, got 0"
    assert found.unavailable == {"intra_class_fid": told}


@pytest.mark.parametrize(
    ("copies", "told"),
    [(39, {}), (40, {"memorisation": "40 of the 80 images of the test part are also in"})],
)
def test_what_the_data_cannot_serve_is_known_without_features(dataset, copies, told):
    """And is what the measure itself would say."""
    images = torch.cat([dataset.train.images[:copies], dataset.test.images[copies:]])
    changed = dataset._replace(test=Split(images, dataset.test.labels))
    found = unmeasurable_metrics(list(METRICS), changed, "test")
    assert found.keys() == told.keys()
    for name, why in told.items():
        assert found[name].startswith(why)
    parts = [part.flatten(1).double() for part in (changed.train.images, images)]
    if told:
        with pytest.raises(ValueError, match="got 40 copies of train among 80"):
            memorisation(parts[0], *parts)
    else:
        assert memorisation(parts[0], *parts).ratio == 0


@pytest.mark.parametrize("count", [1, 2, 5, 6])
def test_the_fewest_real_images_of_each_measure_are_those_it_needs(dataset, count, reference):
    few = Split(*(part[:count] for part in dataset.test))
    few_of_each = replace(reference, sha256=f"{count}", dataset=dataset._replace(test=few))
    names = without_requested(few_of_each.applicable())
    promised = few_of_each.unmeasurable("test", names)
    found = measured(few_of_each, dataset.validation, names)
    assert found.unavailable.keys() == promised.keys()


def test_intervals_hold_the_value(reference, dataset):
    found = measured(reference, dataset.validation)
    assert {"label_accuracy", "class_kl", "class_tv", "precision", "near_training_share",
            "parzen_log_likelihood"} == set(found.intervals)  # fmt: skip
    for name, (low, high) in found.intervals.items():
        assert low <= found.values[name] <= high


def test_stacked_digits_are_counted_as_modes_by_their_own_network_alone(reference, monkeypatch):
    monkeypatch.setattr("gan_zoo.data.stacked_mnist.HELD_OUT", 500)
    dataset = load_stacked_mnist(samples=100)
    stacked = Reference(dataset, load_extractor("stackedmnistcnn"), "c" * 64)
    assert "modes" in stacked.applicable()
    assert "modes" not in reference.applicable()
    seen = stacked.embed(normalise(dataset.test.images[:500]), None)
    found = stacked.measure(seen, "test", ["modes"]).values
    # N random modes of K leave K (1 - 1/K)^N out
    assert found["modes_covered"] == pytest.approx(1000 * (1 - 0.999**500), abs=40)
    same = stacked.embed(normalise(dataset.test.images[:1]).expand(500, -1, -1, -1), None)
    found = stacked.measure(same, "test", ["modes"]).values
    assert found == {"modes_covered": 1, "reverse_kl_modes": pytest.approx(math.log(1000))}


def test_what_applies():
    digits = torch.Size([1, 28, 28])
    assert applicable(digits, 10) == list(METRICS)
    assert "ms_ssim" not in applicable(torch.Size([1, 8, 8]), 10)
    assert "gan_train" not in applicable(torch.Size([1, 8, 8]), 10)
    assert "gan_train" not in applicable(torch.Size([1, 28, 32]), 10)
    one_class = applicable(digits, 1)
    assert "fid" in one_class
    assert not {"label_accuracy", "intra_class_fid", "inception_score"} & set(one_class)
    assert "inception_score" in applicable(digits, 10, labelled=False)
    assert "label_accuracy" not in applicable(digits, 10, labelled=False)


def test_choosing():
    assert choose(None, ["fid", "kid"], ["kid", "ms_ssim"]) == ["kid"]
    assert choose(["fid"], ["fid", "kid"], []) == ["fid"]
    with pytest.raises(ValueError, match=r"'fidd' is unknown; allowed here: fid, kid"):
        choose(["fidd"], ["fid", "kid"], [])
    with pytest.raises(ValueError, match="'ms_ssim' does not apply"):
        choose(["ms_ssim"], ["fid"], [])


def test_the_fewest_samples():
    assert min_samples(["fid"], 10) == 2
    assert min_samples(["fid", "precision_recall"], 10) == 6
    assert min_samples(["ms_ssim"], 10) == 20
