/* describe.c: see describe.h. */
#include "preload/describe.h"
#include "tracer/sys.h"
#include "tracer/text.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/un.h>

static void add_ipv4(struct rs_text *text, const unsigned char *bytes) {
    for (int i = 0; i < 4; i++) {
        if (i) rs_text_add(text, ".");
        rs_text_number(text, bytes[i]);
    }
}

/* RFC 5952 in the main: the first longest run of zero groups is "::". */
static void add_ipv6(struct rs_text *text, const unsigned char *bytes) {
    unsigned group[8];
    int best = -1, best_length = 1;
    for (int i = 0; i < 8; i++) group[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
    for (int i = 0; i < 8; i++) {
        int length = 0;
        while (i + length < 8 && !group[i + length]) length++;
        if (length > best_length) best = i, best_length = length;
    }
    rs_text_add(text, "[");
    for (int i = 0; i < 8; i++) {
        if (i == best) {
            rs_text_add(text, "::");
            i += best_length - 1;
            continue;
        }
        if (i && i != best + best_length) rs_text_add(text, ":");
        rs_text_digits(text, group[i], 16, 1);
    }
    rs_text_add(text, "]");
}

static void add_unix(struct rs_text *text, const struct sockaddr_un *address, socklen_t length) {
    size_t path = length > offsetof(struct sockaddr_un, sun_path) ? length - offsetof(struct sockaddr_un, sun_path) : 0;
    if (path > sizeof address->sun_path) path = sizeof address->sun_path;
    if (!path) return;
    bool abstract = !address->sun_path[0];
    rs_text_add(text, abstract ? " @" : " ");
    for (size_t i = abstract; i < path && address->sun_path[i]; i++) {
        char byte[2] = {address->sun_path[i], 0};
        rs_text_add_safe(text, byte);
    }
}

static void add_address(struct rs_text *text, const struct sockaddr_storage *address, socklen_t length) {
    if (address->ss_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        rs_text_add(text, " ");
        add_ipv4(text, (const unsigned char *)&in->sin_addr);
        rs_text_add(text, ":");
        rs_text_number(text, ntohs(in->sin_port));
    } else if (address->ss_family == AF_INET6 && length >= sizeof(struct sockaddr_in6)) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        rs_text_add(text, " ");
        add_ipv6(text, (const unsigned char *)&in6->sin6_addr);
        rs_text_add(text, ":");
        rs_text_number(text, ntohs(in6->sin6_port));
    } else if (address->ss_family == AF_UNIX) {
        add_unix(text, (const struct sockaddr_un *)address, length);
    }
}

enum rs_kind rs_socket_kind(int family, int type) {
    type &= 0xff & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (family == AF_UNIX) return RS_KIND_UNIX;
    if (family != AF_INET && family != AF_INET6) return RS_KIND_SOCKET;
    return type == SOCK_STREAM ? RS_KIND_TCP : type == SOCK_DGRAM ? RS_KIND_UDP : RS_KIND_SOCKET;
}

void rs_describe_address(enum rs_kind kind, const struct sockaddr *address, socklen_t length, char name[RS_NAME_SIZE]) {
    struct rs_text text = rs_text_in(name, RS_NAME_SIZE);
    struct sockaddr_storage copy;
    rs_text_add(&text, rs_kind_name(kind));
    if (!address || !length) return;
    if (length > sizeof copy) length = sizeof copy;
    memset(&copy, 0, sizeof copy);
    memcpy(&copy, address, length);
    add_address(&text, &copy, length);
}

void rs_describe_peer(int fd, enum rs_kind kind, char name[RS_NAME_SIZE]) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (rs_sys(SYS_getpeername, fd, &address, &length)) length = 0;
    rs_describe_address(kind, (const struct sockaddr *)&address, length, name);
}

static long socket_option(int fd, int option) {
    int value = 0;
    socklen_t size = sizeof value;
    long result = rs_sys(SYS_getsockopt, fd, SOL_SOCKET, option, &value, &size);
    return result < 0 ? result : value;
}

/* The peer's address; for a socket that has none its own, marked as such. */
static enum rs_kind describe_socket(int fd, char name[RS_NAME_SIZE]) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    enum rs_kind kind = rs_socket_kind((int)socket_option(fd, SO_DOMAIN), (int)socket_option(fd, SO_TYPE));
    struct rs_text text = rs_text_in(name, RS_NAME_SIZE);
    rs_text_add(&text, rs_kind_name(kind));
    memset(&address, 0, sizeof address);
    bool peer = !rs_sys(SYS_getpeername, fd, &address, &length);
    if (peer && (address.ss_family != AF_UNIX || length > sizeof(sa_family_t))) {
        add_address(&text, &address, length);
        return kind;
    }
    length = sizeof address;
    memset(&address, 0, sizeof address);
    if (rs_sys(SYS_getsockname, fd, &address, &length)) return kind;
    size_t before = text.length;
    add_address(&text, &address, length);
    if (!peer && text.length > before) {
        rs_text_add(&text, socket_option(fd, SO_ACCEPTCONN) > 0 ? " (listening)" : " (own address)");
    }
    return kind;
}

static bool begins_with(const char *text, const char *with) {
    return !strncmp(text, with, strlen(with));
}

/* "/var/lib/app.db", or "anon_inode:[eventfd]", "pipe:[123]": what the kernel says. */
static enum rs_kind describe_other(int fd, const struct stat *status, char name[RS_NAME_SIZE]) {
    char link[64];
    struct rs_text text = rs_text_in(link, sizeof link);
    rs_text_add(&text, "/proc/self/fd/");
    rs_text_number(&text, (uint64_t)fd);
    long length = rs_sys(SYS_readlinkat, AT_FDCWD, link, name, RS_NAME_SIZE - 1);
    name[length > 0 ? length : 0] = 0;
    for (char *at = name; *at; at++) {
        if ((unsigned char)*at < 32 || *at == 127) *at = '?';
    }
    if (S_ISFIFO(status->st_mode)) {
        if (name[0] != '/') strcpy(name, "pipe");
        return RS_KIND_PIPE;
    }
    if (begins_with(name, "anon_inode:")) {
        memmove(name, name + 11, strlen(name + 11) + 1);
        if (!strcmp(name, "[eventpoll]")) return RS_KIND_EPOLL;
        return !strcmp(name, "[eventfd]") ? RS_KIND_EVENTFD : RS_KIND_OTHER;
    }
    if (S_ISREG(status->st_mode)) return RS_KIND_FILE;
    if (S_ISDIR(status->st_mode)) return RS_KIND_DIRECTORY;
    return S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode) ? RS_KIND_DEVICE : RS_KIND_OTHER;
}

enum rs_kind rs_describe(int fd, char name[RS_NAME_SIZE]) {
    struct stat status;
    name[0] = 0;
    if (fd < 0 || rs_sys(SYS_fstat, fd, &status)) return RS_KIND_UNKNOWN;
    return S_ISSOCK(status.st_mode) ? describe_socket(fd, name) : describe_other(fd, &status, name);
}

uint64_t rs_identity(int fd) {
    struct stat status;
    if (rs_sys(SYS_fstat, fd, &status)) return 0;
    uint64_t words[2] = {status.st_ino, status.st_dev};
    uint64_t identity = rs_mix(words, sizeof words, 1);
    return identity ? identity : 1;
}

uint32_t rs_unread(int fd) {
    int waiting = 0;
    return rs_sys(SYS_ioctl, fd, FIONREAD, &waiting) < 0 || waiting < 0 ? ~0u : (uint32_t)waiting;
}

bool rs_is_connected_stream(int fd) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    return socket_option(fd, SO_TYPE) == SOCK_STREAM && !rs_sys(SYS_getpeername, fd, &address, &length);
}
