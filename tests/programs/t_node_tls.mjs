// SPDX-License-Identifier: Apache-2.0
// t_node_tls.mjs CLIENT OUT: as t_clients.py, through fetch or node:https, with the TLS that Node brings
// along. CLIENT "own" talks to a TLS server in this process, to one that it does not trust, and to one
// that hangs up; all that it sees goes to standard output.
import https from 'node:https';
import tls from 'node:tls';
import crypto from 'node:crypto';
import fs from 'node:fs';

const [client, outPath] = process.argv.slice(2);
const base = process.env.OPENAI_BASE_URL;
const key = { authorization: 'Bearer ' + process.env.OPENAI_API_KEY, 'content-type': 'application/json' };
const now = () => Number(process.hrtime.bigint());

function body(number, stream, words = 0) {
  const more = words ? ' The long story ' + 'ticks on '.repeat(words) + 'and ends.' : '';
  const text = 'The keeper of the tower writes ' + 'one more line and '.repeat(3 + number) + 'goes to bed.' + more;
  const messages = [{ role: 'system', content: text }, { role: 'user', content: `What of ${number}?` }];
  const made = { model: 'gpt-4o-mini', messages, stream, max_tokens: words || 12 + number % 7 };
  return stream ? { ...made, stream_options: { include_usage: true } } : made;
}

const slow = number => ({ 'x-stand-in-pace': `first_token_ms=${20 + number % 5},gap_ms=4,headers_ms=5` });
const fast = { 'x-stand-in-pace': 'headers_ms=0,first_chunk_ms=0,first_token_ms=5,gap_ms=0,embed_ms=0' };

class Seen {
  constructor(label) {
    this.entry = { label, start_ns: now() };
    this.rest = '';
  }

  read(text) {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith('data: ') || line === 'data: [DONE]') continue;
      const event = JSON.parse(line.slice(6));
      this.usage = event.usage ?? this.usage;
      if (event.choices[0]?.delta.content) {
        this.entry.first_ns ??= now();
        this.entry.last_ns = now();
      }
    }
  }

  done(request, usage) {
    this.entry.request = parseInt(request.slice(4), 16);
    fs.appendFileSync(outPath, JSON.stringify({ ...this.entry, usage: usage ?? this.usage, end_ns: now() }) + '\n');
  }
}

async function withFetch(path, content, headers, seen) {
  const answer = await fetch(base + path, { method: 'POST', headers: { ...key, ...headers }, body: JSON.stringify(content) });
  const request = answer.headers.get('x-request-id');
  if (!content.stream) return seen.done(request, (await answer.json()).usage);
  const decoder = new TextDecoder();
  for await (const part of answer.body) seen.read(decoder.decode(part, { stream: true }));
  seen.done(request);
}

const agent = new https.Agent({ keepAlive: true });

function withHttps(path, content, headers, seen) {
  return new Promise((done, failed) => {
    const options = { method: 'POST', headers: { ...key, ...headers }, agent };
    const request = https.request(base + path, options, answer => {
      const parts = [];
      answer.on('data', part => (content.stream ? seen.read(part.toString()) : parts.push(part)));
      answer.on('end', () => {
        const usage = content.stream ? undefined : JSON.parse(Buffer.concat(parts)).usage;
        seen.done(answer.headers['x-request-id'], usage);
        done();
      });
    });
    request.on('error', failed).end(JSON.stringify(content));
  });
}

async function useClient(call) {
  const chat = '/chat/completions';
  for (let number = 0; number < 12; number++) await call(chat, body(number, true), slow(number), new Seen('stream'));
  for (let number = 12; number < 16; number++) await call(chat, body(number, false), fast, new Seen('whole'));
  await call(chat, body(20, true, 1700), fast, new Seen('256 KiB'));
  await Promise.all([21, 22, 23, 24, 25].map(number => call(chat, body(number, true), slow(number), new Seen('at once'))));
  for (let number = 1; number < 4; number++) {
    const input = Array(number).fill('word '.repeat(number + 1));
    await call('/embeddings', { model: 'stand-in-384', input }, fast, new Seen('embeddings'));
  }
  agent.destroy();
}

const hash = data => crypto.createHash('sha256').update(data).digest('hex').slice(0, 16);

async function useOwn() {
  const certificate = process.env.SSL_CERT_FILE;
  const cert = fs.readFileSync(certificate), server = https.createServer(
    { cert, key: fs.readFileSync(certificate + '.key') }, (request, response) => {
      if (request.url === '/gone') return request.socket.destroy();
      const parts = [];
      request.on('data', part => parts.push(part)).on('end', () => {
        response.setHeader('x-length', Buffer.concat(parts).length);
        response.end(Buffer.alloc(5e6, hash(Buffer.concat(parts))));
      });
    });
  await new Promise(done => server.listen(0, done));
  const { port } = server.address();
  const ask = (path, options) => new Promise(done => {
    const request = https.request({ port, host: 'localhost', family: 4, path, method: 'POST', ca: cert, ...options }, answer => {
      const parts = [];
      answer.on('data', part => parts.push(part)).on('end', () => {
        done(`${path} ${answer.statusCode} ${answer.headers['x-length']} ${hash(Buffer.concat(parts))}`);
      });
    });
    request.on('error', error => done(`${path} ${error.code}`)).end(Buffer.alloc(3e6, 'question'));
  });
  for (const path of ['/one', '/two', '/gone', '/three']) console.log(await ask(path, {}));
  console.log(await ask('/untrusted', { ca: [] }));
  console.log(await ask('/old', { maxVersion: 'TLSv1.2' }));
  console.log((await Promise.all([1, 2, 3, 4].map(number => ask(`/all/${number}`, {})))).join('\n'));
  const raw = tls.connect({ port, ca: cert, servername: 'localhost' }, () => raw.end('no HTTP at all\r\n\r\n'));
  await new Promise(done => raw.on('data', data => console.log('raw', data.toString().split('\r\n')[0])).on('close', done));
  server.close();
  process.exitCode = 7;
}

await (client === 'own' ? useOwn() : useClient(client === 'fetch' ? withFetch : withHttps));
