#!/bin/sh
# deps.sh: installs the Debian packages that a target of the Makefile needs and that are missing.
#
#     tools/deps.sh build|test|lint|servers|inferred|transparency|fuzz|browser [list]      list: only print the packages, one a line
#
# Nothing missing: silent, one dpkg-query, nothing fetched. Missing: apt-get, as root or with sudo that asks nothing; else
# it prints the line to run and fails. On a system without dpkg it does nothing: the compiler will say what is missing.
set -eu

BUILD='gcc libc6-dev make pkg-config libunwind8 uthash-dev libdw-dev libelf-dev libjansson-dev'
TEST="$BUILD g++ libunwind-dev libcmocka-dev babeltrace2 jq python3 python3-psycopg2 redis-server libhiredis-dev postgresql
    python3-redis gunicorn nginx curl binutils util-linux libjemalloc2 libtcmalloc-minimal4 libgoogle-perftools4 libfaketime
    graphviz nodejs dwz libdebuginfod1 debuginfod"
# A Node.js that is not Debian's brings npm along, and Debian's npm does not go with it.
command -v npm >/dev/null || TEST="$TEST npm"
SERVERS="$BUILD jq python3 redis-server redis-tools nginx postgresql apache2-bin haproxy memcached php-fpm php-pgsql
    php-redis php-curl gunicorn python3-psycopg2 python3-redis nodejs util-linux procps"
INFERRED="$SERVERS curl openssl apache2-utils wrk lighttpd"
TRANSPARENCY="$BUILD python3 libpython3.11-testsuite perl tcl8.6 libglib2.0-tests dbus xz-utils"
FUZZ="$BUILD clang libclang-rt-14-dev"
BROWSER="$TEST chromium nodejs fonts-dejavu-core"
LINT="$TEST clang clang-format clang-tidy cppcheck shellcheck"

case ${1:-} in
build) packages=$BUILD ;;
test) packages=$TEST ;;
lint) packages=$LINT ;;
servers) packages=$SERVERS ;;
inferred) packages=$INFERRED ;;
transparency) packages=$TRANSPARENCY ;;
fuzz) packages=$FUZZ ;;
browser)
    packages=$BROWSER
    # Some distributions of nodejs bring npm themselves, and refuse Debian's.
    command -v npm >/dev/null || packages="$packages npm"
    ;;
*)
    echo "usage: $0 build|test|lint|servers|inferred|transparency|fuzz|browser [list]" >&2
    exit 2
    ;;
esac
if [ "${2:-}" = list ]; then
    # shellcheck disable=SC2086 # the words are the packages
    printf '%s\n' $packages
    exit
fi
command -v dpkg-query >/dev/null || exit 0

missing() {
    # shellcheck disable=SC2086
    set -- $packages
    installed=$(dpkg-query --show --showformat '${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null |
        sed -n 's/^ii *//p') || :
    for package; do
        case "
$installed
" in
        *"
$package
"*) ;;
        *) echo "$package" ;;
        esac
    done
}

wanted=$(missing | tr '\n' ' ')
[ -n "$wanted" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=
elif sudo -n true 2>/dev/null; then
    as_root='sudo -n'
else
    echo "reqscope: packages are missing. Run this, then make again (NODEPS=1 builds without this check):" >&2
    echo "    sudo apt-get install --no-install-recommends $wanted" >&2
    exit 1
fi
echo "  APT  $wanted"

# redis-server and postgresql start their services when they are installed. The tests start servers of their own, so no
# service of this machine's is to be left running: Debian asks policy-rc.d before it starts one, 101 says no. A policy
# that is there already is the machine's own and stays.
policy=/usr/sbin/policy-rc.d
policy_is_ours=no
put_back() {
    [ $policy_is_ours = no ] || $as_root rm -f $policy
    policy_is_ours=no
}
trap put_back EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
if [ ! -e $policy ]; then
    policy_is_ours=yes
    printf '#!/bin/sh\n# reqscope, tools/deps.sh: during an installation only\nexit 101\n' |
        $as_root sh -c "cat >$policy && chmod 755 $policy"
fi

log=$(mktemp)
apt() {
    # DPkg::Lock::Timeout: another apt may be at work. Its output is for the case that it fails.
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 "$@" </dev/null >"$log" 2>&1
}
# The lists of packages may be old, or absent: then fetch them and try again.
# shellcheck disable=SC2086
apt install --no-install-recommends $wanted || { apt update && apt install --no-install-recommends $wanted; } || {
    cat "$log" >&2
    rm -f "$log"
    echo "reqscope: apt-get could not install: $wanted" >&2
    exit 1
}
rm -f "$log"

wanted=$(missing | tr '\n' ' ')
[ -z "$wanted" ] || {
    echo "reqscope: still missing after the installation: $wanted" >&2
    exit 1
}
