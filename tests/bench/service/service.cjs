// SPDX-License-Identifier: Apache-2.0
// Answers small requests on a port that it prints; ends with its standard input.
'use strict';
const http = require('http');

const answer = JSON.stringify({item: 4711, name: 'a thing', price: 12.5});
const server = http.createServer((request, response) => {
	response.writeHead(200, {'Content-Type': 'application/json', 'Content-Length': answer.length});
	response.end(answer);
});

server.keepAliveTimeout = 600000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
process.stdin.on('data', (ask) => {
	const used = process.cpuUsage();
	process.stdout.write(`${used.user + used.system}\n`);
});
process.stdin.on('end', () => process.exit(0));
