"""The default configuration on data sets of users: every run ends with its record.

What cannot be measured is said, with the reason, before training where the data tell it.
"""

from pathlib import Path

import pytest

import gan_zoo
from gan_zoo.evaluation.features.cnn import Features
from gan_zoo.evaluation.metrics import label_accuracy
from gan_zoo.evaluation.metrics.registry import METRICS
from gan_zoo.report.build import build_report
from gan_zoo.report.comparison import compare
from gan_zoo.report.fairness import cautions
from gan_zoo.report.load import load
from gan_zoo.report.quantities import spoken
from gan_zoo.types import ConfigurationError
from tests.users_data import config_dir

TINY = {
    "data": "mine", "device": "cpu",
    "trainer": {"max_steps": 2, "epochs": 1},
    "evaluation": {"samples": 20, "final_samples": 100, "loss_samples": 20,
                   "reference_scores": False},
}  # fmt: skip


@pytest.fixture
def go(tmp_path, monkeypatch):
    """Trains on a kind of data: the record, and what the report says before its results."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAN_ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(
        "gan_zoo.evaluation.features.train.EPOCHS", 1
    )  # of the feature network; to be quick

    def run(kind, **more):
        config = {**TINY, **more}
        done = gan_zoo.train(config, folder="run", config_dir=config_dir(tmp_path / "conf", kind))
        said = [f"{c.topic}: {c.text}" for c in cautions(compare(load([done.folder])))]
        return done.record, "\n".join(said)

    return run


def measured(record):
    """Quantities of the last weights, without the protocol."""
    end = "_minecnn_test_100"
    return {name.removesuffix(end) for name in record.metrics if name.endswith(end)} - {
        name.removesuffix(end) for name in record.metrics if name.startswith(("best_", "ema_"))
    }


EVERYTHING = {
    "fid", "label_accuracy", "precision", "recall", "density", "coverage", "kid",
    "intra_class_fid", "inception_score", "class_kl", "class_tv", "ms_ssim_3scale", "diversity",
    "memorisation", "near_training_share", "duplicates_exact", "duplicates_near",
}  # fmt: skip
COPIES = "memorisation", "near_training_share"


@pytest.mark.parametrize(
    ("kind", "missing", "reasons"),
    [
        ("ordinary", (), {}),
        (
            "class absent from test",
            ("intra_class_fid",),
            {"intra_class_fid_minecnn_test_100": "0 images of class 3, and it needs at least 2"},
        ),
        (
            "one test image in a class",
            ("intra_class_fid",),
            {"intra_class_fid_minecnn_test_100": "1 images of class 3, and it needs at least 2"},
        ),
        (
            "five test images",
            ("intra_class_fid", "precision", "recall", "density", "coverage"),
            {
                "intra_class_fid_minecnn_test_100": "1 images of class 0",
                "precision_recall_minecnn_test_100": "has 5 images, and it needs at least 6",
            },
        ),
        (
            "half of test in training",
            COPIES,
            {"memorisation_minecnn_test_100": "50 of the 100 images of the test part are also in"},
        ),
    ],
)
def test_a_metric_that_the_test_images_cannot_serve_costs_itself_alone(
    go, capfd, kind, missing, reasons
):
    record, said = go(kind)
    assert record.status == "finished"
    assert measured(record) == EVERYTHING - set(missing)
    assert record.unavailable.keys() == reasons.keys()
    told = capfd.readouterr().err
    first = told.index("epoch 1/1") if reasons else 0
    for name, why in reasons.items():
        assert why in record.unavailable[name]
        assert told.index(f"not available: {spoken(name)}: ") < first, "before training"
        assert spoken(name) in said
        assert why in said


def test_a_single_test_image_serves_what_it_can(go):
    record, _ = go("one test image")
    assert record.status == "finished"
    assert measured(record) == {
        "label_accuracy", "inception_score", "class_kl", "class_tv", "ms_ssim_3scale", "diversity",
        "memorisation", "near_training_share",
    }  # fmt: skip
    assert "fid_minecnn_test_100" in record.unavailable


def test_a_class_without_training_images_costs_the_baselines_alone(go):
    evaluation = {
        **TINY["evaluation"],
        "reference_scores": True,
        "metrics": ["fid", "intra_class_fid"],
    }
    record, said = go("class absent from training", evaluation=evaluation)
    assert record.status == "finished"
    assert measured(record) == {"fid", "intra_class_fid"}
    assert record.reference_scores == {}
    assert set(record.unavailable) == {"kernel_density samples", "class_means samples"}
    why = "ValueError: class 3 of mine has no training images"
    assert set(record.unavailable.values()) == {why}
    assert why in said


@pytest.mark.parametrize("kind", ["two channels", "four channels"])
def test_images_of_any_number_of_channels_are_measured_and_drawn(go, kind):
    """In the default metrics, and in one that has to be asked for."""
    names = [name for name in METRICS if name not in ("gan_train", "modes")]
    record, _ = go(kind, evaluation={**TINY["evaluation"], "metrics": names})
    assert record.status == "finished"
    assert measured(record) == EVERYTHING | {"parzen_log_likelihood"}
    assert record.unavailable == {}
    assert {"grid", "interpolation", "nearest_neighbours"} <= set(record.artifacts)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("one class", "mine has a single class, so no classifier can be trained on it: give a"),
        ("not square", "the images of mine are 28x24 pixels, and the feature network takes square"),
    ],
)
def test_where_nothing_is_measured_a_line_says_why(go, capfd, kind, why):
    record, said = go(kind)
    assert record.status == "finished"
    assert record.metrics == {}
    assert record.unavailable["all metrics"].startswith(why)
    told = capfd.readouterr().err
    assert told.index(f"not available: all metrics: {why}") < told.index("epoch 1/1")
    assert why in said


def test_fewer_training_images_than_a_batch_of_the_feature_network(go):
    record, _ = go("sixty training images", trainer={
        **TINY["trainer"], "batch_size": 20, "generator_batch_size": 20,
    })  # fmt: skip
    assert record.status == "finished"
    assert measured(record) == EVERYTHING


def test_other_images_under_the_name_of_a_shipped_data_set_have_a_network_of_their_own(go):
    record, _ = go("other images named mnist")
    assert record.status == "finished"
    assert record.environment["extractor"]["sha256"][:8] != "49ac2070"
    assert record.unavailable == {}


class Stubborn:
    """A feature network of the user's that fails at more than 60 images, as one without memory."""

    name, sha256 = "stubborn", "5" * 64

    def extract(self, images):
        if len(images) > 60:
            raise RuntimeError("out of\nmemory")
        return Features(images.flatten(1)[:, :8], images.flatten(1)[:, :10])


def test_what_a_metric_raises_is_its_reason_and_costs_nothing_else(go, capfd, monkeypatch):
    """An error of the feature network while the final numbers are taken, and one of a metric."""

    def broken(comparison):
        raise KeyError("no such class")

    monkeypatch.setattr(label_accuracy, "measure", broken)
    own = {**TINY["evaluation"], "extractor": {"_target_": "tests.data.test_users_data.Stubborn"}}
    record, said = go("ordinary", evaluation=own)
    assert record.status == "finished"
    assert record.best["generator_ema"]["metric"] == "fid_stubborn_validation_20"
    assert record.metrics == {}
    reasons = record.unavailable
    assert reasons["label_accuracy_stubborn_validation_20"] == "KeyError: 'no such class'"
    assert reasons["fid_stubborn_test_100"] == "RuntimeError: out of memory"
    assert reasons["nearest_neighbours"] == "RuntimeError: out of memory"
    told = capfd.readouterr().err
    for name, why in reasons.items():
        assert f"not available: {spoken(name)}: {why}" in told
        assert why in said
    assert (build_report([Path("run")])).read_text().count("RuntimeError: out of memory") == 1


def test_a_feature_network_that_does_not_take_the_images_is_refused_before_training(go):
    own = {"_target_": "gan_zoo.evaluation.features.extractor.load_extractor", "name": "mnistcnn"}
    with pytest.raises(ConfigurationError, match=r"must have shape \(N, 1, 28, 28\)"):
        go("two channels", evaluation={**TINY["evaluation"], "extractor": own})


def test_without_a_home_folder_everything_is_measured_and_nothing_kept(go, homeless, capfd):
    record, _ = go("ordinary", evaluation={**TINY["evaluation"], "reference_scores": True})
    assert record.status == "finished"
    assert measured(record) == EVERYTHING
    assert record.unavailable == {}
    told = capfd.readouterr().err
    assert "there is no home folder for a cache: the feature network cannot be kept" in told
    assert "Set GAN_ZOO_CACHE to a folder" in told
