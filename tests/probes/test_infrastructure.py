"""What services stand on: recorded and documented answers are judged as an operator would."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import dns.message
import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus.probes import ceph, haproxy, keepalived, memcached, mysql, ntp, rabbitmq, swift_recon, tls
from argus.probes import dns as names
from argus.probes.members import Look, judge
from argus.probes.outcome import State
from argus.probes.wire import BlindError, DeniedError, ProbeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from argus.probes.outcome import Outcome

LIMIT = mysql.Mysql(("db1",), "argus")
GALERA = {
    "wsrep_provider_name": "Galera",
    "wsrep_cluster_status": "Primary",
    "wsrep_ready": "ON",
    "wsrep_connected": "ON",
    "wsrep_local_state_comment": "Synced",
    "wsrep_cluster_size": "3",
    "wsrep_cluster_state_uuid": "a",
}


def broker(nodes: list[dict[str, Any]], queues: list[dict[str, Any]] | None = None) -> Outcome:
    return rabbitmq.judge(nodes, queues or [], 1000)


def test_a_healthy_broker_is_up(recorded: Callable[[str], Any]) -> None:
    found = rabbitmq.judge(recorded("rabbitmq_nodes.json"), recorded("rabbitmq_queues.json"), 1000)
    assert (found.state, found.message, found.figures["nodes"]) == (State.UP, "", 1.0)


@pytest.mark.parametrize(
    ("nodes", "state", "says"),
    [
        ([{"name": "r@a", "running": True, "mem_alarm": True}], State.DOWN, "publishers are blocked"),
        ([{"name": "r@a", "running": True, "partitions": ["r@b"]}], State.DOWN, "network partition"),
        ([{"name": f"r@{n}", "running": n != "c"} for n in "abc"], State.DEGRADED, "node@c down"),
        ([{"name": f"r@{n}", "running": n == "a"} for n in "abc"], State.DOWN, "1 of 3 node up"),
    ],
)
def test_a_broker_is_judged_by_alarms_partitions_and_quorum(
    nodes: list[dict[str, Any]], state: State, says: str
) -> None:
    found = broker(nodes)
    assert found.state is state
    assert says in found.message


def test_a_long_queue_is_a_trouble_only_while_it_grows() -> None:
    node = [{"name": "r@a", "running": True}]
    queue = {"name": "notifications.info", "messages": 5000, "messages_details": {"avg_rate": 3.0}}
    assert broker(node, [queue]).trouble == "1 queues grow: notifications.info 5000"
    assert broker(node, [{**queue, "messages_details": {"avg_rate": -3.0}}]).state is State.UP


def test_wsrep_rows_without_a_provider_are_no_galera(text: Callable[[str], str]) -> None:
    rows = (line.split("\t") for line in text("mariadb_status.tsv").splitlines())
    status = {row[0]: row[1] if len(row) > 1 else "" for row in rows}
    assert status["wsrep_cluster_status"] == "Disconnected"
    found = mysql.judge(status, {"max_connections": "500", "version": "10.11"}, None, LIMIT)
    assert (found.state, found.message) == (State.UP, "")
    assert found.figures["Threads_connected"] == 41


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({}, ""),
        ({"wsrep_cluster_status": "non-Primary"}, "cluster status is non-Primary"),
        ({"wsrep_ready": "OFF"}, "ready is OFF"),
        ({"wsrep_local_state_comment": "Joining"}, "is Joining"),
    ],
)
def test_a_member_of_galera_serves_only_in_the_primary_component(changed: dict[str, str], says: str) -> None:
    found = mysql.judge({**GALERA, **changed}, {}, None, LIMIT)
    assert (found.state, found.message) == (State.DOWN if says else State.UP, says)


@pytest.mark.parametrize(
    ("file", "state", "says"),
    [
        ("galera_status.tsv", State.UP, ""),
        ("galera_minority_status.tsv", State.DOWN, "cluster status is non-Primary; ready is OFF"),
    ],
)
def test_a_real_member_serves_with_a_majority_and_not_without(
    text: Callable[[str], str], file: str, state: State, says: str
) -> None:
    rows = (line.partition("\t") for line in text(file).splitlines())
    found = mysql.judge({name: value for name, _, value in rows}, {}, None, LIMIT)
    assert (found.state, found.message, bool(found.group)) == (state, says, True)


def test_two_galera_clusters_are_a_split_brain() -> None:
    looks = [Look(group="a"), Look(group="b"), Look(group="a")]
    assert judge("member", ("x", "y", "z"), looks, 2).state is State.DOWN


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ({"Slave_IO_Running": "Yes", "Slave_SQL_Running": "Yes", "Seconds_Behind_Master": 0}, []),
        (
            {"Replica_IO_Running": "Connecting", "Last_IO_Error": "x"},
            ["replication IO thread: Connecting (x)"],
        ),
        ({"Replica_SQL_Running": "Yes", "Seconds_Behind_Source": 90}, ["replication is 90 s behind"]),
        ({"Slave_SQL_Running": "No", "Seconds_Behind_Master": None}, ["replication SQL thread: No"]),
    ],
)
def test_replication_is_read_in_old_words_and_new(row: dict[str, Any], wrong: list[str]) -> None:
    assert mysql.replication(row, 60)[1] == wrong


def test_memcached_is_up_until_its_connections_run_out(text: Callable[[str], str]) -> None:
    stats = memcached.parse(iter(text("memcached_stats.txt").splitlines()))
    assert memcached.judge(stats, 0.9).state is State.UP
    assert memcached.judge({**stats, "curr_connections": "1000"}, 0.9).state is State.DEGRADED


@given(st.lists(st.text()))
def test_what_is_no_memcached_is_never_taken_for_one(lines: list[str]) -> None:
    stat = [line for line in lines if not line.startswith("STAT ") and line != "END"]
    with pytest.raises(BlindError):
        memcached.parse(iter(stat))


def test_a_dead_server_of_a_backend_is_named(text: Callable[[str], str]) -> None:
    parts = haproxy.parse(text("haproxy_stats.csv"), now=1000.0)
    down = [part for part in parts if part.state is State.DOWN]
    assert [(part.kind, part.host, part.since) for part in down] == [
        ("keystone", "ctl2", 509.0),
        ("placement", "ctl2", 509.0),
    ]
    assert haproxy.judge(parts, 0.01).state is State.DEGRADED


@given(st.text())
def test_any_text_is_either_haproxy_or_said_not_to_be(text: str) -> None:
    with pytest.raises(BlindError):
        haproxy.parse(text, 0.0)


def test_recon_tells_of_disks_and_what_it_does_not_know_is_not_zero(recorded: Callable[[str], Any]) -> None:
    told = recorded("swift_recon.json")
    found = swift_recon.judge(told, 0.9, 1000)
    assert (found.state, found.message) == (State.DEGRADED, "d1 is not mounted")
    assert found.figures == {"quarantined": 0.0}
    # https://docs.openstack.org/swift/latest/admin_guide.html#cluster-telemetry-and-monitoring
    disk = {"device": "sdb1", "mounted": True, "size": 1000, "used": 950, "avail": 50}
    more = {"unmounted": [], "diskusage": [disk], "async": {"async_pending": 2000}}
    found = swift_recon.judge({**told, **more}, 0.9, 1000)
    assert (found.state, found.message) == (State.DEGRADED, "sdb1 is 95% full; 2000 updates wait")
    assert swift_recon.judge({**told, **more}, 0.96, 2000).state is State.UP
    with pytest.raises(BlindError):
        swift_recon.judge({**told, "diskusage": {"error": "no"}}, 0.9, 1000)


def test_ceph_is_read_from_metrics_and_from_status(
    text: Callable[[str], str], recorded: Callable[[str], Any]
) -> None:
    found = ceph.from_metrics(text("ceph_metrics.txt"), 0.8)
    assert (found.state, found.trouble) == (State.DEGRADED, "85% full; OSD_DOWN")
    assert [part.kind for part in found.parts if part.state is State.DOWN] == ["mon.c", "osd.1"]
    status = ceph.from_status(recorded("ceph_status.json"), 0.8)
    assert (status.state, status.trouble) == (State.DEGRADED, "OSD_NEARFULL: 1 nearfull osd(s)")
    with pytest.raises(BlindError):
        ceph.from_status({"health": {}}, 0.8)


@given(st.text())
def test_a_page_without_health_is_no_ceph(page: str) -> None:
    with pytest.raises(BlindError):
        ceph.from_metrics(page, 0.8)


def test_one_holder_of_an_address_is_well_none_and_two_are_not() -> None:
    members = {"52:54:00:00:00:01": "ctl1", "52:54:00:00:00:02": "ctl2"}
    one = keepalived.judge("192.0.2.9", ["52:54:00:00:00:01"], members, 0.001)
    assert (one.state, [part.host for part in one.parts if part.state is State.UP]) == (State.UP, ["ctl1"])
    two = keepalived.judge("192.0.2.9", sorted(members), members, 0.001)
    assert (two.state, two.message) == (State.DOWN, "ctl1 and ctl2 hold 192.0.2.9 at the same time")
    with pytest.raises(ProbeError, match="nobody holds"):
        keepalived.judge("192.0.2.9", [], members, None)


@given(st.binary(max_size=80))
def test_frames_of_others_are_no_holders(frame: bytes) -> None:
    assert keepalived.parse(frame, b"\xc0\x00\x02\x09") == ""


@given(offset=st.floats(-1000, 1000), sent=st.floats(1.6e9, 2.5e9))
def test_the_offset_of_a_clock_is_found_across_2036(offset: float, sent: float) -> None:
    stamp = ntp.request(sent)[40:48]
    server = ntp.request(sent + 0.01 + offset)[40:48]
    answer = struct.pack("!BBbb", 0x24, 2, 0, 0) + b"\0" * 20 + stamp + server + server
    found = ntp.judge(answer, sent, sent + 0.02, 0.5)
    assert found.figures["offset_seconds"] == pytest.approx(abs(offset), abs=1e-3)
    assert (found.state is State.DEGRADED) is (found.figures["offset_seconds"] > 0.5)


@pytest.mark.parametrize(("first", "stratum"), [(0xE4, 2), (0x24, 16)])
def test_a_clock_that_follows_nothing_is_degraded(first: int, stratum: int) -> None:
    stamp = ntp.request(1.7e9)[40:48]
    answer = struct.pack("!BBbb", first, stratum, 0, 0) + b"\0" * 20 + stamp * 3
    assert ntp.judge(answer, 1.7e9, 1.7e9, 0.5).message == "its clock follows no source"


def test_an_answer_to_another_question_is_not_believed() -> None:
    stamp = ntp.request(1.6e9)[40:48]
    with pytest.raises(BlindError):
        ntp.judge(struct.pack("!BBbb", 0x24, 2, 0, 0) + b"\0" * 20 + stamp * 3, 1.7e9, 1.7e9, 0.5)


@pytest.mark.parametrize(
    ("days", "refused", "state"),
    [(30, "", State.UP), (5, "", State.DEGRADED), (-1, "", State.DOWN), (30, "self-signed", State.DOWN)],
)
def test_a_certificate_is_judged_by_its_end_and_by_its_clients(
    days: float, refused: str, state: State
) -> None:
    assert tls.judge(days * tls.DAY, refused, 21).state is state


def test_a_name_must_resolve_to_what_is_expected() -> None:
    query = dns.message.make_query("api.example.org", "A")
    answer = dns.message.from_text(
        "id 1\nopcode QUERY\nrcode NOERROR\nflags QR\n;QUESTION\napi.example.org. IN A\n"
        ";ANSWER\napi.example.org. 60 IN A 192.0.2.9\n"
    )
    assert names.judge(answer, "api.example.org", ("192.0.2.9",)).state is State.UP
    with pytest.raises(ProbeError, match="is not among"):
        names.judge(answer, "api.example.org", ("192.0.2.8",))
    with pytest.raises(ProbeError, match="without records"):
        names.judge(dns.message.make_response(query), "api.example.org", ())


def test_a_member_that_works_and_is_in_trouble_is_told_of() -> None:
    lags, well, gone = Look(State.DEGRADED, "90 s behind"), Look(), Look(State.DOWN, "no answer")
    found = judge("member", ("x", "y", "z"), [lags, well, gone], 1)
    assert (found.state, found.trouble) == (State.DEGRADED, "x: 90 s behind")
    assert judge("tls", ("x",), [Look(State.DEGRADED, "ends in 6 days")], 1).trouble == "ends in 6 days"
    assert judge("member", ("y", "z"), [well, gone], 1).trouble == "", "its part is an incident"


def test_members_that_refuse_are_not_down() -> None:
    refused = mysql._why(pymysql.err.OperationalError(1045, "Access denied for user"))
    assert isinstance(refused, DeniedError)
    assert judge("member", ("a",), [Look(State.DENIED, "1045")], 1).state is State.DENIED


def test_queues_that_the_user_may_not_see_are_not_no_queues() -> None:
    overview = {"object_totals": {"queues": 45}}  # of all virtual hosts, whoever asks
    assert rabbitmq.hidden(overview, []).startswith("45 queues are not shown")
    assert rabbitmq.hidden(overview, [{"name": "conductor"}]) == ""
    assert rabbitmq.hidden({"object_totals": {"queues": 0}}, []) == ""
    assert rabbitmq.hidden({}, []) == ""
