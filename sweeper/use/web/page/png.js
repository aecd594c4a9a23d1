// A PNG decoder: browsers reduce 16 bits to 8 and lose colours under transparency; this one keeps both.

"use strict";

const PNG_CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
]; // first column, first row, steps of both

/**
 * The samples of a PNG file: `values` has `channels` numbers a pixel. `palette`, `transparency` are
 * the bytes of these chunks or null; `exif` and `xmp` hold the metadata, or null and "".
 */
async function readPng(bytes) {
  const file = pngChunks(bytes);
  const channels = PNG_CHANNELS[file.type];
  if (!channels || ![1, 2, 4, 8, 16].includes(file.depth)) throw new Refusal("a damaged PNG file");
  checkSize(file.width, file.height);
  const packed = await inflated(file.data);
  const values = new (file.depth === 16 ? Uint16Array : Uint8Array)(file.width * file.height * channels);
  let at = 0;
  for (const [left, top, stepX, stepY] of file.interlaced ? ADAM7 : [[0, 0, 1, 1]]) {
    const width = Math.ceil((file.width - left) / stepX);
    const height = Math.ceil((file.height - top) / stepY);
    if (width <= 0 || height <= 0) continue;
    const rowBytes = Math.ceil((width * channels * file.depth) / 8);
    const end = at + height * (rowBytes + 1);
    if (packed.length < end) throw new Refusal("truncated");
    const rows = unfiltered(packed.subarray(at, end), rowBytes, height, Math.max(1, (channels * file.depth) >> 3));
    spread(rows, rowBytes, width, height, file, channels, values, [left, top, stepX, stepY]);
    at = end;
  }
  return { ...file, channels, values };
}

/** The header and the chunks that matter. */
function pngChunks(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const file = { palette: null, transparency: null, exif: null, xmp: "", width: 0 };
  const data = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const kind = latin1(bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (body.length < length) throw new Refusal("truncated");
    if (kind === "IHDR") {
      [file.width, file.height] = [view.getUint32(at + 8), view.getUint32(at + 12)];
      [file.depth, file.type, file.interlaced] = [body[8], body[9], body[12] === 1];
    } else if (kind === "PLTE") file.palette = body;
    else if (kind === "tRNS") file.transparency = body;
    else if (kind === "eXIf") file.exif = body;
    else if (kind === "IDAT") data.push(body);
    else if (kind === "acTL") throw new Refusal("an animated PNG file; save one picture of it");
    else if (["tEXt", "zTXt", "iTXt"].includes(kind)) readText(latin1(body), kind, file);
    if (kind === "IEND") break;
    at += 12 + length;
  }
  if (!file.width || !data.length) throw new Refusal("truncated");
  return { ...file, data };
}

/** XMP in a text chunk. What may hold an orientation that is not read here is refused. */
function readText(text, kind, file) {
  const [keyword, rest] = [text.slice(0, text.indexOf("\0")), text.slice(text.indexOf("\0") + 1)];
  if (keyword === "Raw profile type exif" || (keyword === "XML:com.adobe.xmp" && rest[0] === "\x01")) {
    throw new Refusal("a PNG file with compressed metadata; save it again without metadata");
  }
  if (keyword === "XML:com.adobe.xmp" && kind === "iTXt") file.xmp = rest;
}

async function inflated(parts) {
  try {
    const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    throw new Refusal("cannot be read as an image: damaged or truncated PNG data");
  }
}

/** Undo the row filters of PNG: bytes of all rows, without the filters' numbers. */
function unfiltered(packed, rowBytes, height, pixelBytes) {
  const rows = new Uint8Array(rowBytes * height);
  for (let y = 0; y < height; y++) {
    const filter = packed[y * (rowBytes + 1)];
    if (filter > 4) throw new Refusal("cannot be read as an image: damaged PNG data");
    const from = y * (rowBytes + 1) + 1;
    const to = y * rowBytes;
    for (let x = 0; x < rowBytes; x++) {
      const left = x >= pixelBytes ? rows[to + x - pixelBytes] : 0;
      const above = y ? rows[to + x - rowBytes] : 0;
      const corner = y && x >= pixelBytes ? rows[to + x - rowBytes - pixelBytes] : 0;
      rows[to + x] = packed[from + x] + predicted(filter, left, above, corner);
    }
  }
  return rows;
}

function predicted(filter, left, above, corner) {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return above;
  if (filter === 3) return (left + above) >> 1;
  const guess = left + above - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}

/** Put the samples of one pass in their places. */
function spread(rows, rowBytes, width, height, file, channels, values, [left, top, stepX, stepY]) {
  const { depth } = file;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const to = ((top + y * stepY) * file.width + left + x * stepX) * channels;
      for (let channel = 0; channel < channels; channel++) {
        const number = x * channels + channel;
        const at = y * rowBytes + ((number * depth) >> 3);
        if (depth === 8) values[to + channel] = rows[at];
        else if (depth === 16) values[to + channel] = (rows[at] << 8) | rows[at + 1];
        else values[to + channel] = (rows[at] >> (8 - depth - ((number * depth) & 7))) & ((1 << depth) - 1);
      }
    }
  }
}
