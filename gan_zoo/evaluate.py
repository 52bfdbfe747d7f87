"""Measure a run's checkpoint, or anyone's samples, by the protocol of the sweeps.

``python evaluate.py WHAT [key=value ...]``; WHAT is the folder of a run, a ``.npz`` with images
(and labels), or a folder of PNGs (labels: subfolders named 0, 1, ...).  Options:

- ``checkpoint``: last | best | an epoch's number (last); of a run only
- ``network``: auto | generator | generator_ema (auto: generator_ema where the run has one)
- ``metrics``: names joined by commas (all that apply but parzen and gan_train)
- ``samples``: how many the run's generator makes (10000)
- ``split``: test | validation (test)
- ``data``: the data set that files of samples are held against (mnist)
- ``floors``: also tell what real data and weak baselines reach (true)
- ``allow``: packages of yours, joined by commas, that a run's record may take objects from
- ``out``: a JSON file to write (for a run: evaluations/<time>.json in its folder)
"""

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from gan_zoo.building import build, config_folder
from gan_zoo.configuration import explain
from gan_zoo.options import given_words, parse
from gan_zoo.recorded import check_choice, configuration_of, network_of, weights_of
from gan_zoo.records import RECORD_NAME, RunRecord, read_record, write_text

if TYPE_CHECKING:
    from gan_zoo.evaluation.measures import Judgement, Samples
    from gan_zoo.evaluation.points import PointReference
    from gan_zoo.evaluation.reference import Reference
    from gan_zoo.experiment import Parts

    Standard = Reference | PointReference


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    checkpoint: str = "last"
    network: str = "auto"
    metrics: str = ""
    samples: int = 10000
    split: str = "test"
    data: str = "mnist"
    floors: bool = True
    allow: str = ""
    out: str = ""

    def __post_init__(self) -> None:
        check_choice(self.network, self.checkpoint)
        splits = ("test", "validation")
        if self.split not in splits:
            raise ValueError(f"split is {self.split!r}; allowed: {splits}")
        if self.samples < 2:
            raise ValueError(f"samples is {self.samples}; allowed: 2 or more")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, write JSON; a mistake ends the process with a message."""
    words = given_words(arguments, __doc__)
    if not words:
        return
    try:
        evaluate(Path(words[0]), parse(words[1:], Options))
    except (HydraException, OmegaConfBaseException) as error:
        sys.exit(f"gan_zoo: {explain(error)}")
    except (ValueError, OSError, ArithmeticError, RecursionError) as error:
        sys.exit(f"gan_zoo: {error}")


def evaluate(what: Path, options: Options) -> dict[str, Any]:
    """Measure ``what``; the content of the JSON file.

    Raises:
        ValueError: anything that does not fit: options, files, metrics, too few samples.
    """
    from gan_zoo.allocator import keep_freed_memory
    from gan_zoo.data.batches import to_device
    from gan_zoo.data.fingerprint import dataset_fingerprint
    from gan_zoo.evaluation.floors import floors
    from gan_zoo.evaluation.points import reference_of
    from gan_zoo.evaluation.reference import named

    keep_freed_memory()
    run = read_record(what) if (what / RECORD_NAME).exists() else None
    parts = build(_composed(options.data) if run is None else configuration_of(run, options.allow))
    sha256, network = str(dataset_fingerprint(parts.dataset)["sha256"]), parts.extractor
    reference = reference_of(to_device(parts.dataset, parts.device), network, sha256)
    if reference is None:
        raise ValueError(
            f"there is neither a feature network for {parts.dataset.name} nor known modes: nothing"
            " to measure"
        )
    fake = (
        _from_file(what, reference)
        if run is None
        else _from_run(what, run, options, parts, reference)
    )
    metrics = _metrics(options, fake, reference)
    count = len(fake.images)
    protocol = reference.protocol(options.split, count)
    judgement = named(reference.judge(fake, options.split, metrics), protocol)
    with_floors = options.floors and options.split == "test" and fake.labels is not None
    known = floors(reference, count, metrics) if with_floors else {}
    content = {
        "what": str(what),
        "checkpoint": None if run is None else _checkpoint(run, options),
        "extractor": None if network is None else {"name": network.name, "sha256": network.sha256},
        "dataset": {"name": parts.dataset.name, "sha256": sha256},
        "metrics": {k: v if math.isfinite(v) else None for k, v in judgement.values.items()},
        "intervals": {name: list(ends) for name, ends in judgement.intervals.items()},
        "floors": known,
        "per_class": {  # a class of which there is no sample has no number
            name: [v if math.isfinite(v) else None for v in values]
            for name, values in judgement.per_class.items()
        },
        "confusion_matrix": judgement.confusion,
    }
    _show(judgement, known)
    _write(what, run, options.out, content)
    return content


def _checkpoint(run: RunRecord, options: Options) -> str:
    return f"{network_of(run, options.network)} {options.checkpoint}"


def _composed(data: str) -> DictConfig:
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        return compose("config", overrides=[f"data={data}"])


def _from_run(
    folder: Path, run: RunRecord, options: Options, parts: "Parts", reference: "Standard"
) -> "Samples":
    from gan_zoo.checkpoint import load_weights
    from gan_zoo.evaluation.bank import Bank
    from gan_zoo.experiment import build_trainer

    trainer = build_trainer(parts)
    path = weights_of(folder, run, network_of(run, options.network), options.checkpoint)
    load_weights(path, trainer.generator)
    bank = Bank(
        options.samples, latents=parts.latents, dim=trainer.latent_dim,
        classes=parts.dataset.num_classes, name="final", device=parts.device,
    )  # fmt: skip
    return reference.seen(bank.images(trainer.generator), bank.labels)


def _from_file(path: Path, reference: "Standard") -> "Samples":
    from gan_zoo.evaluation.files import read_samples

    images, labels = read_samples(path)
    device = reference.dataset.train.images.device
    return reference.seen(images.to(device), None if labels is None else labels.to(device))


def _metrics(options: Options, fake: "Samples", reference: "Standard") -> list[str]:
    from gan_zoo.evaluation.measures import ON_REQUEST, chosen, smallest

    classes = reference.dataset.num_classes
    allowed = reference.applicable(labelled=fake.labels is not None)
    usual = [name for name in allowed if name not in ON_REQUEST]
    names = chosen(options.metrics.split(",") if options.metrics else None, allowed, usual)
    least = smallest(names, classes)
    if len(fake.images) < least:
        raise ValueError(
            f"there are {len(fake.images)} samples; allowed: {least} or more for"
            f" {', '.join(names)}. Name fewer metrics, as metrics=fid,kid"
        )
    return names


def _show(judgement: "Judgement", known: dict[str, dict[str, float]]) -> None:
    from rich.console import Console
    from rich.table import Table

    baselines = list(dict.fromkeys(name for values in known.values() for name in values))
    table = Table()
    table.add_column("metric")
    for column in ("value", "95% over samples", *(name.replace("_", " ") for name in baselines)):
        table.add_column(column, justify="right")
    for name, value in judgement.values.items():
        ends = judgement.intervals.get(name)
        interval = "" if ends is None else f"{ends[0]:.4g} to {ends[1]:.4g}"
        others = (known.get(name, {}).get(baseline) for baseline in baselines)
        cells = ("" if other is None else f"{other:.4g}" for other in others)
        table.add_row(name, f"{value:.4g}", interval, *cells)
    console = Console()
    console.print(table, crop=False, soft_wrap=not console.is_terminal)


def _write(what: Path, run: RunRecord | None, out: str, content: dict[str, Any]) -> None:
    if out:
        path = Path(out)
        if path.exists():
            raise ValueError(f"{path} exists and is not overwritten: give another name as out=")
    elif run is not None:
        path = what / "evaluations" / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S-%f}.json"
    else:
        return
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")
    print(f"gan_zoo: written: {path}")
