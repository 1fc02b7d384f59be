"""Whether a page is there and shows what it should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.probes.members import Look, ask
from argus.probes.outcome import one_line
from argus.probes.secret import password
from argus.probes.wire import SCHEMES, ProbeError, Web

if TYPE_CHECKING:
    from argus.probes.outcome import Outcome
    from argus.probes.wire import Deadline


@dataclass(frozen=True, slots=True)
class Http:
    """``status`` are the answers that are well; ``contains`` must be in the page; redirects are followed.

    ``ca_file`` signs the server's certificate where the system's authorities do not.
    """

    urls: tuple[str, ...]
    status: tuple[int, ...] = (200,)
    contains: str = ""
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    need: int = 1

    def __post_init__(self) -> None:
        """Check the URLs.  Raises ``ValueError``."""
        for url in self.urls:
            if not url.startswith(SCHEMES):
                raise ValueError(f"{url!r} is not a URL that begins with http:// or https://")

    def run(self, deadline: Deadline) -> Outcome:
        """Ask for every URL."""
        login = (self.username, password(self.password_file)) if self.username else None
        web = Web(login, self.ca_file or True)
        return ask("http", self.urls, lambda url: self._look(web, url, deadline), need=self.need)

    def _look(self, web: Web, url: str, deadline: Deadline) -> Look:
        answer = web.get(url, deadline)
        if answer.status not in self.status:
            raise ProbeError(f"{answer.status}: {one_line(answer.text[:200])}")
        if self.contains not in answer.text:
            raise ProbeError(f"{answer.status}, but the page does not contain {self.contains!r}")
        return Look(latency=answer.seconds)
