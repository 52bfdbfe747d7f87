"""Updates as graphs: recorded on the CPU, replayed on the same memory, equal to eager ones."""

import warnings
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from types import SimpleNamespace

import pytest
import torch

from gan_zoo.config.build import build
from gan_zoo.config.compose import compose_config, config_folder
from gan_zoo.data import mnist
from gan_zoo.losses.bce import Bce
from gan_zoo.regularizers.base import Penalty
from gan_zoo.runs.cache import read_entry
from gan_zoo.training import captured
from gan_zoo.training.build import build_trainer
from gan_zoo.training.captured import (
    PROBED,
    WARM_UP,
    CannotCapture,
    Captured,
    CudaGraph,
    capture,
    obstacle,
)
from gan_zoo.types import ConfigurationError, Dataset, Split
from tests.training.recording import Recording

SMALL = [
    "device=cpu", "evaluation.extractor=none", "trainer.batch_size=4", "trainer.epochs=1",
    "trainer.generator_batch_size=4", "trainer.lr_decay=1", "trainer.max_steps=20",
    "trainer.n_critic=1", "model.generator.width=0.05", "model.discriminator.width=0.05",
]  # fmt: skip
LOSSES = sorted(path.stem for path in (config_folder() / "loss").glob("*.yaml"))
OTHERS = {
    "LeCam from its start": ["loss=lecam", "regularizer.start=0"],
    "LeCam that starts in a replay": ["loss=lecam", "regularizer.start=5"],
    "R1 and LeCam": ["loss=bce", "regularizer=r1_lecam", "regularizer.parts.1.start=5"],
    "two updates of D": ["trainer.n_critic=2"],
    "simultaneous": ["trainer.simultaneous=true"],
    "clipped": ["trainer.gradient_clip=0.1"],
    "no average": ["trainer.ema_decay=null"],
    "balanced": ["labels=balanced"],
    "sgd": ["optimizer=sgd"],
    "acgan with dropout": ["model=acgan"],
    "bf16": ["trainer.precision=bf16"],
}  # fmt: skip


@cache
def digits():
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (90, 1, 28, 28), generator=rng, dtype=torch.uint8)
    splits = [Split(images[i : i + 30], torch.arange(30) % 10) for i in (0, 30, 60)]
    return Dataset("mnist", 10, *splits)


@pytest.fixture(autouse=True)
def _on_the_cpu(monkeypatch):
    """Tiny images; and optimizers with counts in tensors, which torch allows GPUs alone."""
    monkeypatch.setattr(mnist, "load_mnist", lambda *_, **__: digits())
    for module in map(import_module, ("torch.optim.rmsprop", "torch.optim.adam")):
        monkeypatch.setattr(module, "_get_capturable_supported_devices", lambda **_: ["cpu"])
    monkeypatch.setattr(Recording, "made", [])


def parts(*words):
    return build(compose_config([*SMALL, *words]))


def made(components, choice=None):
    trainer = build_trainer(deepcopy(components))
    torch.manual_seed(5)  # of dropout
    if choice is not None:
        assert obstacle(trainer) is None
        trainer.captured = Captured(trainer, choice, Recording)
    return trainer


def stepped(trainer, steps):
    for _ in range(steps):
        trainer.step()
    return trainer


def flat(node):
    """Return whatever a trainer's next updates depend on, and its logs, as bytes."""
    if isinstance(node, dict):
        return {key: flat(value) for key, value in node.items() if key not in _FORM}
    if isinstance(node, list | tuple):
        return [flat(value) for value in node]
    return node.numpy().tobytes() if isinstance(node, torch.Tensor) else node


_FORM = {"lr", "capturable", "foreach", "fused"}  # of the optimizers


@pytest.mark.parametrize(
    "words", [*([f"loss={loss}"] for loss in LOSSES), *OTHERS.values()], ids=[*LOSSES, *OTHERS]
)
def test_replayed_updates_equal_eager_ones(words):
    steps = 4 * (WARM_UP + 3) if "trainer.n_critic=2" in words else WARM_UP + 4
    components = parts(*words)
    eager, graph = (stepped(made(components, choice), steps) for choice in ("never", "always"))
    assert {kind: recorded.graph.replays for kind, recorded in graph.captured.graphs.items()} == (
        {True: 9, False: 9} if "trainer.n_critic=2" in words else {True: 4}
    )
    assert flat(graph.state_dict()) == flat(eager.state_dict())


def test_rates_and_counts_in_tensors_change_no_number():
    """With Adam, whose fused form reads them either way; so the CPU's runs vouch for a GPU's."""
    components = parts()
    plain, tensors = (stepped(made(components, choice), 4) for choice in (None, "never"))
    assert flat(plain.state_dict()) == flat(tensors.state_dict())


def test_a_state_is_the_same_before_and_after_a_restart_of_the_graphs():
    components = parts("loss=lecam", "regularizer.start=3")
    whole, first, second = (made(components, choice) for choice in ("never", "always", "always"))
    stepped(whole, 12)
    state = deepcopy(stepped(first, 6).state_dict())
    stepped(second, 6)  # has graphs of memory that loading replaces
    second.load_state_dict(state)
    assert not second.captured.graphs
    stepped(second, 6)
    assert second.captured.graphs
    assert flat(second.state_dict()) == flat(whole.state_dict())


@pytest.mark.parametrize("faster", [True, False])
def test_a_graph_is_taken_if_it_is_faster_and_the_result_is_kept(monkeypatch, tmp_path, faster):
    monkeypatch.setenv("GAN_ZOO_CACHE", str(tmp_path))
    ticks = iter(range(10**6))
    clock = {"now": 0.0}

    def now():
        """An update takes as long as operations are dispatched: 2 eager, 1 or 3 as a graph."""
        replayed = sum(recording.replays for recording in Recording.made)
        cost = (1.0 if faster else 3.0) if replayed else 2.0
        clock["now"] += cost if next(ticks) % 2 else 0.0
        return clock["now"]

    monkeypatch.setattr(captured.time, "perf_counter", now)
    components = parts()
    trainer = stepped(made(components, "auto"), WARM_UP + 2 * PROBED + 1)
    assert trainer.captured.wanted is faster
    assert bool(trainer.captured.graphs) is faster
    kept = read_entry(trainer.captured.path)
    assert kept == {"faster": faster, "eager": 2.0, "graph": 1.0 if faster else 3.0}
    assert made(components, "auto").captured.wanted is faster  # without another probe
    wide = replace(components, trainer=replace(components.trainer, batch_size=6))
    assert made(wide, "auto").captured.wanted is None
    eager = stepped(made(components, "never"), WARM_UP + 2 * PROBED + 1)
    assert flat(trainer.state_dict()) == flat(eager.state_dict())


@dataclass(frozen=True)
class Curious(Bce):
    """A loss that looks at its value."""

    capturable = True

    def discriminator(self, real, fake):
        loss = super().discriminator(real, fake)
        assert loss.item() < 1e9
        return loss


def test_a_loss_that_reads_on_the_host_is_updated_as_it_is(capsys):
    components = replace(parts(), loss=Curious())
    eager, graph = (stepped(made(components, choice), 6) for choice in ("never", "always"))
    assert graph.captured.wanted is False
    assert not graph.captured.graphs
    assert flat(graph.state_dict()) == flat(eager.state_dict())
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("not captured as a CUDA graph: the host reads: _local_scalar_dense")


class Counting(Penalty):
    """A user's regularizer, which may count in Python."""


class Stateless(Penalty):
    """One that says that it does not."""

    capturable = True


def test_what_a_graph_would_freeze_is_named():
    assert obstacle(made(parts())) is None
    expected = {
        "loss=r3gan schedules=r3gan": "regularizer.gamma, optimizer.discriminator.lr,",
        "optimizer=optimistic_adam": "the discriminator's optimizer, OptimisticAdam, keeps",
    }
    for words, reason in expected.items():
        assert obstacle(made(parts(*words.split()))).startswith(reason)
    users = [replace(parts(), regularizer=kind()) for kind in (Counting, Stateless)]
    assert "test_captured.Counting may have a state in Python" in obstacle(made(users[0]))
    assert obstacle(made(users[1])) is None


def test_only_a_gpu_has_graphs():
    trainer = made(parts())
    assert trainer.captured is None  # with capture=auto
    with pytest.raises(ConfigurationError, match="capture=always needs a CUDA GPU, but device is"):
        capture(trainer, "always")


@pytest.fixture
def cuda(monkeypatch):
    """``torch.cuda`` as far as ``CudaGraph`` calls it; what is called is written down."""
    calls, current = [], {"stream": "usual"}
    side = SimpleNamespace(wait_stream=lambda other: calls.append(f"side waits for {other}"))
    usual = SimpleNamespace(wait_stream=lambda other: calls.append("usual waits for side"))

    class Recorder:
        def register_generator_state(self, stream):
            calls.append(f"register {stream}")

        def replay(self):
            calls.append("replay")

    @contextmanager
    def graph(recorder):
        current["stream"] = "capturing"  # stays so if recording fails, as torch leaves it
        yield
        current["stream"] = "usual"

    fakes = {
        "CUDAGraph": Recorder, "graph": graph, "Stream": lambda: side,
        "current_stream": lambda: usual, "stream": lambda stream: nullcontext(),
        "set_stream": lambda stream: current.update(stream="usual"),
        "get_sync_debug_mode": lambda: 0,
        "set_sync_debug_mode": lambda mode: calls.append(f"mode {mode}"),
    }  # fmt: skip
    for name, fake in fakes.items():
        monkeypatch.setattr(torch.cuda, name, fake)
    return SimpleNamespace(calls=calls, current=current)


def test_a_cuda_graph_registers_the_streams_and_restores_the_current_one(cuda):
    graph = CudaGraph(["latents of D", "penalty"])
    graph.record(lambda: cuda.calls.append("work"))
    graph.replay()
    assert cuda.calls == ["register latents of D", "register penalty", "work", "replay"]

    def fails():
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    with pytest.raises(CannotCapture, match=r"^operation not permitted when stream is capturing$"):
        graph.record(fails)
    assert cuda.current["stream"] == "usual"


def test_warming_up_finds_what_waits_and_passes_other_warnings_on(cuda):
    graph = CudaGraph([])

    def work():
        cuda.calls.append("work")
        warnings.warn("Synchronization debug mode is a prototype feature", stacklevel=1)
        warnings.warn("something else", stacklevel=1)

    with pytest.warns(UserWarning, match="something else") as caught:
        graph.warm_up(work)
    assert len(caught) == 1
    assert cuda.calls[1:] == ["mode warn", "work", "mode 0", "usual waits for side"]

    def waits():
        warnings.warn("called a synchronizing CUDA operation", stacklevel=1)

    with pytest.raises(CannotCapture, match=r"the host waits in .*test_captured\.py:\d+"):
        graph.warm_up(waits)
