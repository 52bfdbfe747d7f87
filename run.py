"""Train one variant, or with -m a sweep of them: python run.py loss=wgan."""

from gan_zoo.cli.train import main

if __name__ == "__main__":
    main()
