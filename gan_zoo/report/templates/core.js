"use strict";
// Data, small helpers, and which variants are shown. All files of the page's script share one scope.

const data = JSON.parse(document.getElementById("data").textContent);
const state = { metric: null, checkpoint: "", axis: "epoch", hidden: new Set() };
const redraws = [];

function onChange(draw) {
  redraws.push(draw);
  draw();
}

function changed() {
  redraws.forEach(function (draw) { draw(); });
}

function shown(variant) {
  return !state.hidden.has(variant);
}

function find(id) {
  return document.getElementById(id);
}

// Names come from records: "constructor" must not find what every object has.
function lookup(table, name) {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function element(name, attributes, parent, text) {
  const made = document.createElement(name);
  Object.entries(attributes || {}).forEach(function (entry) { made.setAttribute(entry[0], entry[1]); });
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

function shape(name, attributes, parent, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes || {}).forEach(function (entry) { made.setAttribute(entry[0], entry[1]); });
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

function coloured(node, variant) {
  node.classList.add("v");
  node.style.setProperty("--v-light", data.variants[variant].light);
  node.style.setProperty("--v-dark", data.variants[variant].dark);
  return node;
}

function keyOf(variant, parent) {
  const key = shape("svg", { class: "key", viewBox: "0 0 22 6", "aria-hidden": "true" }, parent);
  shape("line", { x1: 0, x2: 22, y1: 3, y2: 3, "stroke-dasharray": data.variants[variant].dash }, key);
  return coloured(key, variant);
}

function format(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e9 || size < 1e-4) return value.toExponential(2);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  return Number(value.toPrecision(4)).toString();
}

function brief(value) {
  const size = Math.abs(value);
  if (size >= 1e6) return Number((value / 1e6).toPrecision(3)) + "M";
  if (size >= 1e4) return Number((value / 1e3).toPrecision(3)) + "k";
  if (size !== 0 && size < 1e-3) return value.toExponential(0);
  return Number(value.toPrecision(6)).toString();
}

function formatP(p) {
  if (p === null || p === undefined) return "–";
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
}

function bounds(interval, digits) {
  if (!interval) return "";
  const write = digits === undefined ? format : function (v) { return v.toFixed(digits); };
  return "[" + write(interval.low) + ", " + write(interval.high) + "]";
}

function median(values) {
  const sorted = values.slice().sort(function (a, b) { return a - b; });
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function ticks(low, high, about, least) {
  if (!(high > low)) return [low];
  const rough = Math.max((high - low) / about, least || 0);
  const power = Math.pow(10, Math.floor(Math.log10(rough)));
  const step = [1, 2, 5, 10].map(function (m) { return m * power; }).find(function (s) { return s >= rough; });
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i += 1) found.push(i * step);
  return found;
}

function logTicks(low, high) {
  const found = [];
  const wide = Math.log10(high / low) > 2;
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    (wide ? [1] : [1, 2, 5]).forEach(function (m) {
      const value = m * Math.pow(10, power);
      if (value >= low && value <= high) found.push(value);
    });
  }
  return found.length > 1 ? found : ticks(low, high, 4);
}

function metricOf(name) {
  return data.metrics.find(function (metric) { return metric.name === name; });
}

// What the metric, whatever the checkpoint, gives for real data.
function realOf(quantity) {
  const found = (lookup(data.references, quantity.base) || []).find(function (r) { return r[0] === "real"; });
  return found ? found[2] : null;
}

// Pairs come without the names of their entries.
function pairsOf(metric) {
  return (lookup(data.pairs, metric) || []).map(function (row) {
    return Object.fromEntries(row.map(function (value, i) { return [data.pair[i], value]; }));
  });
}

// A variant's own shape around a place, for the same colour comes back after seven variants.
const SHAPES = {
  o: function (r) { return "M" + -r + " 0a" + r + " " + r + " 0 1 0 " + 2 * r + " 0a" + r + " " + r + " 0 1 0 " + -2 * r + " 0z"; },
  s: function (r) { return "M" + -r + " " + -r + "h" + 2 * r + "v" + 2 * r + "h" + -2 * r + "z"; },
  "^": function (r) { return "M0 " + -1.2 * r + "L" + 1.15 * r + " " + r + "H" + -1.15 * r + "z"; },
  D: function (r) { return "M0 " + -1.35 * r + "L" + 1.35 * r + " 0L0 " + 1.35 * r + "L" + -1.35 * r + " 0z"; },
  v: function (r) { return "M0 " + 1.2 * r + "L" + 1.15 * r + " " + -r + "H" + -1.15 * r + "z"; },
  P: function (r) { const a = r * 0.45; return "M" + -a + " " + -r + "h" + 2 * a + "V" + -a + "H" + r + "v" + 2 * a + "H" + a + "V" + r + "h" + -2 * a + "V" + a + "H" + -r + "v" + -2 * a + "H" + -a + "z"; },
  X: function (r) { return "M" + -r + " " + -r * 0.5 + "L" + -r * 0.5 + " " + -r + "L0 " + -r * 0.5 + "L" + r * 0.5 + " " + -r + "L" + r + " " + -r * 0.5 + "L" + r * 0.5 + " 0L" + r + " " + r * 0.5 + "L" + r * 0.5 + " " + r + "L0 " + r * 0.5 + "L" + -r * 0.5 + " " + r + "L" + -r + " " + r * 0.5 + "L" + -r * 0.5 + " 0z"; },
};

function dot(parent, variant, x, y, size, title) {
  const made = shape("path", { class: "dot", d: SHAPES[data.variants[variant].shape](size), transform: "translate(" + x.toFixed(1) + " " + y.toFixed(1) + ")" }, parent);
  if (title) shape("title", {}, made, title);
  return made;
}

function titleOf(quantity) {
  return (quantity.title + " " + quantity.arrow).trim();
}

function option(select, quantity, among) {
  const twins = among.filter(function (other) { return other.title === quantity.title; }).length > 1;
  const words = titleOf(quantity) + (twins && quantity.detail ? " (" + quantity.detail + ")" : "");
  element("option", { value: quantity.name }, select, words);
}
