/* NetBSD has in it what native/bsd takes from <sys/statvfs.h>. */
#include <sys/statvfs.h>
