"""Lower layers never import higher ones, and siblings of layer 1 never import each other."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "gan_zoo"
LAYERS = {
    "outliers": 0,
    "__init__": 0, "interfaces": 0, "records": 0, "settings": 0, "seeding": 0, "allocator": 0,
    "cache": 0, "options": 0, "sealed": 0, "lock": 0, "stopping": 0, "annotations": 0,
    "diverged": 0, "extras": 0, "died": 0, "overrides": 0, "output": 0, "memory": 0, "eager": 0,
    "losses": 1, "regularizers": 1, "models": 1, "data": 1, "features": 1, "metrics": 1,
    "trackers": 1, "workers": 1, "optimizers": 1,
    "trainer": 2, "checkpoint": 2, "journal": 2, "evaluation": 2, "environment": 2, "pictures": 2,
    "progress": 2, "execution": 2, "experiment": 2, "report": 2, "compatibility": 2, "tracking": 2,
    "state": 2, "folders": 2, "plan": 2, "snapshot": 2, "training": 2, "resume": 2, "status": 2,
    "testbeds": 2, "landscape": 2, "fitting": 2, "run_summary": 2,
    "search": 2, "tpe": 2, "schedules": 2,
    "baselines": 2, "classification_scores": 2, "extractors": 2, "testing": 2,
    "configuration": 3, "building": 3, "cli": 3, "evaluate": 3, "api": 3,
    "recorded": 3, "sample": 3, "export": 3, "experiments": 3,
}  # fmt: skip
# A script of its own: it trains the shipped feature network on the bundled data.
SCRIPTS = {"features.train"}
FACADE = "__init__"  # what it offers is imported when it is asked for
ONLY_HYDRA = {"cli", "configuration", "building", "evaluate", "api", "recorded"}


def part(name: str) -> str:
    return name.split(".")[0]


def modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        names = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(names[:-1] if len(names) > 1 and names[-1] == "__init__" else names)] = path
    return found


def imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            found.append(node.module)
            if node.module == "gan_zoo":
                found += [f"gan_zoo.{alias.name}" for alias in node.names]
    return found


@pytest.mark.parametrize(("name", "path"), sorted(modules().items()))
def test_a_module_imports_from_its_own_layer_or_below(name, path):
    here = part(name)
    assert here in LAYERS, f"give {here} a layer"
    for imported in imports(path):
        if part(imported) in ("hydra", "omegaconf"):
            assert here in ONLY_HYDRA, f"{name} imports {imported}"
        if not imported.startswith("gan_zoo.") or name in (*SCRIPTS, FACADE):
            continue
        there = part(imported.removeprefix("gan_zoo."))
        if there.startswith("__"):
            continue  # the version
        if there == here:
            continue
        if LAYERS[here] == 1:
            assert LAYERS[there] == 0, f"{name} imports its sibling {imported}"
        assert LAYERS[there] <= LAYERS[here], f"{name} imports {imported} of a higher layer"


def test_losses_import_only_torch_and_the_contracts():
    for name, path in modules().items():
        if part(name) == "losses":
            for imported in imports(path):
                top = part(imported)
                if top == "gan_zoo":
                    assert imported.startswith(("gan_zoo.losses", "gan_zoo.interfaces")), name
                else:
                    assert top in {*sys.stdlib_module_names, "torch"}, f"{name}: {imported}"


@pytest.mark.parametrize(
    "module",
    [
        "gan_zoo",
        "gan_zoo.api",
        "gan_zoo.cli",
        "gan_zoo.report.build",
        "gan_zoo.records",
        "gan_zoo.status",
        "gan_zoo.experiments.study_runs",
    ],
)
def test_torch_is_not_imported_before_a_job_starts(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_run_imports_nothing_of_the_report_but_names():
    code = "import sys, gan_zoo.experiment; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
