#!/usr/bin/env bash
# nginx.sh: nginx with two workers: static files, a proxy with kept connections to its upstream, and TLS.
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/inferred/judge.sh
. "$(dirname "${BASH_SOURCE[0]}")/judge.sh"

have nginx nginx ab wrk openssl || finish
make_files
start_file_server || finish
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=server.test -keyout "$WORK/key" -out "$WORK/certificate" 2>/dev/null

# Of all kinds, in pipelines.
for ((i = 0; i < $(scaled 1000); i++)); do
    case $((i % 6)) in
    0) echo "HEAD /f$((i % 10))" ;;
    1) echo "POST /proxy/f3 body=$((i * 331 % 20000))" ;;
    2) echo "POST /proxy/f4 chunked=$((i * 331 % 20000 + 1))" ;;
    3) echo "DELETE /f1?number=$i" ;;
    *) echo "GET /f$((i % 10))?number=$i" ;;
    esac
done >"$WORK/requests"

configuration() {
    cat <<EOF
$([[ $(id -u) != 0 ]] || echo 'user www-data;')
daemon off;
worker_processes 2;
pid $run/nginx.pid;
error_log $run/error.log warn;
events { worker_connections 1000; }
http {
    access_log $run/access.log;
    client_body_temp_path $run/body;
    proxy_temp_path $run/proxy;
    fastcgi_temp_path $run/fastcgi;
    uwsgi_temp_path $run/uwsgi;
    scgi_temp_path $run/scgi;
    upstream behind {
        server 127.0.0.1:$upstream;
        keepalive 16;
    }
    server {
        listen 127.0.0.1:$port backlog=512$1;
        ssl_certificate $WORK/certificate;
        ssl_certificate_key $WORK/key;
        root $WORK/site;
        sendfile on;
        location /proxy/ {
            proxy_pass http://behind/;
            proxy_http_version 1.1;
            proxy_set_header Connection '';
        }
    }
}
EOF
}

configure_plain() {
    configuration '' >"$run/nginx.conf"
}

configure_tls() {
    configuration ' ssl' >"$run/nginx.conf"
}

begin() { # NAME plain|tls
    run=$WORK/run.$1
    mkdir -p "$run"
    guard "$1"
    configure=configure_$2 start_on_port "$1" listens '{}' -- "${guarded[@]}" nginx -p "$run" -c "$run/nginx.conf"
}

end() { # NAME
    end_all "$pid" QUIT
    judge "$1"
    expect_equal "$1: as many as nginx has logged" "$(wc -l <"$run/access.log")" \
        "$(awk '{ sum += $1 } END { print sum + 0 }' "$WORK/found.$1")"
}

if begin static plain; then
    ask "static, one connection, kept" "$(scaled 1000)" 1 keep "${FILES[@]}"
    ask "static, one connection, closed" "$(scaled 500)" 1 close "${FILES[@]}"
    ask "static, 50 connections, kept" "$(scaled 10000)" 50 keep "${FILES[@]}"
    ask "static, 50 connections, closed" "$(scaled 5000)" 50 close "${FILES[@]}"
    ask_file "of all kinds" "$WORK/requests" --connections 10 --depth 5
    ask_ab "static, ab, kept" "$(scaled 2000)" 50 keep /f1
    ask_ab "static, ab, closed" "$(scaled 2000)" 50 close /f3
    ask_wrk "static, wrk" 50 /f4
    end static
fi

if begin proxy plain; then
    ask "proxy, one connection, kept" "$(scaled 1000)" 1 keep "${FILES[@]/#//proxy}"
    ask "proxy, one connection, closed" "$(scaled 500)" 1 close "${FILES[@]/#//proxy}"
    ask "proxy, 50 connections, kept" "$(scaled 5000)" 50 keep "${FILES[@]/#//proxy}"
    ask "proxy, 50 connections, closed" "$(scaled 3000)" 50 close "${FILES[@]/#//proxy}"
    ask_ab "proxy, ab, kept" "$(scaled 2000)" 50 keep /proxy/f1
    ask_wrk "proxy, wrk" 50 /proxy/f4
    end proxy
fi

# Of what is encrypted the guard knows the turns, not the names.
if begin tls tls; then
    label='peer #n'
    ask_ab "TLS, one connection, closed" "$(scaled 200)" 1 close /f3 https
    ask_ab "TLS, 20 connections, closed" "$(scaled 500)" 20 close /f4 https
    ask_ab "TLS, one connection, kept" "$(scaled 500)" 1 keep /f3 https
    ask_ab "TLS, 50 connections, kept" "$(scaled 2000)" 50 keep /f3 https
    end tls
fi
finish
