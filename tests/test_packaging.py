"""The wheel and the source distribution hold what they must, and nothing else."""

import importlib
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling")
ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# Beside the code: for whoever works on the repository.
NOT_IN_SDIST = {".ci/run", "multirun/README.md"}


def build(source: Path, target: Path, *more: str) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(target), *more],
        cwd=source, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def files(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if "__pycache__" not in path.parts)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(built) -> dict[str, bytes]:
    (path,) = built.glob("*.whl")
    return contents(path)


@pytest.fixture(scope="module")
def sdist(built, tmp_path_factory) -> Path:
    (path,) = built.glob("*.tar.gz")
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    return root


def test_the_wheel_has_code_configurations_data_and_weights(wheel):
    for path in files(ROOT / "gan_zoo"):
        assert wheel[path.relative_to(ROOT).as_posix()] == path.read_bytes()
    for path in files(ROOT / "conf"):
        assert wheel[f"gan_zoo/{path.relative_to(ROOT).as_posix()}"] == path.read_bytes()
    for pattern in ("features/weights/mnist.safetensors", "train-images-idx3-ubyte.xz",
                    "conf/config.yaml", "conf/loss/wgan.yaml", "py.typed"):  # fmt: skip
        assert any(name.endswith(pattern) for name in wheel), pattern


def test_the_wheel_has_nothing_else(wheel):
    packages = {*PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == packages
    assert not [name for name in wheel if "__pycache__" in name or name.endswith(".pyc")]


def test_every_command_is_a_function(wheel):
    (text,) = (x.decode() for name, x in wheel.items() if name.endswith("entry_points.txt"))
    scripts = dict(line.split(" = ") for line in text.splitlines() if " = " in line)
    assert scripts == PROJECT["project"]["scripts"]
    assert scripts["gan-zoo"] == "gan_zoo.cli.main:main"
    for target in scripts.values():
        module, _, function = target.partition(":")
        assert callable(getattr(importlib.import_module(module), function))


def test_the_source_distribution_has_all_that_is_tracked_but_what_is_not_for_it(sdist):
    if not (ROOT / ".git").exists():
        pytest.skip("not a repository")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    tracked = {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}
    held = {path.relative_to(sdist).as_posix() for path in files(sdist)}
    assert tracked - held == NOT_IN_SDIST
    tops = {name.split("/")[0] for name in held - tracked}
    assert not tops & {"multirun", "runs", "build", "dist", ".venv", ".git", "report"}


def test_the_source_distribution_builds_the_same_wheel(sdist, wheel, tmp_path):
    (again,) = build(sdist, tmp_path, "-t", "wheel").glob("*.whl")
    ours, theirs = wheel, contents(again)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
