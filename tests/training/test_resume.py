"""Training N epochs, being killed and resuming is, bit for bit, training without interruption.

The runs are those of users: the configuration that ``loss=<name>`` composes, with its network,
optimizer and memory format. Only sizes are smaller.
"""

import math
import os
import signal
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import replace
from functools import cache, partial

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from gan_zoo.config.build import build
from gan_zoo.config.compose import VERSION_BASE, config_folder
from gan_zoo.data import mnist
from gan_zoo.data.random_streams import stream_seed
from gan_zoo.evaluation.evaluator import Evaluator
from gan_zoo.evaluation.measurement import Measurement
from gan_zoo.losses.bce import Bce
from gan_zoo.models.acgan import Discriminator
from gan_zoo.regularizers.combined import Combined
from gan_zoo.regularizers.gradient_penalties import Dragan
from gan_zoo.regularizers.lecam import LeCam
from gan_zoo.runs.record import read_record
from gan_zoo.runs.weights import weight_path
from gan_zoo.training.build import build_trainer
from gan_zoo.training.checkpoint import from_bytes, load_state, save_state, to_bytes
from gan_zoo.training.optimizers import load_optimizer
from gan_zoo.training.process import OutOfMemory
from gan_zoo.training.signals import Interrupted
from gan_zoo.types import ConfigurationError, Split
from tests.running import run_components

CONF = config_folder()
# Sizes alone; 64 training images make epochs of four updates.
SMALL = ["trainer.epochs=3", "trainer.batch_size=16", "trainer.generator_batch_size=16",
         "trainer.ema_decay=0.999", "evaluation.samples=30", "evaluation.final_samples=100",
         "evaluation.loss_samples=30", "evaluation.reference_scores=false",
         "device=cpu"]  # fmt: skip
LOSSES = sorted(path.stem for path in (CONF / "loss").glob("*.yaml"))
OPTIMIZERS = sorted(path.stem for path in (CONF / "optimizer").glob("*.yaml"))
# Fused optimizers walk through raw memory; these are torch's on a CPU.
FUSED = ("Adam", "AdamW", "SGD", "Adagrad")
MORE = {
    "lr_decay": ["trainer.lr_decay=1"],
    "simultaneous": ["trainer.simultaneous=true"],
    "n_critic": ["trainer.n_critic=3"],
    "gradient_clip": ["trainer.gradient_clip=0.1"],
    "ema_decay=null": ["trainer.ema_decay=null"],
    "contiguous": ["trainer.memory_format=contiguous"],
    "bf16": ["trainer.precision=bf16"],
    "acgan": ["model=acgan", "model.generator.width=0.125", "model.discriminator.width=0.125"],
    "mlp": ["data=ring", "data.samples=300", "model=mlp", "latents=normal", "aux=none"],
    **{f"optimizer={name}": [f"optimizer={name}", "optimizer.discriminator.lr=1e-3"]
       for name in OPTIMIZERS},
    "unfused": ["optimizer=adam", "optimizer.discriminator.fused=false"],
    "SGD fused": ["optimizer=sgd", "optimizer.discriminator.lr=1e-3",
                  "+optimizer.discriminator.fused=true", "+optimizer.generator.fused=true"],
}  # fmt: skip
WALL_CLOCK = {"started", "ended", "resumed"}  # of a record; and progress.seconds, timing.csv


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Draw no pictures, and load MNIST once."""
    for name in ("sample_scatter", "sample_grid", "loss_curve", "landscape"):
        monkeypatch.setattr(f"gan_zoo.training.run_writer.{name}", lambda *_: b"")
    monkeypatch.setattr(mnist, "load_mnist", LOAD)


LOAD = cache(mnist.load_mnist)


def parts_of(*overrides: str):
    with initialize_config_dir(str(CONF), **VERSION_BASE):
        config = compose("config", overrides=[*SMALL, *overrides], return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    OmegaConf.set_struct(config, False)
    config.pop("hydra")
    parts = build(config)
    few = {
        name: Split(*(tensor[:count] for tensor in getattr(parts.dataset, name)))
        for name, count in (("train", 64), ("validation", 100), ("test", 200))
    }
    return replace(parts, dataset=parts.dataset._replace(**few))


def fresh(parts):
    """Copy the parts that have a state, as in a new process."""
    return replace(parts, loss=deepcopy(parts.loss), regularizer=deepcopy(parts.regularizer))


def go(parts, folder):
    return run_components(fresh(parts), folder)


def with_settings(parts, **changes):
    return replace(parts, trainer=replace(parts.trainer, **changes))


def interrupted(parts, folder, *, after: int, number: int = signal.SIGTERM):
    """Run until a signal arrives during the ``after``-th update of D."""
    true, calls = parts.loss, []

    class Signalling(type(true)):
        def discriminator(self, real, fake):
            calls.extend([None] * torch.is_grad_enabled())  # measuring is no update
            if torch.is_grad_enabled() and len(calls) == after:
                os.kill(os.getpid(), number)
            return true.discriminator(real, fake)

    loss = deepcopy(true)
    object.__setattr__(loss, "__class__", Signalling)
    with pytest.raises(Interrupted):
        go(replace(parts, loss=loss), folder)
    assert read_record(folder).status == "interrupted"


def lasting(folder):
    """Return everything of a run that configuration and seed determine."""
    content = vars(read_record(folder))
    record = {key: value for key, value in content.items() if key not in WALL_CLOCK}
    del record["tables"]["timing.csv"]
    record["progress"].pop("seconds")
    names = ["history.csv", *sorted(
        path.relative_to(folder).as_posix()
        for path in folder.glob("checkpoints/params_*.safetensors")
    )]  # fmt: skip
    state = load_state(folder)
    return record, {name: (folder / name).read_bytes() for name in names}, state["trainer"]


def assert_equal(one, other, where=""):
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype, where
        assert one.equal(other) or bool((one.isnan() & other.isnan()).all()), where
    elif isinstance(one, dict):
        assert list(one) == list(other), where
        for key, value in one.items():
            assert_equal(value, other[key], f"{where}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for number, value in enumerate(one):
            assert_equal(value, other[number], f"{where}/{number}")
    else:
        assert one == other or (one != one and other != other), where


def assert_same(folder, other):
    for one, two in zip(lasting(folder), lasting(other), strict=True):
        assert_equal(one, two)


UPDATES = 11  # of D, epochs of the data have four


def trained(parts, folder, cuts=()):
    """Return history and state after the updates; reload the state from a file at ``cuts``."""
    torch.manual_seed(0)  # dropout
    trainer, history = build_trainer(fresh(parts)), []
    for update in range(UPDATES):
        if update in cuts:
            save_state(folder, trainer.state_dict())
            torch.manual_seed(99)  # a process of its own would not know the streams either
            trainer = build_trainer(fresh(parts))
            trainer.load_state_dict(load_state(folder))
            assert_laid_out(trainer)
        trainer.step()
        if update % 4 == 2:
            history.append(trainer.collect())
    return history, trainer.state_dict()


def assert_laid_out(trainer):
    """Check the memory format: weights as in a new trainer, optimizer states as parameters."""
    networks = [trainer.generator, trainer.discriminator]
    for network in networks:
        assert_equal(layout(network), layout(deepcopy(network)))
    if trainer.ema is not None:
        assert_equal(layout(trainer.ema), layout(trainer.generator))
    for optimizer in (trainer.discriminator_optimizer, trainer.generator_optimizer):
        for parameter, entries in optimizer.state.items():
            for value in entries.values():
                if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                    assert value.stride() == parameter.stride()
                    assert (value.dtype, value.device) == (parameter.dtype, parameter.device)


def layout(network):
    return [(name, t.stride(), t.dtype, t.device) for name, t in network.state_dict().items()]


@pytest.mark.parametrize("case", [*LOSSES, *MORE])
def test_every_recipe_resumes_bit_for_bit(case, tmp_path):
    """Resume three times, within an epoch of the data and at its end, on the default network."""
    parts = parts_of(*MORE.get(case, [f"loss={case}"]), "evaluation.extractor=none")
    assert_equal(trained(parts, tmp_path), trained(parts, tmp_path, cuts=(1, 6, 8)))


def test_strides_matter_for_the_default_network():
    """Otherwise the tests here would not notice a state that loses them."""
    trainer = build_trainer(parts_of())
    trainer.step()
    for optimizer in (trainer.discriminator_optimizer, trainer.generator_optimizer):
        assert any(group["fused"] for group in optimizer.param_groups)
        moments = [entries["exp_avg"] for entries in optimizer.state.values()]
        assert not all(moment.is_contiguous() for moment in moments)


@pytest.mark.parametrize("name", FUSED)
def test_fused_optimizers_of_torch_pair_raw_memory(name):
    """``load_optimizer`` avoids the fault of torch's ``load_state_dict``.

    If the last line fails, torch compares strides, and ``load_optimizer`` is not needed.
    """
    options = {"momentum": 0.9} if name == "SGD" else {}
    make = partial(getattr(torch.optim, name), lr=0.1, fused=True, **options)
    rng = torch.Generator().manual_seed(0)
    drawn = [torch.randn(2, 3, 2, 2, generator=rng) for _ in range(3)]
    first, *gradients = (value.to(memory_format=torch.channels_last) for value in drawn)
    weight = torch.nn.Parameter(first.clone())
    optimizer = make([weight])
    weight.grad = gradients[0]
    optimizer.step()
    saved = deepcopy(optimizer.state_dict())  # its moments are channels-last ...
    for key, value in saved["state"][0].items():
        saved["state"][0][key] = value.contiguous()  # ... and the same numbers, as of a file

    def after_a_step(load):
        copy = torch.nn.Parameter(weight.detach().clone())
        other = make([copy])
        load(other, deepcopy(saved))
        copy.grad = gradients[1]
        other.step()
        return copy

    misled, right = after_a_step(type(optimizer).load_state_dict), after_a_step(load_optimizer)
    weight.grad = gradients[1]
    optimizer.step()
    assert torch.equal(right, weight)
    assert not torch.allclose(misled, weight)


def test_an_optimizer_s_state_keeps_its_own_dtype():
    """torch casts it to the parameter's: sums in float64 would lose half their digits."""

    class Sums(torch.optim.SGD):
        def step(self, closure=None):
            for parameter in self.param_groups[0]["params"]:
                state = self.state[parameter]
                state["sum"] = state.get("sum", 0) + parameter.grad.double() / 3
                state["count"] = state.get("count", torch.tensor(2**53)) + 1

    weight = torch.nn.Parameter(torch.ones(3))
    weight.grad = torch.ones(3)
    optimizer = Sums([weight])
    optimizer.step()
    other = Sums([weight])
    load_optimizer(other, from_bytes(to_bytes(optimizer.state_dict())))
    assert_equal(other.state_dict(), optimizer.state_dict())


@pytest.mark.parametrize("loss", ["bce", "lecam", "wgan"])
def test_a_run_resumes_bit_for_bit(loss, tmp_path):
    """Two epochs, then a third, interrupted twice: every file is as without interruption."""
    parts = with_settings(parts_of(f"loss={loss}"), lr_decay=0.0)
    go(parts, tmp_path / "whole")
    go(with_settings(parts, epochs=2), tmp_path / "broken")
    for after, number, position in ((2, signal.SIGTERM, (3, 2)), (1, signal.SIGINT, (3, 3))):
        interrupted(parts, tmp_path / "broken", after=after, number=number)
        state = load_state(tmp_path / "broken")
        assert (state["position"]["epoch"], state["position"]["step"]) == position
    go(parts, tmp_path / "broken")
    assert_same(tmp_path / "whole", tmp_path / "broken")


@pytest.mark.parametrize("loss", ["bce", "r3gan"])
def test_a_rollback_restores_the_saved_state(loss, tmp_path):
    """As in a trainer that was never saved, and not with the moments of other weights."""
    parts = with_settings(parts_of(f"loss={loss}"), on_divergence="rollback", epochs=2)
    record = go(replace(parts, loss=breaking(parts.loss, at=6)), tmp_path)
    assert [rollback["to_epoch"] for rollback in record.rollbacks] == [1]
    torch.manual_seed(stream_seed(parts.seed, "dropout"))
    trainer = build_trainer(fresh(parts))
    for update in range(8):
        if update == 4:
            trainer.reseed(1)
        trainer.step()
    trainer.collect()
    assert_equal(load_state(tmp_path)["trainer"], trainer.state_dict())


def breaking(true, *, at):
    """Return the same loss, infinite at the ``at``-th update of D."""
    calls = []

    class Breaking(type(true)):
        def discriminator(self, real, fake):
            calls.extend([None] * torch.is_grad_enabled())
            value = true.discriminator(real, fake)
            return value * math.inf if torch.is_grad_enabled() and len(calls) == at else value

    loss = deepcopy(true)
    object.__setattr__(loss, "__class__", Breaking)
    return loss


@pytest.fixture
def everything(tiny_parts):
    """AC-GAN with everything that has a state: dropout, spectral norm, EMA, LeCam, penalty."""
    return replace(
        tiny_parts,
        discriminator=partial(Discriminator, width=0.1, norm="spectral"),
        regularizer=Combined([LeCam(start=2), Dragan()]),
        trainer=replace(tiny_parts.trainer, epochs=3, n_critic=2, ema_decay=0.9, simultaneous=True),
    )


@pytest.mark.parametrize("after", [1, 13, 36])
def test_a_run_with_everything_resumes_bit_for_bit(everything, tmp_path, after):
    go(everything, tmp_path / "whole")
    interrupted(everything, tmp_path / "broken", after=after, number=signal.SIGINT)
    torch.manual_seed(99)  # a process of its own would not know the streams either
    go(everything, tmp_path / "broken")
    assert_same(tmp_path / "whole", tmp_path / "broken")


def continued(parts, state):
    trainer = build_trainer(parts)
    trainer.load_state_dict(from_bytes(to_bytes(state)))
    for _ in range(4):
        trainer.step()
    trainer.collect()
    return trainer.state_dict()


@pytest.mark.parametrize(
    "path",
    [("networks", "generator"), ("networks", "discriminator"), ("networks", "ema"),
     ("optimizers", 0), ("optimizers", 1), ("streams", "latents of D's steps"),
     ("streams", "latents of G's steps"), ("streams", "penalty"), ("batches", 0),
     ("global", "cpu"), ("objective", "regularizer"), ("updates",)],
)  # fmt: skip
def test_each_part_of_a_state_matters(everything, path):
    """So the tests above would notice if one were missing."""
    torch.manual_seed(0)
    fresh, trainer = build_trainer(everything).state_dict(), build_trainer(everything)
    for _ in range(9):
        trainer.step()
    trainer.collect()
    state = deepcopy(trainer.state_dict())
    right = continued(everything, state)
    inside, other = state, fresh
    for key in path[:-1]:
        inside, other = inside[key], other[key]
    inside[path[-1]] = other[path[-1]]
    wrong = continued(everything, state)
    with pytest.raises(AssertionError):
        assert_equal(right, wrong)


def test_a_user_s_regularizer_without_state_needs_no_methods(tiny_parts):
    class Mine:
        needs_image_gradients = penalises_gradients = differentiates_twice = False

    trainer = build_trainer(replace(tiny_parts, regularizer=Mine()))
    assert "regularizer" not in trainer.state_dict()["objective"]


def test_a_resume_is_recorded_and_adds_to_the_training_time(tiny_parts, tmp_path):
    interrupted(tiny_parts, tmp_path, after=13)
    first = read_record(tmp_path)
    record = go(tiny_parts, tmp_path)
    assert record.started == first.started
    (resumed,) = record.resumed
    assert (resumed["epoch"], resumed["step"], resumed["changed"]) == (2, 1, {})
    seconds = [float(line.split(",")[1]) for line in
               (tmp_path / "timing.csv").read_text().splitlines()[1:]]  # fmt: skip
    assert record.progress["seconds"] == seconds[1] > seconds[0] > 0


def test_the_best_epoch_may_lie_before_the_interruption(tmp_path):
    """The weights of the best epoch, by the ring's reverse KL, are measured."""
    parts = with_settings(parts_of(*MORE["mlp"]), epochs=4)
    go(parts, tmp_path / "whole")
    for after in (6, 10, 14):
        interrupted(parts, tmp_path / f"{after}", after=after)
        go(parts, tmp_path / f"{after}")
        assert_same(tmp_path / "whole", tmp_path / f"{after}")
        assert any(name.startswith("best_") for name in read_record(tmp_path / "whole").metrics)


def test_another_kind_of_device_is_refused(tiny_parts, tmp_path):
    interrupted(tiny_parts, tmp_path, after=13)
    state = load_state(tmp_path)
    state["trainer"]["device"] = "cuda"
    save_state(tmp_path, state, midway=True)
    with pytest.raises(ConfigurationError, match="resume with device=cuda, or start over"):
        go(tiny_parts, tmp_path)


def test_a_signal_between_epochs_loses_nothing(tiny_parts, tmp_path, monkeypatch):
    go(tiny_parts, tmp_path / "whole")
    true = Bce.generator

    def measuring(self, fake, real=None):
        if not torch.is_grad_enabled():  # the held-out loss, after the epoch's updates
            monkeypatch.setattr(Bce, "generator", true)
            os.kill(os.getpid(), signal.SIGINT)
        return true(self, fake, real)

    monkeypatch.setattr(Bce, "generator", measuring)
    with pytest.raises(Interrupted):
        go(tiny_parts, tmp_path / "broken")
    state = load_state(tmp_path / "broken")
    assert state["position"] == {"epoch": 2, "step": 0, "seconds": 0.0, "pieces": []}
    go(tiny_parts, tmp_path / "broken")
    assert_same(tmp_path / "whole", tmp_path / "broken")


def test_damaged_best_weights_are_rewritten_from_the_state(tmp_path):
    parts = parts_of()
    go(parts, tmp_path / "whole")
    interrupted(parts, tmp_path / "broken", after=9)
    (best,) = (tmp_path / "broken/checkpoints").glob("params_*_best.safetensors")
    assert best == weight_path(tmp_path / "broken", "generator_ema", "best")
    best.write_bytes(best.read_bytes()[:-1])
    record = go(parts, tmp_path / "broken")
    assert len(record.resumed) == 1
    assert_same(tmp_path / "whole", tmp_path / "broken")


def test_a_resumed_run_keeps_its_precision(tmp_path):
    """Whatever a probe would find now."""
    parts = parts_of("trainer.precision=bf16")
    interrupted(parts, tmp_path, after=10)
    go(with_settings(parts, precision="auto"), tmp_path)
    assert read_record(tmp_path).environment["precision"] == "bf16"
    go(parts, tmp_path / "whole")
    assert_equal(lasting(tmp_path)[2], lasting(tmp_path / "whole")[2])


@pytest.mark.parametrize("policy", ["rollback", "stop"])
def test_the_best_weights_are_not_of_an_epoch_that_was_undone(policy, tmp_path, monkeypatch):
    """Epoch 3 is the best so far, epoch 4 diverges, and the state is of epoch 2."""
    quality = iter([5.0, 4.0, 1.0, 9.0, 9.0])

    def validation(evaluator, _):
        return Measurement({evaluator.criterion: next(quality)})

    monkeypatch.setattr(Evaluator, "validation", validation)
    parts = with_settings(
        parts_of(), epochs=4, checkpoint_every=2, on_divergence=policy, ema_decay=None
    )
    record = go(replace(parts, loss=breaking(parts.loss, at=14)), tmp_path)
    assert record.status == {"rollback": "finished", "stop": "diverged"}[policy]
    assert (record.best["generator"]["epoch"], record.best["generator"]["value"]) == (2, 4.0)
    best, second = (weight_path(tmp_path, "generator", epoch).read_bytes() for epoch in ("best", 2))
    assert best == second
    if policy == "rollback":
        name = next(key for key in record.metrics if key.startswith("fid_"))
        assert record.metrics[f"best_{name}"] != record.metrics[name]


def test_another_number_of_threads_is_recorded_with_a_warning(tiny_parts, tmp_path, capsys):
    """Sums over threads round differently."""
    interrupted(tiny_parts, tmp_path, after=13)
    state = load_state(tmp_path)
    assert state["writer"]["record"]["environment"]["threads"] == 1
    state["writer"]["record"]["environment"]["threads"] = 2
    save_state(tmp_path, state, midway=True)
    record = go(tiny_parts, tmp_path)
    assert record.resumed[0]["changed"] == {"threads": [2, 1]}
    told = capsys.readouterr().err
    assert "another environment" in told
    assert "threads was 2, is 1" in told


@pytest.mark.parametrize("error", [None, MemoryError()])
def test_a_run_restores_the_caller_s_threads(error, tiny_parts, tmp_path, monkeypatch):
    """Two runs in a row, the second with the process's own number."""
    found = []

    def train(*_, **__):
        found.append(torch.get_num_threads())
        if error is not None:
            raise error
        return iter(())

    monkeypatch.setattr("gan_zoo.training.loop.TrainingLoop.run", train)
    torch.set_num_threads(3)
    for threads in (2, None):
        with pytest.raises(OutOfMemory) if error is not None else nullcontext():
            go(with_settings(tiny_parts, threads=threads), tmp_path / f"{threads}")
        found.append(torch.get_num_threads())
        found.append(read_record(tmp_path / f"{threads}").environment["threads"])
    assert found == [2, 3, 2, 3, 3, 3]
