// SPDX-License-Identifier: Apache-2.0
//
// t_node_clients.mjs MODULES REDIS_PORT POSTGRES_URL: requests that ask PostgreSQL and Redis through pools
// and queues smaller than what is asked for at once. What is asked bears the request's number.
import http from 'node:http';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const [modules, redisPort, url] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const pg = require('pg'), Redis = require('ioredis');
const redis = new Redis(Number(redisPort), '127.0.0.1');
const pool = new pg.Pool({ connectionString: url, max: 3 });
const agent = new http.Agent({ keepAlive: true });

const server = http.createServer(async (request, response) => {
	const number = request.url.match(/\d+/)[0];

	await Promise.all([
		redis.get(`key:${number}`), sleep(1).then(() => redis.set(`key:${number}`, 1)),
		pool.query(`SELECT pg_sleep(0.002) AS slow${number}`), pool.query(`SELECT 1 AS quick${number}`),
	]);
	response.end('answer');
});

const ask = (number) => new Promise((done) => {
	const path = `/answer${String(number).padStart(4, '0')}`;

	http.get({ port: server.address().port, agent, path }, (answer) => answer.resume().on('end', done));
});

server.listen(0, '127.0.0.1', async () => {
	for (let wave = 0; wave < 3; wave++) await Promise.all(Array.from({ length: 20 }, (_, i) => ask(wave * 20 + i)));
	process.exit();
});
