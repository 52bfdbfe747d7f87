"""The command ``gan-zoo <verb>``."""

import sys
from importlib import import_module

from gan_zoo import __version__

VERBS = {
    "train": "train one variant, or with -m a sweep; takes the same words as run.py",
    "compare": "write the comparison report of folders of runs",
    "evaluate": "measure a trained run, or samples of any other program",
    "status": "list the runs below a folder: planned, running, finished, failed",
    "sample": "draw samples from a trained run",
    "export": "write a trained generator for torch.export or ONNX",
}
USAGE = "usage: gan-zoo <verb> [words ...]\n\n" + "\n".join(
    f"  {verb:9} {meaning}" for verb, meaning in VERBS.items()
)


def main() -> None:
    """Run the verb that the first word names; without a verb, the words are those of ``train``."""
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    if first in ("-h", "--help"):
        print(f"{USAGE}\n\ngan-zoo <verb> --help describes a verb's words.")
    elif first == "--version":
        print(f"gan-zoo {__version__}")
    else:
        if first in VERBS:
            del sys.argv[1]
        import_module(f"gan_zoo.cli.{first if first in VERBS else 'train'}").main()


def renamed() -> None:
    """Name the verb that replaces a command of an earlier version."""
    name = sys.argv[0].replace("\\", "/").rpartition("/")[2].removesuffix(".exe")
    verb = name.removeprefix("gan-zoo-")
    sys.exit(f"gan_zoo: {name} is now: gan-zoo {verb}")
