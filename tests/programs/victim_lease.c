/* victim_lease.c: REQSCOPE_POLICY=lease: a connection may change hands while its exchange is complete.
 *
 * Real connections on loopback. Their server is this program, too: in no context, call by call, so that the order of all that
 * happens is the same every time. */
#include "victim.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/uio.h>

static reqscope_id a, b;
static struct sockaddr_in address;
static int listener, client, server; /* client: the connection that changes hands; server: its other end */
static char buffer[256];

static char *log_text(void) {
    return victim_read(getenv("REQSCOPE_LOG"));
}

static int said(const char *text) {
    return strstr(log_text(), text) != NULL;
}

/* All findings that are reported, of whatever kind: each report ends with a hint. */
static int findings(void) {
    int count = 0;
    for (const char *at = log_text(); (at = strstr(at, "\n  hint: ")); at++) count++;
    return count;
}

static int nothing_is_said(void) {
    const char *log = log_text();
    if (*log) victim_say("said: %.300s; ", log);
    return !*log;
}

/* One finding, whose first line begins so. */
static void must_be_told(const char *format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    int count = findings(), good = count == 1 && !strncmp(log_text(), line, strlen(line));
    if (good) return;
    victim_say("%d findings, the log: %.200s; not: %s", count, log_text(), line);
    _exit(1);
}

static void must_be_dirty(const char *verb, const char *circumstance) {
    char name[64];
    snprintf(name, sizeof name, "(tcp 127.0.0.1:%d)", ntohs(address.sin_port));
    must_be_told("reqscope: dirty-handover: B (context 2) %s fd %d %s %s\n", verb, client, name, circumstance);
}

#define MID_EXCHANGE "in the middle of an exchange of A (context 1)"

static void listen_on_loopback(void) {
    socklen_t length = sizeof address;
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    listener = socket(AF_INET, SOCK_STREAM, 0);
    MUST(!bind(listener, (void *)&address, sizeof address) && !listen(listener, 50));
    MUST(!getsockname(listener, (void *)&address, &length));
}

/* In the current context; its other end is in `server`, in no context. */
static int connected(void) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(!connect(fd, (void *)&address, sizeof address));
    MUST(!setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    reqscope_id before = reqscope_switch(0);
    server = accept(listener, NULL, NULL);
    MUST(server >= 0 && !setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    reqscope_switch(before);
    return fd;
}

/* A has made a connection, and is current. */
static void begin(void) {
    MUST(reqscope_active());
    alarm(20);
    signal(SIGPIPE, SIG_IGN);
    listen_on_loopback();
    a = reqscope_begin("A");
    b = reqscope_begin("B");
    reqscope_switch(a);
    client = connected();
    MUST(reqscope_owner(client) == a);
}

static void sends_bytes(const char *bytes, size_t size) {
    MUST(write(client, bytes, size) == (ssize_t)size);
}

static void sends(const char *text) {
    sends_bytes(text, strlen(text));
}

static void receives_bytes(size_t size) {
    MUST(recv(client, buffer, size, MSG_WAITALL) == (ssize_t)size);
}

static void receives(const char *text) {
    receives_bytes(strlen(text));
    MUST(!memcmp(buffer, text, strlen(text)));
}

/* The server's side. */
static void hears(size_t size) {
    char heard[256];
    reqscope_id before = reqscope_switch(0);
    while (size) {
        ssize_t count = read(server, heard, size < sizeof heard ? size : sizeof heard);
        MUST(count > 0);
        size -= (size_t)count;
    }
    reqscope_switch(before);
}

static void waits_at_client(int size) {
    int there = 0;
    while (!kernel(SYS_ioctl, client, FIONREAD, &there) && there < size) usleep(100);
}

/* It lies in the client's socket when this returns. */
static void says_bytes(const char *bytes, size_t size) {
    int waited = 0;
    MUST(!kernel(SYS_ioctl, client, FIONREAD, &waited));
    reqscope_id before = reqscope_switch(0);
    MUST(write(server, bytes, size) == (ssize_t)size);
    reqscope_switch(before);
    waits_at_client(waited + (int)size);
}

static void says(const char *text) {
    says_bytes(text, strlen(text));
}

/* It is known here when this returns. (Not by reading: that would take an error away that is the program's.) */
static void server_closes(void) {
    struct pollfd waiting = {client, POLLRDHUP, 0};
    reqscope_id before = reqscope_switch(0);
    MUST(!close(server));
    reqscope_switch(before);
    while (kernel(SYS_ppoll, &waiting, 1, NULL, NULL, 0) != 1) continue;
}

static void exchanges(const char *question, const char *answer) {
    sends(question);
    hears(strlen(question));
    says(answer);
    receives(answer);
}

/* Both sides' bytes may hold zeros. */
#define SENDS(bytes) sends_bytes(bytes, sizeof(bytes) - 1)
#define SAYS_AND_IS_READ(bytes) (says_bytes(bytes, sizeof(bytes) - 1), receives_bytes(sizeof(bytes) - 1))

/* ---- clean -------------------------------------------------------------------------------------------------------- */

static int a_clean_hand_over_is_silent(void) {
    begin();
    exchanges("ask", "answer");
    reqscope_switch(b);
    exchanges("ask again", "another");
    MUST(reqscope_owner(client) == b);
    reqscope_switch(a);
    exchanges("and again", "a third");
    MUST(reqscope_owner(client) == a);
    return !nothing_is_said();
}

/* Plays another test with a trace; the command (it lies beside the folder of this program) and jq must say so of it. */
static int must_be_recorded(const char *scene, const char *command, const char *filter, const char *expected) {
    char program[4096], folder[] = "/tmp/reqscope-lease.XXXXXX", script[9000];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    MUST(length > 0);
    program[length] = 0;
    *strrchr(program, '/') = 0;
    snprintf(script, sizeof script, "command -v jq >/dev/null && test -x '%s/../reqscope'", program);
    if (victim_run("/bin/sh", (const char *[]){"sh", "-c", script, NULL}, NULL))
        return victim_say("the command reqscope or jq is not there"), VICTIM_SKIP;
    MUST(mkdtemp(folder));
    int status = victim_run("/proc/self/exe", (const char *[]){"victim_lease", scene, NULL}, folder);
    snprintf(script, sizeof script, "'%s/../reqscope' %s --json '%s' | jq -r '%s' >'%s.told'; rm -rf '%s'", program,
             command, folder, filter, folder, folder);
    MUST(!victim_run("/bin/sh", (const char *[]){"sh", "-c", script, NULL}, NULL));
    MUST(!status);
    snprintf(script, sizeof script, "%s.told", folder);
    const char *told = victim_read(script);
    unlink(script);
    if (strcmp(told, expected) != 0) victim_say("recorded: %s not: %s", told, expected);
    return strcmp(told, expected) != 0;
}

static int a_clean_hand_over_is_recorded(void) {
    return must_be_recorded("a_clean_hand_over_is_silent", "fds",
                            ".descriptions[] | select(.handovers > 0) | \"\\(.handovers) \\(.used_by) \\(.opened_by)\"",
                            "2 [1,2] 1\n");
}

/* ---- in mid-exchange ---------------------------------------------------------------------------------------------- */

/* The answer is still to come. */
static void leaves_a_question(void) {
    exchanges("first", "first's");
    sends("question");
    hears(8);
}

static int what_is_not_answered_is_dirty_at_the_next_write(void) {
    begin();
    leaves_a_question();
    reqscope_switch(b);
    sends("evil");
    must_be_dirty("writes to", MID_EXCHANGE);
    MUST(said("\n  outstanding: A (context 1) sent 8 bytes 0.") && said("; 0 bytes wait unread"));
    MUST(reqscope_owner(client) == b);
    return 0;
}

static int who_sent_what_is_recorded(void) {
    return must_be_recorded("what_is_not_answered_is_dirty_at_the_next_write", "report",
                            ".findings[] | \"\\(.kind) \\(.count) \\(.sender.label) \\(.sent) \\(.unread) "
                            "\\(.owner.label) \\(.user.label)\"",
                            "dirty-handover 1 A 8 0 A B\n");
}

/* By whichever call: not a byte of the second one's goes out, or comes in. */
static int what_is_not_answered_is_dirty_however_it_is_used(void) {
    struct iovec part = {buffer, 4};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    char byte;
    begin();
    leaves_a_question();
    says("answer");
    reqscope_switch(b);
    REFUSED(send(client, "evil", 4, 0), EPERM);
    REFUSED(sendmsg(client, &message, 0), EPERM);
    REFUSED(writev(client, &part, 1), EPERM);
    REFUSED(recv(client, buffer, 4, 0), EPERM);
    REFUSED(readv(client, &part, 1), EPERM);
    REFUSED(recvmsg(client, &message, 0), EPERM);
    MUST(kernel(SYS_recvfrom, server, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN);
    MUST(reqscope_owner(client) == a);
    reqscope_switch(a);
    receives("answer");
    exchanges("next", "next's");
    return 0;
}

static int a_half_read_answer_is_dirty(void) {
    begin();
    sends("ask");
    hears(3);
    says("answer");
    receives("an");
    reqscope_switch(b);
    sends("evil");
    must_be_dirty("writes to", MID_EXCHANGE);
    MUST(said("; 4 bytes wait unread") || said("outstanding: 4 bytes wait unread"));
    return 0;
}

#define RESP_GET "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"

static int two_commands_with_one_answer_are_dirty(void) {
    begin();
    SENDS(RESP_GET RESP_GET);
    SAYS_AND_IS_READ("$5\r\nvalue\r\n");
    reqscope_switch(b);
    SENDS(RESP_GET);
    must_be_dirty("writes to", MID_EXCHANGE);
    MUST(said("; RESP\n"));
    return 0;
}

static int two_commands_with_two_answers_are_clean(void) {
    begin();
    SENDS(RESP_GET RESP_GET);
    SAYS_AND_IS_READ("$5\r\nva");
    SAYS_AND_IS_READ("lue\r\n$-1\r");
    SAYS_AND_IS_READ("\n");
    reqscope_switch(b);
    SENDS(RESP_GET);
    SAYS_AND_IS_READ("$5\r\nvalue\r\n");
    return !nothing_is_said();
}

/* Half of an answer is none, though all that has come is read. */
static int half_of_an_answer_is_dirty(void) {
    begin();
    SENDS(RESP_GET);
    SAYS_AND_IS_READ("$5\r\nval");
    reqscope_switch(b);
    SENDS(RESP_GET);
    must_be_dirty("writes to", MID_EXCHANGE);
    return 0;
}

/* How many answers there will be cannot be told from the bytes. */
static int two_questions_of_an_unknown_protocol_are_silent(void) {
    begin();
    sends("one\ntwo\n");
    hears(8);
    says("answer\n");
    receives("answer\n");
    reqscope_switch(b);
    sends("three\n");
    return !nothing_is_said();
}

static size_t send_until_full(void) {
    static char much[1 << 16];
    ssize_t count;
    size_t all = 0;
    int small = 4096;
    MUST(!setsockopt(client, SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
    MUST(!fcntl(client, F_SETFL, O_NONBLOCK));
    while ((count = write(client, much, sizeof much)) > 0) all += (size_t)count;
    MUST(errno == EAGAIN);
    return all;
}

static int a_partial_write_is_dirty(void) {
    char text[128];
    begin();
    exchanges("first", "first's");
    size_t all = send_until_full();
    hears(all);
    reqscope_switch(b);
    sends("evil");
    must_be_dirty("writes to", MID_EXCHANGE);
    snprintf(text, sizeof text, "outstanding: A (context 1) sent %zu bytes ", all);
    MUST(said(text));
    return 0;
}

/* What could not be sent is owed no answer. */
static int a_send_that_would_block_leaves_it_clean(void) {
    begin();
    size_t all = 0;
    ssize_t count;
    do { /* some of it may have been on its way */
        all += send_until_full();
        says("stop it");
        receives("stop it");
        count = write(client, "more", 4);
        if (count > 0) all += (size_t)count;
    } while (count > 0);
    MUST(errno == EAGAIN);
    REFUSED(send(client, "more", 4, MSG_DONTWAIT), EAGAIN);
    MUST(write(client, "", 0) == 0);
    hears(all);
    reqscope_switch(b);
    exchanges("ask", "answer");
    return !nothing_is_said();
}

static int what_was_only_peeked_at_waits_still(void) {
    begin();
    sends("ask");
    hears(3);
    says("answer");
    MUST(recv(client, buffer, 6, MSG_PEEK) == 6);
    reqscope_switch(b);
    sends("evil");
    must_be_dirty("writes to", MID_EXCHANGE);
    return 0;
}

static int peeking_before_reading_is_clean(void) {
    begin();
    sends("ask");
    hears(3);
    says("answer");
    MUST(recv(client, buffer, 6, MSG_PEEK) == 6);
    receives("answer");
    reqscope_switch(b);
    exchanges("ask", "answer");
    return !nothing_is_said();
}

/* By a recognised protocol's messages: those that are peeked at are not counted twice. */
static int peeking_counts_no_message(void) {
    begin();
    SENDS(RESP_GET RESP_GET);
    says("+ONE\r\n");
    MUST(recv(client, buffer, 6, MSG_PEEK) == 6);
    receives("+ONE\r\n");
    reqscope_switch(b);
    SENDS(RESP_GET);
    must_be_dirty("writes to", MID_EXCHANGE);
    return 0;
}

/* No answer will come. */
static int a_closed_peer_is_silent(void) {
    begin();
    leaves_a_question();
    server_closes();
    reqscope_switch(b);
    MUST(send(client, "x", 1, MSG_NOSIGNAL) == 1 || errno == EPIPE);
    return !nothing_is_said();
}

static int a_peer_whose_end_was_read_is_silent(void) {
    begin();
    leaves_a_question();
    server_closes();
    MUST(read(client, buffer, 1) == 0);
    reqscope_switch(b);
    MUST(send(client, "x", 1, MSG_NOSIGNAL) == 1 || errno == EPIPE);
    return !nothing_is_said();
}

static void server_resets(void) {
    struct linger now = {1, 0};
    reqscope_id before = reqscope_switch(0);
    MUST(!setsockopt(server, SOL_SOCKET, SO_LINGER, &now, sizeof now));
    reqscope_switch(before);
    server_closes();
}

static int a_reset_peer_is_silent(void) {
    begin();
    leaves_a_question();
    server_resets();
    REFUSED(read(client, buffer, 1), ECONNRESET);
    reqscope_switch(b);
    MUST(send(client, "x", 1, MSG_NOSIGNAL) == 1 || errno == EPIPE);
    return !nothing_is_said();
}

/* The error is told once, and to the program: whoever comes first, and not the guard. */
static int a_reset_is_told_to_the_next_one_who_reads(void) {
    begin();
    leaves_a_question();
    server_resets();
    reqscope_switch(b);
    REFUSED(read(client, buffer, 1), ECONNRESET);
    return !nothing_is_said();
}

static int a_reset_is_told_to_the_next_one_who_writes(void) {
    begin();
    leaves_a_question();
    server_resets();
    reqscope_switch(b);
    REFUSED(send(client, "x", 1, MSG_NOSIGNAL), ECONNRESET);
    return !nothing_is_said();
}

/* What the peer says before it goes is still somebody's. */
static int a_peer_that_says_something_and_goes_is_dirty(void) {
    begin();
    leaves_a_question();
    says("answer");
    server_closes();
    reqscope_switch(b);
    MUST(read(client, buffer, 6) == 6);
    must_be_dirty("reads from", MID_EXCHANGE);
    return 0;
}

/* ---- one way ------------------------------------------------------------------------------------------------------- */

/* A log's: many write, and nothing ever comes back. */
static int a_one_way_stream_is_silent(void) {
    begin();
    for (int i = 0; i < 50; i++) {
        reqscope_id request = reqscope_begin("request");
        sends("a line\n");
        sends("another\n");
        reqscope_end(request);
    }
    reqscope_switch(b);
    sends("a line\n");
    reqscope_switch(a);
    sends("a line\n");
    return !nothing_is_said();
}

static int an_answer_after_all_is_dirty_when_another_reads(void) {
    begin();
    sends("ask");
    reqscope_switch(b);
    sends("ask, too");
    MUST(nothing_is_said());
    says("A's answer");
    MUST(read(client, buffer, sizeof buffer) == 10);
    must_be_dirty("reads from", MID_EXCHANGE);
    return 0;
}

static int an_answer_after_all_is_not_delivered_to_another(void) {
    begin();
    sends("ask");
    reqscope_switch(b);
    sends("ask, too");
    says("A's answer");
    REFUSED(read(client, buffer, sizeof buffer), EPERM);
    REFUSED(recv(client, buffer, sizeof buffer, 0), EPERM);
    MUST(!buffer[0] && kernel(SYS_recvfrom, client, buffer, 10, MSG_PEEK | MSG_DONTWAIT) == 10);
    MUST(!memcmp(buffer, "A's answer", 10));
    return 0;
}

/* It waits for it, and does not block for ever first. */
static int waiting_for_an_answer_after_all_is_dirty(void) {
    begin();
    sends("ask");
    reqscope_switch(b);
    sends("ask, too");
    REFUSED(read(client, buffer, sizeof buffer), EPERM);
    must_be_dirty("reads from", MID_EXCHANGE);
    return 0;
}

static int trying_to_read_before_the_answer_is_there_is_clean(void) {
    begin();
    sends("a line\n");
    reqscope_switch(b);
    sends("a line\n");
    MUST(!fcntl(client, F_SETFL, O_NONBLOCK));
    REFUSED(read(client, buffer, 1), EAGAIN);
    MUST(nothing_is_said());
    says("after all");
    MUST(read(client, buffer, sizeof buffer) == 9);
    must_be_dirty("reads from", MID_EXCHANGE);
    return 0;
}

/* ---- datagrams ------------------------------------------------------------------------------------------------------ */

static int udp_server;

static void begin_udp(void) {
    socklen_t length = sizeof address;
    MUST(reqscope_active());
    alarm(20);
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    udp_server = socket(AF_INET, SOCK_DGRAM, 0);
    MUST(!bind(udp_server, (void *)&address, sizeof address));
    MUST(!getsockname(udp_server, (void *)&address, &length));
    a = reqscope_begin("A");
    b = reqscope_begin("B");
    reqscope_switch(a);
    client = socket(AF_INET, SOCK_DGRAM, 0);
    MUST(!connect(client, (void *)&address, sizeof address));
}

static void udp_answers(void) {
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    char heard[64];
    reqscope_id before = reqscope_switch(0);
    ssize_t count = recvfrom(udp_server, heard, sizeof heard, 0, (void *)&from, &length);
    MUST(count > 0 && sendto(udp_server, heard, (size_t)count, 0, (void *)&from, length) == count);
    reqscope_switch(before);
}

static int datagrams_that_are_only_sent_are_silent(void) {
    begin_udp();
    for (int i = 0; i < 20; i++) {
        reqscope_switch(i % 2 ? b : a);
        sends("count:1|c");
    }
    return !nothing_is_said();
}

static int datagrams_that_are_answered_are_their_owners(void) {
    begin_udp();
    sends("ask");
    udp_answers();
    receives("ask");
    reqscope_switch(b);
    sends("evil");
    must_be_told("reqscope: foreign-io: B (context 2) writes to fd %d (udp 127.0.0.1:%d), which A (context 1) owns\n",
                 client, ntohs(address.sin_port));
    return 0;
}

/* The first answer that there ever is: A has asked, and B reads it. */
static int a_datagrams_answer_is_not_anothers(void) {
    begin_udp();
    sends("ask");
    udp_answers();
    reqscope_switch(b);
    REFUSED(read(client, buffer, sizeof buffer), EPERM);
    MUST(findings() == 1);
    return 0;
}

/* ---- protocols ------------------------------------------------------------------------------------------------------ */

#define HTTP_GET "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"

/* That it will be answered is known without there ever having been an answer. */
static int an_http_request_on_a_fresh_connection_is_dirty(void) {
    begin();
    SENDS(HTTP_GET);
    reqscope_switch(b);
    SENDS(HTTP_GET);
    must_be_dirty("writes to", MID_EXCHANGE);
    MUST(said("outstanding: A (context 1) sent 30 bytes ") && said("; HTTP/1\n"));
    return 0;
}

static int http_requests_that_are_answered_are_clean(void) {
    begin();
    SENDS(HTTP_GET);
    SAYS_AND_IS_READ("HTTP/1.1 204 No Content\r\n\r\n");
    reqscope_switch(b);
    SENDS(HTTP_GET);
    SAYS_AND_IS_READ("HTTP/1.1 204 No Content\r\n\r\n");
    return !nothing_is_said();
}

static int must_be_said_to_be_shared(void) {
    char rule[64];
    snprintf(rule, sizeof rule, "share:tcp:127.0.0.1:%d", ntohs(address.sin_port));
    MUST(!findings());
    MUST(victim_reports("reqscope: one connection carries the requests of many at once") == 1);
    MUST(said(rule));
    return 0;
}

static int answers_read; /* atomic */

static int http2_is_shared_and_that_is_said_once(void) {
    begin();
    for (int connection = 0; connection < 2; connection++) {
        reqscope_switch(a);
        if (connection) client = connected();
        SENDS("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        for (int i = 0; i < 10; i++) {
            reqscope_switch(i % 2 ? a : b);
            sends("frame");
        }
        says("frames");
        reqscope_switch(b);
        receives("fra");
        reqscope_switch(a);
        receives("mes");
    }
    return must_be_said_to_be_shared();
}

static void *reads_for_all(void *argument) {
    char byte;
    (void)argument;
    while (read(client, &byte, 1) == 1 && byte != 'Q') __atomic_fetch_add(&answers_read, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* One thread reads the answers of all. */
static int a_connection_with_one_reader_is_shared_and_that_is_said_once(void) {
    pthread_t reader;
    begin();
    reqscope_switch(0);
    MUST(!pthread_create(&reader, NULL, reads_for_all, NULL));
    for (int i = 0; i < 10; i++) {
        reqscope_switch(i % 2 ? b : a);
        sends("ask");
        hears(3);
        reqscope_switch(0);
        if (i != 5) MUST(write(server, "!", 1) == 1); /* of one there is no answer yet when the next writes */
        while (__atomic_load_n(&answers_read, __ATOMIC_ACQUIRE) < i + (i < 5)) usleep(100);
    }
    MUST(write(server, "Q", 1) == 1 && !pthread_join(reader, NULL));
    return must_be_said_to_be_shared();
}

/* ---- transactions --------------------------------------------------------------------------------------------------- */

#define RESP_MULTI "*1\r\n$5\r\nMULTI\r\n"
#define RESP_EXEC "*1\r\n$4\r\nEXEC\r\n"
#define RESP_WATCH "*2\r\n$5\r\nWATCH\r\n$3\r\nkey\r\n"
#define RESP_UNWATCH "*1\r\n$7\r\nUNWATCH\r\n"
#define RESP_SUBSCRIBE "*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nnews\r\n"
#define RESP_OK "+OK\r\n"

static int inside_multi(void) {
    begin();
    SENDS(RESP_MULTI);
    SAYS_AND_IS_READ(RESP_OK);
    reqscope_switch(b);
    SENDS(RESP_GET);
    must_be_dirty("writes to", "inside a transaction that A (context 1) began");
    return 0;
}

static int after_exec(void) {
    begin();
    SENDS(RESP_MULTI);
    SAYS_AND_IS_READ(RESP_OK);
    SENDS(RESP_GET);
    SAYS_AND_IS_READ("+QUEUED\r\n");
    SENDS(RESP_EXEC);
    SAYS_AND_IS_READ("*1\r\n$5\r\nvalue\r\n");
    reqscope_switch(b);
    SENDS(RESP_GET);
    SAYS_AND_IS_READ("$5\r\nvalue\r\n");
    return !nothing_is_said();
}

static int inside_watch(void) {
    begin();
    SENDS(RESP_WATCH);
    SAYS_AND_IS_READ(RESP_OK);
    reqscope_switch(b);
    SENDS(RESP_GET);
    must_be_dirty("writes to", "inside a transaction (WATCH) that A (context 1) began");
    return 0;
}

static int after_unwatch(void) {
    begin();
    SENDS(RESP_WATCH);
    SAYS_AND_IS_READ(RESP_OK);
    SENDS(RESP_UNWATCH);
    SAYS_AND_IS_READ(RESP_OK);
    reqscope_switch(b);
    SENDS(RESP_GET);
    return !nothing_is_said();
}

static int inside_a_subscription(void) {
    begin();
    SENDS(RESP_SUBSCRIBE);
    SAYS_AND_IS_READ("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    reqscope_switch(b);
    SENDS(RESP_GET);
    must_be_dirty("writes to", "inside a subscription that A (context 1) began");
    return 0;
}

/* As small as they may be: version 3.0 and no parameters; then a query. */
#define PG_STARTUP "\0\0\0\x09\0\3\0\0\0"
#define PG_READY(status) "Z\0\0\0\5" status
#define PG_QUERY  \
    "Q\0\0\0\x0b" \
    "BEGIN;\0"
#define PG_DONE   \
    "C\0\0\0\x0a" \
    "BEGIN\0"

static void begin_postgresql(void) {
    begin();
    SENDS(PG_STARTUP);
    SAYS_AND_IS_READ("R\0\0\0\x08\0\0\0\0" PG_READY("I"));
}

static int postgresql_outside_a_transaction(void) {
    begin_postgresql();
    SENDS(PG_QUERY);
    SAYS_AND_IS_READ(PG_DONE PG_READY("I"));
    reqscope_switch(b);
    SENDS(PG_QUERY);
    SAYS_AND_IS_READ(PG_DONE PG_READY("T"));
    SENDS(PG_QUERY);
    SAYS_AND_IS_READ(PG_DONE PG_READY("I"));
    reqscope_switch(a);
    SENDS(PG_QUERY);
    return !nothing_is_said();
}

static int postgresql_inside_a_transaction(void) {
    begin_postgresql();
    SENDS(PG_QUERY);
    SAYS_AND_IS_READ(PG_DONE PG_READY("T"));
    reqscope_switch(b);
    SENDS(PG_QUERY);
    must_be_dirty("writes to", "inside a transaction that A (context 1) began");
    MUST(said("; PostgreSQL\n"));
    return 0;
}

static int postgresql_inside_a_failed_transaction(void) {
    begin_postgresql();
    SENDS(PG_QUERY);
    SAYS_AND_IS_READ(PG_DONE PG_READY("E"));
    reqscope_switch(b);
    SENDS(PG_QUERY);
    must_be_dirty("writes to", "inside a transaction that A (context 1) began");
    return 0;
}

/* All rows are there and read; that the server is ready is not. */
static int postgresql_before_it_is_ready(void) {
    begin_postgresql();
    SENDS(PG_QUERY);
    SAYS_AND_IS_READ(PG_DONE);
    reqscope_switch(b);
    SENDS(PG_QUERY);
    must_be_dirty("writes to", MID_EXCHANGE);
    return 0;
}

static int in_turn_outside_a_transaction(void) {
    begin();
    for (int i = 0; i < 9; i++) {
        reqscope_switch(i % 2 ? b : a);
        SENDS(RESP_GET);
        SAYS_AND_IS_READ("$5\r\nvalue\r\n");
    }
    return !nothing_is_said();
}

static int in_turn_inside_a_transaction(void) {
    begin();
    SENDS(RESP_MULTI);
    SAYS_AND_IS_READ(RESP_OK);
    reqscope_switch(b);
    SENDS(RESP_GET);
    SAYS_AND_IS_READ("+QUEUED\r\n");
    reqscope_switch(a);
    SENDS(RESP_EXEC);
    SAYS_AND_IS_READ("*1\r\n$5\r\nvalue\r\n");
    must_be_dirty("writes to", "inside a transaction that A (context 1) began");
    return 0;
}

static int in_turn_inside_a_transaction_the_other_is_refused(void) {
    begin();
    SENDS(RESP_MULTI);
    SAYS_AND_IS_READ(RESP_OK);
    reqscope_switch(b);
    REFUSED(write(client, RESP_GET, sizeof RESP_GET - 1), EPERM);
    REFUSED(read(client, buffer, 1), EPERM);
    reqscope_switch(a);
    SENDS(RESP_EXEC);
    SAYS_AND_IS_READ("*0\r\n");
    return reqscope_owner(client) != a;
}

/* ---- pools, closing ------------------------------------------------------------------------------------------------- */

static int back_in_the_pool_in_mid_exchange(void) {
    begin();
    leaves_a_question();
    MUST(!reqscope_give(client, 0) && reqscope_owner(client) == 0);
    MUST(nothing_is_said());
    reqscope_switch(b);
    sends("evil");
    must_be_dirty("writes to", MID_EXCHANGE);
    return 0;
}

static int back_in_the_pool_in_a_transaction(void) {
    begin();
    SENDS(RESP_MULTI);
    SAYS_AND_IS_READ(RESP_OK);
    MUST(!reqscope_give(client, 0));
    reqscope_switch(b);
    SENDS(RESP_GET);
    must_be_dirty("writes to", "inside a transaction that A (context 1) began");
    return 0;
}

static int back_in_the_pool_when_it_is_complete(void) {
    begin();
    exchanges("ask", "answer");
    MUST(!reqscope_give(client, 0));
    reqscope_switch(b);
    exchanges("ask", "answer");
    MUST(reqscope_owner(client) == b && !reqscope_give(client, 0));
    reqscope_switch(a);
    exchanges("ask", "answer");
    return !nothing_is_said();
}

/* Whoever put it back in mid-exchange may take it out again. */
static int back_in_the_pool_and_out_again_is_silent(void) {
    begin();
    leaves_a_question();
    MUST(!reqscope_give(client, 0));
    says("answer");
    receives("answer");
    return !nothing_is_said();
}

static int a_pool_may_close_what_it_leases(void) {
    begin();
    leaves_a_question();
    reqscope_switch(b);
    MUST(!close(client));
    reqscope_switch(a);
    client = connected();
    reqscope_switch(b);
    MUST(!shutdown(client, SHUT_RDWR) && !close(client));
    return !nothing_is_said();
}

static int an_accepted_connection_is_its_requests_to_close(void) {
    begin();
    struct sockaddr_in own = address;
    reqscope_switch(0);
    int visitor = socket(AF_INET, SOCK_STREAM, 0);
    MUST(!connect(visitor, (void *)&own, sizeof own));
    reqscope_switch(a);
    int accepted = accept(listener, NULL, NULL);
    MUST(reqscope_owner(accepted) == a);
    reqscope_switch(b);
    MUST(!close(accepted));
    must_be_told("reqscope: foreign-close: B (context 2) closes fd %d (tcp 127.0.0.1:", accepted);
    return 0;
}

static int an_accepted_connection_is_its_requests_to_use(void) {
    begin();
    reqscope_switch(0);
    int visitor = socket(AF_INET, SOCK_STREAM, 0);
    MUST(!connect(visitor, (void *)&address, sizeof address));
    reqscope_switch(a);
    int accepted = accept(listener, NULL, NULL);
    MUST(write(accepted, "hello", 5) == 5 && write(visitor, "x", 1) == 1 && read(accepted, buffer, 1) == 1);
    reqscope_switch(b);
    REFUSED(write(accepted, "evil", 4), EPERM);
    must_be_told("reqscope: foreign-io: B (context 2) writes to fd %d (tcp 127.0.0.1:", accepted);
    return 0;
}

static int a_live_requests_file_is_not_closed(void) {
    begin();
    int file = open("/dev/null", O_RDWR);
    reqscope_switch(b);
    MUST(!close(file));
    must_be_told("reqscope: foreign-close: B (context 2) closes fd %d", file);
    return 0;
}

static int an_ended_requests_file_is_tidied_up(void) {
    begin();
    int file = open("/dev/null", O_RDWR);
    reqscope_end(a);
    reqscope_switch(b);
    MUST(!close(file) && !said("foreign-close"));
    return 0;
}

/* ---- refused -------------------------------------------------------------------------------------------------------- */

static int what_was_refused_comes_back_at_once(void) {
    fd_set set;
    begin();
    struct pollfd waiting = {client, POLLIN, 0};
    leaves_a_question();
    reqscope_switch(b);
    REFUSED(write(client, "evil", 4), EPERM);
    MUST(poll(&waiting, 1, -1) == 1 && waiting.revents & POLLERR);
    MUST(ppoll(&waiting, 1, NULL, NULL) == 1 && waiting.revents & POLLERR);
    FD_ZERO(&set);
    FD_SET(client, &set);
    MUST(select(client + 1, &set, NULL, NULL, NULL) == 1 && FD_ISSET(client, &set));
    REFUSED(read(client, buffer, 1), EPERM);
    REFUSED(write(client, "evil", 4), EPERM);
    says("answer"); /* that makes it no better */
    MUST(poll(&waiting, 1, -1) == 1 && waiting.revents & POLLERR);
    REFUSED(read(client, buffer, 1), EPERM);
    reqscope_switch(a);
    receives("answer");
    waiting.events = POLLIN;
    MUST(poll(&waiting, 1, 0) == 0);
    reqscope_switch(b); /* refused once, refused for good */
    REFUSED(write(client, "evil", 4), EPERM);
    reqscope_id other = reqscope_begin("C");
    exchanges("ask", "answer");
    return reqscope_owner(client) != other;
}

static int abort_on_a_dirty_hand_over(void) {
    int status;
    begin();
    exchanges("first", "first's");
    pid_t pid = fork();
    if (!pid) {
        sends("question");
        reqscope_switch(b);
        sends("evil");
        _exit(0);
    }
    MUST(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    must_be_dirty("writes to", MID_EXCHANGE);
    return 0;
}

/* ---- made at start-up ----------------------------------------------------------------------------------------------- */

static void begin_with_connection_from_before(void) {
    MUST(reqscope_active());
    alarm(20);
    listen_on_loopback();
    client = connected();
    exchanges("hello", "welcome");
    a = reqscope_begin("A");
    b = reqscope_begin("B");
    reqscope_switch(a);
    MUST(reqscope_owner(client) == 0);
}

static int made_at_start_up_it_is_leased(void) {
    begin_with_connection_from_before();
    exchanges("ask", "answer");
    MUST(reqscope_owner(client) == a);
    reqscope_switch(b);
    exchanges("ask", "answer");
    MUST(nothing_is_said());
    reqscope_switch(a);
    sends("question");
    reqscope_switch(b);
    sends("evil");
    must_be_dirty("writes to", MID_EXCHANGE);
    return 0;
}

static int in_strict_made_at_start_up_it_is_told_once(void) {
    begin_with_connection_from_before();
    exchanges("ask", "answer");
    MUST(nothing_is_said());
    for (int i = 0; i < 10; i++) {
        reqscope_switch(i % 2 ? a : b);
        exchanges("ask", "answer");
    }
    for (int i = 0; i < 3; i++) {
        reqscope_id request = reqscope_begin("request");
        exchanges("ask", "answer");
        reqscope_end(request);
    }
    must_be_told(
        "reqscope: foreign-io: B (context 2) writes to fd %d (tcp 127.0.0.1:%d), which was opened in no context, "
        "and which A (context 1) has used\n",
        client, ntohs(address.sin_port));
    MUST(!said("denied"));
    return 0;
}

/* B and three more. */
/* The program's own plumbing (an event loop's, a queue of jobs), made at start-up: what waits there is no answer to anybody. */
static int a_pair_made_at_start_up_is_everybodys(void) {
    int pair[2];
    MUST(reqscope_active() && !socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    for (int i = 0; i < 3; i++) {
        reqscope_id request = reqscope_begin("job");
        MUST(write(pair[1], "xyz", 3) == 3 && read(pair[0], buffer, 1) == 1);
        reqscope_end(request);
    }
    return !nothing_is_said();
}

static int how_many_contexts_use_it_is_recorded(void) {
    return must_be_recorded("in_strict_made_at_start_up_it_is_told_once", "report",
                            ".findings[] | \"\\(.kind) \\(.first_user.label) \\(.user_contexts)\"", "foreign-io A 5\n");
}

static int in_strict_used_by_one_context_it_is_silent(void) {
    begin_with_connection_from_before();
    for (int i = 0; i < 10; i++) {
        reqscope_switch(i % 2 ? a : 0);
        exchanges("ask", "answer");
    }
    return !nothing_is_said();
}

#define LEASE "REQSCOPE_POLICY=lease"
#define DENY LEASE " REQSCOPE_MODE=deny"
static const struct victim_test tests[] = {
    VICTIM(a_clean_hand_over_is_silent, LEASE),
    VICTIM(a_clean_hand_over_is_recorded, LEASE),
    VICTIM(what_is_not_answered_is_dirty_at_the_next_write, LEASE),
    VICTIM(who_sent_what_is_recorded, LEASE),
    VICTIM(what_is_not_answered_is_dirty_however_it_is_used, DENY),
    VICTIM(a_half_read_answer_is_dirty, LEASE),
    VICTIM(two_commands_with_one_answer_are_dirty, LEASE),
    VICTIM(two_commands_with_two_answers_are_clean, LEASE),
    VICTIM(half_of_an_answer_is_dirty, LEASE),
    VICTIM(two_questions_of_an_unknown_protocol_are_silent, LEASE),
    VICTIM(a_partial_write_is_dirty, LEASE),
    VICTIM(a_send_that_would_block_leaves_it_clean, LEASE),
    VICTIM(what_was_only_peeked_at_waits_still, LEASE),
    VICTIM(peeking_before_reading_is_clean, LEASE),
    VICTIM(peeking_counts_no_message, LEASE),
    VICTIM(a_closed_peer_is_silent, LEASE),
    VICTIM(a_peer_whose_end_was_read_is_silent, LEASE),
    VICTIM(a_reset_peer_is_silent, LEASE),
    VICTIM(a_reset_is_told_to_the_next_one_who_reads, LEASE),
    VICTIM(a_reset_is_told_to_the_next_one_who_writes, LEASE),
    VICTIM(a_peer_that_says_something_and_goes_is_dirty, LEASE),
    VICTIM(a_one_way_stream_is_silent, LEASE),
    VICTIM(an_answer_after_all_is_dirty_when_another_reads, LEASE),
    VICTIM(an_answer_after_all_is_not_delivered_to_another, DENY),
    VICTIM(waiting_for_an_answer_after_all_is_dirty, DENY),
    VICTIM(trying_to_read_before_the_answer_is_there_is_clean, LEASE),
    VICTIM(datagrams_that_are_only_sent_are_silent, LEASE),
    VICTIM(datagrams_that_are_answered_are_their_owners, LEASE),
    VICTIM(a_datagrams_answer_is_not_anothers, DENY),
    VICTIM(an_http_request_on_a_fresh_connection_is_dirty, LEASE),
    VICTIM(http_requests_that_are_answered_are_clean, LEASE),
    VICTIM(http2_is_shared_and_that_is_said_once, LEASE),
    VICTIM(a_connection_with_one_reader_is_shared_and_that_is_said_once, LEASE),
    VICTIM(inside_multi, LEASE),
    VICTIM(after_exec, LEASE),
    VICTIM(inside_watch, LEASE),
    VICTIM(after_unwatch, LEASE),
    VICTIM(inside_a_subscription, LEASE),
    VICTIM(postgresql_outside_a_transaction, LEASE),
    VICTIM(postgresql_inside_a_transaction, LEASE),
    VICTIM(postgresql_inside_a_failed_transaction, LEASE),
    VICTIM(postgresql_before_it_is_ready, LEASE),
    VICTIM(in_turn_outside_a_transaction, LEASE),
    VICTIM(in_turn_inside_a_transaction, LEASE),
    VICTIM(in_turn_inside_a_transaction_the_other_is_refused, DENY),
    VICTIM(back_in_the_pool_in_mid_exchange, LEASE),
    VICTIM(back_in_the_pool_in_a_transaction, LEASE),
    VICTIM(back_in_the_pool_when_it_is_complete, LEASE),
    VICTIM(back_in_the_pool_and_out_again_is_silent, LEASE),
    VICTIM(a_pool_may_close_what_it_leases, LEASE),
    VICTIM(an_accepted_connection_is_its_requests_to_close, LEASE),
    VICTIM(an_accepted_connection_is_its_requests_to_use, DENY),
    VICTIM(a_live_requests_file_is_not_closed, LEASE),
    VICTIM(an_ended_requests_file_is_tidied_up, LEASE),
    VICTIM(what_was_refused_comes_back_at_once, DENY),
    VICTIM(abort_on_a_dirty_hand_over, LEASE " REQSCOPE_MODE=abort REQSCOPE_CHECK=dirty-handover"),
    VICTIM(made_at_start_up_it_is_leased, LEASE),
    VICTIM(in_strict_made_at_start_up_it_is_told_once, "REQSCOPE_MODE=deny"),
    VICTIM(a_pair_made_at_start_up_is_everybodys, "REQSCOPE_MODE=deny"),
    VICTIM(how_many_contexts_use_it_is_recorded, "REQSCOPE_MODE=deny"),
    VICTIM(in_strict_used_by_one_context_it_is_silent, "REQSCOPE_MODE=deny"),
};
VICTIM_MAIN(tests)
