"""Run components that a test has made or changed, without a command line."""

from pathlib import Path

from gan_zoo.config.build import RunComponents
from gan_zoo.runs.record import RunRecord, RunSpec
from gan_zoo.training.run import run


def run_components(components: RunComponents, folder: Path, **spec) -> RunRecord:
    """Start or resume a run in a folder; it is known by its number of epochs alone."""
    trainer, every = components.trainer, components.evaluation.every
    config = {
        "trainer": {"epochs": trainer.epochs, "lr_decay": trainer.lr_decay},
        "evaluation": {"every": every},
        **spec.pop("config", {}),
    }
    identity = f"{trainer.epochs} epochs"
    return run(RunSpec(identity, "bce", 0, config=config, **spec), lambda: components, folder)
