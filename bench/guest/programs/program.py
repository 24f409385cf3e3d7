"""Plain Python: objects, dictionaries, strings, numbers, sorting, regular expressions, JSON, compression, big integers."""
import collections
import hashlib
import heapq
import itertools
import json
import re
import zlib


def numbers(count, state=88172645463325252):
    for _ in range(count):
        state ^= (state << 13) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 7
        state ^= (state << 17) & 0xFFFFFFFFFFFFFFFF
        yield state


class Shape:
    def __init__(self, width, height):
        self.width, self.height = width, height

    def area(self):
        return self.width * self.height


class Circle(Shape):
    def area(self):
        return round(3.14159 * self.width * self.width / 4, 6)


def queens(size, row=0, columns=0, left=0, right=0):
    if row == size:
        return 1
    return sum(
        queens(size, row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1)
        for bit in (1 << n for n in range(size))
        if not bit & (columns | left | right))


def shortest(nodes):
    edges = collections.defaultdict(list)
    source = numbers(nodes * 4)
    for node in range(nodes):
        for _ in range(4):
            value = next(source)
            edges[node].append((value % nodes, value % 97 + 1))
    distance, heap = {}, [(0, 0)]
    while heap:
        length, node = heapq.heappop(heap)
        if node not in distance:
            distance[node] = length
            for target, weight in edges[node]:
                heapq.heappush(heap, (length + weight, target))
    return sum(distance.values())


def words():
    text = " ".join("word%d" % (n % 3000) for n in numbers(60000))
    counts = collections.Counter(re.findall(r"word[0-9]*7\b", text))
    back = json.loads(json.dumps({key: [value, value / 3, str(value)] for key, value in counts.items()}))
    return sorted(back.items(), key=lambda item: (-item[1][0], item[0]))[:50], zlib.crc32(zlib.compress(text.encode(), 6))


print(queens(7))
print(shortest(8000))
print(words())
print(sum(shape.area() for shape in ((Shape, Circle)[n & 1](n % 100, n % 37) for n in numbers(100000))))
print(hashlib.sha256(hex(3 ** 20000 * 7 ** 9000).encode()).hexdigest())
print(sum(1 for a, b in itertools.combinations(range(700), 2) if (a * a + b * b) % 19 == 0))
print(sorted(numbers(60000))[::6000])
