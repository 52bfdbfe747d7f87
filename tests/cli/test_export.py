"""Exported generators compute what the trained one does, for any batch, or are not written."""

import io
import re
from functools import partial

import pytest
import torch

from gan_zoo.cli.export import main
from gan_zoo.models.affine import AffineGenerator, DiracGenerator, LineGenerator
from gan_zoo.models.mlp import Generator as Mlp
from tests.cli.test_sample import ACGAN, make_run

FACTORIES = {
    "acgan": (ACGAN, (1, 8, 8)),
    "mlp": (partial(Mlp, latent_dim=2, hidden=[4, 4], activation="leaky_relu"), (2,)),
    "affine": (AffineGenerator, (2,)),
    "dirac": (DiracGenerator, (1,)),
    "line": (LineGenerator, (2,)),
}


@pytest.fixture
def folder(tmp_path):
    make_run(tmp_path / "run", AffineGenerator, (2,))
    return tmp_path / "run"


def assert_same_function(generator, function):
    """At sizes that the export itself does not try; labels count where the model has them."""
    for count in (3, 50):
        z = torch.randn(count, generator.latent_dim, generator=torch.Generator().manual_seed(count))
        for labels in (torch.arange(count) % 3, torch.full((count,), 2)):
            with torch.no_grad():
                expected, found = generator(z, labels), function(z, labels)
            assert found.dtype == torch.float32
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", FACTORIES)
def test_torch_export_computes_the_same(name, tmp_path, capsys):
    factory, shape = FACTORIES[name]
    generator = make_run(tmp_path, factory, shape)
    main([str(tmp_path), "format=torch_export"])
    path = tmp_path / "exported/generator_last.pt2"
    assert re.search(
        r"written: \S+\.pt2 \(\d\.\d MB; differs from the generator by \S+ at most\)",
        capsys.readouterr().out,
    )
    program = torch.export.load(io.BytesIO(path.read_bytes()))
    assert_same_function(generator, program.module())


@pytest.mark.parametrize("name", ["acgan", "mlp", "dirac"])
def test_onnxruntime_computes_the_same(name, tmp_path):
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    factory, shape = FACTORIES[name]
    generator = make_run(tmp_path, factory, shape)
    main([str(tmp_path), f"out={tmp_path}/g.onnx"])
    session = runtime.InferenceSession(str(tmp_path / "g.onnx"))

    def function(z, labels):
        inputs = {"latents": z.numpy(), "labels": labels.numpy()}
        return torch.from_numpy(session.run(["images"], inputs)[0])

    assert_same_function(generator, function)
    model = onnx.load(tmp_path / "g.onnx")
    onnx.checker.check_model(model, full_check=True)
    message = {entry.key: entry.value for entry in model.metadata_props}
    assert message["gan_zoo.run_id"] == "abc"
    assert message["gan_zoo.weights"] == "params_generator_epoch_002.safetensors"
    kinds = [node.op_type for node in model.graph.node]
    if name == "acgan":  # upsampling and convolution in one, not one after the other
        assert kinds.count("Conv") == 3
        assert kinds.count("DepthToSpace") == 2
        assert not {"Resize", "Upsample", "ScatterND"} & set(kinds)


def test_an_export_that_computes_something_else_is_not_written(folder, monkeypatch):
    def other(content):
        return lambda z, labels: z + 2e-4  # of G(z) = z

    monkeypatch.setattr("gan_zoo.cli.export.from_torch_export", other)
    with pytest.raises(SystemExit, match=r"is not written: its images differ .*more than 0.0001"):
        main([str(folder), "format=torch_export"])
    assert not (folder / "exported").exists()


def test_a_generator_that_torch_cannot_export_is_named(folder, monkeypatch):
    def forward(self, z, labels):
        return z.new_tensor([[float(row.sum())] * 2 for row in z])

    monkeypatch.setattr(AffineGenerator, "forward", forward)
    with pytest.raises(SystemExit, match=r"cannot export AffineGenerator: .*z\.shape\[0\]") as end:
        main([str(folder), "format=torch_export"])
    assert "\n" not in str(end.value)


def test_files_are_overwritten_only_on_request(folder):
    (folder / "exported").mkdir()
    path = folder / "exported/generator_last.pt2"
    path.write_bytes(b"mine")
    with pytest.raises(SystemExit, match=r"generator_last.pt2 already exists: .*overwrite=true"):
        main([str(folder), "format=torch_export"])
    assert path.read_bytes() == b"mine"
    main([str(folder), "format=torch_export", "overwrite=true"])
    assert path.read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["format=torchscript"], "format must be onnx, torch_export or web, got 'torchscript'"),
        (["format=torch_export", "checkpoint=7"], "epoch_007.safetensors does not exist"),
        (["formt=onnx"], "Did you mean format="),
    ],
)
def test_a_mistake_is_reported(folder, words, message):
    with pytest.raises(SystemExit, match=message):
        main([str(folder), *words])
    assert not (folder / "exported").exists()


def test_a_missing_package_is_reported_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("gan_zoo.config.validate.find_spec", lambda name: None)
    message = r"format=onnx needs onnx, onnxscript, onnxruntime, .*pip install 'gan-zoo\[onnx\]'"
    with pytest.raises(SystemExit, match=message):
        main([str(tmp_path)])
