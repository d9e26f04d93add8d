#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the man pages and README.md say holds: commands, options, make targets, JSON members."""
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RAGTIME = pathlib.Path(os.environ["BUILD"]) / "ragtime"
MAN = ROOT / "docs/man"
problems = []


def complain(text):
    problems.append(text)
    print(text)


def commands():
    text = (ROOT / "commands.def").read_text()
    return dict(re.findall(r'^COMMAND\((\w+), "(.*)"\)', text, re.M))


def help_options(command):
    done = subprocess.run([RAGTIME, command, "--help"], capture_output=True, text=True)
    if done.returncode or done.stderr:
        complain(f"ragtime {command} --help: status {done.returncode}, {done.stderr!r}")
    if "Examples:" not in done.stdout:
        complain(f"ragtime {command} --help has no examples")
    found = set()
    for line in done.stdout.splitlines():
        match = re.match(r" {2,6}(-[\w?], +)?(--[\w-]+)", line)
        if match:
            found.add(match.group(2))
            if match.group(1):
                found.add(match.group(1).strip(" ,"))
    return found


def man_options(page):
    section = re.search(r"^\.SH OPTIONS$(.*?)^\.SH ", page, re.M | re.S).group(1)
    found = set()
    for line in re.findall(r"^\.TP\n(.*)$", section, re.M):
        found |= set(re.findall(r"--[\w-]+|(?<![\w-])-[\w?](?![\w-])", line.replace("\\-", "-")))
    return found


def check_pages(listed):
    options = {}
    pages = {page.stem.removeprefix("ragtime-") for page in MAN.glob("ragtime-*.1")}
    for extra in pages - set(listed):
        complain(f"docs/man/ragtime-{extra}.1 is of no command")
    for command, sentence in listed.items():
        options[command] = help_options(command)
        path = MAN / f"ragtime-{command}.1"
        if not path.exists():
            complain(f"{path.name} is missing")
            continue
        in_page = man_options(path.read_text())
        for option in sorted(options[command] - in_page):
            complain(f"{path.name} does not name {option}")
        for option in sorted(in_page - options[command]):
            complain(f"{path.name} names {option}, which ragtime {command} --help does not")
    main_page = (MAN / "ragtime.1").read_text()
    for command, sentence in listed.items():
        if f".BR ragtime\\-{command} (1)\n{sentence}\n" not in main_page:
            complain(f"ragtime.1 does not list {command}: {sentence}")
    for path in MAN.glob("*.1"):
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", path], capture_output=True, text=True)
        if done.stderr or done.returncode:
            complain(f"{path.name}: {done.stderr}")
    return options


def check_command_line(where, line, listed, options):
    """A line of an example: each `ragtime COMMAND` in it exists, and so do its options."""
    line = re.sub(r"\$\([^)]*\)", "X", line.replace("\\-", "-"))
    words = shlex.split(line, comments=True)
    for at, word in enumerate(words[:-1]):
        if word != "ragtime" and not word.endswith("/ragtime"):
            continue
        command = words[at + 1]
        if command.startswith("-") or command == "&&":
            continue
        if command not in listed:
            complain(f"{where}: there is no command {command}: {line}")
            continue
        for word in words[at + 2:]:
            if word in ("--", "|", ">", ";", "&&"):
                break
            if word.startswith("-") and word != "-" and word.split("=")[0] not in options[command]:
                complain(f"{where}: ragtime {command} has no option {word}: {line}")


def check_examples(listed, options):
    for path in MAN.glob("*.1"):
        for block in re.findall(r"^\.EX$(.*?)^\.EE$", path.read_text(), re.M | re.S):
            for line in block.strip().splitlines():
                check_command_line(path.name, line, listed, options)
    for command in listed:
        text = subprocess.run([RAGTIME, command, "--help"], capture_output=True, text=True).stdout
        for line in re.findall(r"^  (?:exec )?(ragtime .*)$", text.split("Examples:")[-1], re.M):
            # what stands after many spaces explains
            check_command_line(f"{command} --help", re.split(r" {3,}", line)[0], listed, options)


def check_readme(listed, options):
    text = (ROOT / "README.md").read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for block in re.findall(r"^```sh$(.*?)^```$", text, re.M | re.S):
        for line in block.strip().splitlines():
            check_command_line("README.md", line, listed, options)
            for target in re.findall(r"\bmake ([a-z-]+)", line):
                if target not in targets:
                    complain(f"README.md: there is no target {target}: {line}")
    for target in re.findall(r"`make ([a-z-]+)`", text):
        if target not in targets:
            complain(f"README.md: there is no target {target}")
    for path in re.findall(r"`([a-z]+/[\w./-]+)`", text):
        if not (ROOT / path).exists():
            complain(f"README.md names {path}, which is not there")


def members(value, found):
    if isinstance(value, dict):
        for key, inside in value.items():
            found.add(key)
            members(inside, found)
    elif isinstance(value, list):
        for inside in value:
            members(inside, found)
    return found


def check_json():
    for command, expect in (("report", "rag.report-json"), ("tree", "rag.tree-json")):
        report = json.loads((ROOT / f"tests/golden/expect/{expect}.expect").read_text())
        page = (MAN / f"ragtime-{command}.1").read_text()
        if command == "tree":
            for run in report["runs"]:
                run["run"] = None  # told of in the report's page
        for key in sorted(members(report, set())):
            if not re.search(rf"\b{key}\b", page):
                complain(f"ragtime-{command}.1 does not tell of the JSON member {key}")


def main():
    listed = commands()
    options = check_pages(listed)
    check_examples(listed, options)
    check_readme(listed, options)
    check_json()
    print(f"{len(listed)} commands, {sum(map(len, options.values()))} options")
    sys.exit(bool(problems))


main()
