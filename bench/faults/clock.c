/* Moves the clock of every process that is started with it: cc -shared -fPIC clock.c -o clock.so; LD_PRELOAD=clock.so.
 *
 * CLOCK_FILE holds two 64-bit numbers: the seconds by which the clock is moved, and how often a moved clock was read.
 * Monotonic clocks stay as they are, as they do when a person or NTP sets a machine's clock.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *shared;

__attribute__((constructor)) static void open_file(void) {
    const char *name = getenv("CLOCK_FILE");
    int file = name ? open(name, O_RDWR) : -1;
    void *at = file < 0 ? MAP_FAILED : mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file >= 0) close(file);
    if (at != MAP_FAILED) shared = at;
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, id, now);
    if (failed || !shared || !shared[0] || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)) return failed;
    now->tv_sec += shared[0];
    shared[1]++;
    return 0;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec moved;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &moved);
    now->tv_sec = moved.tv_sec;
    now->tv_usec = moved.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *where) {
    struct timespec moved;
    clock_gettime(CLOCK_REALTIME, &moved);
    if (where) *where = moved.tv_sec;
    return moved.tv_sec;
}
