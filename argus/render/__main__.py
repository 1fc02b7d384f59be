"""``python -m argus.render [--check]``."""

from __future__ import annotations

import argparse

from argus.render import main

parser = argparse.ArgumentParser(prog="python -m argus.render", description="write the generated files")
parser.add_argument("--check", action="store_true", help="only say which files differ; exit 1 if any does")
raise SystemExit(main(parser.parse_args().check))
