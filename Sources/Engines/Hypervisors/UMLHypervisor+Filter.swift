import Sandbox

extension UMLHypervisor {
    /// What the kernel calls, from traces of boot, mount, work and power-off; and what its stub
    /// calls in the processes that carry the guest's.
    ///
    /// The guest's own system calls never reach the host: the kernel catches them before the
    /// filter sees them. `ptrace` reaches nothing but those processes, as there are no others.
    static let filter = SystemCallFilter(
        SystemCallRule.startup + SystemCallRule.unixSockets
            + SystemCallRule.all(
                """
                ptrace wait4 kill tkill tgkill rt_sigsuspend pause
                timer_create timer_settime timer_gettime timer_delete
                epoll_create epoll_create1 epoll_ctl epoll_wait
                eventfd2 bind connect getsockname sendmsg recvmsg sendto recvfrom
                ftruncate fallocate fsync fchmod unlink mkdir rmdir statfs setsid setpgid
                modify_ldt set_thread_area get_thread_area personality
                """)
            + [
                .processes,
                // Terminal settings, and how many bytes wait.
                SystemCallRule("ioctl", argument: 1, oneOf: [0x5401, 0x5402, 0x541b, 0x5421]),
                // A signal at the parent's death, and the name of a thread.
                SystemCallRule("prctl", argument: 0, oneOf: [1, 15]),
            ])
}
