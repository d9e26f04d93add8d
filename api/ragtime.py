# SPDX-License-Identifier: Apache-2.0
"""Spans of your own in ragtime's tree, for Python 3.8 and later. One file: copy it, or put its folder on
the path.

    from ragtime import profiler

    with profiler.profile("rag_query", query_id=17) as span:
        span.set("documents", 3)

    @profiler.profile("rerank")          # also of an `async def`
    def rerank(documents): ...

Under `ragtime run` the span stands in the tree: below the function that opened it, above what that
function does meanwhile; an exception that leaves it makes it a failed one. Without ragtime it costs a
look at a flag. profiler.disable() and profiler.enable() switch it while the program runs.
"""
import functools
import inspect
import os
import struct

_FD = 0x7F524147  # a descriptor that cannot exist: ragtime takes what is written to it
_HEAD = struct.Struct("<IIq")
_MAGIC, _BEGIN, _END, _FAIL, _FACT = 0x5254534E, 1, 2, 3, 4


class Span:
    """One span; what is set on one that is not traced is dropped."""

    __slots__ = ("number",)

    def __init__(self, number):
        self.number = number

    def set(self, key, value):
        if self.number:
            text = value if isinstance(value, str) else repr(value)
            _say(_FACT, self.number, f"{key}\0{text}")


def _say(kind, number, text):
    """What the tracer answers; 0 where there is none. Who begins is asked under the interpreter's lock."""
    try:
        if kind == _BEGIN:
            os.get_inheritable(_FD)
        return os.write(_FD, _HEAD.pack(_MAGIC, kind, number) + text.encode("utf-8", "replace")[:1000])
    except OSError:
        profiler.enabled = False
        return 0


_untraced = Span(0)


class _Profile:
    """A span each time it is entered, or each time the function that it decorates is called."""

    __slots__ = ("name", "facts", "open")

    def __init__(self, name, facts):
        self.name, self.facts, self.open = name, facts, []

    def __enter__(self):
        span = Span(_say(_BEGIN, 0, self.name)) if profiler.enabled else _untraced
        self.open.append(span)
        if span.number:
            for key, value in self.facts.items():
                span.set(key, value)
        return span

    def __exit__(self, kind, error, _):
        span = self.open.pop()
        if span.number:
            if kind:
                span.set("error.type", kind.__name__)
            _say(_FAIL if kind else _END, span.number, "")

    def __call__(self, function):
        name, facts = self.name, self.facts
        if inspect.iscoroutinefunction(function):
            @functools.wraps(function)
            async def call(*args, **keywords):
                with _Profile(name, facts):
                    return await function(*args, **keywords)
        else:
            @functools.wraps(function)
            def call(*args, **keywords):
                with _Profile(name, facts):
                    return function(*args, **keywords)
        return call


class Profiler:
    """enabled: is anything said? Set by enable() and disable(), and cleared where nobody listens."""

    def __init__(self):
        self.enabled = True

    def enable(self):
        self.enabled = True

    def disable(self):
        self.enabled = False

    def profile(self, name, **facts):
        return _Profile(name, facts)


profiler = Profiler()
