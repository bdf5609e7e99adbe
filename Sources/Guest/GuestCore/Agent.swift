import Glibc
import GuestWire
import Platform

/// Process 1 of the appliance.
///
/// It readies the machine, dials the host, and then does what the host asks until the host's
/// control connection ends: then it writes everything, unmounts and switches the machine off.
public enum Agent {
    /// Runs the machine until it is switched off.
    ///
    /// - Parameter blocks: what serves blocks, where this appliance can.
    public static func run(blocks: (any BlockService)? = nil) -> Never {
        do {
            try live(blocks)
        } catch {
            KernelMessages.note("\(error)")
        }
        sync()
        do { try Kernel.powerOff() } catch { KernelMessages.note("\(error)") }
        // Process 1 must not end while the machine runs; without power control it waits to be
        // killed by the host.
        while true { pause() }
    }

    private static func live(_ blocks: (any BlockService)?) throws(SystemError) {
        signal(SIGPIPE, SIG_IGN)
        Appliance.loadModules()
        try Appliance.mountPseudoFileSystems()
        let commandLine = KernelCommandLine(
            (try? Files.readText("/proc/cmdline", limit: 1 << 16)) ?? "")
        try Appliance.bringUpLink(commandLine)
        let release = Kernel.release()
        let control = try AgentConnection(role: .control, kernelRelease: release)
        let server = try ServerControl()
        let files = try AgentConnection(role: .files, kernelRelease: release)

        let table = ExportTable(server: server)
        let service = AgentService(table: table, blocks: blocks)
        try WorkerThread.start { files.serve { (service.answerFiles($0), true) } }
        control.serve { request in
            (service.answerControl(request), request != .powerOff)
        }
        do throws(GuestFailure) { _ = try blocks?.stop(milliseconds: 0) } catch {
            KernelMessages.note(error.message)
        }
        table.unmountAll()
    }
}
