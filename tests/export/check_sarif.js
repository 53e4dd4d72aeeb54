// check_sarif.js: the document is what SARIF's published schema says, and has what code scanning shows.
'use strict';
const fs = require('fs');
const path = require('path');
const Ajv = require('ajv-draft-04');
const formats = require('ajv-formats');
const { document, validate, claim } = require('./claim');

const folder = path.dirname(require.resolve('@microsoft/jest-sarif'));
const schema = JSON.parse(fs.readFileSync(path.join(folder, 'schemas', 'sarif-2.1.0-rtm.5.json'), 'utf8'));
const ajv = new Ajv({ strict: false, unicodeRegExp: false });
formats(ajv);
const log = document();
validate(ajv, schema, log);

const run = log.runs[0];
const rules = run.tool.driver.rules;
claim('there is one run', log.runs.length === 1);
claim('each rule has what is shown of it', rules.every((rule) =>
    rule.shortDescription.text && rule.fullDescription.text && rule.help.text && rule.defaultConfiguration.level));
const prints = new Set();
for (const result of run.results) {
    claim('a result is of the rule that it names', rules[result.ruleIndex].id === result.ruleId);
    claim('a message has no link and no placeholder', !/(^|[^\\])\]\(/.test(result.message.text) && !/(^|[^{])\{\d+\}/.test(result.message.text));
    claim('a result has a stable name', /^[0-9a-f]{16}$/.test(result.partialFingerprints['reqscopeStacks/v1']));
    prints.add(result.partialFingerprints['reqscopeStacks/v1']);
    for (const location of [...result.locations, ...result.relatedLocations]) {
        const artifact = location.physicalLocation?.artifactLocation;
        claim('a path below the root is relative, another one is not',
            !artifact || !artifact.uriBaseId === /^(file:|\.)/.test(artifact.uri));
        claim('a place without a source has its function',
            location.physicalLocation || location.logicalLocations?.length || location.message.text);
    }
}
claim('no two results have the same name', prints.size === run.results.length);
