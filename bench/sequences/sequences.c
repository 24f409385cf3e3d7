// Times the sequences that translated code is made of, each eight times in a loop of nothing else: nanoseconds for one, the
// fastest of five runs, less the loop. The context lies below 2 GiB as the translator's does.
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { turns = 5000000 };
static uint64_t data[512] __attribute__((aligned(4096)));

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

// Offsets in the context: 0 a saved register, 8 the index mask, 16 the page mask, 8192 tags, 65536 host pages.
#define EIGHT(x) x x x x x x x x
#define TIME(name, body) do { \
    double best = 1e30; \
    for (int run = 0; run < 5; run++) { \
        long n = turns; \
        double start = now(); \
        __asm__ volatile("1:\n" body "dec %0\n jnz 1b\n 9:\n" : "+r"(n) : "b"(data) : "rax", "rcx", "r14", "r15", "memory", "cc"); \
        double time = (now() - start) / turns; \
        if (time < best) best = time; \
    } \
    if (loop < 0) loop = best; \
    else printf("%-44s %5.2f ns\n", name, (best - loop) / 8); \
} while (0)

#define ADDRESS "lea 8(%%rbx),%%r14\n"
#define CHECK "add 0x10002000(,%%r15,8),%%r14\n cmp $0xff8,%%r14\n ja 9f\n add 0x10010000(,%%r15,8),%%r14\n"
#define SHIFTED "mov %%r14d,%%r15d\n shr $12,%%r15d\n and $0xfff,%%r15d\n"

int main(void) {
    uint64_t *context = mmap((void *)0x10000000, 1 << 21, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (context == MAP_FAILED) {
        perror("map the context at 0x10000000");
        return 1;
    }

    syscall(SYS_arch_prctl, ARCH_SET_GS, (unsigned long)context);
    context[1] = 4095ul << 12;
    context[2] = ~0xffful;
    unsigned index = ((uint64_t)data >> 12) & 4095;
    context[1024 + index] = -(uint64_t)data;
    context[8192 + index] = (uint64_t)data;

    double loop = -1;
    TIME("", "");
    TIME("probe: mov shr and add cmp ja add, load", EIGHT(ADDRESS SHIFTED CHECK "mov (%%r14),%%rax\n"));
    TIME("the same with pext for mov shr and", EIGHT(ADDRESS "pext 0x10000008,%%r14,%%r15\n" CHECK "mov (%%r14),%%rax\n"));
    TIME("probe without a flag: two pext and jrcxz", EIGHT(ADDRESS
        "mov %%rcx,0x10000000\n pext 0x10000008,%%r14,%%r15\n mov 0x10002000(,%%r15,8),%%rcx\n lea (%%r14,%%rcx),%%r14\n"
        "lea 7(%%r14),%%rcx\n pext 0x10000010,%%rcx,%%rcx\n jrcxz 2f\n jmp 9f\n 2: mov 0x10000000,%%rcx\n"
        "mov 0x10010000(,%%r15,8),%%r15\n lea (%%r14,%%r15),%%r14\n mov (%%r14),%%rax\n"));
    TIME("lahf seto, store", EIGHT("mov %%rax,%%r15\n lahf\n seto %%al\n mov %%rax,0x10000018\n mov %%r15,%%rax\n"));
    TIME("seto lahf, store", EIGHT("mov %%rax,%%r15\n seto %%al\n lahf\n mov %%rax,0x10000018\n mov %%r15,%%rax\n"));
    TIME("load, add sahf", EIGHT("mov %%rax,%%r15\n movzwl 0x10000018,%%eax\n add $0x7f,%%al\n sahf\n mov %%r15,%%rax\n"));
    TIME("pushf popf", EIGHT("pushfq\n popfq\n"));
    TIME("load from the context", EIGHT("mov 0x10000008,%%ecx\n"));
    TIME("load from the context by a segment", EIGHT("mov %%gs:8,%%ecx\n"));
    TIME("poll: cmp jb", EIGHT("cmp 0x10000028,%%rsp\n jb 9f\n"));
    return 0;
}
