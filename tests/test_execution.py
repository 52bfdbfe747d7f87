"""What ``auto`` comes to on which device, and that only training's products are in bf16."""

import copy
from dataclasses import replace

import pytest
import torch

from gan_zoo import execution
from gan_zoo.execution import WIDE, Execution, choose, prepare
from gan_zoo.experiment import build_trainer, execution_of
from gan_zoo.models.acgan import Discriminator, Generator
from gan_zoo.regularizers.gradient_penalty import GradientPenalty
from gan_zoo.settings import TrainerSettings

CPU = torch.device("cpu")
SHAPE = {"image_shape": (1, 8, 8), "num_classes": 3}
BF16 = Execution("bf16", "channels_last")


def flags(monkeypatch, tmp_path, words):
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor : 0\nflags\t\t: fpu {words}\n\nprocessor : 1\nflags\t\t: fpu\n")
    monkeypatch.setattr(execution, "CPU_INFO", info)


@pytest.mark.parametrize(
    ("words", "parameters", "expected"),
    [
        ("avx512f avx512_bf16", WIDE, "bf16"),
        ("amx_bf16 amx_tile", WIDE, "bf16"),
        ("avx512f avx512_bf16", WIDE - 1, "fp32"),  # too narrow to pay
        ("avx2 fma avx512f", 10 * WIDE, "fp32"),  # bf16 would be emulated
    ],
)
def test_auto_is_bf16_where_the_cpu_multiplies_it(
    monkeypatch, tmp_path, words, parameters, expected
):
    flags(monkeypatch, tmp_path, words)
    assert choose(TrainerSettings(), CPU, parameters) == Execution(expected, "channels_last")


def test_auto_is_fp32_where_nothing_is_known_of_the_device(monkeypatch, tmp_path):
    monkeypatch.setattr(execution, "CPU_INFO", tmp_path / "nothing")
    assert choose(TrainerSettings(), CPU, 10 * WIDE).precision == "fp32"
    mps = choose(TrainerSettings(), torch.device("mps"), 10 * WIDE)
    assert mps == Execution("fp32", "contiguous")


@pytest.mark.parametrize("native", [True, False])
def test_auto_on_cuda_is_bf16_if_it_is_not_emulated(monkeypatch, native):
    seen = []

    def supported(including_emulation):
        seen.append(including_emulation)
        return native

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    found = choose(TrainerSettings(), torch.device("cuda"), WIDE)
    assert found.precision == ("bf16" if native else "fp32")
    assert seen == [False]


def test_what_the_settings_say_is_done(monkeypatch, tmp_path):
    flags(monkeypatch, tmp_path, "amx_bf16")
    settings = TrainerSettings(precision="fp32", memory_format="contiguous")
    assert choose(settings, CPU, WIDE) == Execution("fp32", "contiguous")
    assert choose(TrainerSettings(precision="bf16"), CPU, 1).precision == "bf16"


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
    assert all(row.dtype == torch.float32 for row in trainer.discriminator_log)


def test_bf16_trains_towards_the_same_losses(tiny_parts):
    ends = []
    for precision in ("fp32", "bf16"):
        settings = replace(tiny_parts.trainer, precision=precision)
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


def test_the_record_says_what_auto_came_to(tiny_parts):
    found = execution_of(tiny_parts, torch.nn.Linear(3, 4)).record()
    assert found == {"precision": "fp32", "memory_format": "channels_last"}
