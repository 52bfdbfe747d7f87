"""A CUDA graph's semantics on the CPU: an update's operations are recorded, and repeated on the
same memory. What a graph would freeze is frozen here, too: numbers of Python, and decisions.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gan_zoo.training.captured import CannotCapture

WITHOUT_KERNEL = {
    "_reshape_alias", "_unsafe_view", "alias", "detach", "lift_fresh", "new_empty",
    "new_empty_strided",
}  # fmt: skip
READS = {"_local_scalar_dense", "equal", "is_nonzero", "item", "masked_select", "nonzero"}

BATCH_NORM = {"running_mean", "running_var"}  # written, although the operator does not declare it


class Recorder(TorchDispatchMode):
    """Write down every operation, and restore what they have changed at the end of the block."""

    def __init__(self):
        super().__init__()
        self.tape, self.changed, self.streams = [], [], {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func._schema.name.partition("::")[2]
        if name in READS:
            raise CannotCapture(f"the host reads: {name}")
        for leaf in tree_leaves((args, kwargs)):
            if isinstance(leaf, torch.Generator):
                self.streams.setdefault(leaf, leaf.get_state())
        for number, argument in enumerate(func._schema.arguments):
            declared = argument.alias_info is not None and argument.alias_info.is_write
            if declared or argument.name in BATCH_NORM:
                given = args[number] if number < len(args) else kwargs.get(argument.name)
                written = [leaf for leaf in tree_leaves(given) if isinstance(leaf, torch.Tensor)]
                self.changed += [(tensor, tensor.clone()) for tensor in written]
        outcome = func(*args, **kwargs)
        self.tape.append((name, func, args, kwargs, outcome))
        return outcome

    def __enter__(self):
        self.before = torch.get_rng_state()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        with torch.no_grad():
            for tensor, content in reversed(self.changed):
                tensor.copy_(content)
        for stream, state in self.streams.items():
            stream.set_state(state)
        torch.set_rng_state(self.before)


class Recording:
    """A ``gan_zoo.training.captured.Graph`` of the CPU."""

    made: list["Recording"] = []  # noqa: RUF012 - every recording, for tests to count

    def __init__(self, streams):
        self.tape, self.replays = [], 0
        self.made.append(self)

    def warm_up(self, work):
        work()

    def record(self, work):
        with Recorder() as recorder:
            work()
        self.tape = recorder.tape

    @torch.no_grad()
    def replay(self):
        self.replays += 1
        for name, func, args, kwargs, outcome in self.tape:
            if func.is_view or name in WITHOUT_KERNEL or name.startswith("empty"):
                continue
            found = func(*args, **kwargs)
            if func._schema.is_mutable:
                continue
            for old, new in zip(tree_leaves(outcome), tree_leaves(found), strict=True):
                if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)
