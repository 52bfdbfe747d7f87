// Sample grids: one slider over epochs for all variants, a choice of seed, enlarged pictures.

(function samples() {
  const slider = find("epoch"), seed = find("seed"), play = find("play");
  if (!slider) return;
  const seeds = Array.from(new Set(data.strips.map(function (s) { return s.seed; }))).sort(function (a, b) { return a - b; });
  seeds.forEach(function (s) { element("option", { value: s }, seed, String(s)); });
  const boxes = Array.from(document.querySelectorAll("[data-strip]"));
  const first = new Map(boxes.map(function (box) { return [Number(box.dataset.strip), Number(box.dataset.seed)]; }));
  let stops = [], timer = null;

  function stripOf(variant) {
    const chosen = seed.value === "" ? first.get(variant) : Number(seed.value);
    return data.strips.find(function (s) { return s.variant === variant && s.seed === chosen; });
  }

  function draw() {
    const epoch = stops[Number(slider.value)];
    const last = Number(slider.value) === stops.length - 1;
    find("epoch-words").textContent = last ? "last epoch" : "epoch " + epoch;
    slider.setAttribute("aria-valuetext", find("epoch-words").textContent);
    boxes.forEach(function (box) {
      const strip = stripOf(Number(box.dataset.strip)), picture = box.querySelector("img"), words = box.querySelector(".which");
      picture.hidden = !strip;
      if (!strip) { words.textContent = "no picture for this seed"; return; }
      let frame = strip.epochs.length - 1;
      while (!last && frame > 0 && strip.epochs[frame] > epoch) frame -= 1;
      picture.src = strip.images[frame];
      const status = strip.status === "finished" ? "" : ", " + strip.status;
      words.textContent = "seed " + strip.seed + ", epoch " + strip.epochs[frame] + status;
      picture.alt = "Samples of " + data.variants[strip.variant].name + ", " + words.textContent;
    });
  }

  function restart() {
    stops = Array.from(new Set(boxes.flatMap(function (box) {
      const strip = stripOf(Number(box.dataset.strip));
      return strip ? strip.epochs : [];
    }))).sort(function (a, b) { return a - b; });
    slider.max = Math.max(0, stops.length - 1);
    slider.value = slider.max;
    slider.disabled = play.disabled = stops.length < 2;
    draw();
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  }

  slider.addEventListener("input", function () { stop(); draw(); });
  seed.addEventListener("change", restart);
  play.addEventListener("click", function () {
    if (timer) { stop(); return; }
    if (Number(slider.value) >= stops.length - 1) slider.value = 0;
    play.textContent = "Pause";
    draw();
    timer = setInterval(function () {
      slider.value = Number(slider.value) + 1;
      draw();
      if (Number(slider.value) >= stops.length - 1) stop();
    }, 350);
  });
  restart();
})();

(function enlarge() {
  const dialog = find("enlarged"), picture = dialog.querySelector("img"), words = dialog.querySelector("p");
  document.querySelectorAll("[data-enlarge]").forEach(function (button) {
    button.addEventListener("click", function () {
      const source = button.querySelector("img");
      picture.src = source.src;
      picture.alt = words.textContent = source.alt;
      dialog.showModal();
    });
  });
  dialog.addEventListener("click", function () { dialog.close(); });
})();
