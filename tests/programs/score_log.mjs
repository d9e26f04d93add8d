// SPDX-License-Identifier: Apache-2.0
//
// The true tree of a Node program's own calls: as score_log.py. A call is told its parent by hand.
import fs from 'node:fs';

const now = () => Number(process.hrtime.bigint());
let calls = 0, exchanges = 0;

export function call(kind, name, above, request) {
	return {
		id: `${process.pid}.${++calls}`, name, kind, request: above ? above.request : request,
		parent: above ? above.id : null, beside: null, pid: process.pid, tid: process.pid, start: now(),
	};
}

export function over(entry) {
	fs.appendFileSync(process.env.SCORE_LOG, `${JSON.stringify({ ...entry, end: now() })}\n`);
}

export function exchange(above) {
	return call('exchange', `exchange${String(++exchanges).padStart(4, '0')}`, above);
}
