// SPDX-License-Identifier: Apache-2.0
//
// Spans of your own in ragtime's tree, for Node 18 and later. One file, no dependencies.
//
//	import { profile, profiler } from './ragtime.mjs';
//
//	const answer = await profile('rag_query', { query_id: 17 }, async (span) => {
//		span.set('documents', 3);
//		return ask(question);
//	});
//
// Under `ragtime run` the span stands below the request or span that it was opened in, and above
// everything that the function sets going; it ends when what the function returns is settled, and has
// failed if that was rejected or something was thrown. Without ragtime the function is just called.
const inside = globalThis[Symbol.for('ragtime')];

export const profiler = {
	enabled: true,
	enable() { this.enabled = true; },
	disable() { this.enabled = false; },
};

class Traced {
	#span;

	constructor(span) {
		this.#span = span;
	}

	set(key, value) {
		this.#span?.fact(key, value);
	}
}

const untraced = new Traced(null);

export function profile(name, facts, run) {
	if (typeof facts === 'function') [facts, run] = [{}, facts];

	const span = inside && profiler.enabled ? inside.spans.plain(name) : null;

	if (!span) return run(untraced);

	const end = (error) => {
		if (error) span.fact('error.type', error.name ?? typeof error);
		span.end(Boolean(error));
	};
	let result;

	for (const [key, value] of Object.entries(facts)) span.fact(key, value);
	try {
		result = inside.current.run(span, () => run(new Traced(span)));
	} catch (error) {
		end(error ?? new Error());
		throw error;
	}
	if (typeof result?.then === 'function') result.then(() => end(), (error) => end(error ?? new Error()));
	else end();
	return result;
}
