"""What each sink makes of a cycle."""

from __future__ import annotations

import gzip
import json
import urllib.request
from dataclasses import replace
from socket import create_server
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from recorded import G1, G2, G3, recorded_cycle, recorded_guests

from argus.catalogue import (
    agent,
    guest_cpu,
    guest_disk,
    guest_info,
    guest_numa,
    guest_process,
    guest_state,
    ksm,
)
from argus.catalogue.model import Row, Sample, samples_of
from argus_agent.collectors import load_collectors
from argus_agent.config import Address
from argus_agent.delivery import Courier
from argus_agent.guests import Guest, LibvirtView
from argus_agent.registration import RESEND_SECONDS, Registrations
from argus_agent.runner import Result
from argus_agent.servers import Servers
from argus_agent.settings import FULL
from argus_agent.sinks.document import NODE as NODE_DOCUMENT
from argus_agent.sinks.document import documents
from argus_agent.sinks.exposition import exposition
from argus_agent.sinks.prometheus import Prometheus
from argus_agent.sinks.stdout import FORMATS, human
from argus_agent.sinks.zabbix import GUEST_KEY, NODE_KEY, Zabbix
from argus_agent.spool import MemorySpool
from argus_agent.zabbix_protocol import Value

# Collectors that the recording covers.
COVERED = (
    "node_cpu",
    "node_memory",
    "node_load",
    "ksm",
    "thp",
    "libvirt",
    "allocation",
    "guest_state",
    "guest_info",
    "guest_cpu",
    "guest_memory",
    "guest_disk",
    "guest_nic",
)


def recorded_result() -> Result:
    """Two cycles on the recorded node, of which the second is shown."""
    collectors = {name: c for name, c in load_collectors().items() if name in COVERED}
    told: list[Sample | Row] = []
    for answer in (0, 1):
        cycle = recorded_cycle(answer)
        told = [one for c in collectors.values() for one in c.collect(cycle)]
    return Result(1000.0, tuple(told), recorded_cycle(1).libvirt)


def test_prometheus_can_read_what_it_is_given() -> None:
    text = FORMATS["prometheus"]("node-1", recorded_result())
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["argus_guest_cpu_time_seconds"].type == "counter"
    assert all(family.documentation for family in families.values())
    infos = {s.labels["uuid"]: s.labels for s in families["argus_guest_info"].samples}
    assert infos[G2]["name"] == 'db "primary" & <größe> №2'


def test_a_document_is_flat_with_lists_of_what_is_below() -> None:
    samples = (
        ksm.RUN.sample(0),
        agent.SUCCESS.sample(1, "ksm"),
        guest_state.STATE.sample(1, "u1"),
        guest_disk.READ_OPS.sample(5.0, "u1", "vda"),
        guest_disk.READ_TIME.sample(0.1 + 0.2, "u1", "vda"),
        guest_disk.READ_OPS.sample(7, "u1", "vdb"),
    )
    assert dict(documents(samples)) == {
        NODE_DOCUMENT: {
            "ksm_run": 0,
            "collectors": [{"collector": "ksm", "agent_collector_success": 1}],
        },
        "u1": {
            "state": 1,
            "disks": [
                {"disk": "vda", "disk_read_ops": 5, "disk_read_seconds": 0.3},
                {"disk": "vdb", "disk_read_ops": 7},
            ],
        },
    }


def test_a_row_is_written_as_its_samples_are() -> None:
    metrics = (guest_disk.READ_OPS, guest_disk.WRITE_OPS, guest_disk.SOURCE)
    rows = (
        Row(metrics, (5, None, "/a"), ("u1", "vda")),
        Row(metrics, (7, None, None), ("u1", "vdb")),
    )
    samples = tuple(samples_of(rows))
    assert len(samples) == 3
    assert dict(documents(rows)) == dict(documents(samples))
    assert "".join(exposition(rows)) == "".join(exposition(samples))


def test_json_and_table_show_the_guests() -> None:
    result = recorded_result()
    assert set(json.loads(FORMATS["json"]("node-1", result))["guests"]) == {G1, G2, G3}
    assert "db" in FORMATS["table"]("node-1", result)


@pytest.mark.parametrize(
    ("sample", "text"),
    [
        (ksm.PROFIT.sample(3 * 2**20), "3 MiB"),
        (ksm.PROFIT.sample(-1), "-1 B"),
        (guest_cpu.STEAL_MAX.sample(0.123, "u"), "12.3 %"),
        (guest_state.STATE.sample(3, "u"), "paused"),
        (guest_state.STATE.sample(99, "u"), "99"),
        (guest_info.NAME.sample("web", "u"), "web"),
    ],
    ids=["bytes", "negative", "ratio", "state", "unknown state", "text"],
)
def test_values_are_written_for_people(sample: Sample, text: str) -> None:
    assert human(sample) == text


def test_metrics_are_served_until_they_are_old() -> None:
    now = [1000.0]
    sink = Prometheus(15, lambda: now[0])
    with create_server(("127.0.0.1", 0)) as free:
        listen = Address(*free.getsockname()[:2])
    sink.serve(listen)
    sink.put(recorded_result())
    assert "argus_node_ksm_run 0\n" in scrape(listen)
    now[0] += 61
    assert scrape(listen) == ""


def test_a_step_of_the_clock_neither_hides_values_nor_keeps_them() -> None:
    now = [50.0]
    sink = Prometheus(15, lambda: now[0])
    for at in (0.0, 9e9):
        sink.put(replace(recorded_result(), at=at))
        assert b"argus_node_ksm_run 0\n" in gzip.decompress(sink.compressed())
    now[0] += 61
    assert gzip.decompress(sink.compressed()) == b""


def test_who_asks_twice_in_a_cycle_gets_the_same_and_later_the_newer() -> None:
    sink = Prometheus(15, lambda: 1000.0)
    sink.put(Result(1000.0, (ksm.RUN.sample(0),), LibvirtView(up=False)))
    first = sink.compressed()
    assert sink.compressed() is first, "it is written once"
    sink.put(Result(1000.0, (ksm.RUN.sample(1),), LibvirtView(up=False)))
    assert b"argus_node_ksm_run 1\n" in gzip.decompress(sink.compressed())


def scrape(listen: Address) -> str:
    with urllib.request.urlopen(f"http://{listen}/metrics", timeout=5) as reply:
        return str(reply.read(), "utf-8")


class Chain:
    """The Zabbix sink with its parts; nothing is sent."""

    def __init__(self, level: str = FULL) -> None:
        self.now = 1000.0
        self.spool = MemorySpool(100)
        self.registrations = Registrations("node-1", lambda: self.now, lambda: self.now)
        courier = Courier(Servers((), 1, lambda: 0.0), self.spool, self.registrations, lambda: 0.0)
        self.sink = Zabbix("node-1", self.spool, self.registrations, courier, level)

    def put(self, guests: tuple[Guest, ...] | None, only: frozenset[str] | None = None) -> dict[str, str]:
        """Hand over a cycle with these guests; return what was put into the spool, key by host."""
        known = [number for number, _ in self.spool.oldest(1000, ())]
        self.spool.remove(known)
        samples = (
            ksm.RUN.sample(0),
            *(guest_state.STATE.sample(1, uuid) for uuid in (G1, G2, G3)),
            guest_cpu.VCPU_TIME.sample(7, G1, "0"),
        )
        view = LibvirtView(up=guests is not None, guests=guests)
        self.sink.put(Result(self.now + 0.5, samples, view, only))
        return {value.host: value.key for _, value in self.spool.oldest(1000, ())}

    def document(self, host: str) -> dict[str, Any]:
        """The host's document that was put last."""
        texts = [value.value for _, value in self.spool.oldest(1000, ()) if value.host == host]
        return dict(json.loads(texts[-1]))


def in_state(guest: Guest, state: int, reason: int) -> Guest:
    return replace(guest, stats={**guest.stats, "state.state": state, "state.reason": reason})


def test_the_node_and_each_guest_get_a_document() -> None:
    chain = Chain()
    keys = chain.put(recorded_guests())
    assert keys == {"node-1": NODE_KEY, G1: GUEST_KEY, G2: GUEST_KEY, G3: GUEST_KEY}
    assert chain.registrations.hosts() == set(keys)
    (_, value), *_ = chain.spool.oldest(1, ())
    assert (value.clock, value.ns) == (1000, 500_000_000)


def test_a_guest_on_its_way_here_is_neither_registered_nor_sent() -> None:
    chain = Chain()
    g1, g2, g3 = recorded_guests()
    assert set(chain.put((in_state(g1, 3, 2), g2, g3))) == {"node-1", G2, G3}
    assert G1 not in chain.registrations.hosts()


def test_a_guest_on_its_way_from_here_stays_ours_until_it_is_gone() -> None:
    chain = Chain()
    g1, g2, g3 = recorded_guests()
    chain.put((g1, g2, g3))
    assert G1 not in chain.put((in_state(g1, 3, 2), g2, g3))
    assert G1 in chain.registrations.hosts()
    assert G1 not in chain.put((in_state(g1, 5, 4), g2, g3))
    assert G1 not in chain.registrations.hosts()


def test_a_guest_that_vanished_is_sent_no_more() -> None:
    chain = Chain()
    chain.put(recorded_guests())
    assert set(chain.put(recorded_guests()[1:])) == {"node-1", G2, G3}


def test_a_destroyed_guest_is_sent_so_that_its_trigger_can_fire() -> None:
    chain = Chain()
    g1, g2, g3 = recorded_guests()
    chain.put((g1, g2, g3))
    assert G1 in chain.put((in_state(g1, 5, 2), g2, g3))


def test_while_libvirtd_is_silent_what_the_kernel_tells_of_known_guests_goes_on() -> None:
    chain = Chain()
    chain.put(recorded_guests()[:2])
    assert set(chain.put(None)) == {"node-1", G1, G2}


def test_at_the_level_off_no_guest_is_registered_or_sent() -> None:
    chain = Chain("off")
    assert set(chain.put(recorded_guests())) == {"node-1"}
    assert chain.registrations.hosts() == {"node-1"}


def test_at_the_level_standard_guests_are_sent_once_a_minute_or_when_something_happens() -> None:
    chain = Chain("standard")
    assert set(chain.put(recorded_guests())) == {"node-1", G1, G2, G3}
    assert "vcpus" not in chain.document(G1)
    chain.now += 15
    assert set(chain.put(recorded_guests())) == {"node-1"}
    assert set(chain.put(recorded_guests(), only=frozenset({G2}))) == {"node-1", G2}
    chain.now += 45
    assert set(chain.put(recorded_guests())) == {"node-1", G1, G2, G3}
    assert "vcpus" in documents_at_full_level()


def documents_at_full_level() -> dict[str, Any]:
    chain = Chain()
    chain.put(recorded_guests())
    return chain.document(G1)


def test_lists_look_new_to_zabbix_once_after_an_arrival() -> None:
    chain = Chain()
    chain.put(recorded_guests())
    chain.registrations.told(G1)
    chain.now += RESEND_SECONDS
    chain.put(recorded_guests())
    assert "again" in chain.document(G1)["vcpus"][0]
    chain.put(recorded_guests())
    assert "again" not in chain.document(G1)["vcpus"][0]


def in_turn(at: float) -> Sample:
    return guest_process.ANON_HUGE.sample(at, G1)._replace(at=at)


def sent(chain: Chain, at: float, *samples: Sample, only: frozenset[str] | None = None) -> list[Value]:
    """What Zabbix gets of G1 in a cycle."""
    chain.spool.remove([number for number, _ in chain.spool.oldest(1000, ())])
    view = LibvirtView(up=True, guests=recorded_guests())
    chain.sink.put(Result(at, (ksm.RUN.sample(0), *samples), view, only))
    return [value for _, value in chain.spool.oldest(1000, ()) if value.host == G1]


def test_a_value_that_was_measured_earlier_is_sent_once_and_with_its_own_time() -> None:
    chain = Chain()
    state = guest_state.STATE.sample(1, G1)
    assert [value.clock for value in sent(chain, 1000.0, state, in_turn(990.0))] == [1000, 990]
    assert [value.clock for value in sent(chain, 1015.0, state, in_turn(990.0))] == [1015]
    (now,) = sent(chain, 1030.0, state, in_turn(1030.0))
    assert "process_anon_huge_bytes" in json.loads(now.value)


def test_what_was_measured_in_a_cycle_for_another_guest_is_sent_with_the_next() -> None:
    chain = Chain()
    assert sent(chain, 1000.0, in_turn(1000.0), only=frozenset({G2})) == []
    assert [value.clock for value in sent(chain, 1015.0, in_turn(1000.0))] == [1000]


def test_a_clock_that_was_set_back_stops_no_value() -> None:
    chain = Chain()
    sent(chain, 5000.0, in_turn(5000.0))
    state = guest_state.STATE.sample(1, G1)
    assert [value.clock for value in sent(chain, 1000.0, state, in_turn(1000.0))] == [1000]
    assert [value.clock for value in sent(chain, 1015.0, state, in_turn(1015.0))] == [1015]


def test_what_takes_turns_is_sent_again_for_discovery_after_an_arrival() -> None:
    chain = Chain()
    memory = guest_numa.BYTES.sample(7, G1, "0")._replace(at=990.0)
    assert len(sent(chain, 1000.0, memory)) == 1
    assert sent(chain, 1015.0, memory) == []
    chain.registrations.told(G1)
    chain.now += RESEND_SECONDS
    (again,) = sent(chain, 1030.0, memory)
    assert (again.clock, "again" in json.loads(again.value)["numa_nodes"][0]) == (990, True)


def test_at_the_level_standard_nothing_that_takes_turns_is_lost_between_two_minutes() -> None:
    chain = Chain("standard")
    state = guest_state.STATE.sample(1, G1)
    sent(chain, 1000.0, state)
    assert sent(chain, 1015.0, state, in_turn(1015.0)) == []
    assert [value.clock for value in sent(chain, 1060.0, state, in_turn(1015.0))] == [1060, 1015]


@pytest.mark.parametrize(("before", "after"), [(15, 300), (300, 15)], ids=["longer", "shorter"])
def test_another_interval_hides_nothing_before_the_next_tick(before: float, after: float) -> None:
    now = [1000.0]
    sink = Prometheus(before, lambda: now[0])
    sink.put(recorded_result())
    sink.take_interval(after)
    shown = sink.compressed()
    now[0] += 3 * max(before, after)
    assert sink.compressed() == shown
    sink.put(replace(recorded_result(), at=now[0]))
    now[0] += 5 * after
    assert sink.compressed() != shown, "from then on the new one counts"
