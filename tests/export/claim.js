// claim.js: what the checks share. Each is `node check_FORMAT.js FILE`: it exits with 1, and says why, when something is not so.
'use strict';
const fs = require('fs');

// Node.js looks for packages from the script's own folder up; these are in the build folder, which NODE_PATH names.
exports.file = process.argv[2];
exports.read = () => fs.readFileSync(exports.file, 'utf8');
exports.document = () => JSON.parse(exports.read());

exports.claim = (what, condition) => {
    if (condition) return;
    console.error(`${exports.file}: this is not so: ${what}`);
    process.exit(1);
};

exports.validate = (ajv, schema, document) => {
    const validate = ajv.compile(schema);
    if (validate(document)) return;
    for (const error of validate.errors.slice(0, 5))
        console.error(`${exports.file}: ${error.instancePath}: ${error.message} ${JSON.stringify(error.params)}`);
    process.exit(1);
};
