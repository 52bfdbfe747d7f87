"""The study of every objective: the commands of its runs, their data, its page."""
