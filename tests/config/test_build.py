"""Objects of a configuration: on Hydra 1.4, only the targets that it names are trusted."""

import hydra.utils
import pytest

from gan_zoo.config import build
from gan_zoo.config.compose import compose_config
from gan_zoo.losses.wgan import Wgan


def test_targets_are_found_wherever_they_are():
    node = {
        "_target_": "a.A", "plain": 1, "inner": {"_target_": "b.B", "_partial_": True},
        "listed": [{"_target_": "c.C"}, 2, [{"deep": {"_target_": "d.D"}}]],
    }  # fmt: skip
    assert build._targets(node) == ["a.A", "b.B", "c.C", "d.D"]


@pytest.mark.parametrize("kind", ["of Hydra 1.3", "of Hydra 1.4"])
def test_hydra_gets_the_targets_that_it_may_call(monkeypatch, kind):
    real, trusted = hydra.utils.instantiate, []

    def older(config, *, _convert_):
        return real(config, _convert_=_convert_)

    def newer(config, *, _convert_, _execution_whitelist_):
        trusted.extend(_execution_whitelist_)
        return Wgan()

    monkeypatch.setattr(hydra.utils, "instantiate", older if "1.3" in kind else newer)
    made = build.instantiate(compose_config(["loss=wgan"]).loss)
    assert made == Wgan()
    assert trusted == ([] if "1.3" in kind else ["gan_zoo.losses.wgan.Wgan"])
