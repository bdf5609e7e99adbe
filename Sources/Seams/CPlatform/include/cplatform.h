// The C half of the Platform room: what Swift cannot call (variadics, macros, code between fork
// and exec). Every symbol is prefixed; every function returns 0 or a positive value, or -errno.
#ifndef CPLATFORM_H
#define CPLATFORM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// How to start a child process. Arrays `argv` and `envp` end with NULL.
struct cp_spawn {
    const char *path;
    char *const *argv;
    char *const *envp;
    // Child descriptor i is the caller's fds[i]; -1 gives /dev/null. All others are closed.
    const int *fds;
    size_t fd_count;
    // Delivered to the child when the thread that started it ends; 0 for none.
    int parent_death_signal;
    // Puts a process between that ends, with the parent, all that the program has started.
    int guarded;
    // Start a new session (setsid), away from the terminal.
    int new_session;
    // Set the limit on core dumps to nothing, for good.
    int no_core_dumps;
};

// Starts a child; returns its pid, and its pidfd in *pidfd. An exec failure is returned here.
pid_t cp_spawn(const struct cp_spawn *spawn, int *pidfd);

// Waits for the end of a pidfd's process, at most timeout_ms (-1: for ever). 1 ended, 0 not yet.
// *status receives the wait status as waitpid(2) gives it.
int cp_wait(pid_t pid, int pidfd, int timeout_ms, int *status);

// Sends a signal through a pidfd.
int cp_pidfd_signal(int pidfd, int signal);

// How many processors the calling thread may run on, at least 1 (sched_getaffinity(2)).
int cp_processors(void);

// Opens a pidfd for any process.
int cp_pidfd_open(pid_t pid);

// Sends bytes and descriptors over a Unix socket; returns bytes sent.
ssize_t cp_send_fds(int socket, const void *bytes, size_t count, const int *fds, size_t fd_count);

// Receives bytes and at most *fd_count descriptors (close-on-exec); sets *fd_count.
ssize_t cp_receive_fds(int socket, void *bytes, size_t capacity, int *fds, size_t *fd_count);

// Moves this single-threaded process into a new user and network namespace in which it holds
// every capability over the network, and maps its ids to themselves.
int cp_private_network(void);

// Creates a TAP device in this network namespace; returns its descriptor. `name` has 16 bytes.
int cp_tap_create(char *name);

// Gives an interface an IPv4 address (host order), prefix length and MTU, and brings it up.
// mtu 0 leaves it as it is.
int cp_interface_up(const char *name, uint32_t address, int prefix, int mtu);

// Tells the kernel the hardware address of an IPv4 neighbour (host order).
int cp_neighbour(const char *name, uint32_t address, const uint8_t mac[6]);

// open(2), fcntl(2), ioctl(2) behind fixed arguments.
int cp_open(const char *path, int flags, mode_t mode);
// Writes out what was printed; fails also where something printed before could not be written.
int cp_flush_output(void);
// Opens a path as if the folder were the root of the file system, whatever links lie on the way
// (openat2(2), RESOLVE_IN_ROOT); for its name alone (O_PATH).
int cp_open_in_root(int folder, const char *path, int follow_last);
int cp_set_nonblocking(int fd, int on);
int cp_duplicate(int fd);
int cp_mount(const char *source, const char *target, const char *type, unsigned long flags,
             const char *data);
int cp_umount(const char *target, int flags);
int cp_memfd(const char *name);

// Block device facts: size in bytes, logical and physical sector size in bytes.
int cp_block_size(int fd, uint64_t *bytes);
int cp_block_sectors(int fd, uint32_t *logical, uint32_t *physical);

// pipe2(2) with close-on-exec.
int cp_pipe(int ends[2]);

// listen(2), which may be called again for another backlog.
int cp_listen(int socket, int backlog);

// accept4(2) with close-on-exec.
int cp_accept(int listener);

#endif
