"""The configuration: what is read, and one clear line for what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from oslo_config import generator

from argus_agent.config import Address, ConfigError, find_file, list_opts, load, parse_address
from argus_agent.kernel.cpulist import parse_cpulist

ETC = Path(__file__).parents[2] / "etc"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    return tmp_path / "agent.conf"


def test_defaults_need_no_file() -> None:
    settings = load(None)
    assert settings.host
    assert settings.interval == 15
    assert settings.servers == ()
    assert settings.listen == Address("127.0.0.1", 9752)


def test_everything_can_be_set(conf: Path) -> None:
    conf.write_text(
        "[DEFAULT]\nhost = node-7\ninterval = 5\n"
        "[libvirt]\nuri = test:///default\n"
        "[zabbix]\nservers = z1:10051, [::1]:10052\nspool_values = 500\n"
        "[prometheus]\nlisten =\n"
        "[allocation]\nreserved_cpus = 0-3,8\nreserved_memory_mb = 1024\ncpu_allocation_ratio = 2.5\n"
    )
    settings = load(conf)
    assert (settings.host, settings.interval, settings.spool_values) == ("node-7", 5, 500)
    assert settings.servers == (Address("z1", 10051), Address("::1", 10052))
    assert settings.listen is None
    assert settings.allocation.reserved_cpus == parse_cpulist("0-3,8")
    assert settings.allocation.reserved_memory_bytes == 2**30
    assert settings.allocation.cpu_ratio == 2.5


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[zabix]\nservers = a:1\n", r"conf:1: unknown section \[zabix\]; did you mean zabbix\?"),
        ("[zabbix]\nserver = a:1\n", r"conf:2: unknown option server in \[zabbix\]; did you mean servers\?"),
        ("[libvirt]\npassword = x\n", r"unknown option password in \[libvirt\]; known: timeout, uri"),
        ("interval = 5\n", "before any .section."),
        ("[DEFAULT]\ninterval = soon\n", "soon"),
        ("[DEFAULT]\ninterval = 0\n", "interval"),
        (
            "[zabbix]\nservers = zabbix.example\n",
            r"\[zabbix\] servers = zabbix.example: expected address:port",
        ),
        ("[prometheus]\nlisten = 9752\n", r"\[prometheus\] listen = 9752: expected address:port"),
        ("[allocation]\nreserved_cpus = 3-1\n", r"\[allocation\] reserved_cpus: '3-1'"),
        ("[zabbix]\nspool_file = /var/lib/a$b.sqlite\n", r":2: \[zabbix\] spool_file = .* write \$\$"),
        ("[DEFAULT]\nhost = cmp-$host\n", r":2: \[DEFAULT\] host = .* write \$\$"),
        ("[zabbix]\ntls_psk_identity = site${host}\n", r":2: \[zabbix\] tls_psk_identity = .* write \$\$"),
        ("[zabbix]\nservers = a:1,\n  $Host:2\n", r":2: \[zabbix\] servers = .* write \$\$"),
        ("[DEFAULT]\nprocfs = /nowhere\n", r"\[DEFAULT\] procfs = /nowhere: no such folder"),
        ("\xff\xfe[DEFAULT\n", "agent.conf"),
    ],
    ids=lambda value: value.splitlines()[-1] if "\n" in value else "",
)
def test_a_mistake_is_one_line_that_names_file_and_option(conf: Path, text: str, why: str) -> None:
    conf.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=why) as caught:
        load(conf)
    assert str(caught.value).startswith(str(conf))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", ":", "host:", ":80", "host:0", "host:65536", "host:http", "host"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected address:port"):
        parse_address(text, "[x] y")


def test_an_address_is_written_as_it_is_read() -> None:
    for text in ("127.0.0.1:80", "[fe80::1]:10051"):
        assert str(parse_address(text, "x")) == text


def test_a_file_that_was_asked_for_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="--config-file names it"):
        find_file("/nowhere/agent.conf")
    monkeypatch.setenv("ARGUS_AGENT_CONFIG", "/nowhere/other.conf")
    with pytest.raises(ConfigError, match="ARGUS_AGENT_CONFIG names it"):
        find_file(None)


def test_the_sample_file_is_current(tmp_path: Path) -> None:
    made = tmp_path / "agent.conf.sample"
    generator.main(["--config-file", str(ETC / "agent-generator.conf"), "--output-file", str(made)])
    assert made.read_text() == (ETC / "agent.conf.sample").read_text(), (
        "run oslo-config-generator, see CONTRIBUTING"
    )


def test_every_option_says_what_it_does() -> None:
    for _, options in list_opts():
        assert all(len(option.help or "") > 20 for option in options)


@pytest.mark.parametrize(
    ("written", "meant"), [("a$$b", "a$b"), (r"a\$b", "a$b"), ("a$", "a$"), ("$5", "$5"), ("a$$$$b", "a$$b")]
)
def test_a_dollar_sign_can_be_written(conf: Path, written: str, meant: str) -> None:
    conf.write_text(f"[DEFAULT]\nhost = {written}\n")
    assert load(conf).host == meant


def test_a_dollar_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_ZABBIX__TLS_PSK_IDENTITY", "pa$word")
    with pytest.raises(
        ConfigError, match=r"environment OS_ZABBIX__TLS_PSK_IDENTITY: .* write \$\$"
    ) as caught:
        load(None)
    assert "pa$word" not in str(caught.value)
