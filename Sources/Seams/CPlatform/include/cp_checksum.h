// Checksums by the processor's own instructions where it has them.
#ifndef CP_CHECKSUM_H
#define CP_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

// CRC32C (Castagnoli, reflected) of bytes, going on from `crc`, which is 0 at the start.
uint32_t cp_crc32c(uint32_t crc, const void *bytes, size_t count);

// The same by tables, on any processor: what the other one is tested against.
uint32_t cp_crc32c_tables(uint32_t crc, const void *bytes, size_t count);

#endif
