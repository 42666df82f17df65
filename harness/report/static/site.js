"use strict";
(function () {
  const root = document.documentElement;
  const button = document.getElementById("theme");

  function drawAll() {
    document.querySelectorAll("script[data-chart]").forEach((script) => {
      const place = document.getElementById(script.dataset.chart);
      if (place.dataset.drawn) draw(place, script);
    });
  }

  function setTheme(name) {
    root.dataset.theme = name;
    button.setAttribute("aria-pressed", String(name === "dark"));
    try { localStorage.setItem("nutsbench-theme", name); } catch (error) { /* stays for this page */ }
    drawAll();
  }

  // The charts' colours (Okabe and Ito's, which the colour-blind tell apart too), lighter on a dark ground,
  // where the darkest would not be seen.
  const LIGHTER = { "#0072B2": "#3d9be0", "#D55E00": "#f0803c", "#009E73": "#1fc08f", "#CC79A7": "#e5a3c8",
    "#E69F00": "#f4be4f", "#56B4E9": "#a6daf7", "#7F7F7F": "#b0b0b0", "#882255": "#c26a92" };

  function coloured(part, ink, dark) {
    Object.keys(part).forEach((key) => {
      if (part[key] === "ink") part[key] = ink;
      else if (dark && LIGHTER[part[key]]) part[key] = LIGHTER[part[key]];
      else if (part[key] && typeof part[key] === "object") coloured(part[key], ink, dark);
    });
  }

  function draw(place, script) {
    const figure = JSON.parse(script.textContent);
    const style = getComputedStyle(root);
    figure.data.forEach((line) => {
      const parts = [line.line, line.marker, line.error_x, line.error_y].filter(Boolean);
      parts.forEach((part) => coloured(part, style.getPropertyValue("--ink").trim(), root.dataset.theme === "dark"));
      // Parts of a bar are told apart by a gap, too.
      if (line.type === "bar") line.marker.line = { color: style.getPropertyValue("--paper").trim(), width: 1 };
    });
    const ink = style.getPropertyValue("--ink").trim(), line = style.getPropertyValue("--line").trim();
    const layout = Object.assign({ paper_bgcolor: "transparent", plot_bgcolor: "transparent", autosize: true }, figure.layout);
    layout.font = { color: ink, family: style.getPropertyValue("--font").trim(), size: 12 };
    Object.keys(layout).filter((key) => /^[xy]axis/.test(key)).forEach((key) => {
      layout[key] = Object.assign({ gridcolor: line, zerolinecolor: line, linecolor: line }, layout[key]);
    });
    if (figure.panels) panels(figure, layout, place);
    (layout.shapes || []).forEach((shape) => { shape.line = Object.assign({ color: ink, width: 1 }, shape.line); });
    if (innerWidth < 720 && layout.showlegend !== false && !figure.panels) {
      // Beside the chart it would leave no room for it.
      layout.height = (layout.height || 400) + 120;
      layout.legend = { orientation: "h", y: -100 / layout.height, font: { size: 10 } };
      place.style.minHeight = `${layout.height}px`;
    }
    place.dataset.drawn = "yes";
    window.Plotly.react(place, figure.data, layout, { responsive: true, displaylogo: false, displayModeBar: false });
  }

  // Small multiples take as many columns as there is room for; only the first of a row tells the scale,
  // which all of them share.
  function panels(figure, layout, place) {
    const columns = Math.max(2, Math.min(figure.panels.columns, Math.floor(place.clientWidth / 170)));
    const rows = Math.ceil(figure.panels.count / columns);
    layout.grid = Object.assign({}, layout.grid, { rows, columns });
    layout.height = 80 + rows * figure.panels.height;
    place.style.minHeight = `${layout.height}px`;
    if (innerWidth < 720) {
      // Else the longest names run into their neighbours.
      layout.annotations = layout.annotations.map((note) => Object.assign({}, note, { font: { size: 8 } }));
    }
    for (let number = 0; number < figure.panels.count; number += 1) {
      const axis = `yaxis${number ? number + 1 : ""}`;
      layout[axis] = Object.assign({}, layout[axis], { showticklabels: number % columns === 0 });
      if (number % columns === 0) layout[axis].title = { text: figure.panels.title, font: { size: 10 } };
    }
  }

  function charts() {
    const scripts = document.querySelectorAll("script[data-chart]");
    if (!scripts.length || !window.Plotly) return;
    // A page may hold many: each is drawn when it comes into view.
    const seen = new IntersectionObserver((entries) => {
      entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
        seen.unobserve(entry.target);
        draw(entry.target, document.querySelector(`script[data-chart="${entry.target.id}"]`));
      });
    }, { rootMargin: "200px" });
    scripts.forEach((script) => seen.observe(document.getElementById(script.dataset.chart)));
  }

  // On paper all charts are in view, and nothing is folded.
  let folded = [];
  addEventListener("beforeprint", () => {
    document.querySelectorAll("script[data-chart]").forEach((script) => {
      const place = document.getElementById(script.dataset.chart);
      if (!place.dataset.drawn && place.offsetParent && window.Plotly) draw(place, script);
    });
    folded = Array.from(document.querySelectorAll("details:not([open])"));
    folded.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((part) => { part.open = false; }));

  function value(cell, kind) {
    const text = cell.dataset.value !== undefined ? cell.dataset.value : cell.textContent.trim();
    if (kind === "text") return text;
    return text === "" ? NaN : Number(text);
  }

  function sortable(table) {
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, column) => {
      const press = head.querySelector("button");
      if (!press) return;
      press.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const kind = head.dataset.kind;
        const rows = Array.from(table.tBodies[0].rows).map((row) => [value(row.cells[column], kind), row]);
        rows.sort((a, b) => {
          // What is missing comes last either way.
          const missing = Number(a[0] !== a[0]) - Number(b[0] !== b[0]);
          if (missing) return missing;
          const order = kind === "text" ? a[0].localeCompare(b[0]) : a[0] - b[0];
          return up ? order : -order;
        });
        table.tBodies[0].append(...rows.map((row) => row[1]));
      });
    });
  }

  function filters(form) {
    const table = document.getElementById(form.dataset.filters);
    const rows = Array.from(table.tBodies[0].rows);
    const texts = rows.map((row) => row.textContent.toLowerCase());
    function apply() {
      const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
      const selects = Array.from(form.querySelectorAll("select[name]"));
      let shown = 0;
      rows.forEach((row, number) => {
        const fits = words.every((word) => texts[number].includes(word)) &&
          selects.every((select) => !select.value || row.dataset[select.name] === select.value);
        row.hidden = !fits;
        shown += fits;
      });
      form.querySelector("output").textContent = `${shown} of ${rows.length} rows`;
    }
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    apply();
  }

  // Where there is no room for the table's head, a list sorts in its place.
  function sorting(select) {
    const heads = Array.from(document.getElementById(select.dataset.sort).tHead.rows[0].cells);
    heads.forEach((head, column) => {
      const name = head.querySelector("button").textContent;
      const ways = head.dataset.kind === "text" ? [["ascending", ""]] : head.dataset.kind === "order"
        ? [["ascending", ", worst first"]] : [["ascending", ", smallest first"], ["descending", ", largest first"]];
      ways.forEach(([way, words]) => {
        select.append(new Option(name + words, `${column} ${way}`, false, head.getAttribute("aria-sort") === way));
      });
    });
    select.addEventListener("change", () => {
      const [column, way] = select.value.split(" ");
      const press = heads[Number(column)].querySelector("button");
      press.click();
      if (heads[Number(column)].getAttribute("aria-sort") !== way) press.click();
    });
  }

  function shown(select) {
    function apply() {
      Array.from(select.options).forEach((option) => {
        const part = document.getElementById(`${select.dataset.show}-${option.value}`);
        if (part) part.hidden = option.value !== select.value;
      });
    }
    select.addEventListener("change", apply);
    const wanted = location.hash.slice(1);
    if (wanted && Array.from(select.options).some((option) => `${select.dataset.show}-${option.value}` === wanted)) {
      select.value = wanted.slice(select.dataset.show.length + 1);
    }
    apply();
  }

  function copying(press) {
    press.addEventListener("click", async () => {
      const code = press.previousElementSibling;
      try {
        await navigator.clipboard.writeText(press.dataset.copy);
        press.textContent = "copied";
      } catch (error) {
        // From disk it may be forbidden: what is selected can be copied by hand.
        getSelection().selectAllChildren(code);
        press.textContent = "selected";
      }
    });
  }

  button.addEventListener("click", () => setTheme(root.dataset.theme === "dark" ? "light" : "dark"));
  button.setAttribute("aria-pressed", String(root.dataset.theme === "dark"));
  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll("form[data-filters]").forEach(filters);
  document.querySelectorAll("select[data-show]").forEach(shown);
  document.querySelectorAll("select[data-sort]").forEach(sorting);
  document.querySelectorAll("button[data-copy]").forEach(copying);
  charts();
})();
