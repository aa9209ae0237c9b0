"""How many frames a second the page of a rig shows, and what they cost.

    python benchmarks/rig_frames.py [MODEL LAYER]

Opens the page in Chromium without a window (which draws with the processor), moves the mouse over
the field for some seconds with each of three stimuli, and counts the answers that were drawn; of
the built-in VOneBlock and of layer1 of ResNet-50 (random weights), or of another model. Beside it,
the CPU time for each answer, of the server and of all processes of the browser, which other work on
the machine leaves alone. Linux only.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import sync_playwright

MODELS = {"vone": None, "torchvision:resnet50": "layer1"}
KINDS = ("bar", "grating", "photograph")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 5.0

# Once a frame, as a mouse does that is moved; in a figure of Lissajous over the field.
MOVE = """([seconds, kind]) => new Promise((resolve) => {
  const screen = document.getElementById("screen");
  rig.set({ kind, diameter: 2 });
  const [began, before] = [performance.now(), rig.seen.shown];
  const [left, bottom, width, height] = rig.seen.units[0].proven;
  let frames = 0;
  const move = (now) => {
    frames += 1;
    const passed = (now - began) / 1000;
    const [clientX, clientY] = rig.place(
      left + width * (0.5 + 0.4 * Math.sin(5 * passed)),
      bottom + height * (0.5 + 0.4 * Math.cos(3.7 * passed)));
    screen.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, bubbles: true }));
    if (passed < seconds) requestAnimationFrame(move);
    else resolve([passed, rig.seen.shown - before, frames]);
  };
  requestAnimationFrame(move);
})"""


def main():
    models = {sys.argv[1]: sys.argv[2]} if len(sys.argv) > 1 else MODELS
    rows = [row for model, layer in models.items() for row in played(model, layer)]
    columns = ["model", "stimulus", "answers", "of_frames", "server_ms", "browser_ms", "load"]
    print(pd.DataFrame(rows, columns=columns).round(1).to_string(index=False))


def played(model, layer):
    chromium = next(filter(None, map(shutil.which, BROWSERS)))
    with tempfile.TemporaryDirectory() as place, sync_playwright() as driver:
        server, address = opened(model, layer, Path(place) / "explored")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(address)
        page.wait_for_selector("body[data-ready]")
        time.sleep(2)
        for kind in KINDS:
            before = used(server.pid)
            passed, answers, frames = page.evaluate(MOVE, [SECONDS, kind])
            costs = 1000 * np.subtract(used(server.pid), before) / answers
            yield model, kind, answers / passed, frames / passed, *costs, os.getloadavg()[0]
        browser.close()
        server.send_signal(signal.SIGINT)
        server.communicate()


def opened(model, layer, folder):
    arguments = [model, *(["--layer", layer] if layer else []), "--port", "0", "--out", folder]
    server = subprocess.Popen(
        [sys.executable, "-m", "insilico", "rig", *arguments], stdout=subprocess.PIPE, text=True
    )
    for line in server.stdout:
        if found := re.search(r"http://\S+", line):
            return server, found.group()
    raise SystemExit(f"the rig of {model} did not open")


def used(server):
    """CPU time of the server and of the browser so far, in s; the driver's is not counted."""
    parents, names, seconds = {}, {}, {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            before, _, after = place.read_text().rpartition(")")
        except OSError:
            continue  # It has ended.
        number, fields = int(place.parent.name), after.split()
        parents[number], names[number] = int(fields[1]), before.partition("(")[2]
        seconds[number] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def is_ours(number):
        while number in parents and number != os.getpid():
            number = parents[number]
        return number == os.getpid()

    browser = [each for each in seconds if "chrom" in names[each] and is_ours(each)]
    return seconds[server], sum(seconds[each] for each in browser)


if __name__ == "__main__":
    main()
