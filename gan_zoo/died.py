"""A job of a sweep whose process ended without a word."""


class JobDied(RuntimeError):
    """Killed, out of memory, or on a machine that went away: which job, and what is known."""
