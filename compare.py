"""Build the comparison report: ``python compare.py DIR [DIR ...]``."""

from gan_zoo.cli.compare import main

if __name__ == "__main__":
    main()
