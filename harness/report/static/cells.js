"use strict";
// A table of as many records as there are: only the page that is looked at is in the document.
window.NUTSBENCH_TABLE = function (data) {
  const SIZE = 100;
  const form = document.querySelector("form[data-cells]");
  const table = document.getElementById("cells");
  const pager = document.querySelector(".pager");
  const details = document.getElementById("record");
  const names = data.columns.map((column) => column.name);
  const choices = Array.from(form.querySelectorAll("select"));
  const count = data.columns[0].values.length;
  // Stored oldest first, shown newest first.
  let order = Array.from({ length: count }, (_, number) => count - 1 - number);
  let found = order, page = 0, sorted = null, up = true;

  function raw(column, row) { return column.values[row]; }
  function text(column, row) {
    const value = raw(column, row);
    if (value === null) return "";
    return column.words ? column.words[value] : typeof value === "number" ? format(value) : String(value);
  }
  function format(value) {
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
  }

  // Words as they are, numbers with their names: "fork draws=250".
  const search = Array.from({ length: count }, (_, row) => data.columns
    .map((column) => column.words ? text(column, row) : `${column.name}=${text(column, row)}`)
    .join(" ").toLowerCase());

  function apply() {
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = choices.filter((select) => select.value)
      .map((select) => [data.columns[names.indexOf(select.name)], select.value]);
    found = order.filter((row) => wanted.every(([column, value]) => text(column, row) === value) &&
      words.every((word) => search[row].includes(word)));
    page = 0;
    draw();
  }

  function sort(column) {
    up = sorted === column ? !up : true;
    sorted = column;
    const spec = data.columns[column];
    const key = spec.words ? (row) => text(spec, row) : (row) => raw(spec, row);
    const keys = order.map(key);
    const byRow = new Map(order.map((row, number) => [row, keys[number]]));
    order = order.slice().sort((a, b) => {
      const one = byRow.get(a), other = byRow.get(b);
      if (one === null || other === null) return (one === null) - (other === null);
      const way = one < other ? -1 : one > other ? 1 : 0;
      return up ? way : -way;
    });
    apply();
  }

  const heads = data.columns.map((column, number) => {
    const cell = document.createElement("th"), press = document.createElement("button");
    cell.scope = "col";
    press.type = "button";
    press.textContent = column.label || column.name;
    if (column.definition) press.title = column.definition;
    press.addEventListener("click", () => sort(number));
    cell.append(press);
    return cell;
  });
  // Made once: a header that is replaced would lose the keyboard's focus.
  const header = document.createElement("tr");
  header.append(...heads);
  table.tHead.append(header);

  function draw() {
    heads.forEach((cell, number) => {
      if (number === sorted) cell.setAttribute("aria-sort", up ? "ascending" : "descending");
      else cell.removeAttribute("aria-sort");
    });
    const rows = found.slice(page * SIZE, (page + 1) * SIZE).map((row) => {
      const line = document.createElement("tr");
      data.columns.forEach((column, number) => {
        const cell = document.createElement(number ? "td" : "th");
        cell.className = column.words ? (column.name === "why" ? "why" : "word") : "number";
        if (number) cell.textContent = text(column, row);
        else {
          const open = document.createElement("button");
          open.type = "button";
          open.textContent = text(column, row);
          cell.append(open);
        }
        line.append(cell);
      });
      // The button is for the keyboard; the whole row for a pointer.
      line.addEventListener("click", () => show(row));
      return line;
    });
    table.tBodies[0].replaceChildren(...rows);
    const pages = Math.max(1, Math.ceil(found.length / SIZE));
    pager.querySelector("span").textContent = `page ${page + 1} of ${pages}`;
    pager.querySelectorAll("button").forEach((button) => {
      const to = page + Number(button.dataset.step);
      button.disabled = to < 0 || to >= pages;
    });
    form.querySelector("output").textContent = `${found.length} of ${count} records`;
  }

  // Details lie in scripts of many records each, since a page from disk may load nothing else.
  const loaded = {};
  let waiting = null;
  window.NUTSBENCH_DETAILS = function (chunk) {
    loaded[chunk.number] = chunk.rows;
    if (waiting !== null) show(waiting);
  };

  function show(row) {
    const number = Math.floor(row / data.chunk);
    if (!loaded[number]) {
      waiting = row;
      const script = document.createElement("script");
      script.src = `cells/${number}.js`;
      document.head.append(script);
      return;
    }
    waiting = null;
    const more = loaded[number][row % data.chunk];
    const heading = document.createElement("h2");
    heading.tabIndex = -1;
    heading.textContent = text(data.columns[0], row);
    const list = document.createElement("dl");
    const pairs = data.columns.map((column) => [column.name, text(column, row)]).concat(more);
    pairs.forEach(([name, content, href]) => {
      const term = document.createElement("dt"), meaning = document.createElement("dd");
      term.textContent = name;
      if (["command", "log", "warnings"].includes(name)) {
        const code = document.createElement("pre");
        code.textContent = content;
        meaning.append(code);
      } else if (href) {
        const link = document.createElement("a");
        link.href = href;
        link.textContent = content;
        meaning.append(link);
      } else meaning.textContent = content;
      list.append(term, meaning);
    });
    details.replaceChildren(heading, list);
    heading.focus();
  }

  choices.forEach((select) => {
    data.columns[names.indexOf(select.name)].words.slice().sort()
      .forEach((word) => select.append(new Option(word, word)));
  });
  const run = form.elements.run;
  if (Array.from(run.options).some((option) => option.value === "newest")) run.value = "newest";
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  pager.addEventListener("click", (event) => {
    if (event.target.dataset.step) { page += Number(event.target.dataset.step); draw(); }
  });
  apply();
};
