-- SPDX-License-Identifier: Apache-2.0
--
-- The store. Times are CLOCK_MONOTONIC nanoseconds unless the name says otherwise; what is unknown
-- is NULL, never 0. Enumerations are numbers of wire/vocabulary.def; the views spell them out.
--
-- "IF NOT EXISTS", because tables that came later are added to a database that is appended to.
-- To change it: edit this file, raise user_version, and add migrations/NNN_what.sql that brings a
-- database of the version before to this one. Readers accept every older version through it.
PRAGMA user_version = 1;

CREATE TABLE IF NOT EXISTS run (
  id INTEGER PRIMARY KEY,
  uuid TEXT NOT NULL UNIQUE,        -- 32 hex digits
  version TEXT, host TEXT, kernel TEXT, mode TEXT, command TEXT, cpu_model TEXT,
  processors INTEGER,
  start_ns INTEGER, end_ns INTEGER,
  epoch_ns INTEGER,                 -- add to any time here to get UTC
  status INTEGER,                   -- of the target, as a shell would say it
  reason TEXT,                      -- why the trace ended; NULL: it is torn
  content INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS process (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL, pid INTEGER NOT NULL, parent_pid INTEGER,
  program TEXT, script TEXT, birth INTEGER,
  start_ns INTEGER, end_ns INTEGER, status INTEGER, span INTEGER
);

CREATE TABLE IF NOT EXISTS thread (
  id INTEGER PRIMARY KEY, process INTEGER NOT NULL, tid INTEGER NOT NULL, name TEXT,
  start_ns INTEGER, end_ns INTEGER, creator_tid INTEGER, span INTEGER,
  calls INTEGER NOT NULL DEFAULT 0  -- recorded ones
);

CREATE TABLE IF NOT EXISTS operation (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL, module TEXT,  -- module: of functions hooked by pattern
  symbol TEXT,
  family INTEGER NOT NULL, wait INTEGER NOT NULL, class INTEGER NOT NULL DEFAULT 0
);

-- What calls work on: files, connections, locks, host names.
CREATE TABLE IF NOT EXISTS object (
  id INTEGER PRIMARY KEY, process INTEGER, kind INTEGER NOT NULL,
  name TEXT,                        -- path, peer address, name looked up
  local TEXT, fd INTEGER, address INTEGER,
  opened_ns INTEGER, closed_ns INTEGER
);

-- One call, or a root. In the order of their ends within a thread.
CREATE TABLE IF NOT EXISTS span (
  id INTEGER PRIMARY KEY, parent INTEGER, thread INTEGER, operation INTEGER,
  kind INTEGER NOT NULL,
  start_ns INTEGER NOT NULL, end_ns INTEGER,   -- NULL: never seen to end
  evidence INTEGER NOT NULL,
  status INTEGER,                   -- 0, or the errno the call failed with
  result INTEGER, object INTEGER, fold INTEGER
);

CREATE TABLE IF NOT EXISTS attribute (
  span INTEGER NOT NULL, key TEXT NOT NULL, value, PRIMARY KEY (span, key)
) WITHOUT ROWID;

-- A node of a thread's call tree: all calls of one operation under one parent node, on one object.
-- A thread that is seen again long after its end gets nodes of its own once more: sum them.
CREATE TABLE IF NOT EXISTS fold (
  id INTEGER PRIMARY KEY, parent INTEGER, thread INTEGER NOT NULL, operation INTEGER NOT NULL,
  object INTEGER,
  calls INTEGER NOT NULL,           -- all that ended, whether they also are spans or not
  sum_ns INTEGER NOT NULL, self_ns INTEGER NOT NULL, min_ns INTEGER NOT NULL, max_ns INTEGER NOT NULL,
  errors INTEGER NOT NULL, bytes INTEGER NOT NULL,
  weight INTEGER NOT NULL,          -- calls they stand for: more than `calls` where sampled
  first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
  histogram BLOB,                   -- lib/hist.h
  folded INTEGER NOT NULL,          -- the calls that are not spans, and theirs alone:
  folded_sum_ns INTEGER NOT NULL, folded_min_ns INTEGER, folded_max_ns INTEGER, folded_histogram BLOB,
  span_parent INTEGER               -- the span under which the folded calls stand, where it is one
);

-- What connections went through. A row a socket, or a TLS session whose socket is not known.
CREATE TABLE IF NOT EXISTS connection (
  object INTEGER, process INTEGER NOT NULL,
  side TEXT,                        -- that ragtime was on: client or server; NULL: no request seen
  dns_ns INTEGER, connect_ns INTEGER, tls_ns INTEGER,
  tls_version INTEGER,              -- as on the wire: 772 is TLS 1.3
  tls_resumed INTEGER, server_name TEXT,
  requests INTEGER NOT NULL,
  send_ns INTEGER, wait_ns INTEGER, receive_ns INTEGER, idle_ns INTEGER, -- of all requests
  bytes_out INTEGER, bytes_in INTEGER, -- of requests and answers
  retransmits INTEGER, rtt_ns INTEGER  -- as the kernel has told at its close
);

-- Functions of language runtimes: where their code is, what they are (wire/event.h: enum rt_role).
CREATE TABLE IF NOT EXISTS function (
  operation INTEGER PRIMARY KEY, file TEXT, line INTEGER, role INTEGER NOT NULL
);

-- Interpreters that were met; how: wire/event.h, enum rt_runtime.
CREATE TABLE IF NOT EXISTS runtime (process INTEGER NOT NULL, name TEXT, version TEXT, how INTEGER NOT NULL);

-- Where threads were, by samples: places in code, each in the place that called it.
CREATE TABLE IF NOT EXISTS frame (
  id INTEGER PRIMARY KEY, caller INTEGER, language INTEGER NOT NULL, name TEXT, module TEXT, line INTEGER
);
CREATE TABLE IF NOT EXISTS sample (
  thread INTEGER NOT NULL, frame INTEGER, at_ns INTEGER NOT NULL, weight_ns INTEGER NOT NULL,
  sampled INTEGER NOT NULL          -- wire/event.h: enum rt_sampled
);

-- Calls counted, not timed.
CREATE TABLE IF NOT EXISTS counter (
  thread INTEGER NOT NULL, operation INTEGER NOT NULL, calls INTEGER NOT NULL, bytes INTEGER NOT NULL,
  PRIMARY KEY (thread, operation)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS loss (
  run INTEGER NOT NULL, thread INTEGER, reason INTEGER NOT NULL, count INTEGER NOT NULL,
  from_ns INTEGER, to_ns INTEGER
);

CREATE TABLE IF NOT EXISTS usage (
  process INTEGER NOT NULL, at_ns INTEGER NOT NULL, cpu_ns INTEGER, rss_bytes INTEGER, threads INTEGER,
  minor_faults INTEGER, major_faults INTEGER, read_bytes INTEGER, written_bytes INTEGER
);

-- Of threads, totals so far, where the kernel keeps them.
CREATE TABLE IF NOT EXISTS thread_usage (
  thread INTEGER NOT NULL, at_ns INTEGER NOT NULL, cpu_ns INTEGER NOT NULL,
  runqueue_ns INTEGER NOT NULL      -- ready to run, no processor free
);

-- Numbers about a run: ragtime's own cost and whatever later stages measure. Rows, not columns.
CREATE TABLE IF NOT EXISTS metric (run INTEGER NOT NULL, name TEXT NOT NULL, value NUMERIC, PRIMARY KEY (run, name)) WITHOUT ROWID;

-- The rules of operation classes that were in force, by the files they came from.
CREATE TABLE IF NOT EXISTS rule_file (run INTEGER NOT NULL, file INTEGER NOT NULL, path TEXT NOT NULL,
  hash TEXT NOT NULL,               -- of its text, 16 hex digits
  shipped INTEGER NOT NULL,         -- with ragtime; else the user's
  PRIMARY KEY (run, file)) WITHOUT ROWID;

-- One row a pattern; those of one place are one rule. Rules are tried in the order of `place`.
CREATE TABLE IF NOT EXISTS rule (run INTEGER NOT NULL, place INTEGER NOT NULL, item INTEGER NOT NULL,
  file INTEGER NOT NULL, line INTEGER NOT NULL, id TEXT NOT NULL, class INTEGER NOT NULL,
  field TEXT NOT NULL, pattern TEXT NOT NULL,
  PRIMARY KEY (run, place, item)) WITHOUT ROWID;

-- What to do about slow operations: by class and by detector, the user's own first.
CREATE TABLE IF NOT EXISTS suggestion (run INTEGER NOT NULL, name TEXT NOT NULL, place INTEGER NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY (run, name, place)) WITHOUT ROWID;

-- The words of vocabulary.def and event.def as of writing.
CREATE TABLE IF NOT EXISTS word (list TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, title TEXT,
  PRIMARY KEY (list, number)) WITHOUT ROWID;
