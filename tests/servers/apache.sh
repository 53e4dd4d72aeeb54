#!/usr/bin/env bash
# apache.sh: Apache with the event MPM, bare and guarded: files by sendfile, by mmap and by read; a proxy and a disk cache;
# CGI programs by way of mod_cgid's daemon; an external filter; logs to a file and to a program. Graceful restarts under load with
# no request that fails, a restart, and a graceful stop.
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/servers/both.sh
. "$(dirname "${BASH_SOURCE[0]}")/both.sh"

have apache apache2 || finish
MODULES=/usr/lib/apache2/modules
# A proxy's connections are lent from request to request.
POLICY=lease

make_site
mkdir "$WORK/cgi"
cat >"$WORK/cgi/show" <<'END'
#!/bin/sh
printf 'Content-Type: text/plain\n\n%s %s ' "$REQUEST_METHOD" "$QUERY_STRING"
exec sha256sum
END
cat >"$WORK/cgi/wrong" <<'END'
#!/bin/sh
echo "this is no header"
END
chmod 755 "$WORK/cgi" "$WORK/cgi"/*

for kind in static proxy; do
    "$PYTHON" -B "$HERE/make_requests.py" "$kind" "$(scaled 3000)" X-Counted:yes >"$WORK/$kind"
done
sed 's| /| /plain/|' "$WORK/static" >"$WORK/plain"
sed 's| /| /mapped/|' "$WORK/static" >"$WORK/mapped"
sed -n 's|^GET /bytes|GET /cached/bytes|p' "$WORK/proxy" >"$WORK/cached"
sort -u "$WORK/cached" >"$WORK/uncached"
for ((i = 1; i <= $(scaled 300); i++)); do
    echo "GET /cgi/show?number=$i"
    echo "POST /cgi/show?number=$i body=$((i * 331 % 200000))"
    ((i % 50)) || echo "GET /cgi/wrong"
    ((i % 5)) || echo "GET /filtered/$((i % 2 ? 100 : 65536)).txt"
done >"$WORK/programs"
"$PYTHON" -B "$HERE/make_requests.py" small 200 >"$WORK/small"
sed 's|^[A-Z]* /.*|POST /echo body=3000|' "$WORK/small" >"$WORK/small-proxy"

# Whether an answer that is passed on has a length or comes in chunks depends on how much of it there is at first.
PASSED=(--ignore "content-length,transfer-encoding")
# Allow's methods are in another order in each process.
FILES=(--ignore "allow")

configuration() {
    local module
    for module in mpm_event authz_core dir mime autoindex alias env setenvif deflate filter proxy proxy_http cache \
        cache_disk cgid ext_filter; do
        echo "LoadModule ${module}_module $MODULES/mod_$module.so"
    done
    [[ $(id -u) != 0 ]] || printf '%s www-data\n' User Group
    cat <<END
ServerName server.test
Listen 127.0.0.1:$port
PidFile $run/apache.pid
DefaultRuntimeDir $run
ScriptSock $run/cgid
ErrorLog $run/error.log
LogLevel warn
StartServers 2
ServerLimit 16
ThreadsPerChild 25
MaxRequestWorkers 100
GracefulShutdownTimeout 20
MaxKeepAliveRequests 500
TypesConfig /dev/null
AddType text/plain .txt
SetEnvIf X-Counted yes counted
LogFormat "%r %>s" counted
CustomLog $run/access.log counted env=counted
CustomLog "|\$cat >>$run/piped.log" counted env=counted
DocumentRoot $WORK/site
EnableMMAP off
EnableSendfile on
Alias /plain/ $WORK/site/
Alias /mapped/ $WORK/site/
Alias /filtered/ $WORK/site/
ScriptAlias /cgi/ $WORK/cgi/
$([[ $side == bare ]] || guard_environment | sed 's/\([A-Z_]*\)=.*/PassEnv \1/')
ExtFilterDefine louder mode=output cmd="/usr/bin/tr a-z A-Z"
<Directory $WORK/site>
    Options Indexes
    IndexOptions FancyIndexing
    DirectoryIndex index.html
    AddOutputFilterByType DEFLATE text/plain
</Directory>
<Location /plain/>
    EnableSendfile off
</Location>
<Location /mapped/>
    EnableMMAP on
</Location>
<Location /filtered/>
    SetOutputFilter louder
</Location>
CacheRoot $run/cache
CacheEnable disk /cached/
CacheHeader off
ProxyPass /cached/ http://127.0.0.1:$upstream/
$(printf "ProxyPass /%s http://127.0.0.1:$upstream/%s\n" bytes{,} chunked{,} echo{,} status{,} close{,})
END
}

configure() {
    configuration >"$run/apache.conf"
}

begin() {
    configure=configure start_on_port "$side-apache" listens '{}' -- \
        "${server[@]}" apache2 -d "$run" -f "$run/apache.conf" -D FOREGROUND || return
    master=$pid
}

restart() { # SIGNAL NUMBER
    local before
    mapfile -t before < <(children_of "$master")
    kill "-$1" "$master"
    expect "$side: $1, $2: the old processes end" wait_for "their end" all_ended "${before[@]}"
    wait_for "new processes" has_children
}

has_children() {
    (($(children_of "$master" | wc -l) >= 4)) && listens "$port"
}

run() {
    local connections requests
    mkdir -m 777 "$run/cache"
    start_upstream
    begin || return
    load "sendfile" load_http.py "${FILES[@]}" --connections 12 --depth 6 "$port" "$WORK/static"
    load "plain" load_http.py "${FILES[@]}" --connections 12 --depth 6 "$port" "$WORK/plain"
    load "mapped" load_http.py "${FILES[@]}" --connections 12 --per-connection 40 "$port" "$WORK/mapped"
    load "proxy" load_http.py "${PASSED[@]}" --connections 12 --depth 3 "$port" "$WORK/proxy"
    read -r connections requests <<<"$(upstream_counts)"
    expect "$side: connections to the upstream are kept" test "$((connections * 5))" -lt "$requests"
    # Filled by one connection: mod_cache_disk's processes lose files to each other.
    load "cache, empty" load_http.py "${PASSED[@]}" --connections 1 "$port" "$WORK/uncached"
    load "cache" load_http.py "${PASSED[@]}" --connections 12 --depth 3 "$port" "$WORK/cached"
    load "programs" load_http.py "${PASSED[@]}" --connections 6 "$port" "$WORK/programs"

    begin_load "a connection each" load_http.py --per-connection 1 --connections 4 "$port" "$WORK/small"
    begin_load "kept connections" load_http.py --retry --ignore connection,keep-alive --connections 3 "$port" \
        "$WORK/small"
    begin_load "proxy, restarts" load_http.py "${PASSED[@]}" --per-connection 1 --connections 3 "$port" "$WORK/small-proxy"
    restart USR1 1
    restart USR1 2
    end_load "a connection each"
    end_load "kept connections"
    end_load "proxy, restarts"
    restart HUP 3
    load "after a restart" load_http.py "$port" "$WORK/small"
    end_server "graceful stop" "$master" WINCH

    sort "$run/access.log" | uniq -c | note "access log"
    sort "$run/piped.log" | uniq -c | note "piped log"
    # [time] [module:level] [pid N:tid N] [client ADDRESS] ... (When a child of before a restart is noticed is by chance.)
    grep -aE '^\[[^]]*\] \[[a-z_0-9]*:(warn|error|crit|alert|emerg)\]' "$run/error.log" |
        grep -av 'long lost child came home' | sed "s/^\[[^]]*\] //; s/\[pid [^]]*\]//; s/[0-9][0-9]*/N/g; s|$side|SIDE|g" | sort | uniq -c | note "complaints"
}

both run
compare
judge_guard 20 apache2
expect_description "guard: the clients' connections are in the trace" '^tcp .*127\.0\.0\.1'
expect_description "guard: so are the files" 'site/65536\.bin'
finish
