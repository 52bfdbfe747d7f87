"""What a run was set to, as the flat columns that trackers compare runs by."""

from collections.abc import Iterator, Mapping
from typing import Any

from gan_zoo.runs.record import RunRecord

# What decides on how a run trains; the rest of a configuration is where, and what is measured.
GROUPS = ("loss", "regularizer", "optimizer", "model", "latents", "labels", "trainer", "aux")

# What tells most methods apart, for where there is room for little.
SHOWN = (
    "loss", "seed", "data", "regularizer", "optimizer.discriminator.lr", "optimizer.generator.lr",
    "trainer.n_critic", "trainer.batch_size", "trainer.generator_updates", "trainer.epochs",
)  # fmt: skip


def hyperparameters(record: RunRecord) -> dict[str, bool | int | float | str]:
    """Loss, seed, data set and the options of ``GROUPS``, dotted; options that are null left out.

    An object's key is that of its ``_target_``, without the path to it.

    >>> config = {"optimizer": {"generator": {"_target_": "torch.optim.Adam", "betas": [0.5, 0.9]}}}
    >>> for pair in hyperparameters(RunRecord("abc", "bce", 1, "running", config=config)).items():
    ...     print(*pair)
    loss bce
    seed 1
    optimizer.generator Adam
    optimizer.generator.betas 0.5, 0.9
    """
    found: dict[str, bool | int | float | str] = {"loss": record.loss, "seed": record.seed}
    if "name" in record.dataset:
        found["data"] = str(record.dataset["name"])
    for group in GROUPS:
        for key, value in _leaves(record.config.get(group), group):
            found.setdefault(key, value)  # the loss is called by its option, not by its class
    return found


def headline(record: RunRecord) -> dict[str, bool | int | float | str]:
    """Of ``hyperparameters`` those of ``SHOWN``, and what the command line changed beside them."""
    changed = {word.partition("=")[0].lstrip("+~") for word in record.overrides}
    found = hyperparameters(record).items()
    return {key: value for key, value in found if key in SHOWN or key in changed}


def _leaves(node: Any, where: str) -> Iterator[tuple[str, bool | int | float | str]]:
    if isinstance(node, Mapping):
        for key, child in node.items():
            if key == "_target_":
                yield where, str(child).rpartition(".")[2]
            elif not str(key).startswith("_"):
                yield from _leaves(child, f"{where}.{key}")
    elif isinstance(node, list):
        yield where, ", ".join(map(str, node))
    elif node is not None:
        yield where, node if isinstance(node, bool | int | float) else str(node)
