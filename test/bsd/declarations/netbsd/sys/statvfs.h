/* What <sys/statvfs.h> of NetBSD declares, as far as native/bsd looks at it. */
#ifndef DECLARED_NETBSD_STATVFS_H
#define DECLARED_NETBSD_STATVFS_H

#include <stddef.h>
#include <stdint.h>

#define ST_NOWAIT 2

typedef struct {
	int32_t __fsid_val[2];
} declared_fsid;

struct statvfs {
	unsigned long f_fsid;
	declared_fsid f_fsidx;
	char f_fstypename[32];
	char f_mntonname[1024];
	char f_mntfromname[1024];
};

int getvfsstat(struct statvfs *buf, size_t bufsize, int flags);

#endif
