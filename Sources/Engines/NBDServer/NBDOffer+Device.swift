import BlockDevice
import NBDWire

extension NBDOffer {
    /// Asks the device once.
    init(_ export: NBDExport) {
        let device = export.device
        let properties = device.properties
        name = export.name
        description = export.description
        size = device.size
        isReadOnly = export.isReadOnly || !device.can(.write)
        canTrim = device.can(.trim)
        sizes = Self.sizes(properties, size: size)
    }

    /// Devices take any range, so a minimum above 1 is told only where sectors are larger than
    /// what every client assumes, and the size is a multiple of them.
    private static func sizes(_ properties: BlockProperties, size: UInt64) -> NBDBlockSizes {
        let logical = properties.logicalBlockSize
        let usual = NBDBlockSizes.usual
        let minimum = logical > 512 && size % UInt64(logical) == 0 ? logical : 1
        let preferred = max(usual.preferred, properties.physicalBlockSize, minimum)
        let sizes = NBDBlockSizes(minimum: minimum, preferred: preferred, maximum: usual.maximum)
        return sizes.isLawful ? sizes : usual
    }
}
