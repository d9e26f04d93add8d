# SPDX-License-Identifier: Apache-2.0
"""t_servers.py KIND PORT: a small application on one Python server. /job/N calls work(N) twice, /stream/N yields
three pieces made by piece(N), after the handler has returned where the server lets it. Ends with SIGTERM."""
import asyncio
import os
import signal
import sys
import time

KIND, PORT = sys.argv[1], int(sys.argv[2])


def work(number):
    time.sleep(0.002)
    return number


def piece(number):
    time.sleep(0.002)
    return b"piece of %d\n" % number


def pieces(number):
    for _ in range(3):
        yield piece(number)


async def async_pieces(number):
    for _ in range(3):
        await asyncio.sleep(0.001)
        yield piece(number)


async def async_work(number):
    work(number)
    await asyncio.sleep(0.005)
    return work(number)


def both(number):
    work(number)
    time.sleep(0.005)
    return work(number)


# ---- applications ----

def starlette_app():
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse, StreamingResponse
    from starlette.routing import Route

    async def answer(request):
        return PlainTextResponse(str(await async_work(request.path_params["number"])))

    async def stream(request):
        return StreamingResponse(async_pieces(request.path_params["number"]))

    return Starlette(routes=[Route("/job/{number:int}", answer), Route("/stream/{number:int}", stream)])


def fastapi_app():
    import fastapi
    from fastapi.responses import StreamingResponse
    app = fastapi.FastAPI()

    @app.get("/job/{number}")
    async def answer(number: int):
        return await async_work(number)

    @app.get("/stream/{number}")
    def stream(number: int):
        return StreamingResponse(pieces(number))

    return app


def flask_app():
    import flask
    app = flask.Flask("t_servers")
    app.add_url_rule("/job/<int:number>", "job", lambda number: str(both(number)))
    app.add_url_rule("/stream/<int:number>", "stream", lambda number: flask.Response(pieces(number)))
    return app


def django_app(kind="wsgi"):
    import django
    from django.conf import settings
    from django.core import asgi, wsgi
    from django.http import HttpResponse, StreamingHttpResponse
    from django.urls import path
    urls = [path("job/<int:number>", lambda request, number: HttpResponse(str(both(number)))),
            path("stream/<int:number>", lambda request, number: StreamingHttpResponse(pieces(number)))]
    settings.configure(ROOT_URLCONF=type("urls", (), {"urlpatterns": urls}), ALLOWED_HOSTS=["*"], SECRET_KEY="none")
    django.setup(set_prefix=False)
    return (wsgi.get_wsgi_application if kind == "wsgi" else asgi.get_asgi_application)()


# ---- servers ----

def run_uvicorn(app, **more):
    import uvicorn
    uvicorn.run(app, port=PORT, log_level="warning", **more)


def run_hypercorn():
    import hypercorn.asyncio
    import hypercorn.config
    config = hypercorn.config.Config()
    config.bind = [f"127.0.0.1:{PORT}"]

    async def serve():
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await hypercorn.asyncio.serve(starlette_app(), config, shutdown_trigger=stop.wait)

    asyncio.run(serve())


def run_gunicorn(app, worker):
    from gunicorn.app.base import BaseApplication

    class Application(BaseApplication):
        def load_config(self):
            settings = {"bind": f"127.0.0.1:{PORT}", "worker_class": worker, "workers": 1, "loglevel": "warning"}
            if worker == "gthread":
                settings["threads"] = 4
            for name, value in settings.items():
                self.cfg.set(name, value)

        def load(self):
            return app()

    Application().run()


def run_aiohttp():
    from aiohttp import web

    async def answer(request):
        return web.Response(text=str(await async_work(int(request.match_info["number"]))))

    async def stream(request):
        response = web.StreamResponse()
        await response.prepare(request)
        async for part in async_pieces(int(request.match_info["number"])):
            await response.write(part)
        return response

    app = web.Application()
    app.add_routes([web.get("/job/{number}", answer), web.get("/stream/{number}", stream)])
    web.run_app(app, host="127.0.0.1", port=PORT, print=None)


def run_tornado():
    import tornado.web

    class Work(tornado.web.RequestHandler):
        async def get(self, number):
            self.write(str(await async_work(int(number))))

    class Stream(tornado.web.RequestHandler):
        async def get(self, number):
            async for part in async_pieces(int(number)):
                self.write(part)
                await self.flush()

    async def main():
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        tornado.web.Application([(r"/job/(\d+)", Work), (r"/stream/(\d+)", Stream)]).listen(PORT, "127.0.0.1")
        await stop.wait()

    asyncio.run(main())


def run_werkzeug(app):
    from werkzeug.serving import run_simple
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run_simple("127.0.0.1", PORT, app, threaded=True)


def run_celery():
    """No HTTP: tasks through the memory broker, to a worker of threads in this process."""
    import celery
    app = celery.Celery("t_servers", broker="memory://", backend="cache+memory://")
    app.conf.update(worker_hijack_root_logger=False, task_always_eager=False)
    job = app.task(both, name="both")
    from celery.contrib.testing.worker import start_worker
    with start_worker(app, pool="threads", concurrency=2, perform_ping_check=False):
        for answer in [job.delay(number) for number in range(4)]:
            answer.get(timeout=30)
    os._exit(0)


RUN = {
    "uvicorn": lambda: run_uvicorn(starlette_app(), http="h11", loop="asyncio"),
    "uvicorn-fastapi": lambda: run_uvicorn(fastapi_app()),
    "uvicorn-django": lambda: run_uvicorn(django_app("asgi"), lifespan="off"),
    "hypercorn": run_hypercorn,
    "gunicorn-sync": lambda: run_gunicorn(flask_app, "sync"),
    "gunicorn-gthread": lambda: run_gunicorn(flask_app, "gthread"),
    "gunicorn-django": lambda: run_gunicorn(django_app, "gthread"),
    "gunicorn-uvicorn": lambda: run_gunicorn(starlette_app, "uvicorn_worker.UvicornWorker"),
    "aiohttp": run_aiohttp,
    "tornado": run_tornado,
    "flask": lambda: run_werkzeug(flask_app()),
    "celery": run_celery,
}
RUN[KIND]()
