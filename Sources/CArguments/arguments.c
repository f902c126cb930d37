#include "arguments.h"

static char **arguments;
static int count;

// The C library hands them to what runs before main. Swift's own way to them is /proc, which a program in a sandbox cannot read:
// there it would find none.
__attribute__((constructor)) static void keep(int given, char **words) {
    count = given;
    arguments = words;
}

int sp_argument_count(void) { return count; }

char *sp_argument(int index) { return index >= 0 && index < count ? arguments[index] : 0; }
