"""What is timed: trainers from the configuration, as ``run.py`` builds them."""

from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig

from benchmarks import naive
from gan_zoo.config.build import RunComponents, build
from gan_zoo.config.compose import VERSION_BASE, config_folder
from gan_zoo.data.batches import normalise
from gan_zoo.training.build import build_trainer
from gan_zoo.training.trainer import Trainer

# Name -> the overrides that select it.
MODELS = {"acgan": ["experiment=acgan_document"], "infogan": []}


def parts(*overrides: str) -> RunComponents:
    """Return the components of a run, on the CPU unless they say otherwise."""
    with initialize_config_dir(str(config_folder()), **VERSION_BASE):
        config = compose("config", ["device=cpu", *overrides], return_hydra_config=True)
        HydraConfig.instance().set_config(config)
        config = compose("config", ["device=cpu", *overrides])
    return build(config)


def trainer(*overrides: str) -> Trainer:
    """Return gan_zoo's trainer."""
    return build_trainer(parts(*overrides))


def naive_training(model: str, device: str = "cpu") -> naive.Training:
    """Return the naive form of a model, with the same batches and moving average."""
    whole = parts(*MODELS[model], f"device={device}")
    networks = {
        "acgan": (naive.Generator, naive.Discriminator),
        "infogan": (naive.InfoGenerator, naive.InfoDiscriminator),
    }[model]
    return naive.Training(
        normalise(whole.dataset.train.images).to(device),
        whole.dataset.train.labels.to(device),
        networks=(networks[0]().to(device), networks[1]().to(device)),
        batch=whole.trainer.batch_size,
        generator_batch=whole.trainer.generator_batch_size,
        ema_decay=whole.trainer.ema_decay,
    )
