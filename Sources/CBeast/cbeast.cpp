#include "include/cbeast.h"
