// Pillow's bilinear, bicubic and Lanczos resampling of 8-bit images, to the bit (Resample.c).

"use strict";

const RESAMPLE_ONE = 2 ** 22; // 1 in Pillow's fixed-point weights
const sinc = (x) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));
const RESAMPLE_FILTERS = {
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, at: (x) => cubic(Math.abs(x)) },
  lanczos: { support: 3, at: (x) => (-3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** The cubic of Keys (1981) with a = -0.5. */
function cubic(x) {
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/** Resize an RGB image to width x height: rows first, then columns, rounded in between. */
function resample(image, width, height, name) {
  const across = width === image.width ? image : resampleRows(image, width, name);
  return height === image.height ? across : resampleColumns(across, height, name);
}

/** Of each target position: the first source position, and the whole-number weights from it on. */
function resampleWeights(from, to, { support, at }) {
  const scale = from / to;
  const widened = Math.max(1, scale);
  const reach = support * widened;
  return Array.from({ length: to }, (_, target) => {
    const center = (target + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const end = Math.min(from, Math.trunc(center + reach + 0.5));
    const weights = new Float64Array(end - first);
    let sum = 0;
    for (let i = 0; i < weights.length; i++) {
      weights[i] = at((i + first - center + 0.5) * (1 / widened));
      sum += weights[i];
    }
    const whole = weights.map((one) => {
      const share = (sum ? one / sum : one) * RESAMPLE_ONE;
      return Math.trunc(share < 0 ? share - 0.5 : share + 0.5);
    });
    return { first, weights: whole };
  });
}

function resampleRows(image, width, name) {
  const columns = resampleWeights(image.width, width, RESAMPLE_FILTERS[name]);
  const result = rgbImage(width, image.height);
  for (let y = 0; y < image.height; y++) {
    columns.forEach(({ first, weights }, x) => {
      const from = 3 * (y * image.width + first);
      weigh(image.data, from, 3, weights, result.data, 3 * (y * width + x));
    });
  }
  return result;
}

function resampleColumns(image, height, name) {
  const rows = resampleWeights(image.height, height, RESAMPLE_FILTERS[name]);
  const result = rgbImage(image.width, height);
  rows.forEach(({ first, weights }, y) => {
    for (let x = 0; x < image.width; x++) {
      const from = 3 * (first * image.width + x);
      weigh(image.data, from, 3 * image.width, weights, result.data, 3 * (y * image.width + x));
    }
  });
  return result;
}

/** The weighted sum of pixels that are `step` bytes apart, in each channel. */
function weigh(data, from, step, weights, result, to) {
  for (let channel = 0; channel < 3; channel++) {
    let sum = RESAMPLE_ONE / 2;
    for (let i = 0, at = from + channel; i < weights.length; i++, at += step) {
      sum += data[at] * weights[i];
    }
    result[to + channel] = clampByte(Math.floor(sum / RESAMPLE_ONE));
  }
}
