"""What the metrics have in common, on inputs of each one's kind."""

from functools import partial

import pytest
import torch

from gan_zoo.evaluation.metrics.class_histogram import class_kl
from gan_zoo.evaluation.metrics.diversity import class_diversities
from gan_zoo.evaluation.metrics.duplicates import duplicates
from gan_zoo.evaluation.metrics.fid import fid
from gan_zoo.evaluation.metrics.inception_score import inception_score
from gan_zoo.evaluation.metrics.intra_class_fid import class_fids
from gan_zoo.evaluation.metrics.kid import kid
from gan_zoo.evaluation.metrics.label_accuracy import label_accuracy
from gan_zoo.evaluation.metrics.memorisation import memorisation
from gan_zoo.evaluation.metrics.modes import label_modes
from gan_zoo.evaluation.metrics.parzen import parzen
from gan_zoo.evaluation.metrics.precision_recall import precision_recall_density_coverage
from gan_zoo.testing.metrics import CONTRACTS, Measured, two_samples


def normal(count, dim, seed):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(count, dim, generator=rng, dtype=torch.float64)


FEATURES = {
    **two_samples(),
    "real_labels": torch.arange(60) % 3,
    "fake_labels": torch.arange(40) % 3,
}
LABELLED = {"features": normal(40, 6, 1), "labels": torch.arange(40) % 3}
CLASSES = {"predicted": torch.arange(40) % 3, "requested": torch.arange(40) % 4}
SUBJECTS = {
    "fid": (fid, None),
    "kid": (kid, None),
    "precision_recall": (precision_recall_density_coverage, None),
    "duplicates": (duplicates, {"real": normal(40, 6, 2), "fake": normal(40, 6, 3)}),
    "inception_score": (inception_score, {"logits": normal(40, 6, 4)}),
    "class_fids": (partial(class_fids, num_classes=3), FEATURES),
    "class_diversities": (partial(class_diversities, num_classes=3), LABELLED),
    "memorisation": (memorisation, {
        "fake": normal(40, 6, 5), "train": normal(60, 6, 6), "held_out": normal(30, 6, 7),
    }),
    "parzen": (parzen, {
        "samples": normal(40, 6, 8), "validation": normal(20, 6, 9), "test": normal(30, 6, 10),
    }),
    "label_accuracy": (label_accuracy, CLASSES),
    "label_modes": (partial(label_modes, num_modes=3), {"predicted": torch.arange(40) % 3}),
    "class_kl": (class_kl, {
        "fake": torch.tensor([0.5, 0.25, 0.25]), "reference": torch.tensor([0.25, 0.25, 0.5]),
    }),
}  # fmt: skip


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
@pytest.mark.parametrize("name", SUBJECTS)
def test_contract(name, contract):
    metric, inputs = SUBJECTS[name]
    contract(Measured(metric, two_samples() if inputs is None else inputs))
