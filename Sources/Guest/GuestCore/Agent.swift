import Glibc
import GuestWire
import Platform

/// Process 1 of the appliance.
///
/// It readies the machine, dials the host, and then does what the host asks until the host's
/// control connection ends: then it writes everything, unmounts and switches the machine off.
public enum Agent {
    /// Runs the machine until it is switched off.
    public static func run() -> Never {
        do {
            try live()
        } catch {
            KernelMessages.note("\(error)")
        }
        sync()
        do { try Kernel.powerOff() } catch { KernelMessages.note("\(error)") }
        // Process 1 must not end while the machine runs; without power control it waits to be
        // killed by the host.
        while true { pause() }
    }

    private static func live() throws(SystemError) {
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
        let service = AgentService(table: table)
        try WorkerThread.start { files.serve { (service.answerFiles($0), true) } }
        control.serve { request in
            (service.answerControl(request), request != .powerOff)
        }
        table.unmountAll()
    }
}
