// SPDX-License-Identifier: Apache-2.0
//
// score_tls.mjs PORT FAR_PORT: as score_http.mjs, over TLS: a small pool of connections of HTTP/1 and
// one connection of HTTP/2, shared by all requests. It is its own far end.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, exchange, over } from './score_log.mjs';

const port = Number(process.argv[2]);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'score-tls-'));
const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name));

execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost',
	'-keyout', key, '-out', cert], { stdio: 'ignore' });

const secrets = { key: fs.readFileSync(key), cert: fs.readFileSync(cert) };

fs.rmSync(folder, { recursive: true });

const agent = new https.Agent({ keepAlive: true, maxSockets: 4, ca: secrets.cert });
const far = https.createServer(secrets, (request, response) => setTimeout(() => response.end('ok'), 2));
const far2 = http2.createSecureServer(secrets, (request, response) => setTimeout(() => response.end('ok'), 2));

await Promise.all([far, far2].map((server) => once(server.listen(0, 'localhost'), 'listening')));

const session = http2.connect(`https://localhost:${far2.address().port}`, { ca: secrets.cert });

async function byHttps(above) {
	const own = exchange(above);
	const request = https.get({ host: 'localhost', port: far.address().port, path: `/far/${own.name}`, agent });
	const [response] = await once(request, 'response');

	for await (const chunk of response) void chunk;
	over(own);
}

async function byHttp2(above) {
	const own = exchange(above);
	const stream = session.request({ ':path': `/far/${own.name}` });

	for await (const chunk of stream) void chunk;
	over(own);
}

const server = http.createServer(async (request, response) => {
	const number = Number(request.url.match(/\d+$/)?.[0] ?? 0);

	if (request.url === '/quit') {
		response.end('bye', () => process.exit());
		return;
	}

	const own = call('serve', request.url.slice(1), null, number);

	response.on('close', () => over(own));
	await Promise.all([byHttps(own), byHttp2(own), byHttps(own)]);
	await sleep(1);
	await Promise.all([byHttps(own), byHttp2(own)]);
	response.end('answer');
});

server.listen(port, '127.0.0.1');
