// The network in ONNX Runtime Web: its engine and weights are in this page, nothing is fetched.

"use strict";

/** The bytes of gzip-compressed, base64-encoded data. */
async function unpacked(text) {
  const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The exported network, pixels -> probabilities and distance to the training images. */
class Network {
  static async load() {
    ort.env.wasm.numThreads = 1; // more need headers that a file cannot have
    ort.env.wasm.wasmBinary = await unpacked(EMBEDDED_ENGINE.wasm);
    const loader = new Blob([await unpacked(EMBEDDED_ENGINE.loader)], { type: "text/javascript" });
    ort.env.wasm.wasmPaths = { mjs: URL.createObjectURL(loader) };
    const model = await unpacked(EMBEDDED_MODEL);
    return new Network(await ort.InferenceSession.create(model, { executionProviders: ["wasm"] }));
  }

  constructor(session) {
    this.session = session;
  }

  /** Classify planes of pixels (3, N, N): an array of { probabilities, distance }. */
  async run(pictures) {
    const side = ABOUT.preprocessing.image_size;
    const pixels = new Float32Array(pictures.length * 3 * side * side);
    pictures.forEach((planes, i) => pixels.set(planes, i * planes.length));
    const input = new ort.Tensor("float32", pixels, [pictures.length, 3, side, side]);
    const found = await this.session.run({ pixels: input });
    const classes = ABOUT.classes.length;
    return pictures.map((_, i) => ({
      probabilities: Array.from(found.probabilities.data.slice(i * classes, (i + 1) * classes)),
      distance: found.distance ? found.distance.data[i] : null,
    }));
  }
}

/** Decode, preprocess and classify the bytes of a file: image (N x N), probabilities, distance. */
async function classify(network, bytes) {
  const image = preprocess(await decodeImage(bytes), ABOUT.preprocessing);
  const [found] = await network.run([asPlanes(image)]);
  return { image, ...found };
}

/** Classify the built-in picture: the largest difference from the probabilities of the training. */
async function selfCheck(network) {
  const found = await classify(network, await unpacked(ABOUT.self_check.picture));
  const expected = ABOUT.self_check.probabilities;
  return Math.max(...expected.map((value, i) => Math.abs(value - found.probabilities[i])));
}
