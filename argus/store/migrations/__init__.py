"""Migrations of the correlator's database, run by ``argus db upgrade``."""
