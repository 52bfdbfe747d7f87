"""The command ``gan-zoo <verb>``."""

import difflib
import os
import platform
import re
import sys
from importlib import import_module
from importlib.metadata import version

from gan_zoo import __version__

VERBS = {
    "train": "train one variant, or with -m a sweep; takes the same arguments as run.py",
    "compare": "write the comparison report of folders of runs",
    "evaluate": "measure a trained run, or samples from another program",
    "status": "list the runs below a folder: planned, running, finished, failed",
    "sample": "draw samples from a trained run",
    "export": "write a trained generator as ONNX, for torch.export, or as a web page",
}
USAGE = "usage: gan-zoo <verb> [arguments ...]\n\n" + "\n".join(
    f"  {verb:9} {meaning}" for verb, meaning in VERBS.items()
)


def main() -> None:
    """Run the verb that the first word names; without a verb, the words are those of ``train``.

    Raises:
        SystemExit: the first word is neither a verb nor an option of ``train``.
    """
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    if first in ("-h", "--help"):
        print(f"{USAGE}\n\ngan-zoo <verb> --help describes a verb's arguments.")
    elif first == "--version":
        print(describe_version())
    elif sys.argv[2:3] and sys.argv[2].startswith("query=") and not _completes_train():
        return  # -sc query=<shell>: the shell asks how a line may continue
    elif re.fullmatch(r"[a-z]+", first) and first not in VERBS:
        close = difflib.get_close_matches(first, VERBS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        sys.exit(f"gan_zoo: unknown verb {first!r}.{hint} Valid: {', '.join(VERBS)}")
    else:
        if first in VERBS:
            del sys.argv[1]
        try:
            verb = import_module(f"gan_zoo.cli.{first if first in VERBS else 'train'}")
        except KeyboardInterrupt:  # the verbs handle it while they run
            sys.exit(130)
        verb.main()


def describe_version() -> str:
    """Return the versions that a report of a fault needs; the commit where this is a checkout."""
    from gan_zoo.training.process import commit

    code = commit()
    return (
        f"gan-zoo {__version__}{f' (commit {code})' if code else ''}, torch {version('torch')},"
        f" Hydra {version('hydra-core')}, Python {platform.python_version()}"
    )


def _completes_train() -> bool:
    """Print verbs for a first word being typed; return whether Hydra completes the line.

    Hydra knows nothing of verbs: ``train`` is left out of the line, and other verbs take files.
    """
    program, _, words = os.environ.get("COMP_LINE", "").partition(" ")
    verb, space, others = words.lstrip().partition(" ")
    if not space:
        print(" ".join(name for name in VERBS if name.startswith(verb)))
    elif verb == "train":
        os.environ["COMP_LINE"] = f"{program} {others}"
    return verb == "train" or verb not in VERBS


def renamed() -> None:
    """Name the verb that replaces a command of an earlier version."""
    name = sys.argv[0].replace("\\", "/").rpartition("/")[2].removesuffix(".exe")
    verb = name.removeprefix("gan-zoo-")
    sys.exit(f"gan_zoo: {name} is now: gan-zoo {verb}")
