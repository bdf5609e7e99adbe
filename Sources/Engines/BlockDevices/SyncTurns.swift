import Platform

/// Syncs of one open file, one at a time; whoever comes while one runs shares the next.
///
/// The kernel tells of pages that it could not write once for each open file: to one of the calls
/// that wait for pages (`file_check_and_advance_wb_err` in its mm/filemap.c), whichever comes first
/// to look. Of two calls at once one could be told of success for what the other was told of as
/// lost. So a sync runs alone, and returns when forced writes that ran beside it have ended, too:
/// whoever fails notes that before, and everybody looks afterwards. Any thread.
final class SyncTurns: Sendable {
    private struct State {
        /// Syncs that have begun, and of them those that have ended.
        var begun: UInt64 = 0
        var ended: UInt64 = 0
        /// Forced writes that run, by whether they came in an even or an odd time; each sync begins
        /// another time at its end.
        var forced = (even: 0, odd: 0)
        var isOdd = false
    }

    private enum Turn {
        case mine
        case shared
    }

    private let state = Condition(State())

    /// Has `sync` called, here or by another thread, after this has been called; returns when it
    /// has ended.
    ///
    /// `sync` notes its failure where its callers look.
    func sync(_ sync: () -> Void) {
        let wanted = state.change { $0.begun + 1 }
        let turn = state.wait { state in
            if state.ended >= wanted { return Turn.shared }
            guard state.begun == state.ended else { return nil }
            state.begun += 1
            return .mine
        }
        guard turn == .mine else { return }
        sync()
        let wasOdd = state.change { state in
            defer { state.isOdd.toggle() }
            return state.isOdd
        }
        state.wait { (wasOdd ? $0.forced.odd : $0.forced.even) == 0 ? () : nil }
        state.change { $0.ended += 1 }
    }

    /// Makes a forced write, which waits for no sync.
    ///
    /// `write` notes its failure where callers look.
    func force<Result>(_ write: () -> Result) -> Result {
        let isOdd = state.change { state in
            if state.isOdd { state.forced.odd += 1 } else { state.forced.even += 1 }
            return state.isOdd
        }
        defer {
            state.change { if isOdd { $0.forced.odd -= 1 } else { $0.forced.even -= 1 } }
        }
        return write()
    }
}
