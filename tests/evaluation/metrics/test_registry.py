"""The registry: one file declares a metric, and the evaluator, report and docs all know it."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gan_zoo
from gan_zoo.evaluation.metrics import registry
from gan_zoo.evaluation.metrics.registry import (
    CHECKPOINTS,
    METRICS,
    QUANTITIES,
    SPLITS,
    MetricName,
    parse_name,
    short_count,
)

BRIGHTNESS = '''"""Mean pixel."""

from gan_zoo.evaluation.measurement import Comparison, Outcome
from gan_zoo.evaluation.metrics.registry import Description, Metric

METRIC = Metric(
    place=20,
    quantities={"brightness": Description("Mean brightness", 1, "Mean pixel of the images.")},
)


def measure(comparison: Comparison) -> Outcome:
    return Outcome({"brightness": float(comparison.fake.images.mean())})
'''
USE = """
import sys
from gan_zoo.report.quantities import quantity
assert "torch" not in sys.modules
found = quantity("best_brightness_mnistcnn_test_10k")
assert (found.title, found.arrow) == ("Mean brightness", "↑")
from docs.metrics import listing
assert "- `brightness`: **Mean brightness**, higher is better." in listing()
import torch
from gan_zoo.evaluation.reference import Reference
from gan_zoo.evaluation.features.extractor import load_extractor
from gan_zoo.types import Dataset, Split
split = Split(torch.randint(256, (20, 1, 28, 28)).byte(), torch.arange(20) % 10)
data = Reference(Dataset("d", 10, split, split, split), load_extractor(), "a" * 64)
assert data.applicable()[-1] == "brightness"
fake = data.embed(torch.full((20, 1, 28, 28), 0.5), split.labels)
assert data.measure(fake, "test", ["brightness"]).values == {"brightness": 0.5}
"""


def test_a_metric_is_added_by_one_file(tmp_path):
    """Evaluator, report and docs of a copy of the package find it there."""
    package = Path(gan_zoo.__file__).parent
    ignore = shutil.ignore_patterns("__pycache__", "files")
    shutil.copytree(package, tmp_path / "gan_zoo", ignore=ignore)
    shutil.copytree(package.parent / "docs", tmp_path / "docs", ignore=ignore)
    (tmp_path / "gan_zoo/evaluation/metrics/brightness.py").write_text(BRIGHTNESS)
    environment = {"GAN_ZOO_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", USE], cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", METRICS)
def test_each_file_declares_what_the_registry_read(name):
    module = importlib.import_module(f"gan_zoo.evaluation.metrics.{name}")
    assert METRICS[name] == module.METRIC
    assert callable(module.measure)
    for entry in module.METRIC.quantities.values():
        assert entry.title
        assert entry.meaning
        assert entry.unit


def test_declared_requirements_are_those_of_the_formulas():
    from gan_zoo.evaluation.features import cnn
    from gan_zoo.evaluation.metrics import gan_train, modes, ms_ssim, precision_recall

    assert METRICS["precision_recall"].min_samples == precision_recall.NEIGHBOURS + 1
    assert METRICS["precision_recall"].min_real == precision_recall.NEIGHBOURS + 1
    assert METRICS["ms_ssim"].min_side == ms_ssim.SMALLEST
    assert METRICS["gan_train"].min_side == cnn.SMALLEST
    assert gan_train.METRIC.square
    assert modes.METRIC.extractor in registry.EXTRACTORS
    places = [metric.place for metric in METRICS.values()]
    assert places == sorted(set(places))


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_names_are_joined_and_parsed(quantity, checkpoint):
    for source in ("mnistcnn", "my_net_16", "ring", "test"):
        for split in ("", *SPLITS):
            name = MetricName(quantity, source, split, "10k", checkpoint)
            if (source, split) != ("test", ""):  # a network may not be called like a split
                assert parse_name(str(name)) == name


def test_names_that_are_not_of_metrics():
    for name in ("epoch", "generator_test_loss", "gradient_norm_generator", "my_fid"):
        assert parse_name(name) is None


def test_short_counts():
    assert [short_count(n) for n in (20, 1000, 1500, 10_000)] == ["20", "1k", "1500", "10k"]
