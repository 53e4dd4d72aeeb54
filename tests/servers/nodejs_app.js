/* nodejs_app.js: answers that depend on the request alone.
 *
 *     nodejs_app.js PORT single|round-robin|shared
 *
 * round-robin and shared are a cluster of three: the first process accepts and hands connections on, or all accept on one
 * socket. SIGHUP replaces the workers one after the other, SIGTERM ends all. It asks an HTTP server on $TEST_UPSTREAM (a
 * port) and Redis on $TEST_REDIS (a socket), and serves the files of $TEST_SITE.
 *
 *     /size/N /stream/NAME /whole/NAME /echo /compressed/N /write/N /folder /program/N /forked/N /lookup /fetch/N /redis/N
 *     /thread/N */
'use strict';
const childProcess = require('child_process');
const cluster = require('cluster');
const crypto = require('crypto');
const dns = require('dns');
const fs = require('fs');
const http = require('http');
const net = require('net');
const os = require('os');
const path = require('path');
const threads = require('worker_threads');
const zlib = require('zlib');

const hash = (content) => crypto.createHash('sha256').update(content).digest('hex');
const piece = (number) => hash(String(number));
const site = process.env.TEST_SITE;

// What a forked process and a thread do: hash what they are sent.
if (process.argv[2] === 'forked') {
    process.on('message', (message) => process.send(hash(message), () => process.disconnect()));
    return;
}
if (!threads.isMainThread) {
    threads.parentPort.postMessage(hash(fs.readFileSync(path.join(site, '4096.bin')) + threads.workerData));
    return;
}

const port = Number(process.argv[2]), mode = process.argv[3];
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

function fetch(url, answer) {
    http.get({ agent, port: process.env.TEST_UPSTREAM, path: url }, (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('end', () => answer(Buffer.concat(parts)));
    }).on('error', (error) => answer(String(error)));
}

function redis(number, answer) {
    const key = `node:${number}`, value = piece(number);
    const command = (...words) => `*${words.length}\r\n` + words.map((word) => `$${word.length}\r\n${word}\r\n`).join('');
    const parts = [];
    const connection = net.connect(process.env.TEST_REDIS);
    connection.on('data', (part) => parts.push(part));
    connection.on('error', (error) => answer(String(error)));
    connection.on('end', () => answer(Buffer.concat(parts)));
    connection.write(command('SET', key, value) + command('GET', key) + command('STRLEN', key) + command('QUIT'));
}

async function write(number) {
    const name = path.join(os.tmpdir(), `write-${process.pid}-${number}`);
    const file = await fs.promises.open(name, 'w+');
    await file.write(piece(number).repeat(100));
    await file.sync();
    await file.close();
    await fs.promises.rename(name, `${name}.renamed`);
    const content = await fs.promises.readFile(`${name}.renamed`);
    await fs.promises.unlink(`${name}.renamed`);
    return hash(content);
}

function serve(request, response) {
    const [, kind, what] = request.url.split('/');
    const number = Number(what);
    const answer = (content) => response.end(content);
    switch (kind) {
    case 'size':
        return answer(piece(number).repeat(number / 64 + 1).slice(0, number));
    case 'stream':
        return fs.createReadStream(path.join(site, path.basename(what))).pipe(response);
    case 'whole':
        return fs.readFile(path.join(site, path.basename(what)), (error, content) => answer(error ? error.code : content));
    case 'echo':
        return request.pipe(response);
    case 'compressed':
        return zlib.gzip(piece(number).repeat(100), (error, content) => {
            response.setHeader('Content-Encoding', 'gzip');
            answer(content);
        });
    case 'write':
        return write(number).then(answer, (error) => answer(String(error)));
    case 'folder':
        return fs.readdir(path.join(site, 'below'), (error, names) => answer(names.sort().join(' ')));
    case 'program': {
        const program = childProcess.spawn('sha256sum', { stdio: ['pipe', 'pipe', 'inherit'] });
        program.stdout.pipe(response);
        program.stdin.end(piece(number));
        return;
    }
    case 'shell':
        return childProcess.exec(`echo ${number}; exit ${number % 3}`,
            (error, output) => answer(`${error ? error.code : 0} ${output}`));
    case 'waited':
        return answer(childProcess.execFileSync('sha256sum', { input: piece(number) }));
    case 'forked': {
        const child = childProcess.fork(__filename, ['forked'], { execArgv: [] });
        child.on('message', answer);
        return child.send(piece(number));
    }
    case 'lookup':
        return dns.lookup('localhost', { family: 4 }, (error, address) => answer(error ? error.code : address));
    case 'fetch':
        return fetch(`/bytes/${number}`, answer);
    case 'redis':
        return redis(number, answer);
    case 'thread':
        return new threads.Worker(__filename, { workerData: piece(number) }).on('message', answer);
    default:
        response.statusCode = 404;
        return answer();
    }
}

function listen() {
    const server = http.createServer(serve);
    server.keepAliveTimeout = 60000;
    server.listen(port, '127.0.0.1', () => console.log('listening'));
    const end = () => {
        agent.destroy();
        server.close(() => process.exit(0));
        server.closeIdleConnections();
    };
    process.on('SIGTERM', end);
    process.on('message', (message) => message === 'end' && end());
}

if (mode === 'single' || cluster.isWorker) {
    listen();
} else {
    cluster.schedulingPolicy = mode === 'shared' ? cluster.SCHED_NONE : cluster.SCHED_RR;
    for (let i = 0; i < 3; i++) cluster.fork();
    // A new worker listens before an old one ends.
    process.on('SIGHUP', () => {
        for (const old of Object.values(cluster.workers)) cluster.fork().once('listening', () => old.disconnect());
    });
    process.on('SIGTERM', () => cluster.disconnect(() => process.exit(0)));
}
