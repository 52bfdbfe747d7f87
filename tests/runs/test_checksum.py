"""Damage to a checkpoint or a record is noticed every time, whatever it is."""

import random

import pytest
import torch

from gan_zoo.runs import checksum
from gan_zoo.runs.record import RecordError, RunRecord, read_record, write_record
from gan_zoo.runs.weights import CheckpointError, read_weights, save_weights, weight_path
from gan_zoo.training.checkpoint import from_bytes, load_state, save_state, to_bytes

STATE = {"a": torch.arange(20.0), "b": [1, 0.1, None, "word", (True, torch.tensor(3))], 5: {}}
RECORD = RunRecord("abc", "bce", 3, "finished", metrics={"fid": 12.5}, error={"kind": "seal"})


def record_bytes(folder):
    write_record(folder, RECORD)
    return (folder / "record.json").read_bytes()


def weight_bytes(folder):
    save_weights(folder, "generator", torch.nn.Linear(3, 4), 1)
    return weight_path(folder, "generator", 1).read_bytes()


def read_record_of(folder, content):
    (folder / "record.json").write_bytes(content)
    return read_record(folder)


def read_weights_of(folder, content):
    path = weight_path(folder, "generator", 1)
    path.write_bytes(content)
    return read_weights(path)


FILES = {
    "record": (record_bytes, read_record_of, RecordError),
    "weights": (weight_bytes, read_weights_of, CheckpointError),
    "state": (
        lambda _: to_bytes(STATE),
        lambda _, content: from_bytes(content),
        checksum.ChecksumError,
    ),
}


def damages(content: bytes):
    """300 of them: cut off, emptied, replaced, appended to, a part zeroed, one or two bits."""
    rng = random.Random(0)
    for _ in range(50):
        yield content[: rng.randrange(len(content))]
        yield rng.randbytes(rng.randrange(1, 2 * len(content)))
        yield content + rng.randbytes(rng.randrange(1, 9))
        start = rng.randrange(len(content) - 9)
        yield content[:start] + b"\0" * 8 + content[start + 8 :]
        for bits in (1, 2):
            flipped = bytearray(content)
            for place in rng.sample(range(len(content)), bits):
                flipped[place] ^= 1 << rng.randrange(8)
            yield bytes(flipped)
    yield b""


@pytest.mark.parametrize("kind", FILES)
def test_every_damage_is_noticed(kind, tmp_path):
    write, read, error = FILES[kind]
    content = write(tmp_path)
    read(tmp_path, content)  # undamaged, it is read
    tried = {damaged for damaged in damages(content) if damaged != content}
    assert len(tried) >= 250
    for damaged in tried:
        with pytest.raises(error):
            read(tmp_path, damaged)


@pytest.mark.parametrize("kind", FILES)
def test_every_single_bit_counts(kind, tmp_path):
    write, read, error = FILES[kind]
    content = write(tmp_path)
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        with pytest.raises(error):
            read(tmp_path, bytes(flipped))


def same(one, other):
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and one.equal(other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        pairs = zip(one, other, strict=True)
        return type(one) is type(other) and all(same(a, b) for a, b in pairs)
    return type(one) is type(other) and one == other


def test_a_state_comes_back_as_it_was():
    assert same(from_bytes(to_bytes(STATE)), STATE)
    inf, nan = from_bytes(to_bytes([float("inf"), float("nan")]))
    assert inf == float("inf")
    assert nan != nan


def test_what_a_state_cannot_hold_is_named():
    with pytest.raises(TypeError, match=r"state/a/0 is a set"):
        to_bytes({"a": [{1}]})


def test_a_damaged_state_makes_room_for_the_one_before(tmp_path, capsys):
    assert load_state(tmp_path) is None
    for number in range(3):
        save_state(tmp_path, [number])
    newest, previous = (
        tmp_path / "checkpoints" / name for name in ("state.pt", "state.previous.pt")
    )
    assert load_state(tmp_path) == [2]
    newest.write_bytes(newest.read_bytes()[:-1])
    assert load_state(tmp_path) == [1]
    told = capsys.readouterr().err
    assert str(newest) in told
    assert "does not match its checksum" in told
    assert not newest.exists()  # or the next state would push the good one out
    save_state(tmp_path, [3])
    assert load_state(tmp_path) == [3]
    newest.unlink()
    assert load_state(tmp_path) == [1]
    previous.write_bytes(b"")
    assert load_state(tmp_path) is None


def test_a_state_amid_an_epoch_goes_first_until_the_next_one(tmp_path):
    save_state(tmp_path, ["epoch"])
    save_state(tmp_path, ["midway"], midway=True)
    assert load_state(tmp_path) == ["midway"]
    assert load_state(tmp_path, midway=False) == ["epoch"]
    save_state(tmp_path, ["next epoch"])
    assert load_state(tmp_path) == ["next epoch"]


def test_a_disk_that_is_full_leaves_the_states_there_are(tmp_path, monkeypatch):
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


def test_a_record_of_before_there_were_checksums_is_read(tmp_path):
    old = b'{"schema_version": 1, "run_id": "a", "loss": "b", "seed": 0, "status": "failed"}'
    assert read_record_of(tmp_path, old).status == "failed"
    with pytest.raises(RecordError, match="no checksum"):
        read_record_of(tmp_path, old.replace(b'version": 1', b'version": 2'))
