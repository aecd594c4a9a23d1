// From the samples of a file to RGB pixels, as in training: 16 bits to 8, and transparency.

"use strict";

/** The RGB image of a decoded PNG file (`readPng`). */
function pngToRgb(png) {
  return png.depth === 16 ? deepToRgb(png) : shallowToRgb(png);
}

/** 8 bits or fewer: greys are scaled to 0..255, a palette is looked up. */
function shallowToRgb(png) {
  const { values, channels, palette, transparency } = png;
  const count = png.width * png.height;
  const image = rgbImage(png.width, png.height);
  const alpha = channels % 2 === 0 || transparency ? new Uint8Array(count).fill(255) : null;
  const scale = png.type === 3 ? 1 : 255 / (2 ** png.depth - 1);
  const key = png.type === 3 || !transparency ? null : keyOf(transparency);
  if (key && png.depth === 1) throw new Refusal("black and white with transparency; save it as grey");
  for (let i = 0; i < count; i++) {
    const at = i * channels;
    for (let channel = 0; channel < 3; channel++) {
      const value = values[at + (channels > 2 ? channel : 0)];
      image.data[3 * i + channel] = png.type === 3 ? palette?.[3 * value + channel] ?? 0 : value * scale;
    }
    if (channels % 2 === 0) alpha[i] = values[at + channels - 1];
    else if (key) alpha[i] = isKey(values, at, channels, key) ? 0 : 255;
    else if (alpha) alpha[i] = transparency[values[at]] ?? 255;
  }
  return alpha ? flattened(image, alpha) : image;
}

/** 16 bits, scaled to 8 by the range that the file uses. */
function deepToRgb(png) {
  const { values, channels, transparency } = png;
  const count = png.width * png.height;
  const colours = channels < 3 ? 1 : 3;
  const occurs = new Uint8Array(65536);
  for (let i = 0; i < count; i++) {
    for (let channel = 0; channel < colours; channel++) occurs[values[i * channels + channel]] = 1;
  }
  const levels = levelsOf(displayRange(occurs));
  const image = rgbImage(png.width, png.height);
  for (let i = 0; i < 3 * count; i++) {
    image.data[i] = levels[values[Math.floor(i / 3) * channels + (colours === 3 ? i % 3 : 0)]];
  }
  if (channels % 2 === 0) return flattened(image, deepAlpha(values, channels, count));
  if (!transparency) return image;
  const key = keyOf(transparency);
  const alpha = new Uint8Array(count).map((_, i) => (isKey(values, i * channels, channels, key) ? 0 : 255));
  return flattened(image, alpha);
}

/** Opaque is the largest value of the depth in use. */
function deepAlpha(values, channels, count) {
  const alpha = new Uint16Array(count).map((_, i) => values[i * channels + channels - 1]);
  const opaque = depthOf(alpha.reduce((most, value) => Math.max(most, value), 0));
  return Uint8Array.from(alpha, (value) => Math.min(Math.floor((value * 255) / opaque), 255));
}

/** The colour that a PNG file declares transparent. */
function keyOf(transparency) {
  const key = [];
  for (let i = 0; i + 1 < transparency.length; i += 2) key.push((transparency[i] << 8) | transparency[i + 1]);
  return key;
}

function isKey(values, at, channels, key) {
  for (let channel = 0; channel < channels; channel++) {
    if (values[at + channel] !== key[channel]) return false;
  }
  return true;
}

// --- 16 bits: datasets/decoding/depth.py ---------------------------------------------------------

/** The values that become black and white. `occurs` (65536): which of the values occur. */
function displayRange(occurs) {
  const values = [];
  occurs.forEach((one, value) => one && values.push(value));
  const [low, high] = contentRange(values);
  const white = depthOf(high);
  if (white === 255 || high === low || high - low >= 0.5 * white) return [0, white];
  return [low, high];
}

/** 255, 1023, 4095, 16383 or 65535: the largest value of the depth that holds `value`. */
function depthOf(value) {
  return 2 ** [8, 10, 12, 14, 16].find((bits) => value < 2 ** bits) - 1;
}

/** The smallest and largest value, without up to 4 isolated ones at either end. */
function contentRange(values) {
  const choices = [0, 1, 2, 3, 4].flatMap((below) => [0, 1, 2, 3, 4].map((above) => [below, above]));
  choices.sort((one, other) => other[0] + other[1] - one[0] - one[1]); // stable, as Python's
  for (const [below, above] of choices) {
    const rest = values.slice(below, values.length - above);
    if (rest.length < 64) continue;
    const [low, high] = [rest[0], rest[rest.length - 1]];
    const lower = below === 0 || low - values[below - 1] > high - low;
    const upper = above === 0 || values[values.length - above] - high > high - low;
    if (lower && upper) return [low, high];
  }
  return [values[0], values[values.length - 1]];
}

function levelsOf([black, white]) {
  const step = Math.max(1, white - black);
  return new Uint8Array(65536).map((_, value) =>
    clampByte(Math.floor(((value - black) * 255 + Math.floor(step / 2)) / step)),
  );
}

// --- transparency: datasets/decoding/transparency.py ---------------------------------------------

/** Composited over white, or over black where the drawing is too light for white. */
function flattened(image, alpha) {
  let [total, weight, least] = [0, 0, 255];
  for (let i = 0; i < alpha.length; i++) {
    const distance = 255 - Math.min(image.data[3 * i], image.data[3 * i + 1], image.data[3 * i + 2]);
    total += distance * distance * alpha[i];
    weight += alpha[i];
    if (alpha[i] < least) least = alpha[i];
  }
  if (!weight || least === 255) return image;
  const background = Math.sqrt(total / weight) >= 64 ? 255 : 0;
  const result = rgbImage(image.width, image.height);
  for (let i = 0; i < image.data.length; i++) {
    const opacity = alpha[Math.floor(i / 3)];
    const mixed = image.data[i] * opacity + background * (255 - opacity);
    result.data[i] = Math.floor((mixed + 127) / 255);
  }
  return result;
}
