"""The verb ``evaluate``: measure a run's checkpoint, or other samples, as a sweep does."""

import json
import math
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from gan_zoo.cli.options import Verb, WeightsOptions
from gan_zoo.config.build import build
from gan_zoo.config.compose import compose_config
from gan_zoo.config.explain import explain
from gan_zoo.config.schema import MAX_SAMPLES, OneOf, Range
from gan_zoo.report.quantities import ordered, spoken
from gan_zoo.runs.overrides import hydra_value
from gan_zoo.runs.record import RECORD_NAME, RunRecord, read_record, write_text
from gan_zoo.training.load_generator import configuration_of, network_of, weights_of
from gan_zoo.types import ConfigurationError

if TYPE_CHECKING:
    from torch import Tensor

    from gan_zoo.config.build import RunComponents
    from gan_zoo.evaluation.measurement import Measurement
    from gan_zoo.evaluation.reference import Reference
    from gan_zoo.evaluation.toy_points import PointReference

    Standard = Reference | PointReference

HELP = """\
Measure a run's checkpoint, or samples from another program. WHAT is the folder of a run, a .npz
file with images (and labels), or a folder of PNGs (labels: subfolders named 0, 1, ...). Prints a
table; of a run, writes it to evaluations/<time>.json in the run's folder."""


@dataclass(frozen=True)
class Options(WeightsOptions):
    """Options of ``gan-zoo evaluate``."""

    metrics: Annotated[str, "separated by commas (default: all except parzen and gan_train)"] = ""
    samples: Annotated[int, Range(2, MAX_SAMPLES), "to draw from the run's generator"] = 10000
    split: Annotated[str, OneOf(("test", "validation"))] = "test"
    data: Annotated[
        str, "data set that files of samples are compared with, or the folder of a run on it"
    ] = "mnist"
    reference_scores: Annotated[bool, "also measure real data and weak baselines"] = True
    out: Annotated[str, "JSON file to write"] = ""


def evaluate(what: Path, options: Options) -> dict[str, Any]:
    """Measure ``what`` and return the content of the JSON file.

    Raises:
        ValueError: options, files or metrics that cannot be used, or too few samples.
    """
    from gan_zoo.data.batches import to_device
    from gan_zoo.data.dataset import dataset_fingerprint
    from gan_zoo.data.devices import measuring_device
    from gan_zoo.evaluation.features.train import no_extractor_reason
    from gan_zoo.evaluation.reference_scores import reference_scores
    from gan_zoo.evaluation.toy_points import reference_of
    from gan_zoo.training.process import keep_freed_memory

    if not what.exists():
        raise ValueError(
            f"{what}: no such file or folder; give the folder of a run, a .npz file or a folder of"
            " PNGs"
        )
    run = read_record(what) if _is_run(what) else None
    _check_options(options, of_a_run=run is not None)
    keep_freed_memory()
    parts = _components(run, options)
    sha256, network = str(dataset_fingerprint(parts.dataset)["sha256"]), parts.extractor
    _warn_of_other_data(run, parts.dataset.name, sha256)
    where = measuring_device(parts.device)
    parts = replace(parts, dataset=to_device(parts.dataset, where))  # once, for both uses of it
    reference = reference_of(parts.dataset, network, sha256)
    if reference is None:
        why = no_extractor_reason(parts.dataset) or "its configuration has no feature network"
        raise ValueError(f"there is nothing to measure: {why}")
    if run is None:
        images, labels = _from_file(what, reference)
        metrics = _metrics(options, len(images), labels is not None, reference)
    else:
        metrics = _metrics(options, options.samples, True, reference)
        images, labels = _from_run(what, run, options, parts)
    fake, count = reference.embed(images, labels), len(images)
    measurement = reference.measure(fake, options.split, metrics).renamed(
        lambda name: reference.full_name(name, options.split, count)
    )
    comparable = options.split == "test" and fake.labels is not None
    known: dict[str, dict[str, float]] = {}
    if options.reference_scores and comparable:
        known = dict(reference_scores(reference, count, metrics).values)
    elif options.reference_scores:
        print(
            "gan_zoo: reference scores are left out: they exist only for labelled samples and"
            " split=test",
            file=sys.stderr,
        )
    content = {
        "what": str(what),
        "checkpoint": None if run is None else _checkpoint(run, options),
        "extractor": None if network is None else {"name": network.name, "sha256": network.sha256},
        "dataset": {"name": parts.dataset.name, "sha256": sha256},
        "metrics": {k: v if math.isfinite(v) else None for k, v in measurement.values.items()},
        "unavailable": measurement.unavailable,
        "intervals": {name: list(ends) for name, ends in measurement.intervals.items()},
        "reference_scores": known,
        "per_class": {  # a class of which there is no sample has no number
            name: [v if math.isfinite(v) else None for v in values]
            for name, values in measurement.per_class.items()
        },
        "confusion_matrix": measurement.confusion,
    }
    for name, why in measurement.unavailable.items():
        print(f"gan_zoo: warning: not available: {spoken(name)}: {why}", file=sys.stderr)
    _show(measurement, known)
    return content


def _warn_of_other_data(run: RunRecord | None, name: str, sha256: str) -> None:
    if run is not None and run.dataset.get("sha256", sha256) != sha256:
        print(
            f"gan_zoo: warning: the data set {name} has changed since the run was trained: these"
            " numbers cannot be compared with those in its record",
            file=sys.stderr,
        )


def _components(run: RunRecord | None, options: Options) -> "RunComponents":
    try:
        if run is not None:
            return build(configuration_of(run, options.allow))
        if _is_run(Path(options.data)):
            return build(configuration_of(read_record(Path(options.data)), options.allow))
        shipped = compose_config([f"data={hydra_value(options.data)}"])
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigurationError(explain(error)) from error
    try:
        return build(shipped)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{error}. evaluate takes no options of data={options.data}: train a run on them, and"
            " give its folder as data=RUN"
        ) from error


def _is_run(path: Path) -> bool:
    return (path / RECORD_NAME).exists()


def _checkpoint(run: RunRecord, options: Options) -> str:
    return f"{network_of(run, options.network)} {options.checkpoint}"


def _check_options(options: Options, *, of_a_run: bool) -> None:
    """Refuse options that would be ignored, or would fail after the work.

    Raises:
        ConfigurationError: an option of runs for files or vice versa, or an ``out`` that exists.
    """
    default = Options()
    of_runs, of_files = ["checkpoint", "network", "samples"], ["data"]
    of_runs += [] if _is_run(Path(options.data)) else ["allow"]
    for name in of_files if of_a_run else of_runs:
        if getattr(options, name) != getattr(default, name):
            this, other = ("a run", "files") if of_a_run else ("files", "runs")
            raise ConfigurationError(
                f"{name}={getattr(options, name)} does not apply to {this}, only to {other}: remove"
                " it"
            )
    if options.out and Path(options.out).expanduser().exists():
        raise ConfigurationError(f"{options.out} exists: give another file as out=")


def _from_run(
    folder: Path, run: RunRecord, options: Options, parts: "RunComponents"
) -> "tuple[Tensor, Tensor]":
    from gan_zoo.evaluation.fixed_latents import FixedLatents
    from gan_zoo.runs.weights import load_weights
    from gan_zoo.training.build import build_trainer

    settings = replace(parts.trainer, precision="fp32")  # nothing is trained, so nothing probed
    trainer = build_trainer(replace(parts, trainer=settings))
    path = weights_of(folder, run, network_of(run, options.network), options.checkpoint)
    load_weights(path, trainer.generator)
    fixed = FixedLatents(
        options.samples, latents=parts.latents, dim=trainer.latent_dim,
        classes=parts.dataset.num_classes, name="final", device=parts.device,
    )  # fmt: skip
    images = fixed.images(trainer.generator)
    return images, fixed.labels.to(images.device)


def _from_file(path: Path, reference: "Standard") -> "tuple[Tensor, Tensor | None]":
    from gan_zoo.evaluation.files import read_samples

    images, labels = read_samples(path)
    dataset = reference.dataset
    if images.shape[1:] != dataset.sample_shape:
        raise ValueError(
            f"{path}: images must have shape {tuple(dataset.sample_shape)}, that of {dataset.name},"
            f" got {tuple(images.shape[1:])}. Resize them, or name their"
            " data set, or a run on it, as data=…"
        )
    if labels is not None and not 0 <= int(labels.min()) <= int(labels.max()) < dataset.num_classes:
        raise ValueError(
            f"{path}: labels must be from 0 to {dataset.num_classes - 1}, the classes of"
            f" {dataset.name}, got {int(labels.min())} to {int(labels.max())}. Renumber or remove"
            " them"
        )
    device = dataset.train.images.device
    return images.to(device), None if labels is None else labels.to(device)


def _metrics(options: Options, count: int, labelled: bool, reference: "Standard") -> list[str]:
    from gan_zoo.evaluation.metrics.registry import choose, min_samples, without_requested

    classes = reference.dataset.num_classes
    allowed = reference.applicable(labelled=labelled)
    given = options.metrics.split(",") if options.metrics else None
    names = choose(given, allowed, without_requested(allowed))
    least = min_samples(names, classes)
    if count < least:
        raise ValueError(
            f"there must be at least {least} samples for {', '.join(names)}, got {count}. Name"
            " fewer metrics, for example metrics=fid,kid"
        )
    return names


def _show(measurement: "Measurement", known: dict[str, dict[str, float]]) -> None:
    from rich.console import Console
    from rich.table import Table

    baselines = list(dict.fromkeys(name for values in known.values() for name in values))
    metrics = ordered(set(measurement.values))
    table = Table(caption="; ".join(dict.fromkeys(metric.detail for metric in metrics)))
    table.add_column("metric")
    for column in ("value", "95% over samples", *(name.replace("_", " ") for name in baselines)):
        table.add_column(column, justify="right")
    for metric in metrics:
        name, value = metric.name, measurement.values[metric.name]
        ends = measurement.intervals.get(name)
        interval = "" if ends is None else f"{ends[0]:.4g} to {ends[1]:.4g}"
        others = (known.get(name, {}).get(baseline) for baseline in baselines)
        cells = ("" if other is None else f"{other:.4g}" for other in others)
        table.add_row(metric.short_title, f"{value:.4g}", interval, *cells)
    console = Console()
    console.print(table, crop=False, soft_wrap=not console.is_terminal)


def run(paths: list[Path], options: Options) -> None:
    """Measure, print a table, and write JSON."""
    (what,) = paths
    content = evaluate(what, options)
    if options.out:
        path = Path(options.out).expanduser()
    elif _is_run(what):
        path = what / "evaluations" / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S-%f}.json"
    else:
        return
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")
    print(f"gan_zoo: written: {path}")


main = Verb("evaluate", "WHAT", HELP, Options, run).main
