/* victim_own.c: the guard's own descriptors: the program neither sees nor harms them, and they never get into its way.
 */
#include "victim.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define HIGHEST 1100
#define MANY 1000

static reqscope_id a, b;

/* `count` findings: b uses what is a's. */
static void find(int count) {
    int fd = open("/dev/null", O_RDWR);
    if (!a) a = reqscope_begin("A"), b = reqscope_begin("B");
    reqscope_give(fd, a);
    for (int i = 0; i < count; i++) {
        reqscope_switch(b);
        ssize_t result = write(fd, "", 0);
        reqscope_switch(0);
        MUST(result == 0 || errno == EPERM);
    }
    close(fd);
}

/* Something else than above: another stack, so a report of its own. */
static void find_another(void) {
    int fd = open("/dev/null", O_RDWR);
    if (!a) a = reqscope_begin("A"), b = reqscope_begin("B");
    reqscope_give(fd, a);
    reqscope_switch(b);
    MUST(read(fd, &fd, 0) == 0 || errno == EPERM);
    reqscope_switch(0);
    close(fd);
}

static int own_count(int *numbers, int most) {
    int count = 0;
    for (int fd = 3; fd < 4096; fd++) {
        if (victim_is_own(fd) && count < most) numbers[count++] = fd;
    }
    return count;
}

/* ---- pipes of the program's own, on every number that there is --------------------------------------------------- */

struct pipes {
    int ends[HIGHEST][2], count;
};

static void make_pipes(struct pipes *pipes) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (pipes->count = 0; pipes->count < HIGHEST / 2; pipes->count++) {
        if (pipe(pipes->ends[pipes->count])) break;
        MUST(write(pipes->ends[pipes->count][1], "12345678", 8) == 8);
    }
    MUST(pipes->count > 400);
}

static void pipes_are_intact(const struct pipes *pipes) {
    for (int i = 0; i < pipes->count; i++) {
        char bytes[64];
        MUST(!fcntl(pipes->ends[i][0], F_SETFL, O_NONBLOCK));
        ssize_t count = read(pipes->ends[i][0], bytes, sizeof bytes);
        if (count != 8 || memcmp(bytes, "12345678", 8)) {
            victim_say("the pipe %d %d holds %zd bytes: '%.*s'", pipes->ends[i][0], pipes->ends[i][1], count,
                       count > 0 ? (int)count : 0, bytes);
            _exit(1);
        }
    }
}

static struct pipes pipes;

static int pipes_are_intact_after_close_range(void) {
    find(1);
    MUST(!close_range(3, ~0U, 0));
    make_pipes(&pipes);
    find(MANY);
    find_another();
    pipes_are_intact(&pipes);
    MUST(victim_reports("reqscope: foreign-io") == 3); /* from three lines of this function */
    return 0;
}

static int pipes_are_intact_after_a_loop_of_closes(void) {
    for (int fd = 3; fd < 65536; fd++) close(fd);
    make_pipes(&pipes);
    find(MANY);
    find_another();
    pipes_are_intact(&pipes);
    MUST(victim_reports("reqscope: foreign-io") == 2);
    return 0;
}

/* Behind the guard's back: its descriptors are gone. It may be blind then, but it must not use the program's. */
static int pipes_are_intact_after_an_unseen_close_range(void) {
    find(1);
    MUST(!kernel(SYS_close_range, 3, ~0U, 0));
    make_pipes(&pipes);
    find(MANY);
    find_another();
    pipes_are_intact(&pipes);
    return 0;
}

static int pipes_are_intact_in_a_child(void) {
    int status;
    find(1);
    if (!fork()) {
        MUST(!close_range(3, ~0U, 0));
        make_pipes(&pipes);
        find(MANY);
        pipes_are_intact(&pipes);
        _exit(0);
    }
    find(MANY);
    wait(&status);
    return status != 0;
}

/* ---- out of sight, out of the way ---------------------------------------------------------------------------------
 */

static int numbers_begin_at_3(void) {
    MUST(open("/dev/null", O_RDONLY) == 3);
    MUST(dup(0) == 4);
    int ends[2];
    MUST(!pipe(ends) && ends[0] == 5 && ends[1] == 6);
    MUST(socket(AF_UNIX, SOCK_STREAM, 0) == 7);
    MUST(fileno(fopen("/dev/null", "r")) == 8);
    find(3);
    MUST(!close(4) && open("/dev/null", O_RDONLY) == 4);
    return 0;
}

static int own_descriptors_are_not_open(void) {
    int own[64];
    char byte;
    int count = own_count(own, 64);
    MUST(count >= 1);
    for (int i = 0; i < count; i++) {
        int fd = own[i];
        MUST(fd > 2);
        for (int context = 0; context < 2; context++) {
            REFUSED(close(fd), EBADF);
            REFUSED(read(fd, &byte, 1), EBADF);
            REFUSED(write(fd, "x", 1), EBADF);
            REFUSED(dup(fd), EBADF);
            REFUSED(dup2(fd, 900), EBADF);
            REFUSED(dup3(fd, 900, 0), EBADF);
            REFUSED(dup2(fd, fd), EBADF);
            REFUSED(fcntl(fd, F_DUPFD, 3), EBADF);
            REFUSED(send(fd, "x", 1, 0), EBADF);
            REFUSED(shutdown(fd, SHUT_RDWR), EBADF);
            REFUSED(reqscope_give(fd, 0), EBADF);
            MUST(!fdopen(fd, "w") && errno == EBADF);
            if (!context) reqscope_begin("in a context, too");
        }
        reqscope_switch(0);
        MUST(kernel(SYS_fcntl, fd, F_GETFD) == FD_CLOEXEC);
    }
    find(1);
    find_another();
    MUST(victim_reports("reqscope: foreign-io") == 2);
    return 0;
}

static int traces(void) {
    const char *folder = getenv("REQSCOPE_TRACE");
    return folder && *folder;
}

/* What is in the trace's folder, by the kernel alone. */
static int packets(void) {
    char path[4096];
    int count = 0;
    snprintf(path, sizeof path, "%s/%s-%d", getenv("REQSCOPE_TRACE"), "victim_own", getpid());
    DIR *folder = opendir(path);
    if (!folder) return -1;
    for (struct dirent *entry; (entry = readdir(folder));) count += !strncmp(entry->d_name, "stream_", 7);
    closedir(folder);
    return count;
}

/* The program puts files and pipes of its own on the very numbers: the guard's move away, and work on. */
static int a_dup2_onto_an_own_number_is_the_programs(void) {
    int own[64], kept[2];
    char bytes[64];
    find(1);
    int count = own_count(own, 64);
    MUST(count >= 1 && !pipe(kept));
    MUST(!fcntl(kept[0], F_SETFL, O_NONBLOCK) && !fcntl(kept[1], F_SETFL, O_NONBLOCK));
    for (int i = 0; i < count; i++) {
        MUST(dup2(kept[1], own[i]) == own[i]);
        MUST(write(own[i], "x", 1) == 1 && read(kept[0], bytes, sizeof bytes) == 1);
    }
    find(MANY);
    find_another();
    MUST(victim_reports("reqscope: foreign-io") == 3); /* the program's two lines, and find's by another way */
    for (int i = 0; i < 20000; i++) {
        MUST(write(kept[1], "y", 1) == 1 && read(kept[0], bytes, sizeof bytes) == 1);
    }
    MUST(read(kept[0], bytes, sizeof bytes) < 0 && errno == EAGAIN); /* nothing of the guard's in it */
    MUST(!traces() || packets() > 1);
    return 0;
}

static int a_folder_on_an_own_number_stays_empty(void) {
    int own[64];
    char folder[] = "/tmp/reqscope-folder.XXXXXX", byte;
    MUST(mkdtemp(folder));
    int fd = open(folder, O_RDONLY | O_DIRECTORY), zero = open("/dev/zero", O_RDONLY);
    int count = own_count(own, 64);
    for (int i = 0; i < count; i++) MUST(dup2(fd, own[i]) == own[i]);
    for (int i = 0; i < 50000; i++) MUST(read(zero, &byte, 1) == 1);
    int removed = rmdir(folder);
    MUST(!removed);
    return 0;
}

static int a_dup2_that_fails_leaves_it_out_of_sight(void) {
    int own[64];
    int count = own_count(own, 64);
    MUST(count >= 1);
    for (int i = 0; i < count; i++) {
        REFUSED(dup2(999, own[i]), EBADF);
        REFUSED(fcntl(own[i], F_GETFD), EBADF);
    }
    return 0;
}

static int few_descriptors_are_enough(void) {
    struct rlimit few = {40, 40};
    char byte;
    MUST(!setrlimit(RLIMIT_NOFILE, &few));
    char *again[] = {"victim_own", "numbers_begin_at_3", NULL};
    if (!getenv("VICTIM_AGAIN")) {
        setenv("VICTIM_AGAIN", "1", 1);
        execv("/proc/self/exe", again);
    }
    MUST(read(0, &byte, 0) == 0);
    return 0;
}

static int an_exec_inherits_nothing(void) {
    int own[64], status;
    char command[1024] = "true";
    for (int i = own_count(own, 64); i-- > 0;) {
        sprintf(command + strlen(command), " && test ! -e /proc/self/fd/%d", own[i]);
    }
    pid_t pid = fork();
    if (!pid) {
        unsetenv("LD_PRELOAD");
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(99);
    }
    MUST(waitpid(pid, &status, 0) == pid);
    return status != 0;
}

static const struct victim_test tests[] = {
    VICTIM(pipes_are_intact_after_close_range, NULL),
    VICTIM(pipes_are_intact_after_a_loop_of_closes, NULL),
    VICTIM(pipes_are_intact_after_an_unseen_close_range, NULL),
    VICTIM(pipes_are_intact_in_a_child, NULL),
    VICTIM(numbers_begin_at_3, NULL),
    VICTIM(own_descriptors_are_not_open, NULL),
    VICTIM(a_dup2_onto_an_own_number_is_the_programs, NULL),
    VICTIM(a_folder_on_an_own_number_stays_empty, NULL),
    VICTIM(a_dup2_that_fails_leaves_it_out_of_sight, NULL),
    VICTIM(few_descriptors_are_enough, NULL),
    VICTIM(an_exec_inherits_nothing, NULL),
};
VICTIM_MAIN(tests)
