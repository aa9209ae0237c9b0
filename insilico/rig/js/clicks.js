/* The clicks: a Poisson train at the rate of each unit, for two units one in each ear. */
const AHEAD = 0.15; // s that clicks are scheduled ahead
const EVERY = 40; // ms
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
  press("mute", !sound.muted);
  tell(find("mute"), sound.muted ? "Sound on" : "Sound off");
  wake();
}

// Gaps are exponential, and drawn anew as the rate goes.
function click() {
  const { context } = sound;
  if (sound.muted || context === null || context.state !== "running") return;
  seen.rates.forEach((rate, side) => {
    const until = context.currentTime + AHEAD;
    let when = Math.max(sound.next[side], context.currentTime);
    while (rate > 0 && seen.busy === null && !lost) {
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
setInterval(click, EVERY);
