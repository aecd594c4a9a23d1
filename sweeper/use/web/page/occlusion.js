// Occlusion: how much the probability of a class falls where a part of the picture is covered.

"use strict";

const CELLS = 8; // an edge of the map; a cover hides 2 x 2 cells
const COVERS = CELLS - 1; // an edge, each one cell on from the last

/**
 * The map (CELLS x CELLS) of how much the probability of `target` falls on average under the covers
 * of each cell, and the cover under which it falls most. `onProgress` gets the share done.
 */
async function occlusion(network, image, target, probability, onProgress) {
  const edges = Array.from({ length: CELLS + 1 }, (_, i) => Math.round((i * image.width) / CELLS));
  const drops = new Float64Array(CELLS * CELLS);
  const covers = new Float64Array(CELLS * CELLS);
  let strongest = { drop: -Infinity };
  for (let row = 0; row < COVERS; row++) {
    const pictures = Array.from({ length: COVERS }, (_, column) =>
      asPlanes(covered(image, edges, row, column)),
    );
    const found = await network.run(pictures);
    found.forEach(({ probabilities }, column) => {
      const drop = probability - probabilities[target];
      if (drop > strongest.drop) strongest = { drop, row, column, probability: probabilities[target] };
      for (const cell of cellsUnder(row, column)) {
        drops[cell] += drop;
        covers[cell]++;
      }
    });
    onProgress((row + 1) / COVERS);
    await new Promise((resolve) => setTimeout(resolve)); // let the page be drawn
  }
  return { map: drops.map((drop, i) => drop / covers[i]), strongest, edges };
}

function cellsUnder(row, column) {
  const first = row * CELLS + column;
  return [first, first + 1, first + CELLS, first + CELLS + 1];
}

/** A copy of the image with 2 x 2 cells in the image's mean colour. */
function covered(image, edges, row, column) {
  const result = rgbImage(image.width, image.height, image.data.slice());
  const mean = meanColour(image);
  for (let y = edges[row]; y < edges[row + 2]; y++) {
    for (let x = edges[column]; x < edges[column + 2]; x++) {
      result.data.set(mean, 3 * (y * image.width + x));
    }
  }
  return result;
}

function meanColour(image) {
  const sums = [0, 0, 0];
  for (let i = 0; i < image.data.length; i++) sums[i % 3] += image.data[i];
  return sums.map((sum) => toByte((3 * sum) / image.data.length));
}

/** Where a cover is: "at the upper left". */
function placeOf({ row, column }) {
  const third = (number) => Math.min(2, Math.floor((3 * number) / COVERS));
  const vertical = ["upper ", "", "lower "][third(row)];
  const horizontal = ["left", "", "right"][third(column)];
  if (!vertical && !horizontal) return "in the centre";
  return `at the ${vertical.trim() && !horizontal ? `${vertical}edge` : vertical + (horizontal || "edge")}`;
}
