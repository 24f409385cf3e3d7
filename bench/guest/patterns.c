// Ways through memory that try a soft TLB: copies between buffers at power-of-two distances, several streams, strides, random places.
// Usage: patterns SCALE [KIND...]; prints "bench KIND SECONDS CHECKSUM" for each, as guestbench does.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define SIZE (1024 * MIB)

static char *memory;
static double scale = 1;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static uint64_t word(size_t at) { return *(volatile uint64_t *)(memory + at); }

// A word of each line from one buffer to another, AT bytes apart.
static uint64_t copy(size_t distance, size_t amount) {
  size_t length = distance < 16 * MIB ? distance : 16 * MIB;
  uint64_t sum = 0;
  for (size_t i = 0, done = 0; done < amount; done++, i = i + 64 < length ? i + 64 : 0) {
    uint64_t value = word(i);
    *(volatile uint64_t *)(memory + distance + i) = value + 1;
    sum += value;
  }
  return sum;
}

// Whole pages by the C library's memcpy, which chooses its instructions by the processor.
static uint64_t pages(size_t distance, size_t amount) {
  for (size_t i = 0, done = 0; done < amount; done++, i = i + 4096 < 16 * MIB ? i + 4096 : 0)
    memcpy(memory + distance + i, memory + i, 4096);
  return word(distance);
}

// Words in turn from buffers 16 MiB apart.
static uint64_t streams(size_t count, size_t amount) {
  uint64_t sum = 0;
  for (size_t i = 0, done = 0; done < amount; i = i + 8 < 16 * MIB ? i + 8 : 0)
    for (size_t s = 0; s < count; s++, done++) sum += word(s * 16 * MIB + i);
  return sum;
}

static uint64_t stride(size_t step, size_t amount) {
  uint64_t sum = 0;
  for (size_t at = 0, done = 0; done < amount; done++) {
    uint64_t value = word(at);
    *(volatile uint64_t *)(memory + at) = value + done;
    sum += value;
    at += step;
    if (at >= SIZE) at = (at + 64) % step;
  }
  return sum;
}

static uint64_t anywhere(size_t range, size_t amount) {
  uint64_t sum = 0, x = 88172645463325252ull;
  for (size_t done = 0; done < amount; done++) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    size_t at = x % (range / 64) * 64;
    if (x >> 63) *(volatile uint64_t *)(memory + at) = x;
    else sum += word(at);
  }
  return sum;
}

// Each next place is read from the last one, so that nothing overlaps.
static uint64_t chain(size_t range, size_t amount) {
  size_t n = range / 4096, at = 0;
  for (size_t i = 0; i < n; i++) *(uint64_t *)(memory + i * 4096 + 128) = ((i * 40503 + 12345) % n) * 4096 + 128;
  for (size_t done = 0, p = 128; done < amount; done++) at = p = word(p);
  return at;
}

static const struct kind {
  const char *name;
  uint64_t (*run)(size_t, size_t);
  size_t argument, amount;
} kinds[] = {
  {"copy1m", copy, MIB, 20000000},         {"copy16m", copy, 16 * MIB, 20000000},
  {"copy64m", copy, 64 * MIB, 20000000},   {"copy512m", copy, 512 * MIB, 20000000},
  {"pages16m", pages, 16 * MIB, 400000},   {"streams2", streams, 2, 40000000},
  {"streams4", streams, 4, 40000000},      {"streams8", streams, 8, 40000000},
  {"stride4k", stride, 4 * KIB, 5000000},  {"stride64k", stride, 64 * KIB, 5000000},
  {"stride1m", stride, MIB, 5000000},      {"stride16m", stride, 16 * MIB, 20000000},
  {"stride64m", stride, 64 * MIB, 20000000},
  {"random16m", anywhere, 16 * MIB, 10000000}, {"random64m", anywhere, 64 * MIB, 5000000},
  {"random1g", anywhere, SIZE, 5000000},   {"chain16m", chain, 16 * MIB, 5000000},
  {"chain1g", chain, SIZE, 2000000},
};

int main(int count, char **arguments) {
  if (count > 1) scale = atof(arguments[1]);
  memory = mmap(0, SIZE + 16 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return perror("mmap"), 1;
  memory = (char *)(((uintptr_t)memory + 16 * MIB - 1) & ~(uintptr_t)(16 * MIB - 1));
  memset(memory, 1, SIZE);
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    int wanted = count < 3;
    for (int a = 2; a < count; a++) wanted |= !strcmp(arguments[a], kinds[k].name);
    if (!wanted) continue;
    size_t amount = kinds[k].amount * scale;
    kinds[k].run(kinds[k].argument, amount / 8);
    double start = now();
    uint64_t sum = kinds[k].run(kinds[k].argument, amount);
    printf("bench %-10s %.6f %016llx\n", kinds[k].name, now() - start, (unsigned long long)sum);
    fflush(stdout);
  }
  return 0;
}
