/* rules.h: what REQSCOPE_RULES says (tracer/rule.h: the language), read once, at start.
 *
 *   file ──mapped──► rules[]: verdict, pattern, hits      a table made at start and never changed but for the hits
 *
 * Rules about descriptions are asked when one comes to be or gets its name, and leave their mark in it, so that calls ask nothing:
 * without a rule about descriptions not even that. Suppressions are asked when a finding is new. The first rule that matches
 * counts; hits are counted, and told at the end of the process and in its trace. */
#ifndef RS_PRELOAD_RULES_H
#define RS_PRELOAD_RULES_H

#include "preload/fdtable.h"
#include "preload/symbols.h"
#include "tracer/layout.h"

#include <stdbool.h>
#include <stdint.h>

/* Is there a rule about descriptions? One that leases? */
extern bool rs_rules_describe RS_HIDDEN, rs_rules_lease RS_HIDDEN;

/* Reads the file. What is wrong with it is said on the log, line by line; the rest holds. Constructor only. */
void rs_rules_start(const char *path);

/* Has fd's description a rule? Marks it. name: as in describe.h, NULL: not known, then it is asked for. */
void rs_rules_mark(int fd, struct rs_description *description, const char *name);

/* Does a rule suppress findings of this kind with one of these frames in a stack? Its number (from 1), 0: none. */
uint32_t rs_rules_suppressing(enum rs_finding_kind kind, const struct rs_symbol *frames, uint32_t count);
bool rs_rules_suppress(void); /* is there any such rule? */

/* One hit more. */
void rs_rule_hit(uint32_t number);

/* Writes all rules and their hits into the trace: it has begun, or the process ends. */
void rs_rules_record(void);

/* Tells the hits on the log: the process ends. */
void rs_rules_tell(void);

/* In a fork's child: hits are counted from here. */
void rs_rules_forked(void);

#endif
