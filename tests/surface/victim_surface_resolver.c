/* victim_surface_resolver.c: libc's resolver makes and closes sockets inside itself: it answers as ever, in a request, and leaves
 * no tag behind. The name server is a child of the test, on the loopback interface. */
#include "surface.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#define ANSWER "127.0.0.9"

static struct addrinfo *found;

static in_addr_t loopback(void) {
    return htonl(INADDR_LOOPBACK);
}

/* ---- names of this machine -----------------------------------------------------------------------------------------
 */

static const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};

static void is_loopback(const struct addrinfo *info, in_port_t port) {
    const struct sockaddr_in *address = (const struct sockaddr_in *)info->ai_addr;
    MUST(info->ai_family == AF_INET && address->sin_addr.s_addr == loopback() && address->sin_port == htons(port));
}

static long call_getaddrinfo(struct subject *subject) {
    file(subject);
    MUST(!CALLED(int, const char *, const char *, const struct addrinfo *, struct addrinfo **)("localhost", "80",
                                                                                               &hints, &found));
    is_loopback(found, 80);
    freeaddrinfo(found);
    MUST(CALLED(int, const char *, const char *, const struct addrinfo *, struct addrinfo **)(NULL, NULL, &hints,
                                                                                              &found) == EAI_NONAME);
    tags_are_kept(subject);
    return 0;
}

static long call_getaddrinfo_a(struct subject *subject) {
    struct gaicb request = {.ar_name = "localhost", .ar_service = "80", .ar_request = &hints};
    struct gaicb *list[] = {&request};
    file(subject);
    MUST(!CALLED(int, int, struct gaicb **, int, struct sigevent *)(GAI_WAIT, list, 1, NULL));
    MUST(!gai_error(&request));
    is_loopback(request.ar_result, 80);
    freeaddrinfo(request.ar_result);
    tags_are_kept(subject);
    return 0;
}

static long call_getnameinfo(struct subject *subject) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80), .sin_addr = {loopback()}};
    char host[256] = "", service[32] = "";
    file(subject);
    MUST(!CALLED(int, const struct sockaddr *, socklen_t, char *, socklen_t, char *, socklen_t, int)(
        (struct sockaddr *)&address, sizeof address, host, sizeof host, service, sizeof service, NI_NUMERICSERV));
    MUST(*host && !strcmp(service, "80"));
    MUST(CALLED(int, const struct sockaddr *, socklen_t, char *, socklen_t, char *, socklen_t,
                int)((struct sockaddr *)&address, sizeof address, host, 2, NULL, 0, NI_NUMERICHOST) == EAI_OVERFLOW);
    tags_are_kept(subject);
    return 0;
}

static long has_loopback(struct subject *subject, const struct hostent *host) {
    MUST(host && host->h_addrtype == AF_INET && host->h_length == 4);
    MUST(*(in_addr_t *)host->h_addr_list[0] == loopback() && *host->h_name);
    tags_are_kept(subject);
    return 0;
}

static long call_gethostbyname(struct subject *subject) {
    file(subject);
    return has_loopback(subject, CALLED(struct hostent *, const char *)("localhost"));
}

static long call_gethostbyname2(struct subject *subject) {
    file(subject);
    return has_loopback(subject, CALLED(struct hostent *, const char *, int)("localhost", AF_INET));
}

static long call_gethostbyaddr(struct subject *subject) {
    in_addr_t address = loopback();
    file(subject);
    return has_loopback(subject, CALLED(struct hostent *, const void *, socklen_t, int)(&address, 4, AF_INET));
}

static long call_gethostbyname_r(struct subject *subject) {
    struct hostent host, *result = NULL;
    int error = 0;
    file(subject);
    MUST(!CALLED(int, const char *, struct hostent *, char *, size_t, struct hostent **,
                 int *)("localhost", &host, buffer, sizeof buffer, &result, &error));
    return has_loopback(subject, result);
}

static long call_gethostbyname2_r(struct subject *subject) {
    struct hostent host, *result = NULL;
    int error = 0;
    file(subject);
    MUST(!CALLED(int, const char *, int, struct hostent *, char *, size_t, struct hostent **,
                 int *)("localhost", AF_INET, &host, buffer, sizeof buffer, &result, &error));
    return has_loopback(subject, result);
}

static long call_gethostbyaddr_r(struct subject *subject) {
    struct hostent host, *result = NULL;
    in_addr_t address = loopback();
    int error = 0;
    file(subject);
    MUST(!CALLED(int, const void *, socklen_t, int, struct hostent *, char *, size_t, struct hostent **,
                 int *)(&address, 4, AF_INET, &host, buffer, sizeof buffer, &result, &error));
    return has_loopback(subject, result);
}

/* ---- names that a server knows -------------------------------------------------------------------------------------
 */

static unsigned char answer[512], query[512];
static struct __res_state state;

/* Answers each question with ANSWER, until the test ends and takes it along. */
static void serve(int fd) {
    static const unsigned char record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 9};
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    long size;
    while ((size = kernel(SYS_recvfrom, fd, query, sizeof query - sizeof record, 0, &peer, &length)) > 12) {
        query[2] |= 0x80; /* an answer */
        query[7] = 1;     /* one record, and nothing else after the question */
        query[9] = query[11] = 0;
        long end = 12;
        while (end < size && query[end]) end += query[end] + 1;
        end += 5;
        memcpy(query + end, record, sizeof record);
        kernel(SYS_sendto, fd, query, end + sizeof record, 0, &peer, length);
    }
}

/* The resolver's states, the thread's and ours, ask the child. */
static void with_server(struct subject *subject) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {loopback()}};
    socklen_t length = sizeof address;
    int fd = (int)kernel(SYS_socket, AF_INET, SOCK_DGRAM, 0);
    MUST(fd >= 0 && !kernel(SYS_bind, fd, &address, sizeof address) && !kernel(SYS_getsockname, fd, &address, &length));
    pid_t pid = fork();
    if (!pid) {
        alarm(VICTIM_SECONDS);
        serve(fd);
        _exit(0);
    }
    kernel(SYS_close, fd);
    subject->other = pid;
    MUST(!res_init() && !res_ninit(&state));
    _res.nscount = state.nscount = 1;
    _res.nsaddr_list[0] = state.nsaddr_list[0] = address;
    file(subject);
}

static long answered(struct subject *subject, int length) {
    MUST(length > 12 && length <= (int)sizeof answer && *(in_addr_t *)&answer[length - 4] == inet_addr(ANSWER));
    kill(subject->other, SIGKILL);
    MUST(waitpid(subject->other, NULL, 0) == subject->other);
    tags_are_kept(subject);
    return 0;
}

static int question(void) {
    int length = res_nmkquery(&state, QUERY, "name.example", C_IN, T_A, NULL, 0, NULL, query, sizeof query);
    MUST(length > 12);
    return length;
}

static long call_res_query(struct subject *subject) {
    with_server(subject);
    return answered(subject, CALLED(int, const char *, int, int, unsigned char *, int)("name.example", C_IN, T_A,
                                                                                       answer, sizeof answer));
}

static long call_res_querydomain(struct subject *subject) {
    with_server(subject);
    return answered(subject, CALLED(int, const char *, const char *, int, int, unsigned char *,
                                    int)("name", "example", C_IN, T_A, answer, sizeof answer));
}

static long call_res_send(struct subject *subject) {
    with_server(subject);
    return answered(subject, CALLED(int, const unsigned char *, int, unsigned char *, int)(query, question(), answer,
                                                                                           sizeof answer));
}

static long call_res_nquery(struct subject *subject) {
    with_server(subject);
    return answered(subject, CALLED(int, res_state, const char *, int, int, unsigned char *,
                                    int)(&state, "name.example", C_IN, T_A, answer, sizeof answer));
}

static long call_res_nquerydomain(struct subject *subject) {
    with_server(subject);
    return answered(subject, CALLED(int, res_state, const char *, const char *, int, int, unsigned char *,
                                    int)(&state, "name", "example", C_IN, T_A, answer, sizeof answer));
}

static long call_res_nsend(struct subject *subject) {
    with_server(subject);
    return answered(subject, CALLED(int, res_state, const unsigned char *, int, unsigned char *,
                                    int)(&state, query, question(), answer, sizeof answer));
}

static const struct surface rows[] = {
    WORKS(getaddrinfo, NULL, call_getaddrinfo, 0),
    WORKS(getaddrinfo_a, NULL, call_getaddrinfo_a, 0),
    WORKS(getnameinfo, NULL, call_getnameinfo, 0),
    WORKS(gethostbyname, NULL, call_gethostbyname, 0),
    WORKS(gethostbyname2, NULL, call_gethostbyname2, 0),
    WORKS(gethostbyaddr, NULL, call_gethostbyaddr, 0),
    WORKS(gethostbyname_r, NULL, call_gethostbyname_r, 0),
    WORKS(gethostbyname2_r, NULL, call_gethostbyname2_r, 0),
    WORKS(gethostbyaddr_r, NULL, call_gethostbyaddr_r, 0),
    WORKS(res_query, NULL, call_res_query, 0),
    WORKS(res_search, NULL, call_res_query, 0),
    WORKS(res_querydomain, NULL, call_res_querydomain, 0),
    WORKS(res_send, NULL, call_res_send, 0),
    WORKS(res_nquery, NULL, call_res_nquery, 0),
    WORKS(res_nsearch, NULL, call_res_nquery, 0),
    WORKS(res_nquerydomain, NULL, call_res_nquerydomain, 0),
    WORKS(res_nsend, NULL, call_res_nsend, 0),
};
SURFACE_MAIN(rows)
