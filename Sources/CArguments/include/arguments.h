#ifndef SALLYPORT_ARGUMENTS_H
#define SALLYPORT_ARGUMENTS_H

/// How many words the command line has, the program's name among them.
int sp_argument_count(void);

/// One of them, where the kernel put it; null where there is none.
char *sp_argument(int index);

#endif
