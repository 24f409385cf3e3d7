// Exceptions, unwinding, threads and cancellation. What it prints depends on nothing but the processor's being right.
#include <atomic>
#include <condition_variable>
#include <exception>
#include <future>
#include <iostream>
#include <map>
#include <mutex>
#include <numeric>
#include <pthread.h>
#include <csetjmp>
#include <csignal>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <typeinfo>
#include <unistd.h>
#include <vector>

struct Trace {
    std::string& log;
    char name;
    Trace(std::string& l, char n) : log(l), name(n) {}
    ~Trace() { log += name; }
};

static int depth(int n, std::string& log)
{
    Trace trace(log, static_cast<char>('a' + n % 26));
    if (n == 0) throw std::out_of_range("bottom");
    return depth(n - 1, log) + 1;
}

struct Base { virtual ~Base() = default; };
struct Left : virtual Base { int l = 1; };
struct Right : virtual Base { int r = 2; };
struct Both : Left, Right { int b = 3; };

static void nested(int n)
{
    try {
        if (n == 0) throw std::runtime_error("innermost");
        nested(n - 1);
    } catch (...) {
        std::throw_with_nested(std::logic_error("level " + std::to_string(n)));
    }
}

static void unfold(const std::exception& e, std::ostream& out)
{
    out << e.what() << ';';
    try { std::rethrow_if_nested(e); } catch (const std::exception& inner) { unfold(inner, out); }
}

static std::atomic<int> cleaned;
static void clean(void*) { cleaned++; }
static void* waits(void*)
{
    pthread_cleanup_push(clean, nullptr);
    Trace* never = nullptr;
    (void)never;
    for (;;) pause();
    pthread_cleanup_pop(0);
    return nullptr;
}
static void* exits(void* value)
{
    struct Counted { ~Counted() { cleaned += 10; } } counted;
    pthread_exit(value);
}

static sigjmp_buf escape;
static void on_fault(int) { siglongjmp(escape, 1); }

int main()
{
    std::string log;
    try { depth(60, log); } catch (const std::exception& e) { std::cout << e.what() << ' ' << log << '\n'; }

    for (int kind = 0; kind < 6; kind++) {
        try {
            switch (kind) {
                case 0: throw 42;
                case 1: throw 2.5;
                case 2: throw std::string("text");
                case 3: throw Both();
                case 4: dynamic_cast<Both&>(*new Base);
                default: std::vector<int>(3).at(7);
            }
        } catch (int i) { std::cout << "int " << i << '\n';
        } catch (double d) { std::cout << "double " << d << '\n';
        } catch (const std::string& s) { std::cout << "string " << s << '\n';
        } catch (Right& r) { std::cout << "right " << r.r << ' ' << dynamic_cast<Both&>(r).b << '\n';
        } catch (const std::bad_cast&) { std::cout << "bad cast\n";
        } catch (...) { std::cout << "another\n"; }
    }

    std::ostringstream out;
    try { nested(5); } catch (const std::exception& e) { unfold(e, out); }
    std::cout << out.str() << '\n';

    std::promise<int> promise;
    std::thread thrower([&] {
        try { std::string inner; depth(9, inner); } catch (...) { promise.set_exception(std::current_exception()); }
    });
    try { promise.get_future().get(); } catch (const std::out_of_range& e) { std::cout << "from a thread: " << e.what() << '\n'; }
    thrower.join();

    std::atomic<long> caught{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 2000; i++) {
                try { std::string inner; depth((i + t) % 12, inner); } catch (const std::exception&) { caught++; }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    std::cout << caught << " caught in four threads\n";

    pthread_t cancelled, exited;
    void* result = nullptr;
    pthread_create(&cancelled, nullptr, waits, nullptr);
    pthread_cancel(cancelled);
    pthread_join(cancelled, &result);
    std::cout << (result == PTHREAD_CANCELED ? "cancelled" : "not cancelled") << '\n';
    pthread_create(&exited, nullptr, exits, reinterpret_cast<void*>(77));
    pthread_join(exited, &result);
    std::cout << reinterpret_cast<long>(result) << ' ' << cleaned / 10 << '\n';

    std::mutex mutex;
    std::condition_variable ready;
    std::map<int, int> sums;
    std::vector<std::thread> workers;
    for (int t = 0; t < 3; t++) {
        workers.emplace_back([&, t] {
            for (int i = 0; i < 300; i++) {
                std::unique_lock lock(mutex);
                ready.wait(lock, [&] { return static_cast<int>(sums.size()) % 3 == t; });
                sums[static_cast<int>(sums.size())] = i * t;
                ready.notify_all();
            }
        });
    }
    for (auto& worker : workers) worker.join();
    std::cout << std::accumulate(sums.begin(), sums.end(), 0L, [](long s, auto& p) { return s * 31 % 1000003 + p.first + p.second; }) << '\n';

    struct sigaction action {};
    action.sa_handler = on_fault;
    action.sa_flags = SA_NODEFER;
    for (int signal : {SIGSEGV, SIGFPE, SIGILL, SIGTRAP}) sigaction(signal, &action, nullptr);
    volatile int faults = 0, zero = 0;
    if (sigsetjmp(escape, 1) == 0) { *reinterpret_cast<volatile int*>(zero + 8L) = 1; } else { faults = faults + 1; }
    if (sigsetjmp(escape, 1) == 0) { zero = 5 / zero; } else { faults = faults + 10; }
    if (sigsetjmp(escape, 1) == 0) { asm volatile("ud2"); } else { faults = faults + 100; }
    if (sigsetjmp(escape, 1) == 0) { asm volatile("int3"); } else { faults = faults + 1000; }
    std::cout << faults << " faults\n";
}
