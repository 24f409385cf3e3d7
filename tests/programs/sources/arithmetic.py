"""Arithmetic of all kinds, exceptions, generators, threads and processes."""
import array, cmath, ctypes, decimal, fractions, hashlib, json, math, mmap, multiprocessing, os, random, re, signal, struct, threading, zlib

text = open('/suite/sources/input', 'rb').read(200000)
for name in sorted(hashlib.algorithms_guaranteed):
    h = hashlib.new(name, text)
    print(name, h.hexdigest(16) if name.startswith('shake') else h.hexdigest())
print(zlib.crc32(text), zlib.adler32(text), len(zlib.compress(text, 6)))

random.seed(4)
values = [random.uniform(-1e3, 1e3) for _ in range(3000)]
functions = [math.sin, math.cos, math.tan, math.atan, math.exp2 if hasattr(math, 'exp2') else abs, math.sinh, math.erf, math.tanh, math.cbrt, math.floor, math.frexp]
for function in functions:
    total = hashlib.sha256()
    for value in values:
        try:
            total.update(repr(function(value / 7)).encode())
        except (OverflowError, ValueError) as error:
            total.update(str(error).encode())
    print(function.__name__, total.hexdigest()[:20])
print(math.fsum(values), sum(values), cmath.sqrt(-2 + 3j) ** 2.5, 7 ** 2000 % 10 ** 40, math.factorial(300) % (2 ** 127 - 1), -7 // 2, -7 % 3, divmod(-7.5, 2))
decimal.getcontext().prec = 200
print(decimal.Decimal(2).sqrt() * decimal.Decimal(3).ln(), fractions.Fraction(355, 113) ** 7)
for value in (1e308 * 10, -0.0, 5e-324, 2 ** -1074 * 1.5, 0.1 + 0.2, float('nan')):
    print(value, value.hex(), struct.pack('>d', value).hex(), struct.pack('<f', min(value, 1e38)).hex())
print(struct.pack('<e', 0.1).hex(), struct.unpack('<e', b'\x01\x00'))

def countdown(n):
    try:
        while n:
            got = yield n
            n -= got or 1
    finally:
        print('closed', n)
generator = countdown(10)
print(next(generator), generator.send(3), list(zip(generator, range(2))))
generator.close()
def recurse(n): return recurse(n + 1)
try:
    recurse(0)
except RecursionError as error:
    print(error)
print(re.findall(rb'(?i)\b(?P<a>\w)\w+(?P=a)\b', text)[:30])
print(hashlib.md5(json.dumps({str(v): [v, None, True, {'x': v / 3}] for v in values}, sort_keys=True).encode()).hexdigest())
print(sorted(array.array('h', [random.randrange(-3000, 3000) for _ in range(5000)]))[::500])

# Pages written while they are shared; a library called by address.
shared = mmap.mmap(-1, 65536)
def child(n):
    shared[n * 4096:n * 4096 + 8] = struct.pack('<q', sum(i * i for i in range(n * 1000)))
    os._exit(n)
processes = []
for n in range(6):
    pid = os.fork()
    if pid == 0:
        child(n)
    processes.append(pid)
print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in processes], [struct.unpack('<q', shared[n * 4096:n * 4096 + 8])[0] for n in range(6)])
libc = ctypes.CDLL(None)
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(lambda a, b: a[0] - b[0])
numbers = (ctypes.c_int * 50)(*[random.randrange(1000) for _ in range(50)])
libc.qsort(numbers, 50, 4, compare)
print(list(numbers))

lock, counter = threading.Lock(), [0]
def count():
    for _ in range(3000):
        with lock:
            counter[0] += 1
threads = [threading.Thread(target=count) for _ in range(6)]
[t.start() for t in threads]
[t.join() for t in threads]
print(counter)
seen = []
signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
n = 0
while len(seen) < 20:
    n += 1
signal.setitimer(signal.ITIMER_REAL, 0)
print(len(seen) >= 20)
with multiprocessing.get_context('fork').Pool(3) as pool:
    print(pool.map(math.factorial, range(12)))
