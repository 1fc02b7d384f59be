"""The tuning that was agreed on, from ``profile.yaml``: read strictly, errors name file and line."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from argus_agent.kernel.cpulist import parse_cpulist

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class ProfileError(ValueError):
    """The profile cannot be used; the message names file, line and what to do."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What is wanted; a setting that is left out (``None``) is not checked."""

    name: str
    ksm_run: int | None = None
    thp_enabled: str | None = None
    thp_defrag: str | None = None
    khugepaged_defrag: int | None = None
    io_schedulers: tuple[str, ...] | None = None  # any of them will do
    vhost_net: bool | None = None
    reserved_cpus: frozenset[int] | None = None
    memory_overcommit_max: float | None = None
    guest_confined: bool | None = None  # vCPUs stay off the reserved CPUs
    guest_cpu_shares: bool | None = None
    guest_cpu_quota: bool | None = None
    guest_disk_cache: str | None = None
    guest_io_limits: bool | None = None


def load_profile(path: Path) -> Profile:
    """Read and check a profile.  Raises ``ProfileError``."""
    try:
        text = path.read_text()
    except OSError as error:
        raise ProfileError(f"{path}: {error.strerror}: give a readable file to --profile") from error
    import yaml  # noqa: PLC0415 -- the daemon needs it only where there is a profile

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ProfileError(f"{path}:{line}: not YAML: {error.problem}") from error
    if not isinstance(values, dict) or not isinstance(node, yaml.MappingNode):
        raise ProfileError(f"{path}:1: a profile is a mapping of settings, such as `ksm_run: 0`")
    lines = {key.value: key.start_mark.line + 1 for key, _ in node.value}
    for problem in _problems(values, lines):
        raise ProfileError(f"{path}:{problem}")
    return _build(values)


_KINDS: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "ksm_run": (int,),
    "thp_enabled": (str,),
    "thp_defrag": (str,),
    "khugepaged_defrag": (int,),
    "io_schedulers": (list,),
    "vhost_net": (bool,),
    "reserved_cpus": (str, int),
    "memory_overcommit_max": (int, float),
    "guest_confined": (bool,),
    "guest_cpu_shares": (bool,),
    "guest_cpu_quota": (bool,),
    "guest_disk_cache": (str,),
    "guest_io_limits": (bool,),
}


def _problems(values: dict[str, Any], lines: dict[str, int]) -> Iterator[str]:
    for key, value in values.items():
        if key not in _KINDS:
            known = ", ".join(field.name for field in fields(Profile))
            yield f"{lines.get(str(key), 1)}: unknown setting {key!r}; known are {known}"
        elif not isinstance(value, _KINDS[key]) or (isinstance(value, bool) and bool not in _KINDS[key]):
            wanted = " or ".join(kind.__name__ for kind in _KINDS[key])
            yield f"{lines[key]}: {key} must be {wanted}, not {value!r}"
        elif key == "reserved_cpus":
            try:
                parse_cpulist(str(value))
            except ValueError as error:
                yield f"{lines[key]}: reserved_cpus: {error}"
    if "name" not in values:
        yield "1: a profile needs a name"


def _build(values: dict[str, Any]) -> Profile:
    settings = dict(values)
    if "reserved_cpus" in settings:
        settings["reserved_cpus"] = parse_cpulist(str(settings["reserved_cpus"]))
    if "io_schedulers" in settings:
        settings["io_schedulers"] = tuple(str(name) for name in settings["io_schedulers"])
    return Profile(**settings)
