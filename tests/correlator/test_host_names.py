"""A name means a host only where it can mean no other."""

from __future__ import annotations

import pytest

from argus.correlator.host_names import HostNames

KNOWN = HostNames(["cmp1.site.example", "Cmp2", "twin.a.example", "twin.b.example", "10", "ctl"])


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("cmp1.site.example", "cmp1.site.example"),
        ("CMP1.Site.example.", "cmp1.site.example"),
        ("cmp1", "cmp1.site.example"),
        ("cmp1.other.example", None),
        ("cmp2.site.example", "Cmp2"),
        ("cmp2", "Cmp2"),
        ("twin", None),
        ("twin.b.example", "twin.b.example"),
        ("10.0.0.7", None),
        ("10", "10"),
        ("cmp", None),
        ("", None),
        ("web01", None),
    ],
)
def test_names_join_by_case_and_domain_and_never_by_luck(name: str, host: str | None) -> None:
    assert KNOWN.find(name) == host


def test_two_hosts_whose_names_differ_by_case_alone_are_found_by_their_own_name_only() -> None:
    known = HostNames(["A", "a"])
    assert known.find("A") == "A"
    assert HostNames(["Ab", "aB"]).find("ab") is None
