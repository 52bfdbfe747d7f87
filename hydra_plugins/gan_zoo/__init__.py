"""Hydra plugins of gan_zoo: launchers and sweepers; Hydra imports them at every start."""
