// SPDX-License-Identifier: Apache-2.0
//
// What runs inside Node: knows which request the program is working on, and tells the shim whose
// bytes a connection carries.
//
// The shim puts `--require` of this file into NODE_OPTIONS before Node starts (start.c); the first
// thing here takes it out again. Messages go out as a write to a descriptor that cannot exist, which
// the shim consumes (messages.h); where there is no shim it fails, and this file does no more.
//
// A request's spans are told apart by an AsyncLocalStorage. Nothing here throws into the program:
// what it wraps it calls with the same arguments, once, and returns what that returns.
'use strict';

(() => {
	const MARKER = `--require "${__filename}"`;
	const options = process.env.NODE_OPTIONS;
	const at = options === undefined ? -1 : options.lastIndexOf(MARKER);

	// As if it had not been loaded.
	function hide() {
		const preloaded = process._preload_modules, family = module.parent && module.parent.children;

		delete require.cache[__filename];
		// Node is walking this list: what stands behind us must stay where it is until that is over
		if (Array.isArray(preloaded) && preloaded.includes(__filename)) {
			const remove = () => preloaded.splice(preloaded.indexOf(__filename), 1);

			if (preloaded.indexOf(__filename) === preloaded.length - 1) remove();
			else process.nextTick(remove);
		}
		if (family && family.includes(module)) family.splice(family.indexOf(module), 1);
	}

	function open() {
		const { AsyncLocalStorage } = require('async_hooks');
		const wire = openWire();

		if (!wire) return;

		const current = new AsyncLocalStorage();
		const follow = openFollow(wire, current);
		const spans = openSpans(wire, current, follow);

		const asked = new WeakMap(); // what libraries hold for later: who asked for it
		const search = librarySearch(current, asked);

		watchSockets(wire, current, follow, search);
		watchServers(wire, spans, current, follow, search);
		watchHttp2(wire, spans, current, follow);
		watchClients(current, asked);
		expose(spans, current);
		require('module').syncBuiltinESMExports();
	}

	// ---- the wire: messages.h says the same ----

	function openWire() {
		const fs = require('fs');
		const { performance } = require('perf_hooks');
		const { writeSync } = fs;
		const now = performance.now.bind(performance);
		const later = setTimeout;
		const FD = 0x7f524147, MAGIC = 0x54524a53, HEAD = 32, SIZE = 1 << 16, IDS = 4096, DELAY_MS = 20, ASK_MS = 500;
		const WANTED = 1, BYTES = 2, BEGIN_MAX = 4096;
		const BEGIN = 1, END = 2, FACT = 3, OWNER = 4, SESSION = 5, ANSWER = 6, ASK = 7;
		const buffer = Buffer.allocUnsafeSlow(SIZE), view = new DataView(buffer.buffer, buffer.byteOffset, SIZE);
		const origin = clockOrigin(now);
		let used = HEAD, planned = false, over = false, broken = false;
		let asked = 0, nextId = 0, lastId = 0, flags = 0;

		// The answer stands in the head: numbers for spans, what is wanted.
		function flush() {
			if (broken) return;
			asked = now();
			view.setUint32(0, MAGIC, true);
			view.setUint32(4, used, true);
			view.setFloat64(8, origin, true);
			view.setUint32(28, nextId + 64 > lastId ? IDS : 0, true);
			try {
				writeSync(FD, buffer, 0, used);
			} catch {
				broken = true;
			}
			used = HEAD;
			flags = view.getUint32(24, true);
			if (view.getUint32(28, true)) {
				nextId = Number(view.getBigUint64(16, true));
				lastId = nextId + view.getUint32(28, true);
			}
		}

		// What is not written at once is so once in a while, at the latest when the program ends.
		function plan() {
			if (over) flush();
			else if (!planned) {
				planned = true;
				later(() => {
					planned = false;
					if (used > HEAD) flush();
				}, DELAY_MS).unref();
			}
		}

		// Room for a record.
		function record(type, detail, size) {
			const start = used, whole = size + 7 & ~7;

			if (whole > SIZE - HEAD) return -1;
			if (start + whole > SIZE) {
				flush();
				return record(type, detail, size);
			}
			used += whole;
			view.setUint16(start, type, true);
			view.setUint16(start + 2, size, true);
			view.setUint32(start + 4, detail, true);
			return start;
		}

		function clip(text) {
			return text.length > 1024 ? text.slice(0, 1024) : text;
		}

		flush();
		if (broken) return null;
		process.on('exit', () => {
			over = true;
			flush();
		});

		return {
			now,
			get off() {
				if (flags & WANTED || broken) return broken;
				if (now() - asked > ASK_MS) flush();
				return !(flags & WANTED);
			},
			// is what it carries copied? Then requests are found in it: those that ask nobody need no word
			copies(fd) {
				record(ASK, fd, 8);
				flush();
				return Boolean(flags & BYTES);
			},
			id() {
				if (nextId >= lastId) flush();
				return nextId < lastId ? nextId++ : 0;
			},
			begin(id, parent, name, flavour, time) {
				const text = Buffer.from(clip(name)), start = record(BEGIN, flavour, 32 + text.length);

				if (start < 0) return;
				view.setFloat64(start + 8, id, true);
				view.setFloat64(start + 16, parent, true);
				view.setFloat64(start + 24, time, true);
				text.copy(buffer, start + 32);
				plan();
			},
			end(id, failed) {
				const start = record(END, failed ? 1 : 0, 24);

				view.setFloat64(start + 8, id, true);
				view.setFloat64(start + 16, now(), true);
				plan();
			},
			fact(id, key, value) {
				const text = Buffer.from(`${clip(key)}\0${clip(String(value))}`);
				const start = record(FACT, typeof value === 'number' && Number.isSafeInteger(value) ? 1 : 0, 16 + text.length);

				if (start < 0) return;
				view.setFloat64(start + 8, id, true);
				text.copy(buffer, start + 16);
				plan();
			},
			// what is written to the descriptor is the span's; told before it is written
			owner(fd, place, id) {
				const start = record(OWNER, fd, 24);

				view.setFloat64(start + 8, id, true);
				view.setFloat64(start + 16, place, true);
				flush();
			},
			// what came in on the descriptor before `time` is what the span answers
			answer(fd, place, id, time) {
				if (used + 2 * BEGIN_MAX > SIZE) flush(); // its begin goes with it
				const start = record(ANSWER, fd, 32);

				view.setFloat64(start + 8, id, true);
				view.setFloat64(start + 16, place, true);
				view.setFloat64(start + 24, time, true);
				plan();
			},
			// the next TLS session that begins here is that of the descriptor's connection
			session(fd) {
				record(SESSION, fd, 8);
				flush();
			},
		};
	}

	// Nanoseconds of the system's clock at 0 of Node's: the closest of a few looks at both.
	function clockOrigin(now) {
		let best = Infinity, origin = 0;

		for (let i = 0; i < 5; i++) {
			const before = now(), [seconds, rest] = process.hrtime(), after = now();

			if (after - before >= best) continue;
			best = after - before;
			origin = seconds * 1e9 + rest - (before + after) / 2 * 1e6;
		}
		return origin;
	}

	// A place on a connection: from a byte on, all of a stream of HTTP/2, or a request by its turn.
	const byByte = (position) => 2 * position;
	const byStream = (number) => 2 * number + 1;
	const byTurn = (turn) => 2 * turn;

	// ---- spans ----

	// To follow what a request sets going costs each callback and promise of the program (up to Node 22).
	// A service that answers so many in a second, and none of them asks anybody for anything, is not
	// followed until it asks, or has less to do. What was under way at that moment stays without a cause.
	function openFollow(wire, current) {
		const MANY = 2048, SECOND = 1000;
		const cheap = process.versions.node.split('.')[0] >= 24;
		let answered = 0, since = 0, resting = false;

		return {
			// a request begins: is it to be followed?
			wants() {
				if (++answered < MANY || cheap) return !resting;

				const time = wire.now(), rests = time - since < SECOND;

				answered = 0;
				since = time;
				if (rests && !resting) current.disable();
				resting = rests;
				return !resting;
			},
			// somebody is asked
			matters() {
				answered = 0;
				since = -Infinity;
				resting = false;
			},
		};
	}

	const PLAIN = 0, SERVES = 1, FOLLOWS = 3;

	function openSpans(wire, current, follow) {
		class Span {
			constructor(name) {
				const parent = current.getStore();

				this.ended = false;
				this.id = wire.id();
				wire.begin(this.id, parent ? parent.number() : 0, name, PLAIN, wire.now());
			}

			number() {
				return this.id;
			}

			end(failed) {
				if (this.ended) return;
				this.ended = true;
				wire.end(this.id, failed);
			}

			fact(key, value) {
				if (!this.ended) wire.fact(this.id, key, value);
			}
		}

		// A request that is answered. Its bytes tell of it: a word is needed when it is to be named, for
		// what it asks of others.
		class Request {
			constructor(method, target, exchange) {
				this.id = 0;
				this.turn = 0; // which one of its connection, where others may be under way
				this.ended = false;
				this.begun = wire.now();
				this.method = method;
				this.target = target;
				this.exchange = exchange; // how to find it: { fd(), place(span), onEnd(span, act) }
			}

			number() {
				if (!this.id) this.tell();
				return this.id;
			}

			// With its response: at once, as nobody else tells of it. Else the shim finds what it answers.
			tell(response) {
				const fd = this.exchange.fd(), name = `${this.method} ${this.target}`;

				this.id = wire.id();
				wire.answer(fd, this.exchange.place(this), this.id, this.begun);
				wire.begin(this.id, 0, name, response ? SERVES : FOLLOWS, this.begun);
				this.exchange.onEnd(this, (failed) => this.end(failed), response);
			}

			end(failed) {
				if (this.ended || !this.id) return;
				this.ended = true;
				wire.end(this.id, failed);
			}

			fact(key, value) {
				wire.fact(this.number(), key, value);
			}
		}

		return {
			serve: (method, target, exchange) => wire.off ? null : new Request(method, target, exchange),
			plain(name) {
				follow.matters();
				return wire.off ? null : new Span(name);
			},
		};
	}

	// Replaces a method; what cannot be replaced stays.
	function wrap(object, name, make) {
		const own = object && Object.getOwnPropertyDescriptor(object, name);
		const real = object && object[name];

		if (typeof real !== 'function' || own && !own.configurable) return;

		const made = make(real);

		Object.defineProperty(made, 'name', { value: real.name, configurable: true });
		Object.defineProperty(made, 'length', { value: real.length, configurable: true });
		for (const key of Reflect.ownKeys(real))
			if (!Object.hasOwn(made, key)) Object.defineProperty(made, key, Object.getOwnPropertyDescriptor(real, key));
		Object.defineProperty(object, name, {
			value: made, writable: true, configurable: true, enumerable: own ? own.enumerable : false,
		});
	}

	// ---- connections: whose bytes they carry ----

	// Of each socket that asks: the span that a client library names as the writer (undefined: whoever
	// writes; null: nobody), the one that the shim was told, and what it is still to be told. Not a
	// property of the socket: that would show where the program prints one.
	const sockets = new WeakMap();

	function stateOf(socket) {
		let state = sockets.get(socket);

		if (!state) sockets.set(socket, state = { owner: undefined, told: null, waiting: null });
		return state;
	}

	function fdOf(socket) {
		for (let each = socket; each; each = each._parent) {
			const fd = each._handle && each._handle.fd;

			if (fd >= 0) return fd;
		}
		return -1;
	}

	function guarded(act) {
		try {
			act();
		} catch {
			// a socket of an unknown make
		}
	}

	function watchSockets(wire, current, follow, search) {
		const { Socket } = require('net');
		const { TLSSocket } = require('tls');

		function tell(socket) {
			const state = sockets.get(socket);

			if (!state || !state.waiting || socket.connecting) return;
			for (const [position, id] of state.waiting) wire.owner(fdOf(socket), byByte(position), id);
			state.waiting = null;
		}

		// Most writes are by the one who wrote before.
		function note(socket) {
			if (socket._isStdio) return;
			follow.matters();

			const state = sockets.get(socket);
			const owner = (state && state.owner !== undefined ? state.owner : current.getStore()) || null;

			if (owner === (state ? state.told : null)) return;

			const own = state || stateOf(socket);

			own.told = owner;
			(own.waiting ||= []).push([socket.bytesWritten, owner ? owner.number() : 0]);
		}

		wrap(Socket.prototype, 'connect', (real) => function (...args) {
			guarded(search);
			return Reflect.apply(real, this, args);
		});
		// one that a server has accepted answers
		wrap(Socket.prototype, 'write', (real) => function (chunk, encoding, done) {
			try {
				if (!this.server && !wire.off) note(this);
			} catch {
				// of an unknown make
			}
			return arguments.length === 1 ? real.call(this, chunk) : Reflect.apply(real, this, arguments);
		});
		wrap(Socket.prototype, '_writeGeneric', (real) => function (many, data, encoding, done) {
			try {
				if (!this.server) tell(this);
			} catch {
				// likewise
			}
			return real.call(this, many, data, encoding, done);
		});
		wrap(TLSSocket.prototype, '_start', (real) => function (...args) {
			if (!wire.off && !this.connecting) guarded(() => wire.session(fdOf(this)));
			return Reflect.apply(real, this, args);
		});
	}

	// ---- what comes in: a request, a span ----

	const channels = []; // kept: some versions of Node forget a channel that nobody holds

	function listen(name, act) {
		const channel = require('diagnostics_channel').channel(name);

		channels.push(channel);
		channel.subscribe((message) => {
			try {
				act(message);
			} catch {
				// of another make
			}
		});
	}

	// A connection by which requests come in, one after the other. Spans hold it for longer than it lives:
	// it does not hold its socket.
	class Served {
		constructor(socket) {
			this.socket = new WeakRef(socket);
			this.latest = null;
			this.turns = 0;
			this.copied = false;
		}

		begins(span, overlaps) {
			this.turns++;
			if (overlaps) {
				if (this.latest && !this.latest.turn) this.latest.turn = this.turns - 1;
				if (span) span.turn = this.turns;
			}
			this.latest = span;
		}

		fd() {
			const socket = this.socket.deref();

			return socket ? fdOf(socket) : -1;
		}

		place(span) {
			return byTurn(span.turn);
		}

		onEnd(span, act, made) {
			const socket = this.socket.deref();
			const response = made || (socket && this.latest === span && !span.turn ? socket._httpMessage : null);

			if (response) response.once('close', () => act(response.statusCode >= 500 || !response.writableFinished));
			else act(false);
		}
	}

	// By a channel, not by a wrapper: so the stacks of a handler's errors are as without us.
	function watchServers(wire, spans, current, follow, search) {
		const served = new WeakMap();
		let early = 8;

		listen('http.server.request.start', ({ request, response, socket }) => {
			if (early && early--) search();
			if (!follow.wants()) return;

			let connection = served.get(socket);

			if (!connection) {
				served.set(socket, connection = new Served(socket));
				connection.copied = !socket.encrypted && wire.copies(connection.fd());
			}

			const span = spans.serve(request.method, request.url, connection);

			connection.begins(span, socket._httpMessage);
			if (!span) return;
			current.enterWith(span);
			if (!connection.copied) span.tell(response);
		});
	}

	// HTTP/2's classes are not exported: they are met where the first one is made. Its bytes are written
	// by Node itself, many streams at once: a stream's number says whose they are.
	function watchHttp2(wire, spans, current, follow) {
		const http2 = require('http2'), known = new WeakSet();

		class ServedStream {
			constructor(stream) {
				this.stream = new WeakRef(stream);
				this.id = stream.id;
			}

			fd() {
				const stream = this.stream.deref();

				return stream && stream.session ? fdOf(stream.session.socket) : -1;
			}

			place() {
				return byStream(this.id);
			}

			onEnd(span, act, made) {
				const stream = made || this.stream.deref();

				if (!stream || stream.closed) act(false);
				else stream.once('close', () => act(stream.sentHeaders?.[':status'] >= 500 || stream.rstCode !== 0));
			}
		}

		function own(stream, span) {
			const say = () => {
				const fd = fdOf(stream.session.socket);

				if (fd >= 0) wire.owner(fd, byStream(stream.id), span.number());
			};

			if (!span || wire.off) return;
			if (stream.id) say();
			else stream.once('ready', () => guarded(say));
		}

		function serve(server, real, args) {
			const [event, stream, headers] = args;
			const span = event === 'stream' ? spans.serve(headers[':method'], headers[':path'], new ServedStream(stream)) : null;

			if (!span) return Reflect.apply(real, server, args);
			follow.matters();
			guarded(() => span.tell(stream));
			return current.run(span, () => Reflect.apply(real, server, args));
		}

		function meet(maker, method, make) {
			wrap(http2, maker, (real) => function (...args) {
				const made = Reflect.apply(real, this, args), base = Object.getPrototypeOf(made);

				if (!known.has(base)) wrap(base, method, make);
				known.add(base);
				return made;
			});
		}

		for (const maker of ['createServer', 'createSecureServer'])
			meet(maker, 'emit', (real) => function (...args) {
				return serve(this, real, args);
			});
		meet('connect', 'request', (real) => function (...args) {
			const stream = Reflect.apply(real, this, args);

			guarded(() => own(stream, current.getStore()));
			return stream;
		});
	}

	// ---- what goes out: the span that asked, also where a pool writes later ----

	function watchClients(current, asked) {
		const { ClientRequest } = require('http');

		// The first call is made by whoever fills the request; later ones may come from the pool.
		for (const name of ['_writeRaw', '_flushOutput'])
			wrap(ClientRequest.prototype, name, (real) => function (...args) {
				const socket = this.socket;

				if (!asked.has(this)) asked.set(this, current.getStore() || null);
				if (socket && socket._httpMessage === this) stateOf(socket).owner = asked.get(this);
				return Reflect.apply(real, this, args);
			});
		listen('undici:request:create', ({ request }) => asked.set(request, current.getStore() || null));
		listen('undici:client:sendHeaders', ({ request, socket }) => {
			if (socket) stateOf(socket).owner = asked.get(request) || null;
		});
	}

	// Libraries that queue what is asked of them and write it later, in somebody else's turn.
	const LIBRARIES = {
		'pg/lib/client.js'(Client, current, asked) {
			wrap(Client.prototype, '_pulseQueryQueue', (real) => function (...args) {
				for (const query of this._queryQueue || this.queryQueue || [])
					if (!asked.has(query)) asked.set(query, current.getStore() || null);
				return Reflect.apply(real, this, args);
			});
		},
		// its callback is called by whoever gives a connection back
		'pg-pool/index.js'(Pool, current) {
			wrap(Pool.prototype, 'connect', (real) => function (done, ...rest) {
				const store = current.getStore();
				const bound = typeof done === 'function' ? (...args) => current.run(store, () => Reflect.apply(done, undefined, args)) : done;

				return Reflect.apply(real, this, [bound, ...rest]);
			});
		},
		'pg/lib/query.js'(Query, current, asked) {
			wrap(Query.prototype, 'submit', (real) => function (...args) {
				const [connection] = args;

				if (connection && connection.stream) stateOf(connection.stream).owner = asked.get(this) || null;
				return Reflect.apply(real, this, args);
			});
		},
		'ioredis/built/Redis.js'(exports, current, asked) {
			wrap((exports.default || exports).prototype, 'sendCommand', (real) => function (...args) {
				const [command] = args;

				if (!asked.has(command)) asked.set(command, current.getStore() || null);
				if (this.stream) stateOf(this.stream).owner = asked.get(command);
				return Reflect.apply(real, this, args);
			});
		},
	};

	// Looked for where a connection is made and at the first requests, among what is loaded by then.
	function librarySearch(current, asked) {
		const { _cache: cache } = require('module');
		let known = 0;

		return () => {
			const paths = Object.keys(cache);

			for (; known < paths.length; known++)
				for (const name of Object.keys(LIBRARIES))
					if (paths[known].endsWith(`/node_modules/${name}`)) LIBRARIES[name](cache[paths[known]].exports, current, asked);
		};
	}

	// ---- explicit spans: what ragtime.mjs asks for ----

	function expose(spans, current) {
		Object.defineProperty(globalThis, Symbol.for('ragtime'), { value: { spans, current }, configurable: true });
	}

	try {
		if (at === 0) delete process.env.NODE_OPTIONS;
		else if (at > 0) process.env.NODE_OPTIONS = options.slice(0, at - 1);
		hide();
		if (process.versions.node.split('.')[0] >= 16 && !process.versions.electron && !process.versions.bun) open();
	} catch {
		// the program runs as without us
	}
})();
