"""A trapper in a thread: it takes values of the hosts it knows, as a Zabbix server does, on a real socket."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING, Any, Self

from argus_agent.config import Address
from argus_agent.zabbix_protocol import pack, unpack

if TYPE_CHECKING:
    from types import TracebackType


class Trapper:
    """``known`` hosts are taken; a registration makes a host known when ``registers`` is set.

    ``busy``: it hangs up on registrations without an answer, as one whose trappers all make hosts.
    """

    def __init__(
        self, *known: str, registers: bool = False, refusal: str = "not found", busy: bool = False
    ) -> None:
        self.busy = busy
        self.known = set(known)
        self.registers = registers
        self.refusal = refusal
        self.requests: list[dict[str, Any]] = []
        self.taken: list[tuple[str, int]] = []  # host and clock (0: none), in the order they came
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = Address(*self._socket.getsockname()[:2])

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    @property
    def metadata(self) -> list[str]:
        """Metadata of the registrations so far."""
        return [r["host_metadata"] for r in self.requests if r["request"] == "active checks"]

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # closed: the test is over
                return
            with connection, connection.makefile("rb") as stream:
                request = json.loads(unpack(stream.read))
                if self.busy and request["request"] == "active checks":
                    self.requests.append(request)
                    continue
                connection.sendall(pack(json.dumps(self._answer(request)).encode()))

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(request)
        if request["request"] == "active checks":
            found = request["host"] in self.known
            if self.registers:
                self.known.add(request["host"])
            return (
                {"response": "success", "data": []}
                if found and self.refusal == "not found"
                else {"response": "failed", "info": self.refusal}
            )
        values = request["data"]
        good = [value for value in values if value["host"] in self.known]
        self.taken += [(value["host"], value.get("clock", 0)) for value in good]
        failed = len(values) - len(good)
        info = f"processed: {len(good)}; failed: {failed}; total: {len(values)}; seconds spent: 0.000010"
        return {"response": "success", "info": info}
