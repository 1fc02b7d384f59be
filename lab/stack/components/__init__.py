"""One component a file; registry.py says which there are."""
