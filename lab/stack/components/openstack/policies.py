"""The files of etc/openstack/ that open to the role argus_monitor what it has to read."""

from __future__ import annotations

from stack.lab import TOP


def policy(service: str) -> dict[str, dict[str, object]]:
    """The section that makes a service read Argus' overrides, as a file in its policy.d would be."""
    return {"oslo_policy": {"policy_dirs": TOP / "etc" / "openstack" / service / "policy.d"}}
