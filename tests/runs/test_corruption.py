"""Damaged files are detected every time, by an error that names the file; whole ones are read."""

import gzip
import hashlib
import lzma
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from gan_zoo.data.idx import DataError, IdxFile, read_idx
from gan_zoo.data.mnist import BUNDLED, TEST
from gan_zoo.evaluation.features import extractor, train
from gan_zoo.evaluation.features.cnn import FeatureCNN
from gan_zoo.evaluation.files import read_samples
from gan_zoo.models.mlp import Generator
from gan_zoo.report.load import load as load_runs
from gan_zoo.runs.cache import entry, read_entry
from gan_zoo.runs.checksum import ChecksumError
from gan_zoo.runs.record import RecordError, RunRecord, read_record, write_record, write_rows
from gan_zoo.runs.weights import CheckpointError, load_weights, save_weights, weight_path
from gan_zoo.training.checkpoint import from_bytes, load_state, save_state, to_bytes
from gan_zoo.types import Dataset, Split

COUNT = 60  # corruptions of each kind of file
STATE = {"a": torch.arange(20.0), "b": [1, 0.1, None, "word", (True, torch.tensor(3))], 5: {}}


def corruptions(content: bytes, other: bytes) -> Iterator[bytes]:
    """Yield it empty, replaced, zeroed, appended to, cut off, and with one or two bits flipped."""
    rng = random.Random(0)
    yield from (b"", other, bytes(len(content)), b"<html>not found</html>", content + b"\0")
    for _ in range(COUNT // 4):
        yield content[: rng.randrange(len(content))]
    for number in range(COUNT - COUNT // 4):
        flipped = bytearray(content)
        for _ in range(1 + number % 3 // 2):
            # half of the flips in the header, which says what the rest means
            place = rng.randrange(min(len(content), 200) if number % 2 else len(content))
            flipped[place] ^= 1 << rng.randrange(8)
        yield bytes(flipped)


def assert_detected(
    path: Path, other: bytes, kind: type[Exception], read: Callable[[], object]
) -> None:
    content = path.read_bytes()
    read()
    for damaged in corruptions(content, other):
        if damaged != content:
            path.write_bytes(damaged)
            with pytest.raises(kind, match=path.name.split(".")[0]):
                read()
    path.write_bytes(content)
    read()


def test_bundled_and_user_s_idx_files(tmp_path):
    source = f"{TEST[1].stem}.xz"
    packed = (BUNDLED / source).read_bytes()
    (tmp_path / source).write_bytes(packed)
    other = (BUNDLED / "train-labels-idx1-ubyte.xz").read_bytes()
    assert_detected(tmp_path / source, other, DataError, lambda: read_idx(tmp_path, TEST[1], "-"))


def test_raw_idx_files(tmp_path):
    content = (0x803).to_bytes(4, "big") + b"".join(n.to_bytes(4, "big") for n in (3, 4, 4))
    content += bytes(range(48))
    expected = IdxFile("raw-idx3-ubyte", (3, 4, 4), hashlib.sha256(content).hexdigest())
    (tmp_path / expected.stem).write_bytes(content)
    assert_detected(
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
    assert_detected(
        tmp_path / "mnist.safetensors", other, extractor.WeightsError,
        lambda: extractor.load_extractor("mnistcnn"),
    )  # fmt: skip


def network(seed: int = 0) -> Generator:
    torch.manual_seed(seed)
    return Generator(image_shape=(2,), num_classes=1, latent_dim=3, hidden=[5])


def test_weights_of_a_run(tmp_path):
    save_weights(tmp_path, "generator", network(), 7)
    save_weights(tmp_path / "other", "generator", FeatureCNN(size=16), 7)
    path, target = weight_path(tmp_path, "generator", 7), network(1)
    other = weight_path(tmp_path / "other", "generator", 7).read_bytes()
    assert_detected(path, other, CheckpointError, lambda: load_weights(path, target))


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
def test_weights_of_older_versions_are_read_with_a_warning(tmp_path, metadata, capsys):
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
    other = b'{"schema_version": 2, "run_id": "", "loss": "", "seed": 0, "status": "failed"}'
    assert_detected(tmp_path / "record.json", other, RecordError, lambda: read_record(tmp_path))


WRITE = {
    "record.json": lambda folder: write_record(folder, RunRecord("a", "b", 1, "failed")),
    "weights": lambda folder: save_weights(folder, "generator", torch.nn.Linear(3, 4), 1),
    "state": lambda folder: save_state(folder, STATE),
}


@pytest.mark.parametrize("kind", WRITE)
def test_every_single_bit_counts(kind, tmp_path):
    WRITE[kind](tmp_path)
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    content, target = path.read_bytes(), torch.nn.Linear(3, 4)
    read, error = {
        "record.json": (lambda: read_record(tmp_path), RecordError),
        "weights": (lambda: load_weights(path, target), CheckpointError),
        "state": (lambda: from_bytes(path.read_bytes()), ChecksumError),
    }[kind]
    read()
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        with pytest.raises(error):
            read()


def same(one, other):
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and one.equal(other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        pairs = zip(one, other, strict=True)
        return type(one) is type(other) and all(same(a, b) for a, b in pairs)
    return type(one) is type(other) and one == other


def test_a_state_is_read_as_it_was_written():
    assert same(from_bytes(to_bytes(STATE)), STATE)
    inf, nan = from_bytes(to_bytes([float("inf"), float("nan")]))
    assert inf == float("inf")
    assert nan != nan


def test_an_object_that_a_state_cannot_hold_is_named():
    with pytest.raises(TypeError, match=r"state/a/0 is a set"):
        to_bytes({"a": [{1}]})


def test_the_state_before_a_damaged_one_is_loaded(tmp_path, capsys):
    assert load_state(tmp_path) is None
    for number in range(3):
        save_state(tmp_path, [number])
    newest, previous = (
        tmp_path / "checkpoints" / name for name in ("state.pt", "state.previous.pt")
    )
    assert load_state(tmp_path) == [2]
    newest.write_bytes(newest.read_bytes()[:-1])
    assert load_state(tmp_path) == [1]
    printed = capsys.readouterr().err
    assert str(newest) in printed
    assert "does not match its checksum" in printed
    assert not newest.exists()  # or the next state would push the good one out
    save_state(tmp_path, [3])
    assert load_state(tmp_path) == [3]
    newest.unlink()
    assert load_state(tmp_path) == [1]
    previous.write_bytes(b"")
    assert load_state(tmp_path) is None


def test_a_state_within_an_epoch_has_precedence_until_the_next_one(tmp_path):
    save_state(tmp_path, ["epoch"])
    save_state(tmp_path, ["midway"], midway=True)
    assert load_state(tmp_path) == ["midway"]
    assert load_state(tmp_path, midway=False) == ["epoch"]
    save_state(tmp_path, ["next epoch"])
    assert load_state(tmp_path) == ["next epoch"]


def test_a_full_disk_leaves_the_states_as_they_are(tmp_path, monkeypatch):
    for number in range(2):
        save_state(tmp_path, [number])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    for midway in (True, False):
        with pytest.raises(OSError, match=r"cannot write: No space left on device: .*state\."):
            save_state(tmp_path, [2], midway=midway)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_record_without_checksum_is_read_if_its_version_had_none(tmp_path):
    old = '{"schema_version": 1, "run_id": "a", "loss": "b", "seed": 0, "status": "failed"}'
    (tmp_path / "record.json").write_text(old)
    assert read_record(tmp_path).status == "failed"
    (tmp_path / "record.json").write_text(old.replace('version": 1', 'version": 2'))
    with pytest.raises(RecordError, match="no checksum"):
        read_record(tmp_path)


def test_the_report_notes_a_damaged_history_and_does_not_draw_it(tmp_path):
    (tmp_path / "run").mkdir()
    path = tmp_path / "run/history.csv"
    write_rows(path, [{"epoch": n, "fid": 100.0 / n} for n in range(1, 9)])
    write_record(tmp_path / "run", record())
    content = path.read_bytes()
    assert len(load_runs([tmp_path]).runs[0].history) == 8
    for damaged in corruptions(content, b"epoch,fid\n1,2\n"):
        path.write_bytes(damaged)
        (run,) = load_runs([tmp_path]).runs
        assert run.history.empty == (damaged != content)
        if damaged != content:
            assert any("history.csv is damaged" in note for note in run.notes)


def test_the_table_of_a_running_run_may_be_ahead_of_its_record(tmp_path):
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
    content = entry(values)
    for damaged in {*corruptions(content, b'{"fid": {"real": {"a": 0.125, "b": 3.5}}}')} - {
        content
    }:
        path.write_bytes(damaged)
        assert read_entry(path) is None
        assert "entry.json is damaged" in capsys.readouterr().err
    path.write_bytes(content)
    assert read_entry(path) == values
    assert read_entry(tmp_path / "none.json") is None
    assert capsys.readouterr().err == ""


def test_trained_feature_networks_in_the_cache(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GAN_ZOO_CACHE", str(tmp_path))
    split = Split(torch.zeros(20, 1, 16, 16, dtype=torch.uint8), torch.arange(20) % 2)
    dataset, trained = Dataset("mine", 2, split, split, split), []

    def train_small(data: Dataset, *_: object) -> FeatureCNN:
        trained.append(1)
        torch.manual_seed(0)
        return FeatureCNN(1, 16, 2)

    monkeypatch.setattr(train, "train_network", train_small)
    whole = train.extractor_for(dataset)
    (path,) = (tmp_path / "features").iterdir()
    content = path.read_bytes()
    assert train.extractor_for(dataset).sha256 == whole.sha256
    assert len(trained) == 1
    capsys.readouterr()
    tried = {*corruptions(content, save(FeatureCNN(1, 16, 3).state_dict()))} - {content}
    for damaged in tried:
        path.write_bytes(damaged)
        assert train.extractor_for(dataset).sha256 == whole.sha256
        assert f"{path} is damaged" in capsys.readouterr().err
    assert len(trained) == 1 + len(tried) > 50
    assert path.read_bytes() == content


def test_sample_files(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "samples.npz"
    np.savez_compressed(path, images=rng.integers(0, 256, (20, 8, 8), dtype=np.uint8))
    expected, _ = read_samples(path)
    content, detected = path.read_bytes(), 0
    for damaged in corruptions(content, b"PK" + bytes(200)):
        path.write_bytes(damaged)
        try:
            images, _ = read_samples(path)
        except ValueError as error:
            assert "samples.npz" in str(error)  # noqa: PT017
            detected += 1
        else:  # a zip holds dates and attributes twice or unused: the images must be the same
            assert torch.equal(images, expected)
    assert detected >= 40
