/* The screen: the picture that the model was shown, in degrees, and what is known of the fields. */
const screen = find("screen");
const margin = 26; // px around it, for the degrees
const sheet = document.createElement("canvas");
const colours = {};
const colourOf = (side) => colours[side ? "second" : "first"];
let maps = [];

// Of a place in deg, the px on the canvas; and the other way round.
function scale() {
  const box = screen.getBoundingClientRect();
  const side = Math.min(box.width, box.height) - 1.4 * margin;
  const per = side / Math.max(wide, high);
  const [across, down] = [margin + side / 2, 0.4 * margin + side / 2];
  return {
    per,
    x: (x) => across + x * per,
    y: (y) => down - y * per,
    place: (left, top) => [(left - box.left - across) / per, (down - top + box.top) / per],
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
function take(bytes, [height, width, channels = 1]) {
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let place = 0; place < pixels.length; place += 1) {
    const at = place * channels;
    const [red, green, blue] = channels === 1 ? [bytes[at], bytes[at], bytes[at]]
      : [bytes[at], bytes[at + 1], bytes[at + 2]];
    pixels[place] = 0xff000000 | (blue << 16) | (green << 8) | red;
  }
  if (sheet.width !== width || sheet.height !== height) [sheet.width, sheet.height] = [width, height];
  sheet.getContext("2d").putImageData(image, 0, 0);
}

function paint() {
  const [context] = fitted(screen);
  const at = scale();
  const [left, top] = [at.x(-wide / 2), at.y(high / 2)];
  context.imageSmoothingEnabled = false;
  context.drawImage(sheet, left, top, wide * at.per, high * at.per);
  degrees(context, at);
  if (!overlaid) return;
  seen.units.forEach((unit, side) => {
    if (maps[side]) context.drawImage(maps[side].canvas, ...maps[side].place(at));
    const [x, y, width, height] = unit.proven;
    const beside = 4 * side; // px: two fields may be one.
    outlined(context, colourOf(side), [], () => {
      context.rect(at.x(x) - beside, at.y(y + height) - beside,
        width * at.per + 2 * beside, height * at.per + 2 * beside);
    });
    if (!unit.measured) return;
    const [cx, cy, diameter] = unit.measured;
    outlined(context, colourOf(side), [5, 4], () => {
      context.arc(at.x(cx), at.y(cy), (diameter / 2) * at.per, 0, 2 * Math.PI);
    });
  });
  // Where the hand is.
  outlined(context, colours.loud, [], () => {
    const [x, y] = [at.x(hand.x), at.y(hand.y)];
    context.moveTo(x - 6, y); context.lineTo(x + 6, y);
    context.moveTo(x, y - 6); context.lineTo(x, y + 6);
  });
}

function degrees(context, at) {
  context.fillStyle = colours.quiet;
  const ticks = 2 ** Math.round(Math.log2(wide / 8));
  const along = (side) => Array.from({ length: 2 * Math.floor(side / 2 / ticks) + 1 },
    (_, place) => (place - Math.floor(side / 2 / ticks)) * ticks);
  context.textAlign = "center";
  for (const x of along(wide)) context.fillText(dashed(x), at.x(x), at.y(-high / 2) + 13);
  context.textAlign = "right";
  for (const y of along(high)) context.fillText(dashed(y), at.x(-wide / 2) - 4, at.y(y) + 4);
}

// The measured map of a field, the denser the stronger the answer.
function charted(map, side) {
  if (!map) return null;
  const [left, top, width, height] = map.extent;
  const canvas = Object.assign(document.createElement("canvas"),
    { height: map.values.length, width: map.values[0].length });
  const context = canvas.getContext("2d");
  context.fillStyle = colourOf(side);
  map.values.forEach((row, down) => row.forEach((value, across) => {
    context.globalAlpha = value < 0.05 ? 0 : 0.6 * value;
    context.fillRect(across, down, 1, 1);
  }));
  return { canvas, place: (at) => [at.x(left), at.y(top), width * at.per, height * at.per] };
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

function point(event) {
  const [x, y] = scale().place(event.clientX, event.clientY);
  set({ x, y });
}

screen.addEventListener("pointermove", point);
screen.addEventListener("pointerdown", (event) => {
  wake();
  screen.focus();
  point(event);
});
screen.addEventListener("wheel", (event) => {
  event.preventDefault();
  const by = Math.sign(event.deltaY || event.deltaX);
  if (event.shiftKey) change("diameter", -by);
  else if (event.altKey) finer(-by);
  else change("orientation", -by);
}, { passive: false });
