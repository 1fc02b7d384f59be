"""Whether the sources of facts can be read: without them Argus is blind, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.model import Severity
from argus.correlator.rule import Finding, Layer, Source, rule

if TYPE_CHECKING:
    from argus.correlator.thresholds import Thresholds


@rule(severity=Severity.HIGH, layer=Layer.SOURCE, hold=60.0, keep=30.0)
def source_cannot_be_read(source: Source, _limit: Thresholds) -> Finding | None:
    """Argus is blind: a source of facts cannot be read.

    Argus gets no problems and no values, so it neither opens nor resolves anything else meanwhile: what is
    shown as open may be over, and new trouble is not noticed. The nodes' agents keep their values and send
    them when Zabbix is back.

    What to do:
    1. The evidence names the error. Open [zabbix] url from this host: curl -sS URL/api_jsonrpc.php.
    2. Unreachable: is the Zabbix frontend (web server, PHP) up, and its database? Zabbix' server may be
       down or up; its API is part of the frontend.
    3. Not authorised: the token in [zabbix] token_file has expired or was deleted: argus zabbix apply.
    4. Zabbix' server writes nothing new: systemctl status zabbix-server, and its log: is it stopped, is its
       database read-only, full or away, are its history syncers busy? The API answers all the while.
    """
    if not source.why:
        return None
    summary = f"Monitoring is blind: Argus cannot read {source.name}: {source.why}"
    return Finding(summary, {"error": source.why}, since=source.since)


RULES = (source_cannot_be_read,)
