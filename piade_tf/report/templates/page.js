"use strict";
const byId = (id) => document.getElementById(id);

// Light and dark: the system's choice until the button is used.
(() => {
  const button = byId("theme"), root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const remember = (theme) => { try { localStorage.setItem("piade-theme", theme); } catch { /* not for files */ } };
  const recall = () => { try { return localStorage.getItem("piade-theme"); } catch { return null; } };
  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const show = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  const stored = recall();
  if (stored === "dark" || stored === "light") root.dataset.theme = stored;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remember(root.dataset.theme);
    show();
  });
  system.addEventListener("change", show);
  button.hidden = false;
  show();
})();

// A figure at its full size: on a phone its letters are too small to read.
(() => {
  const dialog = document.querySelector("dialog"), large = dialog.querySelector("img");
  for (const button of document.querySelectorAll(".zoom")) {
    button.addEventListener("click", () => {
      const image = [...button.querySelectorAll("img")].find((shown) => shown.offsetParent);
      large.src = image.src;
      large.alt = image.alt;
      dialog.showModal();
    });
  }
  dialog.addEventListener("click", () => dialog.close());
})();

// The table of all scores: order and filter work on row numbers, only one page of rows is in the document.
(() => {
  const PAGE = 50, KINDS = ["normal", "anomalous"];
  const data = JSON.parse(byId("rows").textContent), count = data.image.length;
  const judged = "verdict" in data;
  const kind = (code) => KINDS[code] ?? "unknown";
  const mistake = (i) => !judged || data.label[i] < 0 || data.verdict[i] < 0 || data.label[i] === data.verdict[i]
    ? "" : data.verdict[i] ? "false alarm" : "miss";
  const isRight = (i) => judged && data.label[i] >= 0 && data.label[i] === data.verdict[i];
  const className = (i) => data.classes[data.class[i]];

  // Names by their rank: comparing numbers sorts 10,000 rows at once, comparing names does not.
  const ranks = (names) => {
    const compare = new Intl.Collator(undefined, { numeric: true }).compare, rank = new Map();
    [...new Set(names)].sort(compare).forEach((name, place) => rank.set(name, place));
    return names.map((name) => rank.get(name));
  };
  const classRanks = ranks(data.classes);
  const columns = [
    { name: "image", keys: ranks(data.image), fill: (cell, i) => {
      const name = document.createElement("span"), small = document.createElement("small");
      // A path may break after any slash; before a digit browsers do not break there by themselves.
      name.append(...data.image[i].split(/(?<=\/)/).flatMap((part) => [part, document.createElement("wbr")]));
      small.textContent = className(i);
      cell.append(name, small);
    } },
    { name: "class", keys: data.class.map((c) => classRanks[c]), className: "class",
      fill: (cell, i) => { cell.textContent = className(i); } },
    { name: "truth", keys: data.label, className: "label", fill: (cell, i) => {
      const dot = document.createElement("i");
      dot.className = "dot " + kind(data.label[i]);
      cell.append(dot, kind(data.label[i]));
    } },
    { name: "score", keys: data.score, className: "number", down: true,
      fill: (cell, i) => { cell.textContent = data.score[i] === null ? "none" : data.score[i].toPrecision(5); } },
  ];
  if (data.percentile) columns.push({ name: "percentile", keys: data.percentile, className: "number", down: true,
    title: "Share of held-out normal images that score lower, in percent",
    fill: (cell, i) => { cell.textContent = data.percentile[i] === null ? "none" : data.percentile[i].toFixed(1); } });
  if (judged) columns.push({ name: "verdict", keys: data.verdict.map((v, i) => 2 * v + (mistake(i) ? 1 : 0)),
    className: "judged", fill: (cell, i) => {
      cell.textContent = kind(data.verdict[i]);
      if (mistake(i)) {
        const mark = document.createElement("span");
        mark.className = "mark";
        mark.textContent = mistake(i);
        cell.append(" ", mark);
      }
    } });

  let order = Array.from({ length: count }, (_, i) => i), found = order, page = 0, sorted = null, down = false;
  const haystack = data.image.map((name, i) => (name + "\n" + className(i)).toLowerCase());
  const pages = () => Math.max(1, Math.ceil(found.length / PAGE));
  const body = byId("scores").tBodies[0], head = byId("scores").tHead.rows[0];

  function draw() {
    page = Math.min(Math.max(page, 0), pages() - 1);
    const start = page * PAGE, shown = found.slice(start, start + PAGE);
    body.replaceChildren(...shown.map((i) => {
      const row = document.createElement("tr");
      for (const column of columns) {
        const cell = row.insertCell();
        if (column.className) cell.className = column.className;
        column.fill(cell, i);
      }
      return row;
    }));
    const all = count.toLocaleString("en"), some = found.length.toLocaleString("en");
    const range = found.length ? `${(start + 1).toLocaleString("en")} to ${(start + shown.length).toLocaleString("en")} of ` : "";
    byId("shown").textContent = range + some + (found.length < count ? ` found among ${all} images` : " images");
    for (const button of document.querySelectorAll("[data-page]")) {
      button.disabled = ["first", "previous"].includes(button.dataset.page) ? page === 0 : page === pages() - 1;
    }
  }

  function filter() {
    const words = byId("search").value.toLowerCase().trim();
    const wantedClass = byId("class").value, wanted = byId("verdict").value;
    found = order.filter((i) =>
      (!words || haystack[i].includes(words)) &&
      (wantedClass === "" || data.class[i] === Number(wantedClass)) &&
      (!wanted || (wanted === "right" ? isRight(i) : wanted === "wrong" ? mistake(i) : mistake(i) === wanted)));
    page = 0;
    draw();
  }

  function sort(column) {
    down = sorted === column ? !down : Boolean(column.down);
    sorted = column;
    const keys = column.keys, sign = down ? -1 : 1;
    // Stable, so that sorting by one column and then another sorts by both; missing values come last.
    order.sort((a, b) => keys[a] === null || keys[b] === null
      ? (keys[a] === null) - (keys[b] === null) : sign * (keys[a] - keys[b]));
    columns.forEach(({ cell }, i) => {
      if (columns[i] === column) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    });
    filter();
  }

  for (const column of columns) {
    const cell = column.cell = document.createElement("th"), button = document.createElement("button");
    cell.scope = "col";
    if (column.className) cell.className = column.className;
    if (column.title) button.title = column.title;
    button.type = "button";
    button.textContent = column.name;
    button.addEventListener("click", () => sort(column));
    cell.append(button);
    head.append(cell);
  }
  classRanks.map((rank, i) => [rank, i]).sort((a, b) => a[0] - b[0]).forEach(([, i]) =>
    byId("class").add(new Option(data.classes[i], i)));
  byId("verdict-label").hidden = !judged;
  let waiting;
  byId("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 100); });
  byId("class").addEventListener("change", filter);
  byId("verdict").addEventListener("change", filter);
  for (const button of document.querySelectorAll("[data-page]")) {
    button.addEventListener("click", () => {
      page = { first: 0, previous: page - 1, next: page + 1, last: pages() - 1 }[button.dataset.page];
      draw();
    });
  }
  sort(columns[3]);
  byId("score-table").hidden = false;
})();
