/* The line to the rig: one question is under way at a time, always about the newest hand; and the
   frames, in which what was answered is drawn. */
const FRAME = 24; // ms from a frame to the next: at 60 Hz every second one
const WORDS = 120; // ms from words to words: nobody reads faster
const ASKED = 200; // ms from question to question while units are measured
const LATE = 3000; // ms without an answer after which that is said
let [line, version] = [null, null];
let [waiting, lost] = [false, false];
let [sent, framed, worded, painted] = [0, 0, 0, false];
const times = [];

// Asks, if anything was moved and the last answer has come.
function proceed(now) {
  const still = seen.busy !== null && now - sent > ASKED;
  if (line?.readyState !== WebSocket.OPEN || waiting || now - sent < FRAME) return;
  if (!(moved && (seen.busy === null || commands.length)) && !still) return;
  const shown = blanked ? { ...hand, kind: "spot", contrast: 0 } : swept();
  line.send(JSON.stringify({ hand: shown, do: commands, known: version }));
  commands = [];
  [waiting, sent, moved] = [true, now, false];
}

// Four bytes that say how long the words are, the words, and the picture.
function answer({ data }) {
  const now = performance.now();
  const length = new DataView(data).getUint32(0, true);
  const said = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  const news = said.version !== undefined || said.busy !== null || seen.busy !== null;
  Object.assign(seen, said);
  version = said.version ?? version;
  if (said.rates) remember(now, said.rates);
  if (said.shape) take(new Uint8Array(data, 4 + length), said.shape);
  seen.took = now - sent;
  times.push(now);
  while (times[0] < now - 2000) times.shift();
  if (said.version !== undefined) introduce();
  if (news) progress();
  tell(find("trouble"), seen.trouble);
  [waiting, painted] = [false, false];
  proceed(now);
}

function frame(now) {
  requestAnimationFrame(frame);
  if (now - framed < FRAME) return;
  if (drifting) drift(Math.min(now - framed, 100));
  framed = now;
  proceed(now);
  hold(now);
  // Once all of the trace is flat, it stays the same picture.
  if (!painted || now - (times.at(-1) ?? now) < 1100 * SECONDS) draw(now);
  if (!painted) paint();
  painted = !moved;
  if (now - worded < WORDS) return;
  worded = now;
  label();
  speed();
  if (lost) {
    tell(find("trouble"), "The rig does not answer any more: it was closed, and this page with it. "
      + `What was explored is in ${settings.folder}.`);
  } else if (waiting && now - sent > LATE) {
    tell(find("trouble"), `The model has not answered for ${Math.round((now - sent) / 1000)} s.`);
  }
}

function speed() {
  const rate = times.length > 1 ? (1000 * (times.length - 1)) / (times.at(-1) - times[0]) : 0;
  tell(find("speed"), `${seen.shown} stimuli shown; the model answers in `
    + `${dashed(seen.latency)} ms, the page in ${dashed(seen.took)} ms`
    + (rate > 1 ? `, ${Math.round(rate)} times a second` : ""));
}

// The page has the name of its session in its address, which is its token.
function connect() {
  const token = new URLSearchParams(location.search).get("bokeh-session-id");
  line = new WebSocket(`ws://${location.host}/line`, ["rig", token]);
  line.binaryType = "arraybuffer";
  line.addEventListener("message", answer);
  line.addEventListener("close", () => { lost = true; });
}

const begin = setInterval(() => {
  const [page] = window.Bokeh?.documents ?? [];
  if (!page?.is_idle) return;
  clearInterval(begin);
  recolour();
  prefersDark.addEventListener("change", recolour);
  new ResizeObserver(() => { painted = false; }).observe(screen);
  connect();
  document.body.dataset.ready = "";
  requestAnimationFrame(frame);
}, 20);

// For tests, and for the console: what is on the page, and where.
return {
  hand, seen, past, sound, sheet, set,
  settled: () => !waiting && !moved && !commands.length && seen.busy === null && seen.hand !== undefined,
  place: (x, y) => {
    const [box, at] = [screen.getBoundingClientRect(), scale()];
    return [box.left + at.x(x), box.top + at.y(y)];
  },
};
