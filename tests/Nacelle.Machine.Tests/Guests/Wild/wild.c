// Executes random bytes as an unprivileged process: wild SEED COUNT. The same two numbers give the same bytes, states and places.
// Workers are forked again when a string ends them; what is tested is whether the machine outlives all of it.
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define WORKERS 2
#define PAGES 64
#define SLOT 32
#define SLOTS (PAGES * 4096 / SLOT)
#define DATA 0x30000000ul
#define NARROW_CODE 0x10000000ul

struct shared {
    volatile uint64_t next[WORKERS];
    volatile uint64_t signals[WORKERS][65];
};

// Where the code lies: low for 32 bits, at an alias, above 4 GiB, and at the end of what a user has.
static const uint64_t places[] = { NARROW_CODE, 0x11000000ul, 0x123456000ul, 0x7ffffffff000ul - PAGES * 4096 };
static struct shared *shared;
static uint8_t *writable;
static uint64_t worker, saved_stack, saved_fs, has_fsgsbase;
static uint64_t registers[17];
extern char recover[];

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ul;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ul;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebul;
    return x ^ (x >> 31);
}

// What the caller keeps goes onto the stack, and the state to start with into the registers.
#define SAVE_AND_LOAD \
    "push %%rbp\n push %%rbx\n push %%r12\n push %%r13\n push %%r14\n push %%r15\n" \
    "mov %%rsp, %[stack]\n" \
    "fninit\n" \
    "push 128(%[r])\n popfq\n" \
    "mov (%[r]), %%rax\n mov 16(%[r]), %%rdx\n mov 24(%[r]), %%rbx\n mov 32(%[r]), %%rsp\n mov 40(%[r]), %%rbp\n" \
    "mov 48(%[r]), %%rsi\n mov 56(%[r]), %%rdi\n mov 64(%[r]), %%r8\n mov 72(%[r]), %%r9\n mov 80(%[r]), %%r10\n" \
    "mov 88(%[r]), %%r11\n mov 96(%[r]), %%r12\n mov 104(%[r]), %%r13\n mov 112(%[r]), %%r14\n mov 120(%[r]), %%r15\n" \
    "mov 8(%[r]), %%rcx\n"

// Loads the state and goes to a far pointer; comes back through the handler, to "recover".
__attribute__((noinline)) static void enter(uint64_t target, uint64_t selector)
{
    static struct { uint32_t offset; uint16_t selector; } __attribute__((packed)) pointer;
    pointer.offset = target;
    pointer.selector = selector;
    asm volatile(
        SAVE_AND_LOAD
        "ljmp *%[pointer]\n"
        ".globl recover\nrecover:\n"
        "pop %%r15\n pop %%r14\n pop %%r13\n pop %%r12\n pop %%rbx\n pop %%rbp\n"
        : [stack] "=m"(saved_stack)
        : [r] "c"(registers), [pointer] "m"(pointer)
        : "rax", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc", "memory");
}

// The same for 64-bit code anywhere, by a plain jump; comes back to the other's "recover", which undoes what both have done.
__attribute__((noinline)) static void enter_wide(uint64_t target)
{
    static uint64_t pointer;
    pointer = target;
    asm volatile(
        SAVE_AND_LOAD
        "jmp *%[pointer]\n"
        : [stack] "=m"(saved_stack)
        : [r] "c"(registers), [pointer] "m"(pointer)
        : "rax", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc", "memory");
    __builtin_unreachable();
}

static void handle(int signal, siginfo_t *information, void *context)
{
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    if (has_fsgsbase)
        asm volatile("wrfsbase %0" : : "r"(saved_fs));
    if (saved_stack == 0)
        _exit(99);
    shared->signals[worker][signal]++;
    g[REG_RIP] = (greg_t)recover;
    g[REG_RSP] = saved_stack;
    g[REG_EFL] = 0x202;
    // Selectors of 64-bit code and data (arch/x86's user segments), FS and GS as they were.
    g[REG_CSGSFS] = (g[REG_CSGSFS] & 0x0000fffffffful & ~0xfffful) | 0x33 | (0x2bul << 48);
    saved_stack = 0;
}

static void prepare(uint64_t r)
{
    for (int i = 0; i < 17; i++) {
        r = mix(r);
        uint64_t kind = r & 7, value = mix(r + 1);
        registers[i] = kind < 4 ? DATA + (value & 0x3fff) : kind == 4 ? value & 63 : kind == 5 ? (uint32_t)value
            : kind == 6 ? 0x7ffffffff000ul - 16 + (value & 31) : value;
    }
    registers[4] = DATA + 0x1800 + (mix(r) & 0x3f8);
    registers[16] = 0x202 | (r & 0x8d5) | ((r >> 16) % 16 == 0 ? 0x100 : 0) | ((r >> 20) % 16 == 0 ? 0x40000 : 0)
        | ((r >> 24) % 16 == 0 ? 0x400 : 0);
}

static void fill(uint64_t seed, uint64_t round)
{
    static const uint8_t leading[] = { 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x0f, 0x0f, 0x0f, 0xc4, 0xc5, 0x62, 0x8f, 0x64, 0x65, 0x2e, 0x48, 0x4f, 0x41, 0xd9, 0xdf };
    uint64_t r = mix(seed ^ (round << 20) ^ worker);
    for (int i = 0; i < PAGES * 4096; i += 8) {
        r = mix(r);
        memcpy(writable + i, &r, 8);
    }
    for (int i = 0; i < SLOTS; i++) {
        r = mix(r);
        for (int j = 0; j < 3 && (r >> (8 * j) & 1); j++)
            writable[i * SLOT + j] = leading[(r >> (8 * j + 24)) % sizeof leading];
    }
}

static void work(uint64_t seed, uint64_t first, uint64_t count, int wide_segments)
{
    for (uint64_t n = first; n < count; n++) {
        uint64_t slot = n % SLOTS, r = mix(seed ^ (n * WORKERS + worker));
        if (slot == 0 || n == first)
            fill(seed, n / SLOTS);
        shared->next[worker] = n + 1;
        prepare(r);
        // At a slot's beginning, or so that the string runs into the next page or what is behind all code.
        uint64_t offset = r % 8 == 0 ? (slot * SLOT | 0xfff) - (r >> 8) % 15 : slot * SLOT;
        uint64_t mode = (r >> 32) % 8;
        if (mode < 5) {
            enter_wide(places[(r >> 40) % 4] + offset);
        } else {
            for (int i = 0; i < 16; i++)
                registers[i] = (uint32_t)registers[i];
            if (mode < 7 || !wide_segments)
                enter(NARROW_CODE + offset, 0x23);
            else
                enter((offset & 0xffff), 7);
        }
    }
}

static void become_worker(uint64_t seed, uint64_t first, uint64_t count, int traced)
{
    static const int signals[] = { SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGVTALRM, SIGSYS };
    static uint8_t stack[65536];
    stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
    struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    struct itimerval tick = { { 0, 8000 }, { 0, 8000 } };
    // 16-bit code over the first 64 KiB of the low place.
    struct user_desc code = { .entry_number = 0, .base_addr = NARROW_CODE, .limit = 0xffff, .contents = 2 };
    sigaltstack(&alternate, 0);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, 0);
    int has_ldt = syscall(SYS_modify_ldt, 1, &code, sizeof code) == 0;
    if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
        _exit(98);
    if (traced) {
        prctl(PR_SET_DUMPABLE, 1);
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
    }
    setitimer(ITIMER_VIRTUAL, &tick, 0);
    prctl(PR_SET_SECCOMP, 1);
    work(seed, first, count, has_ldt);
    syscall(SYS_exit, 0);
}

// Debug registers of a worker: one on code, one on a write, one on any access. They stay when the tracer goes.
static void set_debug_registers(pid_t child)
{
    int status;
    waitpid(child, &status, 0);
    if (!WIFSTOPPED(status))
        return;
    const uint64_t values[] = { NARROW_CODE + 64, DATA + 0x1000, DATA + 0x1808 };
    for (int i = 0; i < 3; i++)
        ptrace(PTRACE_POKEUSER, child, offsetof(struct user, u_debugreg[i]), values[i]);
    ptrace(PTRACE_POKEUSER, child, offsetof(struct user, u_debugreg[7]), 0x15ul | (0xdul << 20) | (0xful << 24));
    ptrace(PTRACE_DETACH, child, 0, 0);
}

int main(int argc, char **argv)
{
    uint64_t seed = strtoull(argv[1], 0, 0), count = strtoull(argv[2], 0, 0) / WORKERS, done[WORKERS] = { 0 }, forks = 0, shown = 0;
    int file = memfd_create("code", 0);
    setvbuf(stdout, 0, _IOLBF, 0);
    if (argc != 3 || file < 0 || ftruncate(file, PAGES * 4096))
        return 2;
    shared = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    has_fsgsbase = (getauxval(AT_HWCAP2) & 2) != 0;
    if (has_fsgsbase)
        asm volatile("rdfsbase %0" : "=r"(saved_fs));
    pid_t children[WORKERS] = { 0 };
    for (;;) {
        int running = 0;
        for (int i = 0; i < WORKERS; i++) {
            if (children[i] == 0 && done[i] < count) {
                children[i] = fork();
                if (children[i] == 0) {
                    worker = i;
                    // Each worker has code pages of its own, which are written at one place and run at four.
                    file = memfd_create("code", 0);
                    if (ftruncate(file, PAGES * 4096))
                        _exit(97);
                    writable = mmap(0, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
                    for (int p = 0; p < 4; p++)
                        mmap((void *)places[p], PAGES * 4096, p == 1 ? PROT_EXEC : p == 3 ? PROT_READ | PROT_WRITE | PROT_EXEC : PROT_READ | PROT_EXEC,
                            MAP_SHARED | MAP_FIXED_NOREPLACE, file, 0);
                    mmap((void *)DATA, 0x4000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
                    mprotect((void *)(DATA + 0x3000), 0x1000, PROT_READ);
                    become_worker(seed, done[i], count, forks % 4 == 1);
                }
                if (forks++ % 4 == 1)
                    set_debug_registers(children[i]);
            }
            running += children[i] != 0;
        }
        if (running == 0)
            break;
        int status;
        pid_t ended = waitpid(-1, &status, 0);
        for (int i = 0; i < WORKERS; i++) {
            if (children[i] == ended && (WIFEXITED(status) || WIFSIGNALED(status))) {
                children[i] = 0;
                // A string may have written anywhere, here too.
                uint64_t next = shared->next[i];
                done[i] = next > done[i] && next <= count ? next : done[i] + 1;
            }
        }
        uint64_t all = 0;
        for (int i = 0; i < WORKERS; i++)
            all += done[i];
        while (shown < all / 10000)
            printf("wild: %lu0000 strings\n", ++shown);
    }
    uint64_t all[65] = { 0 };
    for (int i = 0; i < WORKERS; i++)
        for (int s = 0; s < 65; s++)
            all[s] += shared->signals[i][s];
    printf("wild: done, %lu strings, %lu workers; SIGILL %lu, SIGTRAP %lu, SIGBUS %lu, SIGFPE %lu, SIGSEGV %lu, without end %lu\n",
        count * WORKERS, forks, all[SIGILL], all[SIGTRAP], all[SIGBUS], all[SIGFPE], all[SIGSEGV], all[SIGVTALRM]);
    return 0;
}
