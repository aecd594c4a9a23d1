// OpenCV's resize with INTER_AREA of 8-bit RGB images, to the bit (imgproc/src/resize.cpp).

"use strict";

const LINEAR_ONE = 2048; // 1 in OpenCV's fixed-point interpolation weights

/** Resize an RGB image to width x height: areas are averaged, except where one side grows. */
function resizeArea(image, width, height) {
  if (image.width === width && image.height === height) return image;
  const scaleX = 1 / (width / image.width);
  const scaleY = 1 / (height / image.height);
  if (scaleX < 1 || scaleY < 1) return resizeLinear(image, width, height, scaleX, scaleY);
  const [wholeX, wholeY] = [roundHalfEven(scaleX), roundHalfEven(scaleY)];
  const isWhole =
    Math.abs(scaleX - wholeX) < Number.EPSILON && Math.abs(scaleY - wholeY) < Number.EPSILON;
  if (isWhole) return averageBoxes(image, width, height, wholeX, wholeY);
  return averageAreas(image, width, height, scaleX, scaleY);
}

/** The mean of boxes of whole pixels. */
function averageBoxes(image, width, height, boxWidth, boxHeight) {
  const result = rgbImage(width, height);
  const share = Math.fround(1 / (boxWidth * boxHeight));
  const ofFour = boxWidth === 2 && boxHeight === 2;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let row = y * boxHeight; row < (y + 1) * boxHeight; row++) {
          let at = 3 * (row * image.width + x * boxWidth) + channel;
          for (let column = 0; column < boxWidth; column++, at += 3) sum += image.data[at];
        }
        result.data[3 * (y * width + x) + channel] = ofFour
          ? (sum + 2) >> 2
          : toByte(Math.fround(sum * share));
      }
    }
  }
  return result;
}

/** Which source positions make up each target position, and with what shares (float32). */
function areaShares(from, to, scale) {
  const found = { target: [], source: [], share: [] };
  const add = (target, source, share) => {
    found.target.push(target);
    found.source.push(source);
    found.share.push(Math.fround(share));
  };
  for (let target = 0; target < to; target++) {
    const begin = target * scale;
    const end = begin + scale;
    const cell = Math.min(scale, from - begin);
    const last = Math.min(Math.floor(end), from - 1);
    const first = Math.min(Math.ceil(begin), last);
    if (first - begin > 1e-3) add(target, first - 1, (first - begin) / cell);
    for (let source = first; source < last; source++) add(target, source, 1 / cell);
    if (end - last > 1e-3) add(target, last, Math.min(end - last, 1, cell) / cell);
  }
  return found;
}

/** The mean over areas that end within pixels; sums are float32, in OpenCV's order. */
function averageAreas(image, width, height, scaleX, scaleY) {
  const columns = areaShares(image.width, width, scaleX);
  const rows = areaShares(image.height, height, scaleY);
  const result = rgbImage(width, height);
  const line = new Float32Array(3 * width);
  const sum = new Float32Array(3 * width);
  const store = (target) => {
    for (let i = 0; i < sum.length; i++) result.data[3 * width * target + i] = toByte(sum[i]);
  };
  let current = rows.target[0];
  for (let j = 0; j < rows.target.length; j++) {
    line.fill(0);
    addShares(image, rows.source[j], columns, line);
    const share = rows.share[j];
    if (rows.target[j] === current) {
      for (let i = 0; i < sum.length; i++) sum[i] += Math.fround(share * line[i]);
    } else {
      store(current);
      current = rows.target[j];
      for (let i = 0; i < sum.length; i++) sum[i] = share * line[i];
    }
  }
  store(current);
  return result;
}

/** Add one row of an image to `line`, by the shares of its columns. */
function addShares(image, row, columns, line) {
  const begin = 3 * row * image.width;
  for (let k = 0; k < columns.target.length; k++) {
    const to = 3 * columns.target[k];
    const from = begin + 3 * columns.source[k];
    const share = columns.share[k];
    line[to] += Math.fround(image.data[from] * share);
    line[to + 1] += Math.fround(image.data[from + 1] * share);
    line[to + 2] += Math.fround(image.data[from + 2] * share);
  }
}

/** The left of two neighbours of each target position, and the weights of both out of 2048. */
function linearWeights(from, to, scale) {
  const inverse = to / from;
  const found = { source: new Int32Array(to), left: new Int32Array(to), right: new Int32Array(to) };
  for (let target = 0; target < to; target++) {
    let source = Math.floor(target * scale);
    let part = Math.fround(target + 1 - (source + 1) * inverse);
    part = part <= 0 ? 0 : Math.fround(part - Math.floor(part));
    if (source >= from - 1) [source, part] = [from - 1, 0];
    found.source[target] = source;
    found.left[target] = roundHalfEven(Math.fround(Math.fround(1 - part) * LINEAR_ONE));
    found.right[target] = roundHalfEven(Math.fround(part * LINEAR_ONE));
  }
  return found;
}

/** OpenCV's INTER_AREA where an image grows: linear in fixed-point arithmetic. */
function resizeLinear(image, width, height, scaleX, scaleY) {
  const columns = linearWeights(image.width, width, scaleX);
  const rows = linearWeights(image.height, height, scaleY);
  const result = rgbImage(width, height);
  for (let y = 0; y < height; y++) {
    const upper = linearRow(image, rows.source[y], columns);
    const lower = linearRow(image, Math.min(rows.source[y] + 1, image.height - 1), columns);
    const [above, below] = [rows.left[y], rows.right[y]];
    for (let i = 0; i < 3 * width; i++) {
      const mixed = ((above * (upper[i] >> 4)) >> 16) + ((below * (lower[i] >> 4)) >> 16);
      result.data[3 * width * y + i] = (mixed + 2) >> 2;
    }
  }
  return result;
}

/** One row of an image at the target columns, times 2048. */
function linearRow(image, row, columns) {
  const line = new Int32Array(3 * columns.source.length);
  for (let x = 0; x < columns.source.length; x++) {
    const left = columns.source[x];
    const right = Math.min(left + 1, image.width - 1);
    for (let channel = 0; channel < 3; channel++) {
      const first = image.data[3 * (row * image.width + left) + channel];
      const second = image.data[3 * (row * image.width + right) + channel];
      line[3 * x + channel] = first * columns.left[x] + second * columns.right[x];
    }
  }
  return line;
}
