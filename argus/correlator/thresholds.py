"""The figures that rules compare with, and the terms on which incidents open and close."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from argus.correlator.rule import AnyRule

GIB = 2.0**30
LONGEST_QUIET = 4 * 3600.0  # seconds: so long all is well at most before a flapping incident ends
NONE, BROKEN, ALL = "none", "broken", "all"  # which problems of guests are incidents


def limit(default: float, *, least: float = 0.0, relax: float = 1.0, text: str) -> Any:
    """Declare a threshold.

    ``relax`` is the hysteresis: an open incident is judged by ``value * relax``, so that a value that sits at
    the limit does not open and resolve incidents in turn.  ``text`` becomes the option's help.
    """
    return field(default=default, metadata={"least": least, "relax": relax, "text": text})


@dataclass(frozen=True, slots=True)
class Thresholds:
    """One option of ``[thresholds]`` each, under the same name."""

    # The smallest flavors that clouds offer take 0.5 to 2 GiB: below this, nothing useful fits.
    node_memory_free_min_bytes: float = limit(
        2 * GIB,
        text="A node counts as full when less memory (bytes) than this is left for guests under its "
        "allocation ratio. Set it to the memory of your smallest flavor; larger warns earlier.",
    )
    # One vCPU is the smallest guest there is.
    node_vcpus_free_min: float = limit(
        1, text="A node counts as full when fewer vCPUs than this are left under its allocation ratio."
    )
    # Overcommit is policy; it is only a trouble together with steal, so any overcommit qualifies.
    vcpu_overcommit_max_ratio: float = limit(
        1.0,
        relax=0.98,
        text="Steal is put down to overcommit only on nodes with more vCPUs per usable CPU than this. "
        "Raise it to your cpu_allocation_ratio to hear only about nodes beyond what was agreed. Resolves "
        "below 0.98 of it.",
    )
    # Guests feel waits of a tenth; KVM operators page at 10 %. 0.8 keeps it from flapping.
    guest_steal_max_ratio: float = limit(
        0.10,
        relax=0.8,
        text="The share of time (0 to 1) that the worst guest of an overcommitted node may wait for a CPU. "
        "Lower finds starvation earlier and pages more often. Resolves below 0.8 of it.",
    )
    # Two guests may fail by chance; three at a time on one node have something in common.
    guests_failing_min: float = limit(
        3,
        least=2,
        relax=0.34,
        text="So many guests of one node that fail within 90 s of each other are one incident of the node. "
        "Resolves when one is left.",
    )
    guests_failing_min_ratio: float = limit(
        0.3,
        relax=0.34,
        text="The share (0 to 1) of a node's guests that must fail together besides, so that three of a "
        "hundred stay three incidents. Resolves below a third of it.",
    )
    # Two nodes of a rack may be in repair; three that go silent have the rack in common.
    place_silent_min: float = limit(
        3,
        least=2,
        relax=0.34,
        text="So many nodes of one rack or switch (a tag of their hosts, [correlator] place_tags) that do "
        "not report are one incident of it. Resolves when one is left.",
    )
    place_silent_min_ratio: float = limit(
        0.6,
        relax=0.5,
        text="The share (0 to 1) of the nodes of a rack or switch that must be silent besides. Resolves "
        "below half of it; nodes that are still silent become incidents of their own.",
    )
    # A rack has 10 to 40 nodes; five nodes with one fault at a time are hardly five accidents.
    scope_min: float = limit(
        5,
        least=2,
        relax=0.5,
        text="When so many subjects of one group (the nodes of a region, the computes of a region) have the "
        "same fault within ten minutes, there is one incident for all of them. Resolves when fewer than half "
        "of it are left; those become incidents of their own.",
    )
    # Of ten thousand guests five fail within ten minutes by chance; a hundredth of them do not.
    scope_min_ratio: float = limit(
        0.01,
        relax=0.5,
        text="The share (0 to 1) of the group that must have the fault besides, where it is known how many "
        "there are. Resolves below half of it.",
    )

    # Google's workbook on SLOs: 6 over six hours spends 5 % of a month; a quarter spent is worth a look.
    budget_burn_max: float = limit(
        6.0,
        relax=0.5,
        text="How many times too fast the error budget of a service (availability in services.yaml) may be "
        "spent over six hours. Resolves below half of it.",
    )
    budget_spent_min_ratio: float = limit(
        0.25,
        text="The share (0 to 1) of the month's error budget that must be spent besides, so that one short "
        "outage of a good month is no news.",
    )
    # Below five there is no time left to order hosts once somebody notices.
    flavor_fits_min: float = limit(
        5,
        relax=1.2,
        text="A watched flavor ([capacity] flavors) must fit so many times more. Resolves at 1.2 of it.",
    )
    # Six weeks: quotation, order, delivery and racking of servers.
    full_in_days_min: float = limit(
        45,
        relax=1.1,
        text="Days before the forecast says full from which it is told: how long it takes you to get new "
        "hosts into service. Resolves at 1.1 of it.",
    )
    # Everything promised is there: only beyond that can guests run out of memory together.
    memory_promised_max_ratio: float = limit(
        1.0,
        relax=0.98,
        text="Memory promised to guests of what there is, from which swapping is put down to overcommit. "
        "Resolves below 0.98 of it.",
    )
    swap_used_max_bytes: float = limit(
        GIB,
        relax=0.8,
        text="Swap in use (bytes) on the worst node from which memory overcommit counts as hurting. "
        "Resolves below 0.8 of it.",
    )
    # The kernel counts a moment in which any task waits: a busy node is there half of the time. A guess.
    cpu_stall_max_ratio: float = limit(
        0.8,
        relax=0.8,
        text="The share of time (0 to 1) that some task of an overcommitted node may wait for a CPU (PSI), "
        "where steal is not told. Raise it where hosts are run hot on purpose. Resolves below 0.8 of it.",
    )
    # A guest that waits for memory every tenth moment is slow; systemd-oomd kills at 60 %.
    memory_stall_max_ratio: float = limit(
        0.10,
        relax=0.8,
        text="The share of time (0 to 1) that some task of a node with more memory promised than there is "
        "may wait for memory: reclaim and swapping in (PSI). Resolves below 0.8 of it.",
    )
    ballooned_max_bytes: float = limit(
        GIB,
        relax=0.8,
        text="Memory (bytes) that balloons may hold back from the guests of one node with more memory "
        "promised than there is. Raise it where you balloon on purpose. Resolves below 0.8 of it.",
    )
    # A spindle takes 10 ms; a guest on SSDs or Ceph that waits for 50 has company.
    guest_disk_latency_max_seconds: float = limit(
        0.05,
        relax=0.8,
        text="Seconds that an operation of a guest's disk may take, on the mean, before its neighbours are "
        "looked at. Raise it for spinning disks.",
    )
    guest_drops_max: float = limit(
        10,
        relax=0.8,
        text="Packets a second that a guest may lose at its interfaces before its neighbours are looked at.",
    )
    # Projects seldom use half of what they may.
    quota_promise_max_ratio: float = limit(
        2.0,
        relax=0.95,
        text="Sum of the quotas of all projects, of capacity, from which it is told. Resolves below 0.95 "
        "of it.",
    )
    # TLS and Keystone bear minutes, Ceph 0.05 s; what comes late from a healthy node is seconds old.
    clock_offset_max_seconds: float = limit(
        30,
        least=5,
        relax=0.5,
        text="Seconds that a node's clock may be ahead of, or behind, that of this host. A clock that is "
        "behind is told from values that come late only from half of [correlator] stale_after on. Resolves "
        "below half of it.",
    )
    drift_max: float = limit(
        0,
        relax=0.8,
        text="So many disagreements of Nova, Placement and libvirt are let pass before it is told. Resolves "
        "at 0.8 of it.",
    )
    losses_max: float = limit(
        0,
        relax=0.8,
        text="So many hosts or racks whose loss does not fit elsewhere are let pass before it is told. "
        "Resolves at 0.8 of it.",
    )
    hosts_over_max: float = limit(
        0,
        relax=0.8,
        text="So many hosts that hold more than their capacity are let pass before it is told. Resolves at "
        "0.8 of it.",
    )

    def relaxed(self) -> Thresholds:
        """Return the limits by which an incident that is open already is judged."""
        changed = {
            f.name: getattr(self, f.name) * f.metadata["relax"]
            for f in fields(self)
            if f.metadata["relax"] != 1.0
        }
        return replace(self, **changed)


# Nova disables a host by itself when libvirtd is away (nova/virt/libvirt/driver.py, "AUTO: "), Masakari one
# that failed: neither is a maintenance, and both must be told. Without a reason nobody can tell.
BY_PEOPLE = r"(?!AUTO:|Masakari|no reason given).+"


@dataclass(frozen=True, slots=True)
class CapacityTerms:
    """``flavors`` are watched; ``limits`` replace thresholds by scope (``aggregate:ssd``) and name."""

    flavors: tuple[str, ...] = ()
    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProblemTerms:
    """Which problems of Zabbix are incidents by themselves.

    ``severity`` is Zabbix' own, from 0 to 5, that is enough; ``None``: none is.  A tag is its name and value,
    ``None`` for any value: with ``tags`` a problem needs one of them, and none of ``without``.
    """

    severity: int | None = 4
    tags: tuple[tuple[str, str | None], ...] = ()
    without: tuple[tuple[str, str | None], ...] = ()


SHORTEST_PULSE = 15.0  # seconds; three intervals of the item that Zabbix' server asks itself


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that decisions depend on besides state and facts.  Times in seconds.

    ``holds`` and ``keeps`` override a rule's own by the rule's name; ``forget_after`` is how long a subject
    must be gone from a readable source before its incidents are closed, ``forget_many_after`` where many are
    gone at once, which looks like a permission that was lost.  ``guest_incidents`` says which
    problems of guests are incidents (``none``, ``broken``, ``all``); ``promote_after`` is how long a symptom
    must outlive its cause to be told; only what began within ``scope_window`` of each other is one of many.

    One that was told and resolved before within ``flap_window`` must be well for longer to end, each time
    twice as long; from ``flap_count`` times on it flaps, and that is ``flap_quiet`` and more.  When more than
    ``mass_min`` incidents and ``mass_ratio`` of all recover at once, they end only after ``mass_keep``: that
    may be a Zabbix that lost them.
    ``maintenance_reason`` is the regular expression of those reasons of Nova's disabled hosts that mean it.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    holds: Mapping[str, float] = field(default_factory=dict)
    stale_after: float = 90.0
    forget_after: float = 3600.0
    forget_many_after: float = 172_800.0
    guest_incidents: str = BROKEN
    promote_after: float = 120.0
    scope_window: float = 600.0
    flap_count: int = 3
    flap_window: float = 86_400.0
    flap_quiet: float = 900.0
    mass_min: int = 50
    mass_ratio: float = 0.2
    mass_keep: float = 120.0
    capacity: CapacityTerms = field(default_factory=CapacityTerms)
    maintenance_reason: str = BY_PEOPLE
    keeps: Mapping[str, float] = field(default_factory=dict)
    problems: ProblemTerms = field(default_factory=ProblemTerms)

    @property
    def pulse_limit(self) -> float:
        """Return how long Zabbix' server may give no sign of life, in seconds.

        Less than a node may: what silences all nodes has to be known before any of them counts as silent.
        """
        return max(SHORTEST_PULSE, self.stale_after / 2)

    def hold(self, rule: AnyRule) -> float:
        """Return how long what a rule finds must stand before it opens an incident."""
        return self.holds.get(rule.name, rule.hold)

    def keep(self, rule: AnyRule) -> float:
        """Return how long all must be well before the incident of a rule ends."""
        return self.keeps.get(rule.name, rule.keep)

    def quiet(self, rule: AnyRule, flaps: int) -> float:
        """Return the same of one that was told and resolved ``flaps`` times before."""
        if flaps < self.flap_count:
            return self.keep(rule) * 2.0**flaps
        longest = max(self.flap_quiet, LONGEST_QUIET)
        return min(longest, self.flap_quiet * 2.0 ** min(flaps - self.flap_count, 32))
