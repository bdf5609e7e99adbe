// The kernel's own description of the FUSE protocol (Linux user-space API).
#include <linux/fuse.h>
