/* The words and controls: sliders, buttons, what is known of the units, and the colours. */
const sliders = {
  orientation: ["Orientation", "deg", 0.5], diameter: ["Size", "deg", 0],
  width: ["Width of the bar", "deg", 0], spatial_frequency: ["Spatial frequency", "cpd", 0],
  contrast: ["Contrast", "", 0.01], phase: ["Phase", "deg", 1], turn: ["Turned by", "deg", 1],
};
const made = {};

function dashed(value) {
  if (value === null || value === undefined) return "\u2013";
  if (Math.abs(value) < 1e-6) return "0";
  return String(Number(value.toPrecision(3))).replace("-", "\u2212");
}

const words = (name) => ({ strongest: "the strongest answer to gratings", number: "number",
  now: "the answer to this stimulus" }[name] ?? name.replaceAll("_", " "));

// Written only where it is new: the browser lays out what was written.
function tell(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function press(name, pressed) {
  find(name).setAttribute("aria-pressed", String(pressed));
}

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
  button.dataset.kind = kind;
  button.addEventListener("click", () => set({ kind }));
  find("kinds").append(button);
}

// What is under the hand, in numbers.
function label() {
  for (const [name, { input, output, holder, units, step }] of Object.entries(made)) {
    const text = `${dashed(hand[name])} ${units}`;
    holder.hidden = !kinds[hand.kind].includes(name);
    if (output.textContent === text) continue;
    output.textContent = text;
    if (document.activeElement !== input) input.value = step ? hand[name] : Math.log2(hand[name]);
  }
  for (const button of find("kinds").children) {
    button.setAttribute("aria-pressed", String(button.dataset.kind === hand.kind));
  }
  tell(find("where"), `x ${dashed(hand.x)}, y ${dashed(hand.y)} deg`);
  for (const node of document.querySelectorAll(".rate")) {
    tell(node, seen.rates[node.dataset.side]?.toFixed(1) ?? "\u2013");
  }
}

// Which units, and what is known of them.
function introduce() {
  const { units, blanks } = seen;
  maps = units.map((unit, side) => charted(unit.map, side));
  find("units").replaceChildren(...units.map((unit, side) => {
    const value = unit.value === null ? "" : ` (${dashed(unit.value)})`;
    const rate = element("span", { className: "rate" });
    rate.dataset.side = side;
    const about = element("div", { className: "quiet" },
      `rank ${unit.rank} of ${seen.n_units} by ${words(seen.ranking)}${value}; ${unit.status}`);
    return element("div", { className: side ? "unit second" : "unit" },
      element("b", {}, `Unit ${unit.number}`), ` ${unit.name} `, element("br", {}), rate,
      ` spikes/s, blank ${dashed(blanks[side])}`, about);
  }));
  find("properties").replaceChildren(...units.map(described).filter(Boolean));
  press("pair", units.length > 1);
  find("swap").hidden = units.length < 2;
  press("turn", seen.ascending);
  const box = find("unit");
  box.max = seen.n_units - 1;
  if (document.activeElement !== box) box.value = units[0].number;
  offer();
  label();
}

function described(unit, side) {
  const rows = Object.entries(unit.properties).map(([name, value]) =>
    element("div", {}, element("dt", {}, words(name)), element("dd", {}, dashed(value))));
  return rows.length ? element("div", { className: side ? "unit second" : "unit" },
    element("b", {}, `Unit ${unit.number}, measured`),
    element("dl", { className: "values" }, ...rows)) : null;
}

function offer() {
  const select = find("ranking");
  const offered = Array.from(select.options, (option) => option.value);
  if (offered.join() !== seen.rankings.join()) {
    select.replaceChildren(...seen.rankings.map((name) =>
      element("option", { value: name }, words(name))));
  }
  select.value = seen.ranking;
}

function progress() {
  const busy = seen.busy !== null;
  for (const name of ["progress", "stop"]) find(name).hidden = !busy;
  for (const name of ["measure", "next", "previous", "first", "pair", "swap", "turn", "ranking"]) find(name).disabled = busy;
  tell(find("protocol"), busy ? words(seen.busy[0]) : "");
  find("progress").value = busy ? seen.busy[1] : 0;
}

function help() {
  const closed = find("help").hidden;
  find("help").hidden = !closed;
  find("help-button").setAttribute("aria-expanded", String(closed));
}

const buttons = {
  mute: () => mute(), measure, "help-button": help,
  next: () => ask("next", null), previous: () => ask("previous", null),
  first: () => ask("first", null), turn: () => ask("turn", null), pair: () => ask("pair", null),
  swap: () => ask("swap", null), stop: () => ask("stop", null),
  drift: () => toggle("drift"), blank: () => toggle("blank"),
  overlays: () => toggle("overlays"), invert: () => set({ contrast: -hand.contrast }),
};
for (const [name, pressed] of Object.entries(buttons)) find(name).addEventListener("click", pressed);
find("unit").addEventListener("change", () => ask("unit", Number.parseInt(find("unit").value, 10)));
find("ranking").addEventListener("change", () => ask("rank", find("ranking").value));

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
const isDark = () => (root.dataset.colours === undefined ? prefersDark.matches
  : root.dataset.colours === "dark");

function recolour() {
  tell(find("switch-colours"), isDark() ? "Light page" : "Dark page");
  const style = getComputedStyle(root);
  for (const name of ["text", "quiet", "line", "loud", "first", "second"]) {
    colours[name] = style.getPropertyValue(`--${name}`).trim();
  }
  const { text, quiet, line } = colours;
  // Of this page alone: another one may be light.
  const alone = { sync: false };
  for (const plot of Bokeh.documents[0].roots()) {
    for (const axis of [...plot.below, ...plot.left]) {
      axis.setv({
        axis_label_text_color: text, major_label_text_color: text,
        axis_line_color: quiet, major_tick_line_color: quiet,
      }, alone);
    }
    for (const each of plot.center) {
      if ("grid_line_color" in each) each.setv({ grid_line_color: line }, alone);
    }
  }
  paint();
}
find("switch-colours").addEventListener("click", () => {
  root.dataset.colours = isDark() ? "light" : "dark";
  recolour();
});
