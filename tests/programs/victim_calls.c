/* victim_calls.c: the calls themselves are what they were: arguments, results, errno, and a reader's buffer. */
#include "victim.h"

#include <netinet/in.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>

static char folder[] = "/tmp/reqscope-calls.XXXXXX";
static char path[sizeof folder + 16];
static char buffer[64];

static void begin(void) {
    MUST(mkdtemp(folder));
    sprintf(path, "%s/file", folder);
    umask(0);
}

static int done(void) {
    unlink(path);
    MUST(!rmdir(folder));
    return 0;
}

static mode_t mode_of(int fd) {
    struct stat status;
    MUST(fd >= 0 && !fstat(fd, &status));
    MUST(!close(fd));
    unlink(path);
    return status.st_mode & 07777;
}

static int the_mode_of_open_is_there_when_it_is_given(void) {
    begin();
    MUST(mode_of(open(path, O_CREAT | O_RDWR, 0612)) == 0612);
    MUST(mode_of(open64(path, O_CREAT | O_RDWR | O_EXCL, 0754)) == 0754);
    MUST(mode_of(openat(AT_FDCWD, path, O_CREAT | O_WRONLY, 0421)) == 0421);
    MUST(mode_of(openat64(AT_FDCWD, path, O_CREAT | O_WRONLY, 0755)) == 0755);
    MUST(mode_of(creat(path, 0640)) == 0640);
    MUST(mode_of(creat64(path, 0604)) == 0604);
    int fd = open(folder, O_TMPFILE | O_RDWR, 0610);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) MUST(mode_of(fd) == 0610);
    REFUSED(open("/no/such", O_RDONLY), ENOENT);
    REFUSED(openat(-1, "relative", O_RDONLY), EBADF);
    return done();
}

static int fcntl_takes_numbers_and_pointers(void) {
    begin();
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    MUST(fcntl(fd, F_GETFD) == 0);
    MUST(!fcntl(fd, F_SETFD, FD_CLOEXEC) && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    MUST(!fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
    MUST((fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK)) == (O_RDWR | O_APPEND | O_NONBLOCK));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10};
    MUST(!fcntl(fd, F_SETLK, &lock) && !fcntl64(fd, F_GETLK, &lock) && lock.l_type == F_UNLCK);
    REFUSED(fcntl(fd, F_DUPFD, -1), EINVAL);
    REFUSED(fcntl(fd, 9999), EINVAL);
    REFUSED(fcntl(900, F_GETFD), EBADF);
    MUST(!close(fd));
    return done();
}

/* Offsets beyond 4 GiB go through every name whole. */
static int offsets_are_64_bits_wide(void) {
    const off64_t far = 5ll << 30;
    begin();
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    struct iovec part = {(void *)"b", 1}, into = {buffer, 1};
    MUST(pwrite(fd, "a", 1, far) == 1);
    MUST(pwrite64(fd, "a", 1, far) == 1 && pread64(fd, buffer, 1, far) == 1 && buffer[0] == 'a');
    MUST(pwritev(fd, &part, 1, far + 1) == 1 && preadv(fd, &into, 1, far + 1) == 1 && buffer[0] == 'b');
    MUST(pwritev64(fd, &part, 1, far + 2) == 1 && preadv64(fd, &into, 1, far + 2) == 1);
    MUST(pwritev2(fd, &part, 1, far + 3, 0) == 1 && preadv2(fd, &into, 1, far + 3, 0) == 1);
    MUST(pwritev64v2(fd, &part, 1, far + 4, 0) == 1 && preadv64v2(fd, &into, 1, far + 4, 0) == 1);
    int ends[2];
    off64_t offset = far;
    MUST(!pipe(ends) && sendfile64(ends[1], fd, &offset, 5) == 5 && offset == far + 5);
    MUST(read(ends[0], buffer, 10) == 5 && !memcmp(buffer, "abbbb", 5));
    offset = far;
    MUST(sendfile(ends[1], fd, &offset, 2) == 2 && offset == far + 2);
    offset = far + 1;
    MUST(splice(fd, &offset, ends[1], NULL, 3, 0) == 3 && offset == far + 4);
    FILE *stream = fopen64(path, "r+");
    MUST(stream && !fseeko64(stream, far, SEEK_SET) && fgetc(stream) == 'a');
    MUST((stream = freopen64(path, "r", stream)) && !fclose(stream));
    MUST(!close(fd));
    return done();
}

/* errno after success is what it was; after failure it is the call's. */
#define KEEPS(call)              \
    do {                         \
        errno = 12345;           \
        MUST((long)(call) >= 0); \
        MUST(errno == 12345);    \
    } while (0)

static void calls_that_succeed(void) {
    int fd = -1, ends[2], pair[2];
    struct iovec part = {buffer, 1};
    KEEPS(fd = open("/dev/zero", O_RDWR));
    KEEPS(read(fd, buffer, 1));
    KEEPS(pread(fd, buffer, 1, 0));
    KEEPS(readv(fd, &part, 1));
    KEEPS(write(fd, buffer, 1));
    KEEPS(writev(fd, &part, 1));
    KEEPS(dup(fd));
    KEEPS(dup2(fd, 50));
    KEEPS(dup3(fd, 51, 0));
    KEEPS(fcntl(fd, F_DUPFD, 60));
    KEEPS(fcntl(fd, F_GETFL));
    KEEPS(pipe(ends));
    KEEPS(pipe2(ends, O_NONBLOCK));
    KEEPS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    KEEPS(socket(AF_INET, SOCK_STREAM, 0));
    KEEPS(send(pair[0], "x", 1, 0));
    KEEPS(recv(pair[1], buffer, 1, 0));
    KEEPS(shutdown(pair[0], SHUT_WR));
    KEEPS(write(1, "", 0)); /* opened unseen */
    KEEPS(close(fd));
    KEEPS(close_range(50, 60, 0));
    FILE *stream;
    KEEPS((stream = fopen("/dev/null", "r")) ? 0 : -1);
    KEEPS(fclose(stream));
}

static int errno_is_kept_on_success(void) {
    calls_that_succeed();
    reqscope_id request = 0;
    KEEPS(request = reqscope_begin("request"));
    calls_that_succeed();
    KEEPS((reqscope_end(request), 0));
    /* A finding, which reports and unwinds, in mode log. */
    reqscope_id a = reqscope_begin("A");
    int fd = open("/dev/zero", O_RDONLY);
    KEEPS(reqscope_give(fd, a));
    KEEPS(reqscope_begin("B"));
    KEEPS(read(fd, buffer, 1));
    KEEPS(close(fd));
    MUST(victim_reports("reqscope: foreign-") == 2);
    return 0;
}

static int errno_is_the_calls_on_failure(void) {
    int pair[2];
    MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
    for (int context = 0; context < 2; context++) {
        REFUSED(read(pair[0], buffer, 1), EAGAIN);
        REFUSED(recv(pair[0], buffer, 1, 0), EAGAIN);
        REFUSED(read(900, buffer, 1), EBADF);
        REFUSED(read(-1, buffer, 1), EBADF);
        REFUSED(write(900, buffer, 1), EBADF);
        REFUSED(close(900), EBADF);
        REFUSED(close(-1), EBADF);
        REFUSED(dup(900), EBADF);
        REFUSED(dup2(900, 5), EBADF);
        REFUSED(dup2(pair[0], -1), EBADF);
        REFUSED(dup3(pair[0], pair[0], 0), EINVAL);
        REFUSED(accept(pair[0], NULL, NULL), EINVAL);
        REFUSED(accept(0x7fffffff, NULL, NULL), EBADF);
        REFUSED(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
        FILE *none = fopen("/no/such", "r");
        MUST(!none && errno == ENOENT);
        none = fopen("/dev/null", "?");
        MUST(!none && errno == EINVAL);
        MUST(!context ? reqscope_begin("in a context, too") : 1);
    }
    return 0;
}

static int errno_at_start;

static int errno_is_0_at_the_start(void) {
    MUST(errno_at_start == 0);
    return 0;
}

/* An address that does not fit its buffer is cut by the kernel, which says how long it would have been. The buffer ends
 * with the page: who reads on gets SIGSEGV. */
static int short_address_buffers_are_not_overrun(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(page != MAP_FAILED && !mprotect(page + 4096, 4096, PROT_NONE));
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    MUST(!bind(listener, (void *)&address, sizeof address) && !listen(listener, 20));
    MUST(!getsockname(listener, (void *)&address, &length));
    for (socklen_t given = 0; given <= 16; given++) {
        int client = socket(AF_INET, SOCK_STREAM, 0);
        MUST(!connect(client, (void *)&address, sizeof address));
        socklen_t told = given;
        int connection = given % 2 ? accept(listener, (void *)(page + 4096 - given), &told)
                                   : accept4(listener, (void *)(page + 4096 - given), &told, 0);
        MUST(connection >= 0 && told == 16);
        close(connection);
        close(client);
    }
    /* The same going out: what the kernel does not read, nobody does. */
    int client = socket(AF_INET, SOCK_STREAM, 0);
    REFUSED(connect(client, (void *)(page + 4096), sizeof address), EFAULT);
    REFUSED(open((char *)page + 4096, O_RDONLY), EFAULT);
    return 0;
}

static int control_messages_without_room_are_harmless(void) {
    int pair[2];
    struct iovec part = {buffer, 1};
    MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    for (size_t room = 0; room <= CMSG_SPACE(sizeof(int) * 3); room++) {
        char control[CMSG_SPACE(sizeof(int) * 3)] = "";
        struct msghdr out = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        struct cmsghdr *header = CMSG_FIRSTHDR(&out);
        int fds[3] = {0, 1, 2};
        *header = (struct cmsghdr){CMSG_LEN(sizeof fds), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(header), fds, sizeof fds);
        MUST(sendmsg(pair[0], &out, 0) == 1);
        char *exact = malloc(room + 1);
        struct msghdr in = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = exact, .msg_controllen = room};
        MUST(recvmsg(pair[1], &in, 0) == 1);
        free(exact);
        MUST(!close_range((unsigned)pair[1] + 1, 900, 0));
    }
    return 0;
}

static const struct victim_test tests[] = {
    VICTIM(the_mode_of_open_is_there_when_it_is_given, NULL),
    VICTIM(fcntl_takes_numbers_and_pointers, NULL),
    VICTIM(offsets_are_64_bits_wide, NULL),
    VICTIM(errno_is_kept_on_success, NULL),
    VICTIM(errno_is_the_calls_on_failure, NULL),
    VICTIM(errno_is_0_at_the_start, NULL),
    {"errno_is_0_at_the_start_in_mode_off", errno_is_0_at_the_start, "REQSCOPE_MODE=off", 0},
    VICTIM(short_address_buffers_are_not_overrun, NULL),
    VICTIM(control_messages_without_room_are_harmless, NULL),
};

int main(int argc, char **argv) {
    errno_at_start = errno;
    return victim_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
