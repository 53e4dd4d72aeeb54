/* server_transparency: what a program can see of a great many calls, good and failing, each printed with its result and
 * errno.
 *
 *     server_transparency [in-context] [bad-close]
 *
 * in-context: the calls are made in contexts of reqscope's, each with its own. bad-close: numbers that are not open are
 * closed, too. What is printed must not depend on whether the guard is in the process: descriptor numbers, results,
 * errno, also an errno that a call which succeeds must leave alone. Ends with 42, by returning from main. */
#define _GNU_SOURCE 1
#include "reqscope.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* No call may leave this in errno by itself: a success that leaves errno alone shows it. */
#define UNTOUCHED 4242

/* Makes the call, prints it, and is its result. */
#define TRY(call)                             \
    ({                                        \
        errno = UNTOUCHED;                    \
        long result_ = (long)(call);          \
        int error_ = errno;                   \
        print_result(#call, result_, error_); \
        (int)result_;                         \
    })

static int in_context;

/* Arguments that are wrong, and not known to be by the compiler. */
static char *volatile nowhere;
static volatile int too_few = -1;

static void print_result(const char *call, long result, int error) {
    printf("%-60s = %ld %s\n", call, result, error == UNTOUCHED ? "" : strerrorname_np(error));
}

static void files(const char *folder) {
    char buffer[64] = "", path[512];
    struct iovec parts[2] = {{buffer, 3}, {buffer + 3, 4}};
    snprintf(path, sizeof path, "%s/file", folder);

    int file = TRY(open(path, O_RDWR | O_CREAT | O_EXCL, 0640));
    TRY(open(path, O_RDWR | O_CREAT | O_EXCL, 0640));
    TRY(open("/nowhere/at/all", O_RDONLY));
    TRY(open("/etc", O_WRONLY));
    TRY(openat(AT_FDCWD, "/etc/passwd/x", O_RDONLY));
    TRY(openat(9999, "relative", O_RDONLY));
    TRY(write(file, "hello, world\n", 13));
    TRY(write(file, "", 0));
    TRY(write(file, nowhere, 5));
    TRY(pwrite(file, "J", 1, 0));
    TRY(pwrite(file, "J", 1, -1));
    TRY(lseek(file, 0, SEEK_SET));
    TRY(read(file, buffer, 5));
    TRY(read(file, nowhere, 5));
    TRY(pread(file, buffer, sizeof buffer, 7));
    TRY(readv(file, parts, 2));
    TRY(readv(file, parts, too_few));
    TRY(read(file, buffer, sizeof buffer));
    TRY(read(file, buffer, sizeof buffer));
    TRY(writev(file, parts, 2));
    printf("buffer: %.14s\n", buffer);
    int read_only = TRY(open(path, O_RDONLY | O_CLOEXEC));
    TRY(write(read_only, "x", 1));
    TRY(fcntl(read_only, F_GETFD));
    TRY(fcntl(read_only, F_GETFL) & O_ACCMODE);
    int copy = TRY(fcntl(read_only, F_DUPFD, 20));
    int lowest = TRY(dup(read_only));
    TRY(dup2(read_only, 30));
    TRY(dup2(read_only, read_only));
    TRY(dup3(read_only, read_only, 0));
    TRY(dup2(9999, 31));
    TRY(dup(9999));
    TRY(fcntl(9999, F_GETFD));
    TRY(read(9999, buffer, 1));
    TRY(write(9999, buffer, 1));
    TRY(read(-1, buffer, 1));
    TRY(close(30));
    TRY(close(lowest));
    TRY(close(copy));
    TRY(close(read_only));
    TRY(close(file));
    TRY(unlink(path));
    FILE *absent = fopen("/nowhere/at/all", "r");
    printf("fopen of what is not there: %s %s\n", absent ? "?" : "NULL", strerrorname_np(errno));
    if (absent) fclose(absent);
    FILE *stream = fopen("/dev/null", "r+");
    if (!stream) return;
    printf("fopen: fd %d, getc %d\n", fileno(stream), getc(stream));
    TRY(fclose(stream));
}

static void pipes(void) {
    int ends[2] = {-1, -1};
    char buffer[16];
    TRY(pipe((int *)(void *)nowhere));
    TRY(pipe2(ends, O_NONBLOCK | O_CLOEXEC));
    printf("pipe: %d %d\n", ends[0], ends[1]);
    TRY(read(ends[0], buffer, sizeof buffer));
    TRY(write(ends[1], "abc", 3));
    TRY(write(ends[0], "abc", 3));
    TRY(read(ends[1], buffer, 1));
    TRY(read(ends[0], buffer, sizeof buffer));
    TRY(splice(ends[0], NULL, ends[1], NULL, 1, SPLICE_F_NONBLOCK));
    TRY(close(ends[0]));
    TRY(write(ends[1], "abc", 3)); /* EPIPE: SIGPIPE is ignored */
    TRY(close(ends[1]));
    int event = TRY(eventfd(0, EFD_NONBLOCK));
    TRY(read(event, buffer, 8));
    TRY(read(event, buffer, 4));
    TRY(close(event));
}

static void sockets(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    char buffer[16];
    TRY(socket(AF_INET, 77, 0));
    TRY(socket(9999, SOCK_STREAM, 0));
    int listener = TRY(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    TRY(accept(listener, NULL, NULL));
    TRY(bind(listener, (struct sockaddr *)&address, sizeof address));
    TRY(listen(listener, 4));
    TRY(accept(listener, NULL, NULL));
    getsockname(listener, (struct sockaddr *)&address, &size);
    int client = TRY(socket(AF_INET, SOCK_STREAM, 0));
    TRY(send(client, "x", 1, MSG_NOSIGNAL));
    TRY(recv(client, buffer, 1, MSG_DONTWAIT));
    TRY(connect(client, (struct sockaddr *)&address, 3));
    TRY(connect(client, (struct sockaddr *)&address, sizeof address));
    TRY(connect(client, (struct sockaddr *)&address, sizeof address));
    struct pollfd polled = {.fd = listener, .events = POLLIN};
    TRY(poll(&polled, 1, 10000));
    int server = TRY(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
    TRY(send(client, "question", 8, 0));
    TRY(recv(server, buffer, sizeof buffer, MSG_PEEK));
    TRY(recv(server, buffer, 8, MSG_WAITALL));
    TRY(recv(server, buffer, sizeof buffer, MSG_DONTWAIT));
    struct iovec part = {buffer, 4};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    TRY(sendmsg(server, &message, MSG_NOSIGNAL));
    TRY(recvmsg(client, &message, MSG_WAITALL));
    TRY(sendto(server, "abc", 3, 0, NULL, 0));
    TRY(recvfrom(client, buffer, 3, MSG_WAITALL, NULL, NULL));
    TRY(sendfile(server, 9999, NULL, 5));
    TRY(shutdown(client, SHUT_WR));
    TRY(shutdown(client, 99));
    TRY(recv(server, buffer, sizeof buffer, 0));
    TRY(shutdown(listener, SHUT_RD));
    TRY(close(server));
    TRY(close(client));
    TRY(close(listener));
    int refused = TRY(socket(AF_INET, SOCK_STREAM, 0));
    TRY(connect(refused, (struct sockaddr *)&address, sizeof address));
    TRY(close(refused));

    int pair[2];
    TRY(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
    TRY(send(pair[0], "packet", 6, 0));
    TRY(recv(pair[1], buffer, 3, MSG_TRUNC));
    TRY(close(pair[0]));
    TRY(send(pair[1], "x", 1, MSG_NOSIGNAL));
    TRY(recv(pair[1], buffer, 3, 0));
    TRY(close(pair[1]));
    int poller = TRY(epoll_create1(0));
    TRY(epoll_ctl(poller, EPOLL_CTL_ADD, 9999, NULL));
    TRY(read(poller, buffer, 1));
    TRY(close(poller));
}

static void processes(void) {
    char buffer[8] = "";
    int ends[2], status = 0;
    TRY(pipe(ends));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        _exit(write(ends[1], "child", 5) == 5 ? 7 : 8);
    }
    TRY(close(ends[1]));
    TRY(read(ends[0], buffer, 5));
    waitpid(child, &status, 0);
    printf("the child wrote '%s' and ended with %d\n", buffer, WEXITSTATUS(status));
    TRY(close(ends[0]));
    fflush(stdout);
    TRY(WEXITSTATUS(system("echo from a shell; exit 3")));
}

static void bad_closes(void) {
    TRY(close(9999));
    TRY(close(-1));
    TRY(close(500));
    TRY(close_range(600, 500, 0));
}

static void with_label(const char *label, void (*part)(void)) {
    reqscope_id request = in_context ? reqscope_begin(label) : 0;
    part();
    if (request) reqscope_end(request);
}

static char *scratch;

static void files_in_scratch(void) {
    files(scratch);
}

static void *in_thread(void *argument) {
    with_label("thread", files_in_scratch);
    with_label("thread's pipes", pipes);
    return argument;
}

int main(int argc, char **argv) {
    int bad_close = 0;
    for (int i = 1; i < argc; i++) {
        in_context |= strcmp(argv[i], "in-context") == 0;
        bad_close |= strcmp(argv[i], "bad-close") == 0;
    }
    char folder[] = "/tmp/reqscope-transparency.XXXXXX";
    scratch = mkdtemp(folder);
    if (!scratch) return 1;
    signal(SIGPIPE, SIG_IGN);

    with_label("files", files_in_scratch);
    with_label("pipes", pipes);
    with_label("sockets", sockets);
    with_label("processes", processes);
    if (bad_close) with_label("bad closes", bad_closes);
    pthread_t thread;
    if (pthread_create(&thread, NULL, in_thread, NULL)) return 1;
    pthread_join(thread, NULL);
    TRY(rmdir(scratch));
    fprintf(stderr, "this is on stderr\n");
    return 42;
}
