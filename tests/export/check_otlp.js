// check_otlp.js: the document is what OTLP's protocol buffers say: all of it is taken, nothing is dropped, and it comes back the same.
'use strict';
const path = require('path');
const folder = path.dirname(require.resolve('@opentelemetry/otlp-transformer'));
const root = require(path.join(folder, 'generated', 'root.js'));
const { document, read, claim } = require('./claim');

const TracesData = root.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
const zeros = /^0+$/;

// In OTLP's JSON, ids are hexadecimal; protobuf's own takes base64.
const recode = (from, to) => function walk(value, key) {
    if (Array.isArray(value)) return value.map((one) => walk(one));
    if (value && typeof value === 'object')
        return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, walk(one, name)]));
    return /^(traceId|spanId|parentSpanId)$/.test(key) ? Buffer.from(value, from).toString(to) : value;
};

// Without what is a default and is left out when it comes back: empty lists and texts.
function plain(value) {
    if (Array.isArray(value)) return value.map(plain);
    if (!value || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).sort()
        .filter(([key, one]) => !(Array.isArray(one) && !one.length) && !(key === 'name' && one === ''))
        .map(([key, one]) => [key, plain(one)]));
}

claim('it is one line, as a collector reads a document a line', read().trimEnd().split('\n').length === 1);
const traces = document();
const base64 = recode('hex', 'base64')(traces);
claim(`it is a request: ${TracesData.verify(TracesData.fromObject(base64))}`,
    !TracesData.verify(TracesData.fromObject(base64)));
const bytes = TracesData.encode(TracesData.fromObject(base64)).finish();
const back = recode('base64', 'hex')(
    TracesData.toObject(TracesData.decode(bytes), { longs: String, bytes: String }));
claim('nothing of it is lost', JSON.stringify(plain(back)) === JSON.stringify(plain(traces)));

const spans = traces.resourceSpans.flatMap((resource) => resource.scopeSpans.flatMap((scope) => scope.spans));
claim('each resource is a process', traces.resourceSpans.every((one) =>
    ['service.name', 'process.pid'].every((key) => one.resource.attributes.some((each) => each.key === key))));
claim('ids are ids', spans.every((span) => /^[0-9a-f]{32}$/.test(span.traceId) && /^[0-9a-f]{16}$/.test(span.spanId) &&
    !zeros.test(span.traceId) && !zeros.test(span.spanId)));
claim('each span has its own id', new Set(spans.map((span) => span.traceId + span.spanId)).size === spans.length);
claim('spans end after their begin',
    spans.every((span) => BigInt(span.startTimeUnixNano) <= BigInt(span.endTimeUnixNano)));
claim('a span with a finding is an error', spans.every((span) =>
    (span.status.code === 2) === span.events.some((event) => event.name !== 'hand-over')));
