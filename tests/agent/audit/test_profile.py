"""The profile: the shipped ones load, and every mistake is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from argus_agent.audit.profile import Profile, ProfileError, load_profile

SHIPPED = sorted((Path(__file__).parents[3] / "etc/profiles").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_profile_keeps_cpus_for_the_host(path: Path) -> None:
    profile = load_profile(path)
    assert (profile.name, profile.reserved_cpus) == (path.stem, frozenset(range(4)))


def test_what_is_left_out_is_not_checked(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("name: small\nksm_run: 0\n")
    assert load_profile(tmp_path / "p.yaml") == Profile("small", ksm_run=0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\nksm: 0\n", r"p\.yaml:2: unknown setting 'ksm'; known are name, ksm_run"),
        ("name: x\n\nksm_run: off\n", r"p\.yaml:3: ksm_run must be int, not False"),
        ("name: x\nreserved_cpus: 3-1\n", r"p\.yaml:2: reserved_cpus: '3-1' is not a range"),
        ("name: x\nguest_confined: 1\n", r"p\.yaml:2: guest_confined must be bool, not 1"),
        ("ksm_run: 0\n", r"p\.yaml:1: a profile needs a name"),
        ("name: [\n", r"p\.yaml:2: not YAML"),
        ("- 1\n", r"p\.yaml:1: a profile is a mapping"),
        ("", r"p\.yaml:1: a profile is a mapping"),
    ],
)
def test_a_mistake_names_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(ProfileError, match=message):
        load_profile(tmp_path / "p.yaml")


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="give a readable file to --profile"):
        load_profile(tmp_path / "none.yaml")
