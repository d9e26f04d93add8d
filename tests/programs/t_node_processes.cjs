// SPDX-License-Identifier: Apache-2.0
//
// t_node_processes.cjs: a service in two worker threads and in two cluster workers, whose connections
// the primary hands on; each request asks the far end twice, by http and by fetch.
'use strict';
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const { setTimeout: sleep } = require('timers/promises');
const cluster = require('cluster');
const http = require('http');

const get = (port, path) => new Promise((done, fail) => http.get({ port, path, agent: false }, (answer) => answer.resume().on('end', done)).on('error', fail));
const port = (maker) => new Promise((done) => maker.once('message', done));

function serve(farPort, ready) {
	const server = http.createServer(async (request, response) => {
		await sleep(1);
		await get(farPort, `/far${request.url}`);
		await (await fetch(`http://127.0.0.1:${farPort}/far${request.url}`)).text();
		response.end('served');
	});

	server.listen(0, '127.0.0.1', () => ready(server.address().port));
}

async function drive(far) {
	const farPort = far.address().port;
	const threads = [0, 1].map(() => new Worker(__filename, { workerData: farPort }));
	const processes = [0, 1].map(() => cluster.fork({ FAR_PORT: farPort }));
	const kinds = [...threads.map(() => 'thread'), ...processes.map(() => 'process')];
	const ports = await Promise.all([...threads, ...processes].map(port));

	await Promise.all(Array.from({ length: 80 }, (_, i) => get(ports[i % 4], `/${kinds[i % 4]}/${i}`)));
	await Promise.all(threads.map((thread) => thread.terminate()));
	cluster.disconnect(() => process.exit(0));
}

if (!isMainThread) serve(workerData, (number) => parentPort.postMessage(number));
else if (cluster.isWorker) serve(Number(process.env.FAR_PORT), (number) => process.send(number));
else {
	const far = http.createServer((request, response) => setTimeout(() => response.end('far'), 1));

	far.listen(0, '127.0.0.1', () => drive(far));
}
