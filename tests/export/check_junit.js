// check_junit.js: the document is XML without a fault, and a reader of JUnit reports finds each case in it.
'use strict';
const { SaxesParser } = require('saxes');
const { parse } = require('test-results-parser');
const { read, file, claim } = require('./claim');

const counts = { testsuite: 0, testcase: 0, failure: 0 };
const names = new Set();
let declared;
const parser = new SaxesParser();
parser.on('error', (error) => claim(`it is well-formed: ${error.message}`, false));
parser.on('opentag', (tag) => {
    if (tag.name in counts) counts[tag.name]++;
    if (tag.name === 'testsuites') declared = tag.attributes;
    if (tag.name !== 'testcase') return;
    claim('no two cases have the same name', !names.has(`${tag.attributes.classname} ${tag.attributes.name}`));
    names.add(`${tag.attributes.classname} ${tag.attributes.name}`);
});
parser.write(read()).close();
claim('there are as many cases as it says',
    counts.testcase === Number(declared.tests) && counts.failure === Number(declared.failures));

const result = parse({ type: 'junit', files: [file] });
claim('a reader finds all suites', result.suites.length === counts.testsuite);
claim('a reader finds all cases', result.total === counts.testcase && result.failed === counts.failure);
claim('a reader finds what is wrong', result.suites.flatMap((suite) => suite.cases)
    .filter((one) => one.status === 'FAIL').every((one) => one.failure.length > 20));
