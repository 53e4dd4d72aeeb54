/* test_symbols.c: the parts of where names come from that no program is needed for: perf maps (jit_map.h), the copy that the guard
 * keeps of one (folder.h), paths (debug_files.h). */
#include "tests/unit/make_trace.h"
#include "tests/unit/unit.h"
#include "tracer/clock.h"
#include "tracer/folder.h"
#include "viewer/debug_files.h"
#include "viewer/jit_map.h"
#include "viewer/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- names ---- */

static void is_named(const char *name, const char *function, const char *path, int line, int column) {
    struct jit_name parts = jit_name_of(name);
    assert_string_equal(parts.function, function);
    if (path)
        assert_string_equal(parts.path, path);
    else
        assert_null(parts.path);
    assert_int_equal(parts.line, line);
    assert_int_equal(parts.column, column);
    free(parts.function);
    free(parts.path);
}

static void names_of_nodejs_tell_where_the_function_stands(void **state) {
    (void)state;
    is_named("LazyCompile:*query /app/db.js:12:5", "query", "/app/db.js", 12, 5);
    is_named("JS:~handler file:///app/server.mjs:10:20", "handler", "/app/server.mjs", 10, 20);
    is_named("JS:^get size /my app/a b.js:3:7", "get size", "/my app/a b.js", 3, 7);
    is_named("Function:~ /app/db.js:1:2", "(anonymous)", "/app/db.js", 1, 2);
    is_named("JS:*openSync node:fs:570:18", "openSync", "node:fs", 570, 18);
    is_named("Script:~app.js:4", "app.js", NULL, 0, 0);
    is_named("JS:~handler", "handler", NULL, 0, 0);
    is_named("JS:", "(anonymous)", NULL, 0, 0);
    is_named("JS:*a /b.js:99999999999:1", "a", "/b.js:99999999999", 1, 0);
}

static void other_names_are_taken_as_they_are(void **state) {
    (void)state;
    is_named("py::Pool.get:/app/pool.py", "Pool.get", "/app/pool.py", 0, 0);
    is_named("py::strange", "strange", NULL, 0, 0);
    is_named("Lorg/shop/Basket;::load", "Lorg/shop/Basket;::load", NULL, 0, 0);
    is_named("RegExp:a:1:2", "RegExp:a:1:2", NULL, 0, 0);
}

/* ---- maps ---- */

static struct jit_map *read_map(const char *text) {
    char *folder = make_folder(), *path = make_path(folder, "map");
    make_write(path, text, strlen(text));
    struct jit_map *map = jit_map_read(path);
    make_remove(folder);
    free(path);
    free(folder);
    return map;
}

static void is_at(const struct jit_map *map, uint64_t address, const char *name) {
    const char *found = jit_map_find(map, address);
    if (name && found)
        assert_string_equal(found, name);
    else
        assert_true(!name && !found);
}

static void of_reused_addresses_the_last_name_counts(void **state) {
    struct jit_map *map =
        read_map("2000 100 second\n1000 100 first\n1080 10 within\n1000 40 again\n0x3000 0x10 with a blank\n");
    (void)state;
    is_at(map, 0xfff, NULL);
    is_at(map, 0x1000, "again");
    is_at(map, 0x103f, "again");
    is_at(map, 0x1040, "first");
    is_at(map, 0x1085, "within");
    is_at(map, 0x1090, "first");
    is_at(map, 0x10ff, "first");
    is_at(map, 0x1100, NULL);
    is_at(map, 0x20ff, "second");
    is_at(map, 0x3001, "with a blank");
    is_at(map, UINT64_MAX, NULL);
    jit_map_free(map);
}

static void what_is_no_line_of_a_map_is_passed_over(void **state) {
    struct jit_map *map = read_map("\n1000\n1000 10\n1000 10 \nxyz 10 name\n1000 0 empty\nffffffffffffffff 10 wraps\n"
                                   "2000 10 good\n2010 1");
    (void)state;
    is_at(map, 0x1000, NULL);
    is_at(map, 0x2000, "good");
    is_at(map, 0x2010, NULL);
    is_at(map, UINT64_MAX, NULL);
    jit_map_free(map);
    assert_null(read_map(""));
    assert_null(read_map("no map at all\n"));
    assert_null(jit_map_read("/nowhere"));
    assert_null(jit_map_read("/dev/null"));
}

/* ---- the guard's copy ---- */

struct kept {
    struct rs_folder folder;
    char *place, *map, *copy;
};

static struct kept begin_keeping(void) {
    struct kept kept = {.place = make_folder()};
    kept.folder.home = open(kept.place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    kept.copy = make_path(kept.place, RS_FOLDER_PERF_MAP);
    assert_true(asprintf(&kept.map, "/tmp/perf-%d.map", (int)getpid()) > 0);
    remove(kept.map);
    return kept;
}

static void end_keeping(struct kept *kept) {
    remove(kept->map);
    close(kept->folder.home);
    make_remove(kept->place);
    free(kept->place);
    free(kept->map);
    free(kept->copy);
}

static bool keeps(const struct kept *kept, uint64_t since, uint64_t most) {
    assert_int_equal(rs_folder_keep_perf_map(&kept->folder, since, most), 0);
    return !access(kept->copy, F_OK);
}

static void the_guard_keeps_a_map_of_its_own_process(void **state) {
    struct kept kept = begin_keeping();
    uint64_t since = rs_clock_realtime();
    char text[200000];
    size_t size;
    struct stat status;
    (void)state;
    memset(text, 'x', sizeof text);
    assert_false(keeps(&kept, since, 1 << 20)); /* none is there */
    make_write(kept.map, text, sizeof text);
    assert_true(keeps(&kept, since, 1 << 20));
    unsigned char *copy = make_read(kept.copy, &size);
    assert_int_equal(size, sizeof text);
    assert_memory_equal(copy, text, size);
    assert_int_equal(stat(kept.copy, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    free(copy);
    end_keeping(&kept);
}

static void the_guard_keeps_no_other_map(void **state) {
    struct kept kept = begin_keeping();
    uint64_t now = rs_clock_realtime(), second = 1000000000u;
    char *other = make_path(kept.place, "other");
    (void)state;
    make_write(kept.map, "1000 10 name\n", 13);
    assert_false(keeps(&kept, now, 12));               /* too large */
    assert_false(keeps(&kept, now + 5 * second, 100)); /* of a process that was before */
    remove(kept.map);
    make_write(other, "1000 10 name\n", 13);
    assert_int_equal(symlink(other, kept.map), 0);
    assert_false(keeps(&kept, now, 100)); /* a link, to a file that is good */
    remove(kept.map);
    assert_int_equal(mkfifo(kept.map, 0600), 0);
    assert_false(keeps(&kept, now, 100));
    remove(kept.map);
    make_write(kept.map, "", 0);
    assert_false(keeps(&kept, now, 100));
    if (!geteuid()) {
        make_write(kept.map, "1000 10 name\n", 13);
        assert_int_equal(chown(kept.map, 65534, 65534), 0);
        assert_false(keeps(&kept, now, 100)); /* another user's */
    }
    free(other);
    end_keeping(&kept);
}

/* ---- paths and the pack ---- */

static void is_plain(const char *path, const char *expected) {
    char *plain = debug_files_plain(path);
    if (expected)
        assert_string_equal(plain, expected);
    else
        assert_null(plain);
    free(plain);
}

static void a_path_leads_nowhere_else(void **state) {
    (void)state;
    is_plain("/usr/lib/libc.so", "usr/lib/libc.so");
    is_plain("/build/../src//./a.c", "src/a.c");
    is_plain("a/b/../../../../etc/passwd", "etc/passwd");
    is_plain("../..", NULL);
    is_plain("/", NULL);
    is_plain("", NULL);
    is_plain("..a/.b/c..", "..a/.b/c..");
}

static void what_is_stored_stays_as_it_is(void **state) {
    char *folder = make_folder(), *one = make_path(folder, "one"), *place = make_path(folder, "debug/a/b/c");
    struct store store;
    uint64_t size;
    size_t length;
    (void)state;
    make_write(one, "first", 5);
    int from = open(one, O_RDONLY | O_CLOEXEC);
    assert_true(store_open(&store, folder, "debug"));
    assert_int_equal(store_put(&store, "a/b/c", from, false, &size), STORE_ADDED);
    assert_int_equal(size, 5);
    make_write(one, "another", 7);
    assert_int_equal(store_put(&store, "a/b/c", from, true, &size), STORE_PRESENT);
    assert_int_equal(size, 5);
    unsigned char *bytes = make_read(place, &length);
    assert_memory_equal(bytes, "first", 5);
    free(bytes);
    /* What is no ELF file is taken whole. */
    assert_int_equal(store_put(&store, "d", from, true, &size), STORE_ADDED);
    assert_int_equal(size, 7);
    store_close(&store);
    close(from);
    make_remove(folder);
    free(place);
    free(one);
    free(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_nodejs_tell_where_the_function_stands),
        cmocka_unit_test(other_names_are_taken_as_they_are),
        cmocka_unit_test(of_reused_addresses_the_last_name_counts),
        cmocka_unit_test(what_is_no_line_of_a_map_is_passed_over),
        cmocka_unit_test(the_guard_keeps_a_map_of_its_own_process),
        cmocka_unit_test(the_guard_keeps_no_other_map),
        cmocka_unit_test(a_path_leads_nowhere_else),
        cmocka_unit_test(what_is_stored_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
