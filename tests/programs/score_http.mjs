// SPDX-License-Identifier: Apache-2.0
//
// score_http.mjs PORT FAR_PORT: a Node service that asks its far end by http (a pool smaller than
// what is asked for at once) and by fetch, from wherever Node lets code go on. It logs its
// true tree (score_log.mjs).
import http from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, exchange, over } from './score_log.mjs';

const [port, farPort] = process.argv.slice(2).map(Number);
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

async function byHttp(above) {
	const own = exchange(above);
	const request = http.get({ port: farPort, path: `/far/${own.name}`, agent });
	const [response] = await once(request, 'response');

	for await (const chunk of response) void chunk;
	over(own);
}

async function byFetch(above) {
	const own = exchange(above);

	await (await fetch(`http://127.0.0.1:${farPort}/far/${own.name}`)).text();
	over(own);
}

const later = (above, how) => new Promise((done) => how(() => done(byHttp(above))));

async function* tokens(above) {
	for (let i = 0; i < 2; i++) {
		await sleep(1);
		yield byFetch(above);
	}
}

async function ask(own, response) {
	await byHttp(own);
	await Promise.all([
		byFetch(own), byHttp(own), later(own, setImmediate), later(own, process.nextTick),
		later(own, (act) => setTimeout(act, 1)), later(own, queueMicrotask),
	]);
	response.write('first ');
	for await (const token of tokens(own)) void token;
	response.end('last');
}

const server = http.createServer((request, response) => {
	const number = Number(request.url.match(/\d+$/)?.[0] ?? 0);

	if (request.url === '/quit') {
		response.end('bye', () => {
			server.close();
			server.closeAllConnections?.();
			agent.destroy();
			setTimeout(() => process.exit(), 100).unref();
		});
		return;
	}

	const own = call('serve', request.url.slice(1), null, number);

	response.on('close', () => over(own));
	if (request.url.startsWith('/plain')) byFetch(own).then(() => response.end('plain'));
	else ask(own, response);
});

server.listen(port, '127.0.0.1');
