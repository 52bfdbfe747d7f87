"""A simulated accelerator: its tensors say ``gpusim:0`` and hold their numbers on the CPU.

It refuses what a real one refuses, operands on two devices and generators of another device, and
counts what costs a real one time: kernels, and reads by the host, which wait for all of them. No
hardware is needed. torch's interface for devices written in Python is experimental; ``REASON`` says
why there is no simulation where it is missing.
"""

from collections import Counter
from contextlib import contextmanager

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

try:
    from torch.utils.backend_registration import _setup_privateuseone_for_python_backend as _setup
except ImportError:
    _setup = None

NAME = "gpusim"
REASON = "this torch has no interface for devices written in Python"
READS = {
    "_local_scalar_dense", "_unique2", "allclose", "bincount", "equal", "is_nonzero",
    "masked_select", "nonzero", "unique_consecutive", "unique_dim",
}  # fmt: skip
INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_"}
WITHOUT_KERNEL = {
    "_local_scalar_dense", "_reshape_alias", "_unsafe_view", "alias", "detach", "empty_like",
    "lift_fresh", "new_empty", "new_empty_strided",
}  # fmt: skip


class MixedDevices(RuntimeError):
    """Raised for an operation on tensors, or with a generator, of two devices."""


class Ledger:
    """What was run on the simulated device since ``clear``."""

    def __init__(self):
        self.kernels, self.reads, self.copies_to_device = Counter(), Counter(), Counter()
        self.has_float64 = True

    def clear(self):
        for counter in (self.kernels, self.reads, self.copies_to_device):
            counter.clear()


LEDGER = Ledger()


class Module:
    """The functions of ``torch.gpusim``; its global random stream is the CPU's."""

    def is_initialized(self):
        return True

    is_available = is_initialized

    def device_count(self):
        return 1

    def current_device(self):
        return 0

    def _is_in_bad_fork(self):
        return False

    def manual_seed_all(self, seed):
        torch.default_generator.manual_seed(seed)

    def get_rng_state(self, device=None):
        return torch.default_generator.get_state()

    def set_rng_state(self, state, device=None):
        torch.default_generator.set_state(state)

    def get_amp_supported_dtype(self):
        return [torch.bfloat16, torch.float16]


def device():
    """Return the simulated device, which is registered with torch at the first call."""
    if _setup is None:
        pytest.skip(REASON)
    if not hasattr(torch, NAME):
        try:
            _setup(NAME, Module())
        except RuntimeError as error:
            pytest.skip(f"{REASON}: {error}")
    return torch.device(NAME, 0)


def is_simulated(place):
    return place is not None and torch.device(place).type == NAME


class Simulated(torch.Tensor):
    """A tensor on the simulated device; ``raw`` holds its numbers."""

    @staticmethod
    def __new__(cls, raw):
        if raw.dtype == torch.float64 and not LEDGER.has_float64:
            raise TypeError("the simulated device has no float64")
        return torch.Tensor._make_wrapper_subclass(
            cls, raw.shape, strides=raw.stride(), storage_offset=raw.storage_offset(),
            dtype=raw.dtype, device=torch.device(NAME, 0),
        )  # fmt: skip

    def __init__(self, raw):
        self.raw = raw

    def __repr__(self):
        return f"Simulated({self.raw!r})"

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            copied = Simulated(self.raw.detach().clone())
            if isinstance(self, torch.nn.Parameter):
                copied = torch.nn.Parameter(copied, self.requires_grad)
            memo[id(self)] = copied
        return memo[id(self)]

    def new_tensor(self, data, *, dtype=None):
        return torch.tensor(data, dtype=dtype or self.dtype).to(self.device)

    def tolist(self):
        LEDGER.reads["tolist"] += 1
        return self.raw.tolist()

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return execute(func, args, kwargs or {})


def execute(func, args, kwargs):
    """Run an operation on the raw tensors, checked and counted."""
    name = func._schema.name.partition("::")[2]
    operands = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    ours = [operand for operand in operands if isinstance(operand, Simulated)]
    target = kwargs.get("device")
    on_device = bool(ours) if target is None else is_simulated(target)
    if name in ("_to_copy", "copy_"):
        _note_copy(name, args, target, on_device)
    elif ours:
        _check(name, func, args, operands)
    view = func.is_view or torch.Tag.inplace_view in func.tags
    if on_device and not (view or name in WITHOUT_KERNEL or name.startswith("empty")):
        LEDGER.kernels[name] += 1

    def raw(leaf):
        return leaf.raw if isinstance(leaf, Simulated) else leaf

    def wrapped(leaf):
        plain = isinstance(leaf, torch.Tensor) and not isinstance(leaf, Simulated)
        return Simulated(leaf) if plain else leaf

    plain_kwargs = tree_map(raw, kwargs)
    if target is not None:
        plain_kwargs["device"] = torch.device("cpu")
    found = func(*tree_map(raw, args), **plain_kwargs)
    if not on_device or not isinstance(found, torch.Tensor | tuple | list):
        return found
    return return_and_correct_aliasing(func, args, kwargs, tree_map(wrapped, found))


def _note_copy(name, args, target, on_device):
    if name == "copy_":
        there, here = (isinstance(arg, Simulated) for arg in args[:2])
    else:
        there, here = on_device, isinstance(args[0], Simulated)
    if here and not there:
        LEDGER.reads["copy to the CPU"] += 1
    if there and not here:
        LEDGER.copies_to_device[tuple(args[1 if name == "copy_" else 0].shape)] += 1


def _check(name, func, args, operands):
    foreign = [each for each in operands if not isinstance(each, Simulated) and each.dim() > 0]
    if foreign and name in INDEXING and isinstance(args[0], Simulated):  # torch copies the index
        LEDGER.reads["index on the CPU"] += 1
        indices = {id(index) for index in args[1]}
        foreign = [each for each in foreign if id(each) not in indices]
    if foreign:
        raise MixedDevices(f"{name}: all tensors must be on one device, found {NAME} and cpu")
    if name == "where" and any(each.dim() == 0 and each.device.type == "cpu" for each in operands):
        LEDGER.reads["where with a number, which is copied to the device"] += 1
    if name in READS or (name == "repeat_interleave" and func._overloadname == "Tensor"):
        LEDGER.reads[name] += 1
    masks = (torch.bool, torch.uint8)
    if name in INDEXING and any(i is not None and i.dtype in masks for i in args[1]):
        LEDGER.reads[f"{name} by a mask"] += 1


class Factories(TorchDispatchMode):
    """Make and move tensors to the simulated device."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        ours = any(isinstance(leaf, Simulated) for leaf in tree_leaves((args, kwargs)))
        if ours or is_simulated(kwargs.get("device")):
            return execute(func, args, kwargs)
        return func(*args, **kwargs)


class Generators(TorchFunctionMode):
    """Refuse a generator of another device than what is drawn."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        generator = kwargs.get("generator")
        if isinstance(generator, RealGenerator):
            drawn = [arg.device for arg in args if isinstance(arg, torch.Tensor)] or ["cpu"]
            place = torch.device(kwargs.get("device") or drawn[0])
            if place.type != generator.device.type:
                raise MixedDevices(f"a generator on {generator.device} cannot draw on {place}")
        return func(*args, **kwargs)


RealGenerator = torch.Generator


class SimulatedGenerator(torch.Generator):
    """A generator that says it is on the simulated device."""

    device = property(lambda self: torch.device(NAME, 0))


class Generator(torch.Generator):
    """``torch.Generator``, on the simulated device too."""

    def __new__(cls, device="cpu"):
        return SimulatedGenerator("cpu") if is_simulated(device) else RealGenerator(device)


@contextmanager
def simulation(*, has_float64=True):
    """Simulate the device in the block; yield it. The ledger is empty at its start."""
    place = device()
    LEDGER.clear()
    LEDGER.has_float64 = has_float64
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "Generator", Generator)
        if not has_float64:
            kinds = {"mps", NAME}
            patch.setattr("gan_zoo.data.devices.WITHOUT_FLOAT64", kinds)
        try:
            with Factories(), Generators():
                yield place
        finally:
            LEDGER.has_float64 = True
