// The preprocessing of the training (datasets/preprocess.py): grey, resize, contrast, CLAHE, pad.

"use strict";

/** Preprocess an RGB image by the exported settings: an image of N x N pixels. */
function preprocess(image, settings) {
  const source = settings.grey ? greyed(image) : image;
  let adjusted = adjustContrast(fitted(source, settings), settings.contrast);
  if (settings.clahe !== null) adjusted = equalised(adjusted, settings.clahe);
  return padded(adjusted, settings.image_size, settings.fill);
}

/** Pixels (3, N, N) float32, 0..255, as the network takes them. */
function asPlanes(image) {
  const count = image.width * image.height;
  const planes = new Float32Array(3 * count);
  for (let i = 0; i < count; i++) {
    for (let channel = 0; channel < 3; channel++) {
      planes[channel * count + i] = image.data[3 * i + channel];
    }
  }
  return planes;
}

/** The luminance (ITU-R 601) in all channels, in OpenCV's fixed-point arithmetic. */
function greyed(image) {
  const result = rgbImage(image.width, image.height);
  for (let i = 0; i < image.data.length; i += 3) {
    const [red, green, blue] = image.data.subarray(i, i + 3);
    result.data.fill((red * 9798 + green * 19235 + blue * 3735 + 16384) >> 15, i, i + 3);
  }
  return result;
}

/** What is shown of an image at its final size, without padding. */
function fitted(image, settings) {
  const [height, width] = shownSize(image.height, image.width, settings.fit);
  const middle = middleOf(image, height, width);
  const [rows, columns] = targetSize(height, width, settings);
  const resized =
    settings.interpolation === "area"
      ? resizeArea(middle, columns, rows)
      : resample(middle, columns, rows, settings.interpolation);
  const side = settings.image_size;
  const [top, left] = [rows, columns].map((one) => Math.max(0, roundHalfEven((one - side) / 2)));
  return cut(resized, top, left, Math.min(side, rows), Math.min(side, columns));
}

/** Height and width of the middle of an image that is resized. */
function shownSize(height, width, fit) {
  const most = { crop: 1, model: 16 }[fit] * Math.min(height, width);
  return most ? [Math.min(height, most), Math.min(width, most)] : [height, width];
}

function middleOf(image, height, width) {
  const [top, left] = [image.height - height, image.width - width].map((one) => Math.floor(one / 2));
  return cut(image, top, left, height, width);
}

/** Rows and columns of the resized image, of which the central square is kept. */
function targetSize(height, width, settings) {
  const side = settings.image_size;
  if (settings.fit === "pad") return insideSquare(height, width, side);
  if (settings.fit !== "model") return [side, side];
  const larger = Math.floor(side / settings.crop_pct);
  if (settings.crop_mode === "squash") return [larger, larger];
  if (settings.crop_mode === "border") return insideSquare(height, width, larger);
  const short = Math.min(height, width);
  return [Math.trunc((larger * height) / short), Math.trunc((larger * width) / short)];
}

function insideSquare(height, width, side) {
  const scale = side / Math.max(height, width);
  return [height, width].map((one) => Math.max(1, roundHalfEven(one * scale)));
}

/** A part of an image. */
function cut(image, top, left, height, width) {
  if (height === image.height && width === image.width) return image;
  const result = rgbImage(width, height);
  for (let y = 0; y < height; y++) {
    const from = 3 * ((top + y) * image.width + left);
    result.data.set(image.data.subarray(from, from + 3 * width), 3 * y * width);
  }
  return result;
}

function adjustContrast(image, contrast) {
  if (contrast === "none") return image;
  if (contrast === "weighted") return mapped(image, (value) => value * 1.35 - 0.15);
  let low = 255;
  let high = 0;
  for (const value of image.data) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low === high) return image;
  return mapped(image, (value) => ((value - low) / (high - low)) * 255);
}

function mapped(image, valueOf) {
  const table = Uint8Array.from({ length: 256 }, (_, value) => toByte(valueOf(value)));
  return rgbImage(image.width, image.height, image.data.map((value) => table[value]));
}

/** Centred in a square, filled with `colour`, or with the median of the two edges beside the fill. */
function padded(image, side, colour) {
  const { width, height } = image;
  if (width === side && height === side) return image;
  const edges = width < side ? columnsOf(image, [0, width - 1]) : rowsOf(image, [0, height - 1]);
  const medianOf = (channel) => toByte(median(edges.map((pixel) => pixel[channel])));
  const fill = colour ?? [0, 1, 2].map(medianOf);
  const result = rgbImage(side, side);
  for (let i = 0; i < result.data.length; i++) result.data[i] = fill[i % 3];
  const top = Math.floor((side - height) / 2);
  const left = Math.floor((side - width) / 2);
  for (let y = 0; y < height; y++) {
    const line = image.data.subarray(3 * y * width, 3 * (y + 1) * width);
    result.data.set(line, 3 * ((top + y) * side + left));
  }
  return result;
}

function pixelAt(image, x, y) {
  const at = 3 * (y * image.width + x);
  return image.data.subarray(at, at + 3);
}

function columnsOf(image, columns) {
  return columns.flatMap((x) =>
    Array.from({ length: image.height }, (_, y) => pixelAt(image, x, y)),
  );
}

function rowsOf(image, rows) {
  return rows.flatMap((y) => Array.from({ length: image.width }, (_, x) => pixelAt(image, x, y)));
}

function median(values) {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
