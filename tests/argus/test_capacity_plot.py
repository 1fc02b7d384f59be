"""The forecast as a picture: it is one, and it says when it is full or why that is not said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from argus.capacity_forecast import draw
from argus.correlator.capacity.forecast import DAY, forecast
from argus.errors import ArgusError
from argus.store.capacity import Series

if TYPE_CHECKING:
    from pathlib import Path

LINE = tuple((day * DAY, 100.0 + day) for day in range(20))


@pytest.mark.slow
@pytest.mark.parametrize("samples", [LINE, LINE[:3]], ids=["forecast", "refused"])
def test_a_picture_is_drawn(samples: tuple[tuple[float, float], ...], tmp_path: Path) -> None:
    file = tmp_path / "f.png"
    draw("f, all", "VCPU", Series(list(samples), 200.0), forecast(samples, 200.0), file)
    assert file.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_one_day_that_there_is_can_be_seen(tmp_path: Path) -> None:
    from matplotlib.image import imread  # noqa: PLC0415  # heavy

    file = tmp_path / "f.png"
    draw("f, all", "VCPU", Series([LINE[0]], 200.0), forecast(LINE[:1], 200.0), file)
    pixels = imread(file)[:, :, :3]
    height, width, _ = pixels.shape
    middle = pixels[height // 5 : -height // 5, width // 3 : -width // 3]
    blue = [31 / 255, 95 / 255, 168 / 255]
    assert (abs(middle - blue) < 0.02).all(axis=2).sum() > 10, "a dot of use, apart from the legend's line"


@pytest.mark.slow
def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(ArgusError, match="cannot write"):
        draw("f", "VCPU", Series(list(LINE), 200.0), forecast(LINE, 200.0), tmp_path / "no" / "f.png")
