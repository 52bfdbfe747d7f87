"""gan_zoo: one AC-GAN, every adversarial objective, one trainer, an honest comparison."""

__version__ = "0.1.0"
