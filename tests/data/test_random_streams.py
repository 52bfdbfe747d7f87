"""Streams: reproducible, independent of each other and of the global one."""

import torch

from gan_zoo.data.random_streams import global_stream, stream, stream_seed


def test_a_stream_depends_on_seed_and_purpose_alone():
    assert torch.equal(
        torch.rand(5, generator=stream(1, "a")), torch.rand(5, generator=stream(1, "a"))
    )
    seeds = {stream_seed(seed, purpose) for seed in range(50) for purpose in ("a", "b", "1/a")}
    assert len(seeds) == 150
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_the_global_stream_is_put_back():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    with global_stream(0, "weights"):
        torch.rand(100)
    assert torch.equal(torch.rand(3), expected)


def test_the_global_stream_inside_depends_on_seed_and_purpose():
    def draw(seed, purpose):
        with global_stream(seed, purpose):
            return torch.rand(3)

    assert torch.equal(draw(0, "a"), draw(0, "a"))
    assert not torch.equal(draw(0, "a"), draw(1, "a"))
    assert not torch.equal(draw(0, "a"), draw(0, "b"))
