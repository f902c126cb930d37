#pragma once
// The codec of hiredis alone: its reader and its formatter. Its connections are not used.
#include <hiredis/hiredis.h>
