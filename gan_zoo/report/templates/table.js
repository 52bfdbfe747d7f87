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
  const select = find("metric");
  if (!data.metrics.length) return;
  state.metric = data.metrics[0].name;
  if (!select) return;
  data.metrics.forEach(function (metric) { option(select, metric, data.metrics); });
  select.addEventListener("change", function () { state.metric = select.value; changed(); });
})();

(function columns() {
  const place = find("columns");
  if (!place) return;
  function set(name, on) {
    document.querySelectorAll("[data-column]").forEach(function (cell) {
      if (cell.dataset.column === name) cell.hidden = !on;
    });
  }
  place.querySelectorAll("input").forEach(function (box) {
    box.addEventListener("change", function () { set(box.value, box.checked); });
    set(box.value, box.checked);
  });
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
