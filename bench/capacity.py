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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/kit"))

from fleets import ask, fewest_left_out, host, settle

from argus.correlator.capacity.failover import Failover
from argus.correlator.capacity.model import Flavor, Fleet, Guest, Host, Inventory, Provider
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


def pessimism(number: int = SMALL) -> tuple[int, int, int, int]:
    """Return fleets judged, where too many were left out, by how many guests in all, and where too few."""
    dice = random.Random(7)
    worse = by = optimistic = 0
    for _ in range(number):
        hosts = [
            host("h0", 99, 99),
            *(host(f"h{n}", dice.randint(3, 9), dice.randint(4, 16)) for n in (1, 2, 3)),
        ]
        guests = [
            Guest(f"g{n}", "h0", ask(dice.randint(1, 5), dice.randint(1, 8)))
            for n in range(dice.randint(4, 7))
        ]
        tiny = settle("tiny", hosts, guests)
        left, least = len(Failover(tiny).lose("h0", ["h0"]).stranded), fewest_left_out(tiny, "h0")
        worse += left > least
        by += max(0, left - least)
        optimistic += left < least
    return number, worse, by, optimistic


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
    number, worse, by, optimistic = pessimism()
    print(f"\npeak RSS {peak:.0f} MiB")
    print(f"beside brute force, {number} fleets: pessimistic {worse} times, by {by} guests in all")
    print(f"optimistic {optimistic} times")
    return 1 if optimistic or slowest > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
