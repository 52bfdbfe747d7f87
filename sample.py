"""Draw samples from a trained run: python sample.py RUN_DIR [key=value ...]"""

from gan_zoo.sample import main

if __name__ == "__main__":
    main()
