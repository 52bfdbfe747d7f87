"""The documentation's build: make docs, or sphinx-build -W docs build/docs."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

from pygments.lexers.shell import BashLexer

sys.path.insert(0, str(Path(__file__).parents[1]))

from docs import docstrings, losses, metrics, reference
from gan_zoo import __version__

losses.write()
metrics.write()
reference.write()

project = "gan_zoo"
author = "The gan_zoo authors"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["*.py", "__pycache__", "generated/metrics.md"]  # included elsewhere
nitpicky = True
# Types of other packages, whose documentation is not looked up: the build needs no network.
nitpick_ignore_regex = [("py:.*", r"(?!gan_zoo\.).*"), ("py:.*", r"gan_zoo\..*\._\w+")]
nitpick_ignore = [  # type variables
    ("py:class", "gan_zoo.testing.contracts.Subject"),
    ("py:class", "gan_zoo.training.batched.T"),
    ("py:class", "gan_zoo.training.steps.T"),
]

autodoc_member_order = "bysource"
autodoc_default_options = {  # main: of the command line
    "members": True, "ignore-module-all": True, "exclude-members": "main",
}  # fmt: skip
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
autodoc_mock_imports = [  # of extras
    name
    for name in (
        "onnx",
        "onnxruntime",
        "optuna",
        "ray",
        "submitit",
        "tensorboard",
        "trackio",
        "wandb",
        "mlflow",
        "medmnist",
    )
    if importlib.util.find_spec(name) is None
]
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = "gan_zoo"
html_static_path = ["static"]
html_css_files = ["docs.css"]
html_show_copyright = html_show_sphinx = False
html_copy_source = False
pygments_style, pygments_dark_style = "friendly", "monokai"


def _docstring(_app: Any, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]):
    lines[:] = docstrings.processed(lines)


def setup(app: Any) -> None:
    """Read docstrings as plain text, before napoleon looks for sections; colour commands."""
    app.connect("autodoc-process-docstring", _docstring, priority=100)
    app.add_lexer("console", BashLexer)  # commands without a prompt, and no output between them
