"""Train one variant: the step, the epochs, the whole run, and the state that a resume needs."""
