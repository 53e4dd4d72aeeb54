// check_json.js: the document is what docs/trace.schema.json says, and has no field that the schema does not tell of.
'use strict';
const path = require('path');
const Ajv = require('ajv/dist/2020');
const { document, validate, claim } = require('./claim');

// A reader must bear new fields, so the schema allows them. We must not forget to tell of one.
function forbidMore(schema) {
    if (Array.isArray(schema)) return schema.map(forbidMore);
    if (!schema || typeof schema !== 'object') return schema;
    const strict = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, forbidMore(value)]));
    if (strict.type === 'object' && strict.properties && strict.additionalProperties === undefined)
        strict.additionalProperties = false;
    return strict;
}

const schema = require(path.resolve(__dirname, '../../docs/trace.schema.json'));
const trace = document();
validate(new Ajv({ strict: true, allowUnionTypes: true }), forbidMore(schema), trace);

// What one list names, another has.
const findings = new Set(trace.findings.flatMap((group) => group.findings.map((one) => `${one.pid}/${one.id}`)));
for (const crossing of trace.crossings)
    claim('a crossing names a finding that is listed',
        crossing.what !== 'finding' || findings.has(`${crossing.finding_pid}/${crossing.finding_id}`));
claim('times of crossings rise',
    trace.crossings.every((one, i) => !i || trace.crossings[i - 1].time_ns <= one.time_ns));
