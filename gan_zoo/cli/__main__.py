"""``python -m gan_zoo.cli <verb>``: the command ``gan-zoo`` where its script is not on the path."""

import sys

from gan_zoo.cli.main import main

sys.exit(main())
