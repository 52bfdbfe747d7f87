"""A trainer's whole state as a tree of tensors and plain values, and back, bit for bit."""

from typing import Any

import torch

from gan_zoo.data.random_streams import stream_seed
from gan_zoo.training.trainer import Trainer


def snapshot(trainer: Trainer) -> dict[str, Any]:
    """Weights, buffers, moving average, optimizers, every random stream, counters and logs.

    A loss or regularizer that remembers something says so with ``state_dict`` and
    ``load_state_dict``; one without them is taken to remember nothing.
    """
    return {
        "device": trainer.device.type,
        "networks": {name: net.state_dict() for name, net in _networks(trainer).items()},
        "optimizers": [optimizer.state_dict() for optimizer in _optimizers(trainer)],
        "streams": {name: rng.get_state() for name, rng in _streams(trainer).items()},
        "batches": [dict(batches.state_dict()) for batches in _batches(trainer)],
        "global": _global_states(trainer.device),
        "remembered": {
            name: part.state_dict()
            for name, part in _parts(trainer).items()
            if hasattr(part, "state_dict")
        },
        "updates": [trainer.discriminator_updates, trainer.generator_updates],
        "logs": [list(trainer.discriminator_log), list(trainer.generator_log)],
        "update_ratios": {name: list(log) for name, log in trainer.update_ratios.items()},
    }


def restore(trainer: Trainer, saved: dict[str, Any]) -> None:
    """Give a trainer of the same configuration the state that ``snapshot`` took.

    Raises:
        ValueError: it was taken on another kind of device, whose random streams differ.
    """
    if saved["device"] != trainer.device.type:
        raise ValueError(
            f"the run was trained on {saved['device']}, this is {trainer.device.type}, whose random"
            f" numbers are others: go on with device={saved['device']}, or start anew with"
            " resume=never"
        )
    for name, network in _networks(trainer).items():
        network.load_state_dict(saved["networks"][name])
    for optimizer, state in zip(_optimizers(trainer), saved["optimizers"], strict=True):
        load_optimizer(optimizer, state)
    # Optimizers have new groups now; the rates that a decay starts from are the configuration's.
    groups = [group for optimizer in _optimizers(trainer) for group in optimizer.param_groups]
    trainer.rates = [
        (group, rate) for group, (_, rate) in zip(groups, trainer.rates, strict=True)
    ]  # fmt: skip
    for name, rng in _streams(trainer).items():
        rng.set_state(saved["streams"][name])
    for batches, state in zip(_batches(trainer), saved["batches"], strict=True):
        batches.load_state_dict(state)
    _set_global_states(trainer.device, saved["global"])
    for name, state in saved["remembered"].items():
        _parts(trainer)[name].load_state_dict(state)
    trainer.discriminator_updates, trainer.generator_updates = saved["updates"]
    device = trainer.device
    trainer.discriminator_log, trainer.generator_log = (
        [entry.to(device) for entry in log] for log in saved["logs"]
    )
    ratios = saved["update_ratios"].items()
    trainer.update_ratios = {name: [entry.to(device) for entry in log] for name, log in ratios}


def load_optimizer(optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
    """Load an optimizer's state, each tensor in the memory format of its parameter.

    torch's ``load_state_dict`` keeps the strides that a saved tensor has, contiguous ones after a
    file, while its fused optimizers (``fused=True``; Adam, AdamW, SGD, Adagrad) walk through the
    raw memory of parameter, gradient and moments side by side and never compare strides. With
    channels-last parameters they would update every weight with the moments of another one, without
    an error: ``tests/training/test_resume.py`` has a proof. A second trap: it casts the state
    of floating-point parameters to the parameter's dtype, so a float64 sum would lose digits.
    """
    optimizer.load_state_dict(saved)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for number, entries in saved["state"].items():
        parameter = parameters[number]
        state = optimizer.state[parameter]
        for name, value in entries.items():
            if isinstance(value, torch.Tensor):
                like = parameter if value.shape == parameter.shape else state[name]
                state[name] = torch.empty_like(like, dtype=value.dtype).copy_(value)


def fresh_streams(trainer: Trainer, seed: int, number: int) -> None:
    """Random numbers that no step has seen yet, for going on after the ``number``-th rollback."""
    for name, rng in _streams(trainer).items():
        rng.manual_seed(stream_seed(seed, f"{name}, rollback {number}"))
    for name, batches in zip(("D", "G"), _batches(trainer), strict=True):
        batches.restart(stream_seed(seed, f"data order of {name}'s steps, rollback {number}"))
    torch.manual_seed(stream_seed(seed, f"dropout, rollback {number}"))


def _networks(trainer: Trainer) -> dict[str, torch.nn.Module]:
    found = {"generator": trainer.generator, "discriminator": trainer.discriminator}
    return found if trainer.ema is None else {**found, "ema": trainer.ema}


def _optimizers(trainer: Trainer) -> list[torch.optim.Optimizer]:
    return [trainer.discriminator_optimizer, trainer.generator_optimizer]


def _streams(trainer: Trainer) -> dict[str, torch.Generator]:
    return {
        "latents of D's steps": trainer.discriminator_rng,
        "latents of G's steps": trainer.generator_rng,
        "penalty": trainer.penalty_rng,
    }


def _batches(trainer: Trainer) -> list[Any]:
    return [trainer.discriminator_batches, trainer.generator_batches]


def _parts(trainer: Trainer) -> dict[str, Any]:
    objective = trainer.objective
    return {"loss": objective.loss, "regularizer": objective.regularizer}


def _global_states(device: torch.device) -> dict[str, torch.Tensor]:
    """The streams that dropout draws from: torch's own, on the CPU and on the device."""
    found = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        found["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        found["mps"] = torch.mps.get_rng_state()
    return found


def _set_global_states(device: torch.device, states: dict[str, torch.Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
    if device.type == "mps":
        torch.mps.set_rng_state(states["mps"])
