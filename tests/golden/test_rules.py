#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each detector of rules.def on a trace that it has to see and on one that only looks like it; and
what `ragtime check` says of its findings: savings, severities, exit codes, forms, suppressions."""
import json
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/rules"))
import cases  # noqa: E402
from trace_text import Trace  # noqa: E402

RAGTIME = str(pathlib.Path(os.environ["BUILD"]) / "ragtime")
TMP = pathlib.Path(os.environ["TMP"])
ENVIRONMENT = {**os.environ, "HOME": str(TMP), "XDG_CONFIG_HOME": str(TMP / "config")}
failures = 0


def check(condition, what):
    global failures
    if not condition:
        failures += 1
        print(f"FAILED: {what}")


def run(*arguments, status=None):
    done = subprocess.run([RAGTIME, "check", *map(str, arguments)], capture_output=True, text=True, env=ENVIRONMENT)
    if status is not None:
        check(done.returncode == status, f"{arguments}: ended with {done.returncode}, not {status}: {done.stderr}")
    return done.stdout


def findings_of(rule, fires):
    path = TMP / f"{rule}.{fires}.db"
    trace = Trace(path)
    getattr(cases, rule)(trace, fires)
    trace.finish()
    return json.loads(run("--json", "--fail-on", "never", path, status=0)), path


def check_shape(finding):
    members = {"rule", "severity", "title", "impact", "saving_ns", "confidence", "evidence", "fix", "effort",
               "fingerprint"}
    check(members <= set(finding), f"{finding['rule']} has no {members - set(finding)}")
    check(finding["fix"] and finding["effort"] in "SML", f"{finding['rule']} says what to do")
    check(finding["evidence"], f"{finding['rule']} has evidence")
    check(0 <= finding["impact"] <= 100 and 0 < finding["confidence"] <= 1, f"{finding['rule']}: figures in range")
    check(re.fullmatch("[0-9a-f]{16}", finding["fingerprint"]), f"{finding['rule']} has a fingerprint")


def check_rules():
    text = (ROOT / "analysis/rules/rules.def").read_text()
    names = re.findall(r"^RULE\((\w+),", text, re.M)
    for rule in names:
        check(hasattr(cases, rule), f"{rule} has a case")
        found, _ = findings_of(rule, True)
        check(found and found[0]["rule"] == rule, f"{rule} is the first of {[f['rule'] for f in found]}")
        for finding in found:
            check_shape(finding)
        found, _ = findings_of(rule, False)
        check(not found, f"{rule} has to be quiet, and is {[(f['rule'], f['title']) for f in found]}")
    source = "".join(path.read_text() for path in (ROOT / "analysis/rules").glob("*.c"))
    shipped = (ROOT / "data/thresholds.yaml").read_text()
    for key in set(re.findall(r'limit(?:_ns)?\(context, "(\w+)"\)', source)):
        check(re.search(rf"^  {key}: \d+", shipped, re.M), f"threshold {key} is in data/thresholds.yaml")


def check_savings():
    """What goes, by hand: 19 of 20 queries of 6 ms and the 0.5 ms before each; the second of two chats of 900 ms."""
    found, _ = findings_of("n_plus_one_db", True)
    check(found[0]["saving_ns"] == 19 * 6_500_000, f"saves 123.5 ms, not {found[0]['saving_ns']}")
    check(len(found[0]["evidence"]) == 20, "all 20 are evidence")
    found, _ = findings_of("redundant_call", True)
    check(found[0]["saving_ns"] == 900_000_000, f"saves 900 ms, not {found[0]['saving_ns']}")


def check_tail():
    """Three slow requests of sixty, by another model and with a cache that misses."""
    path = TMP / "tail.db"
    trace = Trace(path)
    for i in range(60):
        slow = i % 20 == 7
        trace.parent = 2
        trace.serve(2400 if slow else 800)
        trace.lookup("miss" if slow or i == 1 else "hit")
        trace.embed(100)
        trace.chat(2000 if slow else 500, model="gpt-4o" if slow else "gpt-4o-mini", digest=str(i))
        trace.wait(299 if slow else 199)
    trace.finish()
    done = subprocess.run([RAGTIME, "report", "--json", "--section", "tail", path], capture_output=True, env=ENVIRONMENT)
    rows = {row["name"]: row for row in json.loads(done.stdout)["runs"][0]["sections"]["tail"]}
    check(rows["chat gpt-4o"]["difference_ns"] == 2_000_000_000, f"the other model: {rows}")
    check(rows["model = gpt-4o"]["tail_share"] == 1 and rows["model = gpt-4o"]["rest_share"] == 0, "all by that model")
    check(rows["cache = miss"]["tail_share"] == 1 and "embeddings small" not in rows, "misses, and not the embeddings")


def check_exits_and_forms():
    _, path = findings_of("retry_storm", True)
    _, quiet = findings_of("no_streaming", False)
    run(path, status=1)
    run(quiet, status=0)
    run("--fail-on", "never", path, status=0)
    run("--fail-on", "awful", path, status=2)
    run("--set", "retry_storm.nonsense=1", path, status=2)
    run(TMP / "none.db", status=1)
    run("--set", "retry_storm.failures=9", path, status=0)
    first = run("--json", "--fail-on", "never", path)
    check(first == run("--json", "--fail-on", "never", path), "the same bytes again")
    finding = json.loads(first)[0]
    (TMP / "ignore").write_text(f"# known\n{finding['fingerprint']} agreed in June\n")
    check(json.loads(run("--json", "--suppress", TMP / "ignore", path, status=0)) == [], "suppressed")
    (TMP / "ignore").write_text("rule retry_storm they know\n")
    run("--suppress", TMP / "ignore", path, status=0)
    (TMP / "ignore").write_text("nothing\n")
    run("--suppress", TMP / "ignore", path, status=2)
    sarif = json.loads(run("--format", "sarif", path, status=1))
    check(sarif["version"] == "2.1.0" and sarif["runs"][0]["results"][0]["ruleId"] == "retry_storm", "SARIF")
    tree = xml.fromstring(run("--format", "junit", path, status=1))
    check(tree.find("testsuite").get("failures") == "1" and tree.find(".//failure") is not None, "JUnit")
    comment = run("--format", "markdown", path, status=1)
    check("| severity |" in comment and len(comment) < 65536, "Markdown")
    check("100 * (0.6" in run("--explain", path), "formulas")
    (TMP / "config/ragtime").mkdir(parents=True)
    (TMP / "config/ragtime/thresholds.yaml").write_text("retry_storm:\n  enabled: no\n")
    run(path, status=0)
    (TMP / "config/ragtime/thresholds.yaml").write_text("retry_storm:\n  failures: many\n")
    run(path, status=2)


check_rules()
check_savings()
check_tail()
check_exits_and_forms()
print(f"{failures} failures")
sys.exit(failures != 0)
