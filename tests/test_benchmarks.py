"""What is compared does the same work, and the work is counted right."""

import re
from types import SimpleNamespace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import checkpoint, naive, step, timing
from benchmarks.__main__ import PARTS, README, replaced
from benchmarks.costs import inside
from benchmarks.runs import copies_of
from benchmarks.subjects import trainer
from benchmarks.timing import interleaved, ratios, table
from benchmarks.turns import Worker
from benchmarks.work import TAPS, Convolution, gflop_per_iteration
from gan_zoo.models import infogan
from gan_zoo.models.acgan import Discriminator, Generator
from gan_zoo.report.load import load
from gan_zoo.runs.record import RunRecord, write_record

SHAPE = {"image_shape": (1, 28, 28), "num_classes": 10}


def copied(source: torch.nn.Module, target: torch.nn.Module) -> None:
    """The parameters one by one, in the order of their layers."""
    with torch.no_grad():
        for a, b in zip(source.parameters(), target.parameters(), strict=True):
            b.copy_(a)


def test_the_naive_generator_is_the_same_function():
    ours, plain = Generator(**SHAPE, width=0.05).double(), naive.Generator(0.05).double()
    copied(ours, plain)
    z, labels = torch.rand(4, 100, dtype=torch.float64), torch.arange(4)
    torch.testing.assert_close(plain(z, labels), ours(z, labels), rtol=1e-10, atol=1e-12)


def test_the_naive_discriminator_has_the_same_sizes():
    sizes = [
        [tuple(p.shape) for p in network.parameters()]
        for network in (Discriminator(**SHAPE, width=0.1), naive.Discriminator(0.1))
    ]
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize(
    ("ours", "plain"),
    [(infogan.Generator, naive.InfoGenerator), (infogan.Discriminator, naive.InfoDiscriminator)],
)
def test_the_naive_infogan_has_the_same_sizes(ours, plain):
    sizes = [
        [tuple(p.shape) for p in network.parameters()]
        for network in (ours(**SHAPE, width=0.25), plain(0.25))
    ]
    assert sizes[0] == sizes[1]


def test_an_iteration_s_arithmetic_is_what_torch_counts():
    with torch.device("meta"):
        training = naive.Training(
            torch.empty(10, 1, 28, 28), torch.zeros(10, dtype=torch.int64),
            networks=(naive.Generator(), naive.Discriminator()),
            batch=100, generator_batch=200,
        )  # fmt: skip
        generator, discriminator = training.generator, training.discriminator
        z, labels = torch.empty(200, 100), torch.zeros(200, dtype=torch.int64)
        with FlopCounterMode(display=False) as counter:
            with torch.no_grad():
                fakes = generator(z[:100], labels[:100])
            scores, logits = discriminator(torch.cat([fakes, fakes]))
            (scores.sum() + logits.sum()).backward()
            for parameter in discriminator.parameters():
                parameter.requires_grad_(False)
            scores, logits = discriminator(generator(z, labels))
            (scores.sum() + logits.sum()).backward()
    assert gflop_per_iteration("plain") == pytest.approx(counter.get_total_flops() / 1e9, rel=0.005)


def test_folding_saves_what_its_taps_say():
    """Per convolution 25 : 9 : 6.25; everything else of an iteration is the same."""
    plain, folded, differences = (gflop_per_iteration(form) for form in TAPS)
    assert (plain - folded) / (plain - differences) == pytest.approx((25 - 9) / (25 - 6.25))
    assert folded == pytest.approx(566, rel=0.005)


def test_turns_are_taken_and_warming_up_does_not_count():
    order = []
    found = interleaved(
        {name: lambda name=name: order.append(name) or len(order) for name in "ab"}, 2, warm_up=1
    )
    assert order == ["a", "b"] * 3
    assert found == {"a": [3, 5], "b": [4, 6]}
    assert ratios([4, 9], [2, 3]) == [2, 3]


def test_a_clock_is_read_when_the_device_has_done_its_work(monkeypatch):
    events = []
    module = SimpleNamespace(synchronize=lambda: events.append("wait"))
    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: events.append("clock") or 0.0)
    timing.seconds_of(lambda: events.append("work"), torch.device("cuda"))
    assert events == ["wait", "clock", "work", "wait", "clock"]


@pytest.mark.parametrize("native", [False, True])
def test_the_step_benchmark_compares_both_forms_and_bf16_where_it_is_native(monkeypatch, native):
    monkeypatch.setattr(step, "multiplies_bf16", lambda device: native)
    section = step.against_naive("infogan", rounds=1)
    forms = ["naive", "gan_zoo fp32", *["gan_zoo bf16"] * native]
    assert [line.split("|")[1].strip() for line in section.lines[2:]] == forms
    assert " 1.00 (1.00–1.00) |" in section.lines[2]


def test_a_process_answers_each_turn_with_seconds():
    code = "import time; from benchmarks.turns import serve; serve(lambda: time.sleep(0.05))"
    with Worker("-c", code) as worker:
        assert all(0.05 <= worker() < 5 for _ in range(3))
    assert worker.process.returncode == 0


def test_a_process_that_ends_early_is_told():
    with pytest.raises(RuntimeError, match="ended with code 1"):
        Worker("-c", "import sys; sys.exit(1)")


def test_keras_is_skipped_with_a_clear_line(monkeypatch):
    monkeypatch.delenv("KERAS_PYTHON", raising=False)
    monkeypatch.setattr(step.importlib.util, "find_spec", lambda name: None)
    (section,) = step.keras()
    assert section.text.startswith("Skipped: no Keras here.")


def test_overhead_is_what_is_outside_the_networks():
    built = trainer("model.generator.width=0.02", "model.discriminator.width=0.05")
    with inside(built) as spent:
        built.step()
    # G twice, D twice, two backward passes, two optimizers' steps
    assert len(spent) == 8
    backward = torch.Tensor.backward
    assert backward.__name__ == "backward"  # put back


def test_every_part_has_its_place_in_the_page():
    page = README.read_text()
    for name in PARTS:
        changed = replaced(page, name, "new\\1")
        assert f"<!-- {name} -->\nnew\\1\n<!-- /{name} -->" in changed
    with pytest.raises(ValueError, match="no <!-- nothing -->"):
        replaced(page, "nothing", "")


def test_a_table_s_columns_line_up():
    lines = table(["", "seconds"], [["a", "1"]])
    assert lines == ["|  | seconds |", "| --- | ---: |", "| a | 1 |"]


def test_copies_of_a_run_are_runs_that_a_report_reads(tmp_path):
    write_record(tmp_path / "run", RunRecord("a", "bce", 0, "finished"))
    copies_of(tmp_path / "run", tmp_path / "sweep", 6)
    collection = load([tmp_path / "sweep"])
    assert not collection.unreadable
    found = {(run.record.loss, run.record.seed) for run in collection.runs}
    assert len(found) == 6


def test_the_cost_of_states_is_measured():
    line = checkpoint.measure(checkpoint.Options(rounds=1))
    assert re.fullmatch(r"infogan: step .* ms, state .* MB\), look .* % of an epoch .*", line)


def test_the_share_of_the_peak_is_work_over_time_over_the_neighbouring_rate():
    needed = gflop_per_iteration("folded")
    lines = step.shares([2.0, 4.0], [needed, needed / 2], "fp32")  # both at half of the peak
    assert lines[2].split("|")[-2].strip() == "50 (50–50)"
    small = Convolution(torch.ones(2, 3, 5, 5), torch.ones(4, 3, 3, 3))
    with FlopCounterMode(display=False) as counter:
        assert small.seconds() > 0
    assert small.gflop * 1e9 == counter.get_total_flops()
