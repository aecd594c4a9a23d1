// Arithmetic and errors that the other scripts share.

"use strict";

/** A file that this page cannot treat as the training did; the message is one line for the user. */
class Refusal extends Error {}

/** Python's and OpenCV's rounding: halves to the even neighbour. */
function roundHalfEven(value) {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

/** A value rounded and limited to 0..255. */
function toByte(value) {
  const rounded = roundHalfEven(value);
  return rounded < 0 ? 0 : rounded > 255 ? 255 : rounded;
}

/** An RGB image: `data` has 3 bytes a pixel, row by row. */
function rgbImage(width, height, data = new Uint8Array(3 * width * height)) {
  return { width, height, data };
}
