"""Which QEMU each guest runs, from the kernel alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_qemu import GUESTS_OUTDATED, MACHINE, OUTDATED, VERSION
from argus.catalogue.model import Row
from argus_agent.in_turn import FIVE_MINUTES, InTurn
from argus_agent.kernel.binary import Identity, Program, read_program, read_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.guests import GuestProcess

METRICS = (VERSION, OUTDATED)


class GuestQemu:
    """A program is searched for its version once: all guests of a node run one of a few."""

    stats = None

    def __init__(self) -> None:
        self._turn = InTurn(self._program, FIVE_MINUTES)
        self._versions: dict[Identity, str | None] = {}

    def collect(self, cycle: Cycle) -> Iterator[Sample | Row]:
        """Yield version and machine type by guest, and how many guests run what was replaced."""
        outdated = []
        run = set()
        for process, kept in self._turn.renew(cycle):
            if kept.value is None:
                continue
            replaced, identity = kept.value.replaced, kept.value.identity
            run.add(identity)
            version = self._versions.get(identity)
            if replaced is not None:
                outdated.append(replaced)
            if version is not None or replaced is not None:
                values = (version, None if replaced is None else int(replaced))
                yield Row(METRICS, values, (process.guest.uuid,), kept.at)
        self._versions = {identity: self._versions[identity] for identity in run}
        for process in cycle.running():
            if process.guest.machine:
                yield MACHINE.sample(process.guest.machine, process.guest.uuid)
        if outdated:
            yield GUESTS_OUTDATED.sample(sum(outdated))

    def _program(self, cycle: Cycle, process: GuestProcess) -> Program:
        procfs, pid = str(cycle.host.procfs), process.guest.pid
        program = read_program(procfs, pid)
        if program.identity not in self._versions:
            self._versions[program.identity] = read_version(f"{procfs}/{pid}/exe")
        return program
