/* What lockstep-cuda-helper is linked against on x86-64, in place of this machine's libc.so.6 and libdl.so.2: names and versions
 * alone, of glibc 2.2.5, which every later one still has. A function that is not here cannot be used by accident, and a program
 * built on a new distribution runs on an old one. dlopen() and dlsym() moved from libdl to libc in glibc 2.34; asked for by
 * their old version they are found in either. Never installed, never loaded. */
#define FUNCTION(name) __asm__(".globl " #name "\n.type " #name ", @function\n" #name ":\n")

#ifdef LOCKSTEP_LIBDL
FUNCTION(dlopen);
FUNCTION(dlsym);
FUNCTION(dlerror);
#else
FUNCTION(__libc_start_main);
FUNCTION(__errno_location);
FUNCTION(_exit);
FUNCTION(close);
FUNCTION(getpid);
FUNCTION(getrlimit);
FUNCTION(lseek);
FUNCTION(memcpy);
FUNCTION(memset);
FUNCTION(mmap);
FUNCTION(prctl);
FUNCTION(readlink);
FUNCTION(setrlimit);
FUNCTION(snprintf);
FUNCTION(strcmp);
FUNCTION(syscall);
FUNCTION(vsnprintf);
FUNCTION(write);
#endif
