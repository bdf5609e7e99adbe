import NBDWire

extension NBDServerConfiguration {
    /// Throws `badExport` where names or texts break the protocol's rules.
    func validate() throws(NBDServerError) {
        guard !exports.isEmpty else { throw .badExport("there is no export") }
        var names: Set<String> = []
        for export in exports {
            guard names.insert(export.name).inserted else {
                throw .badExport("two exports have the name \"\(export.name)\"")
            }
            for text in [export.name, export.description] {
                guard text.utf8.count <= NBDLimits.text, !text.utf8.contains(0) else {
                    throw .badExport("a name or description has a NUL or more than 4096 bytes")
                }
            }
        }
        if let name = defaultExport, !names.contains(name) {
            throw .badExport("the default export \"\(name)\" is not among the exports")
        }
    }
}
