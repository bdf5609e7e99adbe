// libfuse 3: the low-level API.
#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
