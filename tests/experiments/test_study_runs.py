"""The commands of the study, and the winners of its search."""

import pytest

from gan_zoo.experiments.study_runs import Options, commands, winners
from gan_zoo.runs.record import RunRecord, write_record


def leave(folder, loss, setting, seed, value, status="finished"):
    name = f"{loss}-{setting}-{seed}"
    record = RunRecord(name, loss, seed, status, overrides=["experiment=study_search", setting])
    record.best = {"generator": {"epoch": 1, "metric": "fid", "value": value}}
    write_record(folder / name, record)


def test_the_winner_has_the_lowest_mean_over_seeds(tmp_path):
    for setting, values in {"a=1": (9.0, 11.0), "a=2": (1.0, 30.0), "a=3": (10.0, 9.5)}.items():
        for seed, value in enumerate(values):
            leave(tmp_path / "study_search", "bce", setting, seed, value)
    leave(tmp_path / "study_search", "bce", "a=4", 0, 0.1, status="diverged")
    leave(tmp_path / "study_search", "bce", "a=5", 0, 0.1, status="running")
    leave(tmp_path / "study_search", "wgan", "a=1", 0, 0.1, status="diverged")
    (winner,) = winners(tmp_path / "study_search")  # none for wgan
    assert (winner.loss, winner.words, winner.value) == ("bce", ("a=3",), 9.75)
    assert (winner.settings, winner.lost) == (5, 2)
    assert list(commands("winners", tmp_path)) == [["experiment=study_winners", "loss=bce", "a=3"]]


def test_winners_need_a_search(tmp_path):
    with pytest.raises(ValueError, match="has no run: run stage=search first"):
        list(commands("winners", tmp_path))


def test_every_loss_is_stressed_by_its_own_values():
    found = list(commands("stress", None))
    assert all(words[0] == "experiment=study_stress" for words in found)
    fast = [words for words in found if words[-1] == "optimizer.generator.lr=0.01"]
    assert {loss for words in fast for loss in words[1].removeprefix("loss=").split(",")} == {
        "bce", "dragan", "fgan_kl", "hinge", "lsgan", "minimax", "r1", "wgan", "wgan_gp",
    }  # fmt: skip
    rmsprop = ["experiment=study_stress", "loss=wgan", "optimizer.discriminator.betas.0=0.9"]
    assert rmsprop not in found


def test_refuses_other_stages():
    with pytest.raises(ValueError, match=r"stage must be one of mnist, .* got 'all of it'"):
        Options(stage="all of it")
