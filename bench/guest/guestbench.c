// The guest benchmark: small kernels of one kind of work each, timed by the guest's monotonic clock.
// usage: guestbench [scale [kind...]]   prints "bench kind seconds checksum" a line; the checksum shows that the work was right;
// and first and last "clock seconds", to be compared with another clock.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>
#include <immintrin.h>

static double scale = 1;
static volatile uint64_t sink;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static uint64_t rng_state = 88172645463325252ull;
static inline uint64_t rng(void) {
    uint64_t x = rng_state;
    x ^= x << 13; x ^= x >> 7; x ^= x << 17;
    return rng_state = x;
}

// --- integer
static uint64_t crc(void) {
    static uint32_t table[256];
    for (int i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
        table[i] = c;
    }
    static unsigned char data[65536];
    for (int i = 0; i < 65536; i++) data[i] = i * 7;
    uint32_t c = ~0u;
    for (int n = 0; n < 1200 * scale; n++)
        for (int i = 0; i < 65536; i++) c = table[(c ^ data[i]) & 255] ^ (c >> 8);
    return c;
}

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}
static uint64_t sort(void) {
    int n = 1000000 * scale;
    uint32_t *v = malloc(n * 4);
    for (int i = 0; i < n; i++) v[i] = rng();
    qsort(v, n, 4, compare);
    uint64_t r = v[n / 2];
    free(v);
    return r;
}

__attribute__((noinline)) static uint64_t fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
static uint64_t recursion(void) { uint64_t r = 0; for (int i = 0; i < 6 * scale; i++) r += fib(32); return r; }

static int queens_at(unsigned all, unsigned columns, unsigned left, unsigned right) {
    if (columns == all) return 1;
    int count = 0;
    for (unsigned free = all & ~(columns | left | right); free; free &= free - 1) {
        unsigned bit = free & -free;
        count += queens_at(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    return count;
}
static uint64_t bits(void) { uint64_t r = 0; for (int i = 0; i < 200 * scale; i++) r += queens_at((1 << 10) - 1, 0, 0, 0); return r; }

static uint64_t bytecode(void) {
    static const unsigned char program[] = {0, 1, 2, 3, 4, 1, 5, 2, 6, 7};
    static void *labels[] = {&&push, &&add, &&mul, &&xor, &&shift, &&dup, &&swap, &&next};
    uint64_t a = 1, b = 2, c = 3, loops = 9000000 * scale;
    const unsigned char *pc = program;
#define GO goto *labels[*pc++]
    GO;
push: b = a; a = c; GO;
add: a += b; GO;
mul: a *= b | 1; GO;
xor: a ^= c; GO;
shift: c = (a >> 3) + (c << 1); GO;
dup: b += a; GO;
swap: { uint64_t t = a; a = b; b = t; } GO;
next: if (--loops) { pc = program; GO; }
    return a ^ b ^ c;
}

struct shape { uint64_t (*area)(struct shape *); uint64_t x; };
static uint64_t f0(struct shape *s) { return s->x * 3; }
static uint64_t f1(struct shape *s) { return s->x + 7; }
static uint64_t f2(struct shape *s) { return s->x ^ 0x55; }
static uint64_t f3(struct shape *s) { return s->x >> 1; }
static uint64_t virtual_calls(void) {
    static struct shape shapes[256];
    static uint64_t (*fs[])(struct shape *) = {f0, f1, f2, f3};
    for (int i = 0; i < 256; i++) { shapes[i].area = fs[rng() & 3]; shapes[i].x = i; }
    uint64_t r = 0;
    for (int n = 0; n < 200000 * scale; n++)
        for (int i = 0; i < 256; i++) r += shapes[i].area(&shapes[i]);
    return r;
}

// --- floating point
static uint64_t scalar_double(void) {
    double p[5][7];
    for (int i = 0; i < 5; i++) for (int k = 0; k < 7; k++) p[i][k] = (i * 7 + k) * 0.37 + 1;
    for (int n = 0; n < 900000 * scale; n++) {
        for (int i = 0; i < 5; i++)
            for (int j = i + 1; j < 5; j++) {
                double dx = p[i][0] - p[j][0], dy = p[i][1] - p[j][1], dz = p[i][2] - p[j][2];
                double d2 = dx * dx + dy * dy + dz * dz + 0.01, m = 0.0001 / (d2 * __builtin_sqrt(d2));
                p[i][3] -= dx * p[j][6] * m; p[i][4] -= dy * p[j][6] * m; p[i][5] -= dz * p[j][6] * m;
                p[j][3] += dx * p[i][6] * m; p[j][4] += dy * p[i][6] * m; p[j][5] += dz * p[i][6] * m;
            }
        for (int i = 0; i < 5; i++) for (int k = 0; k < 3; k++) p[i][k] += 0.0001 * p[i][k + 3];
    }
    uint64_t r;
    memcpy(&r, &p[0][0], 8);
    return r;
}

static uint64_t matrix(void) {
    enum { N = 256 };
    static float a[N][N], b[N][N], c[N][N];
    for (int i = 0; i < N; i++) for (int j = 0; j < N; j++) { a[i][j] = i + j; b[i][j] = i - j; c[i][j] = 0; }
    for (int n = 0; n < 16 * scale; n++)
        for (int i = 0; i < N; i++)
            for (int k = 0; k < N; k++) {
                __m128 x = _mm_set1_ps(a[i][k]);
                for (int j = 0; j < N; j += 4)
                    _mm_storeu_ps(&c[i][j], _mm_add_ps(_mm_loadu_ps(&c[i][j]), _mm_mul_ps(x, _mm_loadu_ps(&b[k][j]))));
            }
    return (uint64_t)c[3][7];
}

__attribute__((target("avx2"))) static uint64_t avx(void) {
    static int32_t v[4096], w[4096];
    for (int i = 0; i < 4096; i++) { v[i] = i; w[i] = i * 3; }
    __m256i s = _mm256_setzero_si256();
    for (int n = 0; n < 120000 * scale; n++)
        for (int i = 0; i < 4096; i += 8)
            s = _mm256_add_epi32(s, _mm256_mullo_epi32(_mm256_loadu_si256((void *)&v[i]), _mm256_loadu_si256((void *)&w[i])));
    return _mm256_extract_epi32(s, 0) + (uint64_t)_mm256_extract_epi32(s, 5);
}

static uint64_t x87(void) {
    long double x = 0.5L, y = 1.5L;
    for (int n = 0; n < 9000000 * scale; n++) { x = x * 1.0000001L + y / 3.0L; y = y * 0.9999999L - x * 1e-9L; }
    return (uint64_t)x;
}

// --- memory
static uint64_t chase(void) {
    size_t n = 1 << 22;
    uint32_t *next = malloc(n * 4), at = 0;
    for (size_t i = 0; i < n; i++) next[i] = i;
    for (size_t i = n - 1; i > 0; i--) { size_t j = rng() % i; uint32_t t = next[i]; next[i] = next[j]; next[j] = t; }
    for (int i = 0; i < 6000000 * scale; i++) at = next[at];
    free(next);
    return at;
}

static uint64_t copy(void) {
    char *a = malloc(1 << 20), *b = malloc(1 << 20);
    memset(a, 3, 1 << 20);
    for (int n = 0; n < 4000 * scale; n++) { memcpy(b, a, 1 << 20); a[n & 1023] ^= b[(n * 7) & 1023]; }
    uint64_t r = b[9];
    free(a); free(b);
    return r;
}

static uint64_t hash(void) {
    enum { SIZE = 1 << 16 };
    static uint64_t keys[SIZE], values[SIZE];
    memset(keys, 0, sizeof keys);
    uint64_t r = 0;
    for (int n = 0; n < 9000000 * scale; n++) {
        uint64_t k = (rng() & 0x7FFF) + 1;
        size_t i = (k * 0x9E3779B97F4A7C15ull) >> 48;
        while (keys[i] && keys[i] != k) i = (i + 1) & (SIZE - 1);
        keys[i] = k; r += values[i]++;
    }
    return r;
}

static uint64_t strings(void) {
    static char text[65536];
    for (int i = 0; i < 65535; i++) text[i] = 'a' + i % 23;
    uint64_t r = 0;
    for (int n = 0; n < 12000 * scale; n++) {
        text[n % 60000 + 2000] ^= 1;
        r += strlen(text) + (strchr(text, 'z') != 0) + (size_t)memchr(text, 'Z', 65535);
        r += strcmp(text, text + 23) > 0;
        text[n % 60000 + 2000] ^= 1;
    }
    return r;
}

// --- system
static uint64_t system_call(void) { uint64_t r = 0; for (int i = 0; i < 1500000 * scale; i++) r += syscall(SYS_getppid); return r != 0; }

static uint64_t pipes(void) {
    int a[2], b[2];
    char c = 1;
    if (pipe(a) || pipe(b)) return 0;
    int n = 20000 * scale;
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < n; i++) if (read(a[0], &c, 1) != 1 || write(b[1], &c, 1) != 1) _exit(1);
        _exit(0);
    }
    for (int i = 0; i < n; i++) if (write(a[1], &c, 1) != 1 || read(b[0], &c, 1) != 1) break;
    waitpid(child, 0, 0);
    close(a[0]); close(a[1]); close(b[0]); close(b[1]);
    return n;
}

static uint64_t forks(void) {
    int n = 600 * scale;
    for (int i = 0; i < n; i++) { pid_t p = fork(); if (p == 0) _exit(0); waitpid(p, 0, 0); }
    return n;
}

static uint64_t execs(void) {
    int n = 200 * scale;
    for (int i = 0; i < n; i++) {
        pid_t p = vfork();
        if (p == 0) { char *args[] = {"guestbench", "0", 0}; execv("/proc/self/exe", args); _exit(1); }
        waitpid(p, 0, 0);
    }
    return n;
}

static uint64_t faults(void) {
    uint64_t r = 0;
    for (int n = 0; n < 6 * scale; n++) {
        size_t size = 64 << 20;
        char *p = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        madvise(p, size, MADV_NOHUGEPAGE);
        for (size_t i = 0; i < size; i += 4096) p[i] = 1, r++;
        munmap(p, size);
    }
    return r;
}

static uint64_t files(void) {
    char name[64], data[4096] = {1};
    uint64_t r = 0;
    for (int i = 0; i < 20000 * scale; i++) {
        snprintf(name, sizeof name, "/tmp/guestbench-%d", i & 63);
        int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0600);
        r += write(fd, data, sizeof data);
        lseek(fd, 0, SEEK_SET);
        r += read(fd, data, sizeof data);
        close(fd);
        unlink(name);
    }
    return r;
}

static uint64_t yields(void) { for (int i = 0; i < 800000 * scale; i++) sched_yield(); return 1; }

static volatile uint64_t shared;
static void *contend(void *count) { for (long i = 0; i < (long)count; i++) __atomic_fetch_add(&shared, 1, __ATOMIC_SEQ_CST); return 0; }
static uint64_t atomics(void) {
    pthread_t t;
    long n = 3000000 * scale;
    shared = 0;
    pthread_create(&t, 0, contend, (void *)n);
    contend((void *)n);
    pthread_join(t, 0);
    return shared;
}

static uint64_t self_modifying(void) {
    unsigned char *p = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t r = 0;
    for (uint32_t i = 0; i < 200000 * scale; i++) {
        unsigned char code[] = {0x8D, 0x87, 0, 0, 0, 0, 0xC3};   // lea eax, [rdi + imm32]; ret
        memcpy(code + 2, &i, 4);
        memcpy(p + (i & 31) * 16, code, sizeof code);
        r += ((uint32_t(*)(uint32_t))(p + (i & 31) * 16))(i);
    }
    munmap(p, 4096);
    return r;
}

static const struct { const char *name; uint64_t (*run)(void); } kinds[] = {
    {"crc", crc}, {"sort", sort}, {"recursion", recursion}, {"bits", bits}, {"bytecode", bytecode}, {"virtual", virtual_calls},
    {"double", scalar_double}, {"matrix", matrix}, {"avx", avx}, {"x87", x87},
    {"chase", chase}, {"copy", copy}, {"hash", hash}, {"strings", strings},
    {"syscall", system_call}, {"pipe", pipes}, {"fork", forks}, {"exec", execs}, {"fault", faults}, {"files", files},
    {"yield", yields}, {"atomic", atomics}, {"smc", self_modifying},
};

static void print_clock(void) {
    printf("clock %.6f\n", now());
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc > 1) scale = atof(argv[1]);
    if (scale == 0) return 0;
    print_clock();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int wanted = argc < 3;
        for (int k = 2; k < argc; k++) wanted |= !strcmp(argv[k], kinds[i].name);
        if (!wanted) continue;
        rng_state = 88172645463325252ull;
        double start = now();
        uint64_t result = kinds[i].run();
        printf("bench %-10s %.4f %016llx\n", kinds[i].name, now() - start, (unsigned long long)result);
        fflush(stdout);
    }
    print_clock();
    return 0;
}
