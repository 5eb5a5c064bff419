/*
 * What there is in the system: the numbers of its headers, mounted file systems,
 * getmntinfo(3), and network interfaces, if_nameindex(3).
 */
#include "call.h"
#include "numbers.h"

#include <sys/types.h>
#include <sys/mount.h>
#include <sys/socket.h>
#ifdef __NetBSD__
#include <sys/statvfs.h>
#endif

#include <ifaddrs.h>
#include <net/if.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__NetBSD__)
typedef struct statvfs mount_info;
#define MOUNT_ID f_fsidx.__fsid_val
#define MOUNTS(list, size) getvfsstat(list, size, ST_NOWAIT)
#elif defined(__APPLE__)
typedef struct statfs mount_info;
#define MOUNT_ID f_fsid.val
#define MOUNTS(list, size) getfsstat(list, (int)(size), MNT_NOWAIT)
#elif !defined(__linux__)
typedef struct statfs mount_info;
#define MOUNT_ID f_fsid.val
#define MOUNTS(list, size) getfsstat(list, size, MNT_NOWAIT)
#endif

static void
append(napi_env env, napi_value rows, uint32_t at, double number, bool flag,
    const char *const *strings, uint32_t count)
{
	napi_value row, value;

	if (napi_create_array(env, &row) != napi_ok)
		return;
	if (napi_create_double(env, number, &value) == napi_ok)
		napi_set_element(env, row, 0, value);
	if (napi_get_boolean(env, flag, &value) == napi_ok)
		napi_set_element(env, row, 1, value);
	for (uint32_t i = 0; i < count; i++) {
		if (napi_create_string_utf8(env, strings[i], NAPI_AUTO_LENGTH, &value) == napi_ok)
			napi_set_element(env, row, 2 + i, value);
	}
	napi_set_element(env, rows, at, row);
}

/* A number, false, and its name. */
static int
header_numbers(napi_env env, napi_value rows)
{
	for (uint32_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		append(env, rows, i, (double)numbers[i].number, false, &numbers[i].name, 1);
	return 0;
}

/* A number of its own, whether it is the first, its place, its source and its type. */
static int
mounts(napi_env env, napi_value rows)
{
#ifdef MOUNTS
	int count = MOUNTS(NULL, 0);
	/* There may be more by then. */
	size_t size = count < 0 ? 0 : ((size_t)count + 8) * sizeof(mount_info);
	mount_info *list = size == 0 ? NULL : malloc(size);

	if (list == NULL)
		return -1;
	count = MOUNTS(list, size);
	for (int i = 0; i < count; i++) {
		const char *names[] = { list[i].f_mntonname, list[i].f_mntfromname, list[i].f_fstypename };

		append(env, rows, (uint32_t)i, (double)(uint32_t)list[i].MOUNT_ID[0], i == 0, names, 3);
	}
	free(list);
	return count < 0 ? -1 : 0;
#else
	(void)env;
	(void)rows;
	errno = ENOSYS;
	return -1;
#endif
}

static unsigned int
interface_flags(const struct ifaddrs *addresses, const char *name)
{
	while (addresses != NULL && strcmp(addresses->ifa_name, name) != 0)
		addresses = addresses->ifa_next;
	return addresses == NULL ? 0 : addresses->ifa_flags;
}

/* Its index, whether its link is up, and its name. */
static int
links(napi_env env, napi_value rows)
{
	struct ifaddrs *addresses = NULL;
	struct if_nameindex *list;

	if (getifaddrs(&addresses) < 0)
		return -1;
	list = if_nameindex();
	for (uint32_t i = 0; list != NULL && list[i].if_index != 0; i++) {
		const char *name = list[i].if_name;
		unsigned int up = interface_flags(addresses, name) & (IFF_UP | IFF_RUNNING);

		append(env, rows, i, list[i].if_index, up == (IFF_UP | IFF_RUNNING), &name, 1);
	}
	if (list != NULL)
		if_freenameindex(list);
	freeifaddrs(addresses);
	return list == NULL ? -1 : 0;
}

const struct table_call table_calls[] = {
	{ "numbers", header_numbers },
	{ "mounts", mounts },
	{ "links", links },
	{ NULL, NULL },
};
