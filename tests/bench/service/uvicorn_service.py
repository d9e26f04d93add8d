# SPDX-License-Identifier: Apache-2.0
"""Answers small requests on a port that it prints, under uvicorn; ends with its standard input.

With --otel its requests are spans of the OpenTelemetry SDK, by its ASGI instrumentation; they go
nowhere, so that it does no less than it must.
"""
import asyncio
import json
import os
import resource
import socket
import sys
import threading

import uvicorn

ANSWER = json.dumps({"item": 4711, "name": "a thing", "price": 12.5}).encode()
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]


async def answer(scope, receive, send):
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})


def with_spans(app):
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Nowhere(SpanExporter):
        def export(self, spans):
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Nowhere(), max_queue_size=65536, max_export_batch_size=4096))
    return OpenTelemetryMiddleware(app, tracer_provider=provider)


def tell_usage():
    for _ in sys.stdin:
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(int((used.ru_utime + used.ru_stime) * 1e6), flush=True)
    os._exit(0)


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    app = with_spans(answer) if "--otel" in sys.argv else answer
    config = uvicorn.Config(app, http="httptools", loop="asyncio", lifespan="off", access_log=False,
                            log_level="warning")
    threading.Thread(target=tell_usage, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    asyncio.run(uvicorn.Server(config).serve([listener]))


main()
