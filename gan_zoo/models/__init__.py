"""Networks: the generator and the discriminator of each model, and the latents they are fed."""
