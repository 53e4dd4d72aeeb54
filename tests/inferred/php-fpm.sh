#!/usr/bin/env bash
# php-fpm.sh: PHP-FPM behind nginx, both guarded: a request is one to each of them, under one name. By a socket's path and by TCP, a
# connection for each request and kept ones.
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/inferred/judge.sh
. "$(dirname "${BASH_SOURCE[0]}")/judge.sh"

PHP_FPM=$(printf '%s\n' /usr/sbin/php-fpm* | sort -V | tail -n 1)
have php-fpm "$PHP_FPM" nginx ab wrk || finish
make_files
start_file_server || finish
run=$WORK/run
mkdir -m 1777 "$run"
mkdir "$WORK/app"
cp "$FOLDER/php-fpm_app.php" "$WORK/app/index.php"
PATHS=(/index.php '/index.php?query=1' /other/path)

configure_fpm() {
    cat >"$run/fpm.conf" <<EOF
[global]
pid = $run/fpm.pid
error_log = $run/error.log
daemonize = no
EOF
    local pool listen
    for pool in unix tcp; do
        listen=127.0.0.1:$port
        [[ $pool == tcp ]] || listen=$run/fpm.socket
        cat >>"$run/fpm.conf" <<EOF
[$pool]
listen = $listen
listen.mode = 0666
pm = static
pm.max_children = 4
env[TEST_UPSTREAM] = $upstream
$([[ $(id -u) != 0 ]] || printf '%s = www-data\n' user group)
EOF
    done
}

configure_nginx() {
    cat >"$run/nginx.conf" <<EOF
$([[ $(id -u) != 0 ]] || echo 'user www-data;')
daemon off;
worker_processes 2;
pid $run/nginx.pid;
error_log $run/nginx.log error;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path $run/body;
    proxy_temp_path $run/proxy;
    fastcgi_temp_path $run/fastcgi;
    uwsgi_temp_path $run/uwsgi;
    scgi_temp_path $run/scgi;
    # (Fewer than there are processes, with both workers: one that waits on a kept connection takes no other.)
    upstream kept {
        server 127.0.0.1:$fpm_port;
        keepalive 1;
    }
    include /etc/nginx/fastcgi_params;
    fastcgi_param SCRIPT_FILENAME $WORK/app/index.php;
    server {
        listen 127.0.0.1:$port backlog=512;
        location / { fastcgi_pass unix:$run/fpm.socket; }
        location /kept/ {
            fastcgi_keep_conn on;
            fastcgi_pass kept;
        }
    }
}
EOF
}

guard fpm
configure=configure_fpm start_on_port fpm listens '{}' -- \
    "${guarded[@]}" "$PHP_FPM" --fpm-config "$run/fpm.conf" --nodaemonize --force-stderr || finish
fpm=$pid fpm_port=$port
guard nginx
configure=configure_nginx start_on_port nginx listens '{}' -- "${guarded[@]}" nginx -p "$run" -c "$run/nginx.conf" || finish
nginx=$pid
judged=(fpm nginx)
ask "one connection, kept" "$(scaled 500)" 1 keep "${PATHS[@]}"
ask "one connection, closed" "$(scaled 200)" 1 close "${PATHS[@]}"
ask "50 connections, kept" "$(scaled 2000)" 50 keep "${PATHS[@]}"
ask "50 connections, closed" "$(scaled 1000)" 50 close "${PATHS[@]}"
ask "kept to PHP, one connection" "$(scaled 500)" 1 keep "${PATHS[@]/#//kept}"
ask "kept to PHP, 50 connections" "$(scaled 1000)" 50 keep "${PATHS[@]/#//kept}"
ask_ab "ab, closed" "$(scaled 1000)" 50 close /index.php
end_all "$nginx" QUIT
end_all "$fpm" QUIT
judge nginx
judge fpm 'RTLD_DEEPBIND is taken off'
finish
