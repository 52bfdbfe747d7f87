"""The notebook runs from top to bottom, and is kept with the outputs of such a run."""

import json
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "examples/tour.ipynb"


def code_cells():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def run_all(folder, monkeypatch):
    """Run the cells in order in one namespace, as a notebook does; return it."""
    import matplotlib.pyplot as plt

    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    namespace = {"__name__": "__main__"}
    try:
        for number, cell in enumerate(code_cells(), start=1):
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), namespace)
    finally:
        plt.close("all")
        sys.modules.pop("my_losses", None)
    return namespace


@pytest.fixture
def _in_quick_size(monkeypatch):
    monkeypatch.setenv("GAN_ZOO_TOUR_QUICK", "1")


def assert_toured(found):
    assert found["run"].record.status == found["own"].record.status == "finished"
    variants = {
        v.name: len(v.finished) for v in found["compare"](found["load"]([found["sweep"]])).variants
    }
    assert variants == {"bce": 3, "log_cosh": 1, "wgan": 3}
    assert (found["sweep"] / "report.html").exists()
    assert len(found["runs"]) >= len(found["order"]) > 10  # of the study


@pytest.mark.usefixtures("_in_quick_size")
def test_every_cell_runs(tmp_path, monkeypatch, capsys):
    assert_toured(run_all(tmp_path, monkeypatch))
    printed = capsys.readouterr().out
    assert "3 seeds each: p is at least 0.1\n" in printed
    assert printed.count("(real)") == 2  # tables of two losses, then with the third


@pytest.mark.slow
def test_the_tour_at_its_own_size_says_what_its_text_says(tmp_path, monkeypatch):
    found = run_all(tmp_path, monkeypatch)
    assert_toured(found)
    metrics = found["run"].record.metrics
    assert metrics["ema_label_accuracy_mnistcnn_test_10k"] > 0.95  # digits, of the class asked for
    assert metrics["ema_fid_mnistcnn_test_10k"] < 60


def test_the_kept_outputs_are_of_one_run_from_top_to_bottom():
    assert NOTEBOOK.stat().st_size <= 300_000
    cells = code_cells()
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 6
