import pytest

from gan_zoo.report.quantities import ordered, quantity


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("fid_mnistcnn_test_10k", -1),
        ("label_accuracy_mnistcnn_test_10k", 1),
        ("intra_class_fid_mnistcnn_test_10k", -1),
        ("kid_mnistcnn_test_10k", -1),
        ("discriminator_accuracy_real", 0),
        ("something_new_test_10k", 0),
    ],
)
def test_direction_of_a_metric(name, better):
    assert quantity(name).better == better


def test_protocol_is_read_from_the_name():
    found = quantity("fid_mnistcnn_validation_1k")
    assert found.detail == "MNIST classifier features, validation split, 1k samples"
    assert found.direction == "↓ lower is better"


def test_longest_name_wins():
    assert quantity("intra_class_fid_x_test_1k").title == "Intra-class FID"
    assert quantity("fid_x_test_1k").title == "Fréchet distance (FID)"


def test_losses_of_the_source_document():
    assert quantity("discriminator_train_generation").title == (
        "Discriminator adversarial loss, training images"
    )
    assert quantity("generator_test_loss").better == 0


def test_unknown_names_are_shown_as_they_are():
    assert quantity("my_new_thing").title == "my new thing"


def test_test_split_comes_before_validation_and_fid_first():
    names = {"zzz", "fid_m_validation_1k", "label_accuracy_m_test_10k", "fid_m_test_10k"}
    assert [item.name for item in ordered(names)] == [
        "fid_m_test_10k",
        "fid_m_validation_1k",
        "label_accuracy_m_test_10k",
        "zzz",
    ]
