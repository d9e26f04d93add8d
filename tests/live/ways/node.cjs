// SPDX-License-Identifier: Apache-2.0
// Asks four servers over and over: node.cjs PORTS ROUNDS WORKERS. Prints each exchange.
"use strict";
const net = require("net");
const fs = require("fs");
const [ports, rounds, workers] = [process.argv[2].split(",").map(Number), Number(process.argv[3]), Number(process.argv[4])];
const pad = (number) => String(number).padStart(4, "0");
const sized = (head, body) => Buffer.concat([head, body]);
const length = (size) => { const bytes = Buffer.alloc(4); bytes.writeUInt32BE(size); return bytes; };
const KINDS = {
  http: (n) => `GET /items/exchange${pad(n)} HTTP/1.1\r\nHost: far\r\n\r\n`,
  llm: (n) => {
    const body = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: `word ${n}` }] });
    return `POST /v1/chat/completions HTTP/1.1\r\nHost: far\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  },
  redis: (n) => `*2\r\n$3\r\nGET\r\n$9\r\nitem:${pad(n)}\r\n`,
  sql: (n) => {
    const text = Buffer.from(`SELECT price FROM item WHERE id = ${n}\0`);
    return Buffer.concat([Buffer.from("Q"), length(text.length + 4), text]);
  },
};
const ENDS = { http: "done", llm: "}}}", redis: "\r\nworth\r\n", sql: "Z\0\0\0\x05I" };
const HELLO = Buffer.from("\0\x03\0\0user\0far\0database\0far\0\0", "latin1");

function exchange(link, kind, data) {
  return new Promise((resolve) => {
    let answer = "";
    const take = (bytes) => {
      answer += bytes.toString("latin1");
      if (!answer.endsWith(ENDS[kind])) return;
      link.off("data", take);
      resolve();
    };
    link.on("data", take);
    link.write(data);
  });
}

async function open(kind, port) {
  const link = net.connect(port, "127.0.0.1");
  await new Promise((resolve) => link.once("connect", resolve));
  if (kind === "sql") await exchange(link, kind, sized(length(HELLO.length + 4), HELLO));
  return link;
}

async function work(base, links) {
  for (let number = base; number < base + rounds; number++) {
    for (const [kind, link] of Object.entries(links)) {
      const data = KINDS[kind](number);
      const begin = process.hrtime.bigint();
      await exchange(link, kind, data);
      fs.writeSync(1, `${kind} ${number} ${begin} ${process.hrtime.bigint()}\n`);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

(async () => {
  const own = [];
  for (let worker = 0; worker < workers; worker++) {
    const links = {};
    for (const [at, kind] of Object.keys(KINDS).entries()) links[kind] = await open(kind, ports[at]);
    own.push(links);
  }
  process.stdin.once("data", async () => {
    await Promise.all(own.map((links, worker) => work(worker * rounds, links)));
    process.exit(0);
  });
})();
