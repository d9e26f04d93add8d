// SPDX-License-Identifier: Apache-2.0

const known = value => value !== null && value !== undefined;
const spread = (figures, show) => figures.stdev ? `${show(figures.mean)} ± ${show(figures.stdev)}` : known(figures.mean) ? show(figures.mean) : "unknown";
const OUTCOMES = { met: "✓ met", missed: "✗ missed", unsure: "? too few starts to say", unknown: "- nothing of it was seen" };
const outcomeClass = outcome => (outcome === "missed" || outcome === "blocked" ? "high" : outcome === "unsure" || outcome === "inconclusive" || outcome === "regressed" ? "medium" : null);

const stagesOf = data => data.stages.filter(stage => stage.max > 0);
const stageColour = (data, stage) => COLOURS[data.stages.indexOf(stage) % COLOURS.length];
const card = (title, big, ...texts) => make("div", { class: "card" }, make("h3", { text: title }), make("p", { class: "big", text: big }),
  ...texts.filter(Boolean).map(text => make("p", { text })));

function drawAnswers(main, data) {
  const stages = stagesOf(data).sort((a, b) => b.mean - a.mean), wall = data.wall_ns.mean;
  const missed = data.targets.filter(target => target.outcome === "missed"), unsure = data.targets.filter(target => target.outcome === "unsure");
  section(main, "answers", "In short", make("div", { class: "cards" },
    card("How long does a start take?", spread(data.wall_ns, duration),
      `${data.successful_runs} of ${data.runs} starts were good; from ${duration(data.wall_ns.min)} to ${duration(data.wall_ns.max)}`),
    card("Where does the time go?", stages.length ? stages[0].title : "unknown",
      stages.slice(0, 3).map(stage => `${stage.title} ${duration(stage.mean)} (${share(stage.mean / wall)})`).join(", ")),
    card("What to change first?", data.recommendations[0] || "nothing stands out"),
    card("Is it within its targets?", missed.length ? `${missed.length} missed` : unsure.length ? "too few starts to say" : "yes, as far as they apply",
      missed.map(target => target.title).join(", "))));
}

function drawStages(main, data) {
  const wall = data.wall_ns.mean, parts = stagesOf(data).map(stage => ({ name: stage.title, value: stage.mean, colour: stageColour(data, stage) }));
  const rows = [{ title: "Total", ...data.wall_ns, share: 1 }, ...stagesOf(data).map(stage => ({ ...stage, share: stage.mean / wall }))];
  const columns = [{ key: "title", heading: "stage", kind: "text" }, ...["mean", "median", "stdev", "min", "max"].map(key => ({ key, kind: "duration" })),
    { key: "share", heading: "of the start", kind: "share" }];
  section(main, "stages", "Stages", stack("The stages of a start, by their means", parts), table("Every moment belongs to one stage: they sum to the total", columns, rows));
}

function drawRuns(main, data) {
  const most = Math.max(...data.wall_ns.values, 1), byName = new Map(data.stages.map(stage => [stage.name, stage]));
  const bars = make("div", { role: "img", "aria-label": "Each start as a bar over time, in the colours of its stages; the table below holds their sums" });
  const rows = data.wall_ns.values.map((wall, run) => {
    const row = { run: run + 1, wall }, bar = make("div", { class: "bar" });
    bar.style.width = `${(100 * wall) / most}%`;
    for (const part of data.timelines[run]) {
      const stage = byName.get(part.stage);
      const piece = make("span", { title: `${stage.title}, ${duration(part.end_ns - part.start_ns)} from ${duration(part.start_ns)} on` });
      piece.style.width = `${(100 * (part.end_ns - part.start_ns)) / wall}%`;
      piece.style.background = stageColour(data, stage);
      bar.append(piece);
    }
    for (const stage of stagesOf(data)) row[stage.name] = stage.values[run];
    bars.append(make("p", { class: "faint", text: `start ${run + 1}, ${duration(wall)}` }), bar);
    return row;
  });
  section(main, "starts", "Start by start", bars, table("Every start", [{ key: "run", heading: "start", kind: "count" }, { key: "wall", heading: "total", kind: "duration" },
    ...stagesOf(data).map(stage => ({ key: stage.name, heading: stage.title, kind: "duration" }))], rows));
}

function drawTargets(main, data) {
  const shown = target => (target.unit === "bytes" ? bytes : duration);
  const rows = data.targets.map(target => ({ title: target.title, outcome: OUTCOMES[target.outcome],
    mean: known(target.mean) ? shown(target)(target.mean) : "-", bound: known(target.bound) ? shown(target)(target.bound) : "-", limit: shown(target)(target.limit) }));
  section(main, "targets", "Targets", make("p", { text: "Met: even the upper bound of the mean, 95 % sure, is within." }),
    table("Each limit, and what the starts came to", ["title", "outcome", "mean", "bound", "limit"].map(key => ({ key, heading: key === "title" ? "target" : key, kind: "text" })), rows));
}

function drawComparison(main, comparison) {
  if (!comparison) return;
  const shown = figure => (figure.name === "memory" ? bytes : duration);
  const rows = comparison.figures.map(figure => ({ title: figure.title, before: shown(figure)(figure.before), after: shown(figure)(figure.after), ratio: figure.ratio,
    range: known(figure.ratio_low) && known(figure.ratio_high) ? `${figure.ratio_low.toFixed(2)} to ${figure.ratio_high.toFixed(2)}` : "-",
    change: figure.change + (figure.gates ? " (decides)" : "") }));
  section(main, "comparison", "Against the baseline", make("p", null, make("span", { class: `severity ${outcomeClass(comparison.verdict) || ""}`, text: comparison.verdict }),
    ` at a threshold of x ${comparison.threshold}: total and memory decide, the stages say where a change is`),
  table("Medians", [{ key: "title", heading: "figure", kind: "text" }, { key: "before", kind: "text" }, { key: "after", kind: "text" }, { key: "ratio", kind: "ratio" },
    { key: "range", heading: "surely within", kind: "text" }, { key: "change", kind: "text" }], rows));
}

// Imports nest: the flame graph of what each took itself.
class ImportFlame extends Flame {
  constructor(rows) {
    super({ folds: { id: [] } });
    this.root.name = "imports";
    const within = new Map(rows.map(row => [row.module, row.within]));
    for (const row of rows) {
      const names = [row.module];
      for (let at = row.within; known(at) && !names.includes(at) && names.length < 200; at = within.get(at)) names.push(at);
      this.add(names.reverse(), Math.max(0, row.self), 1);
    }
  }
  table() { return null; }
}

function drawImports(main, data) {
  const rows = data.imports.map(row => ({ module: row.module, within: row.within, self: row.self_ns.mean, total: row.total_ns.mean, extension: row.extension }))
    .sort((a, b) => b.self - a.self);
  if (!rows.length) return;
  const flame = new ImportFlame(rows), machine = rows.filter(row => row.extension);
  const sum = list => list.reduce((all, row) => all + Math.max(0, row.self), 0);
  section(main, "imports", "Imports", make("p", { text: `${count(rows.length)} modules; ${count(machine.length)} of them load machine code, which take ${duration(sum(machine))} of ${duration(sum(rows))} themselves.` }),
    flame.build(), table("Modules by their own time", [{ key: "module", kind: "text" }, { key: "self", heading: "own", kind: "duration" },
      { key: "total", heading: "with inner", kind: "duration" }, { key: "extension", heading: "machine code", kind: "bool" }, { key: "within", heading: "imported by", kind: "text" }], rows, 20));
  redraws.push(() => flame.draw());
}

function drawFiles(main, data) {
  const rows = data.files.map(file => ({ ...file, read: file.read_bytes.mean, mapped: file.mapped_bytes.mean, ns: file.ns.mean }));
  if (!rows.length) return;
  section(main, "files", "Files of models and tokenizers", known(data.disk_bytes_per_s) ? make("p", { text: `The disk itself gives ${bytes(data.disk_bytes_per_s)} a second, read in order.` }) : null,
    table("Each file, by means over the starts", [{ key: "path", heading: "file", kind: "text" }, { key: "bytes", heading: "size", kind: "bytes" }, { key: "read", kind: "bytes" }, { key: "mapped", kind: "bytes" },
      { key: "ns", heading: "in calls", kind: "duration" }, { key: "bytes_per_s", heading: "read a second", kind: "bytes" }, { key: "cold_share", heading: "cold", kind: "share" }].filter(
      column => rows.some(row => known(row[column.key]))), rows, 20));
}

function drawMemory(main, data) {
  const rows = [["grown since the first look", data.memory.delta_bytes], ["at most resident", data.memory.peak_bytes]].filter(([, figures]) => known(figures.mean))
    .map(([name, figures]) => ({ name, ...figures }));
  if (rows.length) section(main, "memory", "Memory", table("Memory of all its processes", [{ key: "name", heading: "", kind: "text" },
    ...["mean", "median", "stdev", "min", "max"].map(key => ({ key, kind: "bytes" }))], rows),
  known(data.memory.minor_faults.mean) ? make("p", { text: `${count(data.memory.minor_faults.mean + data.memory.major_faults.mean)} page faults a start, ${count(data.memory.major_faults.mean)} of them from the disk.` }) : null);
}

function drawAdvice(main, data) {
  if (data.recommendations.length > 1) section(main, "advice", "What to change", make("ol", null, ...data.recommendations.map(text => make("li", { text }))));
}

async function start() {
  beginTheme();
  const data = await readData(), main = $("main");
  const endings = data.endings.filter(ending => ending.by !== "itself").map(ending => `ended by ${ending.by} when ready, status ${ending.status}`);
  $("title").textContent = [data.command, data.script].filter(Boolean).join(" ");
  $("facts").textContent = [`up to ${data.ready}`, `${data.temperature}${known(data.cold_share) ? ` (${share(1 - data.cold_share)} of the bytes of its files were in memory before a start)` : ""}`,
    `${data.successful_runs} of ${data.runs} starts`, ...endings].join(" · ");
  drawAnswers(main, data);
  drawComparison(main, data.comparison);
  drawStages(main, data);
  drawTargets(main, data);
  drawRuns(main, data);
  drawImports(main, data);
  drawFiles(main, data);
  drawMemory(main, data);
  drawAdvice(main, data);
  redraws.forEach(draw => draw());
  $("state").remove();
}

start().catch(error => { $("state").textContent = `This page cannot be shown: ${error}`; });
