// SPDX-License-Identifier: Apache-2.0

function section(parent, id, title, ...children) {
  const node = make("section", { id, "aria-labelledby": `${id}-title` }, make("h2", { id: `${id}-title`, text: title }), ...children);
  parent.append(node);
  (parent.id === "main" ? $("contents") : $("tables-contents")).append(make("a", { href: `#${id}`, text: title }));
  return node;
}

const isText = column => column.kind === "text";

// Rows that sort by a click on their column's name. `link`: the column whose value names a span.
function table(caption, columns, rows, top = 50) {
  let sorted = -1, down = true, shown = top;
  const body = make("tbody"), more = make("button", { type: "button", onclick: () => { shown = Infinity; fill(); } });
  const heads = columns.map((column, at) => make("th", { scope: "col", class: isText(column) ? "text" : null },
    make("button", { type: "button", text: column.heading || column.key, onclick: () => sort(at) })));
  const cell = (column, row) => {
    const value = row[column.key];
    const content = column.span && value !== null && value !== undefined
      ? make("a", { href: `#span=${value}`, text: String(value) })
      : document.createTextNode(figure(column.kind, value));
    return make("td", { class: isText(column) ? "text" : null }, content);
  };
  function fill() {
    body.replaceChildren(...rows.slice(0, shown).map(row => make("tr", null, ...columns.map(column => cell(column, row)))));
    more.hidden = rows.length <= shown;
    more.textContent = `Show all ${count(rows.length)} rows`;
  }
  function sort(at) {
    const key = columns[at].key;
    down = sorted === at ? !down : !isText(columns[at]);
    sorted = at;
    rows.sort((a, b) => {
      const x = a[key] ?? null, y = b[key] ?? null;
      if (x === null || y === null) return (x === null) - (y === null);
      const order = isText(columns[at]) ? String(x).localeCompare(String(y)) : x - y;
      return down ? -order : order;
    });
    heads.forEach((head, i) => (i === at ? head.setAttribute("aria-sort", down ? "descending" : "ascending") : head.removeAttribute("aria-sort")));
    fill();
    say(`Sorted by ${columns[at].heading || columns[at].key}, ${down ? "largest" : "smallest"} first`);
  }
  fill();
  return make("div", null, make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    make("table", null, make("caption", { text: caption }), make("thead", null, make("tr", null, ...heads)), body)), more);
}

// Parts of a whole, as a bar with its key and, for those who do not see it, a table.
function stack(caption, parts) {
  const whole = parts.reduce((sum, part) => sum + part.value, 0) || 1;
  const bar = make("div", { class: "bar", role: "img", "aria-label": `${caption}: ` +
    parts.slice(0, 6).map(part => `${part.name} ${share(part.value / whole)}`).join(", ") });
  const key = make("ul", { class: "key" });
  for (const part of parts) {
    const piece = make("span", { title: `${part.name} ${duration(part.value)}` }), dot = make("i");
    piece.style.width = `${(100 * part.value) / whole}%`;
    piece.style.background = dot.style.background = part.colour;
    bar.append(piece);
    key.append(make("li", null, dot, `${part.name} ${duration(part.value)}, ${share(part.value / whole)}`));
  }
  return make("div", null, bar, key);
}
