"""What the documentation's code blocks and the README's other programs say is what they do."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from docs import examples
from gan_zoo.config.build import _checked
from gan_zoo.config.compose import compose_config

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.parametrize("page", examples.PAGES, ids=lambda page: page.name)
def test_every_code_block_of_a_page_does_what_the_page_says(page):
    examples.check(page)


def inline_commands() -> list[str]:
    """Return the commands in the text of pages that select an experiment, without line breaks."""
    texts = [examples._FENCE.sub("", page.read_text()) for page in examples.PAGES]
    found = [line for text in texts for line in re.findall(r"`(python run\.py [^`]*)`", text)]
    lines = [" ".join(line.split()) for line in found if "experiment=" in line]
    return sorted({line for line in lines if "--config-dir" not in line})


@pytest.mark.parametrize("line", inline_commands())
def test_every_command_within_the_text_is_one_that_a_run_would_take(line):
    """Compose the first job of the sweep, and check its keys, types and targets."""
    given = [word for word in shlex.split(line)[2:] if "=" in word]
    experiment = next(word for word in given if word.startswith("experiment="))
    params = compose_config([experiment], with_hydra=True).hydra.sweeper.get("params") or {}
    swept = [f"{key}={value}" for key, value in params.items()]
    words = [re.sub(r"=(?!\[)([^,(]*),.*", r"=\1", word) for word in [*swept, *given]]
    _checked(compose_config([word for word in words if "(" not in word]))


def test_the_readme_s_other_programs_run(tmp_path, monkeypatch):
    # its sweeps, its runs and what make does: tests/test_readme.py
    block = [block.text for block in examples.blocks(README.read_text()) if not block.kind]
    known = ("make ", "python3 -m venv", ".venv/bin/", "python run.py")
    others = [
        line for text in block for line in examples.commands(text) if not line.startswith(known)
    ]
    assert {line.split()[1] for line in others} == {"compare.py", "evaluate"}
    monkeypatch.chdir(tmp_path)
    digits = np.zeros((20, 1, 28, 28), np.float32)
    np.savez("samples.npz", images=digits, labels=np.arange(20) % 10)
    made = ["python run.py loss=wgan", "python run.py -m loss=bce sweep_name=mine"]
    for line in [*made, *others]:
        here = line.replace("multirun/<date>/<time>", "multirun/mine")
        if "evaluate" in line:
            here += " metrics=fid reference_scores=false" + " samples=20" * ("runs/" in line)
        code, printed = examples.execute(here)
        assert not code, f"{line}: {printed}"
    assert set(re.findall(r"^```(\w+)$", README.read_text(), re.MULTILINE)) <= {"yaml", "python"}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("```python\nassert 1 == 2\n```\n", "AssertionError"),
        ("```python\nx = 1\n```\n```python\nassert x == 2\n```\n", "AssertionError"),
        ("```bash\nls\n```\n", "of kind 'bash'"),
        ("```\nls\n```\n", "of kind ''"),
        ("- item\n\n  ```pycon\n  >>> 1\n  ```\n", "of kind 'pycon'"),
        ("```yaml\n- a\n```\n", "no mapping"),
        ("```console\nrm -rf x\n```\n", "neither a script"),
        ("```console\ngan-zoo status nowhere\n```\n", "ended with"),
        (
            "```console\ngan-zoo status nowhere\n```\n```text\ngan_zoo: it is there\n```\n",
            "was not printed",
        ),
    ],
)
def test_a_block_that_does_not_hold_is_told(text, wrong, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(examples.Failed, match=re.escape(wrong)):
        examples.check(page)


def test_expected_failures_and_earlier_names_hold(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```console\n$ gan-zoo status \\\n    nowhere  # not there\n```\n"
        "```text\ngan_zoo: nowhere: no such folder; ...\n```\n"
        "```python\nx = 1\n```\n```python\nassert x == 1\n```\n"
    )
    examples.check(page)
