/* elf_part.h: an ELF file without its code and data: what gives addresses their names is left (symbols, unwind tables, DWARF, the build
 * id), all sections under their numbers and addresses. What eu-strip -f and objcopy --only-keep-debug leave, and the unwind tables. */
#ifndef RS_VIEWER_ELF_PART_H
#define RS_VIEWER_ELF_PART_H

#include <stdbool.h>

/* Writes it to the empty file `to`, which may hold a part of it afterwards when it fails: the file is odd then, or the disk full. */
bool elf_part_write(int from, int to);

#endif
