import ArgumentParser
import StorageDaemon

/// How the source holds a disk.
struct FormatOption: ParsableArguments {
    @Option(help: "Format of the image; never guessed, since a guest may have written it.")
    var format = ImageFormat.raw
}

extension ImageFormat: ExpressibleByArgument {}
