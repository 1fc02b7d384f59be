"""Certificates for the lab and for tests, made by openssl: an authority and what it signed."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


DAYS = "3650"


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority of its own in ``folder``."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Authority:
        folder.mkdir(parents=True, exist_ok=True)
        made = cls(folder)
        _openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", DAYS, "-subj", "/CN=authority"),
            *("-keyout", folder / "ca.key", "-out", made.certificate),
        )
        return made

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.crt"

    def sign(self, name: str) -> tuple[Path, Path]:
        """Certificate and key of ``name``."""
        request, key, certificate = (self.folder / f"{name}.{end}" for end in ("csr", "key", "crt"))
        new = ("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}")
        _openssl(*new, "-keyout", key, "-out", request)
        by = ("-CA", self.certificate, "-CAkey", self.folder / "ca.key", "-CAcreateserial")
        _openssl("x509", "-req", "-days", DAYS, "-in", request, *by, "-out", certificate)
        return certificate, key


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=30)
