"""Who ran where is found by guest and by node, past stays too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.correlator.facts import Placement
from argus.store.models import GuestRow, PlacementRow
from argus.store.topology import placements

if TYPE_CHECKING:
    from argus.store.engine import Store


def test_the_stays_of_guests_bring_their_neighbours_along(store: Store) -> None:
    with store.write() as session:
        session.add(GuestRow(uuid="g1", name="web", project="demo"))
        for guest, node, since, until in (
            ("g1", "cmp1", 10.0, 20.0),
            ("g1", "cmp2", 20.0, None),
            ("g2", "cmp2", 5.0, None),
            ("g3", "cmp3", 5.0, None),
            ("g4", "cmp4", 5.0, None),
        ):
            session.add(PlacementRow(guest=guest, node=node, since=since, until=until))
    with store.read() as session:
        found = placements(session, {"g1"}, {"cmp3"})
        nothing = placements(session, (), ())
    assert found == (
        Placement("g1", "cmp1", "web", "demo", 10.0, 20.0),
        Placement("g1", "cmp2", "web", "demo", 20.0),
        Placement("g2", "cmp2", "", "", 5.0),
        Placement("g3", "cmp3", "", "", 5.0),
    )
    assert nothing == ()
