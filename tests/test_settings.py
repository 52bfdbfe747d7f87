"""Ranges of the plain settings, and that the YAML defaults are the dataclass defaults."""

from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from gan_zoo.settings import AuxiliarySettings, EvaluationSettings, TrainerSettings

CONF = Path(__file__).parents[1] / "conf"


@pytest.mark.parametrize(
    ("settings", "key", "value"),
    [
        (TrainerSettings, "epochs", 0),
        (TrainerSettings, "epochs", -1),
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
def test_a_value_out_of_range_is_told_with_its_name_and_what_is_allowed(settings, key, value):
    with pytest.raises(ValueError, match=rf"{key} is .*; allowed: "):
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
