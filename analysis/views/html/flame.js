// SPDX-License-Identifier: Apache-2.0

const FLAME_ROW = 20;

// The call tree of all threads together: width is time, and what stands on a call was called by it.
class Flame {
  constructor(data) {
    this.root = { name: "all threads", value: 0, self: 0, calls: 0, kids: new Map() };
    const nodes = new Map(), folds = data.folds;
    for (let i = 0; i < folds.id.length; i++) nodes.set(folds.id[i], i);
    const chain = i => {
      const names = [];
      for (let at = i, steps = 0; at !== undefined && steps < 512; at = nodes.get(folds.parent[at]), steps++)
        names.push(data.operations[folds.operation[at]].name || "?");
      const thread = data.threads[folds.thread[i]];
      names.push(thread ? `${thread.name || "thread"} (${thread.program || "process"})` : "thread");
      return names.reverse();
    };
    for (let i = 0; i < folds.id.length; i++) this.add(chain(i), folds.self[i], folds.calls[i]);
    this.top = this.root;
  }

  add(names, self, calls) {
    let node = this.root;
    node.value += self;
    for (const name of names) {
      let next = node.kids.get(name);
      if (!next) {
        next = { name, value: 0, self: 0, calls: 0, kids: new Map(), parent: node };
        node.kids.set(name, next);
      }
      next.value += self;
      node = next;
    }
    node.self += self;
    node.calls += calls;
  }

  depth(node) {
    let deepest = 0;
    const todo = [[node, 1]];
    while (todo.length) {
      const [at, level] = todo.pop();
      deepest = Math.max(deepest, level);
      for (const kid of at.kids.values()) if (kid.value * 1000 >= node.value) todo.push([kid, level + 1]);
    }
    return Math.min(deepest, 60);
  }

  build() {
    this.canvas = make("canvas", { tabindex: 0, role: "img", "aria-label": "Flame graph of calls; the table below holds the same figures" });
    this.canvas.addEventListener("click", event => this.click(event));
    this.canvas.addEventListener("keydown", event => {
      if (event.key !== "Escape" && event.key !== "Backspace") return;
      this.top = this.top.parent || this.root;
      this.draw();
    });
    window.addEventListener("resize", () => this.draw());
    this.out = make("button", { type: "button", text: "Whole graph", onclick: () => { this.top = this.root; this.draw(); } });
    return make("div", null, make("p", null, this.out), this.canvas, this.table());
  }

  table() {
    const sums = new Map();
    const todo = [this.root];
    while (todo.length) {
      const node = todo.pop();
      const row = sums.get(node.name) || { name: node.name, self: 0, calls: 0 };
      row.self += node.self;
      row.calls += node.calls;
      sums.set(node.name, row);
      todo.push(...node.kids.values());
    }
    const rows = [...sums.values()].filter(row => row.calls).sort((a, b) => b.self - a.self);
    return table("Calls by their own time", [{ key: "name", heading: "call", kind: "text" }, { key: "self", heading: "own time", kind: "duration" },
      { key: "calls", heading: "calls", kind: "count" }], rows, 15);
  }

  draw() {
    const [context, width] = fit(this.canvas, this.depth(this.top) * FLAME_ROW + 4);
    this.boxes = [];
    const todo = [[this.top, 0, width, 0]];
    while (todo.length) {
      const [node, left, room, level] = todo.pop();
      const colour = level ? COLOURS[hash(node.name) % COLOURS.length] : "#999999";
      context.fillStyle = colour;
      context.fillRect(left, level * FLAME_ROW + 1, Math.max(0.5, room - 1), FLAME_ROW - 2);
      context.fillStyle = inkOn(colour);
      context.fillText(clip(context, `${node.name} ${duration(node.value)}`, room - 6), left + 3, level * FLAME_ROW + FLAME_ROW / 2);
      this.boxes.push([node, left, room, level]);
      let at = left;
      for (const kid of [...node.kids.values()].sort((a, b) => b.value - a.value)) {
        const size = (room * kid.value) / (node.value || 1);
        if (size >= 1 && level < 60) todo.push([kid, at, size, level + 1]);
        at += size;
      }
    }
  }

  click(event) {
    const level = Math.floor(event.offsetY / FLAME_ROW);
    const box = this.boxes.find(([, left, room, at]) => at === level && event.offsetX >= left && event.offsetX < left + room);
    if (!box) return;
    this.top = box[0] === this.top ? this.top.parent || this.root : box[0];
    say(`${this.top.name}, ${duration(this.top.value)}`);
    this.draw();
  }
}
