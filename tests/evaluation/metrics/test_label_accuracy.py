import pytest
import torch

from gan_zoo.evaluation.metrics.label_accuracy import confusion_matrix, label_accuracy

REQUESTED = torch.tensor([0, 0, 1, 2, 2, 2, 1])
PREDICTED = torch.tensor([0, 1, 1, 2, 0, 2, 0])


def test_share_of_samples_in_the_requested_class():
    assert label_accuracy(PREDICTED, REQUESTED) == 4 / 7
    assert label_accuracy(REQUESTED, REQUESTED) == 1.0
    assert label_accuracy((REQUESTED + 1) % 3, REQUESTED) == 0.0


def test_confusion_matrix_has_requested_rows_and_predicted_columns():
    matrix = confusion_matrix(PREDICTED, REQUESTED, 4)
    assert matrix.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]


def test_diagonal_of_the_confusion_matrix_is_the_accuracy():
    matrix = confusion_matrix(PREDICTED, REQUESTED, 3)
    assert float(matrix.trace() / matrix.sum()) == pytest.approx(
        label_accuracy(PREDICTED, REQUESTED)
    )


@pytest.mark.parametrize(
    ("predicted", "requested", "message"),
    [
        (torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long), "N at least 1"),
        (PREDICTED, REQUESTED[:6], r"\(7,\) integers.* got shape \(6,\)"),
        (PREDICTED, REQUESTED.float(), "torch.float32"),
        (PREDICTED.float(), REQUESTED, "torch.float32"),
        (PREDICTED[:, None], REQUESTED[:, None], r"predicted must have shape .*got \(7, 1\)"),
    ],
)
def test_labels_that_do_not_match(predicted, requested, message):
    with pytest.raises(ValueError, match=message):
        label_accuracy(predicted, requested)
    with pytest.raises(ValueError, match=message):
        confusion_matrix(predicted, requested, 3)


@pytest.mark.parametrize("wrong", [-1, 3])
def test_labels_out_of_range(wrong):
    labels = REQUESTED.clone()
    labels[2] = wrong
    with pytest.raises(ValueError, match="requested labels must be from"):
        confusion_matrix(PREDICTED, labels, 3)
    with pytest.raises(ValueError, match="predicted labels must be from"):
        confusion_matrix(labels, PREDICTED, 3)
