#define _GNU_SOURCE
#include "cplatform.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Kills this process's children, as far as one line of /proc names them; there may be none.
static void kill_children(void) {
    char text[512];
    int file = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    ssize_t count = read(file, text, sizeof text);
    close(file);
    pid_t child = 0;
    // A number that is cut at the end has no space behind it.
    for (ssize_t i = 0; i < count; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            child = child * 10 + (text[i] - '0');
        } else {
            if (child > 0) kill(child, SIGKILL);
            child = 0;
        }
    }
}

// Waits for a program's end, or for that of whoever started it, and ends all that is left of it.
static _Noreturn void guard(pid_t program) {
    // The starter's locks and ends of pipes must not live on in here.
    syscall(SYS_close_range, 0U, ~0U, 0);
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, SIGTERM);
    int end = 0, ended = 0;
    while (!ended) {
        if (sigwaitinfo(&wanted, NULL) == SIGTERM) kill(program, SIGKILL);
        int status;
        pid_t got;
        while ((got = waitpid(-1, &status, WNOHANG)) > 0)
            if (got == program) end = status, ended = 1;
    }
    // Children of the program that it left behind have become this process's.
    do kill_children();
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
    if (WIFSIGNALED(end)) {
        sigset_t none;
        sigemptyset(&none);
        signal(WTERMSIG(end), SIG_DFL);
        kill(getpid(), WTERMSIG(end));
        sigprocmask(SIG_SETMASK, &none, NULL);
    }
    _exit(WEXITSTATUS(end));
}

// Puts a guard between the parent and the program; returns in the program's process, with the
// guard's id.
static pid_t enter_guard(pid_t parent) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(127);
    pid_t self = getpid();
    pid_t program = fork();
    if (program > 0) guard(program);
    return program < 0 ? program : self;
}

// Runs between fork and exec, with all signals blocked: only async-signal-safe calls.
static _Noreturn void run_child(const struct cp_spawn *spawn, int report, pid_t parent) {
    for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
    // A file that may grow no further (RLIMIT_FSIZE) is an error to be told, not an end.
    signal(SIGXFSZ, SIG_IGN);
    if (spawn->new_session) setsid();
    if (spawn->no_core_dumps) setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (spawn->guarded) parent = enter_guard(parent);
    if (parent < 0) goto failed;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (spawn->parent_death_signal) {
        prctl(PR_SET_PDEATHSIG, spawn->parent_death_signal);
        if (getppid() != parent) _exit(127);
    }
    // First out of the way of the low numbers, then into place.
    int base = (int)spawn->fd_count + 3;
    int moved = fcntl(report, F_DUPFD_CLOEXEC, base);
    if (moved < 0) goto failed;
    report = moved;
    int high[64];
    for (size_t i = 0; i < spawn->fd_count; i++) {
        int from = spawn->fds[i];
        if (from < 0) from = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (from < 0) goto failed;
        high[i] = fcntl(from, F_DUPFD_CLOEXEC, base);
        if (high[i] < 0) goto failed;
    }
    for (size_t i = 0; i < spawn->fd_count; i++)
        if (dup2(high[i], (int)i) < 0) goto failed;
    // Everything else ends at exec.
    if (syscall(SYS_close_range, (unsigned)spawn->fd_count, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */) < 0)
        goto failed;
    execve(spawn->path, spawn->argv, spawn->envp);
failed:;
    int error = errno;
    ssize_t ignored = write(report, &error, sizeof error);
    (void)ignored;
    _exit(127);
}

pid_t cp_spawn(const struct cp_spawn *spawn, int *pidfd) {
    if (spawn->fd_count > 64) return -EINVAL;
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0) return -errno;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        close(report[0]);
        run_child(spawn, report[1], parent);
    }
    int fork_error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    if (pid < 0) {
        close(report[0]);
        return -fork_error;
    }
    int error = 0;
    ssize_t got;
    do got = read(report[0], &error, sizeof error);
    while (got < 0 && errno == EINTR);
    close(report[0]);
    if (got == (ssize_t)sizeof error) {
        waitpid(pid, NULL, 0);
        return -error;
    }
    int descriptor = cp_pidfd_open(pid);
    if (descriptor < 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return descriptor;
    }
    *pidfd = descriptor;
    return pid;
}

int cp_wait(pid_t pid, int pidfd, int timeout_ms, int *status) {
    struct pollfd wait = {.fd = pidfd, .events = POLLIN};
    int ready;
    do ready = poll(&wait, 1, timeout_ms);
    while (ready < 0 && errno == EINTR && timeout_ms < 0);
    if (ready < 0 && errno != EINTR) return -errno;
    pid_t got;
    do got = waitpid(pid, status, WNOHANG);
    while (got < 0 && errno == EINTR);
    if (got < 0) return -errno;
    return got == pid ? 1 : 0;
}

int cp_pidfd_signal(int pidfd, int number) {
    return syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0) < 0 ? -errno : 0;
}

int cp_processors(void) {
    unsigned long mask[128];
    long size = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    int count = 0;
    for (long word = 0; word < size / (long)sizeof *mask; word++)
        count += __builtin_popcountl(mask[word]);
    return count > 0 ? count : 1;
}

int cp_pidfd_open(pid_t pid) {
    int descriptor = (int)syscall(SYS_pidfd_open, pid, 0);
    return descriptor < 0 ? -errno : descriptor;
}
