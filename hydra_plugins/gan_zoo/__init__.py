"""Launchers and sweepers of gan_zoo, where Hydra looks for plugins; imported at every start."""
