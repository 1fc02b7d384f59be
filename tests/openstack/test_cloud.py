"""A cloud that answers late, partly, with 403 or not at all: each is an outcome with a name."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openstack_api import FakeCloud, fake_cloud

from argus.openstack.answer import Why
from argus.openstack.cloud import Cloud, CloudConfigError
from argus.openstack.clouds import open_clouds


@pytest.fixture
def fake() -> Iterator[FakeCloud]:
    with fake_cloud() as cloud:
        yield cloud


@pytest.fixture
def cloud(fake: FakeCloud, tmp_path: Path) -> Cloud:
    (made,) = open_clouds(["fake"], str(fake.clouds_yaml(tmp_path)), timeout=10)
    return made


def test_a_value_comes_with_the_microversion_that_was_asked_for(fake: FakeCloud, cloud: Cloud) -> None:
    fake.answers["/os-services"] = {"services": []}
    answer = cloud.get("compute", "/os-services", microversion="2.69")
    assert (answer.ok, answer.value) == (True, {"services": []})
    (headers,) = fake.asked("/compute/v2.1/os-services")
    assert headers["OpenStack-API-Version"] == "compute 2.69"
    assert cloud.label == "fake/RegionOne"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (403, Why.NOT_PERMITTED),
        (404, Why.NOT_FOUND),
        (406, Why.UNSUPPORTED),
        (409, Why.REFUSED),
        (500, Why.FAILED),
        (503, Why.FAILED),
        ("garbage", Why.BROKEN),
        ("cut", Why.BROKEN),
    ],
)
def test_what_is_no_value_has_a_name(fake: FakeCloud, cloud: Cloud, answer: Any, why: Why) -> None:
    fake.answers["/os-services"] = answer
    got = cloud.get("compute", "/os-services")
    assert (got.value, got.why) == (None, why)
    assert got.detail


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["stall", "drip"])
def test_a_late_answer_ends_at_its_deadline(fake: FakeCloud, cloud: Cloud, fault: str) -> None:
    fake.answers["/os-services"] = fault
    cloud.get("compute", "/flavors")  # the token is not part of the measurement
    before = time.monotonic()
    got = cloud.get("compute", "/os-services", timeout=1.0)
    assert got.why is Why.LATE
    assert time.monotonic() - before < 8


def test_a_service_that_the_catalogue_lacks_is_named(fake: FakeCloud, cloud: Cloud) -> None:
    fake.services = ("identity", "compute")
    assert cloud.get("placement", "/resource_providers").why is Why.NO_ENDPOINT


def test_refused_credentials_are_named_and_not_shown(fake: FakeCloud, cloud: Cloud) -> None:
    fake.answers["/auth/tokens"] = 401
    got = cloud.get("compute", "/os-services")
    assert got.why is Why.NOT_AUTHENTICATED
    assert "s3cret-word" not in str(got)


def test_a_cloud_that_is_away_is_unreachable(tmp_path: Path) -> None:
    with fake_cloud() as gone:
        file = gone.clouds_yaml(tmp_path)
    (cloud,) = open_clouds(["fake"], str(file), timeout=5)
    assert cloud.get("compute", "/os-services").why is Why.UNREACHABLE


def test_pages_are_followed_to_the_end(fake: FakeCloud, cloud: Cloud) -> None:
    link = [{"rel": "next", "href": "http://elsewhere/v2.1/servers/detail?limit=2&marker=b"}]
    fake.answers["/servers/detail?limit=2"] = {"servers": [{"id": "a"}, {"id": "b"}], "servers_links": link}
    fake.answers["/servers/detail?limit=2&marker=b"] = {"servers": [{"id": "c"}]}
    got = cloud.pages("compute", "/servers/detail?limit=2", "servers")
    assert [row["id"] for row in got.value] == ["a", "b", "c"]


def test_a_list_with_a_page_missing_is_no_list(fake: FakeCloud, cloud: Cloud) -> None:
    link = [{"rel": "next", "href": "http://elsewhere/v2.1/servers/detail?limit=2&marker=b"}]
    fake.answers["/servers/detail?limit=2"] = {"servers": [{"id": "a"}, {"id": "b"}], "servers_links": link}
    fake.answers["/servers/detail?limit=2&marker=b"] = 503
    got = cloud.pages("compute", "/servers/detail?limit=2", "servers")
    assert (got.value, got.why) == (None, Why.FAILED)
    assert "after 2 rows" in got.detail


@pytest.mark.parametrize("microversion", ["2.88", "2.96", "latest", "2.latest"])
def test_the_hypervisor_list_that_blocks_is_not_asked_for(cloud: Cloud, microversion: str) -> None:
    with pytest.raises(ValueError, match=r"2\.87"):
        cloud.get("compute", "/os-hypervisors/detail", microversion=microversion)


def test_a_cloud_that_clouds_yaml_lacks_is_a_configuration_error(fake: FakeCloud, tmp_path: Path) -> None:
    with pytest.raises(CloudConfigError, match="nowhere"):
        open_clouds(["nowhere"], str(fake.clouds_yaml(tmp_path)))
    with pytest.raises(CloudConfigError, match="no such file"):
        open_clouds(["fake"], str(tmp_path / "absent.yaml"))
