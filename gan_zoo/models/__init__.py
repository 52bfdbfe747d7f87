"""Networks: the generator and discriminator of each model, and the samplers of their inputs."""
