"""Run ``on_simulated_device.py`` in a process of its own.

A device has to be registered before the process differentiates anything, which other tests do.
"""

import subprocess
import sys
from pathlib import Path


def test_everything_on_a_simulated_device():
    path = Path(__file__).with_name("on_simulated_device.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
