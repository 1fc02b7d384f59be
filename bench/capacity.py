"""What capacity costs: a made-up fleet, everything worked out and each host lost in turn, on one core.

    .venv/bin/python bench/capacity.py

Growth is shown over three sizes, for a fleet with room and for one that is full; and the packing heuristic is
put beside brute force on small fleets: how often, and by how many guests, it is pessimistic.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/kit"))

from fleets import ask, fewest_left_out, host, settle

from argus.correlator.capacity.failover import Failover
from argus.correlator.capacity.model import ANTI, Flavor, Fleet, Guest, Host, Inventory, Provider
from argus.correlator.capacity.report import report

SIZES = ((1_000, 15_000), (3_000, 45_000), (10_000, 150_000))
FLAVORS = (
    ("small", 1, 2048, 20),
    ("medium", 2, 4096, 40),
    ("large", 4, 8192, 80),
    ("xlarge", 8, 16384, 160),
    ("memory", 4, 32768, 40),
)
SHAPES = ((64, 262144, 4000), (96, 524288, 8000), (128, 524288, 8000))
SMALL = 400  # fleets that brute force can judge
LIMIT = 30.0  # s: the budget at 10,000 hosts


def fleet(hosts: int, guests: int, share: float, seed: int = 1) -> Fleet:
    """Make a fleet whose memory is in use by about ``share``: hosts are cut to what lives on them."""
    dice = random.Random(seed)
    flavors = tuple(Flavor(name, ask(vcpus, memory, disk)) for name, vcpus, memory, disk in FLAVORS)
    names = [f"cmp{n:05}" for n in range(hosts)]
    living: dict[str, dict[str, int]] = {name: {} for name in names}
    made = []
    for n in range(guests):
        size, where = dice.choice(flavors), names[n % hosts]
        made.append(Guest(f"g{n:06}", where, size.request, flavor=size.name))
        for kind, amount in size.request.needs:
            living[where][kind] = living[where].get(kind, 0) + amount
    return Fleet(
        "bench",
        tuple(_host(dice, n, name, living[name], share) for n, name in enumerate(names)),
        tuple(made),
        flavors,
    )


def _host(dice: random.Random, number: int, name: str, used: dict[str, int], share: float) -> Host:
    vcpus, memory, disk = dice.choice(SHAPES)
    offers = {
        "VCPU": Inventory(vcpus, ratio=4.0, max_unit=vcpus),
        "MEMORY_MB": Inventory(max(memory, 1) if share < 0.9 else int(used["MEMORY_MB"] / share)),
        "DISK_GB": Inventory(disk),
    }
    provider = Provider(name, offers, used)
    return Host(
        name,
        (provider,),
        zone=f"az{number % 3}",
        rack=f"rack{number // 40}",
        aggregates=(f"agg{number % 10}",),
    )


def measure(hosts: int, guests: int, share: float) -> tuple[float, int, int]:
    """Return seconds of CPU, losses tried and losses that do not fit."""
    made = fleet(hosts, guests, share)
    began = time.process_time()
    found = report(made, units=("host", "rack"))
    return time.process_time() - began, sum(found.losses.values()), len(found.deficits)


@dataclass(slots=True)
class Beside:
    """What packing said beside brute force: fleets judged, and how far it was off, in guests left out."""

    kind: str
    fleets: int = 0
    tight: int = 0  # not all guests find a host, however they are placed
    worse: int = 0  # more were left out than had to be
    by: int = 0
    at_most: int = 0
    false_alarms: int = 0  # all find a host, and packing said that not
    optimistic: int = 0

    def count(self, told: int, least: int) -> None:
        """Take the verdict on one fleet."""
        self.fleets += 1
        self.tight += least > 0
        self.worse += told > least
        self.by += max(0, told - least)
        self.at_most = max(self.at_most, told - least)
        self.false_alarms += told > least == 0
        self.optimistic += told < least


def pessimism(kind: str, number: int = SMALL) -> Beside:
    """Put packing beside brute force on fleets of four hosts, cut so close that it matters."""
    dice, beside = random.Random(7), Beside(kind)
    for _ in range(number):
        rooms = [(dice.randint(3, 9), dice.randint(4, 16)) for _ in range(3)]
        hosts = [host("h0", 99, 99), *(host(f"h{n}", *room) for n, room in enumerate(rooms, 1))]
        policy = ANTI if kind == "anti-affinity" else ""
        guests = [
            Guest(f"g{n}", "h0", ask(dice.randint(1, 5), dice.randint(1, 8)), group="x" if n < 2 else "")
            for n in range(dice.randint(4, 7))
        ]
        guests = [replace(each, policy=policy) if each.group else each for each in guests]
        tiny = settle("tiny", hosts, guests)
        beside.count(len(Failover(tiny).lose("h0", ["h0"]).stranded), fewest_left_out(tiny, "h0"))
    return beside


def main() -> int:
    """Print the tables; exit code 1 when the budget or the promise "never optimistic" does not hold."""
    print("| hosts | guests | memory in use | CPU s | losses tried | do not fit | growth |")
    print("|---|---|---|---|---|---|---|")
    slowest = 0.0
    for share in (0.6, 0.97):
        before = 0.0
        for hosts, guests in SIZES:
            seconds, losses, short = measure(hosts, guests, share)
            growth = f"{seconds / before:.1f} x" if before else ""
            label = "some" if share < 0.9 else f"{share:.0%}"
            print(
                f"| {hosts} | {guests} | {label} | {seconds:.1f} | {losses} | {short} | {growth} |",
                flush=True,
            )
            before, slowest = seconds, max(slowest, seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak RSS {peak:.0f} MiB\n")
    print("| fleets | not all can fit | told too many left out | by guests in all | at most | false alarms |")
    print("|---|---|---|---|---|---|")
    besides = [pessimism(kind) for kind in ("plain", "anti-affinity")]
    for each in besides:
        worse = f"{each.worse} ({each.worse / each.fleets:.0%})"
        figures = f"{each.tight} | {worse} | {each.by} | {each.at_most} | {each.false_alarms}"
        print(f"| {each.fleets} {each.kind} | {figures} |")
    optimistic = sum(each.optimistic for each in besides)
    print(f"optimistic {optimistic} times")
    return 1 if optimistic or slowest > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
