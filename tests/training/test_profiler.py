"""A profiled run has a trace of as many updates as asked for, and the numbers of any other."""

import json
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from gan_zoo.training.profiler import PARTS, TRACE_NAME, WARMUP, profiled, summary
from gan_zoo.types import ConfigurationError
from tests.running import run_components


def traced(folder):
    events = json.loads((folder / TRACE_NAME).read_text())["traceEvents"]
    return Counter(event["name"] for event in events if event.get("cat") == "user_annotation")


def trainer():
    """Return a trainer whose parts of a step take next to no time."""
    work = torch.zeros(2).sum
    return SimpleNamespace(
        device=torch.device("cpu"),
        captured=None,
        **dict.fromkeys(PARTS, work),
    )


def update(of, after):
    for part in PARTS:
        getattr(of, part)()
    after()


def test_trace_and_table_are_of_the_updates_asked_for_and_no_number_changes(
    tiny_parts, tmp_path, capsys
):
    for name, updates in (("profiled", 3), ("plain", None)):
        run_components(replace(tiny_parts, profile=updates), tmp_path / name)
    assert [traced(tmp_path / "profiled")[part] for part in PARTS] == [3, 3, 3, 3]
    assert not (tmp_path / "plain" / TRACE_NAME).exists()
    lines = capsys.readouterr().err.partition("profile of 3 updates of D:\n")[2].splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines[1:20]}
    assert [rows[part][0] for part in PARTS] == ["1.0"] * 4
    assert sum(int(rows[part][2].rstrip("%")) for part in PARTS) == pytest.approx(100, abs=2)
    assert float(rows["discriminator_backward"][1]) > float(rows["convolution_backward"][1]) > 0
    for name in ("history.csv", "checkpoints/params_generator_epoch_002.safetensors"):
        one, other = (tmp_path / run / name for run in ("profiled", "plain"))
        assert one.read_bytes() == other.read_bytes()


def test_a_run_that_is_too_short_is_profiled_to_its_end(tmp_path):
    short = trainer()
    with profiled(tmp_path, short, 50) as after:
        for _ in range(WARMUP + 2):
            update(short, after)
    assert traced(tmp_path)["generator_update"] == 2


def test_what_happens_between_updates_is_not_in_the_table(tmp_path, capsys):
    own = trainer()
    with profiled(tmp_path, own, 3) as after:
        for _ in range(WARMUP + 3):
            torch.zeros(2).cos().sum()  # as of measurements after a short epoch
            update(own, after)
    lines = capsys.readouterr().err.partition("profile of 3 updates of D:\n")[2].splitlines()
    rows = {line.split()[0]: line.split()[1] for line in lines[1:-1] if line.strip()}
    assert rows["sum"] == "4.0"  # one in each part
    assert "cos" not in rows


def test_updates_are_not_captured_while_they_are_profiled(tmp_path):
    graphs = trainer()
    graphs.captured = SimpleNamespace(wanted=True)
    with profiled(tmp_path, graphs, 1):
        assert graphs.captured.wanted is False


@pytest.mark.parametrize("updates", [1, WARMUP])  # torch starts to record after the last of these
def test_a_run_of_nothing_but_warm_up_says_so(tmp_path, capsys, updates):
    shorter = trainer()
    with profiled(tmp_path, shorter, 1) as after:
        for _ in range(updates):
            update(shorter, after)
        torch.zeros(2).sum()  # the final measurement
    assert (
        "nothing was profiled: the first 10 updates of D are a warm-up" in capsys.readouterr().err
    )
    assert not (tmp_path / TRACE_NAME).exists()


def test_two_runs_of_a_process_are_not_profiled_at_once(tmp_path):
    for _ in range(2):  # the second time after the end of the first
        with (
            profiled(tmp_path, trainer(), 1),
            pytest.raises(ConfigurationError, match=r"one run at a time.*another hydra/launcher"),
            profiled(tmp_path, trainer(), 1),
        ):
            pass


def test_on_a_gpu_operators_are_sorted_by_its_time():
    """Without a GPU: on averages as torch's profiler gives them, in microseconds."""

    def average(key, count, total, own, gpu):
        return SimpleNamespace(
            key=key, count=count, cpu_time_total=total, self_cpu_time_total=own,
            device_time_total=gpu, self_device_time_total=0.0 if key in PARTS else gpu,
        )  # fmt: skip

    events = [
        average("generator_backward", 2, 2000.0, 10.0, 8000.0),
        average("discriminator_backward", 4, 6000.0, 10.0, 24000.0),
        average("aten::mm", 8, 900.0, 800.0, 4000.0),
        average("aten::convolution", 4, 700.0, 600.0, 12000.0),
        average("cudaLaunchKernel", 12, 300.0, 300.0, 0.0),
    ]
    rows = [line.split() for line in summary(events, 4, on_gpu=True).splitlines()]
    assert [row[0] for row in rows[1:]] == [
        "discriminator_backward", "generator_backward", "convolution", "mm",
    ]  # fmt: skip
    assert rows[1][1:] == ["1.0", "1.500", "75%", "6.000", "150%"]
    assert rows[3][1:] == ["1.0", "0.150", "8%", "3.000", "75%"]
