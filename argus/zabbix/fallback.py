"""Mail from Zabbix itself when the correlator, which tells people of everything else, cannot.

A media type, the addresses at the correlator's user, and an action on the problems of the correlator's own
template.  Nothing runs in Zabbix for it: the media type is its own e-mail.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from argus.catalogue import correlator
from argus.render.triggers import IDENT_TAG
from argus.zabbix.changes import CREATE, UPDATE, Change
from argus.zabbix.conditions import lacking, widened
from argus.zabbix.desired import FALLBACK_ACTION, FALLBACK_MEDIA, USER
from argus.zabbix.groups import need

if TYPE_CHECKING:
    from argus.zabbix.api import Zabbix

# Constants of Zabbix' API: media type, user media, action.
_EMAIL = 0
_SECURITY = {"none": 0, "starttls": 1, "tls": 2}
_BY_PASSWORD = 1
_TRIGGERS = 0
_ON_PROBLEM, _ON_RECOVERY = 0, 1
_ALL_SEVERITIES = 63
_TAG_VALUE, _EQUALS = 26, 0
_SEND, _TELL_ALL_AGAIN = 0, 11
_EVERY = "1h"

_TEXT = """\
{EVENT.NAME}
Since {EVENT.DATE} {EVENT.TIME}, severity {EVENT.SEVERITY}, host {HOST.NAME}

Zabbix sends this by itself: Argus may not be able to tell anybody of anything now.

{TRIGGER.DESCRIPTION}
"""
_WELL = """\
{EVENT.NAME}
Ended {EVENT.RECOVERY.DATE} {EVENT.RECOVERY.TIME}, after {EVENT.DURATION}
"""


@dataclass(frozen=True, slots=True)
class Mail:
    """How mail goes out, from ``[smtp]``; ``security`` is ``none``, ``starttls`` or ``tls``."""

    server: str
    port: int
    sender: str
    security: str
    recipients: tuple[str, ...]
    username: str = ""
    password: str = field(default="", repr=False)


class FallbackMedia:
    """The media type; once it is there its settings are the administrator's."""

    title = "media type"

    def __init__(self, mail: Mail | None) -> None:
        """Take how mail goes out; ``None`` where nobody is to be told."""
        self._mail = mail

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Plan the media type where there is none of our name."""
        mail = self._mail
        if mail is None or _media_types(zabbix):
            return []
        details = (f"e-mail by {mail.server}:{mail.port} from {mail.sender}",)
        return [Change(CREATE, "media type", FALLBACK_MEDIA, details, lambda: _create_media(zabbix, mail))]


class FallbackRecipients:
    """The addresses, as media of the correlator's user; those that an administrator added stay."""

    title = "recipients"

    def __init__(self, mail: Mail | None) -> None:
        """Take who is to be told; ``None`` for nobody."""
        self._mail = mail

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Plan the addresses that are missing."""
        mail = self._mail
        if mail is None:
            return []
        known = _addresses(_medias(zabbix), _media_types(zabbix).get(FALLBACK_MEDIA, ""))
        missing = tuple(address for address in mail.recipients if address not in known)
        if not missing:
            return []
        return [Change(UPDATE, "media of user", USER, missing, lambda: _add_addresses(zabbix, missing))]


class FallbackAction:
    """The action; whether it is enabled, further conditions and operations are the administrator's."""

    title = "action"

    def __init__(self, mail: Mail | None) -> None:
        """Take how mail goes out; ``None`` where nobody is to be told."""
        self._mail = mail

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Plan the action, or those of our conditions that it lacks."""
        if self._mail is None:
            return []
        found = zabbix.read(
            "action.get",
            output=["actionid", "name"],
            filter={"eventsource": _TRIGGERS, "name": [FALLBACK_ACTION]},
            selectFilter="extend",
        )
        if not found:
            details = tuple(f"problem tag {IDENT_TAG}={ident}" for ident in _idents())
            return [Change(CREATE, "action", FALLBACK_ACTION, details, lambda: _create_action(zabbix))]
        there = found[0]["filter"]
        lacks = lacking(there, [_condition(ident) for ident in _idents()])
        if not lacks:
            return []
        details = tuple(f"lacks problem tag {IDENT_TAG}={condition['value']}" for condition in lacks)
        actionid, wider = found[0]["actionid"], widened(there, lacks, "or")
        return [
            Change(
                UPDATE,
                "action",
                FALLBACK_ACTION,
                details,
                lambda: zabbix.call("action.update", actionid=actionid, filter=wider),
            )
        ]


def _idents() -> list[str]:
    """All triggers of the correlator's template: each means that people may not be told."""
    return [trigger.ident for trigger in correlator.SUBSYSTEM.triggers]


def _media_types(zabbix: Zabbix) -> dict[str, str]:
    rows = zabbix.read("mediatype.get", output=["mediatypeid", "name"], filter={"name": [FALLBACK_MEDIA]})
    return {row["name"]: row["mediatypeid"] for row in rows}


def _medias(zabbix: Zabbix) -> list[dict[str, Any]]:
    """The media of the correlator's user; none where there is no user yet."""
    rows = zabbix.read("user.get", output=["userid"], filter={"username": [USER]}, selectMedias="extend")
    return [media for row in rows for media in row["medias"]]


def _addresses(medias: list[dict[str, Any]], mediatypeid: str) -> set[str]:
    return {
        address
        for media in medias
        if media["mediatypeid"] == mediatypeid
        for address in ([media["sendto"]] if isinstance(media["sendto"], str) else media["sendto"])
    }


def _create_media(zabbix: Zabbix, mail: Mail) -> None:
    secure = _SECURITY[mail.security]
    login = {
        "smtp_authentication": _BY_PASSWORD,
        "username": mail.username,
        "passwd": mail.password,
    }
    # Plain text; 7.0 has another word for it.
    plain = {"message_format" if zabbix.version >= (7, 0) else "content_type": 0}
    zabbix.call(
        "mediatype.create",
        type=_EMAIL,
        name=FALLBACK_MEDIA,
        description="Made by argus zabbix apply; once it is there, its settings are yours.",
        smtp_server=mail.server,
        smtp_port=mail.port,
        smtp_email=mail.sender,
        smtp_helo=mail.sender.rpartition("@")[2],
        smtp_security=secure,
        **({"smtp_verify_peer": 1, "smtp_verify_host": 1} if secure else {}),
        **(login if mail.username else {}),
        **plain,
        message_templates=[
            {
                "eventsource": _TRIGGERS,
                "recovery": _ON_PROBLEM,
                "subject": "[Zabbix] {EVENT.NAME}",
                "message": _TEXT,
            },
            {
                "eventsource": _TRIGGERS,
                "recovery": _ON_RECOVERY,
                "subject": "[Zabbix] ended: {EVENT.NAME}",
                "message": _WELL,
            },
        ],
    )


def _add_addresses(zabbix: Zabbix, addresses: tuple[str, ...]) -> None:
    kept = [
        {name: media[name] for name in ("mediatypeid", "sendto", "active", "severity", "period")}
        for media in _medias(zabbix)
    ]
    mediatypeid = need("media type", _media_types(zabbix), FALLBACK_MEDIA)
    ours = {
        "mediatypeid": mediatypeid,
        "sendto": list(addresses),
        "active": 0,
        "severity": _ALL_SEVERITIES,
        "period": "1-7,00:00-24:00",
    }
    zabbix.call("user.update", userid=_user(zabbix), medias=[*kept, ours])


def _user(zabbix: Zabbix) -> str:
    rows = zabbix.read("user.get", output=["userid", "username"], filter={"username": [USER]})
    return need("user", {row["username"]: row["userid"] for row in rows}, USER)


def _create_action(zabbix: Zabbix) -> None:
    media = {
        "default_msg": 1,
        "mediatypeid": need("media type", _media_types(zabbix), FALLBACK_MEDIA),
    }
    zabbix.call(
        "action.create",
        name=FALLBACK_ACTION,
        eventsource=_TRIGGERS,
        esc_period=_EVERY,
        filter={"evaltype": 0, "conditions": [_condition(ident) for ident in _idents()]},
        operations=[
            {
                "operationtype": _SEND,
                "esc_step_from": 1,
                "esc_step_to": 0,  # again and again until it ends
                "opmessage": media,
                "opmessage_usr": [{"userid": _user(zabbix)}],
            }
        ],
        recovery_operations=[{"operationtype": _TELL_ALL_AGAIN, "opmessage": {"default_msg": 1}}],
    )


def _condition(ident: str) -> dict[str, Any]:
    return {"conditiontype": _TAG_VALUE, "operator": _EQUALS, "value": ident, "value2": IDENT_TAG}
