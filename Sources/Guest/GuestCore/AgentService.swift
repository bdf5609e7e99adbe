import Glibc
import GuestWire
import Platform

/// Turns requests into replies.
///
/// Any thread.
struct AgentService {
    let table: ExportTable
    /// Serves blocks, where this appliance can.
    var blocks: (any BlockService)?

    /// Answers on the control connection.
    ///
    /// May block for as long as a mount or unmount takes.
    func answerControl(_ request: Request) -> Reply {
        do throws(GuestFailure) {
            switch request {
            case .ping: return .done
            case .mount(let mount): return .exported(try table.mount(mount))
            case .sync:
                try table.syncAll()
                return .done
            case .unmount(let export):
                try table.unmount(export)
                return .done
            case .kernelLog: return .data(try kernelLog())
            case .serveBlocks(let plan):
                let blocks = try blockService()
                try DiskCache.flushAll()
                try blocks.start(plan: plan)
                return .done
            case .stopBlocks(let milliseconds):
                let limit = Int64(clamping: milliseconds)
                return .data(try blockService().stop(milliseconds: limit))
            case .powerOff:
                return table.unmountAll().map { .failed($0) } ?? .done
            default: return try files(request)
            }
        } catch {
            return .failed(error)
        }
    }

    /// Answers on the files connection: what is done to files, and nothing that mounts.
    func answerFiles(_ request: Request) -> Reply {
        do { return try files(request) } catch { return .failed(error) }
    }

    private func files(_ request: Request) throws(GuestFailure) -> Reply {
        let files = HandleFiles(table: table)
        switch request {
        case .ping: return .done
        case .sync:
            try table.syncAll()
            return .done
        case .getAttribute(let handle, let name):
            return .data(try files.attribute(handle, name))
        case .setAttribute(let handle, let name, let value, let flags):
            try files.setAttribute(handle, name, value, flags)
            return .done
        case .listAttributes(let handle): return .data(try files.attributes(handle))
        case .removeAttribute(let handle, let name):
            try files.removeAttribute(handle, name)
            return .done
        case .allocate(let handle, let mode, let offset, let length):
            try files.allocate(handle, mode: mode, offset: offset, length: length)
            return .done
        case .seek(let handle, let offset, let whence):
            return .position(try files.seek(handle, offset: offset, whence: whence))
        case .mount, .unmount, .kernelLog, .powerOff, .serveBlocks, .stopBlocks:
            throw GuestFailure(
                step: .request, errno: EPERM,
                message: "this request belongs on the control connection")
        }
    }

    private func blockService() throws(GuestFailure) -> any BlockService {
        guard let blocks else {
            throw GuestFailure(
                step: .blocks, errno: ENOSYS, message: "this appliance serves no blocks")
        }
        return blocks
    }

    private func kernelLog() throws(GuestFailure) -> [UInt8] {
        do { return try Kernel.log(limit: GuestWire.Limits.kernelLog) } catch {
            throw GuestFailure(step: .request, errno: error.errno, message: "\(error)")
        }
    }
}
