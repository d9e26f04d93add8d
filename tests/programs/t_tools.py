# SPDX-License-Identifier: Apache-2.0
"""Takes all places for monitoring (sys.monitoring, 3.12 on), one after the other, while functions and a generator
run and another thread does; prints what each of them is told, and gives them back."""
import sys
import threading

monitoring = sys.monitoring
PLACES = (5, 4, 3, 2, 1, 0)
told = []


def work(n):
    return n + 1


def generate(n):
    for i in range(n):
        yield work(i)


def inner():
    return work(3)


def take(place):
    monitoring.use_tool_id(place, f"place {place}")
    monitoring.register_callback(place, monitoring.events.PY_START,
                                 lambda code, offset: code.co_name == "inner" and told.append((place, code.co_name)) or None)
    monitoring.register_callback(place, monitoring.events.PY_RETURN, lambda code, offset, value: told.append((place, value)))
    monitoring.set_events(place, monitoring.events.PY_START)


def other():
    while not stop.is_set():
        work(0)
        stop.wait(0.001)


numbers = generate(9)
next(numbers)
stop = threading.Event()
thread = threading.Thread(target=other)
thread.start()
for place in PLACES:
    take(place)
    inner()
    next(numbers)
inner()
try:
    monitoring.use_tool_id(5, "twice")
except ValueError as error:
    print(error)
stop.set()
thread.join()
print([monitoring.get_tool(place) for place in PLACES], [monitoring.get_events(place) for place in PLACES])
for place in PLACES:
    monitoring.set_events(place, 0)
    monitoring.free_tool_id(place)
print(told, [monitoring.get_tool(place) for place in PLACES], list(numbers))
monitoring.use_tool_id(5, "again")
print(monitoring.get_tool(5), inner())
