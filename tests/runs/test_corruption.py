"""A damaged file is never taken for a whole one: detected every time, and named."""

import gzip
import hashlib
import json
import lzma
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from gan_zoo.data.idx import DataError, IdxFile, read_idx
from gan_zoo.data.mnist import BUNDLED, TEST_LABELS
from gan_zoo.evaluation.features import extractor, for_dataset
from gan_zoo.evaluation.features.cnn import FeatureCNN
from gan_zoo.evaluation.files import read_samples
from gan_zoo.models.mlp import Generator
from gan_zoo.report.load import load as load_runs
from gan_zoo.runs.cache import entry, read_entry
from gan_zoo.runs.record import RecordError, RunRecord, read_record, write_record, write_rows
from gan_zoo.runs.weights import CheckpointError, load_weights, save_weights, weight_path
from gan_zoo.types import Dataset, Split

COUNT = 60  # corruptions of each kind of file


def corruptions(content: bytes, other: bytes) -> Iterator[tuple[str, bytes]]:
    """Truncated, one bit flipped, empty, and replaced by something else."""
    rng = random.Random(0)
    yield "empty", b""
    yield "replaced", other
    yield "zeros", bytes(len(content))
    yield "text", b"<html>not found</html>"
    for _ in range((COUNT - 4) // 4):
        length = rng.randrange(len(content))
        yield f"cut to {length}", content[:length]
    for number in range(COUNT - 4 - (COUNT - 4) // 4):
        # half of the flips at the head, where the meaning of the rest is told
        place = rng.randrange(min(len(content), 200) if number % 2 else len(content))
        bit = rng.randrange(8)
        flipped = bytearray(content)
        flipped[place] ^= 1 << bit
        yield f"bit {bit} of byte {place} flipped", bytes(flipped)


def assert_all_told(
    path: Path, other: bytes, kind: type[Exception], read: Callable[[], object]
) -> None:
    content = path.read_bytes()
    read()
    tried = 0
    for what, damaged in corruptions(content, other):
        assert damaged != content
        path.write_bytes(damaged)
        try:
            read()
        except kind as error:
            assert path.name.split(".")[0] in str(error), what  # noqa: PT017
        else:
            pytest.fail(f"{path.name}: {what}: not detected")
        tried += 1
    assert tried >= 50
    path.write_bytes(content)
    read()


def test_bundled_and_user_s_idx_files(tmp_path):
    source = f"{TEST_LABELS.stem}.xz"
    packed = (BUNDLED / source).read_bytes()
    (tmp_path / source).write_bytes(packed)
    other = (BUNDLED / "train-labels-idx1-ubyte.xz").read_bytes()
    assert_all_told(
        tmp_path / source, other, DataError, lambda: read_idx(tmp_path, TEST_LABELS, "-")
    )


def test_raw_idx_files(tmp_path):
    content = (0x803).to_bytes(4, "big") + b"".join(n.to_bytes(4, "big") for n in (3, 4, 4))
    content += bytes(range(48))
    expected = IdxFile("raw-idx3-ubyte", (3, 4, 4), hashlib.sha256(content).hexdigest())
    (tmp_path / expected.stem).write_bytes(content)
    assert_all_told(
        tmp_path / expected.stem,
        content[::-1],
        DataError,
        lambda: read_idx(tmp_path, expected, "-"),
    )


@pytest.mark.parametrize(("suffix", "reader"), [("gz", gzip.GzipFile), ("xz", lzma.LZMAFile)])
def test_a_packed_file_that_would_fill_the_memory_is_not_unpacked(
    tmp_path, monkeypatch, suffix, reader
):
    pack = gzip.compress if suffix == "gz" else lzma.compress
    (tmp_path / f"bomb.{suffix}").write_bytes(pack(bytes(2**22)))
    given, read = [], reader.read

    def counted(self, size=-1):
        given.append(len(found := read(self, size)))
        return found

    monkeypatch.setattr(reader, "read", counted)
    with pytest.raises(DataError, match="bomb"):
        read_idx(tmp_path, IdxFile("bomb", (2, 2), ""), "-")
    assert given == [4 + 12 + 4 + 1]  # the longest header, the images, and a byte too many


def test_feature_weights(tmp_path, monkeypatch):
    whole = (extractor.WEIGHTS / "mnist.safetensors").read_bytes()
    other = (extractor.WEIGHTS / "fashion.safetensors").read_bytes()
    (tmp_path / "mnist.safetensors").write_bytes(whole)
    monkeypatch.setattr(extractor, "WEIGHTS", tmp_path)
    assert_all_told(
        tmp_path / "mnist.safetensors", other, extractor.WeightsError,
        lambda: extractor.load_cnn("mnistcnn"),
    )  # fmt: skip


def network(seed: int = 0) -> Generator:
    torch.manual_seed(seed)
    return Generator(image_shape=(2,), num_classes=1, latent_dim=3, hidden=[5])


def test_weights_of_a_run(tmp_path):
    save_weights(tmp_path, "generator", network(), 7)
    save_weights(tmp_path / "other", "generator", FeatureCNN(size=16), 7)
    path, target = weight_path(tmp_path, "generator", 7), network(1)
    other = weight_path(tmp_path / "other", "generator", 7).read_bytes()
    assert_all_told(path, other, CheckpointError, lambda: load_weights(path, target))


def test_damaged_weights_leave_the_network_as_it_was(tmp_path):
    save_weights(tmp_path, "generator", network(), 7)
    path, target = weight_path(tmp_path, "generator", 7), network(1)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged"):
        load_weights(path, target)
    for found, expected in zip(target.parameters(), network(1).parameters(), strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("metadata", [None, {"epoch": "7"}])
def test_weights_of_older_versions_are_read_and_said_to_be_unverified(tmp_path, metadata, capsys):
    path, target = tmp_path / "old.safetensors", network(1)
    path.write_bytes(save(network().state_dict(), metadata=metadata))
    load_weights(path, target)
    assert "not verified" in capsys.readouterr().err
    assert torch.equal(target.out.weight, network().out.weight)


def test_weights_have_the_same_bytes_each_time(tmp_path):
    for name in ("a", "b"):
        save_weights(tmp_path / name, "generator", network(), 7)
    first, again = (weight_path(tmp_path / n, "generator", 7).read_bytes() for n in ("a", "b"))
    assert first == again
    assert load(first).keys() == network().state_dict().keys()


def test_tied_weights_are_saved_and_loaded(tmp_path):
    def tied() -> torch.nn.Module:
        network = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 3))
        network[1].weight = network[0].weight
        return network

    one, other = tied(), tied()
    save_weights(tmp_path, "generator", one, 7)
    load_weights(weight_path(tmp_path, "generator", 7), other)
    assert torch.equal(other[1].weight, one[0].weight)
    assert other[1].weight is other[0].weight


def record() -> RunRecord:
    return RunRecord(
        "abc", "wgan", 3, "finished", metrics={"fid": 12.25, "kid": None, "accuracy": 0.5},
        config={"trainer": {"epochs": 7, "lr_decay": 0.5}}, artifacts={"grid": "a.png"},
        warnings=["some ü text"], progress={"seconds": 12.0}, started="2026-11-24T08:00:00+00:00",
    )  # fmt: skip


def test_records(tmp_path):
    write_record(tmp_path, record())
    other = json.dumps(
        {"schema_version": 2, "run_id": "", "loss": "", "seed": 0, "status": "failed"}
    )
    assert_all_told(
        tmp_path / "record.json", other.encode(), RecordError, lambda: read_record(tmp_path)
    )


def test_every_byte_of_a_record_counts(tmp_path):
    write_record(tmp_path, RunRecord("a", "b", 1, "failed", metrics={"x": 0.5}))
    path = tmp_path / "record.json"
    content = path.read_bytes()
    for place in range(len(content) - 1):  # but the last line break
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(RecordError):
            read_record(tmp_path)


def test_a_damaged_history_is_told_by_the_report_and_not_drawn(tmp_path):
    (tmp_path / "run").mkdir()
    path = tmp_path / "run/history.csv"
    write_rows(path, [{"epoch": n, "fid": 100.0 / n} for n in range(1, 9)])
    write_record(tmp_path / "run", record())
    content, tried = path.read_bytes(), 0
    assert len(load_runs([tmp_path]).runs[0].history) == 8
    for what, damaged in corruptions(content, b"epoch,fid\n1,2\n"):
        path.write_bytes(damaged)
        (run,) = load_runs([tmp_path]).runs
        assert run.history.empty, what
        assert any("history.csv is damaged" in note for note in run.notes), what
        tried += 1
    assert tried >= 50


def test_the_table_of_a_run_that_goes_on_may_be_ahead_of_its_record(tmp_path):
    running = record()
    running.status = "running"
    write_rows(tmp_path / "history.csv", [{"epoch": 1, "fid": 2.0}])
    write_record(tmp_path, running)
    write_rows(tmp_path / "history.csv", [{"epoch": n, "fid": 2.0} for n in (1, 2)])
    (run,) = load_runs([tmp_path]).runs
    assert len(run.history) == 2
    assert run.notes == ()


def test_cache_entries(tmp_path, capsys):
    path, values = tmp_path / "entry.json", {"fid": {"real": {"a": 0.125, "b": 3.5}}}
    content, tried = entry(values), 0
    for what, damaged in corruptions(content, b'{"fid": {"real": {"a": 0.125, "b": 3.5}}}'):
        path.write_bytes(damaged)
        assert read_entry(path) is None, what
        assert "entry.json is damaged" in capsys.readouterr().err
        tried += 1
    assert tried >= 50
    path.write_bytes(content)
    assert read_entry(path) == values
    assert read_entry(tmp_path / "none.json") is None
    assert capsys.readouterr().err == ""


def test_trained_feature_networks_in_the_cache(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GAN_ZOO_CACHE", str(tmp_path))
    split = Split(torch.zeros(20, 1, 16, 16, dtype=torch.uint8), torch.arange(20) % 2)
    dataset, trained = Dataset("mine", 2, split, split, split), []

    def train(data: Dataset, *_: object) -> FeatureCNN:
        trained.append(1)
        torch.manual_seed(0)
        return FeatureCNN(1, 16, 2)

    monkeypatch.setattr(for_dataset, "train_network", train)
    whole = for_dataset.extractor_for(dataset)
    (path,) = (tmp_path / "features").iterdir()
    content = path.read_bytes()
    assert for_dataset.extractor_for(dataset).sha256 == whole.sha256
    assert len(trained) == 1
    capsys.readouterr()
    tried = 0
    for what, damaged in corruptions(content, save(FeatureCNN(1, 16, 3).state_dict())):
        path.write_bytes(damaged)
        assert for_dataset.extractor_for(dataset).sha256 == whole.sha256, what
        assert f"{path} is damaged" in capsys.readouterr().err, what
        tried += 1
    assert len(trained) == 1 + tried >= 51
    assert path.read_bytes() == content


def test_samples_of_others(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "samples.npz"
    np.savez_compressed(path, images=rng.integers(0, 256, (20, 8, 8), dtype=np.uint8))
    expected, _ = read_samples(path)
    content, told = path.read_bytes(), 0
    for what, damaged in corruptions(content, b"PK" + bytes(200)):
        path.write_bytes(damaged)
        try:
            images, _ = read_samples(path)
        except ValueError as error:
            assert "samples.npz" in str(error), what  # noqa: PT017
            told += 1
        else:  # a zip holds dates and attributes twice or unused: the images must be the same
            assert torch.equal(images, expected), what
    assert told >= 40
