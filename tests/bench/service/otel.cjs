// SPDX-License-Identifier: Apache-2.0
// The OpenTelemetry SDK with its HTTP instrumentation; spans go nowhere, so that it does no less than
// it must. NODE_PATH says where its packages are.
'use strict';
const {NodeTracerProvider, BatchSpanProcessor} = require('@opentelemetry/sdk-trace-node');
const {HttpInstrumentation} = require('@opentelemetry/instrumentation-http');
const {registerInstrumentations} = require('@opentelemetry/instrumentation');

const nowhere = {export: (spans, done) => done({code: 0}), shutdown: async () => {}};
const batches = new BatchSpanProcessor(nowhere, {maxQueueSize: 65536, maxExportBatchSize: 4096});

new NodeTracerProvider({spanProcessors: [batches]}).register();
registerInstrumentations({instrumentations: [new HttpInstrumentation()]});
