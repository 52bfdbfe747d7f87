"""A run as a generator of the updates that it needs, so that several runs can share each update."""

from collections.abc import Callable, Generator
from contextlib import closing
from functools import update_wrapper
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

if TYPE_CHECKING:
    from gan_zoo.training.trainer import Trainer

P = ParamSpec("P")
T = TypeVar("T")
# Yield a trainer whenever it has to make an update; receive the seconds that the update took if
# others were made meanwhile; return the outcome.
Steps = Generator["Trainer", float | None, T]


class stepwise(Generic[P, T]):
    """Decorate a generator function so that calling it makes all its updates.

    ``function.steps(...)`` returns the generator, for a caller that makes the updates itself.
    """

    def __init__(self, function: Callable[P, Steps[T]]):
        self.steps = function
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        return finish(self.steps(*args, **kwargs))


def finish(steps: Steps[T], trainer: "Trainer | None" = None) -> T:
    """Make every update that a run yields; return its outcome.

    Args:
        steps: of the run.
        trainer: the one that it yielded last, None if it has not started.
    """
    with closing(steps):
        try:
            trainer = next(steps) if trainer is None else trainer
            while True:
                try:
                    trainer.step()
                except BaseException as error:
                    trainer = steps.throw(error)
                else:
                    trainer = next(steps)
        except StopIteration as end:
            outcome: T = end.value
            return outcome
