#!/usr/bin/env bash
# demo.sh: what reqscope is for, told in a minute (make demo).
#
# A small web shop (shop.c, basket.c) asks its basket server (basketd.c) over one connection that all requests share. This
# is the bug of March 2023, when people were shown other people's chat titles: Alice's request has sent its question, is
# cancelled before the answer has come, and the connection goes back as it is. Bob's request asks next, and reads the
# answer to Alice's question.
#
# Nothing here depends on luck. The basket server is held (SIGSTOP) until both have asked, each step waits until the shop
# has said that the one before is done, and every claim is checked: the script fails when the story does not go as told.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

SHOP=$B/demo/shop
BASKETD=$B/demo/basketd
TRACE=$B/demo/trace
require "$SHOP" "$BASKETD" "$LIB" "$RS"
rm -rf "$TRACE"

bold='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\e[1m' plain=$'\e[0m'; fi

heading() {
    printf '\n%s%s%s\n\n' "$bold" "$1" "$plain"
}

tell() {
    fold -s -w 96 <<<"$1" | sed 's/ *$//'
}

# Shows what a program said: indented, narrow enough for a terminal of 100 columns.
quote() {
    fold -s -w 92 | sed 's/\r$//; s/^/    /; s/ *$//'
}

claim() { # WHAT CONDITION...
    local what=$1
    shift
    "$@" && return
    printf '\nThe demo FAILED. This is not so: %s\n' "$what" >&2
    exit 1
}

says() { # FILE TEXT
    grep -aqF -- "$2" "$1"
}

says_nothing_of() { # FILE TEXT
    ! grep -aqF -- "$2" "$1"
}

finds_nothing() { # FILE: no finding on the shop's log
    ! grep -aqE '^reqscope: ' "$1"
}

send_request() { # FD USER
    printf 'GET /basket?user=%s HTTP/1.1\r\nHost: shop\r\n\r\n' "$2" >&"$1"
}

# One evening in the shop: play NAME HOW COMMAND..., HOW being --shared or --per-request. The command runs the shop.
# What Bob's browser got is then in $WORK/NAME.bob, what the shop said in $WORK/NAME.out, its stderr in $WORK/NAME.err.
play() {
    local name=$1 how=$2 basketd shop port
    shift 2
    start basketd "$BASKETD"
    basketd=$pid
    port=$(port_of basketd) || exit 1
    start "$name" "$@" "$SHOP" "$how" "$port"
    shop=$pid
    port=$(port_of "$name") || exit 1

    kill -STOP "$basketd" # the basket server has a slow moment
    claim "the basket server pauses" wait_for "the basket server to stop" is_stopped "$basketd"

    exec 3<>"/dev/tcp/127.0.0.1/$port" # Alice wants to see her basket
    send_request 3 alice
    claim "Alice's question is on its way" \
        wait_for "Alice's question" says "$WORK/$name.out" 'user=alice: asked the basket server'
    exec 3>&- # she waits, and closes her browser
    claim "the shop cancels Alice's request" \
        wait_for "the end of Alice's request" says "$WORK/$name.out" 'user=alice: the client has gone, cancelled'

    exec 3<>"/dev/tcp/127.0.0.1/$port" # now Bob wants to see his
    send_request 3 bob
    claim "the shop takes up Bob's request" \
        wait_for "Bob's request" says "$WORK/$name.out" 'user=bob: '

    kill -CONT "$basketd" # the basket server is back, and answers whatever it was asked
    timeout "$DEADLINE" cat <&3 >"$WORK/$name.bob"
    exec 3>&-
    claim "Bob gets a page" says "$WORK/$name.bob" 'HTTP/1.1 '

    stop "$shop"
    stop "$basketd"
}

show_bob() {
    sed -n '1p; /^\r*$/,$p' "$WORK/$1.bob" | sed '/^\r*$/d' | quote
}

# What the shop said, without the port, which is another each time.
without_port() {
    sed 's/^\(listening on 127.0.0.1:\).*/\1PORT/' "$1"
}

says_the_same() { # NAME NAME
    [[ $(without_port "$WORK/$1.out") == "$(without_port "$WORK/$2.out")" ]] && cmp -s "$WORK/$1.bob" "$WORK/$2.bob"
}

fails_with() { # CODE COMMAND...
    local expected=$1 code=0
    shift
    "$@" >/dev/null 2>"$WORK/failure" || code=$?
    [[ $code == "$expected" ]]
}

# ---------------------------------------------------------------------------------------------------------------------

heading "1. The shop as it is"
tell "All requests ask the basket server over one connection, one at a time, under a lock. Alice asks for her basket; \
the basket server is slow; she closes her browser, and her request is cancelled. Bob asks for his. The shop says:"
play bare --shared
quote <"$WORK/bare.out"
tell "and Bob is shown Alice's basket:"
show_bob bare
claim "Bob is shown Alice's basket" says "$WORK/bare.bob" 'alice: 2 x red shoes'

heading "2. The same shop, not rebuilt, under the guard"
tell "\$ reqscope run --mode log --trace $TRACE -- shop --shared PORT"
tell "Everything happens as before, and the log says who did what to whom, at Bob's first touch:"
play log --shared "$RS" run --mode log --trace "$TRACE" --
quote <"$WORK/log.err"
claim "the shop says and serves the same as without the guard" says_the_same bare log
for text in 'foreign-io' 'GET /basket?user=bob' 'GET /basket?user=alice' \
    "basket.c:$(line_of tests/demo/basket.c 'DEMO: opened here') " \
    "basket.c:$(line_of tests/demo/basket.c 'DEMO: used here') "; do
    claim "the report on the log names $text" says "$WORK/log.err" "$text"
done

heading "3. The guard refuses"
tell "\$ reqscope run --mode deny -- shop --shared PORT"
tell "Bob's request cannot use Alice's connection: his question is refused before a byte of it moves. He gets an error \
page, and never what is Alice's:"
play deny --shared "$RS" run --mode deny --
show_bob deny
claim "Bob gets an error page" says "$WORK/deny.bob" 'HTTP/1.1 502 '
claim "Bob is not shown Alice's basket" says_nothing_of "$WORK/deny.bob" 'alice'

heading "4. The cure"
tell "\$ reqscope run --mode deny -- shop --per-request PORT"
tell "One line in basket.c gives each request a connection of its own, made at its first use and closed at its end:"
grep -h '^REQSCOPE_LOCAL' tests/demo/basket.c | quote
tell "Bob is shown his own basket, and the guard has nothing to say:"
play cure --per-request "$RS" run --mode deny --
show_bob cure
claim "Bob is shown his own basket" says "$WORK/cure.bob" 'bob: 1 x garden hose'
claim "the guard finds nothing in the cured shop" finds_nothing "$WORK/cure.err"

heading "5. What was recorded in 2"
tell "\$ reqscope report $TRACE"
"$RS" report --color=never "$TRACE" >"$WORK/report" 2>"$WORK/report.err" ||
    claim "the trace can be read: $(cat "$WORK/report.err")" false
# The first finding is enough here; the second, Bob's read, is alike.
awk '/^foreign-io: / { findings++ } findings < 2' "$WORK/report" | quote
tell "(and Bob's read on the same connection, alike; and that Alice's request ended and left it open)"
for text in 'GET /basket?user=bob' 'GET /basket?user=alice' connect_backend ask_over; do
    claim "the report on the trace names $text" says "$WORK/report" "$text"
done
claim "reqscope check fails a build with this finding" fails_with 1 "$RS" check "$TRACE"

heading "Go on from here"
cat <<END
The trace stays in $TRACE (until the next demo). Try:

    $B/reqscope contexts $TRACE    each request, with what it opened and used
    $B/reqscope fds $TRACE         each description, and everyone who used it
    $B/reqscope check $TRACE       for CI: exit 1 when there are findings

The shop is tests/demo/shop.c and basket.c.
END
