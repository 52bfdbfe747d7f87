"""The whole data set on the training device, and batches drawn from it there."""

from typing import TypedDict

import torch
from torch import Tensor

from gan_zoo.types import Batch, Dataset, Split


class StreamState(TypedDict):
    """Where a ``BatchStream`` stands: enough to continue it bit for bit."""

    generator: Tensor  # state before the current epoch's permutation was drawn
    position: int  # batches of the current epoch already given


def to_device(dataset: Dataset, device: torch.device | str) -> Dataset:
    """The same data set with all its tensors on ``device``, bytes still bytes."""
    return dataset._replace(
        train=_split_to(dataset.train, device),
        validation=_split_to(dataset.validation, device),
        test=_split_to(dataset.test, device),
    )


def normalise(images: Tensor) -> Tensor:
    """Bytes to float32 in [-1, 1], x / 127.5 - 1; floats (toy data) pass unchanged."""
    if images.dtype == torch.uint8:
        return images.float().div_(127.5).sub_(1)
    return images


class BatchStream:
    """Batches without end: a fresh permutation each epoch, its last partial batch dropped.

    Args:
        split: where the samples come from, on the device the batches are wanted on.
        batch_size: samples in each batch.
        rng: the stream's own generator, on the same device; nothing else may draw from it.

    Raises:
        ValueError: batch_size below 1 or above the split's size.
    """

    def __init__(self, split: Split, batch_size: int, rng: torch.Generator) -> None:
        count = len(split.labels)
        if not 1 <= batch_size <= count:
            raise ValueError(
                f"batch_size is {batch_size}; allowed: 1 to {count}, the size of the split. "
                "Choose a smaller batch or a larger data set"
            )
        self.batches_per_epoch = count // batch_size
        self._split = split
        self._batch_size = batch_size
        self._rng = rng
        self._begin_epoch()

    def next(self) -> Batch:
        """The next batch: normalised images and int64 labels."""
        if self._position == self.batches_per_epoch:
            self._begin_epoch()
        start = self._position * self._batch_size
        chosen = self._order[start : start + self._batch_size]
        self._position += 1
        images = self._split.images.index_select(0, chosen)
        return Batch(normalise(images), self._split.labels.index_select(0, chosen))

    def state_dict(self) -> StreamState:
        """The stream's position, to be given to ``load_state_dict`` of a stream like this one."""
        return StreamState(generator=self._epoch_start.clone(), position=self._position)

    def load_state_dict(self, state: StreamState) -> None:
        """Continue where ``state`` was taken.

        Raises:
            ValueError: the position lies outside the epoch, as of another split or batch size.
        """
        position = state["position"]
        if not 0 <= position <= self.batches_per_epoch:
            raise ValueError(
                f"the saved position is {position}; allowed: 0 to {self.batches_per_epoch}. "
                "It was saved with another data set or batch size: resume with the same ones"
            )
        self._rng.set_state(state["generator"])
        self._begin_epoch()
        self._position = position

    def restart(self, seed: int) -> None:
        """Begin an epoch anew, in an order that the stream did not know before."""
        self._rng.manual_seed(seed)
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self._epoch_start = self._rng.get_state()
        count = len(self._split.labels)
        self._order = torch.randperm(count, generator=self._rng, device=self._rng.device)
        self._position = 0


def _split_to(split: Split, device: torch.device | str) -> Split:
    return Split(split.images.to(device), split.labels.to(device))
