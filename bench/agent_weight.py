"""What the agent's own process weighs: memory and CPU of a cycle and a scrape, without a libvirtd.

    .venv/bin/python bench/agent_weight.py [GUESTS]

The daemon's parts on a recorded node, whose three guests are repeated as often as wanted: libvirt's answers
about them, and their files below /proc.  What libvirt's client library needs for real answers comes on top;
bench/agent measures that.  CPU time is the least of several cycles, as others use the machine as well.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

TOP = Path(__file__).parents[1]
sys.path.insert(0, str(TOP / "tests/kit"))

CYCLES = 12
INTERVAL = 15.0
NODE = TOP / "tests/fixtures/debian12-tcg"


def memory() -> str:
    """RSS and its peak in MB."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    fields = {words[0].rstrip(":"): int(words[1]) / 1024 for words in lines if words[0].startswith("Vm")}
    return f"RSS {fields['VmRSS']:.0f} MB, peak {fields['VmHWM']:.0f} MB"


def scrape(address: tuple[str, int]) -> int:
    """Bytes of an uncompressed answer."""
    with socket.create_connection(address) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        return sum(map(len, iter(lambda: client.recv(65536), b"")))


def recorded_node(root: Path, count: int) -> None:
    """Make a node of many guests below ``root`` out of the three that were recorded."""
    for part in ("proc", "sys"):
        shutil.copytree(NODE / part, root / part)
    (root / "run/qemu").mkdir(parents=True)
    texts = [(NODE / f"run/qemu/g{number}.xml").read_text() for number in (1, 2, 3)]
    for number in range(count):
        text = texts[number % 3]
        pid, uuid = (re.search(what, text)[1] for what in ('pid="([0-9]+)"', "<uuid>(.*?)</uuid>"))  # type: ignore[index]  # it is there
        new = str(100_000 + number)
        text = text.replace(f'pid="{pid}"', f'pid="{new}"', 1).replace(uuid, f"{number:08d}{uuid[8:]}")
        (root / f"run/qemu/g{number}.xml").write_text(text)
        shutil.copytree(NODE / "proc" / pid, root / "proc" / new)


def main(count: int, root: Path) -> None:
    """Print a line for each step."""
    from argus_agent.settings import load_apart  # noqa: PLC0415 -- as the daemon does it

    load_apart(None)
    import argus_agent.daemon  # noqa: F401, PLC0415 -- all that the daemon loads
    from argus_agent.collectors import load_collectors  # noqa: PLC0415
    from argus_agent.cycle import Allocation  # noqa: PLC0415
    from argus_agent.host import Host  # noqa: PLC0415
    from argus_agent.registration import Registrations  # noqa: PLC0415
    from argus_agent.runner import Runner  # noqa: PLC0415
    from argus_agent.settings import Address  # noqa: PLC0415
    from argus_agent.sinks.prometheus import Prometheus  # noqa: PLC0415
    from argus_agent.sinks.zabbix import Zabbix  # noqa: PLC0415
    from argus_agent.spool import MemorySpool  # noqa: PLC0415

    collectors = load_collectors()
    print(f"loaded: {memory()}")
    recorded_node(root, count)
    now = [0.0]
    host = Host("bench", root / "proc", root / "sys", root / "run", monotonic=lambda: now[0])
    runner = Runner(host, collectors, _recorded_source(count), Allocation())  # type: ignore[arg-type]  # stands in
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = free.getsockname()
    prometheus = Prometheus(15, host.monotonic)
    prometheus.serve(Address(*listen))
    registrations = Registrations("bench", host.clock, host.monotonic)
    spool = MemorySpool(20000)
    zabbix = Zabbix("bench", spool, registrations, SimpleNamespace(wake=lambda: None))  # type: ignore[arg-type]
    cycles: list[float] = []
    scrapes: list[float] = []
    for number in range(CYCLES):
        now[0] = INTERVAL * number
        begun = time.process_time()
        result = runner.run()
        for sink in (prometheus, zabbix):
            sink.put(result)
        spool.remove([number for number, _ in spool.oldest(10**6, ())])
        cycles.append(time.process_time() - begun)
        begun = time.process_time()
        size = scrape(listen)
        scrapes.append(time.process_time() - begun)
    print(f"{count} guests, {len(result.samples)} samples, {size} bytes of text: {memory()}")
    print(f"CPU: {min(cycles) * 1000:.0f} ms a cycle, {min(scrapes) * 1000:.0f} ms a scrape")


def _recorded_source(count: int) -> object:
    """Answers as libvirt gave them, as many as wanted, made anew in each cycle."""
    from recorded import recorded_guests  # noqa: PLC0415

    from argus_agent.guests import Events, LibvirtView  # noqa: PLC0415

    guests = recorded_guests()
    texts = [json.dumps(dict(guest.stats)) for guest in guests]

    def finish(_jobs: object = ()) -> LibvirtView:
        found = tuple(
            replace(guests[n % 3], uuid=f"{n:08d}{guests[n % 3].uuid[8:]}", stats=json.loads(texts[n % 3]))
            for n in range(count)
        )
        return LibvirtView(
            True, guests=found, complete=True, at=time.monotonic(), events=Events(listening=True)
        )

    events = SimpleNamespace(take_touched=frozenset, take_failed=lambda: False, wake=None)
    return SimpleNamespace(events=events, start=lambda _groups: None, finish=finish)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, Path(folder))
