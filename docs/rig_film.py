"""A short film of the rig for the docs: the real page, played in Chromium.

    python docs/rig_film.py

Writes docs/figures/rig.gif (moving a bar over the field, turning it, another stimulus) and
docs/figures/rig.png (the whole page, after the unit was measured).
"""

import io
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

FIGURES = Path(__file__).parent / "figures"
VIEW = {"width": 1100, "height": 660}
WIDTH = 660
PAUSE = 160  # ms that each frame is shown
COLOURS = 48

# s until the words of the page follow.
WORDS = 0.2

SETTLED = "() => rig.settled()"

# That the measured curves, and the field, are in all figures.
DRAWN = """() => Bokeh.documents[0].roots().every((plot) => plot.renderers.every((each) => {
  const { data } = each.data_source;
  return !["best-0", "measured"].includes(each.name) || Number.isFinite((data.place ?? data.x)[0]);
}))"""


def until(page, script):
    for _ in range(2000):
        if page.evaluate(script):
            return
        time.sleep(0.05)
    raise TimeoutError(script)


class Film:
    """Frames of a page."""

    def __init__(self, page):
        self.page = page
        self.frames = []

    def shoot(self, times=1):
        until(self.page, SETTLED)
        time.sleep(WORDS)
        for _ in range(times):
            shot = Image.open(io.BytesIO(self.page.screenshot()))
            size = (WIDTH, round(WIDTH * shot.height / shot.width))
            self.frames.append(shot.convert("RGB").resize(size, Image.Resampling.LANCZOS))

    def move(self, x, y):
        self.page.mouse.move(*self.page.evaluate("([x, y]) => rig.place(x, y)", [x, y]))
        self.shoot()

    def press(self, key, times=1):
        for _ in range(times):
            self.page.keyboard.press(key)
            self.shoot()

    def save(self, path):
        # The last frame has the colours of both units; one palette for all keeps the file small.
        palette = self.frames[-1].quantize(COLOURS, method=Image.Quantize.MEDIANCUT)
        plain = Image.Dither.NONE
        first, *others = [frame.quantize(palette=palette, dither=plain) for frame in self.frames]
        first.save(path, save_all=True, append_images=others, duration=PAUSE, loop=0, optimize=True)


def play(page):
    film = Film(page)
    page.evaluate("rig.set({ kind: 'bar', orientation: 60, diameter: 2, width: 0.2, x: -2, y: 1 })")
    film.shoot(3)
    for step in range(12):
        film.move(-1.4 + 0.2 * step, 0.7 - 0.1 * step)
    page.keyboard.press("Home")
    film.shoot()
    film.press("]", 8)
    page.keyboard.press("2")
    page.evaluate("rig.set({ diameter: 3 })")
    film.shoot(2)
    film.press(".", 3)
    film.press("]", 4)
    page.keyboard.press("u")
    film.shoot(3)
    film.press("]", 6)
    film.save(FIGURES / "rig.gif")
    page.keyboard.press("u")
    film.press("c", 8)
    film.press("v", 8)
    page.keyboard.press("Enter")
    until(page, "() => rig.seen.busy === null && rig.seen.units[0].measured")
    page.set_viewport_size({"width": 1400, "height": 1000})
    until(page, DRAWN)
    time.sleep(1)
    shot = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    shot.convert("RGB").quantize(128).save(FIGURES / "rig.png", optimize=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "insilico", "rig", "vone", "--port", "0"]
        process = subprocess.Popen(
            [*command, "--out", str(Path(folder) / "rig")], stdout=subprocess.PIPE, text=True
        )
        for line in process.stdout:
            print(line, end="")
            if found := re.search(r"http://\S+", line):
                address = found.group()
                break
        try:
            with sync_playwright() as driver:
                browser = driver.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox"]
                )
                page = browser.new_page(viewport=VIEW)
                page.goto(address)
                page.wait_for_selector("body[data-ready]", timeout=60000)
                until(page, SETTLED)
                play(page)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()


if __name__ == "__main__":
    main()
