"""A run in motion: what is drawn is what the weights say, and training is the same."""

import io
import itertools
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from gan_zoo.config.compose import compose_config
from gan_zoo.config.preflight import check_motion
from gan_zoo.config.schema import EvaluationSettings, TrainerSettings
from gan_zoo.data.toys import dirac, gaussian_mixture_1d, swiss_roll
from gan_zoo.losses.bce import Bce
from gan_zoo.models.affine import DiracDiscriminator, DiracGenerator
from gan_zoo.models.latents import Normal
from gan_zoo.models.mlp import Discriminator, Generator
from gan_zoo.runs.resume import differences
from gan_zoo.runs.weights import save_epoch
from gan_zoo.training import motion, motion_pictures
from gan_zoo.training.loop import TrainingLoop
from gan_zoo.training.motion import Moment, Motion, Players, observe
from gan_zoo.training.motion_pictures import animation, strip
from gan_zoo.training.run import identity
from tests.running import run_components as go

EPOCHS = {0: 0, 1: 10, 2: 20, 3: 30}
THETAS, PSIS = (1.0, 0.5, -2.0, -1.0), (1.0, -0.5, 0.25, 2.0)


@pytest.fixture
def played(tmp_path):
    """Return a Dirac-GAN's four epochs, whose points, slopes and scores are known."""
    shape = {"image_shape": (1,), "num_classes": 1}
    networks = {"generator": DiracGenerator(**shape), "discriminator": DiracDiscriminator(**shape)}
    for epoch, theta, psi in zip(EPOCHS, THETAS, PSIS, strict=True):
        with torch.no_grad():
            networks["generator"].theta.fill_(theta)
            networks["discriminator"].psi.fill_(psi)
        save_epoch(tmp_path, networks, epoch, None)
    players = Players(networks["generator"], networks["discriminator"], Bce(), Normal(), 1)
    return observe(tmp_path, EPOCHS, players, torch.zeros(5, 1))


def test_points_arrows_and_scores_are_those_of_each_epoch(played):
    assert [moment.updates for moment in played.moments] == list(EPOCHS.values())
    at = np.linspace(played.low[0], played.high[0], motion.ON_LINE)
    for moment, theta, psi in zip(played.moments, THETAS, PSIS, strict=True):
        assert moment.points == pytest.approx(theta)
        assert moment.curves == pytest.approx(theta)
        pull = psi / (1 + math.exp(theta * psi))  # of softplus(-theta psi)
        assert moment.pushes == pytest.approx(pull, rel=1e-5)
        assert moment.scores == pytest.approx(psi * at, abs=1e-5)
    assert played.low[0] < -2
    assert played.high[0] > 1


def test_the_same_run_gives_the_same_bytes_and_every_frame_its_own_picture(played):
    runs = {"bce": played}
    content = animation(runs)
    assert content == animation(runs)
    assert strip(runs) == strip(runs)
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.n_frames == 4
        frames = []
        for number in range(4):
            picture.seek(number)
            frames.append(np.asarray(picture.convert("RGB")).astype(int))
    assert all((one != other).any() for one, other in itertools.pairwise(frames))


def plane(**changes):
    """Return one moment in the plane: two points of which the second is pushed to the right."""
    moment = Moment(
        5, np.array([[0.0, 0.0], [0.5, 0.5]]), np.array([[0.0, 0.0], [1.0, 0.0]]),
        np.add.outer(np.zeros(motion.SIDE), np.linspace(0, 1, motion.SIDE)), np.zeros((1, 4, 2)),
    )  # fmt: skip
    parts = {"real": np.zeros((3, 2)), "low": np.array([-1.0, -1]), "high": np.array([1.0, 1])}
    return Motion((moment._replace(**changes),), **parts, latent=(-1.0, 1.0))


def test_arrows_have_one_scale_and_a_largest_length():
    run = plane()
    (moment,) = run.moments
    side, long = 2.0, 1e6
    arrows = motion_pictures._arrows(run, moment, usual=1.0)
    assert arrows[1] == pytest.approx([motion_pictures.TYPICAL * side, 0])
    assert motion_pictures._arrows(run, moment, usual=2.0)[1] == pytest.approx(arrows[1] / 2)
    assert motion_pictures._arrows(run, moment, usual=1 / long)[1] == pytest.approx([0.2 * side, 0])
    assert (motion_pictures._arrows(run, moment, usual=0.0) == 0).all()


def test_scores_rise_to_the_right_of_the_picture():
    """Greener, so less red, where D's score is higher."""
    with Image.open(io.BytesIO(animation({"one": plane(), "two": plane()}))) as picture:
        assert picture.size[0] == 700
        red = np.asarray(picture.convert("RGB"))[100:280, 60:320, 0].astype(int)
    assert red[:, :20].mean() > red[:, -20:].mean() + 60


def test_a_score_that_is_the_same_everywhere_is_drawn():
    assert animation({"flat": plane(scores=np.ones((motion.SIDE, motion.SIDE)))})


def on(dataset, parts, *, moving):
    networks = {
        "generator": partial(Generator, latent_dim=3, hidden=[8]),
        "discriminator": partial(Discriminator, hidden=[8], packing=2),
    }
    return replace(
        parts, dataset=dataset, **networks,
        evaluation=replace(parts.evaluation, motion=moving, pictures=2, every=2),
        trainer=replace(parts.trainer, epochs=2, max_steps=4),
    )  # fmt: skip


@pytest.mark.parametrize("make", [swiss_roll, gaussian_mixture_1d])
def test_a_run_in_motion_trains_as_one_without(make, tiny_parts, tmp_path):
    records = {
        moving: go(on(make(samples=600), tiny_parts, moving=moving), tmp_path / str(moving))
        for moving in (True, False)
    }
    assert set(records[True].artifacts) - set(records[False].artifacts) == {
        "motion", "motion_strip",
    }  # fmt: skip
    assert records[True].unavailable == records[False].unavailable
    with Image.open(tmp_path / "True" / "motion.webp") as picture:
        assert picture.n_frames == 3  # the start and two epochs
    files = sorted(path.name for path in (tmp_path / "False/checkpoints").glob("params_*"))
    for name in ["history.csv", *(f"checkpoints/{file}" for file in files)]:
        one, other = (tmp_path / side / name for side in ("True", "False"))
        assert one.read_bytes() == other.read_bytes(), name
    assert len(files) == 4


def test_the_option_is_no_part_of_a_run_s_identity():
    found = [compose_config(["data=ring", f"evaluation.motion={on}"]) for on in ("true", "false")]
    assert identity(found[0]) == identity(found[1])
    plain = [{"evaluation": {"motion": on, "every": 1}} for on in (True, False)]
    assert differences(*plain) == {}
    plain[0]["evaluation"]["every"] = 2
    assert differences(*plain) == {"evaluation.every": (2, 1)}


def test_what_cannot_be_shown_is_refused_before_training(tiny_dataset):
    moving, kept = EvaluationSettings(motion=True), TrainerSettings()
    check_motion(tiny_dataset, kept, EvaluationSettings())
    check_motion(dirac(), kept, moving)
    with pytest.raises(ValueError, match=r"samples of tiny have shape \(1, 8, 8\)"):
        check_motion(tiny_dataset, kept, moving)
    with pytest.raises(ValueError, match=r"keep_checkpoints is 1: use .*=null"):
        check_motion(dirac(), TrainerSettings(keep_checkpoints=1), moving)


def test_a_run_that_got_the_option_when_it_resumed_is_drawn_from_its_first_epoch(
    tiny_parts, tmp_path, monkeypatch
):
    def save(loop):
        monkeypatch.undo()
        loop.save()
        raise KeyboardInterrupt  # after the first epoch

    still, moving = (on(swiss_roll(samples=600), tiny_parts, moving=m) for m in (False, True))
    monkeypatch.setattr(TrainingLoop, "save", save)
    with pytest.raises(KeyboardInterrupt):
        go(still, tmp_path)
    record = go(moving, tmp_path)
    assert len(record.resumed) == 1
    assert (record.status, record.unavailable.get("motion")) == ("finished", None)
    with Image.open(tmp_path / "motion.webp") as picture:
        assert picture.n_frames == 2
