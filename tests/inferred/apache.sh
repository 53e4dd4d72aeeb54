#!/usr/bin/env bash
# apache.sh: Apache with the event MPM and with the prefork one: static files, and a proxy with kept connections.
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/inferred/judge.sh
. "$(dirname "${BASH_SOURCE[0]}")/judge.sh"

have apache apache2 ab wrk || finish
MODULES=/usr/lib/apache2/modules
make_files
start_file_server || finish

configuration() { # MPM
    local module
    for module in "mpm_${1/few/event}" authz_core dir mime proxy proxy_http; do
        echo "LoadModule ${module}_module $MODULES/mod_$module.so"
    done
    [[ $(id -u) != 0 ]] || printf '%s www-data\n' User Group
    # No process is ended for being one too many: Apache would wake it by a request to itself.
    case $1 in
    few) printf '%s\n' "StartServers 2" "ThreadsPerChild 10" "MaxRequestWorkers 20" "M"{in,ax}"SpareThreads 20" ;;
    event) printf '%s\n' "StartServers 2" "ThreadsPerChild 64" "MaxRequestWorkers 128" "M"{in,ax}"SpareThreads 128" ;;
    prefork) printf '%s\n' "StartServers 60" "MaxRequestWorkers 60" "MinSpareServers 60" "MaxSpareServers 61" ;;
    esac
    cat <<EOF
ServerName server.test
Listen 127.0.0.1:$port
PidFile $run/apache.pid
DefaultRuntimeDir $run
ErrorLog $run/error.log
LogLevel warn
CustomLog $run/access.log "%r"
MaxKeepAliveRequests 500
KeepAliveTimeout 20
TypesConfig /dev/null
DocumentRoot $WORK/site
ProxyPass /proxy/ http://127.0.0.1:$upstream/
EOF
}

for mpm in event prefork; do
    configure_mpm() {
        configuration "$mpm" >"$run/apache.conf"
    }
    run=$WORK/run.$mpm
    mkdir -m 777 "$run"
    guard $mpm
    # (Prefork ends its whole process group: it has one of its own.)
    configure=configure_mpm start_on_port $mpm listens '{}' -- \
        setsid "${guarded[@]}" apache2 -d "$run" -f "$run/apache.conf" -D FOREGROUND || continue
    ask "$mpm, one connection, kept" "$(scaled 1000)" 1 keep "${FILES[@]}"
    ask "$mpm, one connection, closed" "$(scaled 500)" 1 close "${FILES[@]}"
    ask "$mpm, 50 connections, kept" "$(scaled 5000)" 50 keep "${FILES[@]}"
    ask "$mpm, 50 connections, closed" "$(scaled 2000)" 50 close "${FILES[@]}"
    ask "$mpm, proxy, one connection" "$(scaled 500)" 1 keep "${FILES[@]/#//proxy}"
    ask "$mpm, proxy, 50 connections, kept" "$(scaled 2000)" 50 keep "${FILES[@]/#//proxy}"
    ask "$mpm, proxy, 50 connections, closed" "$(scaled 1000)" 50 close "${FILES[@]/#//proxy}"
    ask_ab "$mpm, ab, kept" "$(scaled 2000)" 50 keep /f1
    ask_ab "$mpm, ab, closed" "$(scaled 2000)" 50 close /f3
    ask_wrk "$mpm, wrk" 50 /f4
    end_all "$pid"
    judge $mpm
done

# Fewer threads than connections: it closes kept ones early, one's thread another one's, and lets them linger.
mpm=few run=$WORK/run.few cut_off=1
mkdir -m 777 "$run"
guard few
if configure=configure_mpm start_on_port few listens '{}' -- setsid "${guarded[@]}" apache2 -d "$run" -f "$run/apache.conf" \
    -D FOREGROUND; then
    for ((i = 0; i < $(scaled 20); i++)); do ask_ab "few threads, ab, kept" 400 50 keep /f1; done
    end_all "$pid"
    judge few
fi
finish
