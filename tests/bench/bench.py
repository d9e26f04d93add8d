#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures ragtime against the floor, against reference parts and against its peers, in one run.

Exit status: 0 every goal met; 1 a goal missed or not measured; 3 none missed, but some inconclusive.
"""
import argparse
import json
import os
import platform
import sys
import time

sys.dont_write_bytecode = True

import attach
import attached
import calls
import harness
import parsing
import pipeline
import pythons
import reading
import serving
import whole

SECTIONS = {"calls": calls.measure, "pipeline": pipeline.measure, "reading": reading.measure,
            "whole": whole.measure, "parsing": parsing.measure, "serving": serving.measure,
            "attach": attach.measure, "attached": attached.measure, "python": pythons.measure}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--build", default="build", help="the build folder (build)")
    parser.add_argument("--rounds", type=int, default=9, help="interleaved rounds of each comparison (9)")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="measure this section alone")
    parser.add_argument("--full", action="store_true", help="the long ones too: 100 M calls")
    parser.add_argument("--json", help="machine-readable results (BUILD/bench/bench.json)")
    return parser.parse_args()


def host():
    with open("/proc/cpuinfo", encoding="ascii") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "?")
    return dict(cpu=model, processors=os.cpu_count(), kernel=platform.release(), load=os.getloadavg()[0])


def goal_text(row):
    if row["goal"] is None:
        return "-"
    return f"{'>=' if row.get('at_least') else '<='} {row['goal']:g}{row.get('unit', '')}"


def markdown(bench, machine):
    lines = ["# Benchmark", "",
             f"{machine['cpu']}, {machine['processors']} processors, Linux {machine['kernel']}; "
             f"{bench.rounds} interleaved rounds, CPU time, medians; in brackets the 95 % interval of the "
             "median. A verdict is given only where that interval lies on one side of the goal.", ""]
    for rows in bench.tables:
        lines += [*rows, ""]
    lines += ["| measured | value | interval | goal | verdict | |", "|---|---|---|---|---|---|"]
    for row in bench.results:
        value = f"{row['value']:.3g}{row['unit']}" if "value" in row else "-"
        interval = f"{row['low']:.3g}..{row['high']:.3g}" if "value" in row else "-"
        lines.append(f"| {row['name']} | {value} | {interval} | {goal_text(row)} | {row['verdict']} | "
                     f"{row['detail']} |")
    if bench.notes:
        lines += ["", *(f"- {note}" for note in bench.notes)]
    return "\n".join(lines) + "\n"


def status(results):
    verdicts = {row["verdict"] for row in results if row["goal"] is not None}
    if verdicts & {"fail", "not measured"}:
        return 1
    return 3 if "inconclusive" in verdicts else 0


def main():
    options = parse()
    bench = harness.Bench(options.build, options.rounds, options.full)
    machine = host()
    details = {}
    begin = time.time()
    try:
        for name in options.only or SECTIONS:
            details[name] = SECTIONS[name](bench)
    finally:
        bench.close()
    text = markdown(bench, machine)
    os.makedirs(os.path.join(bench.build, "tables"), exist_ok=True)
    with open(os.path.join(bench.build, "tables", "bench.md"), "w", encoding="utf-8") as file:
        file.write(text)
    with open(options.json or os.path.join(bench.out, "bench.json"), "w", encoding="utf-8") as file:
        json.dump(dict(version=1, host=machine, rounds=bench.rounds, seconds=round(time.time() - begin),
                       results=bench.results, details=details, notes=bench.notes), file, indent=1)
    print("\n" + text)
    return status(bench.results)


if __name__ == "__main__":
    sys.exit(main())
