"""Runs that differ in their seeds alone, trained as one: their numbers are those of single runs."""

import math
import signal
from dataclasses import replace

import pytest
import torch

from gan_zoo.config.build import build
from gan_zoo.config.compose import compose_config
from gan_zoo.runs.record import read_record
from gan_zoo.training import batched
from gan_zoo.training.batched import BatchedTrainer, finish_together, obstacle
from gan_zoo.training.build import build_trainer
from gan_zoo.training.captured import Captured
from gan_zoo.training.checkpoint import from_bytes, to_bytes
from gan_zoo.training.profiler import WARMUP, profiled
from gan_zoo.types import ConfigurationError, DivergenceError
from hydra_plugins.gan_zoo.launchers import BatchedLauncher
from tests.cli.shell import POINTS, RUN, call, finish, start, wait_for

STEPS = 21
NETWORKS = [
    "data=ring", "data.samples=480", "model=mlp", "model.generator.hidden=[16,16]",
    "model.discriminator.hidden=[16,16]", "latents=normal", "aux=none", "device=cpu",
    "trainer.batch_size=16", "trainer.generator_batch_size=24", "trainer.epochs=2",
    "trainer.ema_decay=null", "trainer.precision=fp32", "tuned=paper",
]  # fmt: skip
# Adam divides by the gradient's size, which for a gradient of rounding errors magnifies these.
SMOOTH = ["+optimizer.discriminator.eps=1e-2", "+optimizer.generator.eps=1e-2"]
ADAM, RMSPROP, SGD = (
    ["optimizer=adam", *SMOOTH], ["optimizer=rmsprop", *SMOOTH],
    ["optimizer=sgd", "optimizer.discriminator.lr=0.02"],
)  # fmt: skip
VARIANTS = {
    "bce, Adam": ["loss=bce", *ADAM],
    "bce, SGD without momentum": ["loss=bce", *SGD, "optimizer.discriminator.momentum=0"],
    "bce, AdamW": ["loss=bce", *ADAM, *(
        f"optimizer.{who}._target_=torch.optim.AdamW" for who in ("generator", "discriminator")
    )],
    "minimax, tanh": ["loss=minimax", *SGD, "model.generator.activation=tanh"],
    "lsgan": ["loss=lsgan", *RMSPROP],
    "hinge": ["loss=hinge", *SGD],
    "wgan": ["loss=wgan", *RMSPROP, "trainer.n_critic=2"],
    "wgan_gp": ["loss=wgan_gp", *ADAM, "trainer.n_critic=3"],
    "wgan_lp": ["loss=wgan_lp", *SGD, "trainer.n_critic=1"],
    "wgan_div": ["loss=wgan_div", *SGD, "optimizer.discriminator.lr=1e-4"],
    "dragan": ["loss=dragan", *ADAM],
    "r1": ["loss=r1", *RMSPROP],
    "r2": ["loss=r2", *SGD],
    "r3gan": ["loss=r3gan", *ADAM],
    "zero_gp": ["loss=zero_gp", *SGD],
    "rasgan": ["loss=rasgan", *SGD],
    "ralsgan": ["loss=ralsgan", *ADAM],
    "fgan_kl": ["loss=fgan_kl", *SGD],
    "alpha_gan": ["loss=alpha_gan", *ADAM, "loss.alpha_d=0.5", "loss.alpha_g=1.2"],
    "packs": ["loss=bce", *SGD, "model.discriminator.packing=2", "aux=document"],
    "class losses": ["loss=bce", *ADAM, "aux=document", "aux.weight_g=0.5", "aux.on_fake=true"],
    "a class loss of D alone": ["loss=bce", *SGD, "aux.weight_d=0.3"],
    "clipped gradients": ["loss=bce", *SGD, "trainer.gradient_clip=0.05"],
    "an average": ["loss=bce", *ADAM, "trainer.ema_decay=0.9"],
    "simultaneous": ["loss=minimax", *SGD, "trainer.simultaneous=true", "trainer.lr_decay=1"],
    "schedules": ["loss=r1", *SGD, "+schedules.regularizer.gamma={end: 0.1}",
                  "+schedules.optimizer.discriminator.lr={end: 0.001}"],
    "one layer": ["loss=bce", *SGD, "model.generator.hidden=[8]",
                  "model.discriminator.hidden=[8]", "model.discriminator.activation=relu"],
}  # fmt: skip


def trainers(words, seeds=(0, 1, 7)):
    parts = build(compose_config([*NETWORKS, *words]))
    return [build_trainer(replace(parts, seed=seed)) for seed in seeds]


def numbers(trainer):
    """Return all that a state holds, flattened to name -> tensor or value."""
    found = {}

    def walk(node, name):
        if isinstance(node, dict):
            for key, value in node.items():
                walk(value, f"{name}/{key}")
        elif isinstance(node, list | tuple):
            for key, value in enumerate(node):
                walk(value, f"{name}/{key}")
        else:
            found[name] = node

    walk(from_bytes(to_bytes(trainer.state_dict())), "")
    return found


def assert_same(first, second):
    first, second = numbers(first), numbers(second)
    assert first.keys() == second.keys()
    for name, value in first.items():
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            close = {"rtol": 2e-4, "atol": 2e-6, "equal_nan": True}
            torch.testing.assert_close(second[name], value, **close, msg=lambda m, n=name: n + m)
        elif isinstance(value, torch.Tensor):
            assert torch.equal(second[name], value), name
        elif "/lr" not in name:  # a batch sets it in its own optimizer
            assert second[name] == value, name


@pytest.mark.parametrize("words", VARIANTS.values(), ids=VARIANTS.keys())
def test_a_batch_of_seeds_equals_single_runs(words):
    """Weights, averages, optimizer states, streams, counters and logs after 21 updates of D."""
    single, together = trainers(words), trainers(words)
    assert obstacle(together[0]) is None
    batch = BatchedTrainer(together)
    for _ in range(STEPS):
        batch.step()
        for trainer in single:
            trainer.step()
    for alone, member in zip(single, together, strict=True):
        assert_same(alone, member)
        torch.testing.assert_close(
            torch.tensor(list(member.collect().values())),
            torch.tensor(list(alone.collect().values())), rtol=1e-3, atol=1e-5, equal_nan=True,
        )  # fmt: skip


def test_a_saved_seed_resumes_in_another_batch_or_alone():
    """Including the optimizers' moments."""
    words = VARIANTS["bce, Adam"]
    single, together, later = trainers(words), trainers(words), trainers(words)
    batch = BatchedTrainer(together)
    for _ in range(5):
        batch.step()
    for member, fresh in zip(together, later, strict=True):
        fresh.load_state_dict(from_bytes(to_bytes(member.state_dict())))
    pair = BatchedTrainer(later[:2])
    for _ in range(6):
        pair.step()
        later[2].step()  # alone
    for trainer, alone in zip(later, single, strict=True):
        for _ in range(11):
            alone.step()
        assert_same(alone, trainer)


def test_a_seed_that_diverges_does_not_affect_the_others():
    words = VARIANTS["clipped gradients"]
    single, together = trainers(words), trainers(words)
    with torch.no_grad():
        together[1].discriminator.score_head.weight.fill_(math.nan)
    batch = BatchedTrainer(together)
    for _ in range(3):
        batch.step()
        for trainer in single:
            trainer.step()
    with pytest.raises(DivergenceError, match="at discriminator update 1"):
        together[1].collect()
    for number in (0, 2):
        assert_same(single[number], together[number])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["loss=sngan"], "the discriminator's weights are normalized"),
        (["+model.discriminator.instance_noise=0.1"], "instance noise is drawn from the global"),
        (["loss=lecam"], "the regularizer is LeCam"),
        (["trainer.on_divergence=rollback"], "repeats epochs of single runs"),
        (["~optimizer.discriminator.fused", "~optimizer.discriminator.betas",
          "optimizer.discriminator._target_=torch.optim.Rprop", "optimizer.generator.fused=true",
          "optimizer.generator.betas=[0.5,0.9]"], "the discriminator's optimizer is Rprop"),
        (["model=affine"], "the generator is AffineGenerator, not that of model=mlp"),
    ],
)  # fmt: skip
def test_obstacles(words, why):
    own = [word for word in NETWORKS if "hidden" not in word or words != ["model=affine"]]
    trainer = build_trainer(build(compose_config([*own, *words])))
    assert why in (obstacle(trainer) or "")


def test_a_profile_is_an_obstacle_while_it_lasts(tmp_path, capsys):
    (trainer,) = trainers(VARIANTS["bce, Adam"], seeds=[0])
    with profiled(tmp_path, trainer, 2) as after:
        assert obstacle(trainer) == "profile measures the updates of one run"
        for _ in range(WARMUP + 2):
            trainer.step()
            after()
    assert "profile of 2 updates of D" in capsys.readouterr().err


def test_bf16_is_an_obstacle():
    assert "trainer.precision is bf16" in obstacle(
        trainers(["trainer.precision=bf16"], seeds=[0])[0]
    )


def steps(trainer, updates, log, error=None):
    """A run of so many updates, which then raises or returns their number."""
    for _ in range(updates):
        try:
            yield trainer
        except ArithmeticError as failure:
            log.append(failure)
            raise
    if error is not None:
        raise error
    return updates


def test_runs_of_different_lengths_and_a_run_that_raises():
    """Each gets the updates that it yields, whatever the others do."""
    words = VARIANTS["bce, SGD without momentum"]
    single, together = trainers(words), trainers(words)
    together[1].step()  # is ahead of the others
    single[1].step()
    log = []
    lengths = (3, 4, 6)
    runs = [steps(t, n, log) for t, n in zip(together, lengths, strict=True)]
    outcomes = finish_together(runs, [next(run) for run in runs])
    assert outcomes == [3, 4, 6]
    for alone, member, length in zip(single, together, lengths, strict=True):
        for _ in range(length):
            alone.step()
        assert_same(alone, member)
    runs = [steps(t, 2, log, ValueError("mine") if t is together[0] else None) for t in together]
    with pytest.raises(ValueError, match="mine"):
        finish_together(runs, [next(run) for run in runs])
    assert together[2].discriminator_updates == 8  # the others ran to their end
    assert not log


def test_an_error_in_the_shared_update_is_raised_in_every_run(monkeypatch):
    def fail(_):
        raise ArithmeticError("no")

    together, log = trainers(VARIANTS["bce, Adam"]), []
    monkeypatch.setattr(BatchedTrainer, "step", fail)
    runs = [steps(trainer, 2, log) for trainer in together]
    with pytest.raises(ArithmeticError):
        finish_together(runs, [next(run) for run in runs])
    assert len(log) == 3


@pytest.mark.parametrize("seeds", [0, 1.5, True, None, "all"])
def test_an_invalid_number_of_seeds(seeds):
    with pytest.raises(
        ConfigurationError, match=r"hydra\.launcher\.seeds must be an integer of at least 1"
    ):
        BatchedLauncher(seeds)


def test_a_batch_computes_with_the_precision_of_its_runs(monkeypatch):
    """On a GPU a step chooses how float32 is multiplied, by the execution of its runs."""
    asked = []
    batch = BatchedTrainer(trainers(["loss=bce", *SGD]))
    monkeypatch.setattr("gan_zoo.training.trainer.float32_products", asked.append)
    batch.device = torch.device("cuda")
    batch._arithmetic()
    assert asked == ["ieee"]


def test_a_state_holds_its_own_run_alone():
    """Members' tensors are views of stacked ones, whose other runs are not saved."""
    words = VARIANTS["bce, Adam"]
    (single,), together = trainers(words, seeds=(0,)), trainers(words, seeds=range(40))
    single.step()
    BatchedTrainer(together).step()
    assert len(to_bytes(together[0].state_dict())) < 1.2 * len(to_bytes(single.state_dict()))


SWEEP = ["-m", *POINTS, "trainer.threads=1", "tuned=paper", *SMOOTH, "seed=0,1,2",
         "sweep_name=mine"]  # fmt: skip


def outcome(folder):
    """Return (loss, seed) -> record, and the rows of its history."""
    found = {}
    for path in folder.glob("multirun/mine/*/record.json"):
        record = read_record(path.parent)
        rows = (path.parent / "history.csv").read_text().splitlines()
        found[record.loss, record.seed] = (record, rows)
    return found


def assert_same_outcome(first, second):
    assert first.keys() == second.keys()
    for key, (record, rows) in first.items():
        other, other_rows = second[key]
        assert record.status == other.status == "finished"
        assert record.run_id == other.run_id
        assert record.metrics == pytest.approx(other.metrics, rel=1e-3, abs=1e-3, nan_ok=True)
        assert rows[0] == other_rows[0]
        for row, other_row in zip(rows[1:], other_rows[1:], strict=True):
            values, others = ([float(x or "nan") for x in r.split(",")] for r in (row, other_row))
            assert values == pytest.approx(others, rel=1e-3, abs=1e-4, nan_ok=True)


@pytest.mark.slow
def test_a_batched_sweep_leaves_what_single_runs_leave(tmp_path):
    """A record per seed, also for a method that cannot be batched."""
    words = [*SWEEP, "loss=bce,sngan"]
    for launcher in ("basic", "batched"):
        (tmp_path / launcher).mkdir()
        code, _, err = call(tmp_path / launcher, *words, f"hydra/launcher={launcher}", program=RUN)
        assert code == 0, err
    assert_same_outcome(outcome(tmp_path / "basic"), outcome(tmp_path / "batched"))
    assert "loss=sngan: one seed at a time: the discriminator's weights are normalized" in err
    for seed in range(3):
        for loss in ("bce", "sngan"):
            (log,) = (tmp_path / "batched").glob(f"multirun/mine/{loss}-s{seed}-*/run.log")
            said = [line.partition(" ")[2] for line in log.read_text().splitlines()]
            assert said[0].startswith(f"started: loss={loss} seed={seed} ")
            assert said[-1] == "finished"
            epochs = [line for line in said if " epoch " in line and "warning" not in line]
            assert [line.partition("/")[0] for line in epochs] == [
                f"{loss} seed {seed} epoch {epoch}" for epoch in (1, 2)
            ]
    code, _, err = call(tmp_path / "batched", *words, "hydra/launcher=batched", program=RUN)
    assert code == 0
    assert err.count("is done: skipped") == 6


@pytest.mark.slow
def test_an_interrupted_batch_resumes(tmp_path):
    """Each seed resumes at the update where it was, to the numbers of an undisturbed sweep."""
    words = [*SWEEP, "hydra/launcher=batched", "trainer.epochs=40", "evaluation.pictures=40"]
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    code, _, err = call(tmp_path / "whole", *words, program=RUN)
    assert code == 0, err
    first = start(tmp_path / "parts", *words, program=RUN)
    wait_for(lambda: any(tmp_path.glob("parts/multirun/mine/*s2*/checkpoints/state.pt")), first)
    first.send_signal(signal.SIGINT)
    code, _, err = finish(first)
    assert code == 130, err
    records = [record for record, _ in outcome(tmp_path / "parts").values()]
    assert {record.status for record in records} == {"interrupted"}
    assert len({record.progress["epoch"] for record in records}) == 1
    code, _, err = call(tmp_path / "parts", *words, program=RUN)
    assert code == 0, err
    assert_same_outcome(outcome(tmp_path / "whole"), outcome(tmp_path / "parts"))
    assert all(record.resumed for record, _ in outcome(tmp_path / "parts").values())


def test_the_time_of_a_batch_s_update_is_read_when_the_device_is_done(monkeypatch):
    events, seconds = [], []
    members = trainers(["loss=bce", *SGD], seeds=(0, 1))

    def run(trainer):
        seconds.append((yield trainer))

    runs = [run(trainer) for trainer in members]
    for each in runs:
        next(each)
    clock = iter([10.0, 14.0])
    monkeypatch.setattr(batched, "synchronize", lambda device: events.append("wait"))
    monkeypatch.setattr(batched.time, "perf_counter", lambda: events.append("clock") or next(clock))
    finish_together(runs, members)
    assert events == ["clock", "wait", "clock"]
    assert seconds == [2.0, 2.0]


def test_rates_in_tensors_as_on_a_gpu_change_nothing():
    words = ["loss=bce", *ADAM, "trainer.lr_decay=1"]
    plain, tensors = trainers(words), trainers(words)
    for trainer in tensors:
        trainer.captured = Captured(trainer, "never")
    for members in (plain, tensors):
        batch = BatchedTrainer(members)
        for _ in range(5):
            batch.step()
    for one, other in zip(plain, tensors, strict=True):
        for name, network in one._networks.items():
            for a, b in zip(network.parameters(), other._networks[name].parameters(), strict=True):
                assert torch.equal(a, b)
