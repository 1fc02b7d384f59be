"""Start one of Swift's servers with a swift.conf that is not in /etc/swift.

    swift_server.py account|container|object|proxy DIRECTORY

DIRECTORY holds swift.conf and KIND-server.conf. Swift has no option for the place of the former.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import swift.common.utils
import swift.common.utils.config

KIND, DIRECTORY = sys.argv[1], Path(sys.argv[2])

for module in (swift.common.utils, swift.common.utils.config):
    module.SWIFT_CONF_FILE = str(DIRECTORY / "swift.conf")
sys.argv = [f"swift-{KIND}-server", str(DIRECTORY / f"{KIND}-server.conf")]
runpy.run_path(str(Path(sys.executable).parent / sys.argv[0]), run_name="__main__")
