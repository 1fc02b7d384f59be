"""A real OpenStack control plane, on demand only: services of their own venv on Debian's servers."""
