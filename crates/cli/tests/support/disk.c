/* A disk that fails on command, for tests: loaded with LD_PRELOAD into the server.
 *
 * DISK_TEST_DIR      files below it are concerned
 * DISK_TEST_CONTROL  a file whose first letter says what fails: n ENOSPC, q EDQUOT, f fsync
 * DISK_TEST_KILL_AT  the process kills itself at its n-th fsync, before it is done
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int concerned(int fd) {
    const char *directory = getenv("DISK_TEST_DIR");
    char link[64], path[4096];
    if (!directory) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strncmp(path, directory, strlen(directory)) == 0 && !strstr(path, "server.lock");
}

static char command(void) {
    const char *control = getenv("DISK_TEST_CONTROL");
    char letter = 0;
    if (!control) return 0;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, control, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    if (syscall(SYS_read, fd, &letter, 1) != 1) letter = 0;
    syscall(SYS_close, fd);
    return letter;
}

static int no_room(int fd) {
    char letter = command();
    if ((letter != 'n' && letter != 'q') || !concerned(fd)) return 0;
    errno = letter == 'n' ? ENOSPC : EDQUOT;
    return 1;
}

static int sync_fails(int fd) {
    static int count;
    const char *kill_at = getenv("DISK_TEST_KILL_AT");
    if (kill_at && concerned(fd) && __sync_add_and_fetch(&count, 1) == atoi(kill_at)) kill(getpid(), SIGKILL);
    if (command() != 'f' || !concerned(fd)) return 0;
    errno = EIO;
    return 1;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    return no_room(fd) ? -1 : syscall(SYS_write, fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    return no_room(fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    return no_room(fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, length, offset);
}

int fsync(int fd) {
    return sync_fails(fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    return sync_fails(fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}
