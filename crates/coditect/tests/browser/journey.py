"""A person's way through the dashboard in a real browser: begin, watch, look back, compare, fork, answer a question.

    journey.py CHROMIUM ADDRESS PROJECT UNSTEADY SHOTS [AXE]

It speaks the DevTools protocol over pipes (`--remote-debugging-pipe`), so nothing listens anywhere, and needs nothing but Python. AXE is
the file `axe.min.js` of the package axe-core; with it every page is checked for faults of accessibility.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time

DESKTOP, PHONE = (1280, 900), (360, 740)
# How long something may take to appear, s: missions run meanwhile.
PATIENCE = 120


class Browser:
    """A headless Chromium, and one page of it."""

    def __init__(self, program):
        self.home = tempfile.TemporaryDirectory(prefix="journey-")
        told_read, told_write = os.pipe()
        said_read, said_write = os.pipe()
        # Numbers that neither 3 nor 4 is, so that none is put in the place of another.
        told, said = (os.dup(end) for end in (told_read, said_write))
        while told in (3, 4):
            told = os.dup(told)
        while said in (3, 4):
            said = os.dup(said)

        def place():
            # Chromium reads what it is told at 3 and answers at 4.
            os.dup2(told, 3)
            os.dup2(said, 4)

        self.process = subprocess.Popen(
            [
                program,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-extensions",
                "--disable-background-networking",
                f"--user-data-dir={self.home.name}",
                "--remote-debugging-pipe",
                "about:blank",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=place,
            pass_fds=(3, 4),
        )
        for end in (told_read, said_write, told, said):
            os.close(end)
        self.sent = os.fdopen(told_write, "wb", buffering=0)
        self.heard = os.fdopen(said_read, "rb")
        self.number = 0
        self.session = None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Page.enable")
        self.ask("Page.setBypassCSP", enabled=True)

    def ask(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.sent.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self.hear()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]

    def hear(self):
        text = bytearray()
        while True:
            byte = self.heard.read(1)
            if not byte:
                raise AssertionError("the browser is gone")
            if byte == b"\0":
                return json.loads(text)
            text += byte

    def size(self, size):
        width, height = size
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )

    def js(self, text):
        told = self.ask("Runtime.evaluate", expression=text, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise AssertionError(f"{text}: {told['exceptionDetails']}")
        return told["result"].get("value")

    def until(self, text, what):
        """Waits until an expression is true; a page that is being left has none for a moment."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                found = self.js(text)
            except AssertionError:
                found = None
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError(f"{what}: not within {PATIENCE} s; the page says:\n{self.js('document.body.innerText')}")

    def go(self, address):
        self.ask("Page.navigate", url=address)
        self.until("document.readyState === 'complete'", f"loading {address}")

    def fill(self, form, **fields):
        for name, value in fields.items():
            self.js(
                f"document.querySelector({json.dumps(form)}).elements.namedItem({json.dumps(name)}).value"
                f" = {json.dumps(value)}"
            )

    def send(self, form, button="button"):
        before = self.js("location.href + performance.timeOrigin")
        self.js(f"document.querySelector({json.dumps(form)}).querySelector({json.dumps(button)}).click()")
        self.until(f"location.href + performance.timeOrigin !== {json.dumps(before)}", f"leaving {form}")
        self.until("document.readyState === 'complete'", f"what {form} leads to")

    def shot(self, file, full=False):
        image = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=full)
        with open(file, "wb") as out:
            out.write(base64.b64decode(image["data"]))

    def close(self):
        self.process.kill()
        self.process.wait()
        self.home.cleanup()


class Journey:
    def __init__(self, browser, address, shots, axe):
        self.browser, self.address, self.shots, self.axe = browser, address, shots, axe
        self.looked_at = []

    def look(self, name):
        """Every page: no part of it hangs out on a phone, nothing is wrong for who does not see it, pictures of it are kept."""
        browser = self.browser
        for label, size in (("desktop", DESKTOP), ("phone", PHONE)):
            browser.size(size)
            wide = browser.js("document.documentElement.scrollWidth")
            assert wide <= size[0], f"{name}: {wide} px wide on {label}"
            browser.shot(os.path.join(self.shots, f"{name}-{label}.png"))
            if self.axe:
                browser.js(self.axe + "; true")
                faults = browser.js(
                    "axe.run().then(found => found.violations.filter(one => ['serious', 'critical'].includes(one.impact))"
                    ".map(one => one.id + ': ' + one.nodes.map(node => node.html).join(' | ').slice(0, 500)))"
                )
                assert not faults, f"{name} on {label}: {faults}"
        browser.size(DESKTOP)
        self.looked_at.append(name)

    def begin(self, project):
        browser = self.browser
        browser.js("document.querySelector('#begin').open = true")
        browser.fill("#begin form", request="make the failing tests pass", dir=project)
        browser.send("#begin form")
        return browser.js("location.pathname.split('/').pop()")

    def one_that_asks(self, project):
        """Chance may have it that the test which passes now and then is steady as long as it is looked at: then another one is begun."""
        browser = self.browser
        for _ in range(6):
            mission = self.begin(project)
            browser.until(
                "document.querySelector('.question form') || !document.querySelector('#head .badge.live')",
                "a question, or the end",
            )
            if browser.js("document.querySelector('.question form') !== null"):
                return mission
            browser.go(self.address.split("?")[0])
        raise AssertionError("no mission had a question")

    def whole(self, project, unsteady):
        browser = self.browser
        browser.size(DESKTOP)
        browser.go(self.address)
        assert browser.js("document.querySelector('h1').textContent") == "Missions"
        self.look("empty")

        mission = self.begin(project)
        # The page keeps itself up to date: nobody loads it again.
        browser.until("document.querySelector('#head .badge').textContent === 'verified'", "the end of the mission")
        browser.until("document.querySelectorAll('#records li').length > 10", "the timeline")
        assert "result + number" in browser.js("document.querySelector('#change').innerText")
        self.look("mission")

        browser.js("document.querySelector('form[data-slider] input').value = 10")
        browser.send("form[data-slider]")
        assert "how it stood at record 10" in browser.js("document.body.innerText")
        assert "No change is stood for yet" in browser.js("document.querySelector('#change').innerText")
        self.look("past")

        last = browser.js("document.querySelector('form[data-slider] input').max")
        browser.fill("#travel form[action$=between]", **{"from": "10", "to": last})
        browser.send("#travel form[action$=between]")
        assert "3 green, 0 red" in browser.js("document.body.innerText")
        self.look("between")

        browser.go(f"{self.address.split('?')[0]}missions/{mission}?at=10")
        browser.send("#travel form[action$=fork]")
        fork = browser.js("location.pathname.split('/').pop()")
        assert fork != mission
        browser.until("document.querySelector('#head .badge').textContent === 'verified'", "the end of the fork")
        browser.fill("#travel form[action$=compare]", **{"with": mission})
        browser.send("#travel form[action$=compare]")
        assert "the same in both" in browser.js("document.body.innerText")
        self.look("compare")

        home = self.address.split("?")[0]
        browser.go(f"{home}costs")
        assert "2 missions, 2 of them verified" in browser.js("document.body.innerText")
        self.look("costs")
        browser.go(f"{home}memory?q=failing+tests")
        assert "verified" in browser.js("document.querySelector('.cards').innerText")
        self.look("memory")
        browser.go(browser.js("document.querySelector('.cards a').href"))
        assert "result + number" in browser.js("document.querySelector('pre').innerText")
        self.look("episode")

        browser.go(f"{home}graph")
        self.look("graphs")
        browser.go(browser.js("document.querySelector('.cards h2 a').href"))
        assert "Hot spots" in browser.js("document.body.innerText")
        self.look("graph")
        browser.js("document.querySelector('form.filter input[name=q]').value = 'total'")
        browser.send("form.filter")
        assert "calc.py::mean" in browser.js("document.body.innerText")
        self.look("symbol")
        browser.go(f"{home}fleet")
        assert "There is no fleet" in browser.js("document.querySelector('#fleet').innerText")
        self.look("fleet")

        browser.go(home)
        assert browser.js("document.querySelectorAll('.cards > li').length") == 2
        asking = self.one_that_asks(unsteady)
        self.look("question")
        browser.fill(".question form", why="it is random")
        browser.send(".question form", "button[value=approved]")
        browser.go(f"{self.address.split('?')[0]}missions/{asking}")
        browser.until("document.body.innerText.includes('it is random')", "the answer")
        browser.go(f"{self.address.split('?')[0]}")
        self.look("list")


def main():
    program, address, project, unsteady, shots = sys.argv[1:6]
    axe = open(sys.argv[6], encoding="utf-8").read() if len(sys.argv) > 6 else None
    os.makedirs(shots, exist_ok=True)
    browser = Browser(program)
    try:
        journey = Journey(browser, address, shots, axe)
        journey.whole(project, unsteady)
        print("looked at", ", ".join(journey.looked_at))
    finally:
        browser.close()


if __name__ == "__main__":
    main()
