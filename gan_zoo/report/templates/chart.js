// Charts as SVG at their real size: axes, lines with bands, dots; pointer and arrow keys read values.

const MARGIN = { top: 10, right: 14, bottom: 38, left: 54 };

// Up to which size an axis is linear beside values larger by orders of magnitude, as in the figures;
// null: all of it.
function linearPart(values) {
  const sizes = values.filter(function (v) { return v && Number.isFinite(v); }).map(Math.abs).sort(function (a, b) { return a - b; });
  if (!sizes.length) return null;
  const reach = 3 * sizes[Math.floor(sizes.length / 2)];
  return sizes[sizes.length - 1] > 100 * reach ? reach : null;
}

// Linear up to reach, in half of the room, and logarithmic beyond.
function bent(reach, low, high) {
  const decades = Math.log10(Math.max(Math.abs(low), Math.abs(high)) / reach);
  return function (v) {
    const size = Math.abs(v) / reach;
    return Math.sign(v) * (size <= 1 ? size * decades : decades + Math.log10(size));
  };
}

function bentTicks(reach, low, high) {
  const most = Math.max(Math.abs(low), Math.abs(high)), found = [0, reach / 3, -reach / 3];
  const first = Math.ceil(Math.log10(reach)), last = Math.floor(Math.log10(most));
  for (let k = first; k <= last; k += Math.max(1, Math.round((last - first) / 3))) found.push(Math.pow(10, k), -Math.pow(10, k));
  return found.filter(function (v) { return v >= low && v <= high; });
}

function scale(low, high, from, to, logarithmic, reach) {
  const f = logarithmic ? Math.log10 : reach ? bent(reach, low, high) : function (v) { return v; };
  const span = f(high) - f(low) || 1;
  return function (value) { return from + (f(value) - f(low)) / span * (to - from); };
}

function extent(values, logarithmic) {
  const usable = values.filter(function (v) { return v !== null && Number.isFinite(v) && (!logarithmic || v > 0); });
  if (!usable.length) return null;
  let low = usable[0], high = usable[0];
  usable.forEach(function (v) { low = Math.min(low, v); high = Math.max(high, v); });
  if (low === high) {
    const room = Math.abs(low) * 0.05 || 1;
    return logarithmic ? [low / 1.5, high * 1.5] : [low - room, high + room];
  }
  if (logarithmic) {
    const room = Math.max(1.08, Math.pow(high / low, 0.04));
    return [low / room, high * room];
  }
  const found = [low - (high - low) * 0.04, high + (high - low) * 0.04];
  found.reach = linearPart(usable);
  if (found.reach) { found[0] = low < 0 ? low * 1.5 : 0; found[1] = high > 0 ? high * 1.5 : 0; }
  return found;
}

// Axes for a plot: {x: [low, high], y: [low, high], xTitle, logX, logY, height, margin}
function frame(holder, plot) {
  holder.querySelectorAll("svg.plot, .nothing").forEach(function (old) { old.remove(); });
  if (!plot.x || !plot.y) {
    element("p", { class: "soft nothing" }, holder, "Nothing to draw for this choice.");
    return null;
  }
  const margin = Object.assign({}, MARGIN, plot.margin);
  const width = Math.max(240, holder.clientWidth), height = plot.height || 240;
  const root = shape("svg", { class: "plot", width: width, height: height, viewBox: "0 0 " + width + " " + height, role: "img", "aria-label": plot.label });
  holder.prepend(root);
  const right = width - margin.right, bottom = height - margin.bottom;
  const reachX = plot.logX ? null : plot.x.reach, reachY = plot.logY ? null : plot.y.reach;
  const x = scale(plot.x[0], plot.x[1], margin.left, right, plot.logX, reachX);
  const y = scale(plot.y[0], plot.y[1], bottom, margin.top, plot.logY, reachY);
  if (reachX || reachY) shape("text", { class: "tick", x: right, y: margin.top, "text-anchor": "end" }, root, "logarithmic beyond ±" + brief(reachY || reachX));
  const across = reachX ? bentTicks(reachX, plot.x[0], plot.x[1]) : plot.logX ? logTicks(plot.x[0], plot.x[1]) : ticks(plot.x[0], plot.x[1], Math.max(2, width / 95), plot.wholeX ? 1 : 0);
  across.forEach(function (value) {
    if (plot.gridX) shape("line", { class: "grid", x1: x(value), x2: x(value), y1: margin.top, y2: bottom }, root);
    shape("text", { class: "tick", x: x(value), y: bottom + 16, "text-anchor": "middle" }, root, brief(value));
  });
  if (!plot.rows) {
    (reachY ? bentTicks(reachY, plot.y[0], plot.y[1]) : plot.logY ? logTicks(plot.y[0], plot.y[1]) : ticks(plot.y[0], plot.y[1], 5)).forEach(function (value) {
      shape("line", { class: "grid", x1: margin.left, x2: right, y1: y(value), y2: y(value) }, root);
      shape("text", { class: "tick", x: margin.left - 7, y: y(value) + 4, "text-anchor": "end" }, root, brief(value));
    });
  }
  shape("line", { class: "axis", x1: margin.left, x2: right, y1: bottom, y2: bottom }, root);
  if (plot.xTitle) shape("text", { class: "tick", x: (margin.left + right) / 2, y: height - 4, "text-anchor": "middle" }, root, plot.xTitle);
  if (plot.yTitle) shape("text", { class: "tick", x: 0, y: 0, "text-anchor": "middle", transform: "translate(11 " + (margin.top + bottom) / 2 + ") rotate(-90)" }, root, plot.yTitle);
  return { root: root, x: x, y: y, left: margin.left, right: right, top: margin.top, bottom: bottom, width: width };
}

function path(points, x, y) {
  return points.map(function (p, i) { return (i ? "L" : "M") + x(p.x).toFixed(1) + " " + y(p.y).toFixed(1); }).join("");
}

// Lines with bands: plot.series = [{variant, points: [{x, y, low, high, n}]}], plot.threads (single
// seeds), plot.crosses = [{variant, x, y}] where runs diverged, plot.ends = [{variant, y}] of a range.
function lineChart(holder, plot) {
  const positive = function (p) { return !plot.logY || p.y > 0; };
  plot.series.forEach(function (s) { s.points = s.points.filter(positive); });
  const all = plot.series.concat(plot.threads || []).flatMap(function (s) { return s.points; });
  plot.x = extent(all.map(function (p) { return p.x; }), plot.logX);
  const real = plot.real === null || plot.real === undefined || (plot.logY && plot.real <= 0) ? [] : [plot.real];
  const ends = (plot.ends || []).filter(positive);
  plot.y = extent(real.concat(ends.map(function (e) { return e.y; }), all.flatMap(function (p) { return p.low === undefined ? [p.y] : [p.y, p.low, p.high]; })), plot.logY);
  const view = frame(holder, plot);
  if (!view) return reader(holder, null);
  const floor = plot.y[0];
  real.forEach(function (value) {
    shape("title", {}, shape("line", { class: "real", x1: view.left, x2: view.right, y1: view.y(value), y2: view.y(value) }, view.root), "Real images: " + format(value));
  });
  ends.forEach(function (e) {
    const group = coloured(shape("g", {}, view.root), e.variant);
    const line = shape("line", { class: "end", x1: view.left, x2: view.right, y1: view.y(e.y), y2: view.y(e.y) }, group);
    shape("title", {}, line, data.variants[e.variant].name + ": its divergence ends at " + format(e.y));
  });
  plot.series.forEach(function (s) {
    const group = coloured(shape("g", { class: "line" }, view.root), s.variant);
    const banded = s.points.filter(function (p) { return p.n > 1; });
    if (banded.length > 1) {
      const upper = banded.map(function (p) { return { x: p.x, y: p.high }; });
      const lower = banded.map(function (p) { return { x: p.x, y: Math.max(p.low, floor) }; }).reverse();
      shape("path", { class: "band", d: path(upper.concat(lower), view.x, view.y) + "Z" }, group);
    }
    if (s.points.length === 1) shape("circle", { cx: view.x(s.points[0].x), cy: view.y(s.points[0].y), r: 3, class: "dot" }, group);
    shape("path", { class: "middle", d: path(s.points, view.x, view.y), "stroke-dasharray": data.variants[s.variant].dash }, group);
  });
  (plot.threads || []).forEach(function (s) {
    const group = coloured(shape("g", {}, view.root), s.variant);
    shape("path", { class: "thread", d: path(s.points.filter(positive), view.x, view.y) }, group);
  });
  (plot.crosses || []).filter(positive).forEach(function (c) { cross(view, c); });
  return reader(holder, { view: view, series: plot.series, xTitle: plot.xTitle });
}

function cross(view, at) {
  const x = view.x(at.x), y = view.y(at.y);
  const d = "M" + (x - 4) + " " + (y - 4) + "l8 8m0 -8l-8 8";
  const group = coloured(shape("g", {}, view.root), at.variant);
  shape("title", {}, shape("path", { class: "cross", d: d }, group), data.variants[at.variant].name + ": a run diverged here");
}

// Values under the pointer, or, with the chart focused, at the place that arrow keys move.
function reader(holder, drawn) {
  let tip = holder.querySelector(".tip");
  if (!tip) {
    tip = element("div", { class: "tip", "aria-live": "polite", hidden: "" }, holder);
    holder.tabIndex = 0;
    holder.addEventListener("pointermove", function (event) { holder.readAt(event.clientX - holder.getBoundingClientRect().left); });
    holder.addEventListener("pointerleave", function () { holder.readOff(); });
    holder.addEventListener("blur", function () { holder.readOff(); });
    holder.addEventListener("keydown", function (event) {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) { event.preventDefault(); holder.readStep(step); }
      if (event.key === "Escape") holder.readOff();
    });
  }
  let rule = null, place = -1;
  holder.readOff = function () { tip.hidden = true; if (rule) rule.remove(); rule = null; };
  holder.readOff();
  const stops = !drawn ? [] : Array.from(new Set(drawn.series.flatMap(function (s) { return s.points.map(function (p) { return p.x; }); }))).sort(function (a, b) { return a - b; });
  holder.readStep = function (step) {
    place = Math.min(stops.length - 1, Math.max(0, place + step));
    if (stops.length) show(stops[place]);
  };
  holder.readAt = function (pixel) {
    if (!stops.length) return;
    let best = 0;
    stops.forEach(function (stop, i) { if (Math.abs(drawn.view.x(stop) - pixel) < Math.abs(drawn.view.x(stops[best]) - pixel)) best = i; });
    place = best;
    show(stops[best]);
  };
  function show(at) {
    holder.readOff();
    const x = drawn.view.x(at);
    rule = shape("line", { class: "rule", x1: x, x2: x, y1: drawn.view.top, y2: drawn.view.bottom }, drawn.view.root);
    tip.replaceChildren();
    element("b", {}, tip, (drawn.xTitle || "") + " " + format(at));
    nearest(drawn.series, at).forEach(function (entry) {
      const row = element("div", {}, tip);
      keyOf(entry.variant, row);
      const p = entry.point;
      const spread = p.n > 1 ? " (" + format(p.low) + " to " + format(p.high) + ", " + p.n + " seeds)" : "";
      element("span", {}, row, (entry.name || data.variants[entry.variant].name) + " " + format(p.y) + spread);
    });
    tip.hidden = false;
    const room = holder.clientWidth - tip.offsetWidth - 4;
    tip.style.left = Math.max(4, Math.min(room, x < drawn.view.width / 2 ? x + 12 : x - tip.offsetWidth - 12)) + "px";
  }
}

function nearest(series, at) {
  return series.filter(function (s) { return s.points.length; }).map(function (s) {
    const point = s.points.reduce(function (a, b) { return Math.abs(b.x - at) < Math.abs(a.x - at) ? b : a; });
    return { variant: s.variant, name: s.name, point: point };
  }).slice(0, 14);
}

function onResize(holder, draw) {
  let width = 0;
  new ResizeObserver(function () {
    if (holder.clientWidth && holder.clientWidth !== width) { width = holder.clientWidth; draw(); }
  }).observe(holder);
}
