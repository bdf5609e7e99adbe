// Host facts and locks for the Platform room.
#ifndef CP_HOST_H
#define CP_HOST_H

#include <stddef.h>

// flock(2) exclusive, without waiting. 1 taken, 0 held by another.
int cp_claim(int fd);

// Whether another open file holds a claim. 1 held, 0 free.
int cp_is_claimed(int fd);

// A listening Unix stream socket at a path.
int cp_unix_listen(const char *path);

// Connects to a Unix stream socket.
int cp_unix_connect(const char *path);

// 1 where somebody listens on the Unix stream socket at this path, 0 where nobody does; -ENOTSOCK
// for what is no socket. Does not wait.
int cp_unix_served(const char *path);

// The user id of the peer of a Unix socket.
int cp_unix_peer(int fd, unsigned *uid);

// Lets this process have `wanted` open files, as far as its hard limit allows; the limit then.
long cp_raise_open_files(unsigned long wanted);

#endif
