// SPDX-License-Identifier: Apache-2.0

const ROW = 22, AXIS = 26, STRIPE = 14;

// Spans as rows of a tree over time. Only what is in view is drawn, however many there are.
class Waterfall {
  constructor(data, spans) {
    this.data = data;
    this.spans = spans;
    this.open = new Set();
    this.from = 0;
    this.to = Math.max(1, data.run.end_ns - data.run.start_ns);
    this.whole = this.to;
    this.scroll = 0;
    this.selected = null;
    this.onPath = new Map();
    for (const unit of data.units.list)
      for (const piece of unit.path || []) {
        const list = this.onPath.get(piece[0]);
        if (list) list.push(piece); else this.onPath.set(piece[0], [piece]);
      }
    this.least = this.whole / 2000;
    this.openSome();
    this.layout();
  }

  // Short calls hide the story; requests and functions are shown however short they are.
  shown(i) {
    return this.spans.duration[i] >= this.least || this.spans.operations[this.spans.operation[i]].class > 0;
  }
  kids(i) { return this.spans.kids(i).filter(kid => this.shown(kid)); }

  // As many levels as a reader takes in.
  openSome() {
    let level = this.spans.roots, room = 300;
    while (level.length && level.length <= room) {
      room -= level.length;
      level.forEach(i => this.open.add(i));
      level = level.flatMap(i => this.kids(i));
    }
  }

  layout() {
    const rows = [], depths = [], stack = this.spans.roots.map(i => [i, 0]).reverse();
    while (stack.length) {
      const [i, depth] = stack.pop();
      rows.push(i);
      depths.push(depth);
      if (this.open.has(i)) {
        const kids = this.kids(i);
        for (let at = kids.length - 1; at >= 0; at--) stack.push([kids[at], depth + 1]);
      }
    }
    this.rows = rows;
    this.depths = depths;
  }

  build() {
    this.canvas = make("canvas", { tabindex: 0, role: "application", "aria-label": "Waterfall of spans: arrow keys move, the panel below tells what is selected",
      "aria-describedby": "detail" });
    this.height = AXIS + STRIPE + ROW * 20;
    this.canvas.addEventListener("keydown", event => this.key(event));
    this.canvas.addEventListener("click", event => this.click(event));
    this.canvas.addEventListener("wheel", event => this.wheel(event), { passive: false });
    window.addEventListener("resize", () => this.draw());
    const steps = [[0, "any"], [1e3, "1 us"], [1e4, "10 us"], [1e5, "100 us"], [1e6, "1 ms"], [1e7, "10 ms"], [1e8, "100 ms"]];
    const choice = make("select", { onchange: () => { this.least = Number(choice.value); this.layout(); this.scroll = 0; this.draw(); } },
      make("option", { value: this.least, text: `${duration(this.least)} (a 2000th of the run)` }), ...steps.map(([value, text]) => make("option", { value, text })));
    this.detail = make("div", { id: "detail", "aria-live": "polite" }, make("p", { text: "Choose a span." }));
    return make("div", { class: "wrap" }, make("p", null, make("label", null, "Calls of at least ", choice)), this.canvas, this.detail);
  }

  x(at) { return ((at - this.from) / (this.to - this.from)) * this.width; }
  visible() { return Math.floor((this.height - AXIS - STRIPE) / ROW); }

  draw() {
    const [context, width] = fit(this.canvas, this.height);
    this.width = width;
    context.fillStyle = css("--paper");
    context.fillRect(0, 0, width, this.height);
    this.drawAxis(context);
    this.drawStripe(context);
    const last = Math.min(this.rows.length, this.scroll + this.visible() + 1);
    for (let row = this.scroll; row < last; row++) this.drawRow(context, row, AXIS + STRIPE + (row - this.scroll) * ROW);
    if (this.rows.length > this.visible()) {
      const track = this.height - AXIS - STRIPE, size = Math.max(12, (track * this.visible()) / this.rows.length);
      context.fillStyle = css("--faint");
      context.fillRect(width - 5, AXIS + STRIPE + ((track - size) * this.scroll) / Math.max(1, this.rows.length - this.visible()), 4, size);
    }
  }

  drawAxis(context) {
    const span = this.to - this.from, step = 10 ** Math.floor(Math.log10(span / 3 || 1));
    context.fillStyle = css("--faint");
    context.strokeStyle = css("--line");
    for (let at = Math.ceil(this.from / step) * step; at <= this.to; at += step * Math.ceil(span / step / 8)) {
      context.beginPath();
      context.moveTo(this.x(at), 0);
      context.lineTo(this.x(at), this.height);
      context.stroke();
      context.fillText(duration(at), this.x(at) + 3, AXIS / 2);
    }
  }

  // What the unit of the selected span, or else the longest one, waited for.
  drawStripe(context) {
    const unit = this.unit();
    for (const [id, start, end] of (unit && unit.path) || []) {
      const i = this.spans.byId.get(id), wait = i === undefined ? 0 : this.spans.wait[i];
      context.fillStyle = colourOf(wait);
      context.fillRect(this.x(start), AXIS, Math.max(1, this.x(end) - this.x(start)), STRIPE - 4);
    }
  }

  unit() {
    const units = this.data.units.list;
    for (let i = this.selected; i !== null && i !== undefined; i = this.spans.parentOf(i)) {
      const unit = units.find(one => one.span === this.spans.id[i]);
      if (unit) return unit;
    }
    return units.reduce((best, one) => (!best || one.end - one.start > best.end - best.start ? one : best), null);
  }

  drawRow(context, row, y) {
    const i = this.rows[row], spans = this.spans, indent = 6 + this.depths[row] * 12;
    const left = Math.max(-2, this.x(spans.start[i])), right = Math.min(this.width + 2, this.x(spans.end(i)));
    const group = spans.operations[spans.operation[i]].class || spans.wait[i];
    const colour = colourOf(group);
    if (i === this.selected) {
      context.fillStyle = css("--mark");
      context.fillRect(0, y, this.width, ROW);
    }
    if (right >= 0 && left <= this.width) {
      context.fillStyle = colour;
      context.fillRect(left, y + 3, Math.max(1.5, right - left), ROW - 6);
      context.fillStyle = css("--ink");
      for (const piece of this.onPath.get(spans.id[i]) || [])
        context.fillRect(this.x(piece[1]), y + ROW - 3, Math.max(1, this.x(piece[2]) - this.x(piece[1])), 2);
    }
    const mark = this.kids(i).length ? (this.open.has(i) ? "▾ " : "▸ ") : "  ";
    const text = `${mark}${spans.name(i)}  ${duration(spans.duration[i])}`, inside = right - left > 120;
    const at = inside ? Math.max(left + 4, indent) : Math.min(Math.max(right + 6, indent), this.width - 160);
    context.fillStyle = inside && at < right - 20 ? inkOn(colour) : css("--ink");
    context.fillText(clip(context, text, inside ? right - at - 4 : this.width - at - 8), at, y + ROW / 2);
    if (spans.failed[i]) {
      context.fillStyle = css("--bad");
      context.fillText("✗", Math.max(2, Math.min(left, this.width - 12) - 12), y + ROW / 2);
    }
  }

  select(i, announce = true) {
    this.selected = i;
    for (let up = this.spans.parentOf(i); up !== undefined; up = this.spans.parentOf(up)) this.open.add(up);
    if (!this.shown(i)) this.least = this.spans.duration[i];
    this.layout();
    const row = this.rows.indexOf(i);
    if (row < this.scroll) this.scroll = row;
    if (row >= this.scroll + this.visible()) this.scroll = row - this.visible() + 1;
    this.describe(i);
    this.draw();
    if (announce) history.replaceState(null, "", `#span=${this.spans.id[i]}`);
  }

  describe(i) {
    const spans = this.spans, operation = spans.operations[spans.operation[i]], thread = this.data.threads[spans.thread[i]];
    const facts = [["span", spans.id[i]], ["starts at", duration(spans.start[i])], ["takes", duration(spans.duration[i])],
      ["parent", `${spans.parent[i] ?? "none"} (${(this.data.words.evidence[spans.evidence[i]] || {}).name})`]];
    if (operation.class) facts.push(["class", this.data.words.class[operation.class].title]);
    if (spans.wait[i]) facts.push(["waits for", this.data.words.wait[spans.wait[i]].title]);
    if (thread) facts.push(["thread", `${thread.name || "thread"} ${thread.tid}, process ${thread.pid}`]);
    if (spans.failed[i]) facts.push(["failed", "yes"]);
    const object = this.data.objects[spans.object[i]];
    if (object) facts.push(["on", object]);
    for (const [key, value] of this.data.facts[spans.id[i]] || []) facts.push([key, key.endsWith("_ns") ? duration(value) : String(value)]);
    this.detail.replaceChildren(make("h3", { text: spans.name(i) }),
      make("dl", null, ...facts.flatMap(([key, value]) => [make("dt", { text: key }), make("dd", { text: String(value) })])));
  }

  zoom(factor, around) {
    const span = (this.to - this.from) * factor, at = around === undefined ? (this.from + this.to) / 2 : around;
    const part = (at - this.from) / (this.to - this.from);
    this.from = Math.max(0, at - span * part);
    this.to = Math.min(this.whole, Math.max(this.from + 100, this.from + span));
    this.draw();
  }

  pan(part) {
    const span = this.to - this.from;
    this.from = Math.min(Math.max(0, this.from + span * part), this.whole - span);
    this.to = this.from + span;
    this.draw();
  }

  show(i) {
    const margin = Math.max(50, this.spans.duration[i] * 0.1);
    this.from = Math.max(0, this.spans.start[i] - margin);
    this.to = Math.min(this.whole, this.spans.end(i) + margin);
    this.draw();
  }

  move(by) {
    const row = this.selected === null ? -1 : this.rows.indexOf(this.selected);
    const next = Math.min(this.rows.length - 1, Math.max(0, row + by));
    if (this.rows.length) this.select(this.rows[next]);
  }

  toggle(open) {
    const i = this.selected;
    if (i === null) return;
    if (!open && !this.open.has(i)) {
      const parent = this.spans.parentOf(i);
      if (parent !== undefined) this.select(parent);
      return;
    }
    if (open) this.open.add(i); else this.open.delete(i);
    this.layout();
    this.draw();
  }

  key(event) {
    const actions = { ArrowDown: () => this.move(1), ArrowUp: () => this.move(-1), PageDown: () => this.move(this.visible()),
      PageUp: () => this.move(-this.visible()), Home: () => this.move(-Infinity), End: () => this.move(Infinity),
      ArrowRight: () => this.toggle(true), ArrowLeft: () => this.toggle(false), Enter: () => this.toggle(!this.open.has(this.selected)),
      w: () => this.zoom(0.6), s: () => this.zoom(1 / 0.6), a: () => this.pan(-0.2), d: () => this.pan(0.2),
      f: () => this.selected !== null && this.show(this.selected), 0: () => { this.from = 0; this.to = this.whole; this.draw(); } };
    if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    actions[event.key]();
  }

  click(event) {
    const row = this.scroll + Math.floor((event.offsetY - AXIS - STRIPE) / ROW);
    if (event.offsetY < AXIS + STRIPE || row >= this.rows.length) return;
    const i = this.rows[row];
    if (this.selected === i) this.toggle(!this.open.has(i)); else this.select(i);
  }

  wheel(event) {
    if (event.ctrlKey) {
      event.preventDefault();
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.from + (event.offsetX / this.width) * (this.to - this.from));
      return;
    }
    const most = Math.max(0, this.rows.length - this.visible());
    const next = Math.min(most, Math.max(0, this.scroll + Math.sign(event.deltaY) * 3));
    if (next === this.scroll) return;
    event.preventDefault();
    this.scroll = next;
    this.draw();
  }
}
