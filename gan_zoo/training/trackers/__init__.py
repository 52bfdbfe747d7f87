"""Where runs are shown beside their folders; each knows the contracts and its own package alone."""
