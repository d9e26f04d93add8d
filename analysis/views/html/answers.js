// SPDX-License-Identifier: Apache-2.0

function drawSections(page, data) {
  const main = make("div", { id: "tables-all" });
  section(page, "tables", "All tables", make("nav", { id: "tables-contents", "aria-label": "Tables" }), main);
  for (const part of data.sections) {
    if (!part.rows.length && !part.notes) continue;
    const columns = part.columns.filter(column => part.rows.some(row => row[column.key] !== null && row[column.key] !== undefined));
    const children = [];
    if (part.rows.length) children.push(table(`${part.title}: ${count(part.rows.length)} rows`, columns, part.rows, 15));
    else if (part.empty) children.push(make("p", { text: part.empty }));
    if (part.notes) children.push(make("pre", { text: part.notes }));
    section(main, `section-${part.name}`, part.title, ...children);
  }
}

function waitParts(data, leaves) {
  return Object.entries(leaves).map(([number, value]) => ({
    name: (data.words.wait[number] || {}).title || `class ${number}`, value, colour: colourOf(Number(number)),
  })).sort((a, b) => b.value - a.value);
}

function drawAnswers(main, data) {
  const first = data.findings[0], parts = waitParts(data, data.units.leaves), units = data.units.list.length;
  const what = data.units.are_requests ? "requests" : "processes";
  const saving = data.findings.find(finding => finding.saving_ns);
  const card = (title, big, text) => make("div", { class: "card" }, make("h3", { text: title }),
    make("p", { class: "big", text: big }), text ? make("p", { text }) : null);
  section(main, "answers", "In short", make("div", { class: "cards" },
    card("Where did the time go?", parts.length ? parts[0].name : "unknown",
      parts.slice(0, 3).map(part => `${part.name} ${duration(part.value)} (${share(part.value / data.units.total_ns)})`).join(", ") +
      ` of ${duration(data.units.total_ns)} in ${count(units)} ${what}`),
    card("Why?", first ? first.title : "no known cause stands out", first && first.note),
    card("What to change first?", first ? first.fix || first.title : "nothing that a detector knows", first && `effort ${first.effort}, ${first.timeline}`),
    card("What does it save?", saving ? duration(saving.saving_ns) : "nothing measurable", saving && `${share(saving.share)} of the time that is waited for; confidence ${saving.confidence} %`)));
  if (parts.length) $("answers").append(make("h3", { text: "The critical paths, by what was waited for" }), stack("Critical paths", parts));
}

function drawFindings(main, data) {
  const list = data.findings.map(finding => make("div", { class: "card" },
    make("h3", null, make("span", { class: `severity ${finding.severity}`, text: finding.severity }), ` ${finding.title}`),
    finding.what ? make("p", { class: "faint", text: finding.what }) : null,
    finding.note ? make("p", { text: finding.note }) : null,
    finding.fix ? make("p", { text: `To do: ${finding.fix}` }) : null,
    make("p", { text: `Impact ${finding.impact.toFixed(1)}, saves ${finding.saving_ns ? duration(finding.saving_ns) : "nothing measurable"}, confidence ${finding.confidence} %, effort ${finding.effort}, ${finding.timeline}.` }),
    make("p", null, `Evidence (${count(finding.evidence_count)}): `,
      ...finding.evidence.slice(0, 8).flatMap(id => [make("a", { href: `#span=${id}`, text: `span ${id}` }), " "]))));
  section(main, "findings", "Findings", list.length ? make("div", { class: "cards" }, ...list)
    : make("p", { text: "No detector found anything." }));
}
