// check_chrome.js: the events are of the Trace Event Format, each phase with all that importers need, and a model of them can be built.
'use strict';
const Ajv = require('ajv');
const { buildModel } = require('@tracerbench/trace-model');
const { document, validate, claim } = require('./claim');

const number = { type: 'integer', minimum: 0 };
const time = { type: 'number', minimum: 0 };
const place = { name: { type: 'string' }, cat: { type: 'string', minLength: 1 }, pid: number, tid: number, ts: time };
const event = (phase, more, optional = ['args']) => {
    const properties = { ph: { const: phase }, ...place, ...more, args: { type: 'object' } };
    return { type: 'object', properties, additionalProperties: false,
        required: Object.keys(properties).filter((key) => !optional.includes(key)) };
};
const id = { type: 'string', pattern: '^0x[0-9a-f]+$' };
const metadata = event('M', {}, ['ts']);
metadata.properties.name = { enum: ['process_name', 'thread_name'] };
metadata.properties.args = { type: 'object', required: ['name'], properties: { name: { type: 'string', minLength: 1 } } };
const schema = {
    type: 'object',
    required: ['traceEvents', 'displayTimeUnit'],
    properties: {
        displayTimeUnit: { enum: ['ms', 'ns'] },
        traceEvents: { type: 'array', items: {
            type: 'object',
            required: ['ph'],
            discriminator: { propertyName: 'ph' },
            oneOf: [
                metadata,
                event('X', { dur: time }, []),
                event('b', { id }, []),
                event('e', { id }),
                event('s', { id: number }),
                event('f', { id: number, bp: { const: 'e' } }),
                event('i', { s: { const: 'g' } }, []),
            ],
        } },
    },
};

const trace = document();
validate(new Ajv({ discriminator: true, strictRequired: false }), schema, trace);

const events = trace.traceEvents;
const of = (phase) => events.filter((one) => one.ph === phase);
const key = (one) => `${one.cat} ${one.id} ${one.name} ${one.pid}`;

// Each long slice has one begin and one end, in that order.
const begins = new Map(of('b').map((one) => [key(one), one]));
claim('no two long slices are the same one', begins.size === of('b').length);
claim('each long slice ends once', of('e').length === begins.size && new Set(of('e').map(key)).size === begins.size);
claim('long slices end after their begin', of('e').every((one) => begins.get(key(one))?.ts <= one.ts));

// Slices of a thread do not overlap.
const threads = new Map();
for (const one of of('X')) {
    const thread = `${one.pid}/${one.tid}`;
    claim(`slices of thread ${thread} do not overlap`, one.ts >= (threads.get(thread)?.end ?? 0) - 1e-6);
    if (!threads.has(thread)) threads.set(thread, { end: 0, begins: new Set() });
    threads.get(thread).end = one.ts + one.dur;
    threads.get(thread).begins.add(one.ts);
}

// Each arrow has two ends, in that order in time, and each end is at the begin of a slice.
const arrows = new Map(of('s').map((one) => [one.id, one]));
claim('each arrow has both ends', of('f').length === arrows.size && of('f').every((one) => arrows.has(one.id)));
claim('arrows go forward in time', of('f').every((one) => arrows.get(one.id).ts <= one.ts));
claim('arrows begin and end at slices',
    [...of('s'), ...of('f')].every((one) => threads.get(`${one.pid}/${one.tid}`).begins.has(one.ts)));

const model = buildModel(events);
claim('the model has each process', new Set(events.map((one) => one.pid)).size === model.processes.length);
claim('the model has the processes\' names',
    of('M').filter((one) => one.name === 'process_name')
        .every((one) => model.processes.some((process) => process.name === one.args.name)));
