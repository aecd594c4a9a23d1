// Contrast-limited adaptive histogram equalisation as in OpenCV (imgproc/src/clahe.cpp), to the bit.

"use strict";

const TILES = 8; // an edge

/** CLAHE of the luminance; of a grey image, all channels get the same. */
function equalised(image, clipLimit) {
  const count = image.width * image.height;
  if (isGrey(image)) {
    const grey = Uint8Array.from({ length: count }, (_, i) => image.data[3 * i]);
    const found = clahe(grey, image.width, image.height, clipLimit);
    return rgbImage(image.width, image.height, image.data.map((_, i) => found[Math.floor(i / 3)]));
  }
  const { luminance, red, blue } = toYcc(image, count);
  const found = clahe(luminance, image.width, image.height, clipLimit);
  return fromYcc(image, found, red, blue);
}

function isGrey(image) {
  for (let i = 0; i < image.data.length; i += 3) {
    if (image.data[i] !== image.data[i + 1] || image.data[i] !== image.data[i + 2]) return false;
  }
  return true;
}

/** OpenCV's RGB -> YCrCb in fixed-point arithmetic of 14 bits. */
function toYcc(image, count) {
  const planes = { luminance: new Uint8Array(count), red: new Uint8Array(count), blue: new Uint8Array(count) };
  for (let i = 0; i < count; i++) {
    const [r, g, b] = image.data.subarray(3 * i, 3 * i + 3);
    const y = (r * 4899 + g * 9617 + b * 1868 + 8192) >> 14;
    planes.luminance[i] = y;
    planes.red[i] = clampByte(((r - y) * 11682 + (128 << 14) + 8192) >> 14);
    planes.blue[i] = clampByte(((b - y) * 9241 + (128 << 14) + 8192) >> 14);
  }
  return planes;
}

function fromYcc(image, luminance, red, blue) {
  const result = rgbImage(image.width, image.height);
  for (let i = 0; i < luminance.length; i++) {
    const [y, cr, cb] = [luminance[i], red[i] - 128, blue[i] - 128];
    result.data[3 * i] = clampByte(y + ((cr * 22987 + 8192) >> 14));
    result.data[3 * i + 1] = clampByte(y + ((cb * -5636 + cr * -11698 + 8192) >> 14));
    result.data[3 * i + 2] = clampByte(y + ((cb * 29049 + 8192) >> 14));
  }
  return result;
}

function clampByte(value) {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** CLAHE of one channel. */
function clahe(grey, width, height, clipLimit) {
  const isWhole = width % TILES === 0 && height % TILES === 0;
  const tileWidth = isWhole ? width / TILES : Math.floor((width + TILES - (width % TILES)) / TILES);
  const tileHeight = isWhole ? height / TILES : Math.floor((height + TILES - (height % TILES)) / TILES);
  const tables = [];
  for (let row = 0; row < TILES; row++) {
    for (let column = 0; column < TILES; column++) {
      const counts = new Int32Array(256);
      for (let y = row * tileHeight; y < (row + 1) * tileHeight; y++) {
        for (let x = column * tileWidth; x < (column + 1) * tileWidth; x++) {
          counts[grey[reflected(y, height) * width + reflected(x, width)]]++;
        }
      }
      tables.push(equalisation(counts, tileWidth * tileHeight, clipLimit));
    }
  }
  return interpolated(grey, width, height, tileWidth, tileHeight, tables);
}

/** An index beyond the end, mirrored without repeating the edge (BORDER_REFLECT_101). */
function reflected(index, length) {
  if (length === 1) return 0;
  let i = index;
  while (i >= length || i < 0) i = i < 0 ? -i : 2 * length - 2 - i;
  return i;
}

/** The table of a tile: its histogram clipped, the excess spread, and summed. */
function equalisation(counts, area, clipLimit) {
  const limit = clipLimit > 0 ? Math.max(Math.trunc((clipLimit * area) / 256), 1) : area;
  let excess = 0;
  for (let i = 0; i < 256; i++) {
    if (counts[i] > limit) {
      excess += counts[i] - limit;
      counts[i] = limit;
    }
  }
  const share = Math.floor(excess / 256);
  let rest = excess - 256 * share;
  for (let i = 0; i < 256; i++) counts[i] += share;
  if (rest) {
    const step = Math.max(Math.floor(256 / rest), 1);
    for (let i = 0; i < 256 && rest > 0; i += step, rest--) counts[i]++;
  }
  const scale = Math.fround(255 / area);
  const table = new Uint8Array(256);
  let sum = 0;
  for (let i = 0; i < 256; i++) {
    sum += counts[i];
    table[i] = toByte(Math.fround(sum * scale));
  }
  return table;
}

/** Every pixel by the tables of the four tiles around it, in float32. */
function interpolated(grey, width, height, tileWidth, tileHeight, tables) {
  const result = new Uint8Array(width * height);
  const columns = neighbours(width, tileWidth);
  const rows = neighbours(height, tileHeight);
  const f = Math.fround;
  for (let y = 0; y < height; y++) {
    const [above, below, down, up] = rows[y];
    for (let x = 0; x < width; x++) {
      const [left, right, across, back] = columns[x];
      const value = grey[y * width + x];
      const upper = f(f(tables[above * TILES + left][value] * back) + f(tables[above * TILES + right][value] * across));
      const lower = f(f(tables[below * TILES + left][value] * back) + f(tables[below * TILES + right][value] * across));
      result[y * width + x] = toByte(f(f(upper * up) + f(lower * down)));
    }
  }
  return result;
}

/** Of each position: the tiles before and after, the weight of the latter and of the former. */
function neighbours(length, tile) {
  const inverse = Math.fround(1 / tile);
  return Array.from({ length }, (_, i) => {
    const position = Math.fround(Math.fround(i * inverse) - 0.5);
    const first = Math.floor(position);
    const weight = Math.fround(position - first);
    return [Math.max(first, 0), Math.min(first + 1, TILES - 1), weight, Math.fround(1 - weight)];
  });
}
