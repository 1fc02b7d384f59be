"""The options of the correlator: ``/etc/argus/argus.conf``, declared, checked and read in one place."""

from __future__ import annotations

import os
import re
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from oslo_config import cfg, types

from argus import ini_file
from argus.capacity_options import CAPACITY_OPTIONS, OPENSTACK_OPTIONS, terms
from argus.correlator.guest_life import GROUP_BY
from argus.correlator.thresholds import Policy, Thresholds
from argus.correlator_options import CORRELATOR_OPTIONS, problem_terms
from argus.errors import ConfigError
from argus.zabbix_options import ZABBIX_OPTIONS, encryption, secure

DEFAULT_FILE = "/etc/argus/argus.conf"
FILE_VARIABLE = "ARGUS_CONFIG"
OF_RULES = "thresholds"  # the section with options of each rule

DEFAULT_OPTIONS = [
    cfg.BoolOpt(
        "debug", default=False, help="Log each cycle and each message. Costs disk, tells no secrets."
    ),
]
DATABASE_OPTIONS = [
    cfg.StrOpt(
        "url",
        default="sqlite:////var/lib/argus/argus.db",
        secret=True,
        help="Where incidents live: postgresql+psycopg://USER@HOST/NAME for workers on several hosts, or "
        "sqlite:////PATH for one host. With a password in it, use url_file.",
    ),
    cfg.StrOpt("url_file", help="File that holds the URL, nothing else; wins over url. Mode 0600."),
    cfg.IntOpt(
        "keep_days",
        default=90,
        min=1,
        help="Resolved incidents and the reasons of decisions are deleted after so many days.",
    ),
]
CELERY_OPTIONS = [
    cfg.StrOpt(
        "broker_url",
        default="redis://127.0.0.1:6379/0",
        secret=True,
        help="Redis that carries wake-ups between beat and workers. It holds no state: losing it delays "
        "work, and loses none. Not used by argus run.",
    ),
    cfg.StrOpt(
        "broker_url_file", help="File that holds the URL, nothing else; wins over broker_url. Mode 0600."
    ),
    cfg.StrOpt(
        "schedule_file",
        default="/var/lib/argus/beat",
        help="Where beat notes when it last woke whom; may be deleted at any time.",
    ),
]
SMTP_OPTIONS = [
    cfg.HostAddressOpt("host", default="127.0.0.1", help="Mail server."),
    cfg.PortOpt("port", default=25, help="Port of the mail server: 25, 587 (starttls) or 465 (tls)."),
    cfg.StrOpt(
        "tls",
        default="none",
        choices=[
            ("none", "in the clear: only to a server on this host"),
            ("starttls", "encrypt before anything is said; no mail if the server cannot"),
            ("tls", "encrypted from the first byte"),
        ],
        help="How the connection is encrypted. The server's certificate is verified.",
    ),
    cfg.StrOpt("username", default="", help="Log in under this name; empty: no login."),
    cfg.StrOpt("password_file", help="File that holds the password, nothing else; mode 0600."),
    cfg.StrOpt("sender", default="argus@localhost", help="Address that mails come from."),
    cfg.ListOpt("recipients", default=[], help="Addresses that mails go to, with commas; empty: no mail."),
    cfg.FloatOpt("timeout", default=15.0, min=1, max=120, help="Seconds to wait for each answer."),
]
GUESTS_OPTIONS = [
    cfg.FloatOpt(
        "interval",
        default=60.0,
        min=5,
        max=3600,
        help="Seconds between two looks at the hosts of guests: how long a new guest or one that moved keeps "
        "its old visible name, tags and groups in Zabbix.",
    ),
    cfg.FloatOpt(
        "disable_after",
        default=600.0,
        min=5,
        help="Seconds after which the host of a guest that its node no longer has is disabled: its problems "
        "end, its history stays. The silence of a node or of its libvirtd counts for nothing.",
    ),
    cfg.FloatOpt(
        "remove_after",
        default=7 * 86400.0,
        min=10,
        help="Seconds after which such a host is removed from Zabbix, with its history. Hosts that a person "
        "disabled are never removed.",
    ),
    cfg.FloatOpt(
        "share",
        default=0.1,
        min=0,
        max=1,
        help="Largest share of all guests that may be disabled, or removed, in one run (three always may). "
        "When more are gone at once, none is touched, and the log says so.",
    ),
    cfg.ListOpt(
        "group_by",
        default=[],
        item_type=types.String(choices=list(GROUP_BY)),
        help="Keep guests in host groups such as 'Argus/Guests/project NAME', for rights of people: any of "
        "project, flavor, node and az (availability zone, where [services] asks Nova). argus zabbix apply "
        "makes the groups, since Zabbix lets only administrators do that; tags of the same names are "
        "there in any case.",
    ),
]
SERVICES_OPTIONS = [
    cfg.StrOpt(
        "file",
        default="",
        help="services.yaml: which clouds, and what they stand on, are probed. Empty: no service is. "
        "argus check-config reads it.",
    ),
    cfg.StrOpt(
        "clouds_file",
        default="",
        help="clouds.yaml with the log-ins of the clouds that services.yaml names; mode 0600. Empty: "
        "OS_CLIENT_CONFIG_FILE, or the places where openstacksdk looks.",
    ),
    cfg.FloatOpt(
        "interval",
        default=30.0,
        min=5,
        max=3600,
        help="Seconds between two rounds of probes. A round logs in to each cloud once and asks every "
        "service a few questions.",
    ),
]
EXPORTER_OPTIONS = [
    cfg.StrOpt(
        "listen",
        default="127.0.0.1:9753",
        help="HOST:PORT where argus exporter serves /metrics. They name nodes: keep them inside. Empty: "
        "there is no exporter, and nobody misses one that ran before.",
    ),
]


def _threshold_options() -> list[Any]:
    """One option a threshold, and two a rule: how long its finding must stand, and be gone."""
    from argus.correlator.rules import RULES  # noqa: PLC0415  # the catalogue and all: only who judges pays

    limits = [
        cfg.FloatOpt(f.name, default=f.default, min=f.metadata["least"], help=f.metadata["text"])
        for f in fields(Thresholds)
    ]
    times = {
        "hold": "seconds that this must last before an incident opens. 0 opens at once, and for the shortest "
        "blip too.",
        "keep": "seconds without it before its incident ends. 0 tells of an end that may be a pause.",
    }
    terms_of_rules = [
        cfg.FloatOpt(f"{rule.name}_{name}", default=getattr(rule, name), min=0, help=f"{rule.title}: {text}")
        for name, text in times.items()
        for rule in RULES
    ]
    return [*limits, *terms_of_rules]


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return all options by section, for oslo-config-generator."""
    return [*_plain_opts(), (OF_RULES, _threshold_options())]


def _plain_opts() -> list[tuple[str, list[Any]]]:
    return [
        ("DEFAULT", DEFAULT_OPTIONS),
        ("zabbix", ZABBIX_OPTIONS),
        ("database", DATABASE_OPTIONS),
        ("celery", CELERY_OPTIONS),
        ("correlator", CORRELATOR_OPTIONS),
        ("guests", GUESTS_OPTIONS),
        ("services", SERVICES_OPTIONS),
        ("openstack", OPENSTACK_OPTIONS),
        ("capacity", CAPACITY_OPTIONS),
        ("smtp", SMTP_OPTIONS),
        ("exporter", EXPORTER_OPTIONS),
    ]


def load(path: str | None = None, *, rules: bool = True) -> Any:
    """Read and check the configuration; returns oslo.config's object.

    ``path`` wins over the environment's ARGUS_CONFIG, which wins over /etc/argus/argus.conf.  A file that was
    named must be there; without the default one all options have their defaults.
    Without ``rules`` section [thresholds] is not looked at: for who judges nothing, and wants an answer soon.
    Raises ``ConfigError``.
    """
    named = path or os.environ.get(FILE_VARIABLE)
    file = Path(named or DEFAULT_FILE)
    conf = cfg.ConfigOpts()
    known = list_opts() if rules else _plain_opts()
    for section, options in known:
        conf.register_opts(options, group=None if section == "DEFAULT" else section)
    lines = _check_file(file, known, required=named is not None)
    files = [] if lines is None else [str(file)]
    try:
        conf(args=[], project="argus", default_config_files=files, default_config_dirs=[])
    except (cfg.Error, ValueError) as exc:
        raise ConfigError(f"{file}: {_one_line(exc)}") from None
    for section, options in known:
        for option in options:
            _check_value(conf, section, option, file, (lines or {}).get((section, option.dest)))
    return conf


def _check_value(conf: Any, section: str, option: Any, file: Path, line: int | None) -> None:
    """Read a value, for oslo.config to check its type; name where it comes from if that fails."""
    group = conf if section == "DEFAULT" else conf[section]
    try:
        group[option.dest]
    except (cfg.Error, ValueError) as exc:
        where = f"{file}:{line}" if line else f"environment OS_{section}__{option.dest}".upper()
        why = _one_line(exc).partition(" is not valid: ")[2] or _one_line(exc)
        raise ConfigError(f"{where}: [{section}] {option.name}: {why}") from None


def secret(conf: Any, section: str, option: str) -> str:
    """Read the file that an option names.  Raises ``ConfigError``; never shows the content."""
    path = conf[section][option]
    where = f"[{section}] {option}"
    if not path:
        raise ConfigError(f"{where} is not set: name a file that holds it")
    try:
        value = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(
            f"{where}: cannot read {path}: {getattr(exc, 'strerror', None) or 'not text'}"
        ) from None
    if not value:
        raise ConfigError(f"{where}: {path} is empty")
    return value


def database_url(conf: Any) -> str:
    """Return the URL of the database, with its password."""
    return secret(conf, "database", "url_file") if conf.database.url_file else str(conf.database.url)


def broker_url(conf: Any) -> str:
    """Return the URL of the broker, with its password."""
    return (
        secret(conf, "celery", "broker_url_file")
        if conf.celery.broker_url_file
        else str(conf.celery.broker_url)
    )


def policy(conf: Any) -> Policy:
    """Return the terms on which incidents open and close."""
    from argus.correlator.rules import RULES  # noqa: PLC0415  # as above

    values = conf.thresholds
    return Policy(
        Thresholds(**{f.name: values[f.name] for f in fields(Thresholds)}),
        {rule.name: values[f"{rule.name}_hold"] for rule in RULES},
        conf.correlator.stale_after,
        conf.correlator.forget_after,
        guest_incidents=conf.correlator.guest_incidents,
        promote_after=conf.correlator.promote_after,
        flap_count=conf.correlator.flap_count,
        flap_window=conf.correlator.flap_window,
        flap_quiet=conf.correlator.flap_quiet,
        capacity=terms(conf),
        keeps={rule.name: values[f"{rule.name}_keep"] for rule in RULES},
        maintenance_reason=conf.correlator.maintenance_reason,
        problems=problem_terms(conf),
    )


def address(text: str, option: str) -> tuple[str, int]:
    """Split ``HOST:PORT``.  Raises ``ConfigError`` that names ``option``."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port is None:
        raise ConfigError(f"{option} = {text} is not HOST:PORT, such as 127.0.0.1:9753")
    return host, port


def check(conf: Any) -> None:
    """Check what types cannot: secrets can be read, addresses are addresses.  Raises ``ConfigError``."""
    if conf.exporter.listen:
        address(conf.exporter.listen, "[exporter] listen")
    for server in conf.zabbix.servers:
        address(server, "[zabbix] servers")
    secure(encryption(conf))
    database_url(conf)
    broker_url(conf)
    for option, values in (("sender", [conf.smtp.sender]), ("recipients", conf.smtp.recipients)):
        for value in values:
            local, at, domain = value.rpartition("@")
            if not (local and at and domain and value.isascii() and value.isprintable() and " " not in value):
                raise ConfigError(f"[smtp] {option}: {value!r} is not a mail address")
    if (
        conf.smtp.username
        and conf.smtp.tls == "none"
        and conf.smtp.host not in {"127.0.0.1", "localhost", "::1"}
    ):
        raise ConfigError("[smtp] tls = none would send the password in the clear: use starttls or tls")
    if conf.smtp.username:
        secret(conf, "smtp", "password_file")
    problem_terms(conf)
    try:
        re.compile(conf.correlator.maintenance_reason)
    except re.error as exc:
        raise ConfigError(f"[correlator] maintenance_reason is no regular expression: {exc}") from None
    if conf.correlator.stale_after < 2 * conf.correlator.interval:
        raise ConfigError("[correlator] stale_after must be at least twice interval, or all nodes look stale")


def _check_file(
    file: Path, sections: list[tuple[str, list[Any]]], *, required: bool
) -> dict[tuple[str, str], int] | None:
    """Return the line of each option, ``None`` without a file; ``ConfigError`` names what is wrong."""
    known = {section: {option.dest for option in options} for section, options in sections}
    try:
        ini_file.check_environment(known)
        return ini_file.check(file, known, unasked={OF_RULES} - known.keys())
    except FileNotFoundError:
        if required:
            raise ConfigError(f"{file}: no such file (from --config-file or {FILE_VARIABLE})") from None
        return None
    except OSError as exc:
        raise ConfigError(f"{file}: cannot read: {exc.strerror}") from None
    except ini_file.IniError as exc:
        raise ConfigError(str(exc)) from None


def _one_line(exc: Exception) -> str:
    return " ".join(str(exc).split())
