/* The hand: what is under it, and the keys that change that. */
const find = (name) => document.getElementById(name);
const settings = JSON.parse(find("settings").textContent);
const { limits } = settings;
const kinds = Object.fromEntries(settings.kinds);
const [high, wide] = settings.degrees;

const hand = { ...settings.hand };
// What was answered last, and what is known of the units.
const seen = { rates: [], responses: [], blanks: [], units: [], rankings: [], busy: null, shown: 0 };
let commands = [];
let [moved, drifting, blanked, overlaid] = [true, false, false, true];

const round = (value) => Number(value.toFixed(4));
const within = (value, [low, top]) => Math.min(Math.max(value, low), top);
const around = (value, whole) => ((value % whole) + whole) % whole;

const steps = {
  orientation: (value, by) => around(value + 7.5 * by, 180),
  turn: (value, by) => around(value + 15 * by, 180),
  phase: (value, by) => around(value + 45 * by, 360),
  contrast: (value, by) => value + 0.1 * by,
  diameter: (value, by) => value * 2 ** (by / 4),
  width: (value, by) => value * 2 ** (by / 4),
  spatial_frequency: (value, by) => value * 2 ** (by / 4),
};

function set(values) {
  for (const [name, value] of Object.entries(values)) {
    hand[name] = typeof value !== "number" ? value
      : round(limits[name] ? within(value, limits[name]) : value);
  }
  moved = true;
  proceed(performance.now());
}

function ask(...command) {
  commands.push(command);
  moved = true;
  proceed(performance.now());
}

const change = (name, by) => set({ [name]: steps[name](hand[name], by) });
// Of a bar there is no frequency: it is made thinner where a grating is made finer.
const finer = (by) => (hand.kind === "bar" ? change("width", -by) : change("spatial_frequency", by));
const measure = () => { if (seen.busy === null) ask("measure", null); };

const step = wide / 40;
const move = (right, up) => (small) => {
  const far = small ? step / 8 : step;
  set({ x: hand.x + right * far, y: hand.y + up * far });
};

function home() {
  const [unit] = seen.units;
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
  set({});
}

const keys = {
  ArrowLeft: move(-1, 0), ArrowRight: move(1, 0), ArrowUp: move(0, 1), ArrowDown: move(0, -1),
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
  n: () => ask("next", null), N: () => ask("previous", null), g: () => ask("first", null),
  r: () => ask("turn", null), u: () => ask("pair", null), x: () => ask("swap", null),
  m: () => mute(), Enter: measure, Escape: () => ask("stop", null), "?": () => help(),
};
Object.keys(kinds).forEach((kind, place) => { keys[place + 1] = () => set({ kind }); });

// Where a key has a meaning of its own, it keeps it.
function isOwn(target, key) {
  if (target.tagName === "SELECT") return key !== "Escape";
  if (target.tagName === "BUTTON") return key === "Enter";
  if (target.type === "range") return /^(Arrow|Home$)/.test(key);
  return target.tagName === "INPUT" && key !== "Escape";
}

document.addEventListener("keydown", (event) => {
  wake();
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || !(key in keys) || isOwn(target, key)) return;
  event.preventDefault();
  keys[key](event.shiftKey);
});

// What has no phase drifts across itself, over the field of the unit, and comes again.
function swept() {
  if (!drifting || kinds[hand.kind].includes("phase") || !seen.units.length) return { ...hand };
  const side = Math.max(...seen.units[0].proven.slice(2));
  const away = (hand.phase / 360 - 0.5) * 2 * side;
  const normal = ((hand.orientation + 90) * Math.PI) / 180;
  return {
    ...hand,
    x: round(within(hand.x + away * Math.cos(normal), limits.x)),
    y: round(within(hand.y + away * Math.sin(normal), limits.y)),
  };
}

// Gratings drift by two cycles a second; a bar takes two seconds to cross.
function drift(passed) {
  const each = kinds[hand.kind].includes("phase") ? 0.72 : 0.18; // deg of phase in a ms
  hand.phase = round(around(hand.phase + each * passed, 360));
  moved = true;
}
