"""The columns by which trackers compare runs."""

from gan_zoo.runs.record import RunRecord
from gan_zoo.training.tracking import headline, hyperparameters

CONFIG = {
    "seed": 3,
    "device": "cpu",
    "loss": {"_target_": "gan_zoo.losses.lsgan.LeastSquares", "a": 0.0, "b": 1.0},
    "regularizer": {"_target_": "gan_zoo.regularizers.none.Unregularized"},
    "optimizer": {"generator": {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 1e-3}},
    "trainer": {"n_critic": 1, "ema_decay": None, "simultaneous": False},
    "evaluation": {"samples": 20},
}


def record(*overrides: str) -> RunRecord:
    return RunRecord("abc", "lsgan", 3, "finished", overrides=list(overrides), config=CONFIG)


def test_options_that_determine_training_are_columns_and_no_others():
    assert hyperparameters(record()) == {
        "loss": "lsgan", "seed": 3, "loss.a": 0.0, "loss.b": 1.0, "regularizer": "Unregularized",
        "optimizer.generator": "Adam", "optimizer.generator.lr": 1e-3, "trainer.n_critic": 1,
        "trainer.simultaneous": False,
    }  # fmt: skip


def test_the_short_list_includes_what_the_command_line_changed():
    short = {"loss", "seed", "regularizer", "optimizer.generator.lr", "trainer.n_critic"}
    assert set(headline(record())) == short
    assert set(headline(record("loss.b=0.9", "+trainer.simultaneous=false"))) == {
        *short, "loss.b", "trainer.simultaneous",
    }  # fmt: skip
