import Sandbox

extension QEMUHypervisor {
    /// What QEMU calls, from traces of boot, work and power-off.
    ///
    /// QEMU then narrows it further by its own filter (`-sandbox on`).
    static func filter(_ accelerator: Accelerator) -> SystemCallFilter {
        // Terminal settings, non-blocking input, waiting bytes; the flags and offloads of a TAP.
        var ioctls = [
            0x5401, 0x5402, 0x541b, 0x5421, 0x8004_54cf, 0x8004_54d2, 0x4004_54d0, 0x4004_54d8,
            0x4004_54dc, 0x4004_54de, 0x4004_54d4,
        ].map { SystemCallRule.Test(argument: 1, value: $0) }
        if accelerator == .kvm {
            // Everything of type 0xAE: /dev/kvm is the one device it has.
            ioctls.append(.init(argument: 1, mask: 0xff00, value: 0xae00))
        }
        return SystemCallFilter(
            SystemCallRule.startup + SystemCallRule.unixSockets
                + SystemCallRule.all(
                    """
                    preadv pwritev ftruncate fallocate fadvise64 fstatfs memfd_create
                    connect getsockname getpeername getsockopt setsockopt shutdown
                    sendmsg recvmsg sendto recvfrom
                    eventfd2 epoll_create1 epoll_ctl epoll_wait epoll_pwait signalfd4
                    timer_create timer_settime timer_gettime timer_delete timer_getoverrun
                    timerfd_create timerfd_settime
                    rt_sigtimedwait rt_sigpending rt_sigsuspend tgkill tkill kill
                    get_mempolicy set_mempolicy mbind mlock munlock membarrier seccomp
                    """)
                + [
                    .processes, SystemCallRule("ioctl", when: ioctls),
                    // Names of threads, no new privileges, timer slack, filters that narrow.
                    SystemCallRule("prctl", argument: 0, oneOf: [15, 16, 21, 22, 29, 38]),
                ])
    }
}
