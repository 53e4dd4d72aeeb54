/* ownfd.h: the guard's own descriptors: high numbers, closed on exec, and to the program they are not open.
 *
 * Few (the log, the trace's folders, the unwinder's pipe). They are marked in the fd table (rs_is_own), so that a call of the
 * program's on such a number is refused with EBADF without a look here, and kept here so that they can be moved out of the
 * way when the program duplicates onto one. Whoever keeps such a number hears of it when it changes: a holder gets the new
 * one, or -1 when there is none any more. All functions: any thread, signal safe, errno kept. */
#ifndef RS_PRELOAD_OWNFD_H
#define RS_PRELOAD_OWNFD_H

#include "tracer/sys.h"

#include <stdbool.h>

/* Moves fd to a safe number and protects it; returns the number (fd itself when there is no better one). If `holder` is not
 * NULL the number is stored there, now and whenever it has to change. fd < 0 is returned as it is. */
int rs_own(int fd, int *holder);

/* The same for a number that code outside the guard keeps (the unwinder's pipe): that code cannot be told another one, so
 * the descriptor does not move. `lost` is called before the number goes to the program, or when that has been noticed; it
 * must see to it that the code is not entered again. It may be called on any thread and in a signal handler. */
int rs_own_fixed(int fd, void (*lost)(void));

/* Code outside the guard that was here before it may hold private pipes already (an allocator that unwinds with libunwind
 * itself). rs_own_note_pipes, at start, notes the pipes that may be such ones: not inherited, since closed on exec, and not
 * blocking. rs_own_adopt is asked when that code uses a number: true when it still is a pipe noted then, which is an own one
 * from now on, where it is, as by rs_own_fixed. */
void rs_own_note_pipes(void);
bool rs_own_adopt(int fd, void (*lost)(void));

/* The guard itself closes one of its descriptors. One that was lost is not closed: the number is the program's by now. */
void rs_own_close(int fd);

/* The unwinder closes what it takes for its pipe: -1 and EBADF when the program has something else there by now. */
int rs_own_close_by_unwinder(int fd);

/* The program is about to take this number (dup2): the guard's descriptor there moves away, or is given up. */
void rs_own_vacate(int fd);

/* The program has got this number from the kernel, so the guard's descriptor there was closed unseen (syscall(SYS_close)):
 * it is the guard's no longer, and its holder becomes -1. Nothing happens when the number is not an own one. */
void rs_own_lost(int fd);

/* No own descriptor has been below it: what a wait on many descriptors compares before it looks. */
extern int rs_own_lowest RS_HIDDEN;

/* The first own descriptor >= from, or -1: close_range and closefrom must go around them. */
int rs_own_next(int from);

#endif
