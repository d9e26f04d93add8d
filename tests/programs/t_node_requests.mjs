// SPDX-License-Identifier: Apache-2.0
//
// t_node_requests.mjs: a service that asks its far end while it answers, after it has answered, after
// the connection is gone, of requests that came in one piece, and after thousands that asked nothing.
// Drives itself. Paths: /KIND/NUMBER is asked of it, /far/KIND/NUMBER of the far end.
import http from 'node:http';
import net from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const REQUESTS = 20, QUICK = 12000;
const listen = async (server) => (await once(server.listen(0, '127.0.0.1'), 'listening'), server.address().port);
const far = http.createServer((request, response) => response.end('far'));
const farPort = await listen(far);
const farAgent = new http.Agent({ keepAlive: true, maxSockets: 4 });
let open = 0;

function askFar(path) {
	open++;
	return new Promise((done) => http.get({ port: farPort, path: `/far${path}`, agent: farAgent }, (answer) => {
		answer.resume().on('end', () => { open--; done(); });
	}));
}

const server = http.createServer(async (request, response) => {
	const kind = request.url.split('/')[1];

	if (kind === 'quick') return response.end('quick');
	if (kind === 'during' || kind === 'pipelined') await sleep(1).then(() => askFar(request.url));
	response.end(request.url);
	if (kind === 'after') await sleep(20).then(() => askFar(request.url));
	if (kind === 'closed') {
		if (!request.socket.destroyed) await once(request.socket, 'close');
		await askFar(request.url);
	}
});
const port = await listen(server);

const ask = (path, agent) => new Promise((done, fail) => http.get({ port, path, agent }, (answer) => answer.resume().on('end', done)).on('error', fail));

async function all(kind, agent) {
	await Promise.all(Array.from({ length: REQUESTS }, (_, number) => ask(`/${kind}/${number}`, agent)));
	while (open) await sleep(5);
}

async function raw(kind, count) {
	const socket = net.connect(port, '127.0.0.1');
	let seen = 0;

	socket.setEncoding('latin1');
	socket.write(Array.from({ length: count }, (_, number) => `GET /${kind}/${number} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''));
	for await (const text of socket) {
		seen += text.split('HTTP/1.1 200').length - 1;
		if (seen === count) break;
	}
	socket.destroy();
}

const kept = new http.Agent({ keepAlive: true, maxSockets: 4 });

await all('during', kept);
await all('after', kept);
await sleep(60);
while (open) await sleep(5);
await all('closed', new http.Agent({ keepAlive: false }));
await sleep(60);
while (open) await sleep(5);
await raw('pipelined', REQUESTS);
if (process.argv[2] === 'quick') await raw('quick', QUICK);
await all('during', kept);
kept.destroy();
farAgent.destroy();
server.close();
far.close();
