#!/usr/bin/env bash
# php-fpm.sh: PHP-FPM behind nginx, bare and guarded: answers from PostgreSQL, Redis and HTTP by PHP's own clients (pgsql,
# PDO, redis, curl, streams), programs, uploads and sessions, over a unix socket and TCP, by processes that are replaced after some
# requests; its log files reopened by USR1, and a reload by USR2, by which it runs itself anew, under load with no request
# that fails.
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/servers/both.sh
. "$(dirname "${BASH_SOURCE[0]}")/both.sh"

# A process that is told to end (SIGQUIT, at a reload) closes its listener in the signal's handler, once for each time that it is told, and
# opens a socket in its place that it leaves open: what that does to the request that it interrupts is PHP-FPM's to know.
CHECK=-bad-close,-leak

PHP_FPM=$(printf '%s\n' /usr/sbin/php-fpm* | sort -V | tail -n 1)
have php-fpm "$PHP_FPM" nginx redis-server "$POSTGRES_BIN/postgres" || finish
for module in pgsql pdo_pgsql redis curl; do
    "$PHP_FPM" -m | grep -qx "$module" && continue
    skip php-fpm "PHP has no module $module (make deps)"
    finish
done

make_site
mkdir "$WORK/app"
cp "$HERE/php-fpm_app.php" "$WORK/app/app.php"
for ((i = 1; i <= $(scaled 100); i++)); do
    echo "GET /size/$((i * 997 % 100000))"
    echo "GET /stream/$((i * 331 % 20000))"
    echo "POST /echo body=$((i * 1231 % 200000))"
    echo "GET /file/$((i % 2 ? 65536 : 300000)).bin"
    echo "GET /database/$((i * 3))"
    echo "GET /pdo/$i"
    echo "GET /redis/$i"
    echo "GET /curl/$((i * 997 % 50000))"
    echo "GET /fetch/$((i * 331 % 50000))"
    echo "GET /session/$i"
    echo "GET /resolve/$i"
    ((i % 5)) || echo "GET /program/$i"
    ((i % 5)) || echo "POST /upload upload=$((i * 1000))"
    ((i % 20)) || echo "GET /error/$i"
    ((i % 20)) || echo "GET /missing/$i"
done >"$WORK/requests"
sed 's| /| /tcp/|' "$WORK/requests" >"$WORK/requests-tcp"
for ((i = 1; i <= 20; i++)); do
    printf 'GET /size/%d\nGET /database/%d\nGET /redis/small%d\nGET /fetch/%d\n' "$i" "$i" "$i" "$i"
done >"$WORK/small"

fpm_configuration() {
    cat <<END
[global]
pid = $run/fpm.pid
error_log = $run/error.log
log_level = warning
process_control_timeout = 20s
daemonize = no

[dynamic]
listen = $run/fpm.socket
listen.mode = 0666
pm = dynamic
pm.max_children = 6
pm.start_servers = 3
pm.min_spare_servers = 2
pm.max_spare_servers = 6

[static]
listen = 127.0.0.1:$port
pm = static
pm.max_children = 3
pm.max_requests = 100
END
    for pool in dynamic static; do
        cat <<END
[$pool]
access.log = $run/access.$pool.log
access.format = "%m %r %s"
catch_workers_output = yes
env[PATH] = $PATH
env[TEST_DATABASE] = "$database"
env[TEST_REDIS] = $redis
env[TEST_UPSTREAM] = $upstream
env[TEST_SITE] = $WORK/site
php_admin_value[session.save_path] = $run/sessions
php_admin_value[upload_tmp_dir] = $run
php_admin_value[sys_temp_dir] = $run
php_admin_value[post_max_size] = 10M
php_admin_value[upload_max_filesize] = 10M
END
        [[ $(id -u) != 0 ]] || printf '%s = www-data\n' user group
    done
}

configure() {
    fpm_configuration >"$run/fpm.conf"
}

# nginx stands in front of it, bare.
start_nginx() {
    local fpm_port=$port
    cat >"$run/nginx.conf" <<END
$([[ $(id -u) != 0 ]] || echo 'user www-data;')
daemon off;
worker_processes 1;
pid $run/nginx.pid;
error_log $run/nginx.log error;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path $run/body;
    client_max_body_size 10m;
    proxy_temp_path $run/proxy;
    fastcgi_temp_path $run/fastcgi;
    uwsgi_temp_path $run/uwsgi;
    scgi_temp_path $run/scgi;
    upstream kept {
        server unix:$run/fpm.socket;
        keepalive 4;
    }
    include /etc/nginx/fastcgi_params;
    fastcgi_param SCRIPT_FILENAME $WORK/app/app.php;
    server {
        listen unix:$run/kept.socket;
        location / {
            fastcgi_keep_conn on;
            fastcgi_pass kept;
        }
    }
    server {
        listen unix:$run/each.socket;
        location / { fastcgi_pass unix:$run/fpm.socket; }
    }
    server {
        listen unix:$run/tcp.socket;
        location / { fastcgi_pass 127.0.0.1:$fpm_port; }
    }
}
END
    start "$side-nginx" nginx -p "$run" -c "$run/nginx.conf"
    wait_for "nginx" test -S "$run/tcp.socket"
    nginx=$pid
}

reload() { # NUMBER
    local before
    mapfile -t before < <(children_of "$fpm")
    kill -USR2 "$fpm"
    expect "$side: reload $1: the old processes end" wait_for "their end" all_ended "${before[@]}"
    wait_for "the new processes" has_children
    expect "$side: reload $1: it is the same process" is_running "$fpm"
}

has_children() {
    (($(children_of "$fpm" | wc -l) >= 5))
}

run() {
    mkdir -m 1777 "$run/sessions"
    start_upstream
    configure=configure start_on_port "$side-fpm" test -S "$run/fpm.socket" -- \
        "${server[@]}" "$PHP_FPM" --fpm-config "$run/fpm.conf" --nodaemonize --force-stderr || return
    fpm=$pid
    start_nginx
    load "a connection each" load_http.py --connections 6 "$run/each.socket" "$WORK/requests"
    load "TCP" load_http.py --connections 6 "$run/tcp.socket" "$WORK/requests"

    begin_load "reload" load_http.py --connections 3 "$run/each.socket" "$WORK/small"
    begin_load "reload, TCP" load_http.py --connections 2 "$run/tcp.socket" "$WORK/small"
    mv "$run/access.static.log" "$run/access.old.log"
    kill -USR1 "$fpm"
    wait_for "the new log file" test -e "$run/access.static.log"
    reload 1
    reload 2
    end_load "reload"
    end_load "reload, TCP"

    # Last: a process that waits for the next request on a kept connection takes no part in a reload.
    load "kept connections" load_http.py --connections 4 "$run/kept.socket" "$WORK/requests"
    stop "$nginx"
    end_server "PHP-FPM" "$fpm" QUIT

    sort -u "$run"/access.*.log | note "access log"
    sed 's/^\[[^]]*\] //; s/[0-9][0-9]*/N/g' "$run/error.log" | sort -u | note "complaints"
    sed 's/^[^[]*//; s/[0-9][0-9]*/N/g' "$run/nginx.log" | sort -u | note "nginx's complaints"
}

start_postgres || finish
start_redis || finish
both run
compare
judge_guard 12 php-fpm 'RTLD_DEEPBIND is taken off'
expect_description "guard: nginx's connections are in the trace" '^unix .*/fpm\.socket'
expect_description "guard: so are those of the module pgsql" '\.s\.PGSQL\.'
expect_description "guard: so are those of the module redis" '^unix .*redis\.socket'
expect_description "guard: so are those of the module curl" "^tcp 127\.0\.0\.1:$upstream "
finish
