// Sorting in several ways, with the checks counted; "small" for tools that slow it down.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>

static unsigned long seed = 88172645463325252UL;
static unsigned next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 11);
}

int checks;
void swap(int* a, int* b)
{
    int t = *a;
    *a = *b;
    *b = t;
}

void quick(int* v, int n)
{
    if (n < 2) return;
    int pivot = v[n / 2], i = 0, j = n - 1;
    for (;; i++, j--) {
        while (v[i] < pivot) i++;
        while (v[j] > pivot) j--;
        if (i >= j) break;
        swap(v + i, v + j);
    }
    quick(v, i);
    quick(v + i, n - i);
}

static void heap(int* v, int n)
{
    for (int start = n / 2, end = n; end > 1;) {
        if (start > 0) start--; else swap(v, v + --end);
        for (int root = start, child; (child = 2 * root + 1) < end; root = child) {
            if (child + 1 < end && v[child] < v[child + 1]) child++;
            if (v[root] >= v[child]) break;
            swap(v + root, v + child);
        }
    }
}

static int order(const void* a, const void* b) { return (*(int*)a > *(int*)b) - (*(int*)a < *(int*)b); }
static void library(int* v, int n) { qsort(v, n, sizeof *v, order); }

int main(int argc, char** argv)
{
    int n = argc > 1 && !strcmp(argv[1], "small") ? 300 : 200000;
    int* v = malloc(n * sizeof *v);
    void (*sorts[])(int*, int) = { quick, heap, library };
    for (int s = 0; s < 3; s++) {
        unsigned long sum = 0;
        for (int i = 0; i < n; i++) v[i] = (int)next();
        sorts[s](v, n);
        for (int i = 1; i < n; i++) {
            if (v[i - 1] > v[i]) { printf("out of order at %d\n", i); return 1; }
            sum = sum * 31 + (unsigned)v[i];
        }
        checks++;
        printf("%d: %lx\n", s, sum);
    }
    double d = 0;
    for (int i = 1; i < n; i++) d += sin(i) / sqrt(i) + v[i] % 7 * 1e-3;
    long double l = 0;
    for (int i = 1; i < n; i++) l += 1.0L / i;
    float f = 0;
    for (int i = 1; i < n; i++) f += 1.0f / i;
    printf("%.17g %.21Lg %.9g\n", d, l, f);
    return 0;
}
