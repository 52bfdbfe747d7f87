"""A run from its configuration to its folder: ``run`` is the whole of it, from top to bottom.

Importing this module needs no torch, so that a command for a finished run returns at once.
"""

import hashlib
import json
import math
import os
import platform
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from gan_zoo import __version__
from gan_zoo.config.build import RunComponents, build
from gan_zoo.config.compose import check_choices, plain, words_of_a_sweep
from gan_zoo.config.explain import MISTAKES, explain
from gan_zoo.config.schema import schedule
from gan_zoo.config.validate import recordable
from gan_zoo.runs.lock import RunLock
from gan_zoo.runs.plan import recorded
from gan_zoo.runs.record import RunRecord, RunSpec, parse_record, write_record, write_text
from gan_zoo.runs.resume import CHOICES, COSMETIC, check_same, should_resume
from gan_zoo.training.process import OutOfMemory, describe, shortage_explained
from gan_zoo.training.run_log import RunLog
from gan_zoo.training.signals import Stop, stopping
from gan_zoo.training.steps import Steps, stepwise
from gan_zoo.types import ConfigurationError, DivergenceError

if TYPE_CHECKING:
    from gan_zoo.training.run_writer import RunWriter
    from gan_zoo.training.tracking import Tracking
    from gan_zoo.training.trainer import Trainer

_NOT_RECORDED = ("resume", "sweep_name", "tracker", "profile")
_NUMBERS_DEPEND_ON = (  # in the environment
    "commit", "torch", "cpu", "threads", "device_name", "cuda", "cudnn", "driver", "deterministic",
)  # fmt: skip


@stepwise
def run(
    spec: RunSpec,
    make: Callable[[], RunComponents],
    folder: Path,
    *,
    resume: str = "auto",
    retry: bool = True,
    bar: bool = False,
) -> Steps[RunRecord]:
    """Train and measure one variant; the folder holds the outcome, whatever it is.

    Args:
        spec: what determines the run's numbers.
        make: builds what the configuration describes; called unless there is nothing to do.
        folder: of the run.
        resume: auto | never | retry.
        retry: whether a run that failed is tried again.
        bar: whether to show a progress bar.

    Raises:
        AlreadyFinished: the folder holds a finished run.
        RunLockedError: another process is training this run.
        Exception: an error of the run, after it was recorded. A ``DivergenceError`` is recorded as
            the outcome and only raised if ``trainer.on_divergence`` is ``raise``.
    """
    with RunLock(folder), RunLog(folder) as log:
        resuming = should_resume(folder, spec, resume, retry=retry)
        components = _build(spec, make, log, record_failure=not resuming)

        # torch from here on
        from gan_zoo.data.dataset import dataset_fingerprint
        from gan_zoo.data.devices import in_use, seed_global_streams
        from gan_zoo.data.random_streams import stream_seed
        from gan_zoo.training.build import build_for_run
        from gan_zoo.training.checkpoint import discard_states
        from gan_zoo.training.loop import TrainingLoop
        from gan_zoo.training.profiler import profiled
        from gan_zoo.training.progress import Reporter
        from gan_zoo.training.run_writer import RunWriter
        from gan_zoo.training.tracking import Tracking

        dataset = dataset_fingerprint(components.dataset)
        state = _load_state(folder, spec, dataset, log) if resuming else None
        if state is None:
            discard_states(folder)
        write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(spec.config)))
        planned = schedule(components.trainer, len(components.dataset.train.labels))
        reporter = Reporter(f"{spec.loss} seed {spec.seed}", planned, log, bar=bar)
        writer = RunWriter(folder, spec)
        tracking = Tracking(components.tracker, writer, warn=reporter.warn)
        raises = components.trainer.on_divergence == "raise"
        with (
            cpu_threads(components.trainer.threads),
            in_use(components.device, deterministic=components.deterministic),
            _outcome_recorded(writer, tracking, log, raises=raises) as stop,
        ):
            components = _begin(writer, components, dataset, state, log)
            trainer, evaluator = build_for_run(components, str(writer.record.dataset["sha256"]))
            _describe(writer, components, trainer)
            for warning in writer.record.warnings:
                reporter.warn(warning)
            tracking.begin()
            # Layers that draw in their forward pass (dropout) use the global stream, nothing else.
            seed_global_streams(stream_seed(spec.seed, "dropout"), components.device)
            loop = TrainingLoop(trainer, evaluator, writer, reporter, tracking=tracking, stop=stop)
            if state is not None:
                loop.load_state_dict(state)
            with profiled(folder, trainer, components.profile) as loop.after_update:
                yield from loop.run()
        if writer.record.status == "finished":
            discard_states(folder, keep_newest=True)
        return writer.record


@stepwise
def train(config: DictConfig, folder: Path) -> Steps[RunRecord]:
    """Train what a configuration composed by Hydra describes: ``run`` with its parts."""
    choice = str(config.resume) if config.resume in CHOICES else "auto"  # else: folder, of this run
    sweep = HydraConfig.get().mode is RunMode.MULTIRUN
    launcher = str(OmegaConf.select(HydraConfig.instance().cfg, "hydra.launcher._target_"))  # type: ignore[arg-type]
    record = yield from run.steps(
        spec_of(config),
        partial(components_of, config),
        folder,
        resume=choice,
        retry=choice == "retry" or not sweep,
        bar=sys.stderr.isatty() and "BasicLauncher" in launcher,
    )
    print(f"gan_zoo: {record.loss} seed {record.seed} {record.status}: {folder}")
    return record


def spec_of(config: DictConfig) -> RunSpec:
    """Return what determines the numbers of the run that Hydra is about to start."""
    context = HydraConfig.get()
    return RunSpec(
        run_id=identity(config),
        loss=str(context.runtime.choices["loss"]),
        seed=int(config.seed),
        overrides=list(recorded(words_of_a_sweep(context.overrides.task))),
        config=recordable({k: v for k, v in plain(config).items() if k not in _NOT_RECORDED}),
    )


def components_of(config: DictConfig) -> RunComponents:
    """Build what a configuration, composed by Hydra, describes.

    Raises:
        ConfigurationError: a mistake.
    """
    check_choices(HydraConfig.get())
    return build(config)


def identity(config: DictConfig) -> str:
    """Return a hash of what determines a run's numbers: resolved configuration and version."""
    values = {str(key): config[key] for key in config if key not in ("hydra", *COSMETIC)}
    if not values.get("schedules"):  # a run without is the same as before schedules existed
        values.pop("schedules", None)
    content = {
        key: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        for key, value in values.items()
    }
    for group, _, key in (name.partition(".") for name in COSMETIC if "." in name):
        within = content[group]
        assert isinstance(within, dict)
        within.pop(key, None)
    text = json.dumps([content, __version__], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def describe_error(error: Exception) -> str:
    """Return a few lines for a foreseen error, the traceback for any other."""
    if isinstance(error, MISTAKES):
        return explain(error)
    if isinstance(error, OSError | DivergenceError | OutOfMemory):
        return str(error)
    return "".join(traceback.format_exception(error))


def _build(
    spec: RunSpec, make: Callable[[], RunComponents], log: RunLog, *, record_failure: bool
) -> RunComponents:
    try:
        with shortage_explained():
            return make()
    except Exception as error:
        message = describe_error(error)
        log.write(f"failed: {message}\n")
        if record_failure:
            error_entry = {"kind": type(error).__name__, "message": message}
            failed = RunRecord(**vars(spec), status="failed", error=error_entry)
            write_record(log.path.parent, failed)
        raise


def _load_state(
    folder: Path, spec: RunSpec, dataset: Mapping[str, Any], log: RunLog
) -> dict[str, Any] | None:
    """Return the state to resume from, None if there is no good one.

    Raises:
        ConfigurationError: the state is of another configuration, or of other data.
    """
    from gan_zoo.training.checkpoint import load_state

    state: dict[str, Any] | None = load_state(folder)
    if state is None:
        print(f"gan_zoo: {folder} has no undamaged state: starting over", file=sys.stderr)
        return None
    record = parse_record(state["writer"]["record"])
    try:
        check_same(record, spec, folder)
        if record.dataset["sha256"] != dataset["sha256"]:
            raise ConfigurationError(
                f"{folder} cannot be resumed: the data set {dataset['name']} has changed since the"
                f" run started (sha256 {record.dataset['sha256'][:16]}, now"
                f" {str(dataset['sha256'])[:16]}). Restore the data, or start over with"
                " resume=never"
            )
    except ConfigurationError as error:
        log.write(f"not resumed: {error}\n")
        raise
    return state


@contextmanager
def cpu_threads(count: int | None) -> Iterator[None]:
    """Set torch's number of CPU threads, None: leave it, and restore the caller's at the end."""
    import torch

    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _outcome_recorded(
    writer: "RunWriter", tracking: "Tracking", log: RunLog, *, raises: bool
) -> Iterator[Stop]:
    """Write the record at the end of the block, however it ends; a divergence is an outcome."""
    outcome: dict[str, Any] = {"status": "interrupted"}  # SystemExit and the like, too
    try:
        with stopping() as stop, shortage_explained():
            yield stop
        outcome = {"status": "finished"}
    except DivergenceError as error:
        outcome = _failure("diverged", error, step=error.step, quantity=error.quantity)
        if raises:
            raise
    except Exception as error:
        outcome = _failure("failed", error, traceback=traceback.format_exc())
        raise
    finally:
        try:
            writer.write(**outcome, ended=_now())
        except OSError as error:
            if outcome["status"] == "finished":
                raise
            print(f"gan_zoo: how the run ended could not be recorded: {error}", file=sys.stderr)
        tracking.end()
        why = outcome.get("error", {})
        log.write(": ".join([outcome["status"], *([why["message"]] if why else [])]) + "\n")
        log.write(why.get("traceback", ""))


def _begin(
    writer: "RunWriter",
    components: RunComponents,
    dataset: dict[str, Any],
    state: Mapping[str, Any] | None,
    log: RunLog,
) -> RunComponents:
    """Write the record of a run that starts or resumes; return what it trains.

    A resumed run keeps the precision that ``auto`` selected at its start.
    """
    extractor = components.extractor
    environment = {
        **describe(components.device),
        "extractor": extractor and {"name": extractor.name, "sha256": extractor.sha256},
    }
    started, resumed = _now(), []
    if state is not None:
        before = state["writer"]["record"]
        resumed = [*before["resumed"], _resumption(state, environment, started)]
        if components.trainer.precision == "auto":
            settings = replace(components.trainer, precision=before["environment"]["precision"])
            components = replace(components, trainer=settings)
        started = before["started"]
        writer.load_state_dict(state["writer"])
    log.write(f"{_beginning(writer.record, environment, resumed)}\n")
    writer.write(
        environment=environment,
        dataset=dataset,
        started=started,
        resumed=resumed,
    )
    return components


def _beginning(
    record: RunRecord, environment: Mapping[str, Any], resumed: Sequence[Mapping[str, Any]]
) -> str:
    """Return the log's first line: the options of the run, the code, and the process."""
    begun = "started"
    if resumed:
        begun = f"resumed in epoch {resumed[-1]['epoch']}, step {resumed[-1]['step']}"
    words = " ".join([f"loss={record.loss}", f"seed={record.seed}", *record.overrides])
    code = " ".join(str(environment[name]) for name in ("gan_zoo", "commit") if environment[name])
    place = f"{environment['device']} of {platform.node()}, process {os.getpid()}"
    return f"{begun}: {words}; gan_zoo {code}, torch {environment['torch']}; {place}"


def _describe(writer: "RunWriter", components: RunComponents, trainer: "Trainer") -> None:
    """Record what the trainer is, and combinations that defeat a method."""
    from gan_zoo.config.preflight import incompatibilities, too_short

    networks = {"generator": trainer.generator, "discriminator": trainer.discriminator}
    ends = components.loss.divergence_range
    writer.write(
        environment={**writer.record.environment, **trainer.execution.record()},
        parameters={
            name: sum(p.numel() for p in network.parameters() if p.requires_grad)
            for name, network in networks.items()
        },
        warnings=[
            *incompatibilities(components.loss, components.regularizer, trainer.discriminator),
            *too_short(components.trainer, trainer.planned_updates),
        ],
        divergence_range=ends and [end if math.isfinite(end) else None for end in ends],
    )


def _resumption(
    state: Mapping[str, Any], environment: Mapping[str, Any], time: str
) -> dict[str, object]:
    """Return when, where and on what a run resumes; print a warning if numbers may differ."""
    before = state["writer"]["record"]["environment"]
    changed = {
        name: [before.get(name), environment.get(name)]
        for name in _NUMBERS_DEPEND_ON
        if before.get(name) != environment.get(name)
    }
    if changed:
        what = ", ".join(f"{name} was {old}, is {new}" for name, (old, new) in changed.items())
        print(
            "gan_zoo: warning: resuming in another environment, so the numbers may not be identical"
            f" bit for bit: {what}",
            file=sys.stderr,
        )
    position = state["position"]
    return {"time": time, "epoch": position["epoch"], "step": position["step"], "changed": changed}


def _failure(status: str, error: Exception, **more: object) -> dict[str, Any]:
    error_entry = {"kind": type(error).__name__, "message": str(error), **more}
    return {"status": status, "error": error_entry}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
