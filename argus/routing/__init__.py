"""Who is told what, and when: ``routes.yaml``, in the words of Prometheus' Alertmanager."""
