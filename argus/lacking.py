"""What a configuration without mistakes may lack still: a database, a token, somebody who is notified."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from argus import config
from argus.errors import ArgusError, ConfigError
from argus.store import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from argus.site import Site


def lacking(conf: Any, site: Site, targets: Iterable[Iterable[str]]) -> list[str]:
    """Return a line for each thing without which nothing is found, or nobody hears of it.

    ``targets`` are those of each sample of an incident.  Makes no file and no table.
    """
    return [*_without_receivers(site, targets), *_without_token(conf), *_without_tables(site)]


def _without_receivers(site: Site, targets: Iterable[Iterable[str]]) -> Iterator[str]:
    told = [list(each) for each in targets]
    if not any(told):
        yield f"nobody would be notified of anything: {site.router.source} has no receiver for the samples"
    elif not all(told):
        yield "of some of the samples nobody would be notified"


def _without_token(conf: Any) -> Iterator[str]:
    try:
        config.secret(conf, "zabbix", "token_file")
    except ConfigError as exc:
        yield f"{exc}; argus zabbix apply makes it"


def _without_tables(site: Site) -> Iterator[str]:
    url = site.store.engine.url
    file = url.database if url.get_backend_name() == "sqlite" else None
    if file and file != ":memory:" and not _exists(Path(file)):
        yield f"the database {site.store.address} has no tables yet: run argus db upgrade"
        return  # to connect would make the file, and give it to whoever asks
    try:
        schema.check(site.store)
    except ArgusError as exc:
        yield str(exc)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # not for us to see: the connection says why
