# SPDX-License-Identifier: Apache-2.0
"""Node with ragtime inside behaves as without: what it prints and where, how it ends, what it sees of
itself. SIZE=full: under every Node that npm has for us."""
import os
import re
import shutil
import subprocess

from runs import BUILD, FULL, TMP, check, command, finish, trace

WHO = """
const seen = {
  options: process.env.NODE_OPTIONS, variables: Object.keys(process.env).filter((k) => k !== '_').sort(), execArgv: process.execArgv,
  preloaded: process._preload_modules, cache: Object.keys(require.cache), children: module.children.length,
  parent: module.parent === null || module.parent === undefined, main: require.main === module,
  globals: Object.getOwnPropertyNames(globalThis).sort(),
  write: [require('net').Socket.prototype.write.name, require('net').Socket.prototype.write.length],
};
console.log(JSON.stringify(seen));
"""
SERVER = """
const http = require('http');
const server = http.createServer((q, r) => {
  if (q.url === '/throw') return setTimeout(() => { throw new Error('thrown by a handler'); }, 1);
  if (q.url === '/now') throw new Error('thrown at once');
  if (q.url === '/exit') { console.log('leaving'); process.exit(7); }
  if (q.url === '/drop') return q.socket.destroy();
  r.end('answer to ' + q.url);
});
server.listen(0, '127.0.0.1', async () => {
  const ask = (path) => new Promise((done) => http.get({ port: server.address().port, path }, (r) => {
    let text = ''; r.on('data', (d) => text += d); r.on('end', () => done(r.statusCode + ' ' + text));
  }).on('error', (e) => done(e.code)));
  console.log(await ask('/a'), await ask('/drop'), await ask('/b'));
  console.log(process.argv[2], await ask(process.argv[2]));
  server.close();
});
"""
FILES = {
    "who.cjs": WHO,
    "server.cjs": SERVER,
    "throw.cjs": "console.log('before'); function f() { throw new TypeError('no'); } f();",
    "reject.mjs": "console.log('x'); Promise.reject(new Error('nobody listens'));",
    "hang.mjs": "console.log('x'); await new Promise(() => {});",
    "code.mjs": "process.exitCode = 5; process.on('exit', (c) => console.log('exit', c)); setTimeout(() => {}, 5);",
    "big.cjs": "for (let i = 0; i < 3000; i++) console.log('line', i); console.error('error'); process.exit(0);",
    "missing.cjs": "require('./nowhere.cjs');",
    "abort.cjs": "process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 1000);",
    "worker.cjs": """
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
if (isMainThread) {
  const w = new Worker(__filename, { workerData: 2 });
  w.on('message', (m) => console.log('said', m)); w.on('exit', (c) => {
    console.log('worker exit', c);
    const e = new Worker(__filename, { workerData: 1, env: { A: '1' } });
    e.on('error', (x) => {
      console.log('error', x.message);
      const t = new Worker('setInterval(() => {}, 10)', { eval: true });
      t.on('online', () => t.terminate().then((c) => console.log('terminated', c)));
    });
  });
} else if (workerData === 2) parentPort.postMessage([process.env.NODE_OPTIONS, Object.keys(require.cache).length]);
else throw new Error('in a worker ' + JSON.stringify(process.env));""",
    "cluster.cjs": """
const cluster = require('cluster'), http = require('http');
if (cluster.isPrimary) {
  const w = cluster.fork();
  w.on('exit', (c, s) => console.log('cluster worker', c, s));
  w.on('listening', ({ port }) => http.get({ port, host: '127.0.0.1', path: '/x' }, (r) => { r.resume(); r.on('end', () => { console.log(r.statusCode); w.kill(); }); }));
} else http.createServer((q, r) => r.end(q.url)).listen(0, '127.0.0.1');""",
    "child.cjs": """
const { spawnSync, fork } = require('child_process');
console.log(spawnSync(process.execPath, ['-p', 'process.env.NODE_OPTIONS + " " + process.env.OWN'], { env: { OWN: 'x' } }).stdout + '');
if (process.send) { process.send('from the child'); process.disconnect(); } else
  fork(__filename).on('message', (m) => console.log(m)).on('exit', (c) => console.log('child', c));""",
    "some.test.mjs": "import test from 'node:test'; test('one', () => {}); test('two', async (t) => { await t.test('in', () => {}); });",
    "own.cjs": "globalThis.own = 'required by the user';",
    "esm.mjs": "import { request } from 'node:http'; import fs, { writeSync } from 'node:fs'; import net from 'node:net';"
               "console.log(request.name, writeSync === fs.writeSync, typeof net.Socket, import.meta.url.slice(-7));",
    "times.cjs": """
const log = []; setTimeout(() => log.push('timeout'), 0); setImmediate(() => { log.push('immediate'); console.log(log.filter((x) => x !== 'timeout' && x !== 'immediate')); });
process.nextTick(() => log.push('tick')); Promise.resolve().then(() => log.push('micro')); queueMicrotask(() => log.push('queued')); log.push('sync');
console.log(new Error('here').stack.split('\\n').length);""",
}


def cases(major):
    yield from ([name] for name in FILES if not name.startswith(("server", "own", "some")))
    yield from (["server.cjs", path] for path in ("/ok", "/throw", "/now", "/exit", "/drop"))
    yield ["-p", "process.env.NODE_OPTIONS"]
    yield ["-e", "console.log(1); process.exitCode = 3"]
    yield ["--check", "who.cjs"]
    yield ["--no-such-option"]
    yield ["-r", "./own.cjs", "-p", "own"]
    yield ["--import", "./own.cjs", "-p", "own"]
    yield ["--test", "--test-reporter=tap", "some.test.mjs"] if major >= 20 else ["--version"]
    if major >= 20:
        yield ["--permission" if major >= 24 else "--experimental-permission", "--allow-fs-read=*", "who.cjs"]


def shown(node, case, under, variables):
    """Status, output, errors; what differs from run to run by itself is taken out."""
    environment = {"PATH": os.environ["PATH"], "HOME": TMP, **variables}
    path = trace()
    words = command(path, node, *case) if under else [node, *case]
    done = subprocess.run(words, cwd=os.path.join(TMP, "same"), env=environment, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60)
    hide = lambda text: re.sub(r"duration_ms.*|\(node:\d+\)|:\d+:\d+\)?$", "", text, flags=re.M)
    status = done.returncode if done.returncode >= 0 else 128 - done.returncode
    return status, hide(done.stdout), hide(done.stderr)


def nodes():
    found = [shutil.which("node")]
    if FULL:
        made = subprocess.run(["sh", os.path.join(os.path.dirname(__file__), "../truth/score_nodes.sh"), BUILD,
                               "18", "20", "22", "24"], stdout=subprocess.PIPE, text=True).stdout
        found += [line.split(" ", 1)[1] for line in made.splitlines()]
    return [node for node in found if node]


def main():
    os.makedirs(os.path.join(TMP, "same"))
    for name, text in FILES.items():
        with open(os.path.join(TMP, "same", name), "w") as file:
            file.write(text)
    for node in nodes():
        version = subprocess.run([node, "-p", "process.versions.node"], capture_output=True, text=True).stdout.strip()
        same = 0
        for case in cases(int(version.split(".")[0])):
            for variables in ({}, {"NODE_OPTIONS": "--no-warnings --require \"./own.cjs\""}) if case[0] in ("who.cjs", "worker.cjs", "child.cjs") else ({},):
                plain, traced = shown(node, case, False, variables), shown(node, case, True, variables)
                same += check(plain == traced, f"node {version} {case} {variables}:\n{plain}\n{traced}")
        print(f"node {version}: {same} cases the same")


main()
finish()
