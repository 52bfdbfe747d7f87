"""Updates as CUDA graphs: their kernels are recorded once, and launched together from then on.

A small update is bound by launching kernels, not by computing. A graph launches all of an update's
with one call. It repeats them on the same memory, with the same numbers but for those in tensors,
so that it computes what the update itself computes, bit for bit.
"""

import hashlib
import json
import sys
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch

from gan_zoo.config.schedules import INSTANCE_NOISE
from gan_zoo.data.devices import synchronize
from gan_zoo.runs.cache import cache_path, entry, keep, read_entry
from gan_zoo.training.optimizers import in_tensors, is_capturable
from gan_zoo.training.trainer import Trainer
from gan_zoo.types import ConfigurationError

WARM_UP = 3  # updates of each kind before it is recorded: libraries and optimizers allocate
PROBED = 5  # updates whose time is taken, as they are and as a graph
SYNCHRONISES = "synchronizing CUDA operation"  # in torch's warning of a read by the host
PROTOTYPE = "Synchronization debug mode"  # in its warning that it may overlook one


class CannotCapture(RuntimeError):
    """Raised for an update that a graph cannot hold."""


class Graph(Protocol):
    """Records work on a device, and repeats it on the same memory."""

    def warm_up(self, work: Callable[[], None]) -> None:
        """Do the work as it has to be done before it is recorded.

        Raises:
            CannotCapture: the host has read from the device; the work is done all the same.
        """

    def record(self, work: Callable[[], None]) -> None:
        """Record the work without an effect on the device.

        Raises:
            CannotCapture: it cannot be recorded.
        """

    def replay(self) -> None:
        """Repeat the work."""


class CudaGraph:
    """A ``Graph`` on the current GPU.

    Args:
        streams: random streams that the work draws from, beside torch's own.
    """

    def __init__(self, streams: Sequence[torch.Generator]):
        self.streams = streams
        self.graph: Any = torch.cuda.CUDAGraph()

    def warm_up(self, work: Callable[[], None]) -> None:
        """Do the work on a stream of its own, and find out whether it waits for the device."""
        side, mode = torch.cuda.Stream(), torch.cuda.get_sync_debug_mode()
        side.wait_stream(torch.cuda.current_stream())
        with warnings.catch_warnings(record=True) as caught, torch.cuda.stream(side):
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                work()
            finally:
                torch.cuda.set_sync_debug_mode(mode)
        torch.cuda.current_stream().wait_stream(side)
        for warning in caught:
            if SYNCHRONISES in str(warning.message):
                raise CannotCapture(f"the host waits in {warning.filename}:{warning.lineno}")
            if PROTOTYPE not in str(warning.message):
                warnings.warn_explicit(
                    warning.message, warning.category, warning.filename, warning.lineno
                )

    def record(self, work: Callable[[], None]) -> None:
        """Record the work; its numbers are not computed."""
        stream = torch.cuda.current_stream()
        for generator in self.streams:
            self.graph.register_generator_state(generator)
        try:
            with torch.cuda.graph(self.graph):
                work()
        except RuntimeError as error:
            torch.cuda.set_stream(stream)
            raise CannotCapture(str(error).splitlines()[0]) from error

    def replay(self) -> None:
        """Launch all kernels."""
        self.graph.replay()


class Captured:
    """Makes a trainer's updates, as graphs if that is possible and wanted.

    The numbers are the same whether it does or not: learning rates are in tensors either way.

    Args:
        trainer: its optimizers are changed in place.
        choice: ``always`` | ``never`` | ``auto``: if it is faster, measured in the first updates,
            once for such an update on such a device.
        graph: makes an empty graph from the trainer's random streams.
    """

    def __init__(
        self,
        trainer: Trainer,
        choice: str,
        graph: Callable[[Sequence[torch.Generator]], Graph] = CudaGraph,
    ):
        self.trainer, self.make = trainer, graph
        self.wanted: bool | None = {"always": True, "never": False}.get(choice)
        self.path = cache_path("capture", f"{_situation(trainer)}.json")
        known = read_entry(self.path) if choice == "auto" else None
        if known is not None:
            self.wanted = bool(known["faster"])
        self.restart()

    def restart(self) -> None:
        """Forget the graphs, whose memory is no longer that of the trainer."""
        trainer = self.trainer
        self.graphs: dict[bool, _Recorded] = {}
        self.seen: Counter[bool] = Counter()
        self.times: defaultdict[str, list[float]] = defaultdict(list)
        for optimizer in (trainer.discriminator_optimizer, trainer.generator_optimizer):
            in_tensors(optimizer, trainer.device)

    def __call__(self, generator_turn: bool) -> None:
        """Make an update of D and, if ``generator_turn``, one of G."""
        if self.wanted is False:
            self.trainer.update(generator_turn)
            return
        self.seen[generator_turn] += 1
        number = self.seen[generator_turn]
        if number < WARM_UP:
            self.trainer.update(generator_turn)
        elif number == WARM_UP:
            self._warm_up(generator_turn)
        elif self.wanted:
            self._replay(generator_turn)
        elif generator_turn:
            self._probe()
        else:
            self.trainer.update(generator_turn)

    def _warm_up(self, generator_turn: bool) -> None:
        """Make the last update before recording, which must not wait for the device."""
        try:
            graph = self.make(list(self.trainer.streams.values()))
            graph.warm_up(lambda: self.trainer.update(generator_turn))
        except CannotCapture as error:
            self._give_up(str(error))

    def _replay(self, generator_turn: bool) -> None:
        if generator_turn not in self.graphs:
            try:
                self.graphs[generator_turn] = _Recorded(
                    self.trainer, self.make(list(self.trainer.streams.values())), generator_turn
                )
            except CannotCapture as error:
                self._give_up(str(error))
                self.trainer.update(generator_turn)
                return
        self.graphs[generator_turn].replay()

    def _probe(self) -> None:
        """Make an update of both networks and take its time; decide after enough of them."""
        name = "eager" if len(self.times["eager"]) < PROBED else "graph"
        work = self.trainer.update if name == "eager" else self._replay
        if name == "graph" and True not in self.graphs:
            self._replay(True)  # the time of recording does not count
            return
        synchronize(self.trainer.device)
        began = time.perf_counter()
        work(True)
        synchronize(self.trainer.device)
        self.times[name].append(time.perf_counter() - began)
        if len(self.times["graph"]) < PROBED:
            return
        best = {name: min(seconds) for name, seconds in self.times.items()}
        self.wanted = best["graph"] < best["eager"]
        if not self.wanted:
            self.graphs.clear()
        keep(
            self.path, entry({"faster": self.wanted, **best}),
            "every run will measure again whether a graph is faster",
        )  # fmt: skip

    def _give_up(self, reason: str) -> None:
        self.wanted = False
        self.graphs.clear()
        _warn(reason)


class _Recorded:
    """A recorded update; replaying it logs what the update logs."""

    def __init__(self, trainer: Trainer, graph: Graph, generator_turn: bool):
        self.trainer, self.graph = trainer, graph
        logs = trainer.logs
        trainer.logs = {name: [] for name in logs}

        def work() -> None:
            trainer.update(generator_turn)
            values = [value.float() for log in trainer.logs.values() for value in log]
            self.row = torch.stack(values)

        try:
            graph.record(work)
            self.names = [name for name, log in trainer.logs.items() for _ in log]
        finally:
            trainer.logs = logs

    def replay(self) -> None:
        self.graph.replay()
        # a copy, since the next replay overwrites the row; one kernel for all quantities
        for name, value in zip(self.names, self.row.clone().unbind(), strict=True):
            self.trainer.logs[name].append(value)


def capture(trainer: Trainer, choice: str) -> None:
    """Let a trainer on a GPU make its updates as graphs; on another device there are none.

    Args:
        trainer: new.
        choice: ``auto`` | ``always`` | ``never``.

    Raises:
        ConfigurationError: ``always`` on a device without graphs.
    """
    if trainer.device.type != "cuda":
        if choice == "always":
            raise ConfigurationError(
                f"capture=always needs a CUDA GPU, but device is {trainer.device}: choose auto or"
                " never"
            )
        return
    reason = obstacle(trainer)
    if reason is None:
        trainer.captured = Captured(trainer, choice)
    elif choice != "never":
        _warn(reason)


def obstacle(trainer: Trainer) -> str | None:
    """Return why a graph would not compute what a trainer's updates compute; None if it does."""
    numbers = [s.path for s in trainer.schedules if s.path != INSTANCE_NOISE]  # not in tensors
    if numbers:
        return f"{', '.join(map('.'.join, numbers))} changes from step to step"
    for name in ("discriminator", "generator"):
        optimizer = getattr(trainer, f"{name}_optimizer")
        if not is_capturable(optimizer):
            return f"the {name}'s optimizer, {type(optimizer).__name__}, keeps its count in Python"
    for part in _parts(trainer):
        kind = type(part)
        ours = kind.__module__.partition(".")[0] in ("gan_zoo", "torch")
        if not (ours or getattr(part, "capturable", False)):
            return (
                f"{kind.__module__}.{kind.__name__} may have a state in Python, which a graph would"
                " not follow; if it has none, give it the attribute capturable = True"
            )
    return None


def _parts(trainer: Trainer) -> Iterator[object]:
    """Yield whatever an update calls: loss, regularizers, samplers and layers."""
    regularizer = trainer.objective.regularizer
    yield from (trainer.objective.loss, trainer.latents, trainer.labels)
    yield from getattr(regularizer, "parts", (regularizer,))
    yield from trainer.generator.modules()
    yield from trainer.discriminator.modules()


def _warn(reason: str) -> None:
    print(f"gan_zoo: updates are not captured as a CUDA graph: {reason}", file=sys.stderr)


def _situation(trainer: Trainer) -> str:
    """Return a hash of what an update's time depends on."""
    cuda = trainer.device.type == "cuda"
    device = torch.cuda.get_device_name(trainer.device) if cuda else trainer.device.type
    settings, objective = trainer.settings, trainer.objective
    content = [
        device, torch.__version__, repr(trainer.generator), repr(trainer.discriminator),
        settings.batch_size, settings.generator_batch_size, settings.simultaneous,
        trainer.execution.record(), type(objective.loss).__name__,
        type(objective.regularizer).__name__,
        type(trainer.discriminator_optimizer).__name__, type(trainer.generator_optimizer).__name__,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
