/* The rig: the hand (mouse, wheel and keys), the screen, the trace and the clicks. What is shown is
   drawn by the server, which asks the model; one question is under way at a time. */
const rig = (() => {
  "use strict";
  const find = (name) => document.getElementById(name);
  const settings = JSON.parse(find("settings").textContent);
  const { limits } = settings;
  const kinds = Object.fromEntries(settings.kinds);
  const [high, wide] = settings.degrees;
  const SECONDS = 10; // of the trace
  const AHEAD = 0.15; // s that clicks are scheduled ahead
  const LOST = 4000; // ms without an answer after which the server is taken for gone

  const hand = { ...settings.hand };
  const seen = { rates: [], responses: [], blanks: [], units: [], busy: null };
  let [asked, answered] = [null, null];
  let commands = [["hello", null]];
  // Another page that asks the same is heard all the same.
  let number = Date.now();
  let [waiting, sent, moved] = [false, 0, true];
  let [drifting, blanked, overlaid] = [false, false, true];
  let ranked = "";
  let lost = false;

  const round = (value) => Number(value.toFixed(4));
  const dashed = (value) => (value === null || value === undefined ? "\u2013"
    : Math.abs(value) < 1e-6 ? "0" : String(Number(value.toPrecision(3))).replace("-", "\u2212"));

  /* ---- the hand ---- */

  const steps = {
    orientation: (value, by) => (value + 7.5 * by + 180) % 180,
    turn: (value, by) => (value + 15 * by + 180) % 180,
    phase: (value, by) => (value + 45 * by + 360) % 360,
    contrast: (value, by) => value + 0.1 * by,
    diameter: (value, by) => value * 2 ** (by / 4),
    width: (value, by) => value * 2 ** (by / 4),
    spatial_frequency: (value, by) => value * 2 ** (by / 4),
  };

  function set(values) {
    for (const [name, value] of Object.entries(values)) {
      const [low, top] = limits[name] ?? [-Infinity, Infinity];
      hand[name] = typeof value === "number" ? round(Math.min(Math.max(value, low), top)) : value;
    }
    moved = true;
    label();
  }

  const change = (name, by) => set({ [name]: steps[name](hand[name], by) });
  // Of a bar there is no frequency: it is made thinner where a grating is made finer.
  const finer = (by) => (hand.kind === "bar" ? change("width", -by) : change("spatial_frequency", by));
  const move = (dx, dy) => set({ x: hand.x + dx, y: hand.y + dy });
  const ask = (...command) => { commands.push(command); moved = true; };

  function home() {
    const unit = seen.units[0];
    if (!unit) return;
    const [left, bottom, width, height] = unit.proven;
    const [x, y] = unit.measured ?? [left + width / 2, bottom + height / 2];
    set({ x, y });
  }

  function toggle(name) {
    if (name === "drift") drifting = !drifting;
    if (name === "blank") blanked = !blanked;
    if (name === "overlays") overlaid = !overlaid;
    find("drift").setAttribute("aria-pressed", String(drifting));
    find("blank").setAttribute("aria-pressed", String(blanked));
    find("overlays").setAttribute("aria-pressed", String(overlaid));
    moved = true;
    paint();
  }

  function measure() {
    if (seen.busy === null) ask("measure", null);
  }

  const step = wide / 40;
  const keys = {
    ArrowLeft: (small) => move(-(small ? step / 8 : step), 0),
    ArrowRight: (small) => move(small ? step / 8 : step, 0),
    ArrowUp: (small) => move(0, small ? step / 8 : step),
    ArrowDown: (small) => move(0, -(small ? step / 8 : step)),
    Home: home,
    "[": () => change("orientation", -1), "]": () => change("orientation", 1),
    "-": () => change("diameter", -1), "+": () => change("diameter", 1),
    "=": () => change("diameter", 1),
    ",": () => finer(-1), ".": () => finer(1),
    c: () => change("contrast", -1), v: () => change("contrast", 1),
    i: () => set({ contrast: -hand.contrast }),
    p: () => change("phase", 1), t: () => change("turn", 1),
    f: () => set({ picture: (hand.picture + 1) % settings.n_photographs }),
    d: () => toggle("drift"), b: () => toggle("blank"), o: () => toggle("overlays"),
    n: () => ask("next", 0), N: () => ask("previous", 0), u: () => ask("pair", null),
    m: () => mute(), Enter: measure, Escape: () => ask("stop", null), "?": help,
  };
  Object.keys(kinds).forEach((kind, place) => { keys[place + 1] = () => set({ kind }); });

  document.addEventListener("keydown", (event) => {
    wake();
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
    // Where a key has a meaning of its own, it keeps it.
    const tag = target.tagName;
    if (tag === "SELECT" || (tag === "INPUT" && event.key !== "Escape")) return;
    if (tag === "BUTTON" && event.key === "Enter") return;
    event.preventDefault();
    keys[event.key](event.shiftKey);
  });

  /* ---- the screen ---- */

  const screen = find("screen");
  const margin = 26; // px around it, for the degrees
  const sheet = document.createElement("canvas");
  const shown = { image: null, place: null };
  const colours = {};
  const colour = (name) => colours[name];

  // Of a place in deg, the px on the canvas; and the other way round.
  function scale() {
    const box = screen.getBoundingClientRect();
    const side = Math.min(box.width, box.height) - 1.4 * margin;
    const per = side / Math.max(wide, high);
    return {
      per,
      side,
      x: (x) => margin + side / 2 + x * per,
      y: (y) => 0.4 * margin + side / 2 - y * per,
      place: (left, top) => [(left - box.left - margin - side / 2) / per,
        -(top - box.top - 0.4 * margin - side / 2) / per],
    };
  }

  function fitted(canvas) {
    const box = canvas.getBoundingClientRect();
    const dots = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(box.width * dots), Math.round(box.height * dots)];
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const context = canvas.getContext("2d");
    context.setTransform(dots, 0, 0, dots, 0, 0);
    context.clearRect(0, 0, box.width, box.height);
    context.font = "11px system-ui, sans-serif";
    return [context, box];
  }

  // Grey, or red, green and blue, in bytes.
  function take(picture) {
    const [height, width, channels = 1] = picture.shape;
    const image = new ImageData(width, height);
    const { data } = image;
    for (let place = 0; place < width * height; place += 1) {
      for (let part = 0; part < 3; part += 1) {
        data[4 * place + part] = picture[place * channels + (channels === 1 ? 0 : part)];
      }
      data[4 * place + 3] = 255;
    }
    [sheet.width, sheet.height] = [width, height];
    sheet.getContext("2d").putImageData(image, 0, 0);
    shown.image = sheet;
  }

  function paint() {
    const [context] = fitted(screen);
    const at = scale();
    const [left, top] = [at.x(-wide / 2), at.y(high / 2)];
    context.imageSmoothingEnabled = false;
    context.fillStyle = `rgb(${[0, 1, 2].map((part) => settings.background[part] ?? settings.background[0])})`;
    context.fillRect(left, top, wide * at.per, high * at.per);
    if (shown.image) context.drawImage(shown.image, left, top, wide * at.per, high * at.per);
    context.fillStyle = colour("quiet");
    context.strokeStyle = colour("line");
    context.textAlign = "center";
    const ticks = Math.max(1, 2 ** Math.round(Math.log2(wide / 8)));
    for (let x = -Math.floor(wide / 2 / ticks) * ticks; x <= wide / 2 + 1e-9; x += ticks) {
      context.fillText(dashed(x), at.x(x), at.y(-high / 2) + 13);
    }
    context.textAlign = "right";
    for (let y = -Math.floor(high / 2 / ticks) * ticks; y <= high / 2 + 1e-9; y += ticks) {
      context.fillText(dashed(y), left - 4, at.y(y) + 4);
    }
    if (!overlaid) return;
    seen.units.forEach((unit, side) => {
      charted(context, at, unit.map, colour(side ? "second" : "first"));
      const [x, y, width, height] = unit.proven;
      outlined(context, colour(side ? "second" : "first"), [], () => {
        context.rect(at.x(x), at.y(y + height), width * at.per, height * at.per);
      });
      if (!unit.measured) return;
      const [cx, cy, diameter] = unit.measured;
      outlined(context, colour(side ? "second" : "first"), [5, 4], () => {
        context.arc(at.x(cx), at.y(cy), (diameter / 2) * at.per, 0, 2 * Math.PI);
      });
    });
    // Where the hand is.
    outlined(context, colour("loud"), [], () => {
      const [x, y] = [at.x(hand.x), at.y(hand.y)];
      context.moveTo(x - 6, y); context.lineTo(x + 6, y);
      context.moveTo(x, y - 6); context.lineTo(x, y + 6);
    });
  }

  // The measured map, the denser the stronger the answer.
  function charted(context, at, map, fill) {
    if (!map) return;
    const [left, top, width, height] = map.extent;
    const [rows, columns] = [map.values.length, map.values[0].length];
    context.fillStyle = fill;
    map.values.forEach((row, down) => row.forEach((value, across) => {
      if (value < 0.05) return;
      context.globalAlpha = 0.6 * value;
      context.fillRect(at.x(left + (width * across) / columns), at.y(top - (height * down) / rows),
        (width / columns) * at.per, (height / rows) * at.per);
    }));
    context.globalAlpha = 1;
  }

  // Seen on light and on dark.
  function outlined(context, stroke, dash, path) {
    context.setLineDash(dash);
    for (const [style, width] of [["#ffffff", 3.5], [stroke, 1.8]]) {
      context.beginPath();
      path();
      context.strokeStyle = style;
      context.lineWidth = width;
      context.stroke();
    }
    context.setLineDash([]);
  }

  screen.addEventListener("pointermove", (event) => {
    const [x, y] = scale().place(event.clientX, event.clientY);
    set({ x, y });
  });
  screen.addEventListener("pointerdown", (event) => {
    wake();
    screen.focus();
    const [x, y] = scale().place(event.clientX, event.clientY);
    set({ x, y });
  });
  screen.addEventListener("wheel", (event) => {
    event.preventDefault();
    const by = Math.sign(event.deltaY || event.deltaX);
    if (event.shiftKey) change("diameter", -by);
    else if (event.altKey) finer(-by);
    else change("orientation", -by);
  }, { passive: false });

  /* ---- the trace, and the words ---- */

  const trace = find("trace");
  const history = [];

  function draw(now) {
    const [context, box] = fitted(trace);
    while (history.length && history[0].when < now - 1000 * SECONDS) history.shift();
    const most = Math.max(10, ...history.map(({ rates }) => Math.max(...rates)), ...seen.blanks) * 1.1;
    const x = (when) => 30 + (box.width - 34) * (1 - (now - when) / 1000 / SECONDS);
    const y = (rate) => box.height - 14 - (box.height - 22) * (rate / most);
    context.strokeStyle = colour("line");
    context.fillStyle = colour("quiet");
    context.textAlign = "right";
    const tick = 10 ** Math.floor(Math.log10(most / 2));
    const each = tick * [1, 2, 5].find((times) => most / (tick * times) <= 4.5 || times === 5);
    for (let rate = 0; rate <= most; rate += each) {
      context.beginPath();
      context.moveTo(30, y(rate)); context.lineTo(box.width, y(rate));
      context.stroke();
      context.fillText(dashed(rate), 26, y(rate) + 4);
    }
    context.textAlign = "left";
    context.fillText("spikes/s", 34, 10);
    context.textAlign = "right";
    context.fillText("now", box.width - 2, box.height - 3);
    context.fillText(`${SECONDS} s ago`, 80, box.height - 3);
    seen.units.forEach((_, side) => {
      context.strokeStyle = colour(side ? "second" : "first");
      context.setLineDash([4, 4]);
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(30, y(seen.blanks[side])); context.lineTo(box.width, y(seen.blanks[side]));
      context.stroke();
      context.setLineDash([]);
      context.lineWidth = 1.6;
      context.beginPath();
      for (const { when, rates } of history) {
        if (side < rates.length) context.lineTo(x(when), y(rates[side]));
      }
      context.stroke();
    });
  }

  const sliders = {
    orientation: ["Orientation", "deg", 0.5], diameter: ["Size", "deg", 0],
    width: ["Width of the bar", "deg", 0], spatial_frequency: ["Spatial frequency", "cpd", 0],
    contrast: ["Contrast", "", 0.01], phase: ["Phase", "deg", 1], turn: ["Turned by", "deg", 1],
  };
  const made = {};

  function element(tag, attributes, ...children) {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  }

  for (const [name, [title, units, step]] of Object.entries(sliders)) {
    // Sizes and frequencies grow by ratios.
    const [low, top] = limits[name].map((value) => (step ? value : Math.log2(value)));
    const input = element("input", { type: "range", min: low, max: top, step: step || "any" });
    const output = element("output", {});
    const holder = element("label", {}, title, output, input);
    input.addEventListener("input", () => {
      const value = Number(input.value);
      set({ [name]: step ? value : 2 ** value });
    });
    made[name] = { input, output, holder, units, step };
    find("sliders").append(holder);
  }

  for (const [place, kind] of Object.keys(kinds).entries()) {
    const button = element("button", { type: "button", title: `Key ${place + 1}` },
      kind[0].toUpperCase() + kind.slice(1));
    button.setAttribute("role", "radio");
    button.dataset.kind = kind;
    button.addEventListener("click", () => set({ kind }));
    find("kinds").append(button);
  }

  function label() {
    for (const [name, { input, output, holder, units, step }] of Object.entries(made)) {
      holder.hidden = !kinds[hand.kind].includes(name);
      output.textContent = `${dashed(hand[name])} ${units}`;
      if (document.activeElement !== input) input.value = step ? hand[name] : Math.log2(hand[name]);
    }
    for (const button of find("kinds").children) {
      button.setAttribute("aria-checked", String(button.dataset.kind === hand.kind));
    }
    find("where").textContent = `x ${dashed(hand.x)}, y ${dashed(hand.y)} deg`;
  }

  function say() {
    const { units, rates, blanks } = seen;
    find("units").replaceChildren(...units.map((unit, side) => {
      const value = unit.value === null ? "" : ` (${dashed(unit.value)})`;
      const rate = element("span", { className: "rate" }, rates[side] == null ? "\u2013"
        : `${rates[side].toFixed(1)}`);
      rate.dataset.side = side;
      const about = element("div", { className: "quiet" },
        `rank ${unit.rank} of ${seen.n_units} by ${words(seen.ranking)}${value}; ${unit.status}`);
      return element("div", { className: side ? "unit second" : "unit" },
        element("b", {}, `Unit ${unit.number}`), ` ${unit.name} `, element("br", {}), rate,
        ` spikes/s, blank ${dashed(blanks[side])}`, about);
    }));
    find("pair").setAttribute("aria-pressed", String(units.length > 1));
    if (units.length && document.activeElement !== find("unit")) find("unit").value = units[0].number;
  }

  const words = (name) => ({ strongest: "the strongest answer to gratings", number: "number",
    now: "the answer to this stimulus" }[name] ?? name.replaceAll("_", " "));

  function properties() {
    find("properties").replaceChildren(...seen.units
      .filter((unit) => Object.keys(unit.properties).length)
      .map((unit, side) => element("div", { className: side ? "unit second" : "unit" },
        element("b", {}, `Unit ${unit.number}, measured`),
        element("dl", { className: "values" }, ...Object.entries(unit.properties).map(([name, value]) =>
          element("div", {}, element("dt", {}, words(name)), element("dd", {}, dashed(value))))))));
  }

  /* ---- the clicks ---- */

  const sound = { context: null, muted: true, next: [0, 0], clicks: 0, click: null };

  // A browser lets a page sound once it was touched.
  function wake() {
    if (sound.muted || sound.context !== null) {
      sound.context?.resume();
      return;
    }
    const context = new AudioContext();
    const click = context.createBuffer(1, Math.round(context.sampleRate / 400), context.sampleRate);
    // A spike through a loudspeaker: up, down, and gone within 2.5 ms.
    const samples = click.getChannelData(0);
    samples.forEach((_, n) => {
      const phase = n / samples.length;
      samples[n] = 0.5 * Math.sin(4 * Math.PI * phase) * (1 - phase) ** 2;
    });
    const ears = [-0.7, 0.7].map((pan) => {
      const panner = new StereoPannerNode(context, { pan });
      panner.connect(context.destination);
      return panner;
    });
    Object.assign(sound, { context, click, ears });
  }

  function mute() {
    sound.muted = !sound.muted;
    find("mute").setAttribute("aria-pressed", String(!sound.muted));
    find("mute").textContent = sound.muted ? "Sound on" : "Sound off";
    wake();
  }

  // A Poisson train: gaps are exponential, and drawn anew as the rate goes.
  function click() {
    const { context } = sound;
    if (sound.muted || context === null || context.state !== "running") return;
    seen.rates.forEach((rate, side) => {
      const from = Math.max(sound.next[side], context.currentTime);
      const until = context.currentTime + AHEAD;
      let when = from;
      while (rate > 0 && seen.busy === null) {
        when += -Math.log(1 - Math.random()) / rate;
        if (when >= until) break;
        const spike = new AudioBufferSourceNode(context, { buffer: sound.click });
        spike.connect(seen.rates.length > 1 ? sound.ears[side] : context.destination);
        spike.start(when);
        sound.clicks += 1;
      }
      // What is left of a gap is as long as a new one: the train has no memory.
      sound.next[side] = until;
    });
  }
  setInterval(click, 40);

  /* ---- questions and answers ---- */

  // What has no phase drifts across itself, over the field of the unit, and comes again.
  function swept() {
    if (!drifting || kinds[hand.kind].includes("phase") || !seen.units.length) return { ...hand };
    const side = Math.max(...seen.units[0].proven.slice(2));
    const away = (hand.phase / 360 - 0.5) * 2 * side;
    const normal = ((hand.orientation + 90) * Math.PI) / 180;
    return { ...hand, x: round(hand.x + away * Math.cos(normal)), y: round(hand.y + away * Math.sin(normal)) };
  }

  function question(now) {
    const shownNow = blanked ? { ...hand, kind: "spot", contrast: 0 } : swept();
    number += 1;
    const asking = { number, hand: shownNow, do: commands };
    commands = [];
    [waiting, sent, moved] = [true, now, false];
    asked.data = { question: [JSON.stringify(asking)] };
  }

  function answer() {
    const [text] = answered.data.answer;
    if (text === undefined) return;
    const said = JSON.parse(text);
    const [picture] = answered.data.picture;
    const now = performance.now();
    Object.assign(seen, said);
    if (said.rates) history.push({ when: now, rates: said.rates.map((rate) => rate ?? 0) });
    if (picture) take(picture);
    waiting = false;
    seen.took = now - sent;
    times.push(now);
    while (times[0] < now - 2000) times.shift();
    find("trouble").textContent = seen.trouble;
    if (said.units) {
      say();
      properties();
      offer();
    }
    for (const node of document.querySelectorAll(".rate")) {
      node.textContent = seen.rates[node.dataset.side]?.toFixed(1) ?? "\u2013";
    }
    const busy = seen.busy !== null;
    for (const name of ["progress", "stop"]) find(name).hidden = !busy;
    for (const name of ["measure", "next", "previous", "pair"]) find(name).disabled = busy;
    find("protocol").textContent = busy ? words(seen.busy[0]) : "";
    find("progress").value = busy ? seen.busy[1] : 0;
    paint();
  }

  const times = [];

  function offer() {
    const select = find("ranking");
    if (!seen.rankings.length) return;
    const now = seen.rankings.join();
    if (ranked !== now) {
      select.replaceChildren(...seen.rankings.map((name) =>
        element("option", { value: name }, words(name))));
      ranked = now;
    }
    select.value = seen.ranking;
  }

  let drifted = 0;

  function frame(now) {
    requestAnimationFrame(frame);
    if (drifting && now - drifted > 1000 / 60) {
      const passed = drifted ? Math.min(now - drifted, 100) : 0;
      // Two cycles a second.
      hand.phase = round((hand.phase + 0.72 * passed) % 360);
      drifted = now;
      moved = true;
    } else if (!drifting) drifted = 0;
    const still = now - sent > (seen.busy === null ? Infinity : 200);
    if (!waiting && (moved || still)) question(now);
    if ((waiting && now - sent > LOST) || lost) {
      find("trouble").textContent = "The rig does not answer any more. What was explored is in "
        + `${settings.folder}.`;
    }
    if (history.length && !waiting && seen.busy === null && now - history.at(-1).when > 50) {
      history.push({ when: now, rates: history.at(-1).rates });
    }
    draw(now);
    if (Math.floor(now / 500) !== Math.floor((now - 17) / 500)) speed();
  }

  function speed() {
    const rate = times.length > 1 ? (1000 * (times.length - 1)) / (times.at(-1) - times[0]) : 0;
    find("speed").textContent = `${seen.shown ?? 0} stimuli shown; the model answers in `
      + `${dashed(seen.latency)} ms, the page in ${dashed(seen.took)} ms`
      + (rate > 1 ? `, ${Math.round(rate)} times a second` : "");
  }

  /* ---- the controls ---- */

  function help() {
    const open = find("help").hidden;
    find("help").hidden = !open;
    find("help-button").setAttribute("aria-expanded", String(open));
  }

  const buttons = {
    mute, measure, "help-button": help,
    next: () => ask("next", 0), previous: () => ask("previous", 0),
    pair: () => ask("pair", null), stop: () => ask("stop", null),
    drift: () => toggle("drift"), blank: () => toggle("blank"),
    overlays: () => toggle("overlays"), invert: () => set({ contrast: -hand.contrast }),
  };
  for (const [name, press] of Object.entries(buttons)) find(name).addEventListener("click", press);
  find("unit").addEventListener("change", () => ask("unit", Number.parseInt(find("unit").value, 10)));
  find("ranking").addEventListener("change", () => ask("rank", find("ranking").value));

  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.colours === undefined ? prefersDark.matches
    : root.dataset.colours === "dark");

  function recolour() {
    find("switch-colours").textContent = isDark() ? "Light page" : "Dark page";
    const style = getComputedStyle(root);
    for (const name of ["text", "quiet", "line", "loud", "first", "second"]) {
      colours[name] = style.getPropertyValue(`--${name}`).trim();
    }
    const { text, quiet, line } = colours;
    for (const plot of Bokeh.documents[0].roots().filter((each) => each.type === "Figure")) {
      for (const axis of [...plot.below, ...plot.left]) {
        axis.setv({
          axis_label_text_color: text, major_label_text_color: text,
          axis_line_color: quiet, major_tick_line_color: quiet,
        });
      }
      for (const each of plot.center) if ("grid_line_color" in each) each.grid_line_color = line;
    }
    paint();
  }
  find("switch-colours").addEventListener("click", () => {
    root.dataset.colours = isDark() ? "light" : "dark";
    recolour();
  });
  prefersDark.addEventListener("change", recolour);
  new ResizeObserver(paint).observe(screen);

  /* ---- and begin ---- */

  label();
  const begin = setInterval(() => {
    const [page] = window.Bokeh?.documents ?? [];
    const named = (name) => page?.roots().find((each) => each.name === name);
    [asked, answered] = [named("asked"), named("answered")];
    if (!asked || !answered || !page.is_idle) return;
    clearInterval(begin);
    answered.properties.data.change.connect(answer);
    page.on_event("connection_lost", () => { lost = true; });
    recolour();
    document.body.dataset.ready = "";
    requestAnimationFrame(frame);
  }, 20);

  // For tests, and for the console: what is on the page, and where.
  return {
    hand, seen, sound, sheet, set,
    settled: () => !waiting && !moved && !commands.length && seen.busy === null && seen.hand !== undefined,
    place: (x, y) => {
      const [box, at] = [screen.getBoundingClientRect(), scale()];
      return [box.left + at.x(x), box.top + at.y(y)];
    },
  };
})();
