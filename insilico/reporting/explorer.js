/* The unit explorer: which units are shown, which of them is chosen, and what is drawn of it. */
(async () => {
  "use strict";
  const holder = document.getElementById("explorer");
  if (holder === null) return;
  const find = (name) => document.getElementById(`explorer-${name}`);
  const read = (name) => JSON.parse(find(name).textContent);

  const drawing = read("document");
  const roots = drawing.roots.map(({ id, attributes }) => [id, attributes.name]);
  const [views] = await Bokeh.embed.embed_items({ drawing }, [{
    docid: "drawing", root_ids: roots.map(([id]) => id), roots: Object.fromEntries(roots),
  }]);
  const models = views.roots.map((view) => view.model);
  const figures = new Map(models.filter((model) => model.type === "Figure")
    .map((model) => [model.name, model]));

  const { panels } = read("settings");
  const scatter = figures.get("plot-units");
  const named = (plot, name) => plot.renderers.find((renderer) => renderer.name === name);
  const dots = named(scatter, "dots");
  const source = dots.data_source;
  const column = (name) => source.data[name];
  const n = column("place").length;
  const everyone = Array.from({ length: n }, (_, unit) => unit);
  let visible = everyone;
  let chosen = -1;

  /* ---- which units are shown ---- */

  // "3, 10-20" holds 3 and 10 to 20; null if it is no such list.
  function numbers(text) {
    const ranges = text.split(",").map((part) => part.trim()).filter((part) => part !== "");
    const ends = ranges.map((part) => /^(\d+)(?:\s*[-\u2013]\s*(\d+))?$/.exec(part));
    if (ends.includes(null)) return null;
    return ends.map(([, first, last]) => [Number(first), Number(last ?? first)]);
  }

  function option(name) {
    return find(name).selectedOptions[0];
  }

  function responds(protocols) {
    const flags = protocols.map((protocol) => column(`responsive ${protocol}`));
    return (unit) => flags.every((flag) => flag === undefined || flag[unit] === 1);
  }

  function filter() {
    const layer = find("layer").value;
    const ranges = numbers(find("channel").value);
    find("channel").setAttribute("aria-invalid", String(ranges === null));
    const wanted = ranges ?? [];
    const every = wanted.length === 0;
    const both = responds(["x", "y"].map((axis) => option(axis).dataset.protocol));
    const response = find("responsive").value;
    const [x, y, channel] = [column("x"), column("y"), column("channel")];
    const kept = everyone.filter((unit) =>
      (layer === "" || column("layer")[unit] === layer)
      && (every || wanted.some(([low, high]) => low <= channel[unit] && channel[unit] <= high))
      && (response === "all" || both(unit) === (response === "yes")));
    visible = kept.filter((unit) => Number.isFinite(x[unit]) && Number.isFinite(y[unit]));
    const shown = new Array(n).fill(false);
    for (const unit of visible) shown[unit] = true;
    dots.view.filter.booleans = shown;
    const without = kept.length - visible.length;
    find("count").textContent = `${visible.length} of ${n} units shown`
      + (without ? `; ${without} more have no value on one of the axes` : "");
    if (!shown[chosen] && visible.length) choose(visible[0]);
  }

  function setAxis(axis) {
    source.data[axis] = column(find(axis).value);
    scatter[axis === "x" ? "below" : "left"][0].axis_label = option(axis).textContent;
  }

  function redraw() {
    setAxis("x");
    setAxis("y");
    source.change.emit();
    filter();
  }

  /* ---- which unit is chosen ---- */

  function choose(unit) {
    chosen = unit;
    const now = source.selected.indices;
    if (now.length !== 1 || now[0] !== unit) source.selected.indices = [unit];
    find("unit").value = column("place")[unit];
    find("unit").setAttribute("aria-invalid", "false");
    find("wrong").textContent = "";
    find("name").textContent = `Unit ${column("place")[unit]}: ${column("layer")[unit]}, channel `
      + `${column("channel")[unit]}, row ${column("row")[unit]}, column ${column("column")[unit]}`;
    for (const cell of holder.querySelectorAll("[data-property]")) {
      const value = column(cell.dataset.property)[unit];
      const units = Number.isFinite(value) && cell.dataset.units ? ` ${cell.dataset.units}` : "";
      cell.textContent = written(value) + units;
    }
    for (const panel of panels) draw[panel.kind](panel, figures.get(panel.id), unit);
  }

  // The unit that comes next along an axis, in either direction.
  function step(axis, direction) {
    if (!visible.length) return;
    const value = column(axis);
    const order = [...visible].sort((a, b) => value[a] - value[b] || a - b);
    const place = order.indexOf(chosen) + direction;
    choose(order[Math.min(Math.max(place, 0), order.length - 1)]);
  }

  function written(value) {
    if (!Number.isFinite(value)) return "\u2013";
    const rounded = Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
    return rounded.replace("-", "\u2212");
  }

  /* ---- what is drawn of it ---- */

  function responses(panel, unit) {
    const all = column(`curve ${panel.curve}`);
    const length = all.length / n;
    return Array.from({ length }, (_, place) => all[unit * length + place]);
  }

  function component(panel, unit) {
    const modulated = column(`modulated ${panel.curve}`);
    const name = modulated === undefined ? "Response" : modulated[unit] ? "F1" : "F0 less blank";
    return panel.units ? `${name} (${panel.units})` : name;
  }

  function showSpan(plot, name, location) {
    const span = plot.center.find((each) => each.name === name);
    span.visible = Number.isFinite(location);
    if (span.visible) span.location = location;
  }

  const largest = (values) => values.filter(Number.isFinite).reduce((a, b) => Math.max(a, b), 0);
  const smallest = (values) => values.filter(Number.isFinite).reduce((a, b) => Math.min(a, b), 0);

  const draw = {
    line(panel, plot, unit) {
      const response = responses(panel, unit);
      const line = named(plot, "line").data_source;
      if (panel.closed) response.push(response[0]);
      const [low, high] = [smallest(response), largest(response)];
      plot.y_range.setv({ start: low * 1.05, end: (high || -low || 1) * 1.08 });
      plot.left[0].axis_label = component(panel, unit);
      showSpan(plot, "blank", column(`blank ${panel.curve}`)?.[unit]);
      showSpan(plot, "marked", panel.marked ? column(panel.marked)[unit] : NaN);
      line.data = { ...line.data, response };
    },

    polar(panel, plot, unit) {
      const once = responses(panel, unit).map((value) => Math.max(value, 0) || 0);
      const patch = named(plot, "patch").data_source;
      const angle = patch.data.angle;
      // Orientations come round after half a turn.
      const radius = Array.from(angle, (_, place) => once[place % once.length]);
      const peak = largest(radius) || 1;
      const x = radius.map((value, place) => (value / peak) * Math.cos(angle[place]));
      const y = radius.map((value, place) => (value / peak) * Math.sin(angle[place]));
      patch.data = { angle, x, y };
    },

    map(panel, plot, unit) {
      const image = named(plot, "image");
      const part = (name) => column(`${name} ${panel.curve}`)[unit];
      const [low, high] = [part("low"), part("high")];
      const [pixels] = image.data_source.data.image;
      pixels.set(responses(panel, unit).map((level) => low + (level / 255) * (high - low)));
      image.glyph.color_mapper.setv({ low, high: high > low ? high : low + 1 });
      image.data_source.change.emit();
      named(plot, "field").data_source.data = {
        x: [part("center_x")], y: [part("center_y")], radius: [part("diameter") / 2],
      };
    },
  };

  /* ---- colours of the page ---- */

  // On a dark page the dark blue and the light blue of the palette change places.
  const onDark = { "#0072B2": "#56B4E9", "#56B4E9": "#0072B2" };
  const { palette } = dots.glyph.fill_color.transform;

  function recolour() {
    const isDark = insilico.isDark();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const [text, quiet, line, model] = ["text", "quiet", "line", "model"].map(colour);
    const { transform: layers } = dots.glyph.fill_color;
    layers.palette = isDark ? palette.map((each) => onDark[each] ?? each) : palette;
    for (const plot of figures.values()) {
      for (const axis of [...plot.below, ...plot.left].filter((each) => "axis_label" in each)) {
        axis.setv({
          axis_label_text_color: text, major_label_text_color: text,
          axis_line_color: quiet, major_tick_line_color: quiet,
        });
      }
      for (const each of plot.center) {
        if ("grid_line_color" in each) each.grid_line_color = line;
        if (each.name === "blank") each.line_color = quiet;
        if (each.name === "marked") each.line_color = colour("accent");
      }
      for (const bar of plot.right) bar.setv({ title_text_color: text, major_label_text_color: text });
      for (const { name, glyph, selection_glyph: selected } of plot.renderers) {
        if (name === "frame") glyph.line_color = line;
        if (name === "words") glyph.text_color = quiet;
        if (["line", "patch"].includes(name)) glyph.line_color = model;
        if (name === "patch" || (name === "dots" && plot !== scatter)) glyph.fill_color = model;
        if (name === "dots" && plot === scatter) selected.line_color = text;
        if (name === "dots" && plot !== scatter) glyph.line_color = model;
      }
    }
  }

  /* ---- what can be taken away ---- */

  const quoted = (value) => (/[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const csv = (rows) => rows.map((row) => row.map(String).map(quoted).join(",")).join("\n") + "\n";
  const cell = (value) => (typeof value === "number" && !Number.isFinite(value) ? "" : value);

  function unitTable() {
    const names = ["place", "layer", "channel", "row", "column"];
    const properties = [...find("x").options].map((each) => each.value);
    const all = [...names, ...properties];
    const rows = visible.map((unit) => all.map((name) => cell(column(name)[unit])));
    return csv([["unit", ...all.slice(1)], ...rows]);
  }

  function curveTable() {
    const rows = panels.filter((panel) => panel.kind === "line").flatMap((panel) => {
      const place = named(figures.get(panel.id), "line").data_source.data.place;
      return responses(panel, chosen).map((response, index) => [
        column("place")[chosen], panel.curve, panel.factor, place[index], cell(response),
        component(panel, chosen),
      ]);
    });
    return csv([["unit", "curve", "factor", "place", "response", "component"], ...rows]);
  }

  const tables = { units: unitTable, curves: curveTable };

  /* ---- the controls ---- */

  for (const name of ["x", "y"]) find(name).addEventListener("change", redraw);
  for (const name of ["layer", "responsive"]) find(name).addEventListener("change", filter);
  find("channel").addEventListener("input", filter);
  find("previous").addEventListener("click", () => step("place", -1));
  find("next").addEventListener("click", () => step("place", 1));
  find("unit").addEventListener("change", () => {
    const wanted = find("unit").value;
    const unit = wanted === "" ? -1 : column("place").indexOf(Number(wanted));
    find("unit").setAttribute("aria-invalid", String(unit < 0));
    if (unit >= 0) choose(unit);
    else {
      const [first, last] = [column("place")[0], column("place")[n - 1]];
      find("wrong").textContent = `There is no unit ${wanted || "without a number"} here: `
        + `they go from ${first} to ${last}.`;
    }
  });
  const keys = {
    ArrowRight: ["x", 1], ArrowLeft: ["x", -1], ArrowUp: ["y", 1], ArrowDown: ["y", -1],
    Home: ["x", -n], End: ["x", n],
  };
  find("scatter").addEventListener("keydown", (event) => {
    if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    step(...keys[event.key]);
  });
  source.selected.properties.indices.change.connect(() => {
    const [unit] = source.selected.indices;
    // A click beside all dots chooses nothing: the last unit stays.
    if (unit === undefined) source.selected.indices = [chosen];
    else if (unit !== chosen) choose(unit);
  });
  for (const button of holder.querySelectorAll("[data-table]")) {
    button.addEventListener("click", () => {
      const blob = new Blob([tables[button.dataset.table]()], { type: "text/csv" });
      insilico.save(blob, button.dataset.file);
    });
  }
  for (const button of holder.querySelectorAll("[data-plot]")) {
    button.addEventListener("click", async () => {
      const view = views.get(figures.get(button.dataset.plot));
      insilico.save(await view.export("svg").to_blob(), button.dataset.file);
    });
  }
  document.addEventListener("insilico:colours", recolour);

  recolour();
  redraw();
  holder.dataset.ready = "";
})();
