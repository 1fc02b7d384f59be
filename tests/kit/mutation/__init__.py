"""Mutation testing: change the code in one place, and see whether a test notices.

``python -m mutation agent --count 200`` (with tests/kit on PYTHONPATH); docs/mutation.md keeps the scores.
"""
