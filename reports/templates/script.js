// The page works without this: it adds a filter, and opens the cell a link points to.
(() => {
  "use strict";
  const cells = [...document.querySelectorAll("details.cell")];
  const filter = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const titles = new Map(cells.map((c) => [c, c.querySelector(".title").textContent.toLowerCase()]));
  const divisions = [...document.querySelectorAll("h3.division")];

  const reveal = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    const cell = target && target.closest("details.cell");
    if (!cell) return;
    cell.hidden = false;
    cell.open = true;
    cell.scrollIntoView({ block: "start" });
  };

  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let visible = 0;
    for (const cell of cells) {
      cell.hidden = !words.every((word) => titles.get(cell).includes(word));
      visible += cell.hidden ? 0 : 1;
    }
    for (const division of divisions) {
      let next = division.nextElementSibling;
      while (next && next.matches("details.cell[hidden]")) next = next.nextElementSibling;
      division.hidden = !(next && next.matches("details.cell"));
    }
    shown.textContent = words.length ? `${visible} of ${cells.length}` : "";
  };

  const setAll = (open) => cells.forEach((cell) => { if (!cell.hidden) cell.open = open; });

  document.getElementById("controls").hidden = false;
  filter.addEventListener("input", apply);
  document.getElementById("open").addEventListener("click", () => setAll(true));
  document.getElementById("close").addEventListener("click", () => setAll(false));
  addEventListener("hashchange", reveal);
  reveal();
})();
