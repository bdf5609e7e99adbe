import Sandbox

extension StorageWork {
    /// What the daemon calls, from traces of its start, its work and its end.
    ///
    /// The traces also show `io_uring_setup` and `userfaultfd`: it tries them and does without.
    static let filter = SystemCallFilter(
        SystemCallRule.startup
            + SystemCallRule.all(
                """
                preadv pwritev fsync fdatasync fallocate ftruncate fadvise64 fstatfs
                listen accept accept4 sendmsg recvmsg sendto recvfrom shutdown
                getsockname getpeername getsockopt setsockopt
                eventfd2 epoll_create1 epoll_ctl epoll_wait epoll_pwait signalfd4
                timerfd_create timerfd_settime rt_sigtimedwait tgkill
                get_mempolicy set_mempolicy mlock munlock unlink
                """)
            + [
                .processes,
                SystemCallRule("ioctl", argument: 1, oneOf: ioctls),
                // Timer slack, and the name of a thread.
                SystemCallRule("prctl", argument: 0, oneOf: [29, 15]),
            ])

    /// Sizes, limits, discard and zeroing of block devices (`linux/fs.h`): nothing that reaches
    /// past the blocks.
    private static let ioctls: [UInt32] = [
        0x8008_1272,  // BLKGETSIZE64
        0x1260,  // BLKGETSIZE
        0x1268,  // BLKSSZGET
        0x127b,  // BLKPBSZGET
        0x1267,  // BLKSECTGET
        0x125e,  // BLKROGET
        0x1277,  // BLKDISCARD
        0x127c,  // BLKDISCARDZEROES
        0x127f,  // BLKZEROOUT
    ]
}
