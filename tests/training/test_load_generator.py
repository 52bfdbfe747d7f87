"""Records of older versions name objects by paths that have moved since."""

import pytest

from gan_zoo.config.build import instantiate
from gan_zoo.losses.divergences import Alpha
from gan_zoo.losses.relativistic import RaHinge, RaLsGan, RaSGan, RsGan
from gan_zoo.regularizers import gradient_penalties
from gan_zoo.regularizers.combined import Combined
from gan_zoo.runs.record import RunRecord
from gan_zoo.training.load_generator import configuration_of

OLD = "gan_zoo."  # joined, so that no rewriting of import paths changes what is tested
LOSSES = {"rsgan": RsGan, "rasgan": RaSGan, "ralsgan": RaLsGan, "rahinge": RaHinge}
PENALTIES = {
    "gradient_penalty": "GradientPenalty", "lipschitz_penalty": "LipschitzPenalty",
    "zero_centered_penalty": "ZeroCenteredPenalty", "wgan_div": "WganDivPenalty",
    "dragan": "Dragan", "r1": "R1", "r2": "R2", "r1_r2": "R1R2",
}  # fmt: skip


def loaded(**config):
    record = RunRecord(run_id="a", loss="a", seed=0, status="finished", started="a")
    record.config = config
    return configuration_of(record, "")


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_an_older_record_loads(name):
    kind = LOSSES[name]
    config = loaded(loss={"_target_": f"{OLD}losses.{name}.{kind.__name__}"})
    assert instantiate(config.loss) == kind()


def test_a_divergence_of_an_older_record_loads():
    divergence = {"_target_": OLD + "losses.alpha_divergence" + ".Alpha", "alpha": 0.5}
    config = loaded(loss={"_target_": f"{OLD}losses.fgan.FGan", "divergence": divergence})
    assert instantiate(config.loss).divergence == Alpha(0.5)


@pytest.mark.parametrize("name", PENALTIES)
def test_a_regularizer_of_an_older_record_loads(name):
    kind = getattr(gradient_penalties, PENALTIES[name])
    part = {"_target_": f"{OLD}regularizers.{name}.{kind.__name__}"}
    assert instantiate(loaded(regularizer=part).regularizer) == kind()
    both = {"_target_": f"{OLD}regularizers.combined.Combined", "parts": [part, part]}
    assert instantiate(loaded(regularizer=both).regularizer) == Combined([kind(), kind()])
