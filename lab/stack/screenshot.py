"""Pictures of the lab's Zabbix pages, taken by headless Chromium."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from playwright.sync_api import Error, ViewportSize, sync_playwright

from stack.components.argus_setup import ZABBIX_PASSWORD, ZABBIX_USER
from stack.components.guest_xml import GUESTS
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
MILLISECONDS = 30_000


@dataclass(frozen=True, slots=True)
class Picture:
    name: str
    path: str  # below the frontend's address


def take_screenshots(lab: Lab, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    url = zabbix_url(lab)
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
    found = [Picture("problems", "zabbix.php?action=problem.view&kiosk=1")]
    for board in api.dashboard.get(output=["dashboardid", "name"], search={"name": "Argus"}):
        query = {"action": "dashboard.view", "dashboardid": board["dashboardid"], "kiosk": 1}
        found.append(Picture("fleet", f"zabbix.php?{urlencode(query)}"))
    hosts = {host["host"]: host["hostid"] for host in api.host.get(output=["hostid", "host"])}
    guest = next((guest for guest in GUESTS if guest.throttled and guest.uuid in hosts), None)
    if guest:
        found += _host_pages(api, "guest", hosts[guest.uuid], "")
    else:
        print("no picture of a guest: none is in Zabbix yet")
    nodes = [name for name in hosts if name.startswith("lab-node")]
    if nodes:
        node = hosts[min(nodes)]
        found += _host_pages(api, "node", node, "")
        found += [_latest_data("node-ksm", node, "KSM"), _latest_data("node-thp", node, "THP")]
    else:
        print("no picture of a node: none is in Zabbix yet")
    return found


def _latest_data(name: str, host: str, item: str) -> Picture:
    query = {"action": "latest.view", "filter_set": 1, "hostids[]": host, "name": item, "kiosk": 1}
    return Picture(name, f"zabbix.php?{urlencode(query)}")


def _host_pages(api: ZabbixAPI, name: str, host: str, item: str) -> list[Picture]:
    """A host's latest data, its graphs, and a graph of the CPU items that have values."""
    graphs = urlencode(
        {"action": "charts.view", "filter_hostids[]": host, "filter_set": 1, **LATELY, "kiosk": 1}
    )
    pages = [_latest_data(f"{name}-latest", host, item), Picture(f"{name}-graphs", f"zabbix.php?{graphs}")]
    cpu = api.item.get(
        hostids=host,
        output=["itemid", "name"],
        search={"key_": f"argus.{name}.cpu"},
        filter={"value_type": [0, 3]},
    )
    if cpu:
        pairs = [
            ("action", "batchgraph"),
            ("graphtype", "0"),
            ("from", "now-15m"),
            ("to", "now"),
            ("kiosk", "1"),
        ]
        pairs += [("itemids[]", entry["itemid"]) for entry in cpu[:6]]
        pages.append(Picture(f"{name}-cpu", f"history.php?{urlencode(pairs)}"))
    return pages


def _photograph(url: str, wanted: list[Picture], folder: Path, profile: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=list(FLAGS), headless=True, viewport=SIZE
        )
        page = browser.new_page()
        page.set_default_timeout(MILLISECONDS)
        _log_in(page, url)
        for picture in wanted:
            page.goto(f"{url}/{picture.path}", wait_until="networkidle")
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
