/* describe.h: what a description is, in words: "tcp 127.0.0.1:6379", "unix /run/db.sock", "/var/lib/app.db", "pipe". Cold: makes
 * system calls, so it is used for reports and traces only. */
#ifndef RS_PRELOAD_DESCRIBE_H
#define RS_PRELOAD_DESCRIBE_H

#include "tracer/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define RS_NAME_SIZE 512

/* What fd is now. Empty when fd is not open. */
enum rs_kind rs_describe(int fd, char name[RS_NAME_SIZE]);

/* The kind of a socket of this family and type. */
enum rs_kind rs_socket_kind(int family, int type);

/* "tcp 127.0.0.1:6379" for an address of the program's; address may be NULL. */
void rs_describe_address(enum rs_kind kind, const struct sockaddr *address, socklen_t length, char name[RS_NAME_SIZE]);

/* A connected socket's name, its kind being known: one system call. */
void rs_describe_peer(int fd, enum rs_kind kind, char name[RS_NAME_SIZE]);

/* The kernel's identity of what fd stands for (device and inode), never 0; 0 when fd is not open. */
uint64_t rs_identity(int fd);

/* Bytes that wait unread; ~0u when that is not known. */
uint32_t rs_unread(int fd);

/* Is it a stream socket that has a peer? */
bool rs_is_connected_stream(int fd);

#endif
