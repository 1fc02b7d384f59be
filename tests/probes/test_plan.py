"""``services.yaml`` is read strictly: each mistake is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from argus.errors import ArgusError
from argus.probes.openstack import NAMES
from argus.probes.plan import Plan, read
from argus.probes.rabbitmq import Rabbitmq
from argus.probes.user_check import UserCheck

GOOD = """\
clouds:
  - cloud: prod
    regions: [one, two]
    timeout: 5s
    expect: [nova]
budget:
  availability: 99.9
checks:
  - name: queue
    kind: rabbitmq
    region: one
    url: http://127.0.0.1:15672
    amqp: ["127.0.0.1:5672"]
  - kind: dns
    servers: [192.0.2.1]
    name: api.example.org
"""


def plan(tmp_path: Path, text: str = GOOD) -> Plan:
    file = tmp_path / "services.yaml"
    file.write_text(text)
    return read(file, NAMES)


def test_a_good_file_is_read_whole(tmp_path: Path) -> None:
    made = plan(tmp_path)
    assert (made.clouds[0].regions, made.clouds[0].timeout) == (("one", "two"), 5.0)
    assert [str(check.target) for check in made.checks] == ["prod/one/queue", "prod/dns"]
    assert made.checks[0].probe == Rabbitmq("http://127.0.0.1:15672", amqp=("127.0.0.1:5672",))
    assert made.budget == pytest.approx(0.001)


def test_a_service_or_a_check_may_have_a_budget_of_its_own(tmp_path: Path) -> None:
    own = "availability: 99.9\n  services: {keystone: 99.99, queue: 95}"
    made = plan(tmp_path, GOOD.replace("availability: 99.9", own))
    shares = {name: made.budget_of(name) for name in ("keystone", "queue", "nova")}
    assert shares == pytest.approx({"keystone": 0.0001, "queue": 0.05, "nova": 0.001})
    alone = plan(tmp_path, GOOD.replace("availability: 99.9", "services: {nova: 99}"))
    assert [alone.budget_of(name) for name in ("nova", "glance")] == pytest.approx([0.01, 0.0])


def test_the_sample_can_be_used() -> None:
    assert read(Path(__file__).parents[2] / "etc" / "services.yaml.sample", NAMES).checks


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("kind: rabbitmq", "kind: rabitmq", "services.yaml:10: there is no kind rabitmq"),
        (
            "availability: 99.9",
            "services: {nowa: 99}",
            "services.yaml:7: unknown word nowa; did you mean nova?",
        ),
        ("availability: 99.9", "services: {nova: 100}", "services.yaml:7: availability is in percent"),
        ("    url:", "    uri:", "services.yaml:12: unknown word uri; did you mean url?"),
        ("timeout: 5s", "timeout: 5", "services.yaml:4: '5' is no duration"),
        ("timeout: 5s", "timeout: 5m", "services.yaml:4: a timeout is more than 0s"),
        (
            "timeout: 5s",
            "user_check: {cloud: c, region: r, image: i, flavor: f}",
            "services.yaml:4: network is missing",
        ),
        (
            "timeout: 5s",
            "user_check: {cloud: c, region: r, image: i, flavor: f, network: n, every: 1s}",
            "services.yaml:4: 1s is not between 300s and 86400s",
        ),
        ("expect: [nova]", "expect: [nuova]", "services.yaml:5: there is no service nuova"),
        ("availability: 99.9", "availability: 100", "services.yaml:7: availability is in percent"),
        ("http://127.0.0.1:15672", "127.0.0.1:15672", "is not a URL"),
        ('["127.0.0.1:5672"]', "[]", "services.yaml:13: the list is empty"),
        ("    name: api.example.org", "    type: A", "services.yaml:14: name is missing"),
        ("name: queue", "name: Queue!", "services.yaml:9: 'Queue!'"),
        ("    region: one\n", "    cloud: none\n", "services.yaml:11: there is no cloud none above"),
        ("    region: one\n", "    carries: [nova, x]\n", "there is no service x"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(ArgusError) as caught:
        plan(tmp_path, GOOD.replace(old, new))
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["", "clouds: []\n", "- x\n", "clouds: [\n"])
def test_a_file_without_anything_says_so(tmp_path: Path, text: str) -> None:
    with pytest.raises(ArgusError, match=r"services\.yaml"):
        plan(tmp_path, text)


def test_what_a_cloud_stands_on_may_be_checked_without_a_cloud(tmp_path: Path) -> None:
    text = "checks:\n  - {name: ssh, kind: tcp, hosts: ['127.0.0.1:22']CLOUD}\n"
    assert plan(tmp_path, text.replace("CLOUD", "")).checks[0].target.cloud == ""
    assert plan(tmp_path, text.replace("CLOUD", ", cloud: site")).checks[0].target.cloud == "site"


def test_the_users_check_is_off_until_it_is_asked_for(tmp_path: Path) -> None:
    assert plan(tmp_path).clouds[0].user_check is None
    asked = "user_check: {cloud: c, region: r, image: i, flavor: f, network: n, volume: 0, every: 10m}"
    made = plan(tmp_path, GOOD.replace("timeout: 5s", asked)).clouds[0].user_check
    assert made == UserCheck("c", "r", "i", "f", "n", volume=0, every=600.0)
