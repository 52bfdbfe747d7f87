"""Measure a run or a file of samples: python evaluate.py RUN_DIR [key=value ...]"""

from gan_zoo.evaluate import main

if __name__ == "__main__":
    main()
