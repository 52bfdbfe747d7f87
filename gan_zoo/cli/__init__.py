"""The command ``gan-zoo <verb>``, a module for each verb, and the same as Python functions."""
