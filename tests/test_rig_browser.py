"""The page of a rig as Chromium shows it: the command itself, played by mouse and by keyboard."""

import contextlib
import itertools
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import rig_model

import insilico
from insilico.experiments.protocol import Placement
from insilico.rig.drawing import picture, shown
from insilico.rig.explored import read_explored
from insilico.rig.hand import KINDS, Hand
from insilico.rig.rig import SCRIPT_NAME, TABLE_NAME
from insilico.runs.placed_probe import placed_probe

pytestmark = pytest.mark.browser

SIZE = {"pixels": rig_model.PIXELS, "degrees": rig_model.DEGREES}

# s; a machine that is shared may be slow.
PATIENCE = 60

# What the page has heard since the last change of the hand, or null while it waits for it.
HEARD = "() => (rig.settled() ? JSON.parse(JSON.stringify(rig.seen)) : null)"


class Server:
    """``insilico rig`` in a process of its own."""

    def __init__(self, folder):
        self.folder = folder
        arguments = [rig_model.SPEC, "--layer", rig_model.LAYER, "--port", "0"]
        size = [word for name, value in SIZE.items() for word in (f"--{name}", str(value))]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "insilico", "rig", *arguments, *size, "--out", str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A test run in the background of a shell ignores Ctrl-C, and hands that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.said = ""
        for line in self.process.stdout:
            self.said += line
            if found := re.search(r"http://\S+", line):
                self.address = found.group()
                break

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        self.said += self.process.communicate(timeout=PATIENCE)[0]
        return self.process.returncode


@pytest.fixture(scope="module")
def server(tmp_path_factory, chromium):
    server = Server(tmp_path_factory.mktemp("rig") / "explored")
    yield server
    if server.process.poll() is None:
        server.interrupt()


@pytest.fixture(scope="module")
def probe():
    model = insilico.load_model(rig_model.SPEC, **SIZE)
    return placed_probe(model, rig_model.LAYER, place=Placement())[0]


@pytest.fixture(scope="module")
def show(chromium, server):
    """Open the page and record what it complains of and what it asks for."""
    contexts = []

    def show(**options):
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.complaints, page.asked = [], []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("websocket", lambda socket: page.asked.append(socket.url))
        page.goto(server.address)
        page.wait_for_selector("body[data-ready]", timeout=1000 * PATIENCE)
        heard(page)
        return page

    yield show
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def opened(show):
    return show(viewport={"width": 1400, "height": 1000})


@pytest.fixture
def page(opened):
    """The one page, with a bar in the middle under the hand."""
    opened.focus("#screen")
    opened.evaluate("(hand) => rig.set(hand)", vars(Hand()))
    heard(opened)
    yield opened
    assert opened.complaints == []


def until(page, script, argument=None):
    """Wait until a script gives something; the page's policy forbids playwright's own way."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if (found := page.evaluate(script, argument)) not in (None, False):
            return found
        time.sleep(0.02)
    raise AssertionError(f"{script} gave nothing: {page.evaluate('rig.seen')}")


def heard(page):
    return until(page, HEARD)


def point(page, x, y):
    """Move the mouse to a place on the screen, in deg."""
    page.mouse.move(*page.evaluate("([x, y]) => rig.place(x, y)", [x, y]))
    return heard(page)


class TestLookingAndListening:
    def test_moving_over_the_field_raises_what_the_probe_records(self, page, probe):
        unit = heard(page)["units"][0]
        units = probe.units.iloc[[unit["number"]]]
        left, bottom, width, height = unit["proven"]
        x, y = left + width / 2, bottom + height / 2
        page.evaluate("(orientation) => rig.set({ orientation, diameter: 1 })",
                      180 * unit["number"] / rig_model.ORIENTATIONS)  # fmt: skip
        answers = []
        for way in (-1.6, -0.5, -0.25, 0.0, 0.25):
            now = point(page, x + way, y + way)
            hand = Hand(**now["hand"])
            assert (hand.x, hand.y) == pytest.approx((x + way, y + way), abs=0.02)
            recording = probe.record(shown(probe.display, [hand]), units)
            np.testing.assert_allclose(now["responses"], recording[:, 0], rtol=1e-5, atol=1e-6)
            answers.append(now["rates"][0])
        assert answers[0] == now["blanks"][0]
        assert max(answers) > answers[0] + 10

    def test_the_screen_shows_what_the_model_was_shown(self, page, probe):
        page.keyboard.press("5")
        now = point(page, 0.5, -0.5)
        expected = np.rint(255 * picture(probe.display, Hand(**now["hand"]))[0, 0].numpy())
        drawn = page.evaluate(
            """() => { const { width, height } = rig.sheet;
              const { data } = rig.sheet.getContext("2d").getImageData(0, 0, width, height);
              return Array.from({ length: width * height }, (_, place) => data[4 * place]); }"""
        )
        np.testing.assert_array_equal(np.reshape(drawn, expected.shape), expected)

    def test_clicks_are_scheduled_as_the_unit_fires(self, page):
        unit = heard(page)["units"][0]
        left, bottom, width, height = unit["proven"]
        page.evaluate("(orientation) => rig.set({ orientation, diameter: 2 })",
                      180 * unit["number"] / rig_model.ORIENTATIONS)  # fmt: skip
        now = point(page, left + width / 2, bottom + height / 2)
        assert page.evaluate("rig.sound.clicks") == 0
        page.click("#mute")
        assert page.text_content("#mute") == "Sound off"
        until(page, "() => rig.sound.context.state === 'running'")
        began = page.evaluate("[rig.sound.context.currentTime, rig.sound.clicks]")
        time.sleep(2)
        ended = page.evaluate("[rig.sound.context.currentTime, rig.sound.clicks]")
        passed, clicks = np.subtract(ended, began)
        expected = now["rates"][0] * passed
        # Of a Poisson train; a page that is starved of time schedules less.
        assert 0 < clicks < expected + 6 * np.sqrt(expected) + 0.2 * now["rates"][0]
        page.keyboard.press("m")
        silent = page.evaluate("rig.sound.clicks")
        time.sleep(0.3)
        assert page.evaluate("rig.sound.clicks") == silent

    def test_nothing_is_asked_of_anyone_else(self, page, server):
        point(page, 0.1, 0.1)
        host = re.search(r"//([^/]+)/", server.address)[1]
        own = (f"http://{host}/", f"ws://{host}/", "data:", "blob:")
        assert page.asked
        assert [url for url in page.asked if not url.startswith(own)] == []
        assert any(url.startswith("ws:") for url in page.asked)

    def test_without_the_token_nobody_comes_in(self, chromium, server):
        bare, _, token = server.address.partition("?")
        with contextlib.closing(chromium.new_context()) as context:
            page = context.new_page()
            assert page.goto(bare).status == 403
            assert page.goto(f"{bare}?{token[:-2]}xx").status == 403
            # Nor through the sockets, whose tokens are signed by the same key.
            page.goto(f"{bare}static/js/bokeh.min.js")
            for way, token in itertools.product(
                ("ws", "line"), ("guess", "gu.ess", "eyJzZXNzaW9uX2lkIjogImEifQ.xx")
            ):
                assert self.offered(page, bare, way, token) == "refused"

    def test_a_page_that_is_closed_while_it_is_answered(self, chromium, server):
        bare, _, token = server.address.partition("?")
        with contextlib.closing(chromium.new_context()) as context:
            page = context.new_page()
            page.goto(f"{bare}static/js/bokeh.min.js")
            page.evaluate(
                """([address, token]) => new Promise((resolve) => {
                  const socket = new WebSocket(address, ["rig", token]);
                  socket.onopen = () => {
                    for (let n = 0; n < 20; n += 1) socket.send('{"hand": {}}');
                    socket.close();
                    resolve();
                  };
                })""",
                [bare.replace("http", "ws") + "line", token.partition("=")[2]],
            )
        # That it troubles nobody is seen when the server ends.

    def offered(self, page, bare, way, token):
        return page.evaluate(
            """([address, token]) => new Promise((resolve) => {
              const socket = new WebSocket(address, ["rig", token]);
              socket.onopen = () => resolve("open");
              socket.onerror = () => resolve("refused");
            })""",
            [bare.replace("http", "ws") + way, token],
        )


class TestKeys:
    def test_every_key_does_what_it_says(self, page):
        page.evaluate("rig.set({ x: 0, y: 0, orientation: 90, diameter: 1, contrast: 1 })")
        before = heard(page)["hand"]
        for keys, name, value in (
            (["2"], "kind", "grating"),
            (["ArrowRight", "ArrowRight"], "x", 0.2),
            (["Shift+ArrowLeft"], "x", 0.1875),
            (["ArrowDown"], "y", -0.1),
            (["]"], "orientation", 97.5),
            (["[", "["], "orientation", 82.5),
            (["+"] * 4, "diameter", 2),
            (["-"] * 4, "diameter", 1),
            (["."] * 4, "spatial_frequency", 2 * before["spatial_frequency"]),
            (["c"], "contrast", 0.9),
            (["v"], "contrast", 1),
            (["i"], "contrast", -1),
            (["p"], "phase", before["phase"] + 45),
            (["t"], "turn", before["turn"] + 15),
            (["6"], "kind", "photograph"),
            (["1"], "kind", "bar"),
        ):
            for key in keys:
                page.keyboard.press(key)
            assert heard(page)["hand"][name] == pytest.approx(value, abs=1e-3), keys

    def test_the_wheel_turns_and_scales(self, page):
        point(page, 0, 0)
        page.evaluate("rig.set({ kind: 'grating', orientation: 90, diameter: 1 })")
        page.mouse.wheel(0, -100)
        assert heard(page)["hand"]["orientation"] == 97.5
        page.keyboard.down("Shift")
        page.mouse.wheel(0, -100)
        page.keyboard.up("Shift")
        assert heard(page)["hand"]["diameter"] == pytest.approx(2**0.25, abs=1e-3)

    def test_units_are_changed_and_set_side_by_side(self, page):
        first = heard(page)["units"][0]["number"]
        page.keyboard.press("n")
        second = heard(page)["units"][0]["number"]
        assert second != first
        assert page.evaluate("rig.past.at(-1).units") == [second]
        assert page.evaluate("rig.past.map(({ units }) => units[0])").count(first) > 0
        page.keyboard.press("Shift+N")
        assert heard(page)["units"][0]["number"] == first
        page.keyboard.press("u")
        assert [unit["number"] for unit in heard(page)["units"]] == [first, second]
        assert len(heard(page)["rates"]) == 2
        assert page.locator(".unit").count() >= 2
        page.keyboard.press("x")
        assert [unit["number"] for unit in heard(page)["units"]] == [second, first]
        page.keyboard.press("x")
        heard(page)
        page.keyboard.press("u")
        heard(page)
        page.fill("#unit", "99")
        page.keyboard.press("Tab")
        heard(page)
        assert page.text_content("#trouble") == "There is no unit 99: they go from 0 to 7."
        page.fill("#unit", str(first))
        page.keyboard.press("Tab")
        heard(page)
        assert page.text_content("#trouble") == ""

    def test_what_drifts_goes_on_by_itself(self, page):
        page.evaluate("rig.set({ kind: 'grating', x: 0, y: 0, phase: 0 })")
        before = heard(page)["shown"]
        page.keyboard.press("d")
        until(page, "(before) => rig.seen.shown > before + 5", before)
        page.keyboard.press("d")
        page.keyboard.press("b")
        now = heard(page)
        assert (now["hand"]["kind"], now["hand"]["contrast"]) == ("spot", 0)
        assert now["rates"] == pytest.approx(now["blanks"])
        page.keyboard.press("b")

    def test_it_is_measured_and_drawn_over_the_dots(self, page):
        page.evaluate("rig.set({ kind: 'grating', x: 0, y: 0, diameter: 3, contrast: 1 })")
        page.keyboard.press("Home")
        for _ in range(4):
            page.keyboard.press("]")
            heard(page)
        # A figure is drawn some time after what it shows was heard, so that the hand goes first.
        part = """([factor, part, least]) => { const [page] = Bokeh.documents;
          const plot = page.roots().find((root) => root.name === `curve-${factor}`);
          const { data } = plot.renderers.find((each) => each.name === part).data_source;
          return data.place.length >= least && data.place.length; }"""
        until(page, part, ["orientation", "dots-0", 4])
        assert not page.evaluate(part, ["orientation", "best-0", 1])
        page.keyboard.press("Enter")
        until(page, "() => rig.seen.busy !== null")
        assert page.is_visible("#stop")
        until(page, "() => rig.seen.busy === null && rig.seen.units[0].measured")
        for factor, n_levels in (("orientation", 24), ("diameter", 28), ("contrast", 13)):
            assert until(page, part, [factor, "best-0", n_levels]) == n_levels
        assert "circular variance" in page.text_content("#properties")
        assert "circular_variance" in page.evaluate("rig.seen.rankings")
        page.select_option("#ranking", "circular_variance")
        assert heard(page)["ranking"] == "circular_variance"
        page.keyboard.press("Tab")
        page.keyboard.press("g")
        values = [heard(page)["units"][0]["value"]]
        page.keyboard.press("r")
        page.keyboard.press("g")
        values.append(heard(page)["units"][0]["value"])
        assert values[0] > values[1]
        page.keyboard.press("r")
        page.select_option("#ranking", "strongest")
        heard(page)

    def test_keys_are_told(self, page):
        assert not page.is_visible("#help")
        page.keyboard.press("?")
        assert page.is_visible("#help")
        assert page.get_attribute("#help-button", "aria-expanded") == "true"

    def test_one_comes_everywhere_by_tab(self, page):
        reached = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id"))
        assert {"mute", "screen", "next", "ranking", "measure", "blank"} <= reached


class TestColours:
    def background(self, page):
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    def axis(self, page):
        return page.evaluate(
            "Bokeh.documents[0].roots().find((each) => each.below).below[0].axis_label_text_color"
        )

    def test_the_page_follows_the_system_and_its_switch(self, show):
        dark = show(color_scheme="dark")
        assert (self.background(dark), self.axis(dark)) == ("rgb(21, 23, 26)", "#e4e6e9")
        # And another page that is open beside it does not.
        light = show(color_scheme="light")
        assert self.axis(light) == "#1c1e21"
        assert self.axis(dark) == "#e4e6e9"
        light.context.close()
        dark.click("#switch-colours")
        assert (self.background(dark), self.axis(dark)) == ("rgb(255, 255, 255)", "#1c1e21")
        assert dark.complaints == []
        dark.context.close()

    @pytest.mark.parametrize("width", [390, 800, 1400])
    def test_nothing_is_wider_than_the_screen(self, show, width):
        page = show(viewport={"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.context.close()


class TestEnding:
    def test_ctrl_c_says_where_what_was_explored_is(self, server, page):
        for kind in range(1, len(KINDS) + 1):
            page.keyboard.press(str(kind))
            heard(page)
        n_shown = page.evaluate("rig.seen.shown")
        assert server.interrupt() == 0
        assert f"{n_shown} stimuli and the answers to them are in {server.folder}" in server.said
        assert "Traceback" not in server.said
        explored = read_explored(server.folder / TABLE_NAME)
        assert explored["shown"].nunique() == n_shown
        assert set(explored["kind"]) == set(KINDS)
        until(page, "() => document.getElementById('trouble').textContent.includes('in ')")
        assert str(server.folder) in page.text_content("#trouble")
        again = subprocess.run(
            [sys.executable, server.folder / SCRIPT_NAME], capture_output=True, text=True
        ).stdout
        assert f"{len(explored)} responses" in again
        assert float(again.split()[-1]) < 1e-5
        # That nobody is there any more.
        page.complaints.clear()
