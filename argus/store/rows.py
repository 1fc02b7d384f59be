"""Rows that are made when they are first needed, by whichever of several processes is first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import inspect
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from argus.store.models import Base

T = TypeVar("T", bound="Base")


def ensure(session: Session, model: type[T], first: Mapping[str, Any]) -> T:
    """Return the row of a key, locked; made of ``first`` where there is none, without a failure in a race."""
    key = tuple(first[column.name] for column in inspect(model).primary_key)
    row = session.get(model, key, with_for_update=True)
    if row is not None:
        return row
    made = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    session.execute(made.insert(model).values(first).on_conflict_do_nothing())
    return session.get_one(model, key, with_for_update=True, populate_existing=True)
