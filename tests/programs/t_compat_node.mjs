// SPDX-License-Identifier: Apache-2.0
// t_compat_node.mjs CLIENT: a short talk through a real client of Node. Prints what the client itself
// was told of tokens, as t_compat_llm.py does. The packages are found in NODE_MODULES.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const find = createRequire(process.env.NODE_MODULES + "/");
const load = (name) => import(pathToFileURL(find.resolve(name)));

const story = "The keeper of the tower writes one line for each ship. Then she goes to bed at midnight.";
const question = "What does the keeper of the tower write, and when does she go to bed?";
const talk = [{ role: "system", content: story }, { role: "user", content: question }];
const body = { model: "gpt-4o-mini", messages: talk, max_tokens: 12 };
const told = (read, written) => console.log(JSON.stringify([read, written]));

async function openai() {
	const { default: OpenAI } = await load("openai");
	const client = new OpenAI();
	const { usage } = await client.chat.completions.create(body);
	told(usage.prompt_tokens, usage.completion_tokens);
	const more = { stream: true, stream_options: { include_usage: true } };
	for await (const event of await client.chat.completions.create({ ...body, ...more }))
		if (event.usage) told(event.usage.prompt_tokens, event.usage.completion_tokens);
	await client.embeddings.create({ model: "stand-in-384", input: ["a lamp", "a ship"] });
}

async function anthropic() {
	const { default: Anthropic } = await load("@anthropic-ai/sdk");
	const client = new Anthropic({ baseURL: process.env.FAR_ANTHROPIC });
	const asked = { model: "claude-sonnet-4-5", max_tokens: 99, messages: [talk[1]] };
	const whole = await client.messages.create(asked);
	told(whole.usage.input_tokens, whole.usage.output_tokens);
	const last = await client.messages.stream(asked).finalMessage();
	told(last.usage.input_tokens, last.usage.output_tokens);
}

async function langchain() {
	const { ChatOpenAI } = await load("@langchain/openai");
	const { ChatPromptTemplate } = await load("@langchain/core/prompts");
	const model = new ChatOpenAI({ model: "gpt-4o-mini", maxTokens: 12,
		configuration: { baseURL: process.env.OPENAI_BASE_URL } });
	const chain = ChatPromptTemplate.fromMessages([["system", "{story}"], ["user", "{question}"]]).pipe(model);
	const answer = await chain.invoke({ story, question });
	told(answer.usage_metadata.input_tokens, answer.usage_metadata.output_tokens);
}

async function pg() {
	const { default: { Client } } = await load("pg");
	const secured = process.argv[3] === "tls";
	const client = new Client({ host: "localhost", user: "postgres", database: "postgres",
		port: process.env[secured ? "FAR_POSTGRES_TLS" : "FAR_POSTGRES"],
		ssl: secured && { ca: readFileSync(process.env.SSL_CERT_FILE) } });
	await client.connect();
	await client.query("CREATE EXTENSION IF NOT EXISTS vector");
	await client.query("CREATE TABLE note_n (body text, embedding vector(3))");
	await client.query("INSERT INTO note_n VALUES ($1, $2)", ["lamp", "[1,0,0]"]);
	await client.query("SELECT body FROM note_n ORDER BY embedding <-> $1 LIMIT 2", ["[1,0,0]"]);
	await client.query("DROP TABLE note_n");
	await client.end();
}

async function ioredis() {
	const { default: Redis } = await load("ioredis");
	const secured = process.argv[3] === "tls";
	const store = new Redis({ host: "localhost", port: process.env[secured ? "FAR_REDIS_TLS" : "FAR_REDIS"],
		tls: secured ? { ca: readFileSync(process.env.SSL_CERT_FILE) } : undefined });
	await store.get("answer:8");
	await store.set("answer:8", "the lamp is lit", "EX", 60);
	await store.pipeline().get("answer:8").del("answer:8").exec();
	await store.quit();
}

await { openai, anthropic, langchain, pg, ioredis }[process.argv[2]]();
