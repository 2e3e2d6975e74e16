"""A bad line: carries frames between two network devices of its own making, and loses, delays and meters them.

    shaper.py NAMESPACE_FILE INNER OUTER LOSS DELAY_MS JITTER_MS BITS_PER_SECOND

INNER is made in the namespace, OUTER where the program is. LOSS is a share of 1; each frame is delayed by DELAY_MS plus
or minus up to JITTER_MS, without overtaking another; 0 bits a second: as fast as it can. Says "ready" and runs until it
is killed, which removes both devices. The kernel itself has such a queue (netem), but not every kernel is built with it.
"""
import collections
import ctypes
import fcntl
import os
import random
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA  # https://docs.kernel.org/networking/tuntap.html
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
LONGEST_FRAME = 65536
# What waits for a slow line longer than this is dropped, as routers do, s.
LONGEST_WAIT = 0.4


def make_tap(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return fd


class Line:
    """One direction."""

    def __init__(self, source, sink, loss, delay, jitter, rate):
        self.source, self.sink = source, sink
        self.loss, self.delay, self.jitter, self.rate = loss, delay, jitter, rate
        self.waiting = collections.deque()
        self.free_at = self.last_at = 0.0

    def take(self, now):
        while True:
            try:
                frame = os.read(self.source, LONGEST_FRAME)
            except BlockingIOError:
                return
            if random.random() < self.loss:
                continue
            sent_at = max(now, self.free_at)
            if sent_at - now > LONGEST_WAIT:
                continue
            if self.rate > 0:
                sent_at += len(frame) * 8 / self.rate
                self.free_at = sent_at
            self.last_at = max(self.last_at, sent_at + self.delay + random.uniform(-self.jitter, self.jitter))
            self.waiting.append((self.last_at, frame))

    def give(self, now):
        while self.waiting and self.waiting[0][0] <= now:
            try:
                os.write(self.sink, self.waiting.popleft()[1])
            except OSError:
                pass  # The device is not up yet, or its queue is full: lost, as on any line.


def main():
    namespace, inner_name, outer_name = sys.argv[1:4]
    loss, delay_ms, jitter_ms, rate = map(float, sys.argv[4:8])
    outer = make_tap(outer_name)
    with open(namespace, "rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    inner = make_tap(inner_name)
    traits = (loss, delay_ms / 1000, jitter_ms / 1000, rate)
    lines = [Line(inner, outer, *traits), Line(outer, inner, *traits)]
    print("ready", flush=True)
    while True:
        due = [line.waiting[0][0] for line in lines if line.waiting]
        timeout = max(0.0, min(due) - time.monotonic()) if due else 1.0
        select.select([inner, outer], [], [], timeout)
        now = time.monotonic()
        for line in lines:
            line.take(now)
            line.give(now)


main()
