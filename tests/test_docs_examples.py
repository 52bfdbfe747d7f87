"""What the documentation's code blocks and the README's other programs say is what they do."""

import re
from pathlib import Path

import numpy as np
import pytest

from docs import examples

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.parametrize("page", examples.PAGES, ids=lambda page: page.name)
def test_every_code_block_of_a_page_does_what_the_page_says(page):
    examples.check(page)


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
