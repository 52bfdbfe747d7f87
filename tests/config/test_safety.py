"""What comes from a stranger executes nothing, reads nothing else and fills no memory."""

import ast
import io
import json
import pickle
import struct
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gan_zoo
from gan_zoo.cli.evaluate import main
from gan_zoo.config.validate import refuse_foreign
from gan_zoo.data.torchvision_sets import load_torchvision
from gan_zoo.evaluation.files import read_samples
from gan_zoo.experiments.modes import landscapes
from gan_zoo.report.build import build_report
from gan_zoo.report.pictures import read_picture
from gan_zoo.runs.record import RecordError, RunRecord, artifact_path, write_record
from gan_zoo.types import ConfigurationError

PACKAGE = Path(gan_zoo.__file__).parent
# Whatever can run code that a file holds.
FORBIDDEN = {
    "pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib", "jsonpickle",
}  # fmt: skip
CALLS = {"eval", "exec", "compile", "unsafe_load", "full_load", "read_pickle"}


class Evil:
    """Pickled, it touches a file when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.fixture
def marker(tmp_path):
    path = tmp_path / "executed"
    yield path
    assert not path.exists(), "it was executed"


def test_the_marker_would_be_made(tmp_path):
    pickle.loads(pickle.dumps(Evil(tmp_path / "made")))
    assert (tmp_path / "made").exists()


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.stem)
def test_no_module_loads_what_can_execute(path):
    safe = set()  # torch.load where it is called with weights_only=True
    for node in ast.walk(ast.parse(path.read_text())):
        where = f"{path.name}:{getattr(node, 'lineno', '')}"
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in FORBIDDEN, where
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            # an exception's name, which torchvision may raise, is all there is of pickle
            assert node.value.id not in FORBIDDEN or name == "pickle.UnpicklingError", where
            assert name != "yaml.load", where
            assert name != "torch.load" or node in safe, where
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
            plain = isinstance(node.func, ast.Name) or called in CALLS - {"eval", "compile"}
            assert not (called in CALLS and plain), where
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if given.get("weights_only") == "True":
                safe.add(node.func)
            assert given.get("weights_only", "True") == "True", where
            assert given.get("allow_pickle", "False") == "False", where


def test_a_pickle_among_samples_is_not_loaded(tmp_path, marker):
    objects = np.array([Evil(marker)], dtype=object)
    np.savez(tmp_path / "a.npz", images=objects)
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        read_samples(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("images.npy", pickle.dumps(Evil(marker)))
    with pytest.raises(ValueError, match="holds no array 'images'"):
        read_samples(tmp_path / "b.npz")
    torch.save(Evil(marker), tmp_path / "c.npz")
    with pytest.raises(ValueError, match="holds no array 'images'"):
        read_samples(tmp_path / "c.npz")


def test_a_pickle_in_place_of_cifar_s_is_not_loaded(tmp_path, marker):
    """CIFAR-10 is published as pickles: torchvision compares checksums before it reads one."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    names = [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta"]
    for name in names:
        (folder / name).write_bytes(pickle.dumps(Evil(marker)))
    with pytest.raises(ValueError, match="cannot read cifar10"):
        load_torchvision("cifar10", str(tmp_path), download=False)


def npz(path: Path, shape: tuple[int, ...], content: bytes) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"shape": shape, "fortran_order": False, "descr": "|u1"}
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", header.getvalue() + content)


@pytest.mark.parametrize("shape", [(10**12, 28, 28), (10**6, 10**6), (3, 28, 28)])
def test_an_array_that_says_it_is_larger_than_its_file_is_refused(tmp_path, shape):
    npz(tmp_path / "a.npz", shape, bytes(100))
    with pytest.raises(ValueError, match="cannot read"):
        read_samples(tmp_path / "a.npz")


def test_an_array_that_unpacks_to_more_than_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("gan_zoo.evaluation.files.MAX_BYTES", 2**20)
    npz(tmp_path / "a.npz", (2**21, 1, 1), bytes(2**21))
    assert (tmp_path / "a.npz").stat().st_size < 10_000
    with pytest.raises(ValueError, match="may hold at most 1048576 bytes"):
        read_samples(tmp_path / "a.npz")


def png(width: int, height: int) -> bytes:
    """A few bytes that say they are a picture of that size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


@pytest.mark.parametrize("size", [(3000, 3000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_that_says_it_is_huge_is_refused(tmp_path, size):
    (tmp_path / "a.png").write_bytes(png(*size))
    with pytest.raises(ValueError, match=r"cannot read .*a\.png: (it may have|Image size)"):
        read_samples(tmp_path)
    assert read_picture(tmp_path / "a.png") is None


@pytest.mark.parametrize("kind", ["EPS", "TIFF", "PDF"])
def test_another_format_under_the_name_of_a_png_is_not_opened(tmp_path, kind):
    """PIL would hand EPS to Ghostscript."""
    Image.new("L", (8, 8)).convert("RGB").save(tmp_path / "x", format=kind)
    (tmp_path / "x").rename(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"cannot read .*a\.png"):
        read_samples(tmp_path)
    assert read_picture(tmp_path / "a.png") is None


@pytest.mark.parametrize(
    "target",
    [
        "os.system", "builtins.exec", "torch.load", "torch.hub.load",
        # by way of what a module of ours imports
        "gan_zoo.data.torchvision_sets.pickle.loads", "torch.optim.adam.torch.load",
        "gan_zoo.data.idx.gzip.open", "gan_zoo.data.mnist.Path.unlink", "torch.optim.sgd.torch.hub",
        "gan_zoo.evaluation.features.extractor.hashlib.sha256",
        "gan_zoo.evaluation.features.train.write_bytes",
        "gan_zoo.models.acgan.Generator.__init__.__globals__", "gan_zoo.data.idx",
        # ours, but no part of a run
        "gan_zoo.evaluation.features.train.main", "gan_zoo.runs.record.write_text",
        "gan_zoo.cli.train.main",
    ],
)  # fmt: skip
@pytest.mark.parametrize("nested", [False, True])
def test_a_record_names_nothing_that_could_be_called(target, nested):
    node: object = {"_target_": target, "_partial_": False, "_args_": ["x"]}
    if nested:
        node = {"_target_": "gan_zoo.models.latents.Uniform", "_args_": [[{"low": node}]]}
    with pytest.raises(ConfigurationError, match="which is not gan_zoo's and would be called"):
        refuse_foreign({"latents": node}, ())


def test_what_records_do_name_is_allowed():
    for target in ("gan_zoo.losses.fgan.FGan", "torch.optim.Adam", "gan_zoo.data.mnist.load_mnist",
                   "gan_zoo.evaluation.features.extractor.wrap_module"):  # fmt: skip
        refuse_foreign({"a": [{"_target_": target}]}, ())


def test_a_package_that_is_not_allowed_is_not_even_imported(tmp_path, marker, monkeypatch):
    (tmp_path / "evil_package.py").write_text(
        f"from pathlib import Path\nPath({str(marker)!r}).touch()"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    config = {"seed": 0, "loss": {"_target_": "evil_package.Loss"}}
    write_record(tmp_path, RunRecord("a", "b", 0, "finished", config=config))
    with pytest.raises(SystemExit, match="allow=evil_package"):
        main([str(tmp_path)])


@pytest.mark.parametrize(
    "config",
    [
        {"data": {"root": "${oc.env:SECRET}"}},
        {"${oc.env:SECRET}": 1},
        {"trainer": [{"a": "x${run_id:}"}]},
    ],
)
def test_a_record_cannot_ask_for_the_environment(tmp_path, monkeypatch, config):
    monkeypatch.setenv("SECRET", "my password")
    write_record(tmp_path, RunRecord("a", "b", 0, "finished", config=config))
    with pytest.raises(SystemExit, match="holds the interpolation") as caught:
        main([str(tmp_path)])
    assert "my password" not in str(caught.value)


@pytest.mark.parametrize("content", [b"[" * 200_000, b'{"schema_version": 2}', b"5", b"\xff"])
def test_a_record_of_another_kind_is_reported_without_a_traceback(tmp_path, content):
    (tmp_path / "record.json").write_bytes(content)
    with pytest.raises(SystemExit, match=r"gan_zoo: .*record\.json"):
        main([str(tmp_path)])


def test_fields_of_other_types_are_reported_without_a_traceback(tmp_path):
    content = {"schema_version": 1, "run_id": 1, "loss": 2, "seed": "x", "status": "finished",
               "config": ["x"], "artifacts": 5}  # fmt: skip
    (tmp_path / "record.json").write_text(json.dumps(content))
    with pytest.raises(SystemExit, match="gan_zoo: "):
        main([str(tmp_path)])


@pytest.mark.parametrize("outside", ["../../etc/passwd", "/etc/passwd", "a/../../x", "link", "\0"])
def test_a_record_s_files_lie_in_its_folder(tmp_path, outside):
    folder = tmp_path / "sweep/run"
    folder.mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(png(8, 8))
    (folder / "link").symlink_to(tmp_path / "secret.png")
    artifacts = {"landscape": outside, "grid": outside, "per_class": outside, "more": outside}
    found = RunRecord("a", "b", 0, "finished", artifacts=artifacts, tables={outside: "0"})
    found.schema_version = 1  # a forger leaves checksums out, or makes them fit
    (folder / "record.json").write_text(json.dumps(asdict(found)))
    with pytest.raises(RecordError):
        artifact_path(folder, found, "landscape")
    with pytest.raises(RecordError):
        landscapes(tmp_path / "sweep")
    page = build_report([tmp_path / "sweep"]).read_text()
    assert "data:image/webp" not in page
    assert "data:image/png" not in page


def test_a_report_escapes_a_malicious_record(tmp_path):
    payload = "<img src=x onerror=alert(1)><script>alert(2)</script>${7*7}{{7*7}}"
    found = RunRecord(
        payload, payload, 0, "finished", overrides=[payload], config={payload: payload},
        environment={payload: payload}, dataset={"name": payload}, metrics={payload: 1.0},
        reference_scores={payload: {payload: 1.0}}, warnings=[payload],
        artifacts={payload: "a.png"},
        error={"kind": payload, "message": payload}, tables={payload: payload},
    )  # fmt: skip
    write_record(tmp_path, found)
    page = build_report([tmp_path]).read_text()
    assert "<img src=x" not in page
    assert "<script>alert" not in page
