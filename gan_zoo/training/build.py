"""Build the trainer and the evaluator of a run from its components."""

import copy
from dataclasses import replace

from gan_zoo.config.build import RunComponents
from gan_zoo.config.preflight import check_packing, refuse_batch_norm, refuse_randomness
from gan_zoo.config.schedules import INSTANCE_NOISE, apply
from gan_zoo.config.schema import schedule
from gan_zoo.data.batches import BatchStream, to_device
from gan_zoo.data.devices import measuring_device
from gan_zoo.data.random_streams import global_stream, stream
from gan_zoo.evaluation.evaluator import Evaluator
from gan_zoo.evaluation.toy_points import reference_of
from gan_zoo.training.captured import capture
from gan_zoo.training.objective import Objective
from gan_zoo.training.precision import choose, prepare
from gan_zoo.training.trainer import Trainer
from gan_zoo.types import ConfigurationError


def build_trainer(components: RunComponents) -> Trainer:
    """Return a trainer with new weights; each random stream has its own purpose of the seed.

    Raises:
        ValueError: a width, a batch size or a normalisation that does not fit.
        ConfigurationError: ``capture=always`` on another device than a GPU.
    """
    settings, seed, device = components.trainer, components.seed, components.device
    data = to_device(components.dataset, device)
    shape = {"image_shape": tuple(data.sample_shape), "num_classes": data.num_classes}
    with global_stream(seed, "weights of G"):
        generator = components.generator(**shape).to(device)
    with global_stream(seed, "weights of D"):
        discriminator = components.discriminator(**shape).to(device)
    refuse_batch_norm(components.regularizer, discriminator)
    for option in components.schedules:
        if option.path == INSTANCE_NOISE:  # half way it is above 0, if it ever is
            apply(discriminator, option, ["instance_noise"], option.until / 2)
    refuse_randomness(components.regularizer, discriminator)
    check_packing(settings, components.regularizer, discriminator)
    twice = components.regularizer.differentiates_twice
    execution = choose(settings, device, generator, discriminator, twice_differentiated=twice)
    prepare(generator, execution, twice_differentiated=False)
    prepare(discriminator, execution, twice_differentiated=twice)
    make_d, make_g = components.optimizers
    objective = Objective(components.loss, components.regularizer, components.aux)
    if components.schedules:  # they change objective and settings, which others may share
        objective, settings = copy.deepcopy(objective), copy.deepcopy(settings)

    def batches(size: int, purpose: str) -> BatchStream:
        return BatchStream(data.train, size, stream(seed, purpose, device))

    trainer = Trainer(
        generator=generator,
        discriminator=discriminator,
        objective=objective,
        optimizers=(make_d(discriminator.parameters()), make_g(generator.parameters())),
        latents=components.latents,
        labels=components.labels,
        batches=(
            batches(settings.batch_size, "data order of D's steps"),
            batches(settings.generator_batch_size, "data order of G's steps"),
        ),
        num_classes=data.num_classes,
        updates=schedule(settings, len(data.train.labels)).updates,
        settings=settings,
        seed=seed,
        device=device,
        execution=execution,
        schedules=components.schedules,
    )
    capture(trainer, components.capture)
    return trainer


def build_for_run(components: RunComponents, sha256: str) -> tuple[Trainer, Evaluator]:
    """Return the trainer and the evaluator of a run.

    Args:
        components: of the run.
        sha256: of the data set.

    Raises:
        ConfigurationError: a width or a batch size that does not fit, a metric that does not apply,
            or too few samples for one.
    """
    try:
        data = to_device(components.dataset, components.device)
        trainer = build_trainer(replace(components, dataset=data))
        if measuring_device(components.device) != components.device:
            data = to_device(components.dataset, measuring_device(components.device))
        evaluator = Evaluator(
            data,
            components.evaluation,
            latents=components.latents,
            latent_dim=trainer.latent_dim,
            reference=reference_of(data, components.extractor, sha256),
            device=components.device,
        )
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    return trainer, evaluator
