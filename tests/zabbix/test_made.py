"""What an apply made last is remembered beside the token, in the words of the Zabbix that it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from argus.render.names import HOSTS, NODE_HOST, template_name
from argus.zabbix.api import Zabbix, ZabbixError
from argus.zabbix.made import Made, wanted_document

if TYPE_CHECKING:
    from pathlib import Path


def zabbix(major: int, minor: int) -> Zabbix:
    made = Zabbix("http://127.0.0.1:1")
    made.version = (major, minor)
    return made


@pytest.fixture
def token(tmp_path: Path) -> Path:
    return tmp_path / "token"


def test_nothing_is_known_before_the_first_apply(token: Path) -> None:
    assert Made(token).documents(zabbix(6, 0)) == {}


@pytest.mark.parametrize("version", [(6, 0), (6, 4), (7, 0), (7, 4)])
def test_what_was_made_is_known_again(token: Path, version: tuple[int, int]) -> None:
    Made(token).remember(zabbix(*version))
    documents = Made(token).documents(zabbix(*version))
    assert documents == {template_name(host): wanted_document(zabbix(*version), host) for host in HOSTS}


@pytest.mark.slow
def test_an_upgraded_zabbix_is_told_in_its_own_words_what_was_made_before(token: Path) -> None:
    Made(token).remember(zabbix(6, 0))
    seven = zabbix(7, 0)
    assert Made(token).documents(seven)[template_name(NODE_HOST)] == wanted_document(seven, NODE_HOST)


def test_from_7_0_on_the_templates_are_those_of_7_0() -> None:
    versions = [zabbix(*version) for version in ((6, 0), (6, 4), (7, 0), (7, 2))]
    heads = [wanted_document(each, NODE_HOST)["zabbix_export"]["version"] for each in versions]
    assert heads == ["6.0", "6.0", "7.0", "7.0"]


def test_a_record_that_may_not_be_read_is_named_with_who_may(token: Path) -> None:
    token.with_name("token.made").mkdir()  # as root may read everything else
    with pytest.raises(ZabbixError, match=r"token\.made.*run this as the user that owns it"):
        Made(token).documents(zabbix(6, 0))


@pytest.mark.parametrize("text", ["", "[]", '{"x": 1}', "\xff"])
def test_a_record_that_cannot_be_read_is_named_with_what_to_do(token: Path, text: str) -> None:
    file = token.with_name("token.made")
    file.write_text(text, encoding="latin-1")
    with pytest.raises(ZabbixError, match=f"{file}.*delete it"):
        Made(token).documents(zabbix(6, 0))
