"""Imports never run upward: a room imports from its own and from lower rooms."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "gan_zoo"
LAYERS = {
    "__init__": 0, "types": 0,
    "losses": 1, "regularizers": 1, "models": 1, "data": 1, "runs": 1,
    "evaluation": 2,
    "config": 3, "report": 3,
    "training": 4,
    "cli": 5, "testing": 5,
    "experiments": 6,
}  # fmt: skip
WITHOUT_TORCH = ("types", "runs", "report")  # importing these rooms needs no torch
WITH_HYDRA = ("config", "training", "cli")
FACADE = "__init__"  # imports what it offers when it is asked for


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> list[str]:
    """Return the modules that a module imports, leaving out imports for type annotations."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def test_the_package_has_twelve_rooms():
    rooms = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    assert rooms == {"py.typed", "__init__.py", "types.py"} | {
        name for name in LAYERS if name not in ("__init__", "types")
    }


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_from_its_own_room_or_lower_ones(path):
    here = room_of(path)
    for imported in imports(path):
        package, *names = imported.split(".")
        if package in ("hydra", "omegaconf"):
            assert here in WITH_HYDRA, f"imports {imported}"
        if package != "gan_zoo" or here == FACADE or not names or names[0] in (here, "__version__"):
            continue
        assert LAYERS[names[0]] < LAYERS[here], f"imports {imported}, which is not lower"


def test_losses_import_only_torch():
    for path in modules():
        if room_of(path) == "losses":
            for imported in imports(path):
                parts = imported.split(".")
                ours = parts[0] == "gan_zoo" and parts[1] in ("types", "losses")
                assert ours or parts[0] in ("torch", *sys.stdlib_module_names), (path, imported)


@pytest.mark.parametrize("room", WITHOUT_TORCH)
def test_importing_a_room_needs_no_torch(room):
    names = [
        ".".join(("gan_zoo", *path.relative_to(PACKAGE).with_suffix("").parts))
        for path in modules()
        if room_of(path) == room and path.name != "__init__.py"
    ]
    code = f"import sys\nimport {', '.join(names)}\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["gan_zoo", "gan_zoo.cli.train", "gan_zoo.cli.status"])
def test_torch_is_not_imported_before_a_job_starts(name):
    code = f"import sys, {name}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_run_does_not_import_pandas():
    code = "import sys, gan_zoo.training.run; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
