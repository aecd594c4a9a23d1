// The page is whole without this. It adds: sorting and filtering of the table of all cells,
// a search through the cells below it, opening what a link points to, and comparing cells.
(() => {
  "use strict";
  const find = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };

  const table = document.querySelector("table.listing");
  const rows = all("tbody tr", table);
  const entries = new Map(all("details.cell").map((one) => [one.dataset.cell, one]));
  const rowOf = new Map(rows.map((row) => [row.dataset.cell, row]));

  // --- filtering: the selects hold for the table and for the entries, the search for the entries

  const factors = find("factors");
  const selects = all("select", factors);
  const search = find("filter");
  const titles = new Map(
    [...entries].map(([cell, one]) => [cell, one.querySelector("summary").textContent.toLowerCase()]),
  );

  const matches = (row) => {
    const choices = row.dataset.choices.split(" ");
    return selects.every((select, i) => select.value === "" || select.value === choices[i]);
  };

  const apply = () => {
    const words = search ? search.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
    const states = {};
    let visible = 0;
    let found = 0;
    for (const row of rows) {
      row.hidden = !matches(row);
      if (!row.hidden) {
        visible += 1;
        const state = row.classList[0];
        states[state] = (states[state] || 0) + 1;
      }
      const entry = entries.get(row.dataset.cell);
      if (!entry) continue;
      const said = titles.get(row.dataset.cell);
      entry.hidden = row.hidden || !words.every((word) => said.includes(word));
      found += entry.hidden ? 0 : 1;
    }
    for (const division of all("h3.division")) {
      let next = division.nextElementSibling;
      while (next && next.matches("details.cell[hidden]")) next = next.nextElementSibling;
      division.hidden = !(next && next.matches("details.cell"));
    }
    const parts = Object.entries(states).map(([state, number]) => `${number} ${state}`);
    find("matching").textContent = `${visible} of ${rows.length} cells: ${parts.join(", ") || "none"}`;
    if (search) find("shown").textContent = found < entries.size ? `${found} of ${entries.size}` : "";
  };

  const showEverything = () => {
    selects.forEach((select) => { select.value = ""; });
    if (search) search.value = "";
    apply();
  };

  // --- links to cells

  const reveal = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && find(id);
    if (!target) return;
    const entry = target.closest("details");
    const holder = target.closest("details.cell, .listing tr");
    if (holder && holder.hidden) showEverything();
    if (entry) entry.open = true;
    if (holder) (entry || target).scrollIntoView({ block: "start" });
  };

  const backTo = (cell) => {
    const tile = document.querySelector(`.tile a[href="#${cell}"]`);
    const goal = tile || rowOf.get(cell).querySelector("a");
    const link = make("a", { href: tile ? "#grid" : "#all", className: "back" });
    link.textContent = tile ? "Back to the grid" : "Back to the table";
    link.addEventListener("click", (event) => {
      event.preventDefault();
      goal.scrollIntoView({ block: "center" });
      goal.focus({ preventScroll: true });
    });
    return make("p", {}, link);
  };

  const addWayBack = (entry) => {
    if (!entry.open || entry.querySelector(".back")) return;
    entry.querySelector(".body").prepend(backTo(entry.dataset.cell));
  };

  // --- sorting

  const heads = all("thead th", table);
  const valueOf = (row, column, numeric) => {
    const cell = row.children[column];
    const text = cell.dataset.value ?? cell.textContent;
    if (!numeric) return text;
    const number = parseFloat(text.replace("\u2212", "-").replace("\u2009", ""));
    return Number.isNaN(number) ? null : number;
  };

  const sortBy = (head, down) => {
    const column = heads.indexOf(head) + 1;  // the boxes stand before the first
    const numeric = head.dataset.sort === "number";
    const keyed = rows.map((row, place) => ({ row, place, value: valueOf(row, column, numeric) }));
    const order = (a, b) => {
      if (a === null || b === null) return (a === null) - (b === null);  // no value: always last
      const difference = numeric ? a - b : a.localeCompare(b, "en", { numeric: true });
      return down ? -difference : difference;
    };
    keyed.sort((a, b) => order(a.value, b.value) || a.place - b.place);
    table.tBodies[0].append(...keyed.map((one) => one.row));
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
  };

  const makeSortable = (head) => {
    const button = make("button", { type: "button" });
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const highestFirst = head.dataset.sort === "number" && heads.indexOf(head) > 0;
      sortBy(head, before ? before === "ascending" : highestFirst);
    });
  };

  // --- comparing

  const chosen = () => rows.filter((row) => row.querySelector("input").checked);

  const nameOf = (row) => {
    const [number, ...rest] = [...row.children].slice(1, 2 + factorCount).map((cell) => cell.textContent);
    return `${rest.join(", ")} (cell ${number})`;
  };
  const factorCount = heads.findIndex((head) => head.textContent === "accuracy") - 1;

  const showChosen = () => {
    const number = chosen().length;
    find("compare-chosen").disabled = number < 2;
    find("choose-none").disabled = number === 0;
    find("chosen").textContent = number < 2
      ? `${number} selected. Choose two or more cells to compare.`
      : `${number} cells selected.`;
  };

  const addBox = (row) => {
    const box = make("input", { type: "checkbox", ariaLabel: `compare cell ${row.children[0].textContent}` });
    box.addEventListener("change", showChosen);
    row.prepend(make("td", {}, box));
  };

  const numbersBeside = (picked) => {
    const head = make("tr", {}, make("td"));
    picked.forEach((row) => head.append(make("th", { scope: "col", textContent: nameOf(row) })));
    if (picked.length === 2) head.append(make("th", { scope: "col", textContent: "first minus second" }));
    const body = make("tbody");
    heads.slice(1).forEach((one, i) => {
      const column = i + 2;
      const line = make("tr", {}, make("th", { scope: "row", textContent: one.textContent }));
      const texts = picked.map((row) => row.children[column].textContent.trim());
      if (new Set(texts).size > 1) line.className = "differs";
      texts.forEach((text) => line.append(make("td", { textContent: text })));
      if (picked.length === 2) {
        const [a, b] = picked.map((row) => valueOf(row, column, one.dataset.sort === "number"));
        const number = one.dataset.sort === "number" && a !== null && b !== null;
        const text = number ? (a - b).toFixed(1).replace("-", "\u2212") : "";
        line.append(make("td", { textContent: number && a > b ? `+${text}` : text }));
      }
      body.append(line);
    });
    const caption = make("caption", { className: "sr", textContent: "The selected cells side by side" });
    const thead = make("thead", {}, head);
    return make("div", { className: "scroll" }, make("table", { className: "plain beside" }, caption, thead, body));
  };

  const measuredBetween = (picked) => {
    if (picked.length !== 2) return [];
    const other = picked.find((row, i) => row.dataset.best === picked[1 - i].dataset.cell);
    const text = other
      ? `On the same test images, ${nameOf(rowOf.get(other.dataset.best))} minus ${nameOf(other)}: ${other.dataset.against}.`
      : "No paired test for these two cells: in each scenario, the best cell on validation is tested against the others.";
    return [make("p", { className: "note", textContent: text })];
  };

  const copyOf = (row) => {
    const side = make("article", {}, make("h4", { textContent: nameOf(row) }));
    const entry = entries.get(row.dataset.cell);
    if (!entry) {
      const text = "Not shown in full on this page. Its curves and confusion matrix are in the Parquet tables.";
      side.append(make("p", { className: "note", textContent: text }));
      return side;
    }
    const copy = entry.querySelector(".body").cloneNode(true);
    [copy, ...all("[id]", copy)].forEach((one) => one.removeAttribute("id"));
    all(".back", copy).forEach((one) => one.remove());
    side.append(copy);
    return side;
  };

  const compare = () => {
    const picked = chosen();
    const place = find("compare");
    const title = place.querySelector("h3");
    const sides = make("div", { className: "sides-by-side" }, ...picked.map(copyOf));
    place.replaceChildren(title, numbersBeside(picked), ...measuredBetween(picked), sides);
    place.hidden = false;
    makeScrollable(place);
    title.focus();
    title.scrollIntoView({ block: "start" });
  };

  const chooseNone = () => {
    all("input", table).forEach((box) => { box.checked = false; });
    find("compare").hidden = true;
    showChosen();
  };

  // --- reach by keyboard what scrolls sideways; copy; print the best cells opened

  const makeScrollable = (within) => {
    all(".scroll, pre", within).forEach((box) => {
      if (box.closest("details:not([open])")) return;  // asking for its size would lay it out
      if (box.scrollWidth <= box.clientWidth && box.scrollHeight <= box.clientHeight) return;
      box.tabIndex = 0;
    });
  };

  const addCopyButton = (pre) => {
    const button = make("button", { type: "button", className: "copy", textContent: "Copy" });
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(pre.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(pre);
        button.textContent = "Selected: press Ctrl-C";
      }
    });
    pre.before(button);
  };

  const openForPrint = () => {
    all("a.card").forEach((card) => {
      const entry = entries.get(card.hash.slice(1));
      if (entry) entry.open = true;
    });
  };

  const setAll = (open) => entries.forEach((entry) => { if (!entry.hidden) entry.open = open; });

  rows.forEach(addBox);
  heads.forEach(makeSortable);
  table.tHead.rows[0].prepend(make("td", {}, make("span", { className: "sr", textContent: "compare" })));
  factors.hidden = false;
  find("choosing").hidden = false;
  factors.addEventListener("input", apply);
  factors.addEventListener("reset", (event) => { event.preventDefault(); showEverything(); });
  factors.addEventListener("submit", (event) => event.preventDefault());
  find("compare-chosen").addEventListener("click", compare);
  find("choose-none").addEventListener("click", chooseNone);
  if (search) {
    find("controls").hidden = false;
    search.addEventListener("input", apply);
    find("open").addEventListener("click", () => setAll(true));
    find("close").addEventListener("click", () => setAll(false));
  }
  entries.forEach((entry) => entry.addEventListener("toggle", () => addWayBack(entry)));
  document.addEventListener("toggle", (event) => makeScrollable(event.target), true);  // it does not bubble
  all("pre.copyable").forEach(addCopyButton);
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", openForPrint);
  addEventListener("resize", () => makeScrollable(document));
  apply();
  makeScrollable(document);
  reveal();
})();
