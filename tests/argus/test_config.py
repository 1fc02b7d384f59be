"""The configuration is read completely or refused with file, line and option."""

from __future__ import annotations

from pathlib import Path

import pytest
from oslo_config import generator

from argus import config
from argus.errors import ConfigError

REPO = Path(__file__).parents[2]


def load(tmp_path: Path, text: str) -> object:
    file = tmp_path / "argus.conf"
    file.write_text(text)
    conf = config.load(str(file))
    config.check(conf)
    return conf


def test_an_empty_file_gives_defaults_that_pass_the_check(tmp_path: Path) -> None:
    load(tmp_path, "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(
            "[smtp]\n\nrecipent = a@b\n",
            r"argus.conf:3: unknown option recipent .* mean recipients\?",
            id="typo",
        ),
        pytest.param(
            "[stmp]\nhost = x\n", r":1: unknown section \[stmp\]; did you mean smtp\?", id="section"
        ),
        pytest.param(
            "[zabbix]\nurl = http://z\nurls = x\n", r":3: unknown option urls", id="line of the option"
        ),
        pytest.param(
            "[celery]\nbroker = x\nbroker_url = redis://x\n", r":2: unknown option broker ", id="prefix"
        ),
        pytest.param("[smtp]\nhost\n", r":2: No ':' or '=' found", id="no value"),
        pytest.param("[smtp\nhost = x\n", r":1: Invalid section", id="bracket"),
        pytest.param("[smtp]\nport = many\n", r":2: \[smtp\] port: .*many", id="port"),
        pytest.param("[smtp]\ntls = ssl3\n", r":2: \[smtp\] tls: .*ssl3", id="choice"),
        pytest.param("[correlator]\ninterval = 0\n", r":2: \[correlator\] interval: .*1", id="too small"),
        pytest.param("[thresholds]\nguest_steal_max_ratio = low\n", r"guest_steal_max_ratio", id="number"),
        pytest.param(
            "[zabbix]\nurl = zabbix.example.org\n", r":2: \[zabbix\] url: ", id="url without scheme"
        ),
        pytest.param(
            "[smtp]\nrecipients = ops\n", r"\[smtp\] recipients: 'ops' is not a mail address", id="address"
        ),
        pytest.param(
            "[correlator]\nproblem_tags = =cloud\n", r"problem_tags: '=cloud' is neither TAG", id="tag"
        ),
        pytest.param(
            "[exporter]\nlisten = 9753\n", r"\[exporter\] listen = 9753 is not HOST:PORT", id="listen"
        ),
        pytest.param(
            "[database]\nurl_file = /no/such\n", r"\[database\] url_file: cannot read /no/such", id="secret"
        ),
        pytest.param(
            "[smtp]\nhost = mx.example.org\nusername = a\n",
            r"tls = none would send the password in the clear",
            id="clear",
        ),
        pytest.param(
            "[database]\nurl = postgresql://argus:pa$url@db/argus\n",
            r":2: \[database\] url = .* write \$\$",
            id="dollar that refers to itself",
        ),
        pytest.param("[smtp]\nhost = mx-$username\n", r":2: \[smtp\] host = .* write \$\$", id="dollar"),
        pytest.param("[correlator]\ninterval = 60\n", r"stale_after must be at least twice", id="stale"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        load(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing.conf: no such file"):
        config.load(f"{tmp_path}/nothing.conf")


def test_a_secret_comes_from_its_file_and_wins(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("sqlite:////x.db\n")
    conf = load(tmp_path, f"[database]\nurl = sqlite:////y.db\nurl_file = {tmp_path}/url\n")
    assert config.database_url(conf) == "sqlite:////x.db"


def test_thresholds_and_times_of_rules_reach_the_policy(tmp_path: Path) -> None:
    text = "guest_steal_max_ratio = 0.5\nnode_is_full_hold = 7\nnode_is_full_keep = 9\n"
    policy = config.policy(load(tmp_path, f"[thresholds]\n{text}"))
    assert policy.thresholds.guest_steal_max_ratio == 0.5
    assert (policy.holds["node_is_full"], policy.keeps["node_is_full"]) == (7, 9)


def test_every_option_says_what_it_is_for() -> None:
    for section, options in config.list_opts():
        for option in options:
            assert option.help, f"[{section}] {option.name}"


def test_the_sample_passes_its_own_check() -> None:
    config.check(config.load(str(REPO / "etc/argus.conf.sample")))


def test_the_sample_is_what_the_options_say_now(tmp_path: Path) -> None:
    made = tmp_path / "argus.conf.sample"
    generator.main(["--namespace", "argus", "--wrap-width", "100", "--output-file", str(made)])
    todo = "run oslo-config-generator --config-file etc/argus-generator.conf"
    assert made.read_text() == (REPO / "etc/argus.conf.sample").read_text(), todo


def test_severity_and_tags_of_problems_become_terms(tmp_path: Path) -> None:
    text = "[correlator]\nproblem_severity = average\nproblem_tags_excluded = scope=notice, env, note=a=b\n"
    terms = config.policy(load(tmp_path, text)).problems
    assert (terms.severity, terms.tags) == (3, ())
    assert terms.without == (("scope", "notice"), ("env", None), ("note", "a=b"))
    assert config.policy(load(tmp_path, "[correlator]\nproblem_severity = none\n")).problems.severity is None
