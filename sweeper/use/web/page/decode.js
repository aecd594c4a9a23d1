// From the bytes of a file to upright RGB pixels, as in training; what differs here is refused.
// PNG is decoded by these scripts; JPEG, WebP and BMP by the browser, without colour management.

"use strict";

const [MIN_SIDE, MAX_SIDE, MAX_PIXELS, MAX_SCANS] = [16, 32767, 64e6, 100]; // datasets/decoding/limits.py
const STRIP_PIXELS = 4e6; // phones limit the size of a canvas
const SAVE_AS = "save it as PNG or JPEG";

/** The upright RGB image of a file's bytes. Throws a Refusal. */
async function decodeImage(bytes) {
  const kind = kindOf(bytes);
  if (kind === "png") {
    const png = await readPng(bytes);
    return upright(pngToRgb(png), orientationOf(png.exif, png.xmp));
  }
  const { exif, xmp, plain } = { jpeg: readJpeg, webp: readWebp, bmp: readBmp }[kind](bytes);
  return upright(await decodedByBrowser(plain, kind), orientationOf(exif, xmp));
}

/** The format by content, never by name. Throws a Refusal for one that is not read here. */
function kindOf(bytes) {
  const start = latin1(bytes.subarray(0, 132));
  if (start.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (start.startsWith("\xff\xd8\xff")) return "jpeg";
  if (start.startsWith("RIFF") && start.slice(8, 12) === "WEBP") return "webp";
  if (start.startsWith("BM")) return "bmp";
  if (/^(II[*+]\0|MM\0[*+])/.test(start)) throw new Refusal(`TIFF is not read here; ${SAVE_AS}`);
  if (start.startsWith("GIF8")) throw new Refusal(`GIF is not read here; ${SAVE_AS}`);
  if (start.slice(128) === "DICM") throw new Refusal("DICOM is not read here; use the command predict");
  throw new Refusal(bytes.length ? `not a JPEG, PNG, WebP or BMP file; ${SAVE_AS}` : "empty file");
}

function checkSize(width, height) {
  if (Math.min(width, height) < MIN_SIDE) {
    throw new Refusal(`${width} x ${height} pixels: too small; expected ${MIN_SIDE} or more a side`);
  }
  if (Math.max(width, height) > MAX_SIDE || width * height > MAX_PIXELS) {
    throw new Refusal(`${width} x ${height} pixels: too large; expected at most 64 million pixels`);
  }
}

/** Exif and XMP of a JPEG file, and the file without its Exif, so that no browser rotates it. */
function readJpeg(bytes) {
  const found = { exif: null, xmp: "", plain: bytes.slice() };
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++;
      continue;
    }
    const length = (bytes[at + 2] << 8) | bytes[at + 3];
    const body = bytes.subarray(at + 4, at + 2 + length);
    const head = latin1(body.subarray(0, 29));
    if (marker === 0xe1 && head.startsWith("Exif\0\0")) {
      found.exif ??= body.subarray(6);
      found.plain.fill(0, at + 4, at + 8);
    } else if (marker === 0xe1 && head.startsWith("http://ns.adobe.com/xap/1.0/\0")) found.xmp = latin1(body);
    else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) checkFrame(body);
    else if (marker === 0xda) {
      checkScans(bytes, at);
      return found;
    }
    at += 2 + length;
  }
  throw new Refusal("truncated");
}

/** Refuse what browsers decode otherwise: CMYK and 12 bits. */
function checkFrame(body) {
  if (body[0] !== 8) throw new Refusal(`a JPEG file of ${body[0]} bits; save it with 8`);
  if (body[5] === 4) throw new Refusal("a CMYK JPEG file; save it as RGB");
  checkSize((body[3] << 8) | body[4], (body[1] << 8) | body[2]);
}

function checkScans(bytes, from) {
  let [scans, isWhole] = [0, false];
  for (let i = bytes.indexOf(0xff, from); i >= 0; i = bytes.indexOf(0xff, i + 1)) {
    if (bytes[i + 1] === 0xda) scans++;
    if (bytes[i + 1] === 0xd9) isWhole = true;
  }
  if (scans > MAX_SCANS) throw new Refusal(`a JPEG of more than ${MAX_SCANS} scans; re-save it`);
  if (!isWhole) throw new Refusal("truncated");
}

function readWebp(bytes) {
  const found = { exif: null, xmp: "", plain: bytes.slice() };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 12; at + 8 <= bytes.length; ) {
    const kind = latin1(bytes.subarray(at, at + 4));
    const length = view.getUint32(at + 4, true);
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (body.length < length) throw new Refusal("truncated");
    if (kind === "ANIM") throw new Refusal("an animated WebP file; save one picture of it");
    if (kind === "EXIF") {
      found.exif = latin1(body.subarray(0, 6)) === "Exif\0\0" ? body.subarray(6) : body;
      found.plain.fill(0x78, at, at + 4); // an unknown chunk, which decoders skip
    } else if (kind === "XMP ") found.xmp = latin1(body);
    at += 8 + length + (length & 1);
  }
  return found;
}

function readBmp(bytes) {
  if (bytes.length < 30) throw new Refusal("truncated");
  if (bytes[28] > 24 || bytes[28] === 16) throw new Refusal(`a BMP file of ${bytes[28]} bits a pixel; ${SAVE_AS}`);
  return { exif: null, xmp: "", plain: bytes };
}

/** Decode by the browser, without colour management; read through canvases of bounded size. */
async function decodedByBrowser(bytes, kind) {
  let bitmap;
  try {
    const blob = new Blob([bytes], { type: `image/${kind}` });
    bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Refusal("cannot be read as an image: damaged, or not supported by this browser");
  }
  const { width, height } = bitmap;
  checkSize(width, height);
  const image = rgbImage(width, height);
  const alpha = new Uint8Array(width * height);
  const rows = Math.max(1, Math.floor(STRIP_PIXELS / width));
  for (let top = 0; top < height; top += rows) {
    const count = Math.min(rows, height - top);
    const canvas = new OffscreenCanvas(width, count);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, -top);
    const { data } = context.getImageData(0, 0, width, count);
    for (let i = 0, to = top * width; i < data.length; i += 4, to++) {
      image.data[3 * to] = data[i];
      image.data[3 * to + 1] = data[i + 1];
      image.data[3 * to + 2] = data[i + 2];
      alpha[to] = data[i + 3];
    }
  }
  bitmap.close();
  return opaque(image, alpha);
}

/** Canvases lose colours under partial transparency, so only whole transparency is composited. */
function opaque(image, alpha) {
  if (alpha.every((value) => value === 255)) return image;
  if (alpha.some((value) => value !== 0 && value !== 255) || alpha.every((value) => value === 0)) {
    throw new Refusal("partly transparent; save it as PNG, or without transparency");
  }
  return flattened(image, alpha);
}

// --- orientation ---------------------------------------------------------------------------------

/** The orientation, 1..8, of an Exif block, else of XMP; 1 where there is none. */
function orientationOf(exif, xmp) {
  const found = exif ? exifOrientation(exif) : null;
  if (found !== null) return found;
  const match = /tiff:Orientation(="|>)([0-9])/.exec(xmp);
  return match ? Number(match[2]) : 1;
}

function exifOrientation(exif) {
  try {
    const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
    const little = view.getUint16(0) === 0x4949;
    const start = view.getUint32(4, little);
    for (let i = 0; i < view.getUint16(start, little); i++) {
      const at = start + 2 + 12 * i;
      if (view.getUint16(at, little) === 0x0112) return view.getUint16(at + 8, little);
    }
  } catch {
    return null; // only the metadata are broken
  }
  return null;
}

/** The source of the pixel at (x, y) of the upright image, by Exif orientation. */
const TURNED_FROM = {
  2: (x, y, w) => [w - 1 - x, y],
  3: (x, y, w, h) => [w - 1 - x, h - 1 - y],
  4: (x, y, w, h) => [x, h - 1 - y],
  5: (x, y) => [y, x],
  6: (x, y, w, h) => [y, h - 1 - x],
  7: (x, y, w, h) => [w - 1 - y, h - 1 - x],
  8: (x, y, w) => [w - 1 - y, x],
};

/** The image with its Exif orientation applied. */
function upright(image, orientation) {
  const from = TURNED_FROM[orientation];
  if (!from) return image;
  const { width, height } = image;
  const result = orientation < 5 ? rgbImage(width, height) : rgbImage(height, width);
  for (let y = 0; y < result.height; y++) {
    for (let x = 0; x < result.width; x++) {
      const [column, row] = from(x, y, width, height);
      const source = 3 * (row * width + column);
      const target = 3 * (y * result.width + x);
      result.data[target] = image.data[source];
      result.data[target + 1] = image.data[source + 1];
      result.data[target + 2] = image.data[source + 2];
    }
  }
  return result;
}

/** Bytes as characters of the same numbers. */
function latin1(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}
