// Learning curves: every panel has its own quantity, all share the axis.

function aggregate(variant, column, axis) {
  const at = new Map();
  data.runs.forEach(function (run) {
    const xs = lookup(run.curves, axis), ys = lookup(run.curves, column), epochs = lookup(run.curves, "epoch");
    if (run.variant !== variant || !xs || !ys || !epochs) return;
    epochs.forEach(function (epoch, i) {
      if (ys[i] === null || xs[i] === null) return;
      if (!at.has(epoch)) at.set(epoch, { xs: [], ys: [] });
      at.get(epoch).xs.push(xs[i]);
      at.get(epoch).ys.push(ys[i]);
    });
  });
  return Array.from(at.keys()).sort(function (a, b) { return a - b; }).map(function (epoch) {
    const found = at.get(epoch);
    return { x: median(found.xs), y: median(found.ys), low: Math.min.apply(null, found.ys), high: Math.max.apply(null, found.ys), n: found.ys.length };
  });
}

function single(run, column, axis) {
  const xs = lookup(run.curves, axis) || [], ys = lookup(run.curves, column) || [], points = [];
  xs.forEach(function (x, i) { if (x !== null && ys[i] !== null && ys[i] !== undefined) points.push({ x: x, y: ys[i] }); });
  return points;
}

// The ends of what a variant's divergence can be; an end without a bound is not drawn.
function endsOf(variant) {
  return (data.variants[variant].range || []).filter(function (end) { return end !== null; }).map(function (end) { return { variant: variant, y: end }; });
}

function drawCurve(panel) {
  const holder = panel.querySelector(".chart"), column = panel.querySelector("select").value;
  const logarithmic = panel.querySelector("input").checked, threads = find("seeds").checked;
  const runs = data.runs.filter(function (run) { return shown(run.variant); });
  const variants = Array.from(new Set(runs.map(function (run) { return run.variant; })));
  const series = variants.map(function (v) { return { variant: v, points: aggregate(v, column, state.axis) }; });
  const crosses = runs.filter(function (run) { return run.status === "diverged"; }).map(function (run) {
    return Object.assign({ variant: run.variant }, single(run, column, state.axis).pop());
  }).filter(function (c) { return c.x !== undefined; });
  const quantity = data.columns.find(function (c) { return c.name === column; });
  lineChart(holder, {
    real: realOf(quantity),
    series: series.filter(function (s) { return s.points.length; }),
    threads: threads ? runs.map(function (run) { return { variant: run.variant, points: single(run, column, state.axis) }; }) : [],
    crosses: crosses,
    ends: column === "estimated_divergence" ? variants.flatMap(endsOf) : [],
    xTitle: data.axes.find(function (a) { return a[0] === state.axis; })[1],
    wholeX: state.axis === "epoch",
    logY: logarithmic,
    label: quantity.title,
  });
}

(function curves() {
  const panels = Array.from(document.querySelectorAll(".curve"));
  if (!panels.length) return;
  const wanted = ["fid", "label_accuracy", "generator_test_generation", "gradient_norm_generator"];
  const names = data.columns.map(function (c) { return c.name; });
  const start = wanted.map(function (w) { return names[data.columns.findIndex(function (c) { return c.base.indexOf(w) === 0; })]; }).filter(Boolean);
  names.forEach(function (n) { if (start.length < panels.length && !start.includes(n)) start.push(n); });
  panels.forEach(function (panel, i) {
    if (i >= start.length) { panel.hidden = true; return; }
    const select = panel.querySelector("select"), box = panel.querySelector("input");
    data.columns.forEach(function (column) { option(select, column, data.columns); });
    select.value = start[i];
    const usual = function () { box.checked = data.columns.find(function (c) { return c.name === select.value; }).log; };
    const draw = function () { drawCurve(panel); };
    usual();
    select.addEventListener("change", function () { usual(); draw(); });
    box.addEventListener("change", draw);
    onChange(draw);
    onResize(panel.querySelector(".chart"), draw);
  });
  const axis = find("axis");
  const present = data.axes.filter(function (a) { return data.runs.some(function (run) { return lookup(run.curves, a[0]); }); });
  present.forEach(function (a) { element("option", { value: a[0] }, axis, a[1]); });
  axis.value = state.axis;
  axis.addEventListener("change", function () { state.axis = axis.value; changed(); });
  find("seeds").addEventListener("change", changed);
})();

// The vanishing gradient: one dot for each epoch of each run, thinned to what a page can draw.
(function gradients() {
  const holder = find("gradients"), most = 4000;
  if (!holder) return;
  const all = data.runs.flatMap(function (run) {
    const real = lookup(run.curves, "discriminator_accuracy_real"), fake = lookup(run.curves, "discriminator_accuracy_fake");
    const norm = lookup(run.curves, "gradient_norm_generator"), epoch = lookup(run.curves, "epoch");
    if (!real || !fake || !norm || !epoch) return [];
    return norm.map(function (value, i) {
      const sure = real[i] === null || fake[i] === null ? null : (real[i] + fake[i]) / 2;
      return { variant: run.variant, seed: run.seed, epoch: epoch[i], x: sure, y: value };
    });
  }).filter(function (p) { return p.x !== null && p.y > 0; });
  const step = Math.ceil(all.length / most);
  function draw() {
    const points = all.filter(function (p, i) { return i % step === 0 && shown(p.variant); });
    const view = frame(holder, { x: extent(points.map(function (p) { return p.x; })), y: extent(points.map(function (p) { return p.y; }), true), logY: true, gridX: true, height: 300, xTitle: "Discriminator accuracy, mean of real and generated", yTitle: "Gradient norm, generator", margin: { left: 66 }, label: "Generator's gradient norm against discriminator accuracy, a dot per epoch and run" });
    if (!view) return;
    const groups = new Map();
    points.forEach(function (p) {
      if (!groups.has(p.variant)) groups.set(p.variant, coloured(shape("g", { class: "dots faint" }, view.root), p.variant));
      dot(groups.get(p.variant), p.variant, view.x(p.x), view.y(p.y), 3, data.variants[p.variant].name + ", seed " + p.seed + ", epoch " + p.epoch + ": " + format(p.y));
    });
  }
  onChange(draw);
  onResize(holder, draw);
})();
