"""What is written at debug level holds no secret."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from argus.logs import TALKATIVE, keep_secrets_out
from argus.notify.webhook import Webhook
from tests.notify.test_http_receivers import OPENED

if TYPE_CHECKING:
    import pytest
    from http_server import Inbox


def test_the_path_of_a_request_is_not_logged(inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    before = {name: logging.getLogger(name).level for name in TALKATIVE}
    with caplog.at_level(logging.DEBUG):
        for name in before:  # a test before may have left them quiet
            logging.getLogger(name).setLevel(logging.NOTSET)
        Webhook("ops", f"{inbox.url}/services/OPEN").send(OPENED, "")
        assert "/services/OPEN" in caplog.text, "else this test shows nothing"
        try:
            keep_secrets_out()
            Webhook("ops", f"{inbox.url}/services/SECRET").send(OPENED, "")
        finally:
            for name, level in before.items():
                logging.getLogger(name).setLevel(level)
    assert "SECRET" not in caplog.text
