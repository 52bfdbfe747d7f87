"""``key=value`` words become typed options; anything else is told with what is allowed."""

from dataclasses import dataclass

import pytest

from gan_zoo.cli.options import parse


@dataclass
class Options:
    count: int = 3
    name: str = "a"
    loud: bool = False


def test_words_take_the_type_of_the_default():
    assert parse([], Options) == Options()
    assert parse(["count=5", "name=b=c", "loud=TRUE"], Options) == Options(5, "b=c", True)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("count", "no option"),
        ("cout=1", r"Did you mean count=\?"),
        ("count=x", "count is 'x'; allowed: a whole number"),
        ("loud=1", "loud is '1'; allowed: true or false"),
    ],
)
def test_a_mistake_is_told(word, told):
    with pytest.raises(ValueError, match=told):
        parse([word], Options)
