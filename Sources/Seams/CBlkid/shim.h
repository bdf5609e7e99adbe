// libblkid (util-linux): identification of partition tables and file systems.
#include <blkid.h>
