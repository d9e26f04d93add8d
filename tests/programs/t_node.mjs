// SPDX-License-Identifier: Apache-2.0
// An HTTP server and its clients, worker threads, files, name lookup, child processes.
import http from 'node:http';
import fs from 'node:fs/promises';
import { lookup } from 'node:dns/promises';
import { execFileSync, fork } from 'node:child_process';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

if (!isMainThread) {
  let sum = 0;
  for (let i = 0; i < 1e6; i++) sum = (sum + i * workerData) % 1000003;
  await fs.writeFile(`worker-${workerData}.txt`, String(sum));
  parentPort.postMessage(sum);
} else if (process.argv[2] === 'child') {
  process.send({ answer: 42, preload: process.env.LD_PRELOAD ?? null });
  process.disconnect();
} else {
  const server = http.createServer((request, response) => {
    setTimeout(() => response.end(`you asked for ${request.url}`), 5);
  });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  const get = path => new Promise((done, failed) => {
    http.get({ port, path, host: 'localhost', family: 4 }, response => {
      let text = '';
      response.on('data', part => text += part).on('end', () => done(text));
    }).on('error', failed);
  });
  const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => get(`/page/${i}`)));
  console.log(answers.join('\n'));
  server.close();
  const sums = await Promise.all([1, 2, 3].map(number => new Promise((done, failed) => {
    new Worker(new URL(import.meta.url), { workerData: number }).on('message', done).on('error', failed);
  })));
  console.log('workers', sums.join(' '));
  console.log('localhost', (await lookup('localhost', 4)).address);
  console.log(execFileSync('sh', ['-c', 'echo from sh; env | grep -c LD_PRELOAD || true']).toString().trim());
  await new Promise(done => fork(new URL(import.meta.url).pathname, ['child'])
    .on('message', message => console.log('child', JSON.stringify(message))).on('exit', done));
  process.exitCode = 6;
}
