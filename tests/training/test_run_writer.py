"""The landscape of a critic, written for 2-D points only."""

from dataclasses import replace
from functools import partial

from PIL import Image

from gan_zoo.config.schema import TrainerSettings
from gan_zoo.data.toys import gaussian_mixture_1d, swiss_roll
from gan_zoo.models.mlp import Discriminator, Generator
from gan_zoo.runs.record import read_record
from tests.running import run_components as go


def on_points(parts, dataset):
    networks = {
        "generator": partial(Generator, latent_dim=10, hidden=[8]),
        "discriminator": partial(Discriminator, hidden=[8], norm="spectral"),
    }
    return replace(parts, dataset=dataset, trainer=TrainerSettings(epochs=1), **networks)


def test_points_in_the_plane_get_the_critic_s_landscape(tiny_parts, tmp_path):
    record = go(on_points(tiny_parts, swiss_roll(samples=600)), tmp_path)
    assert read_record(tmp_path).artifacts["landscape"] == "landscape.png"
    assert record.artifacts["grid"] == "samples/plot_epoch_001_generated.png"
    for name in ("landscape", "grid"):
        with Image.open(tmp_path / record.artifacts[name]) as picture:
            assert picture.width > 400


def test_other_samples_have_no_landscape(tiny_parts, tmp_path):
    assert "landscape" not in go(tiny_parts, tmp_path / "images").artifacts
    on_a_line = on_points(tiny_parts, gaussian_mixture_1d(samples=600))
    assert "landscape" not in go(on_a_line, tmp_path / "line").artifacts


def test_the_landscape_changes_no_number(tiny_parts, tmp_path, monkeypatch):
    """Weights and random streams are the same with and without it."""
    parts = on_points(tiny_parts, swiss_roll(samples=600))
    go(parts, tmp_path / "with")
    monkeypatch.setattr("gan_zoo.training.run_writer.RunWriter.landscape", lambda *_: None)
    go(parts, tmp_path / "without")
    for name in ("history.csv", "checkpoints/params_discriminator_epoch_001.safetensors"):
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()
