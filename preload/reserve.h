/* reserve.h: address space for tables that never move. It becomes memory where it is touched, is left out of core dumps, and is
 * asked for in full only where address space is not limited (ulimit -v): there the program needs it more. */
#ifndef RS_PRELOAD_RESERVE_H
#define RS_PRELOAD_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

/* Is this process's address space limited? Asked once. */
bool rs_space_is_limited(void);

/* `count` elements of `size` bytes, zero, private to the process or shared with its children; NULL when there is no room. */
void *rs_reserve_private(uint64_t count, uint64_t size);
void *rs_reserve_shared(uint64_t count, uint64_t size);

#endif
