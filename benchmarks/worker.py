"""A PyTorch process that takes turns: python -m benchmarks.worker naive|ours MODEL [override ...].

``naive`` keeps the allocator as it comes; ``naive-tuned`` and ``ours`` keep freed memory.
"""

import sys

from benchmarks.subjects import MODELS, naive_training, trainer
from benchmarks.turns import serve
from gan_zoo.training.process import keep_freed_memory


def main(form: str, model: str, *overrides: str) -> None:
    """Build what is named and take turns."""
    if form != "naive":
        keep_freed_memory()
    if form == "ours":
        built = trainer(*MODELS[model], *overrides)

        def step() -> None:
            built.step()
            if built.discriminator_updates % 25 == 0:  # as often as a run looks at its losses
                built.collect()

        serve(step)
    else:
        serve(naive_training(model).step)


if __name__ == "__main__":
    main(*sys.argv[1:])
