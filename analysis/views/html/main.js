// SPDX-License-Identifier: Apache-2.0

function drawTimeline(main, data) {
  const columns = [["memory", "rss_bytes", "bytes"], ["CPU used", "cpu_share", "share"], ["requests under way", "active", "count"]];
  if (!data.snapshots.length) return;
  const canvas = make("canvas", { role: "img", "aria-label": "Memory, CPU and requests under way over time; the table below holds the same figures" });
  const rows = data.snapshots;
  const draw = () => {
    const [context, width] = fit(canvas, 60 * columns.length);
    const whole = Math.max(1, data.run.end_ns - data.run.start_ns);
    columns.forEach(([name, key, kind], lane) => {
      const most = Math.max(...rows.map(row => row[key] || 0)) || 1, base = 60 * lane + 56;
      context.strokeStyle = colourOf(lane);
      context.lineWidth = 2;
      context.beginPath();
      rows.filter(row => row[key] !== null).forEach((row, at) => {
        const x = (row.at_ns / whole) * (width - 4) + 2, y = base - (40 * row[key]) / most;
        if (at) context.lineTo(x, y); else context.moveTo(x, y);
      });
      context.stroke();
      context.fillStyle = css("--ink");
      context.fillText(`${name}, at most ${figure(kind, most)}`, 4, 60 * lane + 8);
    });
  };
  redraws.push(draw);
  section(main, "snapshots", "The system meanwhile", canvas, table("Snapshots", [{ key: "at_ns", heading: "at", kind: "duration" },
    { key: "rss_bytes", heading: "memory", kind: "bytes" }, { key: "cpu_share", heading: "CPU", kind: "share" },
    { key: "threads", heading: "threads", kind: "count" }, { key: "active", heading: "requests under way", kind: "count" }], rows, 10));
}

function drawUnits(main, data) {
  const units = data.units, rows = units.list.map(unit => ({ span: unit.span, name: unit.name, start: unit.start, duration: unit.end - unit.start,
    most: waitParts(data, unit.leaves).slice(0, 3).map(part => `${part.name} ${duration(part.value)}`).join(", ") }));
  if (!rows.length) return;
  rows.sort((a, b) => b.duration - a.duration);
  section(main, "units", units.are_requests ? "Requests" : "Processes that were waited for", table(units.shown_of > rows.length
    ? `The ${count(rows.length)} longest of ${count(units.shown_of)}` : "By their time", [{ key: "span", heading: "span", kind: "count", span: true },
    { key: "name", heading: "name", kind: "text" }, { key: "start", heading: "starts at", kind: "duration" },
    { key: "duration", heading: "takes", kind: "duration" }, { key: "most", heading: "mostly", kind: "text" }], rows, 20));
}

function drawImpacts(main, data) {
  const rows = data.impacts.map(impact => ({ ...impact, class: (data.words.class[impact.class] || {}).title || null }));
  if (!rows.length) return;
  section(main, "what-if", "Operations by impact", table("Predicted by replaying the requests with the operation shortened", [
    { key: "name", heading: "operation", kind: "text" }, { key: "class", heading: "class", kind: "text" },
    { key: "score", heading: "impact", kind: "number" }, { key: "priority", heading: "priority", kind: "text" },
    { key: "share", heading: "of the paths", kind: "share" }, { key: "save_25", heading: "25 % faster saves", kind: "duration" },
    { key: "save_50", heading: "50 % faster saves", kind: "duration" }, { key: "p50", heading: "median then", kind: "duration" },
    { key: "p95", heading: "p95 then", kind: "duration" }], rows, 20));
}

function follow(waterfall, spans) {
  const match = /^#span=(\d+)$/.exec(location.hash);
  const i = match ? spans.byId.get(Number(match[1])) : undefined;
  if (i === undefined) {
    if (match) say("That span is not in this report");
    return;
  }
  waterfall.select(i, false);
  waterfall.show(i);
  waterfall.canvas.scrollIntoView({ block: "center" });
  waterfall.canvas.focus({ preventScroll: true });
}

function find(waterfall, spans, text) {
  const wanted = text.trim().toLowerCase(), from = waterfall.selected === null ? -1 : waterfall.selected;
  if (!wanted) return;
  for (let step = 1; step <= spans.size; step++) {
    const i = (from + step) % spans.size;
    if (String(spans.id[i]) === wanted || spans.name(i).toLowerCase().includes(wanted)) {
      waterfall.select(i);
      waterfall.show(i);
      waterfall.canvas.scrollIntoView({ block: "center" });
      return;
    }
  }
  say("No span has that name");
}

function listen(waterfall, spans) {
  $("keys").addEventListener("click", () => {
    $("help").hidden = !$("help").hidden;
    $("keys").setAttribute("aria-expanded", String(!$("help").hidden));
  });
  $("find").addEventListener("keydown", event => {
    if (event.key === "Enter") find(waterfall, spans, $("find").value);
    if (event.key === "Escape") $("find").blur();
  });
  document.addEventListener("keydown", event => {
    if (event.key === "/" && document.activeElement !== $("find")) { event.preventDefault(); $("find").focus(); }
    if (event.key === "Escape" && !$("help").hidden) $("keys").click();
  });
  window.addEventListener("hashchange", () => follow(waterfall, spans));
}

async function start() {
  beginTheme();
  const data = await readData(), main = $("main"), spans = new Spans(data);
  $("title").textContent = `${data.run.command || "run"} ${data.run.script || ""}`.trim();
  $("facts").textContent = [data.run.when, duration(data.run.end_ns - data.run.start_ns), data.run.host, data.run.mode && `captured by ${data.run.mode}`,
    data.run.content ? "CONTENT IS STORED IN THIS REPORT" : null].filter(Boolean).join(" · ");
  drawAnswers(main, data);
  drawFindings(main, data);
  drawUnits(main, data);
  const waterfall = new Waterfall(data, spans), shown = data.spans_of > spans.size
    ? make("p", { text: `The ${count(spans.size)} longest of ${count(data.spans_of)} spans.` }) : null;
  section(main, "waterfall", "Waterfall", shown, waterfall.build());
  drawTimeline(main, data);
  const flame = new Flame(data);
  section(main, "flame", "Flame graph", flame.build());
  drawImpacts(main, data);
  drawSections(main, data);
  redraws.push(() => waterfall.draw(), () => flame.draw());
  redraws.forEach(draw => draw());
  listen(waterfall, spans);
  $("state").remove();
  follow(waterfall, spans);
}

start().catch(error => { $("state").textContent = `This report cannot be shown: ${error}`; });
