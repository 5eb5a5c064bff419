/* What <sys/mount.h> of FreeBSD declares, as far as native/bsd looks at it. */
#ifndef DECLARED_FREEBSD_MOUNT_H
#define DECLARED_FREEBSD_MOUNT_H

#include <stddef.h>
#include <stdint.h>

#define MNT_NOWAIT 2

typedef struct {
	int32_t val[2];
} declared_fsid;

struct statfs {
	declared_fsid f_fsid;
	char f_fstypename[16];
	char f_mntfromname[1024];
	char f_mntonname[1024];
};

int getfsstat(struct statfs *buf, long bufsize, int mode);

#endif
