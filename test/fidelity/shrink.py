"""Makes what fails smaller: delta debugging over a list, as long as there is time."""
import time


def shrink(items, fails, deadline):
    """The smallest part of the items found until the deadline for which `fails` holds; it holds for all of them."""
    size = max(1, len(items) // 2)
    while time.monotonic() < deadline:
        smaller = False
        first = 0
        while first < len(items) and time.monotonic() < deadline:
            rest = items[:first] + items[first + size:]
            if rest and fails(rest):
                items, smaller = rest, True
            else:
                first += size
        if size == 1 and not smaller:
            break
        size = max(1, size // 2) if not smaller or size > len(items) else size
    return items


def ranges(numbers):
    """1,2,3,7 as "1-3,7"."""
    out = []
    for n in sorted(numbers):
        if out and out[-1][1] == n - 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return ",".join("%d-%d" % (a, b) if a != b else str(a) for a, b in out)


def parse_ranges(text):
    """The way back."""
    out = set()
    for part in text.split(","):
        a, _, b = part.partition("-")
        out.update(range(int(a), int(b or a) + 1))
    return out
