"""The tracker of a run that asks for none."""

from gan_zoo.config.schema import UNTRACKED
from gan_zoo.runs.record import RunRecord
from gan_zoo.training.trackers import Untracked


def test_it_leaves_nothing(tmp_path):
    record, tracker = RunRecord("abc", "bce", 0, "running"), Untracked()
    tracker.begin(tmp_path, record)
    tracker.log(1, {"loss/generator_train_loss": 0.5}, {})
    tracker.end(record, {})
    assert not list(tmp_path.iterdir())
    assert f"{Untracked.__module__}.{Untracked.__name__}" == UNTRACKED
