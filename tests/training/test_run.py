"""A whole run: its files, its reproducibility, the record of failures."""

import csv
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from gan_zoo.config.schema import EvaluationSettings
from gan_zoo.config.search import objective
from gan_zoo.evaluation.evaluator import Evaluator
from gan_zoo.evaluation.features.cnn import Features
from gan_zoo.evaluation.measurement import Measurement
from gan_zoo.evaluation.metrics.registry import METRICS
from gan_zoo.losses.bce import Bce
from gan_zoo.losses.lsgan import Lsgan
from gan_zoo.losses.wgan import Wgan
from gan_zoo.runs.record import AlreadyFinished, read_record
from gan_zoo.runs.weights import load_weights
from gan_zoo.training.build import build_trainer
from gan_zoo.training.loop import weighted
from gan_zoo.training.pictures import sample_grid
from tests.running import run_components as go


def rows(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_a_run_writes_all_its_files(tiny_parts, tmp_path):
    go(tiny_parts, tmp_path)
    record = read_record(tmp_path)
    assert record.status == "finished"
    assert record.parameters["generator"] > 0
    assert record.progress["discriminator_updates"] == 24
    assert record.progress["generator_updates"] == 24
    assert record.progress["images_seen"] == 240
    assert record.progress["epoch"] == record.progress["epochs"] == 2
    assert record.environment["torch"] == torch.__version__
    assert len(record.dataset["sha256"]) == 64
    for epoch in (1, 2):
        with Image.open(tmp_path / f"samples/plot_epoch_{epoch:03d}_generated.png") as grid:
            assert grid.size == (80, 24)  # ten columns of 8 pixels, a row for each of 3 classes
        for network in ("generator", "discriminator"):
            assert (
                tmp_path / f"checkpoints/params_{network}_epoch_{epoch:03d}.safetensors"
            ).exists()
    assert all((tmp_path / path).exists() for path in record.artifacts.values())
    history = rows(tmp_path / "history.csv")
    assert [row["epoch"] for row in history] == ["1", "2"]
    for network in ("generator", "discriminator"):
        for part in ("train", "test"):
            for kind in ("loss", "generation", "auxiliary"):
                assert math.isfinite(float(history[1][f"{network}_{part}_{kind}"]))
    assert float(rows(tmp_path / "timing.csv")[1]["seconds"]) > 0


def test_same_configuration_same_numbers(tiny_parts, tmp_path):
    go(tiny_parts, tmp_path / "a")
    go(tiny_parts, tmp_path / "b")
    for name in ("history.csv", "samples/plot_epoch_002_generated.png",
                 "checkpoints/params_generator_epoch_002.safetensors"):  # fmt: skip
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    go(replace(tiny_parts, seed=1), tmp_path / "c")
    different = (tmp_path / "c/history.csv").read_bytes()
    assert different != (tmp_path / "a/history.csv").read_bytes()


def test_random_numbers_drawn_before_do_not_matter(tiny_parts, tmp_path):
    go(tiny_parts, tmp_path / "a")
    torch.rand(17)
    go(replace(tiny_parts, loss=Lsgan()), tmp_path / "between")
    go(tiny_parts, tmp_path / "b")
    assert (tmp_path / "a/history.csv").read_bytes() == (tmp_path / "b/history.csv").read_bytes()


class Eye:
    """A feature network of tiny images: the means of their quarters, logits by brightness."""

    name, sha256 = "eye", "e" * 64

    def extract(self, images):
        quarters = torch.nn.functional.avg_pool2d(images, 4).flatten(1)
        torch.rand(3)  # a careless network must not move the training's random numbers
        levels = torch.tensor([-0.8, -0.3, 0.2])
        return Features(quarters, -10 * (quarters.mean(1, keepdim=True) - levels).abs())


def test_evaluation_changes_no_training_number(tiny_parts, tmp_path, monkeypatch):
    """All metrics at every epoch, compared with as few as possible."""
    monkeypatch.setenv("GAN_ZOO_CACHE", str(tmp_path / "cache"))
    settings = replace(tiny_parts.trainer, epochs=3)
    least = EvaluationSettings(every=9, pictures=9, samples=2, final_samples=2, loss_samples=2)
    measures = [name for name in METRICS if name not in ("ms_ssim", "gan_train", "modes")]
    all_there_is = EvaluationSettings(
        samples=30, final_samples=60, loss_samples=30, validation_metrics=measures,
        metrics=measures, reference_scores=True,
    )  # fmt: skip
    for name, evaluation, extractor, decay in (
        ("least", least, None, None),
        ("all", all_there_is, Eye(), 0.9),
    ):
        trainer = replace(settings, ema_decay=decay)
        parts = replace(tiny_parts, evaluation=evaluation, extractor=extractor, trainer=trainer)
        assert go(parts, tmp_path / name).status == "finished"
    measured = read_record(tmp_path / "all")
    assert {"fid_eye_test_60", "ema_fid_eye_test_60",
            "best_ema_parzen_log_likelihood_eye_test_60"} <= set(measured.metrics)  # fmt: skip
    for network in ("generator", "discriminator"):
        path = f"checkpoints/params_{network}_epoch_003.safetensors"
        assert (tmp_path / "all" / path).read_bytes() == (tmp_path / "least" / path).read_bytes()
    held_out = ("_test_", "critic_lipschitz", "estimated_divergence")
    columns = rows(tmp_path / "least/history.csv")[0]
    trained = [name for name in columns if not any(part in name for part in held_out)]
    assert len(trained) > 15
    for one, other in zip(
        rows(tmp_path / "all/history.csv"), rows(tmp_path / "least/history.csv"), strict=True
    ):
        assert {name: one[name] for name in trained} == {name: other[name] for name in trained}


@pytest.mark.parametrize(("validated", "measured"), [([3.0, 2.0], 2), ([2.0, 3.0], 3)])
def test_the_averaged_generator_represents_the_run(
    tiny_parts, tmp_path, monkeypatch, validated, measured
):
    """Its pictures, tables and best weights, which are measured unless they are the last."""
    monkeypatch.setenv("GAN_ZOO_CACHE", str(tmp_path / "cache"))
    evaluation = EvaluationSettings(
        samples=20,
        final_samples=30,
        loss_samples=20,
        reference_scores=False,
        metrics=["label_accuracy"],
    )
    settings = replace(tiny_parts.trainer, ema_decay=0.9)
    parts = replace(tiny_parts, extractor=Eye(), trainer=settings, evaluation=evaluation)
    finals, validations, walked = [], iter(np.repeat(validated, 2)), []
    final, walks = Evaluator.final, Evaluator.interpolations
    monkeypatch.setattr(
        Evaluator,
        "validation",
        lambda self, _: Measurement({str(self.criterion): float(next(validations))}),
    )
    monkeypatch.setattr(Evaluator, "final", lambda *of: finals.append(of) or final(*of))
    monkeypatch.setattr(
        Evaluator,
        "interpolations",
        lambda self, network: walked.append(network) or walks(self, network),
    )
    record = go(parts, tmp_path / "run")
    assert len(finals) == measured
    assert set(record.best) == {"generator_ema"}
    assert objective(record) == 2.0
    assert {name.partition("label")[0] for name in record.metrics} == {"", "ema_", "best_ema_"}
    table = rows(tmp_path / "run/per_class.csv")
    assert {"label_accuracy_eye_test_30", "ema_label_accuracy_eye_test_30"} < set(table[0])
    evaluator, grids = finals[0][0], {}
    for name in ("generator", "generator_ema"):
        network = build_trainer(parts).generator
        load_weights(tmp_path / f"run/checkpoints/params_{name}_epoch_002.safetensors", network)
        grids[name] = sample_grid(evaluator.grid(network))
    shown = (tmp_path / "run/samples/plot_epoch_002_generated.png").read_bytes()
    assert shown == grids["generator_ema"] != grids["generator"]
    assert sample_grid(evaluator.grid(walked[0])) == shown


def test_checkpoints_hold_the_weights_of_the_trainer(tiny_parts, tmp_path):
    go(tiny_parts, tmp_path)
    trainer = build_trainer(tiny_parts)
    saved = load_file(tmp_path / "checkpoints/params_generator_epoch_002.safetensors")
    trainer.generator.load_state_dict(saved)  # strict: every key, no other
    assert trainer.generator.embedding.weight.equal(saved["embedding.weight"])


def test_retention_keeps_the_newest_epochs(tiny_parts, tmp_path):
    settings = replace(tiny_parts.trainer, epochs=3, keep_checkpoints=1)
    go(replace(tiny_parts, trainer=settings), tmp_path)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
        "params_discriminator_epoch_003.safetensors",
        "params_generator_epoch_003.safetensors",
        "state.pt",
    ]
    assert len(list((tmp_path / "samples").iterdir())) == 3


def test_every_epoch_and_every_loss_draw_the_grid_from_the_same_latents(tiny_parts):
    def bank(parts):
        evaluator = Evaluator(
            parts.dataset, parts.evaluation, latents=parts.latents, latent_dim=10, reference=None,
            device=parts.device,
        )  # fmt: skip
        return evaluator.grid_latents

    first = bank(tiny_parts)
    second = bank(replace(tiny_parts, loss=Lsgan(), seed=5))
    assert first.z.equal(second.z)
    assert first.labels.tolist() == [0] * 10 + [1] * 10 + [2] * 10


def test_a_diverged_run_is_an_outcome_and_never_overwritten(tiny_parts, tmp_path):
    class Broken(Bce):
        calls = 0

        def discriminator(self, real, fake):
            Broken.calls += 1
            value = super().discriminator(real, fake)
            return value * float("nan") if Broken.calls == 21 else value

    record = go(replace(tiny_parts, loss=Broken()), tmp_path)
    assert record.status == read_record(tmp_path).status == "diverged"
    assert record.error["quantity"] == "discriminator_train_loss"
    assert record.metrics == {}
    assert len(rows(tmp_path / "history.csv")) == record.progress["epoch"] == 1
    with pytest.raises(AlreadyFinished):
        go(tiny_parts, tmp_path)


@pytest.mark.parametrize(
    ("raised", "status", "told"),
    [
        (RuntimeError("no such kernel"), "failed", "^no such kernel$"),
        (RuntimeError("out of memory"), "failed", "^out of memory; .*Choose smaller trainer.batch"),
        (KeyboardInterrupt(), "interrupted", None),
    ],
)
def test_a_run_that_raises_is_recorded(tiny_parts, tmp_path, raised, status, told):
    class Breaking(Bce):
        def generator(self, fake, real=None):
            raise raised

    with pytest.raises(type(raised), match=told):
        go(replace(tiny_parts, loss=Breaking()), tmp_path)
    record = read_record(tmp_path)
    assert record.status == status
    assert (record.error is None) == (told is None)
    assert told is None or re.search(told, record.error["message"])
    go(tiny_parts, tmp_path)  # it may be started again
    assert read_record(tmp_path).status == "finished"


def test_a_finished_run_is_never_overwritten(tiny_parts, tmp_path):
    go(tiny_parts, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(AlreadyFinished, match="never overwritten"):
        go(tiny_parts, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_an_epoch_s_mean_is_weighted_by_updates():
    nan = float("nan")
    pieces = [(3, {"d": 1.0, "g": nan}), (1, {"d": 5.0, "g": 2.0})]
    assert weighted(pieces) == {"d": 2.0, "g": 2.0}


def test_a_combination_that_defeats_the_method_is_recorded_with_a_warning(
    tiny_parts, tmp_path, capsys
):
    record = go(replace(tiny_parts, loss=Wgan()), tmp_path)
    assert "nothing does: scores will grow" in " ".join(record.warnings)
    assert "gan_zoo: warning: bce seed 0: this loss has no lower bound" in capsys.readouterr().err
    assert read_record(tmp_path).warnings == record.warnings


def test_a_generator_that_is_never_trained_gives_a_warning_before_training(
    tiny_parts, tmp_path, capsys
):
    settings = replace(tiny_parts.trainer, epochs=2, max_steps=3, n_critic=7)
    record = go(replace(tiny_parts, trainer=settings), tmp_path)
    assert record.progress["generator_updates"] == 0
    (warning,) = record.warnings
    assert "never trained: trainer.n_critic is 7" in warning
    assert "this run has 6" in warning
    told = capsys.readouterr().err
    assert told.index("never trained") < told.index("epoch 1/2")
    enough = replace(settings, n_critic=6)
    record = go(replace(tiny_parts, trainer=enough), tmp_path / "enough")
    assert record.warnings == []
    assert record.progress["generator_updates"] == 1
