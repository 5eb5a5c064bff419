/*
 * Finding the copies of the addon that are loaded into this process, such as those of two
 * packages that each bring their own.
 *
 * Node loads addons with RTLD_LOCAL: they do not see each other's symbols, but the list of what
 * is loaded is in the order of loading, and none of us leaves it (-z nodelete). So all find the
 * same first one, at any time and from any thread.
 */
#include "signal.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(name) #name
#define NAME_OF(symbol) TEXT(symbol)

static _Atomic(const struct signal_floor *) owner;

/* The names of what is loaded, in order, each with its NUL. */
struct names {
	char *text;
	size_t length;
};

/* Nothing else: the loader holds a lock that must not be held when it is called. */
static int
note_name(struct dl_phdr_info *info, size_t size, void *data)
{
	struct names *names = data;
	size_t length = strlen(info->dlpi_name) + 1;
	char *text = realloc(names->text, names->length + length);

	(void)size;
	if (text == NULL)
		return 1;
	memcpy(text + names->length, info->dlpi_name, length);
	names->text = text;
	names->length += length;
	return 0;
}

/* NULL where the object is none of us, or one that does it in another way. */
static const struct signal_floor *
floor_of(const char *name)
{
	const struct signal_floor *found;
	void *object;

	/* The program itself has no name. */
	if (name[0] == '\0' || (object = dlopen(name, RTLD_LAZY | RTLD_NOLOAD)) == NULL)
		return NULL;
	found = dlsym(object, NAME_OF(SIGNAL_FLOOR));
	dlclose(object);
	return found;
}

static const struct signal_floor *
find_owner(void)
{
	const struct signal_floor *found = NULL;
	struct names names = { 0 };

	dl_iterate_phdr(note_name, &names);
	for (size_t at = 0; at < names.length && found == NULL; at += strlen(names.text + at) + 1)
		found = floor_of(names.text + at);
	free(names.text);
	return found != NULL ? found : &SIGNAL_FLOOR;
}

const struct signal_floor *
copies_floor(void)
{
	const struct signal_floor *found = atomic_load(&owner);

	if (found == NULL) {
		found = find_owner();
		atomic_store(&owner, found);
	}
	return found;
}
