"""From words and YAML files to checked settings and the objects that a run needs."""
