/* The trace: the rates of the last seconds, beside those to the blank. */
const SECONDS = 10;
const HELD = 100; // ms after which a rate that goes on is drawn on
const trace = find("trace");
const past = [];
const [edge, foot, head] = [30, 14, 8]; // px beside, below and above the lines

function remember(now, rates) {
  const units = seen.units.map(({ number }) => number);
  past.push({ when: now, units, rates: rates.map((rate) => rate ?? 0) });
  while (past[0].when < now - 1000 * SECONDS) past.shift();
}

// What is under the hand stays there, and the units go on firing.
function hold(now) {
  const last = past.at(-1);
  if (last && seen.busy === null && now - last.when > HELD) remember(now, last.rates);
}

function draw(now) {
  const [context, box] = fitted(trace);
  const most = 1.1 * Math.max(10, ...past.flatMap(({ rates }) => rates), ...seen.blanks);
  const x = (when) => edge + (box.width - edge - 4) * (1 - (now - when) / 1000 / SECONDS);
  const y = (rate) => box.height - foot - (box.height - foot - head) * (rate / most);
  const line = (points) => {
    context.beginPath();
    for (const [across, up] of points) context.lineTo(across, up);
    context.stroke();
  };
  context.lineWidth = 1;
  context.strokeStyle = colours.line;
  context.fillStyle = colours.quiet;
  context.textAlign = "right";
  for (const rate of marks(most)) {
    line([[edge, y(rate)], [box.width, y(rate)]]);
    context.fillText(dashed(rate), edge - 4, y(rate) + 4);
  }
  context.fillText("now", box.width - 2, box.height - 3);
  context.textAlign = "left";
  context.fillText("spikes/s", edge + 4, 10);
  context.fillText(`${SECONDS} s ago`, edge, box.height - 3);
  seen.units.forEach(({ number }, side) => {
    context.strokeStyle = colourOf(side);
    context.setLineDash([4, 4]);
    line([[edge, y(seen.blanks[side])], [box.width, y(seen.blanks[side])]]);
    context.setLineDash([]);
    context.lineWidth = 1.6;
    // What another unit said stays its own.
    line(past.filter(({ units }) => units.includes(number))
      .map(({ when, units, rates }) => [x(when), y(rates[units.indexOf(number)])]));
  });
}

// Round rates, four of them or so.
function marks(most) {
  const power = 10 ** Math.floor(Math.log10(most / 2));
  const each = power * [1, 2, 5].find((times) => most / (power * times) <= 4.5 || times === 5);
  return Array.from({ length: Math.floor(most / each) + 1 }, (_, place) => place * each);
}
