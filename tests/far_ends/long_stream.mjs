// SPDX-License-Identifier: Apache-2.0
// long_stream.mjs CERT KEY: one long stream of OpenAI's chat to whoever asks, over HTTP/1.1 or /2,
// compressed where that is accepted, each frame by itself as servers flush them; its usage is in the
// last one. Prints its port. Ends with its standard input.
import fs from 'node:fs';
import http2 from 'node:http2';
import zlib from 'node:zlib';

const FRAMES = 9000;
const WORDS = 60; // in a frame, of these
const words = Array.from({length: 64}, (_, i) => (i * 2654435761 >>> 0).toString(36));
const head = {id: 'chatcmpl-4711', object: 'chat.completion.chunk', created: 1700000000, model: 'gpt-4o-2024-08-06'};
const usage = {prompt_tokens: 321, completion_tokens: FRAMES, total_tokens: 321 + FRAMES};
const packers = {gzip: zlib.createGzip, br: zlib.createBrotliCompress};
const flushes = {gzip: zlib.constants.Z_SYNC_FLUSH, br: zlib.constants.BROTLI_OPERATION_FLUSH};

function* frames() {
	for (let i = 0; i < FRAMES; i++) {
		const content = Array.from({length: WORDS}, (_, k) => words[(i * 31 + k * k * 7) % 64]).join(' ');
		const delta = {content};
		yield {...head, choices: [{index: 0, delta, logprobs: null, finish_reason: null}]};
	}
	yield {...head, choices: [{index: 0, delta: {}, logprobs: null, finish_reason: 'stop'}]};
	yield {...head, choices: [], usage};
}

async function answer(response, encoding) {
	const packer = packers[encoding]?.({flush: flushes[encoding], finishFlush: undefined});
	const out = packer ?? response;
	const headers = {'content-type': 'text/event-stream'};

	response.writeHead(200, packer ? {...headers, 'content-encoding': encoding} : headers);
	packer?.pipe(response);
	for (const frame of frames())
		if (!out.write(`data: ${JSON.stringify(frame)}\n\n`))
			await new Promise((go) => out.once('drain', go));
	out.end('data: [DONE]\n\n');
}

const [cert, key] = process.argv.slice(2).map((path) => fs.readFileSync(path));
const server = http2.createSecureServer({cert, key, allowHTTP1: true}, (request, response) => {
	const encoding = String(request.headers['accept-encoding'] ?? '').split(/[ ,]+/)[0];
	request.resume();
	request.on('end', () => answer(response, encoding));
});

server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
process.stdin.on('end', () => process.exit(0)).resume();
