"""Packages that only some commands and options need: told before any work if they are missing."""

from importlib.util import find_spec


def require_extra(what: str, extra: str, *modules: str) -> None:
    """Check that the modules of an extra of this package are installed.

    Args:
        what: the option or command that needs them.
        extra: brings them.
        modules: as they are imported.

    Raises:
        ValueError: naming those that are not there, and the command that installs them.
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"{what} needs {', '.join(missing)}, not installed here: pip install 'gan-zoo[{extra}]'"
        )
