"""Process-wide switches: what is set in a block, and that all is as before after it."""

import warnings

import pytest
import torch

from gan_zoo.config.build import pick_device
from gan_zoo.config.schema import TrainerSettings
from gan_zoo.data.devices import (
    exact_arithmetic,
    float32_products,
    kept_global_streams,
    measuring_device,
)
from gan_zoo.data.random_streams import global_stream
from gan_zoo.training.precision import choose
from gan_zoo.types import ConfigurationError

HAS_SWITCHES = hasattr(torch.backends.cuda.matmul, "fp32_precision")


def switches():
    backends = torch.backends
    kinds = [backends.cuda.matmul, backends.cudnn.conv, backends.mkldnn.matmul]
    return [kind.fp32_precision for kind in kinds]


@pytest.mark.skipif(not HAS_SWITCHES, reason="this torch has only the older switches")
def test_measuring_is_ieee_whatever_a_caller_has_set():
    before = switches()
    with float32_products("tf32", cpu=True):
        assert switches() == ["tf32"] * 3
        with exact_arithmetic():
            assert switches() == ["ieee"] * 3
            assert torch.backends.cudnn.deterministic
        assert switches() == ["tf32"] * 3
    assert switches() == before


@pytest.mark.parametrize(("cuda", "picked"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_cuda_else_the_cpu_and_mps_on_request(monkeypatch, cuda, picked):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device("auto").type == picked
    assert pick_device("mps").type == "mps"
    assert measuring_device(torch.device("mps")) == torch.device("cpu")
    assert measuring_device(torch.device("cuda:1")) == torch.device("cuda:1")


def test_tf32_is_refused_without_its_units():
    with pytest.raises(ConfigurationError, match="precision=tf32 needs a CUDA GPU"):
        choose(TrainerSettings(precision="tf32"), torch.device("cpu"), None, None)


def test_several_gpus_are_neither_started_nor_warned_of(monkeypatch):
    def started(*_):
        raise AssertionError("a GPU was started")

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    monkeypatch.setattr(torch.cuda, "get_rng_state", started)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", started)
    state = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with kept_global_streams(), global_stream(3, "weights"):
            torch.rand(5)
    assert torch.equal(torch.get_rng_state(), state)
