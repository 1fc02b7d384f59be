"""The user's-eye check leaves nothing behind, whatever fails, and touches nothing that is not its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argus.openstack.tenant import SERVER, VOLUME, TenantError, Thing
from argus.probes.outcome import Outcome, State
from argus.probes.user_check import PREFIX, Run, UserCheck

CHECK = UserCheck("mine", "one", "cirros", "tiny", "net", timeout=60.0)
DAY = 86400.0


@dataclass
class Project:
    """A stand-in for a project, for faults that no cloud makes on demand; waiting moves its clock."""

    fails: str = ""  # the call that answers an error
    status: str = "ACTIVE"  # of a server after a while
    stuck: bool = False  # nothing is ever deleted
    now: float = 1e9
    all: dict[str, Thing] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=count)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        self.now += 0.1
        if self.fails == name:
            raise TenantError("503: the service is unavailable")

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def add(self, kind: str, name: str, status: str, age: float = 0.0) -> Thing:
        made = Thing(kind, f"{kind}{next(self.ids)}", name, status, self.now - age)
        self.all[made.id] = made
        return made

    def log_in(self) -> None:
        self._call("log_in")

    def find(self, image: str, flavor: str, network: str) -> tuple[str, str, str]:
        self._call("find")
        return image, flavor, network

    def things(self) -> list[Thing]:
        self._call("things")
        return list(self.all.values())

    def boot(self, name: str, image: str, flavor: str, network: str) -> Thing:  # noqa: ARG002  # as the project's
        self._call("boot")
        return self.add(SERVER, name, "BUILD")

    def make_volume(self, name: str, gigabytes: int) -> Thing:  # noqa: ARG002  # as the project's
        self._call("make_volume")
        return self.add(VOLUME, name, "CREATING")

    def look(self, thing: Thing) -> Thing | None:
        self._call("look")
        before = self.all[thing.id]
        after = {"BUILD": self.status, "CREATING": "AVAILABLE"}.get(before.status, before.status)
        fault = "No valid host was found" if after == "ERROR" else ""
        self.all[thing.id] = replace(before, status=after, fault=fault)
        return before

    def addresses(self, server: Thing) -> list[str]:  # noqa: ARG002  # one server at a time
        self._call("addresses")
        return ["10.1.0.7"]

    def attach(self, server: Thing, volume: Thing) -> None:  # noqa: ARG002  # as the project's
        self._call("attach")
        self.all[volume.id] = replace(self.all[volume.id], status="IN-USE")

    def delete(self, thing: Thing) -> None:
        self._call("delete")
        if self.stuck:
            return
        del self.all[thing.id]
        for each in self.all.values():
            self.all[each.id] = replace(each, status="AVAILABLE")


def run(project: Project, check: UserCheck = CHECK) -> Outcome:
    return Run(project, check, lambda: project.now, lambda: project.now, project.sleep).run()


def test_all_steps_are_timed_and_nothing_is_left() -> None:
    project = Project()
    found = run(project)
    assert (found.state, found.message) == (State.UP, "")
    steps = ["token", "tidy", "images", "boot", "active", "port", "volume", "attach", "delete"]
    assert list(found.figures) == [f"{step}_seconds" for step in steps]
    assert all(found.figures.values())
    assert project.all == {}


@pytest.mark.parametrize("call", ["find", "boot", "look", "addresses", "make_volume", "attach"])
def test_whatever_fails_is_what_the_user_sees_and_all_is_deleted(call: str) -> None:
    project = Project(fails=call)
    found = run(project)
    assert found.state is State.DOWN
    assert found.message.endswith("503: the service is unavailable")
    assert project.all == {}


def test_a_server_that_finds_no_host_and_one_that_never_comes_up() -> None:
    assert (
        run(Project(status="ERROR")).message == "active: the server went into ERROR: No valid host was found"
    )
    project = Project(status="BUILD")
    assert run(project).message == "active: the server did not become ACTIVE within 60 s"
    assert project.all == {}


def test_what_cannot_be_deleted_is_named_and_the_user_is_still_served() -> None:
    found = run(Project(stuck=True))
    assert found.state is State.DEGRADED
    assert "left behind: server argus-user-check-" in found.trouble


def test_what_a_crash_left_behind_goes_at_the_next_start_and_a_run_under_way_stays() -> None:
    project = Project()
    project.add(VOLUME, PREFIX + "old", "IN-USE", DAY)
    project.add(SERVER, PREFIX + "old", "ACTIVE", DAY)
    other = project.add(SERVER, PREFIX + "other", "ACTIVE", 10.0)
    assert run(project).state is State.UP
    assert list(project.all) == [other.id]


def test_a_project_of_others_is_left_alone() -> None:
    project = Project()
    project.add(SERVER, "web1", "ACTIVE", DAY)
    found = run(project)
    assert found.state is State.UNKNOWN
    assert "give the check a project of its own" in found.message
    assert {"boot", "delete"}.isdisjoint(project.calls)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from([SERVER, VOLUME]), st.floats(0, DAY)), max_size=8),
    st.sampled_from(["", "find", "boot", "attach", "log_in"]),
)
def test_no_run_deletes_what_is_young_and_not_its_own(left: list[tuple[str, float]], fails: str) -> None:
    project = Project(fails=fails)
    made = [project.add(kind, f"{PREFIX}{n}", "ACTIVE", age) for n, (kind, age) in enumerate(left)]
    for thing, (kind, _) in zip(made, left, strict=True):
        project.all[thing.id] = replace(thing, status="AVAILABLE" if kind == VOLUME else "ACTIVE")
    run(project, replace(CHECK, timeout=5.0))
    young = {thing.id for thing, (_, age) in zip(made, left, strict=True) if age < 2 * CHECK.call_timeout}
    assert young <= set(project.all)
    assert all(name.id in {m.id for m in made} for name in project.all.values())
