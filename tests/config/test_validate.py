"""Unknown keys and targets: the message names the nearest valid one."""

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gan_zoo.config.explain import explain
from gan_zoo.config.validate import check_targets
from gan_zoo.types import ConfigurationError

UNIFORM = "gan_zoo.models.latents.Uniform"


def test_a_valid_configuration_passes():
    check_targets({"a": [{"_target_": UNIFORM, "low": 0.0, "_partial_": True}], "b": None})


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"_target_": UNIFORM, "hihg": 1.0}, r"unknown key 'latents.hihg'.*Did you mean 'high'\?"),
        ({"_target_": "gan_zoo.models.latents.Unifrom"}, r"no 'Unifrom'.*Did you mean 'Uniform'\?"),
        ({"_target_": "gan_zoo.modles.Uniform"}, "no 'modles' in gan_zoo"),
        ({"_target_": "no_such_package.Thing"}, "no such module"),
    ],
)
def test_a_wrong_one_is_reported_with_the_nearest_name(node, message):
    with pytest.raises(ConfigurationError, match=message):
        check_targets({"latents": node})


def test_a_wrong_node_is_found_at_any_depth():
    with pytest.raises(ConfigurationError, match=r"a\.b\[1\]\.x"):
        check_targets({"a": {"b": [1, {"_target_": UNIFORM, "x": 1}]}})


def test_a_target_s_own_missing_dependency_is_not_hidden(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("import not_installed_anywhere\nclass Loss: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match="not_installed_anywhere"):
        check_targets({"loss": {"_target_": "mine.Loss"}})


def test_omegaconf_s_errors_are_explained():
    config = OmegaConf.create({"trainer": {"epochs": 3, "batch_size": 2}})
    OmegaConf.set_struct(config, True)
    with pytest.raises(OmegaConfBaseException) as message:
        OmegaConf.update(config, "trainer.epocs", 4)
    assert explain(message.value) == (
        "unknown key 'trainer.epocs'. Did you mean 'epochs'? Valid: batch_size, epochs"
    )
