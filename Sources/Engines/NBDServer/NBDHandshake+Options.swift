import Bytes
import NBDWire

extension NBDHandshake {
    /// Answers one whole option.
    mutating func answer(
        _ option: NBDOption, _ data: ArraySlice<UInt8>, _ actions: inout [Action]
    ) {
        if option == .abort {
            actions.append(.send(NBDOptionReplyHeader.encode(.ack, to: option)))
            return end("the client ended the handshake", &actions)
        }
        if let refusal = refusal(option) {
            guard option != .exportName else { return end(refusal.message, &actions) }
            return reply(refusal.type, to: option, refusal.message, &actions)
        }
        switch option {
        case .exportName: answerExportName(data, &actions)
        case .list: answerList(data, &actions)
        case .startTLS: answerStartTLS(data, &actions)
        case .info, .go: answerInfo(option, data, &actions)
        case .structuredReply: answerStructuredReply(data, &actions)
        case .extendedHeaders: answerExtendedHeaders(data, &actions)
        case .listMetaContext, .setMetaContext: answerMetaContext(option, data, &actions)
        default: reply(.unsupported, to: option, "the option is not known here", &actions)
        }
    }

    /// Why no option is answered at the moment, whatever it is.
    private func refusal(
        _ option: NBDOption
    ) -> (type: NBDOptionReplyType, message: String)? {
        if isDraining { return (.shutdown, "the server is going away") }
        guard policy.tls == .require, !hasTLS, option != .startTLS else { return nil }
        return (.tlsRequired, "start TLS first")
    }

    private mutating func answerExportName(
        _ data: ArraySlice<UInt8>, _ actions: inout [Action]
    ) {
        // Extended headers need NBD_OPT_GO, says the extension.
        guard style != .extended, let name = try? String(decodingNBD: data),
            let export = find(name)
        else { return end("an export that is not there", &actions) }
        let session = session(export)
        let answer = NBDExportInfo(size: session.size, flags: session.flags)
        actions.append(.send(answer.encodedAnswer(noZeroes: noZeroes)))
        actions.append(.transmit(session, rest: []))
    }

    private func answerList(_ data: ArraySlice<UInt8>, _ actions: inout [Action]) {
        guard data.isEmpty else {
            return reply(.invalid, to: .list, "NBD_OPT_LIST has no data", &actions)
        }
        guard policy.tellsExports else {
            return reply(.policy, to: .list, "exports are not listed here", &actions)
        }
        var bytes: [UInt8] = []
        for offer in policy.offers {
            let listed = NBDListedExport(name: offer.name, description: offer.description)
            bytes += NBDOptionReplyHeader.encode(.server, to: .list, data: listed.encoded)
        }
        bytes += NBDOptionReplyHeader.encode(.ack, to: .list)
        actions.append(.send(bytes))
    }

    private func answerStartTLS(_ data: ArraySlice<UInt8>, _ actions: inout [Action]) {
        guard data.isEmpty else {
            return reply(.invalid, to: .startTLS, "NBD_OPT_STARTTLS has no data", &actions)
        }
        guard !hasTLS else {
            return reply(.invalid, to: .startTLS, "TLS has been started before", &actions)
        }
        guard policy.tls != .off else {
            return reply(.policy, to: .startTLS, "this server has no TLS", &actions)
        }
        actions.append(.send(NBDOptionReplyHeader.encode(.ack, to: .startTLS)))
        actions.append(.startTLS)
    }

    private mutating func answerInfo(
        _ option: NBDOption, _ data: ArraySlice<UInt8>, _ actions: inout [Action]
    ) {
        guard let request = try? NBDInfoRequest(decoding: data) else {
            return reply(.invalid, to: option, "the option's lengths do not agree", &actions)
        }
        guard let export = find(request.name) else {
            return reply(.unknown, to: option, "there is no such export", &actions)
        }
        let session = session(export)
        let offer = policy.offers[export]
        var infos = [NBDInfo.export(NBDExportInfo(size: session.size, flags: session.flags))]
        if request.infos.contains(.name) { infos.append(.name(offer.name)) }
        if request.infos.contains(.description), !offer.description.isEmpty {
            infos.append(.description(offer.description))
        }
        if request.infos.contains(.blockSize) || offer.sizes != .usual {
            infos.append(.blockSize(offer.sizes))
        }
        var bytes: [UInt8] = []
        for info in infos {
            bytes += NBDOptionReplyHeader.encode(.info, to: option, data: info.encoded)
        }
        bytes += NBDOptionReplyHeader.encode(.ack, to: option)
        actions.append(.send(bytes))
        if option == .go { actions.append(.transmit(session, rest: [])) }
    }

    private mutating func answerStructuredReply(
        _ data: ArraySlice<UInt8>, _ actions: inout [Action]
    ) {
        guard data.isEmpty else {
            return reply(.invalid, to: .structuredReply, "the option has no data", &actions)
        }
        guard style != .extended else {
            return reply(
                .extendedHeadersRequired, to: .structuredReply,
                "extended headers have been agreed", &actions)
        }
        style = .structured
        actions.append(.send(NBDOptionReplyHeader.encode(.ack, to: .structuredReply)))
    }

    private mutating func answerExtendedHeaders(
        _ data: ArraySlice<UInt8>, _ actions: inout [Action]
    ) {
        guard data.isEmpty else {
            return reply(.invalid, to: .extendedHeaders, "the option has no data", &actions)
        }
        guard style != .extended else {
            return reply(
                .invalid, to: .extendedHeaders, "extended headers have been agreed", &actions)
        }
        style = .extended
        actions.append(.send(NBDOptionReplyHeader.encode(.ack, to: .extendedHeaders)))
    }

    private mutating func answerMetaContext(
        _ option: NBDOption, _ data: ArraySlice<UInt8>, _ actions: inout [Action]
    ) {
        if option == .setMetaContext { contextExport = nil }
        guard style != .simple else {
            return reply(.invalid, to: option, "structured replies come first", &actions)
        }
        let request: NBDMetaContextRequest
        do {
            request = try NBDMetaContextRequest(decoding: data)
        } catch .tooLong(let count, _) where count > NBDLimits.queries {
            return reply(.tooBig, to: option, "too much is asked for", &actions)
        } catch {
            return reply(.invalid, to: option, "the option's lengths do not agree", &actions)
        }
        guard let export = find(request.name) else {
            return reply(.unknown, to: option, "there is no such export", &actions)
        }
        let name = NBDAllocation.context
        var matches = request.queries.contains(name)
        if option == .listMetaContext {
            matches = matches || request.queries.isEmpty || request.queries.contains("base:")
        }
        var bytes: [UInt8] = []
        if matches {
            let id = option == .setMetaContext ? NBDSession.context : 0
            let context = NBDMetaContext(id: id, name: name)
            bytes += NBDOptionReplyHeader.encode(.metaContext, to: option, data: context.encoded)
            if option == .setMetaContext { contextExport = export }
        }
        bytes += NBDOptionReplyHeader.encode(.ack, to: option)
        actions.append(.send(bytes))
    }
}
