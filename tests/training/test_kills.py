"""A run that is killed at any time and resumed has the numbers of an undisturbed one."""

import os
import signal
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.soak import CONTEXT, different, outcome, train

LOSSES = sorted(path.stem for path in (Path(__file__).parents[2] / "conf/loss").glob("*.yaml"))
SHORT = ["evaluation.samples=20", "evaluation.final_samples=50", "evaluation.loss_samples=20",
         "evaluation.metrics=[fid,label_accuracy]", "evaluation.reference_scores=false",
         "device=cpu"]  # fmt: skip
# Each is left at its default in some examples.
OPTIONS = {
    "trainer.n_critic": ["2", "3"],
    "trainer.simultaneous": ["true"],
    "trainer.lr_decay": ["0", "0.5", "1"],
    "trainer.ema_decay": ["null", "0.9", "0.999"],
    "trainer.gradient_clip": ["0.5"],
    "trainer.memory_format": ["contiguous"],
    "trainer.checkpoint_every": ["2", "3"],
    "trainer.keep_checkpoints": ["1"],
    "trainer.on_divergence": ["rollback"],
    "trainer.threads": ["1", "2"],
    "evaluation.every": ["2"],
    "seed": ["1", "12345"],
}
PARTS = {
    "optimizer": ["adam_r3gan", "rmsprop", "sgd"],
    "regularizer": ["gradient_penalty", "lecam", "r1_r2", "weight_clip"],
}


@st.composite
def configurations(draw) -> list[str]:
    """Draw a valid command line for the default network."""
    words = [f"loss={draw(st.sampled_from(LOSSES))}"]
    for name, values in PARTS.items():
        if draw(st.integers(0, 3)) == 0:
            words.append(f"{name}={draw(st.sampled_from(values))}")
    if len(words) > 1:
        words.append("tuned=paper")  # what is tuned belongs to the recipe's own parts
    for name, values in OPTIONS.items():
        value = draw(st.sampled_from([None, None, *values]))
        words += [] if value is None else [f"{name}={value}"]
    for name, least, most in (("epochs", 1, 4), ("max_steps", 2, 6), ("batch_size", 2, 20),
                              ("generator_batch_size", 2, 20)):  # fmt: skip
        words.append(f"trainer.{name}={draw(st.integers(least, most))}")
    return words


KILLS = st.lists(
    st.tuples(
        st.sampled_from([signal.SIGKILL, signal.SIGINT, signal.SIGTERM]),
        st.floats(0.1, 1),  # of the time that the run takes when it is left alone
    ),
    min_size=1,
    max_size=3,
)


def examples(count: int):
    return settings(
        max_examples=count, deadline=None, phases=[Phase.generate], database=None,
        derandomize=count < 30, suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip


@examples(3)
@given(configurations(), KILLS)
def test_kills_change_no_number(words, kills):
    check(words, kills)


@pytest.mark.slow
@examples(30)
@given(configurations(), KILLS)
def test_many_kills_change_no_number(words, kills):
    check(words, kills)


def check(words, kills):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        whole = finished(words, folder / "whole/run")
        seconds = time.perf_counter() - began
        for number, moment in kills:
            process = start(words, folder / "broken/run")
            process.join(moment * seconds)
            if process.is_alive():
                os.kill(process.pid, number)
                process.join()
        assert not different(whole, finished(words, folder / "broken/run"))


def start(words, folder):
    CONTEXT.set_forkserver_preload(["gan_zoo.cli.train", "gan_zoo.training.loop"])
    process = CONTEXT.Process(target=train, args=([*words, *SHORT], folder))
    process.start()
    return process


def finished(words, folder):
    """Train to the end and return the run."""
    process = start(words, folder)
    process.join()
    log = folder.with_suffix(".log").read_text()
    assert process.exitcode == 0, log
    ((run,),) = outcome(folder.parent).values()
    return run
