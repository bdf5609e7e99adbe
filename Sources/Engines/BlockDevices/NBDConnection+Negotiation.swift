import Bytes
import NBDWire
import Platform

/// What a server said about an export.
struct NBDExport: Equatable {
    var info: NBDExportInfo
    var sizes = NBDBlockSizes.usual
    /// Number of the context `base:allocation`; nil where there is none.
    var allocation: UInt32?
}

extension NBDConnection {
    /// The most replies to one option.
    private static let replyLimit = 64

    /// Agrees with the server on an export; the transmission phase follows.
    ///
    /// doc/proto.md, "Newstyle negotiation": structured replies and `base:allocation` where the
    /// server has them, unless only simple replies are wanted.
    func negotiate(
        export name: String, deadline: Int64, onlySimple: Bool = false
    ) throws(NBDFailure) -> NBDExport {
        let hello = try receive(NBDGreeting.size, deadline: deadline)
        let greeting = try NBDFailure.decoding { () throws(BytesError) in
            try NBDGreeting(decoding: hello)
        }
        guard greeting.flags.contains(.fixedNewstyle) else {
            throw .broken("it does not speak fixed newstyle")
        }
        var answer: NBDClientFlags = .fixedNewstyle
        if greeting.flags.contains(.noZeroes) { answer.insert(.noZeroes) }
        try send(answer.encoded, deadline: deadline)

        var allocation: UInt32?
        if !onlySimple, try ask(.structuredReply, [], deadline: deadline) == nil {
            style = .structured
            allocation = try selectAllocation(export: name, deadline: deadline)
        }
        var info: NBDExportInfo?
        var sizes = NBDBlockSizes.usual
        let request = NBDInfoRequest(name: name, infos: [.blockSize])
        let refusal = try ask(.go, request.encoded, deadline: deadline) {
            type, data throws(NBDFailure) in
            guard type == .info else { throw .broken("another reply than information") }
            let value = try NBDFailure.decoding { () throws(BytesError) in
                try NBDInfo(decoding: data)
            }
            switch value {
            case .export(let export): info = export
            case .blockSize(let said): sizes = said
            default: break
            }
        }
        if let refusal { throw .request(.notPermitted, refusal) }
        guard let info, info.flags.contains(.hasFlags) else {
            throw .broken("it says nothing about the export")
        }
        guard info.size < 1 << 62 else { throw .broken("an export of \(info.size) bytes") }
        return NBDExport(info: info, sizes: sizes, allocation: allocation)
    }

    private func selectAllocation(
        export name: String, deadline: Int64
    ) throws(NBDFailure) -> UInt32? {
        var found: UInt32?
        let query = NBDMetaContextRequest(name: name, queries: [NBDAllocation.context])
        let refusal = try ask(.setMetaContext, query.encoded, deadline: deadline) {
            type, data throws(NBDFailure) in
            guard type == .metaContext else { throw .broken("another reply than a context") }
            let context = try NBDFailure.decoding { () throws(BytesError) in
                try NBDMetaContext(decoding: data)
            }
            if context.name == NBDAllocation.context { found = context.id }
        }
        return refusal == nil ? found : nil
    }

    /// Sends an option and hears the replies; returns why it was refused, nil where it was not.
    private func ask(
        _ option: NBDOption, _ data: [UInt8], deadline: Int64,
        reply: (NBDOptionReplyType, [UInt8]) throws(NBDFailure) -> Void = { _, _ in }
    ) throws(NBDFailure) -> String? {
        try send(NBDOptionHeader.encode(option, data: data), deadline: deadline)
        for _ in 0..<Self.replyLimit {
            let bytes = try receive(NBDOptionReplyHeader.size, deadline: deadline)
            let header = try NBDFailure.decoding { () throws(BytesError) in
                try NBDOptionReplyHeader(decoding: bytes)
            }
            guard header.option == option else { throw .broken("a reply to another option") }
            let data = try receive(Int(header.length), deadline: deadline)
            if header.type == .ack { return nil }
            if header.type.isError {
                let words = (try? String(decodingNBD: data)) ?? ""
                return words.isEmpty ? "error \(header.type.rawValue & 0x7fff_ffff)" : words
            }
            try reply(header.type, data)
        }
        throw .broken("replies without end")
    }
}
