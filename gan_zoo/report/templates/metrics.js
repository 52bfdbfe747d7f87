// Final metrics: distributions over seeds, pairwise comparison, ranks, trade-offs, budgets.

const ROW = 30;

function rows(holder, variants, plot) {
  const narrow = holder.clientWidth < 560;
  plot.margin = { left: narrow ? 8 : Math.min(240, 40 + 7 * Math.max.apply(null, variants.map(function (v) { return Math.min(30, data.variants[v].name.length); }).concat([4]))), top: 4 };
  plot.step = narrow ? ROW + 14 : ROW;
  plot.height = variants.length * plot.step + MARGIN.bottom + 8;
  plot.y = [variants.length, 0];
  plot.rows = plot.gridX = true;
  const view = frame(holder, plot);
  if (!view) return null;
  view.middle = function (row) { return 4 + row * plot.step + plot.step / 2 + (narrow ? 8 : 0); };
  variants.forEach(function (variant, row) {
    const name = data.variants[variant].name;
    const text = name.length > 32 ? name.slice(0, 31) + "…" : name;
    const at = narrow ? { x: 8, y: view.middle(row) - 14 } : { x: view.left - 12, y: view.middle(row) + 4, "text-anchor": "end" };
    shape("title", {}, shape("text", Object.assign({ class: "name" }, at), view.root, text), name);
    if (row) shape("line", { class: "grid", x1: 0, x2: view.right, y1: 4 + row * plot.step, y2: 4 + row * plot.step }, view.root);
  });
  return view;
}

function drawDistribution() {
  const holder = find("distribution");
  if (!holder || !state.metric) return;
  const metric = metricOf(state.metric), values = lookup(data.values, state.metric);
  const variants = data.variants.map(function (_, i) { return i; }).filter(shown);
  const sign = metric.better;
  if (metric.better) variants.sort(function (a, b) {
    const of = function (v) { return values[v].estimate ? sign * values[v].estimate.mean : -Infinity; };
    return of(b) === of(a) ? a - b : of(b) - of(a);
  });
  const real = realOf(metric);
  const numbers = (real === null ? [] : [real]).concat(variants.flatMap(function (v) {
    const e = values[v].estimate;
    const edge = e && e.interval ? [e.interval.low, e.interval.high] : [];
    return edge.concat(values[v].runs.filter(function (r) { return r[2] === "finished"; }).map(function (r) { return r[1]; }));
  }));
  const view = rows(holder, variants, { x: extent(numbers), xTitle: titleOf(metric), label: metric.title + ": every seed, mean and 95% t-interval for each variant" });
  if (!view) return;
  if (real !== null) {
    const line = shape("line", { class: "real", x1: view.x(real), x2: view.x(real), y1: view.top, y2: view.bottom }, view.root);
    shape("title", {}, line, "Real images: " + format(real));
  }
  variants.forEach(function (v, row) {
    const group = coloured(shape("g", { class: "dots" }, view.root), v), y = view.middle(row), e = values[v].estimate;
    if (e && e.interval) shape("line", { class: "interval", x1: view.x(e.interval.low), x2: view.x(e.interval.high), y1: y, y2: y }, group);
    if (e) shape("line", { class: "mean", x1: view.x(e.mean), x2: view.x(e.mean), y1: y - 9, y2: y + 9 }, group);
    const lost = [];
    values[v].runs.forEach(function (run) {
      if (run[2] !== "finished" || run[1] === null || run[1] === undefined) { lost.push(run); return; }
      const within = run.length > 4 ? " (sampling noise " + format(run[3]) + " to " + format(run[4]) + ")" : "";
      dot(group, v, view.x(run[1]), y, 4, data.variants[v].name + ", seed " + run[0] + ": " + format(run[1]) + within);
    });
    const said = lost.map(function (run) { return run[2] === "finished" ? "seed " + run[0] + " has no value" : "seed " + run[0] + " " + run[2]; });
    if (said.length) shape("text", { class: "lost", x: view.right, y: y - 7, "text-anchor": "end" }, view.root, said.length > 2 ? said.length + " seeds without a value" : said.join(", "));
  });
}

function drawEstimates() {
  const body = find("estimates");
  if (!body || !state.metric) return;
  body.replaceChildren();
  lookup(data.values, state.metric).forEach(function (found, v) {
    if (!shown(v)) return;
    const row = element("tr", {}, body), e = found.estimate;
    const name = element("th", { scope: "row", class: "variant", "data-sort": data.variants[v].name }, row);
    keyOf(v, name);
    name.append(data.variants[v].name);
    number(row, e ? e.n : 0, (e ? e.n : 0) + " of " + found.runs.length, "");
    ["mean", "median", "iqm", "smallest", "largest"].forEach(function (key) {
      number(row, e ? e[key] : "", e ? format(e[key]) : "–", key === "mean" && e ? bounds(e.interval) || "one seed" : "");
    });
  });
}

function drawCheckpoints() {
  const body = find("checkpoints");
  if (!body || !state.metric) return;
  body.replaceChildren();
  const metric = metricOf(state.metric), sign = metric.better;
  const first = lookup(data.values, data.checkpoints[0][0] + metric.base);
  data.variants.forEach(function (variant, v) {
    if (!shown(v)) return;
    const row = element("tr", {}, body), name = element("th", { scope: "row", class: "variant", "data-sort": variant.name }, row);
    keyOf(v, name);
    name.append(variant.name);
    data.checkpoints.forEach(function (checkpoint, place) {
      const found = lookup(data.values, checkpoint[0] + metric.base), e = found && found[v].estimate;
      let better = 0, both = 0;
      if (place && e && first && sign) {
        found[v].runs.forEach(function (run, i) {
          const last = first[v].runs[i][1];
          if (run[2] !== "finished" || typeof run[1] !== "number" || typeof last !== "number") return;
          both += 1;
          if (sign * (run[1] - last) > 0) better += 1;
        });
      }
      number(row, e ? e.mean : "", e ? format(e.mean) : "–", both ? better + " of " + both : "");
    });
  });
}

function tint(cell, theta) {
  const strength = Math.round(Math.abs(theta - 0.5) * 150);
  cell.style.setProperty("--strength", strength + "%");
  cell.classList.add(theta >= 0.5 ? "better" : "worse");
}

function drawMatrix() {
  const holder = find("matrix");
  if (!holder) return;
  holder.replaceChildren();
  const pairs = pairsOf(state.metric).filter(function (p) { return shown(p.first) && shown(p.second); });
  const present = Array.from(new Set(pairs.flatMap(function (p) { return [p.first, p.second]; }))).sort(function (a, b) { return a - b; });
  if (!present.length) { element("p", { class: "soft" }, holder, "This metric has no direction, or fewer than two variants have values: nothing is compared."); return; }
  const found = new Map();
  pairs.forEach(function (p) {
    found.set(p.first + " " + p.second, [p.theta, p, p.interval]);
    found.set(p.second + " " + p.first, [1 - p.theta, p, p.interval && { low: 1 - p.interval.high, high: 1 - p.interval.low }]);
  });
  const table = element("table", { class: "matrix" }, holder);
  const head = element("tr", {}, element("thead", {}, table));
  element("th", { scope: "col" }, head, "better than →");
  present.forEach(function (v) { element("th", { scope: "col", title: data.variants[v].name }, head, String(v + 1)); });
  const body = element("tbody", {}, table);
  present.forEach(function (v) {
    const row = element("tr", {}, body), name = element("th", { scope: "row", class: "variant" }, row);
    keyOf(v, name);
    name.append(v + 1 + " " + data.variants[v].name);
    present.forEach(function (other) {
      const cell = element("td", {}, row), entry = found.get(v + " " + other);
      if (!entry) return;
      cell.textContent = entry[0].toFixed(2);
      tint(cell, entry[0]);
      if (established(entry[1])) cell.classList.add("sure");
      cell.title = data.variants[v].name + " better than " + data.variants[other].name + " with probability " + entry[0].toFixed(2) + " " + bounds(entry[2], 2) + ", Holm p " + formatP(entry[1].p_holm);
    });
  });
}

function established(pair) {
  return pair.p_holm < 0.05 && pair.interval !== null && !(pair.interval.low <= 0.5 && pair.interval.high >= 0.5);
}

function drawPairs() {
  const body = find("pairs");
  if (!body) return;
  body.replaceChildren();
  pairsOf(state.metric).forEach(function (p) {
    if (!shown(p.first) || !shown(p.second)) return;
    const turn = p.theta < 0.5;  // the variant that is better more often comes first
    const a = turn ? p.second : p.first, b = turn ? p.first : p.second, sign = turn ? -1 : 1;
    const within = p.interval && turn ? { low: 1 - p.interval.high, high: 1 - p.interval.low } : p.interval;
    const shift = p.shift_interval && turn ? { low: -p.shift_interval.high, high: -p.shift_interval.low } : p.shift_interval;
    const row = element("tr", established(p) ? { class: "sure" } : {}, body);
    const names = element("th", { scope: "row", class: "variant" }, row);
    keyOf(a, names);
    names.append(data.variants[a].name + " over " + data.variants[b].name);
    number(row, turn ? 1 - p.theta : p.theta, (turn ? 1 - p.theta : p.theta).toFixed(2), bounds(within, 2));
    number(row, p.p_holm, formatP(p.p_holm), "uncorrected " + formatP(p.p));
    number(row, p.shift === null ? "" : sign * p.shift, p.shift === null ? "–" : format(sign * p.shift), bounds(shift));
    number(row, p.effect === null ? "" : sign * p.effect, p.effect === null ? "–" : (sign * p.effect).toFixed(2), "");
    const paired = p.paired_interval && turn ? { low: -p.paired_interval.high, high: -p.paired_interval.low } : p.paired_interval;
    number(row, p.paired_shift === null ? "" : sign * p.paired_shift, p.paired_shift === null ? "–" : format(sign * p.paired_shift), bounds(paired));
    const wins = turn ? p.shared - p.wins : p.wins;
    number(row, p.shared ? wins / p.shared : "", p.shared ? wins + " of " + p.shared : "–", p.shared ? "p " + formatP(p.p_paired) : "");
  });
  if (!body.rows.length) element("td", { colspan: 7 }, element("tr", {}, body), "No pair to compare.");
}

function number(row, sort, text, small) {
  const cell = element("td", { class: "num", "data-sort": sort }, row, text);
  if (small) element("small", {}, cell, small);
}

function drawRanks() {
  const holder = find("ranks");
  if (!holder) return;
  const found = lookup(data.rankings, state.metric), block = holder.closest("[data-block]");
  block.hidden = !found;
  if (!found) return;
  const order = found.variants.map(function (v, i) { return [v, found.mean_ranks[i]]; }).filter(function (e) { return shown(e[0]); }).sort(function (a, b) { return a[1] - b[1]; });
  const half = found.critical_difference / 2, count = found.variants.length;
  const view = rows(holder, order.map(function (e) { return e[0]; }), { x: [0.6, count + 0.4], xTitle: "Mean rank over " + found.seeds + " seeds (1 is best)", label: "Mean ranks with half the critical difference to each side" });
  find("rank-words").textContent = "Friedman's test: p " + (found.p === null ? "not defined" : formatP(found.p)) + ". Critical difference " + found.critical_difference.toFixed(2) + ": two variants whose bars overlap do not differ significantly (Nemenyi, 5%" + (found.seeds < 10 ? "; rough for so few seeds" : "") + ").";
  if (!view) return;
  order.forEach(function (entry, row) {
    const group = coloured(shape("g", { class: "dots" }, view.root), entry[0]), y = view.middle(row);
    const clip = function (r) { return view.x(Math.min(count + 0.4, Math.max(0.6, r))); };
    shape("line", { class: "interval", x1: clip(entry[1] - half), x2: clip(entry[1] + half), y1: y, y2: y }, group);
    dot(group, entry[0], view.x(entry[1]), y, 4.5, "mean rank " + entry[1].toFixed(2));
  });
}

function drawTradeOffs() {
  document.querySelectorAll("[data-trade]").forEach(function (holder) {
    const x = metricOf(state.checkpoint + holder.dataset.across), y = metricOf(state.checkpoint + holder.dataset.up), points = [];
    if (!x || !y) return void frame(holder, {});
    data.variants.forEach(function (_, v) {
      if (!shown(v)) return;
      lookup(data.values, x.name)[v].runs.forEach(function (run, i) {
        const other = lookup(data.values, y.name)[v].runs[i][1];
        if (run[2] === "finished" && typeof run[1] === "number" && typeof other === "number") points.push({ variant: v, seed: run[0], x: run[1], y: other });
      });
    });
    const real = { x: realOf(x), y: realOf(y) }, known = real.x !== null && real.y !== null;
    const all = known ? points.concat([real]) : points;
    const view = frame(holder, { x: extent(all.map(function (p) { return p.x; })), y: extent(all.map(function (p) { return p.y; })), xTitle: titleOf(x), yTitle: titleOf(y), margin: { left: 66 }, height: 300, gridX: true, label: x.title + " against " + y.title + ", a dot per seed" });
    if (!view) return;
    if (known) {
      const at = "translate(" + view.x(real.x).toFixed(1) + " " + view.y(real.y).toFixed(1) + ")";
      shape("title", {}, shape("path", { class: "real", d: "M-7 0H7M0 -7V7", transform: at }, view.root), "Real images: " + format(real.x) + ", " + format(real.y));
      const left = view.x(real.x) - view.left < 100;
      shape("text", { class: "tick", x: view.x(real.x) + (left ? 10 : -10), y: view.y(real.y) + 4, "text-anchor": left ? "start" : "end" }, view.root, "real images");
    }
    points.forEach(function (p) {
      const group = coloured(shape("g", { class: "dots" }, view.root), p.variant);
      dot(group, p.variant, view.x(p.x), view.y(p.y), 4.5, data.variants[p.variant].name + ", seed " + p.seed + ": " + format(p.x) + ", " + format(p.y));
    });
  });
}

function drawBudgets() {
  const holder = find("budgets");
  if (!holder) return;
  const found = lookup(data.budgets, state.metric) || [];
  holder.closest("[data-block]").hidden = !found.length;
  const series = found.map(function (entry) {
    const points = entry.curve.expected.map(function (value, i) { return { x: i + 1, y: value, low: entry.curve.low[i], high: entry.curve.high[i], n: 2 }; });
    return { variant: entry.variant, name: entry.loss, points: points };
  });
  if (found.length) lineChart(holder, { series: series, xTitle: "Settings tried", wholeX: true, label: "Expected " + metricOf(state.metric).title + " of the best of k settings" });
  const words = find("budget-words");
  words.replaceChildren();
  found.forEach(function (entry) {
    const item = element("span", { class: "item" }, words);
    keyOf(entry.variant, item);
    item.append(entry.loss + ": " + entry.settings + " settings" + (entry.lost ? ", " + entry.lost + " without a finished run" : "") + ", chosen by " + entry.selected_by);
  });
}

[drawDistribution, drawEstimates, drawCheckpoints, drawMatrix, drawPairs, drawRanks, drawTradeOffs, drawBudgets].forEach(onChange);
["distribution", "ranks", "budgets"].forEach(function (id) {
  if (find(id)) onResize(find(id), { distribution: drawDistribution, ranks: drawRanks, budgets: drawBudgets }[id]);
});
document.querySelectorAll("[data-trade]").forEach(function (holder) { onResize(holder, drawTradeOffs); });
