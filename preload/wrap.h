/* wrap.h: what all families of wrappers need. A wrapper is an exported function with libc's name and type:
 *
 *     ask the policy (rs_begin_call, rs_may_close)   before anything has happened
 *     call real.name                                 directly: it stays a cancellation point, nothing of ours is held
 *     note what has changed (rs_opened, rs_close_end, rs_end_call)
 *
 * A result and errno are the real function's. When the guard is off each is a load, a branch and a jump. */
#ifndef RS_PRELOAD_WRAP_H
#define RS_PRELOAD_WRAP_H

#include "preload/policy.h"
#include "preload/real.h"
#include "preload/track.h"

#define RS_EXPORT __attribute__((visibility("default")))

/* A second exported name for a function of this file. (gcc would have it carry libc's nothrow, which no caller of ours sees.) */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmissing-attributes"
#endif
#define SAME_AS(name, target) extern __typeof__(target) name RS_EXPORT __attribute__((alias(#target)));

#endif
