"""A user's own package: a loss, a regularizer, networks and a data set for gan_zoo."""
