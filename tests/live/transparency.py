# SPDX-License-Identifier: Apache-2.0
"""Runs a command plain and under `ragtime run`, and compares all that can be told from outside: exit
status, both output streams, the files it leaves. Differences are printed as a diff.

A test file makes a Suite, calls compare() for each case, and ends with finish(). Cases whose output is
not the same in two plain runs are told so and counted as skipped: they cannot be judged.
"""

import difflib
import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD") or ROOT / "build").resolve()
SIZE = os.environ.get("SIZE", "quick")
TMP = Path(os.environ.get("TMP") or "/tmp/ragtime-transparency")
PROGRAMS = BUILD / "programs"
SOURCES = ROOT / "tests/programs"
TIMEOUT_S = 120
DIFF_LINES = 40


class Result:
    def __init__(self, status, out, err, effects):
        self.parts = {"exit status": str(status), "stdout": out, "stderr": err, "files": effects}

    def differences(self, other):
        return [name for name, value in self.parts.items() if value != other.parts[name]]

    def diff(self, other, name):
        lines = list(
            difflib.unified_diff(
                self.parts[name].splitlines(), other.parts[name].splitlines(), "plain", "traced", lineterm="", n=2
            )
        )
        more = [f"... {len(lines) - DIFF_LINES} lines more"] if len(lines) > DIFF_LINES else []
        return "\n".join("      " + line for line in lines[:DIFF_LINES] + more)


def effects_of(folder, contents):
    """Every file below the folder: type, mode and what is in it (or only its name)."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            what = "link to " + os.readlink(path) if path.is_symlink() else "no regular file"
        else:
            what = hashlib.sha256(path.read_bytes()).hexdigest()[:16] if contents else ""
        found.append(f"{path.relative_to(folder)} {path.lstat().st_mode:o} {what}")
    return "\n".join(found)


def traced(trace, options=()):
    return [BUILD / "ragtime", "run", "-o", trace, *options, "--"]


def execute(command, folder, setup, env, stdin, contents, settle, limits):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    if setup:
        setup(folder)
    out_path, err_path = folder.parent / "stdout", folder.parent / "stderr"
    with open(out_path, "wb") as out, open(err_path, "wb") as err:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=env,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            umask=0o022,
            preexec_fn=lambda: [resource.setrlimit(which, (value, resource.getrlimit(which)[1])) for which, value in limits],
        )
        try:
            process.communicate(stdin, timeout=TIMEOUT_S)
            status = process.returncode
        except subprocess.TimeoutExpired:
            status = f"none: still running after {TIMEOUT_S} s"
            process.kill()
            process.wait()
    if settle:
        settle(folder)
    read = lambda path: path.read_bytes().decode(errors="backslashreplace")
    return Result(status, read(out_path), read(err_path), effects_of(folder, contents))


class Suite:
    def __init__(self, title):
        self.title, self.rows = title, []
        TMP.mkdir(parents=True, exist_ok=True)
        TMP.chmod(0o755)
        self.only = sys.argv[1:]

    def tell(self, verdict, name, note=""):
        self.rows.append((verdict, name, note))
        print(f"{verdict:5} {name}{': ' + note if note else ''}", flush=True)

    def wanted(self, name):
        return not self.only or any(part in name for part in self.only)

    def skip(self, name, why):
        if self.wanted(name):
            self.tell("skip", name, why)

    def compare(self, name, command, *, env=None, setup=None, stdin=None, hide=(), contents=True, settle=None, told=None, holds=None, limits=(), options=()):
        """hide: patterns whose matches do not count; told: what ragtime says of it on its own stderr;
        holds: what the trace must hold at least, by the fields of `info --json`; limits: what both
        programs and ragtime itself may use, as (resource, value); options: of `ragtime run`."""
        if not self.wanted(name):
            return
        env = dict(os.environ if env is None else env)
        for variable in ("BUILD", "SIZE", "TMP"):
            env.pop(variable, None)
        folder, trace = TMP / "work", TMP / "case.rtrace"
        trace.unlink(missing_ok=True)
        surroundings = (folder, setup, env, stdin, contents, settle, limits)
        plain = self.hidden(execute(command, *surroundings), hide)
        seen = self.hidden(execute([*traced(trace, options), *command], *surroundings), hide)
        if told:
            unsaid = not re.search(told, seen.parts["stderr"])
            seen.parts["stderr"] = re.sub(r"^ragtime: warning: .*\n", "", seen.parts["stderr"], flags=re.MULTILINE)
        wrong = plain.differences(seen)
        if wrong:
            again = self.hidden(execute(command, *surroundings), hide)
            if set(wrong) <= set(plain.differences(again)):
                self.tell("skip", name, f"{', '.join(wrong)} differ between two plain runs as well")
                return
            self.tell("FAIL", name, f"{', '.join(wrong)} differ")
            for part in wrong:
                print(f"   {part}:\n{plain.diff(seen, part)}")
            return
        if told:
            fault, note = (f"ragtime did not say: {told}" if unsaid else ""), f"ragtime says: {told}"
        else:
            fault, note = self.trace_fault(trace, {"calls": 1} if holds is None else holds)
        self.tell("FAIL" if fault else "ok", name, fault or note)

    @staticmethod
    def hidden(result, patterns):
        for pattern in patterns:
            for name in ("stdout", "stderr"):
                result.parts[name] = re.sub(pattern, "<hidden>", result.parts[name], flags=re.MULTILINE)
        return result

    @staticmethod
    def trace_fault(trace, holds):
        """What is wrong with the trace, and what to say of it: a target left in peace but not traced
        is no success."""
        if not trace.exists():
            return "no trace was written", ""
        info = subprocess.run([BUILD / "ragtime", "info", "--json", trace], capture_output=True, text=True)
        if info.returncode:
            return f"ragtime info: {info.stderr.strip() or info.stdout.strip()}", ""
        facts = json.loads(info.stdout)[0]
        for name, least in holds.items():
            if facts[name] < least:
                return f"the trace holds {facts[name]} {name}, not {least} or more", ""
        counts = Counter()
        for entry in facts["lost"]:
            counts[entry["title"]] += entry["count"]
        lost = ", ".join(f"{count} {title}" for title, count in counts.items())
        note = "{processes} processes, {threads} threads, {calls} calls".format(**facts)
        return "", note + (f"; lost: {lost}" if lost else "")

    def finish(self):
        counts = {verdict: sum(row[0] == verdict for row in self.rows) for verdict in ("ok", "FAIL", "skip")}
        self.write_table()
        shutil.rmtree(TMP / "work", ignore_errors=True)
        print(f"{self.title}: {counts['ok']} the same, {counts['FAIL']} different, {counts['skip']} skipped")
        sys.exit(1 if counts["FAIL"] else 0 if counts["ok"] else 77)

    def write_table(self):
        if self.only:
            return
        tables = BUILD / "tables"
        tables.mkdir(parents=True, exist_ok=True)
        words = {"ok": "same", "FAIL": "different", "skip": "skipped"}
        lines = [f"# Transparency: {self.title}", "", "| case | with and without ragtime | note |", "| --- | --- | --- |"]
        lines += [f"| {name} | {words[verdict]} | {note} |" for verdict, name, note in self.rows]
        stem = "transparency-" + re.sub(r"\W+", "-", self.title.lower())
        (tables / f"{stem}.md").write_text("\n".join(lines) + "\n")


def build_variant(name, source, compiler, *flags):
    """A program of tests/programs built in another way; None where the compiler is not there."""
    if not shutil.which(compiler):
        return None
    program = PROGRAMS / name
    source = SOURCES / source
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        program.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([compiler, "-D_GNU_SOURCE", "-O1", "-g", *flags, source, "-o", program, "-lpthread"], check=True, capture_output=True)
    return program
