// The Swift runtime looks for its own path below /proc while it starts and aborts where /proc is
// missing. Process 1 of the appliance therefore mounts it before any Swift code runs. Everything
// else that links this room is untouched: it is not process 1, or it has a /proc.
#define _GNU_SOURCE
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((constructor(101))) static void cp_mount_proc_for_init(void) {
    if (getpid() != 1 || access("/proc/self/exe", F_OK) == 0) return;
    mkdir("/proc", 0555);
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}
