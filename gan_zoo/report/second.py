"""The second process of a report: ``python -m gan_zoo.report.second`` < work > figures."""

import sys

from gan_zoo.report.rendering import draw_for_another

if __name__ == "__main__":
    sys.stdout.buffer.write(draw_for_another(sys.stdin.buffer.read()))
