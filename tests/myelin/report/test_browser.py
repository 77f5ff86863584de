"""The report in headless Chromium: it loads without a word on the console and without a request, fits a phone, and prints.

Skipped where no Chromium is installed (Debian: the package ``chromium``).
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import threading
from queue import Empty, Queue

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.subprocess,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed; on Debian: apt-get install chromium"),
]
#: A file in the folder of this variable keeps what was seen, for a person to look at.
KEEP = "MYELIN_SCREENSHOTS"


class Browser:
    """Chromium over its debugging pipe: a command at a time, events kept."""

    def __init__(self, profile):
        (ours_in, theirs_out), (theirs_in, ours_out) = os.pipe(), os.pipe()

        def places():
            # Chromium reads from 3 and writes to 4; moved up first so that neither is overwritten
            high_in, high_out = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)

        options = (
            "headless",
            "no-sandbox",
            "disable-gpu",
            "no-first-run",
            "disable-background-networking",
            "remote-debugging-pipe",
        )
        command = [CHROMIUM, *(f"--{name}" for name in options), f"--user-data-dir={profile}", "--proxy-server=127.0.0.1:9"]
        self.process = subprocess.Popen(
            command, preexec_fn=places, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self.out, self.events, self.answers, self.number, self.session = ours_out, [], Queue(), 0, None
        threading.Thread(target=self._listen, args=(os.fdopen(ours_in, "rb"),), daemon=True).start()
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self.session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")

    def _listen(self, stream):
        kept = b""
        while part := os.read(stream.fileno(), 1 << 16):
            *whole, kept = (kept + part).split(b"\0")
            for text in whole:
                message = json.loads(text)
                if "id" in message:
                    self.answers.put(message)
                else:
                    self.events.append(message)

    def __call__(self, method, **parameters):
        self.number += 1
        session = {"sessionId": self.session} if self.session else {}
        message = {"id": self.number, "method": method, "params": parameters, **session}
        os.write(self.out, json.dumps(message).encode() + b"\0")
        try:
            answer = self.answers.get(timeout=120)
        except Empty:
            raise AssertionError(f"Chromium did not answer {method}") from None
        assert answer["id"] == self.number and "result" in answer, answer
        return answer["result"]

    def value(self, expression):
        """Of JavaScript in the page."""
        found = self("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def show(self, path, *, width=1200, dark=False, phone=False):
        """Load a page; returns what happened on the way."""
        self.events.clear()
        self("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self("Emulation.setEmulatedMedia", media="", features=[scheme])
        self("Page.navigate", url=path.as_uri())
        loaded = "new Promise(done => {const look = () => document.readyState === 'complete' ? done(location.href) : "
        self.value(f"{loaded}setTimeout(look, 20); look()}})")
        return list(self.events)

    def keep(self, name, **clip):
        """A screenshot for a person, if asked for."""
        if os.environ.get(KEEP):
            shot = self("Page.captureScreenshot", captureBeyondViewport=True, **clip)
            with open(os.path.join(os.environ[KEEP], name), "wb") as file:
                file.write(base64.b64decode(shot["data"]))

    def close(self):
        self("Browser.close")
        os.close(self.out)
        self.process.wait(30)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def page(artifacts, runs, tiny, main, tmp_path_factory):
    """A report with all that a tiny network can give."""
    given = os.environ.get("MYELIN_REPORT")
    if given:  # another one to look at
        from pathlib import Path

        return Path(given).resolve()
    folder = tmp_path_factory.mktemp("page")
    arguments = ("--data", tiny.data, "--lava-samples", 0, "--max-drop", 100, "--json", folder / "v.json")
    main("validate", artifacts["dense"], *arguments)
    out = folder / "report.html"
    assert main("report", artifacts["dense"], "--validation", folder / "v.json", "--run", runs["dense"], "--out", out) == 0
    return out


def complaints(events):
    return [one for one in events if one["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")]


def requested(events):
    return [one["params"]["request"]["url"] for one in events if one["method"] == "Network.requestWillBeSent"]


def test_what_is_looked_for_is_seen(browser, tmp_path):
    """The checks themselves, on a page that asks for a picture and logs."""
    bad = tmp_path / "bad.html"
    bad.write_text("<img src='http://example.invalid/x.png'><script>console.error('no')</script>")
    events = browser.show(bad)
    assert "http://example.invalid/x.png" in requested(events) and complaints(events)


@pytest.mark.parametrize("dark", [False, True])
def test_it_loads_in_silence_and_asks_for_nothing(browser, page, dark):
    events = browser.show(page, dark=dark)
    assert complaints(events) == [] and requested(events) == [page.as_uri()]
    ground, ink = (browser.value(f"getComputedStyle(document.body).{name}") for name in ("backgroundColor", "color"))
    light = [sum(map(int, text[4:-1].split(",")[:3])) for text in (ground, ink)]
    assert (light[0] < 150 < 600 < light[1]) if dark else (light[1] < 150 < 600 < light[0])
    size = "({w: document.documentElement.scrollWidth, h: document.documentElement.scrollHeight})"
    found = browser.value(size)
    browser.keep("dark.png" if dark else "light.png", clip={"x": 0, "y": 0, "width": 1200, "height": found["h"], "scale": 1})


def test_all_figures_are_drawn(browser, page):
    browser.show(page)
    shown = browser.value(
        "[...document.querySelectorAll('figure svg')].map(s => [s.getBBox().width, s.getBoundingClientRect().height, "
        "s.querySelectorAll('path,rect,circle,polyline').length])"
    )
    assert len(shown) == browser.value("document.querySelectorAll('figure').length") > 8
    assert all(width > 60 and height > 40 and marks > 0 for width, height, marks in shown)
    # the style sheet's hash is the policy's: else nothing of it would count
    assert browser.value("getComputedStyle(document.querySelector('.verdict')).borderLeftStyle") == "solid"


def test_text_in_figures_stays_inside(browser, page):
    browser.show(page)
    outside = browser.value(
        "[...document.querySelectorAll('figure svg')].flatMap(s => {const v = s.viewBox.baseVal; "
        "return [...s.querySelectorAll(':scope > text:not([transform])')].filter(t => {const b = t.getBBox(); return "
        "b.x < -1 || b.y < -1 || b.x + b.width > v.width + 1 || b.y + b.height > v.height + 1})"
        ".map(t => s.parentElement.id + ': ' + t.textContent)})"
    )
    assert outside == []


def test_a_phone_scrolls_only_downwards(browser, page):
    browser.show(page, width=360, phone=True)
    assert browser.value("document.documentElement.scrollWidth") <= 360
    wide = browser.value("[...document.querySelectorAll('svg')].filter(s => s.getBoundingClientRect().right > 361).length")
    assert wide == 0
    height = browser.value("document.documentElement.scrollHeight")
    browser.keep("phone.png", clip={"x": 0, "y": 0, "width": 360, "height": height, "scale": 1})


def test_a_table_that_scrolls_says_so_on_a_phone(browser, page):
    hint = (
        "[...document.querySelectorAll('.scroll')].filter(s => s.checkVisibility() && s.scrollWidth > s.clientWidth + 1 && "
        "s.querySelectorAll('thead th').length > 4).map(s => getComputedStyle(s, '::before').display)"
    )
    browser.show(page, width=390, phone=True)
    shown = browser.value(hint)
    assert shown and set(shown) == {"block"}
    browser.show(page, width=1200)
    assert browser.value("getComputedStyle(document.querySelector('.wide'), '::before').display") == "none"


def test_words_of_a_table_stay_whole_on_paper(browser, page):
    """No cell is narrower than its longest word: nothing in a table but code may be broken within a word."""
    browser("Emulation.setDeviceMetricsOverride", width=703, height=1000, deviceScaleFactor=1, mobile=False)  # A4 at 96 dpi
    browser("Emulation.setEmulatedMedia", media="print", features=[])
    broken = browser.value(
        "[...document.querySelectorAll('td, th')].filter(c => c.checkVisibility() && !c.querySelector('code') && "
        "(getComputedStyle(c).overflowWrap != 'normal' || c.scrollWidth > c.clientWidth + 1)).map(c => c.textContent)"
    )
    assert broken == []


def test_it_prints(browser, page):
    browser.show(page, dark=True)
    printed = base64.b64decode(browser("Page.printToPDF", printBackground=True)["data"])
    assert printed.startswith(b"%PDF") and len(printed) > 20_000
    browser("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"  # paper is white
    if os.environ.get(KEEP):
        with open(os.path.join(os.environ[KEEP], "print.pdf"), "wb") as file:
            file.write(printed)


def test_it_holds_in_the_frame_of_a_notebook(browser, page, tmp_path):
    """The frame shows the page in silence, and a link within it scrolls the frame and leaves the notebook where it is."""
    from myelin.report.measure import Report

    values = json.loads(page.with_suffix(".json").read_text())
    cell = tmp_path / "cell.html"
    cell.write_text(f"<!DOCTYPE html><title>x</title>{Report(page, page, values)._repr_html_()}")
    events = browser.show(cell)
    browser.value("new Promise(done => setTimeout(done, 200))")
    frame = "document.querySelector('iframe').contentDocument"
    assert browser.value(f"{frame}.querySelectorAll('svg').length") > 9
    assert browser.value(f"getComputedStyle({frame}.body).fontFamily") != browser.value(
        "getComputedStyle(document.body).fontFamily"
    )
    browser.value(f"{frame}.querySelector('nav a[href=\"#weights\"]').click()")
    browser.value("new Promise(done => setTimeout(done, 300))")
    assert browser.value(f"{frame}.scrollingElement.scrollTop") > 300
    assert browser.value("location.hash") == "" and browser.value(f"{frame}.querySelectorAll('svg').length") > 9
    assert complaints(events + browser.events) == [] and [url for url in requested(events) if url != "about:srcdoc"] == [
        cell.as_uri()
    ]
