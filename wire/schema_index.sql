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

-- JSON is put together by hand: readers do not trust a schema, and such functions in it.
-- One row a request that the traced processes answered; of a process that answered none, itself.
CREATE VIEW IF NOT EXISTS performance_profiles AS
WITH root AS (
  SELECT s.id, s.start_ns, s.end_ns, o.name, p.run, p.id AS process FROM span s JOIN operation o ON o.id = s.operation
  JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process
  WHERE s.kind = 3 AND s.end_ns IS NOT NULL AND (o.family = 15 OR EXISTS (
    SELECT 1 FROM attribute a WHERE a.span = s.id AND a.key = 'ragtime.side' AND a.value = 'server'))
), unit AS (
  SELECT id, start_ns, end_ns, name, run FROM root UNION ALL
  SELECT s.id, s.start_ns, s.end_ns, COALESCE(p.script, p.program), p.run FROM process p JOIN span s ON s.id = p.span
  WHERE s.end_ns IS NOT NULL AND NOT EXISTS (SELECT 1 FROM root WHERE root.process = p.id)
), child AS (
  SELECT u.id AS unit, COALESCE(o.name, 'thread') AS name, o.class, SUM(c.end_ns - c.start_ns) AS ns, COUNT(*) AS calls
  FROM unit u JOIN span c ON c.parent = u.id LEFT JOIN operation o ON o.id = c.operation
  WHERE c.end_ns IS NOT NULL GROUP BY 1, 2, 3
)
SELECT r.uuid || '-' || u.id AS id, CAST(u.id AS TEXT) AS query_id,
       '{"operation_name":' || '"' || REPLACE(REPLACE(u.name, '\', '\\'), '"', '\"') || '"' || ',"duration_ms":' || ((u.end_ns - u.start_ns) / 1e6) || ',"children":['
         || COALESCE((SELECT GROUP_CONCAT('{"operation_name":' || '"' || REPLACE(REPLACE(c.name, '\', '\\'), '"', '\"') || '"'
         || ',"duration_ms":' || (c.ns / 1e6) || ',"calls":' || c.calls || '}')
         FROM (SELECT * FROM child WHERE unit = u.id ORDER BY ns DESC, name) c), '') || ']}' AS profile_data,
       (u.end_ns - u.start_ns) / 1e6 AS total_duration_ms,
       '[' || COALESCE((SELECT GROUP_CONCAT('"' || REPLACE(REPLACE(c.name, '\', '\\'), '"', '\"') || '"')
         FROM (SELECT name FROM child WHERE unit = u.id ORDER BY ns DESC, name LIMIT 3) c), '') || ']' AS bottleneck_operations,
       '[' || COALESCE((SELECT GROUP_CONCAT('"' || REPLACE(REPLACE(g.text, '\', '\\'), '"', '\"') || '"')
         FROM (SELECT DISTINCT g.name, g.place, g.text FROM child c JOIN word w ON w.list = 'class' AND w.number = c.class
         JOIN suggestion g ON g.run = u.run AND g.name = w.name WHERE c.unit = u.id ORDER BY g.name, g.place) g), '') || ']'
         AS optimization_suggestions,
       strftime('%Y-%m-%dT%H:%M:%fZ', (u.end_ns + r.epoch_ns) / 1e9, 'unixepoch') AS created_at
FROM unit u JOIN run r ON r.id = u.run;

-- By operation class. The impact score is that of 'ragtime check --explain', with the share of the run's time in place of that
-- of its critical paths, which SQL does not know.
CREATE VIEW IF NOT EXISTS performance_bottlenecks AS
WITH call AS (
  SELECT p.run, w.name AS type, (s.end_ns - s.start_ns) / 1e6 AS ms FROM span s
  JOIN operation o ON o.id = s.operation JOIN word w ON w.list = 'class' AND w.number = o.class AND o.class > 0
  JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process WHERE s.end_ns IS NOT NULL
), ranked AS (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY run, type ORDER BY ms) AS place, COUNT(*) OVER (PARTITION BY run, type) AS calls FROM call
), summed AS (
  SELECT run, type, AVG(ms) AS mean, COUNT(*) AS calls, SUM(ms) AS total, AVG(ms * ms) AS squares,
         MIN(CASE WHEN place >= (calls * 95 + 99) / 100 THEN ms END) AS p95,
         MIN(CASE WHEN place >= (calls * 99 + 99) / 100 THEN ms END) AS p99
  FROM ranked GROUP BY run, type
), scored AS (
  SELECT m.*, r.uuid, r.end_ns + r.epoch_ns AS at_ns, MIN(1.0, m.total / MAX(1e-6, (r.end_ns - r.start_ns) / 1e6)) AS share,
         CAST(m.calls AS REAL) / MAX(1, (SELECT COUNT(*) FROM performance_profiles f WHERE f.id LIKE r.uuid || '-%')) AS rate,
         CASE WHEN m.mean > 0 THEN sqrt(MAX(0, m.squares - m.mean * m.mean)) / m.mean ELSE 0 END AS variation
  FROM summed m JOIN run r ON r.id = m.run
)
SELECT uuid || '-' || type AS id, type AS operation_type, mean AS avg_duration_ms, p95 AS p95_duration_ms, p99 AS p99_duration_ms,
       calls AS occurrence_count,
       100 * (0.6 * share + 0.2 * MIN(1.0, share / 0.05) * (MIN(1.0, rate / 10) + MIN(1.0, variation))) AS impact_score,
       '[' || COALESCE((SELECT GROUP_CONCAT('"' || REPLACE(REPLACE(g.text, '\', '\\'), '"', '\"') || '"')
         FROM (SELECT text FROM suggestion WHERE run = scored.run AND name = scored.type ORDER BY place) g), '') || ']'
         AS suggested_optimizations,
       strftime('%Y-%m-%dT%H:%M:%fZ', at_ns / 1e9, 'unixepoch') AS detected_at
FROM scored;
