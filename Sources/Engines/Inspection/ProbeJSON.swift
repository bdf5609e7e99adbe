import Catalogue
public import JSONText
import Platform

extension ProbeReport {
    /// The version of the schema that docs/formats/probe-json.md describes.
    public static let schemaVersion = 1

    /// The report as JSON, after docs/formats/probe-json.md.
    public var json: JSONValue {
        .object([
            .init("schema", .integer(Int64(Self.schemaVersion))),
            .init("source", sourceJSON),
            .init("host", hostJSON),
            .init("content", json(source.root)),
            .init("mount", mountJSON),
        ])
    }

    private var sourceJSON: JSONValue {
        .object([
            .init("path", .string(source.path)),
            .init("kind", .string(source.kind.rawValue)),
            .init("sizeBytes", .number(source.geometry.size)),
            .init("logicalSectorBytes", .number(source.geometry.logicalSector)),
            .init("physicalSectorBytes", .number(source.geometry.physicalSector)),
            .init("format", .string(source.format)),
            .init(
                "looksLike",
                source.container.map {
                    .object([
                        .init("format", .text($0.format)), .init("title", .string($0.title)),
                    ])
                } ?? .null),
        ])
    }

    private var hostJSON: JSONValue {
        .object([
            .init("kernel", .string(host.facts.kernelRelease)),
            .init("user", .number(host.facts.user)),
            .init("mayMount", .bool(host.facts.mayMount)),
            .init("mayLoop", .bool(host.facts.mayLoop)),
            .init("mayFUSE", .bool(host.facts.mayFUSE)),
        ])
    }

    private var mountJSON: JSONValue {
        var volumes: [String] = []
        var error: JSONValue = .null
        switch defaultMount {
        case .success(let chosen): volumes = chosen.map(\.partition.description)
        case .failure(let failure):
            error = .object([
                .init("cause", .string(failure.cause)), .init("remedy", .string(failure.remedy)),
            ])
        }
        return .object([.init("partitions", .texts(volumes)), .init("error", error)])
    }

    private func json(_ region: Region) -> JSONValue {
        .object([
            .init("offsetBytes", .number(region.offset)),
            .init("lengthBytes", .number(region.length)),
            .init("fileSystem", region.fileSystem.map(json) ?? .null),
            .init("candidates", .array(region.candidates.map(json))),
            .init("alsoMatches", .texts(region.also)),
            .init(
                "layer",
                region.layer.map {
                    .object([
                        .init("type", .string($0.type)), .init("kind", .string($0.kind.rawValue)),
                        .init("title", .string($0.title)), .init("label", .text(region.layerLabel)),
                        .init("supported", .bool(false)),
                        .init("reason", .string(Words.unsupported($0))),
                    ])
                } ?? .null),
            .init("partitionTable", region.table.map(json) ?? .null),
            .init("problems", .texts(region.problems)),
        ])
    }

    private func json(_ table: PartitionTable) -> JSONValue {
        .object([
            .init("type", .string(table.type)),
            .init("identifier", .text(table.identifier)),
            .init("sectorBytes", .number(table.sectorSize)),
            .init("partitions", .array(table.partitions.map { json($0, in: table.type) })),
            .init("problems", .texts(table.problems)),
        ])
    }

    private func json(_ partition: Partition, in table: String) -> JSONValue {
        .object([
            .init("number", .number(partition.number)),
            .init("offsetBytes", .number(partition.offset)),
            .init("lengthBytes", .number(partition.length)),
            .init("type", .string(partition.type)),
            .init("typeName", .text(PartitionTypes.name(partition.type, in: table))),
            .init("name", .text(partition.name)),
            .init("uuid", .text(partition.uuid)),
            .init("flags", .number(partition.flags)),
            .init("role", .string(partition.role.rawValue)),
            .init("problem", .text(partition.problem)),
            .init("content", partition.region.map(json) ?? .null),
        ])
    }

    private func json(_ found: FileSystemFinding) -> JSONValue {
        let verdict = verdict(found.entry)
        let choice = RouteChoice(verdict, entry: found.entry)
        return .object([
            .init("name", .string(found.entry.name)),
            .init("title", .string(found.entry.title)),
            .init("type", .string(found.type)),
            .init("version", .text(found.version)),
            .init("label", .text(found.label)),
            .init("uuid", .text(found.uuid)),
            .init("sizeBytes", .number(found.size)),
            .init("state", .string(found.state.rawValue)),
            .init("stateReason", .text(found.stateReason)),
            .init("truncated", .bool(found.isTruncated)),
            .init("checksumWrong", .bool(found.checksumWrong)),
            .init("notices", .texts(found.notices)),
            .init("mountRefusal", .text(found.mountRefusal)),
            .init("writeRefusal", .text(found.writeRefusal)),
            .init("host", json(verdict)),
            .init("route", json(choice)),
            .init(
                "writes",
                .object(
                    AccessMode.allCases.map {
                        .init($0.memberName, .string(found.wouldWrite($0)))
                    })),
            .init(
                "guest",
                .object([
                    .init("readOnly", json(found.readOnly)),
                    .init("readWrite", found.readWrite.map(json) ?? .null),
                ])),
            .init("traps", .texts(found.entry.traps)),
        ])
    }

    private func json(_ verdict: HostVerdict) -> JSONValue {
        let method: JSONValue =
            switch verdict.method {
            case .kernel(let type): .string("kernel:\(type)")
            case .fuse(let program): .string("fuse:\(program)")
            case nil: .null
            }
        return .object([
            .init("answer", .string(verdict.answer.rawValue)), .init("method", method),
            .init("reason", .string(verdict.reason)),
        ])
    }

    private func json(_ choice: RouteChoice) -> JSONValue {
        .object([
            .init("chosen", .string(choice.route.rawValue)),
            .init("reason", .string(choice.reason)),
            .init("nativePossible", .bool(choice.nativeIsPossible)),
            .init("nativeReason", .string(choice.nativeReason)),
        ])
    }

    private func json(_ plan: MountPlan) -> JSONValue {
        .object([
            .init("drivers", .texts(plan.drivers)), .init("options", .string(plan.options)),
            .init("road", .string(plan.road.rawValue)), .init("roadReason", .text(plan.roadReason)),
        ])
    }
}

extension AccessMode {
    fileprivate var memberName: String {
        switch self {
        case .readOnly: "readOnly"
        case .scratch: "scratch"
        case .write: "write"
        }
    }
}
