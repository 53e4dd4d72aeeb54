/* victim_surface_streams.c: reading, writing and moving in streams: each call on another's stream is found and refused at that
 * call, even when it touches the stream's memory alone. */
#include "surface.h"

#include <mntent.h>
#include <stdio_ext.h>
#include <wchar.h>

/* ---- subjects ------------------------------------------------------------------------------------------------------
 */

static void fresh_reader(struct subject *subject) {
    file(subject);
    subject->stream = fdopen(subject->fd, "r");
    MUST(subject->stream);
}

/* All of the file is in the stream's memory. */
static void reader(struct subject *subject) {
    fresh_reader(subject);
    MUST(fgetc(subject->stream) == '0' && ungetc('0', subject->stream) == '0');
    MUST(__fbufsize(subject->stream) > sizeof TEXT);
}

static void table_reader(struct subject *subject) {
    static const char table[] = "none / ext4 rw 0 0\n";
    subject->fd = surface_give(kernel(SYS_memfd_create, "table", 0));
    MUST(kernel(SYS_pwrite64, subject->fd, table, sizeof table - 1, 0) == sizeof table - 1);
    subject->stream = fdopen(subject->fd, "r");
    MUST(subject->stream);
}

static void writer(struct subject *subject) {
    subject->fd = surface_give(kernel(SYS_memfd_create, "written", 0));
    subject->stream = fdopen(subject->fd, "w");
    MUST(subject->stream);
}

/* Something waits in the stream's memory for being written. */
static void full_writer(struct subject *subject) {
    writer(subject);
    MUST(fputs("evil", subject->stream) >= 0);
}

/* The process's own streams, on files of the context's. */
static void standard(struct subject *subject, FILE *stream, const char *text) {
    int fd = (int)kernel(SYS_memfd_create, "standard", 0);
    long length = (long)strlen(text);
    MUST(fd >= 0 && kernel(SYS_pwrite64, fd, text, length, 0) == length);
    __fpurge(stream);
    clearerr(stream);
    subject->fd = fileno(stream);
    MUST(dup2(fd, subject->fd) == subject->fd && !close(fd));
    surface_give(subject->fd);
    subject->stream = stream;
}

static void standard_input(struct subject *subject) {
    standard(subject, stdin, TEXT);
}

static void standard_output(struct subject *subject) {
    standard(subject, stdout, "");
}

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

static long a_byte(struct subject *subject) {
    return CALLED(int, FILE *)(subject->stream);
}

static long a_wide_one(struct subject *subject) {
    return (int)CALLED(wint_t, FILE *)(subject->stream);
}

static long from_standard_input(struct subject *subject) {
    (void)subject;
    return CALLED(int, void)();
}

static long call_fgets(struct subject *subject) {
    const char *line = CALLED(char *, char *, int, FILE *)(buffer, 64, subject->stream);
    return line ? received((long)strlen(line)) : -1;
}

static long call_fgets_chk(struct subject *subject) {
    const char *line = CALLED(char *, char *, size_t, int, FILE *)(buffer, sizeof buffer, 64, subject->stream);
    return line ? received((long)strlen(line)) : -1;
}

/* Its failure is 0. */
static long call_fread(struct subject *subject) {
    size_t count = CALLED(size_t, void *, size_t, size_t, FILE *)(buffer, 1, 8, subject->stream);
    return count ? received((long)count) : -1;
}

static long call_fread_chk(struct subject *subject) {
    size_t count = CALLED(size_t, void *, size_t, size_t, size_t, FILE *)(buffer, sizeof buffer, 1, 8, subject->stream);
    return count ? received((long)count) : -1;
}

static long a_line(char *line, long length) {
    if (length > 0) MUST(!memcmp(line, TEXT, (size_t)length));
    int error = errno;
    free(line);
    errno = error;
    return length;
}

static long call_getline(struct subject *subject) {
    char *line = NULL;
    size_t size = 0;
    long length = CALLED(ssize_t, char **, size_t *, FILE *)(&line, &size, subject->stream);
    return a_line(line, length);
}

static long call_getdelim(struct subject *subject) {
    char *line = NULL;
    size_t size = 0;
    long length = CALLED(ssize_t, char **, size_t *, int, FILE *)(&line, &size, '5', subject->stream);
    return a_line(line, length);
}

static long call_fscanf(struct subject *subject) {
    int number = 0, next = 0;
    int count = CALLED(int, FILE *, const char *, ...)(subject->stream, "%3d%2d", &number, &next);
    MUST(count != 2 || (number == 12 && next == 34));
    return count;
}

static long call_scanf(struct subject *subject) {
    int number = 0, next = 0;
    (void)subject;
    int count = CALLED(int, const char *, ...)("%3d%2d", &number, &next);
    MUST(count != 2 || (number == 12 && next == 34));
    return count;
}

static long scan_list(struct subject *subject, ...) {
    va_list list;
    va_start(list, subject);
    int count = CALLED(int, FILE *, const char *, va_list)(subject->stream, "%3d%2d", list), error = errno;
    va_end(list);
    errno = error;
    return count;
}

static long call_vfscanf(struct subject *subject) {
    int number = 0, next = 0;
    long count = scan_list(subject, &number, &next);
    MUST(count != 2 || (number == 12 && next == 34));
    return count;
}

static long is_the_root(const struct mntent *entry) {
    return !entry ? -1 : strcmp(entry->mnt_dir, "/") ? -2 : 0;
}

static long call_getmntent(struct subject *subject) {
    return is_the_root(CALLED(struct mntent *, FILE *)(subject->stream));
}

static long call_getmntent_r(struct subject *subject) {
    struct mntent entry;
    return is_the_root(
        CALLED(struct mntent *, FILE *, struct mntent *, char *, int)(subject->stream, &entry, buffer, sizeof buffer));
}

/* ---- writing: into the stream's memory -----------------------------------------------------------------------------
 */

static long wrote(const struct subject *subject, const char *text, long result) {
    if (result >= 0) MUST(!memcmp(subject->stream->_IO_write_base, text, strlen(text)));
    return result;
}

static long put_byte(struct subject *subject) {
    return wrote(subject, "e", CALLED(int, int, FILE *)('e', subject->stream));
}

static long put_overflow(struct subject *subject) {
    return wrote(subject, "e", CALLED(int, FILE *, int)(subject->stream, 'e'));
}

static long put_wide(struct subject *subject) {
    return (int)CALLED(wint_t, wchar_t, FILE *)(L'e', subject->stream);
}

static long put_to_standard_output(struct subject *subject) {
    return wrote(subject, "e", CALLED(int, int)('e'));
}

static long call_fputs(struct subject *subject) {
    return wrote(subject, "evil", CALLED(int, const char *, FILE *)("evil", subject->stream)) < 0 ? -1 : 0;
}

static long call_puts(struct subject *subject) {
    return wrote(subject, "evil\n", CALLED(int, const char *)("evil")) < 0 ? -1 : 0;
}

static long call_fwrite(struct subject *subject) {
    size_t count = CALLED(size_t, const void *, size_t, size_t, FILE *)("evil", 2, 2, subject->stream);
    return count ? wrote(subject, "evil", (long)count) : -1;
}

static long call_fprintf(struct subject *subject) {
    return wrote(subject, "evil 7", CALLED(int, FILE *, const char *, ...)(subject->stream, "%s %d", "evil", 7));
}

static long call_fprintf_chk(struct subject *subject) {
    return wrote(subject, "evil 7",
                 CALLED(int, FILE *, int, const char *, ...)(subject->stream, 1, "%s %d", "evil", 7));
}

static long call_printf(struct subject *subject) {
    return wrote(subject, "evil 7", CALLED(int, const char *, ...)("%s %d", "evil", 7));
}

static long call_printf_chk(struct subject *subject) {
    return wrote(subject, "evil 7", CALLED(int, int, const char *, ...)(1, "%s %d", "evil", 7));
}

enum form { VFPRINTF, VFPRINTF_CHK, VPRINTF, VPRINTF_CHK };

static long print_list(struct subject *subject, enum form form, ...) {
    static const char format[] = "%s %d";
    int count = -2;
    va_list list;
    va_start(list, form);
    if (form == VFPRINTF) count = CALLED(int, FILE *, const char *, va_list)(subject->stream, format, list);
    if (form == VFPRINTF_CHK) count = CALLED(int, FILE *, int, const char *, va_list)(subject->stream, 1, format, list);
    if (form == VPRINTF) count = CALLED(int, const char *, va_list)(format, list);
    if (form == VPRINTF_CHK) count = CALLED(int, int, const char *, va_list)(1, format, list);
    int error = errno;
    va_end(list);
    errno = error;
    return wrote(subject, "evil 7", count);
}

static long call_vfprintf(struct subject *subject) {
    return print_list(subject, VFPRINTF, "evil", 7);
}

static long call_vfprintf_chk(struct subject *subject) {
    return print_list(subject, VFPRINTF_CHK, "evil", 7);
}

static long call_vprintf(struct subject *subject) {
    return print_list(subject, VPRINTF, "evil", 7);
}

static long call_vprintf_chk(struct subject *subject) {
    return print_list(subject, VPRINTF_CHK, "evil", 7);
}

/* ---- position and memory -------------------------------------------------------------------------------------------
 */

static long call_fflush(struct subject *subject) {
    char text[8] = "";
    if (CALLED(int, FILE *)(subject->stream)) return -1;
    return kernel(SYS_pread64, subject->fd, text, 4, 0) == 4 && !strcmp(text, "evil") ? 0 : -2;
}

/* Whose they are is no matter: a program that ends flushes them all. */
static long flush_all(struct subject *subject) {
    char text[8] = "";
    full_writer(subject);
    reqscope_switch(b);
    MUST(!CALLED(int, FILE *)(NULL));
    return kernel(SYS_pread64, subject->fd, text, 4, 0) == 4 && !strcmp(text, "evil") ? 0 : -2;
}

static long call_fseek(struct subject *subject) {
    return CALLED(int, FILE *, long, int)(subject->stream, 5, SEEK_SET);
}

/* It has no result. */
static long call_rewind(struct subject *subject) {
    errno = 0;
    CALLED(void, FILE *)(subject->stream);
    return errno ? -1 : 0;
}

static long call_fsetpos(struct subject *subject) {
    static fpos_t place;
    if (reqscope_current() == a) MUST(!fseek(subject->stream, 7, SEEK_SET) && !fgetpos(subject->stream, &place));
    return CALLED(int, FILE *, const fpos_t *)(subject->stream, &place);
}

static long call_ftell(struct subject *subject) {
    return CALLED(long, FILE *)(subject->stream);
}

static long call_fgetpos(struct subject *subject) {
    fpos_t place;
    return CALLED(int, FILE *, fpos_t *)(subject->stream, &place);
}

static long call_fileno(struct subject *subject) {
    return CALLED(int, FILE *)(subject->stream) - subject->fd;
}

static long call_setbuf(struct subject *subject) {
    static char room[2][BUFSIZ];
    static int next;
    CALLED(void, FILE *, char *)(subject->stream, room[next++ % 2]);
    return __fbufsize(subject->stream) == BUFSIZ ? 0 : -2;
}

static long call_setvbuf(struct subject *subject) {
    return CALLED(int, FILE *, char *, int, size_t)(subject->stream, NULL, _IONBF, 0);
}

static long call_setlinebuf(struct subject *subject) {
    CALLED(void, FILE *)(subject->stream);
    return __flbf(subject->stream) ? 0 : -2;
}

static const struct surface rows[] = {
    USES_STREAM(fgetc, NULL, reader, a_byte, '0'),
    USES_STREAM(fgetc, "from the file", fresh_reader, a_byte, '0'),
    USES_STREAM(getc, NULL, reader, a_byte, '0'),
    USES_STREAM(_IO_getc, NULL, reader, a_byte, '0'),
    USES_STREAM(fgetc_unlocked, NULL, reader, a_byte, '0'),
    USES_STREAM(getc_unlocked, NULL, reader, a_byte, '0'),
    USES_STREAM(__uflow, NULL, fresh_reader, a_byte, '0'),
    USES_STREAM(fgetwc, NULL, fresh_reader, a_wide_one, '0'),
    USES_STREAM(getwc, NULL, fresh_reader, a_wide_one, '0'),
    USES_STREAM(getchar, NULL, standard_input, from_standard_input, '0'),
    USES_STREAM(getchar_unlocked, NULL, standard_input, from_standard_input, '0'),
    USES_STREAM(fgets, NULL, reader, call_fgets, 11),
    USES_STREAM(fgets_unlocked, NULL, reader, call_fgets, 11),
    USES_STREAM(__fgets_chk, NULL, reader, call_fgets_chk, 11),
    USES_STREAM(__fgets_unlocked_chk, NULL, reader, call_fgets_chk, 11),
    USES_STREAM(fread, NULL, reader, call_fread, 8),
    USES_STREAM(fread, "from the file", fresh_reader, call_fread, 8),
    USES_STREAM(fread_unlocked, NULL, reader, call_fread, 8),
    USES_STREAM(__fread_chk, NULL, reader, call_fread_chk, 8),
    USES_STREAM(__fread_unlocked_chk, NULL, reader, call_fread_chk, 8),
    USES_STREAM(getline, NULL, reader, call_getline, 11),
    USES_STREAM(getdelim, NULL, reader, call_getdelim, 6),
    USES_STREAM(__getdelim, NULL, reader, call_getdelim, 6),
    USES_STREAM(fscanf, NULL, reader, call_fscanf, 2),
    USES_STREAM(__isoc99_fscanf, NULL, reader, call_fscanf, 2),
    USES_STREAM(vfscanf, NULL, reader, call_vfscanf, 2),
    USES_STREAM(__isoc99_vfscanf, NULL, reader, call_vfscanf, 2),
    USES_STREAM(scanf, NULL, standard_input, call_scanf, 2),
    USES_STREAM(__isoc99_scanf, NULL, standard_input, call_scanf, 2),
    USES_STREAM(getmntent, NULL, table_reader, call_getmntent, 0),
    USES_STREAM(getmntent_r, NULL, table_reader, call_getmntent_r, 0),
    USES_STREAM(fputc, NULL, writer, put_byte, 'e'),
    USES_STREAM(putc, NULL, writer, put_byte, 'e'),
    USES_STREAM(_IO_putc, NULL, writer, put_byte, 'e'),
    USES_STREAM(fputc_unlocked, NULL, writer, put_byte, 'e'),
    USES_STREAM(putc_unlocked, NULL, writer, put_byte, 'e'),
    USES_STREAM(__overflow, NULL, writer, put_overflow, 'e'),
    USES_STREAM(fputwc, NULL, writer, put_wide, 'e'),
    USES_STREAM(putwc, NULL, writer, put_wide, 'e'),
    USES_STREAM(putchar, NULL, standard_output, put_to_standard_output, 'e'),
    USES_STREAM(putchar_unlocked, NULL, standard_output, put_to_standard_output, 'e'),
    USES_STREAM(fputs, NULL, writer, call_fputs, 0),
    USES_STREAM(fputs_unlocked, NULL, writer, call_fputs, 0),
    USES_STREAM(puts, NULL, standard_output, call_puts, 0),
    USES_STREAM(fwrite, NULL, writer, call_fwrite, 2),
    USES_STREAM(fwrite_unlocked, NULL, writer, call_fwrite, 2),
    USES_STREAM(fprintf, NULL, writer, call_fprintf, 6),
    USES_STREAM(__fprintf_chk, NULL, writer, call_fprintf_chk, 6),
    USES_STREAM(vfprintf, NULL, writer, call_vfprintf, 6),
    USES_STREAM(__vfprintf_chk, NULL, writer, call_vfprintf_chk, 6),
    USES_STREAM(printf, NULL, standard_output, call_printf, 6),
    USES_STREAM(__printf_chk, NULL, standard_output, call_printf_chk, 6),
    USES_STREAM(vprintf, NULL, standard_output, call_vprintf, 6),
    USES_STREAM(__vprintf_chk, NULL, standard_output, call_vprintf_chk, 6),
    USES_STREAM(fflush, NULL, full_writer, call_fflush, 0),
    USES_STREAM(fflush_unlocked, NULL, full_writer, call_fflush, 0),
    WORKS(fflush, "of all", flush_all, 0),
    WORKS(fflush_unlocked, "of all", flush_all, 0),
    USES_STREAM(fseek, NULL, reader, call_fseek, 0),
    USES_STREAM(fseeko, NULL, reader, call_fseek, 0),
    USES_STREAM(fseeko64, NULL, reader, call_fseek, 0),
    USES_STREAM(rewind, NULL, reader, call_rewind, 0),
    USES_STREAM(fsetpos, NULL, reader, call_fsetpos, 0),
    USES_STREAM(fsetpos64, NULL, reader, call_fsetpos, 0),
    LOOKS_STREAM(ftell, NULL, reader, call_ftell, 0),
    LOOKS_STREAM(ftello, NULL, reader, call_ftell, 0),
    LOOKS_STREAM(ftello64, NULL, reader, call_ftell, 0),
    LOOKS_STREAM(fgetpos, NULL, reader, call_fgetpos, 0),
    LOOKS_STREAM(fgetpos64, NULL, reader, call_fgetpos, 0),
    LOOKS_STREAM(fileno, NULL, reader, call_fileno, 0),
    LOOKS_STREAM(fileno_unlocked, NULL, reader, call_fileno, 0),
    LOOKS_STREAM(setbuf, NULL, writer, call_setbuf, 0),
    LOOKS_STREAM(setvbuf, NULL, writer, call_setvbuf, 0),
    LOOKS_STREAM(setlinebuf, NULL, writer, call_setlinebuf, 0),
};
SURFACE_MAIN(rows)
