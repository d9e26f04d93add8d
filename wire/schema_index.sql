-- SPDX-License-Identifier: Apache-2.0
-- Made after the load: an index kept while rows arrive costs more than one made at the end.
CREATE INDEX IF NOT EXISTS span_parent ON span(parent);
CREATE INDEX IF NOT EXISTS span_thread ON span(thread, start_ns);
CREATE INDEX IF NOT EXISTS fold_thread ON fold(thread);

CREATE VIEW IF NOT EXISTS spans AS
SELECT s.id, s.parent, p.pid, t.tid, o.name, f.name AS family, w.name AS wait, k.name AS kind, e.name AS evidence,
       s.start_ns, s.end_ns, s.end_ns - s.start_ns AS duration_ns, s.status, s.result, b.name AS object
FROM span s LEFT JOIN thread t ON t.id = s.thread LEFT JOIN process p ON p.id = t.process
LEFT JOIN operation o ON o.id = s.operation LEFT JOIN object b ON b.id = s.object
LEFT JOIN word f ON f.list = 'family' AND f.number = o.family
LEFT JOIN word w ON w.list = 'wait' AND w.number = o.wait
LEFT JOIN word k ON k.list = 'kind' AND k.number = s.kind
LEFT JOIN word e ON e.list = 'evidence' AND e.number = s.evidence;

CREATE VIEW IF NOT EXISTS operations AS
SELECT o.name, o.module, f.name AS family, SUM(d.calls) AS calls, SUM(d.sum_ns) AS total_ns, SUM(d.self_ns) AS self_ns,
       MIN(d.min_ns) AS min_ns, MAX(d.max_ns) AS max_ns, SUM(d.errors) AS errors, SUM(d.bytes) AS bytes
FROM fold d JOIN operation o ON o.id = d.operation
LEFT JOIN word f ON f.list = 'family' AND f.number = o.family
GROUP BY o.id;
