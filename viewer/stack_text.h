/* stack_text.h: stacks as people read them: what every program has around its own code (the C library, the dynamic linker, the
 * guard) and an interpreter's frames below the one that calls folded into a line each, the program's own code in full, with its source where that says most. */
#ifndef RS_VIEWER_STACK_TEXT_H
#define RS_VIEWER_STACK_TEXT_H

#include "viewer/symbols.h"

/* Is the frame of the C library, the dynamic linker, the kernel's own page, what starts a program, or the guard? */
bool stack_is_runtime(const struct frame *frame);

/* The frames of one of the process's stacks, as symbols_stack gives them; *flags are RS_STACK_*. */
struct frame *stack_frames(struct symbols *symbols, const struct process *process, uint32_t id, size_t *count,
                           uint32_t *flags);

/* The frame that says where it happened: the first of the program's own that has a function's name, else the first that has one,
 * else the first of the program's own. NULL: there is none. */
const struct frame *stack_place(const struct frame *frames, size_t count);

/* "ask_over (basket.c:69)", "server+0x12cc"; the caller's to free, not escaped. NULL: nothing is known. */
char *stack_place_text(struct symbols *symbols, const struct process *process, uint32_t id);

/* Prints the stack on stdout, a line a frame. */
void stack_print(struct symbols *symbols, const struct process *process, uint32_t id);

#endif
