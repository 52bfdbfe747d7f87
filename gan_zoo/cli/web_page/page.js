// Draw from the generator in this page: a slice through the latent space, a class, its image.

const data = JSON.parse(document.getElementById("data").textContent);
const [CHANNELS, HEIGHT, WIDTH] = data.shape;
const PLANES = CHANNELS === 3 ? 1 : CHANNELS; // one channel is grey, three are colours, others lie side by side
const TILES = 7; // along a side of the map
const REACH = 0.35; // of the pad from its middle, in units of a latent's distribution
const WINDOW = 10; // classes shown at once
const STEP = 0.04; // of an arrow key

const find = (id) => document.getElementById(id);
const pad = find("pad"), slider = find("class"), main = document.querySelector("main");
const state = { x: 0, y: 0, label: 0, slice: null, mapped: TILES, wanted: false, busy: false };

async function unpacked(id) {
  const text = atob(find(id).textContent);
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function loaded() {
  const source = new Blob([await unpacked("runtime")], { type: "text/javascript" });
  const runtime = await import(URL.createObjectURL(source));
  runtime.env.logLevel = "error";
  runtime.env.wasm.numThreads = 1; // more need headers that a file has not
  runtime.env.wasm.wasmBinary = await unpacked("wasm");
  const session = await runtime.InferenceSession.create(await unpacked("model"));
  // images (N, C, H, W) in [-1, 1] of latents (N, latent_dim) and labels (N,), as flat arrays
  return async function generate(latents, labels) {
    const { images } = await session.run({
      latents: new runtime.Tensor("float32", Float32Array.from(latents), [labels.length, latents.length / labels.length]),
      labels: new runtime.Tensor("int64", BigInt64Array.from(labels, BigInt), [labels.length]),
    });
    return images.data;
  };
}

function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

function newSlice() {
  state.slice = data.quantiles.map(() => [2 * Math.random(), REACH * normal(), REACH * normal()]);
}

// A straight line, reflected at 0 and 1, visits [0, 1] evenly: the quantile there is a draw.
function latentsAt(x, y) {
  return state.slice.map(function ([start, across, up], dimension) {
    const table = data.quantiles[dimension];
    const along = start + across * x + up * y;
    const share = Math.abs((((along % 2) + 2) % 2) - 1) * (table.length - 1);
    const below = Math.min(Math.floor(share), table.length - 2);
    return table[below] + (share - below) * (table[below + 1] - table[below]);
  });
}

function pixels(images, index) {
  const picture = new ImageData(WIDTH * PLANES, HEIGHT), area = HEIGHT * WIDTH;
  const byte = (channel, at) => {
    const value = images[(index * CHANNELS + channel) * area + at];
    return Math.round((Math.min(1, Math.max(-1, value)) + 1) * 127.5);
  };
  for (let plane = 0; plane < PLANES; plane++) {
    for (let at = 0; at < area; at++) {
      const to = 4 * (Math.floor(at / WIDTH) * WIDTH * PLANES + plane * WIDTH + (at % WIDTH));
      for (let colour = 0; colour < 3; colour++) {
        picture.data[to + colour] = byte(CHANNELS === 3 ? colour : plane, at);
      }
      picture.data[to + 3] = 255;
    }
  }
  return picture;
}

function sized(canvas, across, down) {
  canvas.width = WIDTH * PLANES * across;
  canvas.height = HEIGHT * down;
  return canvas;
}

function shownClasses() {
  const first = Math.floor(state.label / WINDOW) * WINDOW;
  return Array.from({ length: Math.min(WINDOW, data.classes - first) }, (_, n) => first + n);
}

async function drawPoint(generate) {
  const labels = shownClasses(), chosen = state.label, { x, y } = state;
  const latents = latentsAt(x, y);
  const images = await generate(labels.flatMap(() => latents), labels);
  find("image").getContext("2d").putImageData(pixels(images, labels.indexOf(chosen)), 0, 0);
  const what = data.classes > 1 ? `class ${chosen}, ` : "";
  find("image").setAttribute("aria-label", `${what}latents ${described(x, y)}`);
  labels.forEach(function (label, index) {
    const canvas = find(`class-${label}`);
    if (canvas) canvas.getContext("2d").putImageData(pixels(images, index), 0, 0);
  });
}

async function drawMapRow(generate) {
  const row = state.mapped, { label, slice } = state;
  const places = Array.from({ length: TILES }, (_, n) => ((n + 0.5) / TILES) * 2 - 1);
  const latents = places.flatMap((x) => latentsAt(x, -places[row]));
  const images = await generate(latents, places.map(() => label));
  if (state.label !== label || state.slice !== slice) return; // it begins again
  const context = find("map").getContext("2d");
  places.forEach((_, n) => context.putImageData(pixels(images, n), n * WIDTH * PLANES, row * HEIGHT));
  state.mapped = row + 1;
}

function described(x, y) {
  return `${x.toFixed(2)} across, ${y.toFixed(2)} up`;
}

function moveTo(x, y) {
  const inside = (value) => Math.min(1, Math.max(-1, value));
  state.x = inside(x);
  state.y = inside(y);
  find("point").style.left = `${50 + 50 * state.x}%`;
  find("point").style.top = `${50 - 50 * state.y}%`;
  pad.setAttribute("aria-valuenow", state.x.toFixed(2));
  pad.setAttribute("aria-valuetext", described(state.x, state.y));
}

function showClasses() {
  const labels = shownClasses(), row = find("row");
  slider.value = state.label;
  find("chosen").textContent = state.label;
  if (!find(`class-${labels[0]}`)) {
    row.replaceChildren(...labels.map(function (label) {
      const button = document.createElement("button"), canvas = document.createElement("canvas");
      canvas.id = `class-${label}`;
      canvas.setAttribute("aria-hidden", "true");
      button.type = "button";
      button.append(sized(canvas, 1, 1), String(label));
      button.setAttribute("aria-label", `Class ${label}`);
      button.value = label;
      return button;
    }));
  }
  for (const button of row.children) button.setAttribute("aria-pressed", Number(button.value) === state.label);
}

function choose(label) {
  state.label = label;
  state.mapped = 0;
  showClasses();
}

// One computation at a time: the newest point first, then the rows of the map.
function redrawing(generate) {
  return async function redraw() {
    state.wanted = true;
    if (state.busy) return;
    state.busy = true;
    try {
      while (state.wanted || state.mapped < TILES) {
        if (state.wanted) {
          state.wanted = false;
          await drawPoint(generate);
        } else {
          await drawMapRow(generate);
        }
        await new Promise((resolve) => setTimeout(resolve)); // let the pointer move
      }
    } finally {
      state.busy = false;
    }
  };
}

function listen(redraw) {
  const follow = function (event) {
    const box = pad.getBoundingClientRect();
    moveTo(2 * ((event.clientX - box.left) / box.width) - 1, 1 - 2 * ((event.clientY - box.top) / box.height));
    redraw();
  };
  pad.addEventListener("pointerdown", function (event) {
    pad.setPointerCapture(event.pointerId);
    follow(event);
  });
  pad.addEventListener("pointermove", (event) => { if (pad.hasPointerCapture(event.pointerId)) follow(event); });
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  pad.addEventListener("keydown", function (event) {
    const move = Object.hasOwn(moves, event.key) ? moves[event.key] : null;
    if (event.ctrlKey || event.metaKey || event.altKey || !(move || event.key === "Home")) return;
    event.preventDefault();
    const step = event.shiftKey ? 5 * STEP : STEP;
    if (move) moveTo(state.x + step * move[0], state.y + step * move[1]);
    else moveTo(0, 0);
    redraw();
  });
  find("directions").addEventListener("click", function () {
    newSlice();
    state.mapped = 0;
    redraw();
  });
  if (!slider) return;
  slider.addEventListener("input", () => { choose(Number(slider.value)); redraw(); });
  find("row").addEventListener("click", function (event) {
    const button = event.target.closest("button");
    if (button) { choose(Number(button.value)); redraw(); }
  });
}

try {
  sized(find("image"), 1, 1).style.setProperty("--shape", `${WIDTH * PLANES} / ${HEIGHT}`);
  sized(find("map"), TILES, TILES);
  newSlice();
  if (slider) showClasses();
  const generate = await loaded();
  const redraw = redrawing(generate);
  listen(redraw);
  for (const control of [find("directions"), slider]) if (control) control.disabled = false;
  pad.removeAttribute("aria-disabled");
  main.removeAttribute("aria-busy");
  find("status").textContent = "";
  window.ganZoo = { generate, latentsAt };
  state.mapped = 0;
  await redraw();
} catch (error) {
  find("status").textContent = `The generator cannot run in this browser: ${error.message}`;
  throw error;
}
