"""Pictures of the lab's Zabbix pages, taken by headless Chromium."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from playwright.sync_api import Error, ViewportSize, sync_playwright

from argus.catalogue import SUBSYSTEMS
from argus.render.names import CORRELATOR_HOST, GUEST_HOST, NODE_HOST
from argus.render.template import template_document
from argus.zabbix.desired import CORRELATOR
from stack.components.argus_setup import ZABBIX_PASSWORD, ZABBIX_USER
from stack.components.guest_xml import GUESTS
from stack.components.zabbix7 import zabbix7_url
from stack.components.zabbix_web import zabbix_url
from stack.errors import LabError
from stack.zabbix_api import ZabbixError, open_api

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from pyzabbix.api import ZabbixAPI

    from stack.lab import Lab

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZE: ViewportSize = {"width": 1600, "height": 1000}
LATELY = {"from": "now-15m", "to": "now"}
MILLISECONDS = 60_000
TABS = ".dashboard-navigation-tabs"
SELECTED_TAB = f"{TABS} .selected-tab"  # the page changes a moment after the click
PERIODS = ".time-quick-range"  # the choice of a period, a quarter of the page
PERIOD_BUTTON = ".btn-time"
# The page scrolls inside itself: a picture shows as much of it as the window is high.
WHOLE_HEIGHT = "() => Math.max(...[...document.querySelectorAll('main, .wrapper')].map(e => e.scrollHeight))"
MOST_HEIGHT = 4000
# No widget waits for its content, and none has begun to for a second: the next page's begin after the click.
SETTLED = """() => {
  const now = Date.now();
  if (document.querySelector('.is-loading') || !window.argusBusy) window.argusBusy = now;
  return now - window.argusBusy > 1000;
}"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A page; ``tab`` is the page of a dashboard that is clicked first."""

    name: str
    path: str  # below the frontend's address
    tab: str = ""


def take_screenshots(lab: Lab, folder: Path, *, seven: bool = False) -> int:
    """Pictures into the folder, from the lab's 7.0 in place of its 6.0 where ``seven``."""
    folder.mkdir(parents=True, exist_ok=True)
    url = zabbix7_url(lab) if seven else zabbix_url(lab)
    try:
        with open_api(url) as api:
            wanted = pictures(api)
        with tempfile.TemporaryDirectory() as profile:
            _photograph(url, wanted, folder, Path(profile))
    except (ZabbixError, Error) as failure:
        raise LabError(f"no screenshots: {failure}; is the lab up (./lab/status)?") from None
    return 0


def pictures(api: ZabbixAPI) -> list[Picture]:
    """The pages that show what Argus is about; one whose host is not there yet is left out, and said so."""
    found = [
        Picture("problems", "zabbix.php?action=problem.view&kiosk=0")
    ]  # Zabbix remembers a kiosk, which has no tabs
    for board in api.dashboard.get(output=["dashboardid", "name"], search={"name": "Argus fleet"}):
        query = {"action": "dashboard.view", "dashboardid": board["dashboardid"], **LATELY}
        found.append(Picture("fleet", f"zabbix.php?{urlencode(query)}"))
    hosts = {host["host"]: host["hostid"] for host in api.host.get(output=["hostid", "host"])}
    guest = next((guest.uuid for guest in GUESTS if guest.throttled and guest.uuid in hosts), "")
    node = min((name for name in hosts if name.startswith("lab-node")), default="")
    own = CORRELATOR if CORRELATOR in hosts else ""
    for name, host in ((NODE_HOST, node), (GUEST_HOST, guest), (CORRELATOR_HOST, own)):
        if host:
            found += [_board(name, hosts[host], tab) for tab in tabs(name)]
        else:
            print(f"no picture of a {name}: none is in Zabbix yet")
    return found


def tabs(kind: str) -> list[str]:
    """The pages of a template's dashboard, which has tabs when there are several."""
    (template,) = template_document(kind, SUBSYSTEMS)["zabbix_export"]["templates"]
    names = [page["name"] for page in template["dashboards"][0]["pages"]]
    return names if len(names) > 1 else [""]


def _board(name: str, hostid: str, tab: str) -> Picture:
    """A page of the host's template dashboard."""
    query = {"action": "host.dashboard.view", "hostid": hostid, **LATELY}
    slug = "-".join([name, *tab.lower().replace(" and ", " ").split()])
    return Picture(slug, f"zabbix.php?{urlencode(query)}", tab)


def _photograph(url: str, wanted: list[Picture], folder: Path, profile: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=list(FLAGS), headless=True, viewport=SIZE
        )
        page = browser.new_page()
        page.set_default_timeout(MILLISECONDS)
        _log_in(page, url)
        for picture in wanted:
            page.set_viewport_size(SIZE)
            page.goto(f"{url}/{picture.path}", wait_until="networkidle")
            if picture.tab:
                page.locator(TABS).get_by_text(picture.tab, exact=True).first.click()
                page.locator(SELECTED_TAB).get_by_text(picture.tab, exact=True).first.wait_for()
                page.wait_for_load_state("networkidle")
            if page.locator(PERIODS).first.is_visible():
                page.locator(PERIOD_BUTTON).first.click()
            page.wait_for_function(SETTLED)
            high = min(MOST_HEIGHT, max(SIZE["height"], page.evaluate(WHOLE_HEIGHT)))
            page.set_viewport_size({**SIZE, "height": high})
            page.wait_for_function(SETTLED)
            file = folder / f"{picture.name}.png"
            page.screenshot(path=file)
            print(file, flush=True)
        browser.close()


def _log_in(page: Page, url: str) -> None:
    page.goto(url)
    page.fill("#name", ZABBIX_USER)
    page.fill("#password", ZABBIX_PASSWORD)
    page.click("#enter")
    page.wait_for_load_state("networkidle")
