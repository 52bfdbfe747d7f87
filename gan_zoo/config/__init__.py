"""Configurations: schema with ranges, composition, validation, instantiation."""
