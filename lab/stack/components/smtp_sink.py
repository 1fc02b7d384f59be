"""An SMTP server that keeps each mail as a file: run/mail/NNNNNN.eml, numbered in order of arrival."""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path
from smtplib import SMTP, SMTPException
from typing import TYPE_CHECKING

from aiosmtpd import smtp

from stack.errors import DownError

if TYPE_CHECKING:
    from stack.lab import Lab


class SmtpSink:
    name = "smtp-sink"
    needs: tuple[str, ...] = ()

    def start(self, lab: Lab) -> str:
        package_root = Path(__file__).resolve().parents[2]
        port = str(lab.ports[self.name])
        argv: list[str | Path] = [
            sys.executable,
            "-m",
            "stack.components.smtp_sink",
            port,
            lab.folder("mail"),
        ]
        lab.processes.start(self.name, argv, env={"PYTHONPATH": str(package_root)})
        return lab.processes.wait_ready(self.name, lambda: self.check(lab))

    def check(self, lab: Lab) -> str:
        try:
            with SMTP("127.0.0.1", lab.ports[self.name], timeout=5) as client:
                client.noop()
        except (OSError, SMTPException) as failure:
            raise DownError(f"no SMTP on 127.0.0.1:{lab.ports[self.name]}: {failure}") from None
        mails = len(list((lab.run / "mail").glob("*.eml")))
        return f"SMTP on 127.0.0.1:{lab.ports[self.name]}, {mails} mails in {lab.run / 'mail'}"

    def stop(self, lab: Lab) -> None:
        lab.processes.stop(self.name)


class Mailbox:
    """The handler of aiosmtpd that writes what it is given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        last = max((int(path.stem) for path in folder.glob("*.eml")), default=0)
        self._numbers = count(last + 1)

    async def handle_DATA(self, _server: smtp.SMTP, _session: smtp.Session, envelope: smtp.Envelope) -> str:  # noqa: N802 - the name aiosmtpd calls
        path = self._folder / f"{next(self._numbers):06}.eml"
        envelope_lines = f"X-Mail-From: {envelope.mail_from}\r\nX-Rcpt-To: {', '.join(envelope.rcpt_tos)}\r\n"
        fresh = path.with_suffix(".part")
        fresh.write_bytes(envelope_lines.encode() + (envelope.original_content or b""))
        fresh.rename(path)  # readers of *.eml never see half a mail
        return "250 kept"


async def serve(port: int, folder: Path) -> None:
    mailbox = Mailbox(folder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: smtp.SMTP(mailbox, hostname="lab"), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
