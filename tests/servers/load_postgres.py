"""load_postgres.py: statements for a PostgreSQL server. Each connection has a table of its own, so that its answers depend
on its statements alone: large and small results, COPY to and from, cursors, sorts by way of the disk, parallel scans, large
objects, messages to itself, programs that the server runs, a server-side connection, and errors.
"""

import hashlib
import io
import sys
import threading

import load
import psycopg2

ERRORS = ["SELECT 1 / 0", "SELECT no_such_column", "SELECT pg_read_file('/no/such/file')", "SELECT 'x'::int"]


def statements(connection, rounds):
    """What is to be done, each a function of a connection that returns bytes."""
    table = f"table_{connection}"

    def query(text):
        def run(database):
            with database.cursor() as cursor:
                cursor.execute(text)
                return repr(cursor.fetchall() if cursor.description else cursor.rowcount).encode()

        return run

    def copy_out(database):
        text = io.StringIO()
        with database.cursor() as cursor:
            cursor.copy_expert(f"COPY (SELECT * FROM {table} ORDER BY number) TO STDOUT", text)
        return text.getvalue().encode()

    def copy_in(database):
        text = io.StringIO("".join(f"{n}\t{hashlib.md5(str(n).encode()).hexdigest()}\n" for n in range(5000, 6000)))
        with database.cursor() as cursor:
            cursor.copy_expert(f"COPY {table} (number, content) FROM STDIN", text)
            return str(cursor.rowcount).encode()

    def portal(database):
        parts = []
        with database.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"DECLARE portal CURSOR FOR SELECT * FROM {table} ORDER BY number")
            while True:
                cursor.execute("FETCH 500 FROM portal")
                rows = cursor.fetchall()
                if not rows:
                    break
                parts.append(repr(rows[-1]))
            cursor.execute("COMMIT")
        return " ".join(parts).encode()

    def large_object(database):
        content = load.noise(connection, 300000)
        with database.cursor() as cursor:
            cursor.execute("SELECT lo_from_bytea(0, %s)", (psycopg2.Binary(content),))
            (number,) = cursor.fetchone()
            cursor.execute("SELECT lo_get(%s)", (number,))
            returned = bytes(cursor.fetchone()[0])
            cursor.execute("SELECT lo_unlink(%s)", (number,))
        return returned

    def message(database):
        with database.cursor() as cursor:
            cursor.execute(f"LISTEN channel_{connection}")
            cursor.execute(f"NOTIFY channel_{connection}, 'a message'")
        database.poll()
        messages = [(message.channel, message.payload) for message in database.notifies]
        database.notifies.clear()
        return repr(messages).encode()

    def error(text):
        def run(database):
            try:
                query(text)(database)
            except psycopg2.Error as complaint:
                return f"{complaint.pgcode} {complaint.pgerror}".encode()
            return b"no error"

        return run

    made = [query(f"CREATE TABLE {table} (number int PRIMARY KEY, content text)")]
    for turn in range(rounds):
        first = turn * 10000
        made += [
            query(f"INSERT INTO {table} SELECT n + {first + 7000}, md5(n::text) FROM generate_series(1, 1500) n"),
            query(f"SELECT count(*), sum(number), md5(string_agg(content, '' ORDER BY number)) FROM {table}"),
            query(f"SELECT number, repeat(content, 40) FROM {table} ORDER BY number LIMIT 1000"),
            query(f"SELECT content FROM {table} WHERE number = {first + 7100}"),
            query(f"UPDATE {table} SET content = content || 'x' WHERE number % 3 = 0"),
            query("SELECT max(n), md5(string_agg(n::text, ',' ORDER BY md5(n::text))) FROM generate_series(1, 20000) n"),
            query("SELECT count(*), sum(abalance), sum(aid) FROM scanned"),  # by parallel workers
            copy_out,
            portal,
            large_object,
            message,
            query(f"COPY (SELECT * FROM {table} ORDER BY number) TO PROGRAM 'cat >/dev/null'"),
            query("CREATE TEMP TABLE IF NOT EXISTS lines (line text)"),
            query("COPY lines FROM PROGRAM 'echo one; echo two'"),
            query("SELECT count(*) FROM lines"),
            query("SELECT name FROM pg_ls_dir('.') name ORDER BY name LIMIT 3"),
            query("SELECT * FROM dblink('dbname=postgres ' || current_setting('test.address'),"
                  " 'SELECT 42, md5(''x'')') AS (n int, t text)"),
            query(f"SELECT pg_advisory_lock({connection}), pg_advisory_unlock({connection})"),
            error(ERRORS[turn % len(ERRORS)]),
            query(f"DELETE FROM {table} WHERE number % 7 = 0"),
            query("SELECT pg_sleep(0.01)"),
        ]
        if turn == 0:
            made.append(copy_in)
    made.append(query(f"VACUUM {table}"))
    return made


def main():
    parser = load.options_of(__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    answers, failures = {}, []

    def work(connection, share, first):
        number = first
        try:
            database = psycopg2.connect(options.address)
            database.autocommit = True
            for number, statement in enumerate(share, first):
                answers[number] = str(load.Answer(statement(database)))
            database.close()
        except psycopg2.Error as complaint:
            answers[number] = f"failed: connection {connection}: {complaint!r}"
            failures.append(number)

    threads, first = [], 1
    for connection in range(options.connections):
        share = statements(connection, options.rounds)
        threads.append(threading.Thread(target=work, args=(connection, share, first)))
        first += len(share)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in sorted(answers):
        print(number, answers[number])
    print(f"{len(answers)} answers to {first - 1} statements on {options.connections} connections", file=sys.stderr)
    return 1 if failures or len(answers) != first - 1 else 0


sys.exit(main())
