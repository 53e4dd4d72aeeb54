/* lease.h: connections that may change hands (REQSCOPE_POLICY=lease, or a rule): who may take one over, and when.
 *
 *   complete       it is the taker's from now on
 *   owed, within another's transaction        dirty-handover; then it is the taker's, unless that is refused
 *   a debt         sent before anything was ever received: the other side may be one that never answers (a log's). It is the
 *                  taker's, but marked (RS_TAG_DEBT): should the taker read, there is an answer, and it is not his
 *   multiplexed    made for many requests at once: shared from now on, and that is said once */
#ifndef RS_PRELOAD_LEASE_H
#define RS_PRELOAD_LEASE_H

#include "preload/fdtable.h"
#include "tracer/layout.h"

/* May this description change hands? */
bool rs_may_be_leased(int fd, const struct rs_description *description);

enum rs_lease { RS_LEASE_TAKEN, RS_LEASE_SHARED, RS_LEASE_REFUSED, RS_LEASE_FOREIGN /* it may not, after all */ };

/* The current context is about to use what `tag` says another has, or nobody. */
enum rs_lease rs_lease(int fd, enum rs_operation operation, struct rs_description *description, uint64_t tag);

/* The current context was refused it, and tries once more: that is reported in the words of the first time. */
void rs_lease_refuse(int fd, enum rs_operation operation, const struct rs_description *description, uint64_t owner);

/* The current context, which has it, is about to use what is marked with a debt. False: refused, errno is EPERM. */
bool rs_lease_with_debt(int fd, enum rs_operation operation, struct rs_description *description);

#endif
