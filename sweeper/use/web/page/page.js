// The page: files in, results out. Nothing leaves the device; the page's policy forbids connections.

"use strict";

const LARGEST_DIFFERENCE = 1e-3; // of probabilities in the self-check
let network = null;

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function percent(value, decimals = 1) {
  return `${(100 * value).toFixed(decimals)} %`;
}

function say(text, isProblem = false) {
  const status = document.getElementById("status");
  status.textContent = text;
  status.className = isProblem ? "problem" : "";
}

async function start() {
  try {
    network = await Network.load();
    const difference = await selfCheck(network);
    if (!(difference <= LARGEST_DIFFERENCE)) {
      throw new Refusal(
        `this browser computes other probabilities than the training (by ${difference.toFixed(3)}); ` +
          "it may alter the pixels that pages read. Use another browser",
      );
    }
  } catch (error) {
    say(`The network cannot be used here: ${error.message}.`, true);
    return;
  }
  document.getElementById("files").disabled = false;
  say("Ready. A built-in picture has the same probabilities here as in training.");
}

async function classifyFiles(files) {
  if (!network) return;
  for (const [number, file] of [...files].entries()) {
    say(`Classifying ${number + 1} of ${files.length}: ${file.name}`);
    await new Promise((resolve) => setTimeout(resolve));
    const results = document.getElementById("results");
    results.prepend(await resultOf(file));
  }
  say(files.length === 1 ? `Classified ${files[0].name}.` : `Classified ${files.length} files.`);
}

async function resultOf(file) {
  const card = element("article", {}, element("h3", { textContent: file.name }));
  const started = performance.now();
  try {
    const found = await classify(network, new Uint8Array(await file.arrayBuffer()));
    fillCard(card, found, (performance.now() - started) / 1000);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    card.append(element("p", { className: "problem", textContent: `Not classified: ${error.message}.` }));
  }
  return card;
}

function fillCard(card, found, seconds) {
  const best = found.probabilities.indexOf(Math.max(...found.probabilities));
  const picture = canvasOf(found.image, `The picture as the network sees it, ${found.image.width} pixels a side`);
  const side = element("div", { className: "pictures" }, picture);
  card.append(
    side,
    element(
      "div",
      { className: "answer" },
      ...warnings(found),
      probabilityTable(found.probabilities),
      element("p", { className: "small", textContent: `${metricSentence()} Classified in ${seconds.toFixed(2)} s.` }),
      explainButton(side, found, best),
    ),
  );
}

function warnings({ distance }) {
  const novelty = ABOUT.novelty;
  if (!novelty || distance === null || distance <= novelty.distance) return [];
  const text =
    `Unlike the training images: feature distance ${distance.toFixed(2)}, and ${novelty.text}. ` +
    "The probabilities below may mean nothing.";
  return [element("p", { className: "problem unlike", textContent: text })];
}

/** Classes by probability, each with its bar and whether it reaches its operating point. */
function probabilityTable(probabilities) {
  const order = probabilities.map((_, i) => i).sort((i, j) => probabilities[j] - probabilities[i]);
  const rows = order.map((i) => {
    const bar = element("span", { className: "bar" });
    bar.style.inlineSize = percent(probabilities[i], 3).replace(" ", "");
    return element(
      "tr",
      {},
      element("th", { scope: "row", textContent: ABOUT.classes[i] }),
      element("td", { className: "number", textContent: percent(probabilities[i]) }),
      element("td", { className: "bars" }, bar),
      element("td", { textContent: decision(ABOUT.classes[i], probabilities[i]) }),
    );
  });
  const heads = ["Class", "Probability", "", "At its operating point"].map((text) =>
    text ? element("th", { scope: "col", textContent: text }) : element("td"),
  );
  return element("table", {}, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows));
}

/** Whether a class reaches the threshold that validation chose. */
function decision(name, probability) {
  const point = ABOUT.operating_points.find((one) => one.label === name);
  if (!point || point.threshold === null) return "unknown";
  return probability >= point.threshold ? `yes, from ${percent(point.threshold)} on` : "no";
}

function metricSentence() {
  return `On ${ABOUT.test_rows} test images: ${ABOUT.metrics.map((one) => `${one.title} ${one.text}`).join("; ")}.`;
}

/** A canvas with an RGB image. */
function canvasOf(image, label) {
  const canvas = element("canvas", { width: image.width, height: image.height, role: "img", "aria-label": label });
  const context = canvas.getContext("2d");
  const data = context.createImageData(image.width, image.height);
  for (let i = 0, to = 0; i < image.data.length; i += 3, to += 4) {
    data.data.set(image.data.subarray(i, i + 3), to);
    data.data[to + 3] = 255;
  }
  context.putImageData(data, 0, 0);
  return canvas;
}

function explainButton(side, found, best) {
  const button = element("button", { type: "button", textContent: "Show which parts matter" });
  const note = element("p", { className: "small", role: "status" });
  button.addEventListener("click", async () => {
    button.disabled = true;
    const explained = await occlusion(network, found.image, best, found.probabilities[best], (share) => {
      note.textContent = `Covering parts of the picture: ${percent(share, 0)}`;
    });
    const sentence = explanationSentence(explained, best, found.probabilities[best]);
    side.append(canvasOf(heated(found.image, explained), sentence));
    note.textContent = sentence;
    button.remove();
  });
  return element("div", {}, button, note);
}

function explanationSentence({ strongest }, best, probability) {
  const name = ABOUT.classes[best];
  if (strongest.drop <= 0) return `Covering no part lowers the probability of ${name}.`;
  return (
    `Covering the part ${placeOf(strongest)} lowers the probability of ${name} most, from ` +
    `${percent(probability)} to ${percent(strongest.probability)}. Red: covering lowers it; blue: raises it.`
  );
}

/** The image in grey with the map in colour, in full colour at its largest value. */
function heated(image, { map, edges }) {
  const largest = Math.max(...map.map(Math.abs)) || 1;
  const result = rgbImage(image.width, image.height);
  const cellOf = (position) => edges.findIndex((edge, i) => edge <= position && position < edges[i + 1]);
  const cells = Array.from({ length: image.width }, (_, i) => cellOf(i));
  for (let i = 0; i < image.width * image.height; i++) {
    const value = map[cells[Math.floor(i / image.width)] * CELLS + cells[i % image.width]] / largest;
    const colour = value > 0 ? [203, 24, 29] : [33, 102, 172];
    const grey = (image.data[3 * i] + image.data[3 * i + 1] + image.data[3 * i + 2]) / 3;
    const strength = 0.75 * Math.abs(value);
    for (let channel = 0; channel < 3; channel++) {
      result.data[3 * i + channel] = toByte(grey * (1 - strength) + colour[channel] * strength);
    }
  }
  return result;
}

function listen() {
  const input = document.getElementById("files");
  const drop = document.getElementById("drop");
  input.addEventListener("change", () => classifyFiles(input.files));
  for (const kind of ["dragover", "drop"]) {
    drop.addEventListener(kind, (event) => event.preventDefault());
  }
  drop.addEventListener("drop", (event) => classifyFiles(event.dataTransfer.files));
  const licences = document.getElementById("licences");
  licences.addEventListener("toggle", async () => {
    const text = new TextDecoder().decode(await unpacked(EMBEDDED_ENGINE.licences));
    licences.querySelector("pre").textContent = text;
  });
  if ("serviceWorker" in navigator && location.protocol.startsWith("http") && document.body.dataset.worker) {
    navigator.serviceWorker.register(document.body.dataset.worker);
  }
}

listen();
const ready = start();
