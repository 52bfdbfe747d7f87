// Variant chips, the metric choice, sortable tables and the columns of the results table.

(function chips() {
  document.querySelectorAll("[data-chip]").forEach(function (chip) {
    const variant = Number(chip.dataset.chip);
    chip.addEventListener("click", function () {
      if (state.hidden.has(variant)) state.hidden.delete(variant); else state.hidden.add(variant);
      changed();
    });
    onChange(function () { chip.setAttribute("aria-pressed", String(shown(variant))); });
  });
  const all = find("all-variants");
  if (all) {
    all.addEventListener("click", function () {
      if (state.hidden.size) state.hidden.clear();
      else data.variants.forEach(function (_, index) { state.hidden.add(index); });
      changed();
    });
    onChange(function () { all.textContent = state.hidden.size ? "Show all" : "Hide all"; });
  }
  onChange(function () {
    document.querySelectorAll("[data-variant]").forEach(function (node) {
      node.hidden = !shown(Number(node.dataset.variant));
    });
  });
})();

(function metricChoice() {
  if (!data.metrics.length) return;
  const select = find("metric"), checkpoint = find("checkpoint");
  let base = null;
  function choose() {
    const among = data.metrics.filter(function (metric) { return metric.checkpoint === state.checkpoint; });
    const kept = among.find(function (metric) { return metric.base === base; }) || among[0];
    state.metric = kept.name;
    base = kept.base;
    if (!select) return;
    select.replaceChildren();
    among.forEach(function (metric) { option(select, metric, among); });
    select.value = kept.name;
  }
  state.checkpoint = data.metrics[0].checkpoint;
  choose();
  if (select) select.addEventListener("change", function () { state.metric = select.value; base = metricOf(select.value).base; changed(); });
  if (checkpoint) checkpoint.addEventListener("change", function () { state.checkpoint = checkpoint.value; choose(); changed(); });
})();

(function columns() {
  const boxes = Array.from(document.querySelectorAll("#columns input"));
  function set() {
    const chosen = new Set(boxes.filter(function (box) { return box.checked; }).map(function (box) { return box.value; }));
    document.querySelectorAll("[data-of]").forEach(function (cell) {
      const name = cell.dataset.column;
      cell.hidden = cell.dataset.of !== state.checkpoint || (boxes.length > 0 && name !== undefined && !chosen.has(name));
    });
  }
  boxes.forEach(function (box) { box.addEventListener("change", set); });
  onChange(set);
  const measured = document.querySelector("[data-measured]");
  if (measured) onChange(function () { measured.textContent = data.checkpoints.find(function (c) { return c[0] === state.checkpoint; })[1]; });
})();

function sortValue(cell) {
  const value = cell.dataset.sort !== undefined ? cell.dataset.sort : cell.textContent.trim();
  const number = Number(value);
  return value !== "" && Number.isFinite(number) ? number : value;
}

function compareCells(a, b) {
  const missing = function (v) { return v === "" || v === "–"; };
  if (missing(a) || missing(b)) return missing(a) - missing(b) || 0;
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

function sortable(table) {
  const heads = Array.from(table.tHead.rows[0].cells);
  heads.forEach(function (head, column) {
    const button = element("button", { type: "button", class: "sort" });
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", function () {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const body = table.tBodies[0];
      const rows = Array.from(body.rows).map(function (row) { return [sortValue(row.cells[column]), row]; });
      const missing = function (v) { return v === "" || v === "–"; };
      rows.sort(function (a, b) {
        const order = compareCells(a[0], b[0]);
        return missing(a[0]) || missing(b[0]) || up ? order : -order;
      });
      body.append(...rows.map(function (entry) { return entry[1]; }));
    });
  });
}
document.querySelectorAll("table.sortable").forEach(sortable);
