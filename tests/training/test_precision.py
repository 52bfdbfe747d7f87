"""What ``auto`` selects on each device, and that bf16 affects only products in training."""

import copy
from dataclasses import replace
from functools import partial

import pytest
import torch

from gan_zoo.config.schema import TrainerSettings
from gan_zoo.models.acgan import Discriminator, Generator
from gan_zoo.regularizers.finite_differences import ApproximateR1
from gan_zoo.regularizers.gradient_penalties import GradientPenalty
from gan_zoo.training import precision
from gan_zoo.training.build import build_trainer
from gan_zoo.training.precision import SMALL, Execution, choose, prepare

CPU = torch.device("cpu")
SHAPE = {"image_shape": (1, 8, 8), "num_classes": 3}
BF16 = Execution("bf16", "channels_last")


def flags(monkeypatch, tmp_path, words):
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor : 0\nflags\t\t: fpu {words}\n\nprocessor : 1\nflags\t\t: fpu\n")
    monkeypatch.setattr(precision, "CPU_INFO", info)


@pytest.fixture
def networks():
    """Return the smallest networks that are probed."""
    pair = Generator(**SHAPE, width=0.25), Discriminator(**SHAPE, width=0.25)
    assert sum(p.numel() for network in pair for p in network.parameters()) >= SMALL
    return pair


@pytest.fixture
def speedups(monkeypatch, tmp_path):
    """Return a list of the speedups that probes will find, in turn; the cache is empty."""
    monkeypatch.setenv("GAN_ZOO_CACHE", str(tmp_path / "cache"))
    found = []
    monkeypatch.setattr(precision, "_speedups", lambda *_: {"bf16": found.pop(0)})
    return found


@pytest.mark.parametrize(
    ("words", "measured", "expected"),
    [
        ("avx512f avx512_bf16", [1.5], "bf16"),
        ("amx_bf16 amx_tile", [1.5], "bf16"),
        ("avx512f avx512_bf16", [1.01], "fp32"),  # not worth the rounding
        ("avx2 fma avx512f", [], "fp32"),  # bf16 would be emulated: no probe
    ],
)
def test_auto_is_bf16_where_the_cpu_multiplies_it_natively_and_faster(
    monkeypatch, tmp_path, networks, speedups, words, measured, expected
):
    flags(monkeypatch, tmp_path, words)
    speedups += measured
    found = choose(TrainerSettings(), CPU, *networks)
    assert found == Execution(expected, "channels_last")
    assert not speedups


def test_small_networks_are_not_probed(monkeypatch, tmp_path, speedups):
    flags(monkeypatch, tmp_path, "amx_bf16")
    small = Generator(**SHAPE, width=0.05), Discriminator(**SHAPE, width=0.05)
    assert choose(TrainerSettings(), CPU, *small).precision == "fp32"


def test_the_result_of_a_probe_is_cached(monkeypatch, tmp_path, networks, speedups):
    flags(monkeypatch, tmp_path, "amx_bf16")
    speedups += [1.5, 0.9]
    assert choose(TrainerSettings(), CPU, *networks).precision == "bf16"
    assert choose(TrainerSettings(), CPU, *networks).precision == "bf16"
    assert speedups == [0.9]
    other = TrainerSettings(generator_batch_size=7)
    assert choose(other, CPU, *networks).precision == "fp32"


def test_the_result_of_another_process_is_used(monkeypatch, tmp_path, networks, speedups):
    flags(monkeypatch, tmp_path, "amx_bf16")

    def slowly(*_):
        monkeypatch.setattr(precision, "_speedups", lambda *_: {"bf16": 1.5})
        assert choose(TrainerSettings(), CPU, *networks).precision == "bf16"
        return {"bf16": 0.9}

    monkeypatch.setattr(precision, "_speedups", slowly)
    assert choose(TrainerSettings(), CPU, *networks).precision == "bf16"


def test_a_probe_changes_neither_networks_nor_random_streams(monkeypatch, networks):
    monkeypatch.setattr(precision, "PROBE_SECONDS", 0)
    before = copy.deepcopy([network.state_dict() for network in networks])
    torch.manual_seed(3)
    state = torch.get_rng_state()
    speedups = precision._speedups(networks, 4, CPU, "channels_last", False)
    assert set(speedups) == {"bf16"}
    assert speedups["bf16"] > 0
    assert torch.equal(torch.get_rng_state(), state)
    for network, old in zip(networks, before, strict=True):
        assert all(p.grad is None for p in network.parameters())
        assert "forward" not in vars(network)
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, old[name])


def test_auto_is_fp32_on_an_unknown_device(monkeypatch, tmp_path, networks):
    monkeypatch.setattr(precision, "CPU_INFO", tmp_path / "nothing")
    assert choose(TrainerSettings(), CPU, *networks).precision == "fp32"
    mps = choose(TrainerSettings(), torch.device("mps"), *networks)
    assert mps == Execution("fp32", "contiguous")


@pytest.mark.parametrize("native", [True, False])
def test_auto_on_cuda_is_bf16_unless_emulated(monkeypatch, networks, speedups, native):
    seen = []

    def supported(including_emulation):
        seen.append(including_emulation)
        return native

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "H100")
    speedups.append(2.0)
    found = choose(TrainerSettings(), torch.device("cuda"), *networks)
    assert found.precision == ("bf16" if native else "fp32")
    assert seen == [False]


def test_settings_other_than_auto_are_used(monkeypatch, tmp_path, networks, speedups):
    flags(monkeypatch, tmp_path, "amx_bf16")
    settings = TrainerSettings(precision="fp32", memory_format="contiguous")
    assert choose(settings, CPU, *networks) == Execution("fp32", "contiguous")
    assert choose(TrainerSettings(precision="bf16"), CPU, *networks).precision == "bf16"


def test_bf16_rounds_products_in_training_and_nothing_in_evaluation():
    torch.manual_seed(0)
    generator = Generator(**SHAPE, width=0.05)
    plain = copy.deepcopy(generator).to(memory_format=torch.channels_last)
    prepare(generator, BF16, twice_differentiated=False)
    z, labels = torch.rand(6, 100), torch.arange(6) % 3
    exact, rounded = plain(z, labels), generator(z, labels)
    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).norm() < 0.05 * exact.norm()
    assert torch.equal(generator.eval()(z, labels), exact)
    assert {p.dtype for p in generator.parameters()} == {torch.float32}


def test_a_copy_of_a_network_in_bf16_computes_with_its_own_weights():
    generator = Generator(**SHAPE, width=0.05)
    prepare(generator, BF16, twice_differentiated=False)
    other = copy.deepcopy(generator)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    z, labels = torch.rand(6, 100), torch.arange(6) % 3
    for network in (other, other.eval()):
        assert not network(z, labels).any()
    assert generator(z, labels).any()


def test_a_step_in_bf16_leaves_losses_gradients_and_optimizer_in_single_precision(tiny_parts):
    settings = replace(tiny_parts.trainer, precision="bf16", ema_decay=0.9)
    trainer = build_trainer(replace(tiny_parts, trainer=settings))
    seen = []
    trainer.discriminator.register_forward_hook(lambda _, __, output: seen.append(output))
    trainer.step()
    assert {tensor.dtype for output in seen for tensor in output} == {torch.float32}
    for optimizer in (trainer.generator_optimizer, trainer.discriminator_optimizer):
        for parameter, state in optimizer.state.items():
            assert {parameter.grad.dtype, state["exp_avg"].dtype} == {torch.float32}
    assert all(log[0].dtype == torch.float32 for log in trainer.logs.values() if log)


def test_bf16_trains_towards_the_same_losses(tiny_parts):
    ends = []
    for kind in ("fp32", "bf16"):
        settings = replace(tiny_parts.trainer, precision=kind)
        trainer = build_trainer(replace(tiny_parts, trainer=settings))
        torch.manual_seed(0)
        for _ in range(20):
            trainer.step()
        ends.append(trainer.collect()["discriminator_train_loss"])
    assert ends[0] != ends[1]
    assert ends[0] == pytest.approx(ends[1], rel=0.02)


def test_a_critic_whose_gradient_is_penalised_stays_in_single_precision(tiny_parts):
    """Its penalty and the penalty's gradient are those of fp32, bit by bit, for the same fakes."""
    torch.manual_seed(0)
    images = torch.rand(6, 1, 8, 8)
    outputs = []
    for penalised in (True, False):
        torch.manual_seed(1)
        critic = Discriminator(**SHAPE, width=0.1, dropout=0.0)
        prepare(critic, BF16, twice_differentiated=penalised)
        plain = copy.deepcopy(critic)
        plain.__dict__.pop("forward", None)
        outputs.append(torch.equal(critic(images).scores, plain(images).scores))
    assert outputs == [True, False]
    settings = replace(tiny_parts.trainer, precision="bf16")
    parts = replace(tiny_parts, trainer=settings, regularizer=GradientPenalty())
    trainer = build_trainer(parts)
    assert "forward" not in vars(trainer.discriminator)
    assert "forward" in vars(trainer.generator)
    trainer.step()
    trainer.collect()  # finite


def test_a_penalty_of_finite_differences_leaves_the_critic_in_bf16(tiny_parts):
    settings = replace(tiny_parts.trainer, precision="bf16")
    critic = partial(tiny_parts.discriminator, dropout=0.0)
    parts = replace(tiny_parts, trainer=settings, regularizer=ApproximateR1())
    trainer = build_trainer(replace(parts, discriminator=critic))
    assert "forward" in vars(trainer.discriminator)
    trainer.step()
    assert trainer.collect()["discriminator_train_penalty"] > 0


def test_the_record_holds_what_auto_selected(tiny_parts):
    found = build_trainer(tiny_parts).execution.record()
    assert found == {"precision": "fp32", "memory_format": "channels_last"}
