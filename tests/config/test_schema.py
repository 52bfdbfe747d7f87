"""Ranges of the plain settings, and that the YAML defaults are the dataclass defaults."""

from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from gan_zoo.config.schema import (
    AuxiliarySettings,
    EvaluationSettings,
    Schedule,
    TrainerSettings,
    schedule,
)

CONF = Path(__file__).parents[2] / "conf"


@pytest.mark.parametrize(
    ("settings", "key", "value"),
    [
        (TrainerSettings, "epochs", 0),
        (TrainerSettings, "epochs", -1),
        (TrainerSettings, "generator_updates", 0),
        (TrainerSettings, "batch_size", 0),
        (TrainerSettings, "generator_batch_size", 0),
        (TrainerSettings, "n_critic", 0),
        (TrainerSettings, "lr_decay", -0.1),
        (TrainerSettings, "lr_decay", 1.1),
        (TrainerSettings, "gradient_clip", 0.0),
        (TrainerSettings, "gradient_clip", float("nan")),
        (TrainerSettings, "max_steps", 0),
        (TrainerSettings, "keep_checkpoints", 0),
        (TrainerSettings, "threads", 0),
        (TrainerSettings, "precision", "fp16"),
        (TrainerSettings, "memory_format", "nhwc"),
        (AuxiliarySettings, "weight_d", -0.1),
        (AuxiliarySettings, "weight_g", float("nan")),
        (EvaluationSettings, "every", 0),
        (EvaluationSettings, "pictures", 0),
        (EvaluationSettings, "samples", 1),
        (EvaluationSettings, "final_samples", 1),
        (EvaluationSettings, "loss_samples", 1),
        (EvaluationSettings, "loss_split", "train"),
    ],
)
def test_a_value_out_of_range_is_reported_with_its_name_and_what_is_allowed(settings, key, value):
    with pytest.raises(ValueError, match=rf"{key} must be .*, got "):
        settings(**{key: value})


@pytest.mark.parametrize(
    ("settings", "file"),
    [
        (TrainerSettings, "trainer/default.yaml"),
        (AuxiliarySettings, "aux/document.yaml"),
        (EvaluationSettings, "evaluation/default.yaml"),
    ],
)
def test_the_yaml_defaults_are_the_dataclass_defaults(settings, file):
    assert yaml.safe_load((CONF / file).read_text()) == asdict(settings())


@pytest.mark.parametrize(
    ("given", "images", "expected"),
    [
        ({"generator_updates": 781}, 50_000, Schedule(1, 781, 781)),
        ({"generator_updates": 782}, 50_000, Schedule(2, 781, 1)),
        ({"generator_updates": 4000, "n_critic": 5}, 50_000, Schedule(26, 781, 475)),
        ({"generator_updates": 3}, 50_000, Schedule(1, 781, 3)),
        ({"generator_updates": 3, "max_steps": 2}, 50_000, Schedule(1, 2, 2)),
        ({"generator_updates": 4000, "epochs": 2, "n_critic": 5}, 50_000, Schedule(2, 781, 781)),
        ({"epochs": 2, "max_steps": 5}, 50_000, Schedule(2, 5, 5)),
    ],
)
def test_a_run_lasts_its_generator_updates_or_its_epochs(given, images, expected):
    assert schedule(TrainerSettings(**given), images) == expected


def test_equal_generator_updates_cost_n_critic_times_as_many_discriminator_updates():
    for n_critic in (1, 2, 5):
        settings = TrainerSettings(generator_updates=4000, n_critic=n_critic)
        planned = schedule(settings, 50_000)
        assert planned.updates == 4000 * n_critic
        assert sum(planned.steps_of(e) for e in range(1, planned.epochs + 1)) == planned.updates


def test_a_run_needs_a_length():
    with pytest.raises(ValueError, match="both null: set one of them"):
        TrainerSettings(generator_updates=None, epochs=None)
