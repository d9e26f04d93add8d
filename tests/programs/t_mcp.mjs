// SPDX-License-Identifier: Apache-2.0
// A tool server and its caller without any library, over the child's input and output.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

if (process.argv[2] === "serve") {
	for await (const line of createInterface({ input: process.stdin })) {
		const { id, params } = JSON.parse(line);
		const content = [{ type: "text", text: "PLANTED".repeat(params.arguments.k) }];
		process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result: { content } }) + "\n");
	}
} else {
	const child = spawn(process.execPath, [process.argv[1], "serve"], { stdio: ["pipe", "pipe", "inherit"] });
	const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
	for (const k of [1, 2, 3]) {
		const params = { name: "repeat", arguments: { k } };
		child.stdin.write(JSON.stringify({ jsonrpc: "2.0", id: `call ${k}`, method: "tools/call", params }) + "\n");
		await answers.next();
	}
	child.stdin.end();
}
