/* symbols.h: function, file and line of an address, for the report on the log. Reads the ELF symbol table and DWARF's line table
 * of the file that the address is mapped from, when they are there; the command `reqscope report` knows more (inlined
 * functions, separate debug files). Cold; maps the file, and forgets it again; no malloc. */
#ifndef RS_PRELOAD_SYMBOLS_H
#define RS_PRELOAD_SYMBOLS_H

#include <stdint.h>

struct rs_symbol {
    char function[96]; /* "" when it is not known */
    char file[64];     /* its last part; "" when it is not known */
    uint32_t line;
    char module[64]; /* its last part; "" when the address lies in none */
    uint64_t offset; /* the address less the module's load bias */
};

/* `address` is a return address: the call stands just before it. */
void rs_symbol_find(uint64_t address, struct rs_symbol *symbol);

#endif
