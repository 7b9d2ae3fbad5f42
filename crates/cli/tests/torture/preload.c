/* Makes the disk lie to one process: loaded with LD_PRELOAD, steered through a mapped file while the process runs.
 *
 * TORTURE_UNDER names the directory whose files are affected, TORTURE_SWITCH a file of two 32-bit
 * numbers: which fault (see `Fault` in preload.rs; 0 for none), and that it strikes each Nth call.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum { FSYNC = 1, WRITE_ERROR = 2, SHORT_WRITE = 3, READ_ERROR = 4 };

struct orders {
    _Atomic int32_t fault;
    _Atomic int32_t every;
};

static struct orders *orders;
static const char *under;
static atomic_uint calls;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("TORTURE_SWITCH");
    under = getenv("TORTURE_UNDER");
    int fd = name && under ? open(name, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *mapped = mmap(NULL, sizeof(struct orders), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED) orders = mapped;
}

/* Decides whether this call is struck by that fault. */
static int struck(int fd, int fault) {
    if (!orders || atomic_load(&orders->fault) != fault) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    if (strncmp(path, under, strlen(under)) != 0) return 0;
    int32_t every = atomic_load(&orders->every);
    return every > 0 && atomic_fetch_add(&calls, 1) % (unsigned)every == 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int fd) {
    if (struck(fd, FSYNC)) return errno = EIO, -1;
    return REAL(fsync)(fd);
}

int fdatasync(int fd) {
    if (struck(fd, FSYNC)) return errno = EIO, -1;
    return REAL(fdatasync)(fd);
}

#define WRITE(name, offset_type)                                                        \
    ssize_t name(int fd, const void *bytes, size_t length, offset_type offset) {        \
        if (struck(fd, WRITE_ERROR)) return errno = EIO, -1;                            \
        if (length > 1 && struck(fd, SHORT_WRITE)) length /= 2;                         \
        return REAL(name)(fd, bytes, length, offset);                                   \
    }

#define READ(name, offset_type)                                                         \
    ssize_t name(int fd, void *bytes, size_t length, offset_type offset) {              \
        if (struck(fd, READ_ERROR)) return errno = EIO, -1;                             \
        return REAL(name)(fd, bytes, length, offset);                                   \
    }

WRITE(pwrite, off_t)
WRITE(pwrite64, off64_t)
READ(pread, off_t)
READ(pread64, off64_t)

ssize_t write(int fd, const void *bytes, size_t length) {
    if (struck(fd, WRITE_ERROR)) return errno = EIO, -1;
    if (length > 1 && struck(fd, SHORT_WRITE)) length /= 2;
    return REAL(write)(fd, bytes, length);
}
