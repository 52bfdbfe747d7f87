"""A CUDA GPU is right: numbers of the CPU, the same bits again, graphs that equal eager updates.

``pytest tests/gpu -m gpu`` on a machine with one. ``$GAN_ZOO_GPU_SECONDS`` (360) after the first
test the rest is skipped.
"""

import os
import time

import pytest
import torch

from benchmarks import gpu_checks
from benchmarks.gpu_checks import FIRST, LOSSES, SECOND, SMALL
from benchmarks.subjects import parts, trainer
from gan_zoo.data.devices import float32_products, in_use

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.filterwarnings("default"),  # torch's, of prototypes and of operations in any order
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA GPU"),
]
WARM_UP = 3


@pytest.fixture(scope="module")
def end():
    return time.monotonic() + float(os.environ.get("GAN_ZOO_GPU_SECONDS", "360"))


@pytest.fixture(autouse=True)
def device(end):
    """The current GPU, as a run uses it: deterministic, IEEE."""
    if time.monotonic() > end:
        pytest.skip("the time for the tests of a GPU is up: GAN_ZOO_GPU_SECONDS")
    place = torch.device("cuda", torch.cuda.current_device())
    with in_use(place, deterministic=True):
        yield place


def within(errors):
    """Return the errors that are more than rounding."""
    second = ("second derivative", "R1")
    return {
        name: error
        for name, error in errors.items()
        if not error <= (SECOND if any(word in name for word in second) else FIRST)
    }


@pytest.mark.parametrize("check", [gpu_checks.losses, gpu_checks.layer_forms, gpu_checks.updates])
def test_numbers_are_those_of_the_cpu_in_float64(device, check):
    with float32_products("ieee"):
        assert not within(check(device))


def test_tf32_and_bf16_round_as_much_as_they_say(device):
    with float32_products("tf32"):
        errors = gpu_checks.layer_forms(device)
    assert max(errors.values()) <= 2e-3


@pytest.mark.parametrize("loss", LOSSES)
def test_an_update_of_every_loss_never_waits(device, loss):
    made = trainer(*SMALL, f"loss={loss}", f"device={device}", "capture=never")
    for _ in range(WARM_UP):
        made.step()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            made.update(True)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("loss", sorted({*LOSSES} - {"instance_noise"}))  # its noise falls
def test_a_graph_equals_eager_updates(device, loss):
    words = [f"loss={loss}", "trainer.n_critic=1"]
    assert gpu_checks.graph_equals_eager(device, words) == []


@pytest.mark.parametrize("words", [["trainer.n_critic=2"], ["model=acgan"], ["optimizer=sgd"],
                                   ["trainer.precision=bf16"]])  # fmt: skip
def test_a_graph_equals_eager_updates_with_other_settings(device, words):
    assert gpu_checks.graph_equals_eager(device, words, steps=24) == []


@pytest.mark.parametrize("choice", ["never", "always"])
@pytest.mark.parametrize("loss", ["bce", "wgan_gp", "lecam"])
def test_a_resumed_training_equals_a_whole_one(device, loss, choice):
    words = [f"loss={loss}", "trainer.n_critic=1", f"capture={choice}"]
    assert gpu_checks.resume_differs(device, words) == []


def test_the_same_samples_have_the_same_metrics(device):
    for name, (cpu, here) in gpu_checks.evaluation(device).items():
        assert here == pytest.approx(cpu, rel=1e-4, abs=1e-3), name


def test_a_run_chooses_this_device(device):
    assert parts("device=auto", "evaluation.extractor=none").device.type == "cuda"
