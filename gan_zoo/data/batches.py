"""Keep a whole data set on the training device and draw batches from it there."""

from typing import TypedDict

import torch
from torch import Tensor

from gan_zoo.types import Batch, Dataset, Split


class StreamState(TypedDict):
    """The state of a ``BatchStream``: enough to continue it bit for bit."""

    generator: Tensor  # state before the current epoch's permutation was drawn
    position: int  # batches of the current epoch already drawn


def to_device(dataset: Dataset, device: torch.device | str) -> Dataset:
    """Return a data set with all its tensors on ``device``, images still as bytes."""

    def move(split: Split) -> Split:
        return Split(split.images.to(device), split.labels.to(device))

    return dataset._replace(
        train=move(dataset.train), validation=move(dataset.validation), test=move(dataset.test)
    )


def normalise(images: Tensor) -> Tensor:
    """Map bytes to float32 in [-1, 1] by x / 127.5 - 1; return floats (toy data) unchanged."""
    if images.dtype == torch.uint8:
        return images.float().div_(127.5).sub_(1)
    return images


class BatchStream:
    """Endless batches: a new permutation each epoch, without its last partial batch.

    Args:
        split: to draw from, on the device of the batches.
        batch_size: samples in each batch.
        rng: on the same device, used by this stream alone.

    Raises:
        ValueError: If ``batch_size`` is below 1 or above the split's size.
    """

    def __init__(self, split: Split, batch_size: int, rng: torch.Generator) -> None:
        count = len(split.labels)
        if not 1 <= batch_size <= count:
            raise ValueError(
                f"batch_size must be from 1 to {count}, the size of the split, got {batch_size}:"
                " choose a smaller batch or a larger data set"
            )
        self.batches_per_epoch = count // batch_size
        self._split = split
        self._batch_size = batch_size
        self._rng = rng
        self._chosen = torch.zeros(batch_size, dtype=torch.int64, device=rng.device)
        self._begin_epoch()

    def next(self) -> Batch:
        """Return the next batch: normalised images and int64 labels."""
        self.advance()
        return self.batch()

    def advance(self) -> None:
        """Choose the next batch, whose numbers replace those of the last one in the same memory."""
        if self._position == self.batches_per_epoch:
            self._begin_epoch()
        start = self._position * self._batch_size
        self._chosen.copy_(self._order[start : start + self._batch_size])
        self._position += 1

    def batch(self) -> Batch:
        """Return the batch that ``advance`` has chosen: normalised images and int64 labels."""
        images = self._split.images.index_select(0, self._chosen)
        return Batch(normalise(images), self._split.labels.index_select(0, self._chosen))

    def state_dict(self) -> StreamState:
        """Return the stream's state, for ``load_state_dict`` of a stream made likewise."""
        return StreamState(generator=self._epoch_start.clone(), position=self._position)

    def load_state_dict(self, state: StreamState) -> None:
        """Restore a state of ``state_dict``.

        Raises:
            ValueError: If the position lies outside the epoch, as with another split or batch size.
        """
        position = state["position"]
        if not 0 <= position <= self.batches_per_epoch:
            raise ValueError(
                f"the saved position must be from 0 to {self.batches_per_epoch}, got {position}:"
                " resume with the data set and batch size it was saved with"
            )
        self._rng.set_state(state["generator"])
        self._begin_epoch()
        self._position = position

    def restart(self, seed: int) -> None:
        """Start a new epoch, in an order determined by ``seed``."""
        self._rng.manual_seed(seed)
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self._epoch_start = self._rng.get_state()
        count = len(self._split.labels)
        self._order = torch.randperm(count, generator=self._rng, device=self._rng.device)
        self._position = 0
