"""Run ``python -m gan_zoo.cli <verb>``, where the script ``gan-zoo`` is not on the path."""

from gan_zoo.cli.main import main

main()
