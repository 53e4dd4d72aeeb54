/* symbols.h: function, file and line of addresses, for the report on the log. Reads the ELF symbol table and DWARF's line table
 * of the files that the addresses are mapped from, when they are there; the command `reqscope report` knows more (inlined
 * functions, separate debug files). Cold; maps each file, and forgets it again; no malloc.
 *
 * A report asks for all its frames at once: each table is gone over once, however many frames lie in its file. And of line
 * tables only so much is read for one report (RS_LINES_MOST, all files together) that it takes no longer than 0.1 s. */
#ifndef RS_PRELOAD_SYMBOLS_H
#define RS_PRELOAD_SYMBOLS_H

#include <stdint.h>

struct rs_module;

struct rs_symbol {
    uint64_t address;  /* set by the caller: a return address; the call stands just before it */
    char function[96]; /* "" when it is not known */
    char file[64];     /* its last part; "" when it is not known */
    char path[192];    /* as far as the line table has it */
    uint32_t line;
    char module[64];                /* its last part; "" when the address lies in none */
    uint64_t offset;                /* the address less the module's load bias */
    const struct rs_module *unread; /* symbols.c's: the module, until its file has been read */
};

/* Fills in all but the addresses. */
void rs_symbols_find(struct rs_symbol *symbols, uint32_t count);

#endif
