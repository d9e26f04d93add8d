# SPDX-License-Identifier: Apache-2.0
"""A program's own log of its calls (score_log.py) against the spans of `ragtime export --to json`.

Each logged call is looked for among the spans, and its parent among those above that span. What
comes of a call that has a parent, or a call that it belongs beside:

  right    the nearest logged call above is the one that the log says (beside: both are below one
           span, which is neither a process nor a thread)
  stranger a call of another request is above it (beside: above both)
  wrong    another call of its own request is above it, that its parent is not below
  orphan   no logged call is above it
  missing  it, or its parent, is not in the trace
"""
import collections
import dataclasses

CLOCK_NS = 500  # what two clocks may be apart
OUTCOMES = ("right", "stranger", "wrong", "orphan", "missing")


@dataclasses.dataclass
class Score:
    calls: int = 0
    requests: int = 0
    outcomes: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    examples: list = dataclasses.field(default_factory=list)
    evidence: collections.Counter = dataclasses.field(default_factory=collections.Counter)

    @property
    def edges(self):
        return sum(self.outcomes.values())


def last_name(span):
    """The function's own name; of an exchange, the last part of its path."""
    attrs = span["attrs"]
    if span["kind"] == "request":
        return (attrs.get("url.template") or "").rpartition("/")[2]
    return (attrs.get("code.function.name") or span["name"] or "").rpartition(".")[2]


def kind_of(span):
    if span["kind"] == "request":
        return "serve" if span["attrs"].get("ragtime.side") == "server" else "exchange"
    return "function"


class Spans:
    def __init__(self, spans):
        self.by_id = {span["id"]: span for span in spans}
        self.named = collections.defaultdict(list)
        for span in spans:
            if span["kind"] not in ("process", "thread"):
                self.named[kind_of(span), last_name(span)].append(span)
        for found in self.named.values():
            found.sort(key=lambda span: span["start_ns"])
        self.taken = {}  # span id: call

    def take(self, call):
        """The span of a call: of those around it in its thread, the one that began last."""
        best = None
        for span in self.named[call["kind"], call["name"]]:
            if span["start_ns"] > call["start"] + CLOCK_NS and call["kind"] == "function":
                break
            if span["id"] in self.taken or span["pid"] != call["pid"]:
                continue
            if call["kind"] == "function" and (
                    span["tid"] != call["tid"] or (span["end_ns"] or call["end"]) < call["end"] - CLOCK_NS):
                continue
            best = span
        if best:
            self.taken[best["id"]] = call
        return best

    def above(self, span):
        """The spans above one, nearest first."""
        seen = {span["id"]}
        while span["parent"] in self.by_id and span["parent"] not in seen:
            span = self.by_id[span["parent"]]
            seen.add(span["id"])
            yield span

    def call_above(self, span):
        return next((self.taken[each["id"]] for each in self.above(span) if each["id"] in self.taken), None)

    def top(self, span):
        """The highest span above one, or itself, that is neither a thread nor a process."""
        top = span["id"]
        for each in self.above(span):
            if each["kind"] in ("process", "thread"):
                break
            top = each["id"]
        return top


def forebears(call, calls):
    while call["parent"] in calls:
        call = calls[call["parent"]]
        yield call


def judge(call, calls, spans, found, tops):
    span = found.get(call["id"])
    if not span:
        return "missing"
    if call["beside"]:
        if not found.get(call["beside"]):
            return "missing"
        requests = tops[spans.top(span)]
        if requests - {call["request"]}:
            return "stranger"
        return "right" if spans.top(span) == spans.top(found[call["beside"]]) else "orphan"
    above = spans.call_above(span)
    if not above:
        return "orphan" if found.get(call["parent"]) else "missing"
    if above["id"] == call["parent"]:
        return "right"
    if above["request"] != call["request"]:
        return "stranger"
    between = []
    for each in forebears(call, calls):
        if each["id"] == above["id"]:
            return "wrong" if any(found.get(one["id"]) for one in between) else "missing"
        between.append(each)
    return "wrong"


def score(entries, lines):
    """entries: of the log; lines: of the export."""
    entries = sorted(entries, key=lambda entry: entry["start"])
    calls = {entry["id"]: entry for entry in entries}
    spans = Spans([line for line in lines if line["type"] == "span"])
    found = {entry["id"]: spans.take(entry) for entry in entries}
    tops = collections.defaultdict(set)
    for entry in entries:
        if found[entry["id"]] and not entry["parent"] and not entry["beside"]:
            tops[spans.top(found[entry["id"]])].add(entry["request"])
    result = Score(calls=len(entries), requests=len({entry["request"] for entry in entries}))
    for entry in entries:
        if not entry["parent"] and not entry["beside"]:
            continue
        outcome = judge(entry, calls, spans, found, tops)
        result.outcomes[outcome] += 1
        if outcome == "right":
            result.evidence[found[entry["id"]]["evidence"]] += 1
        elif len(result.examples) < 20:
            result.examples.append((outcome, entry, found[entry["id"]]))
    return result
