"""What passes between the two processes: frames on a socket, values in a small codec, and calls in both directions.

Both ends use this module; only the examiner's end has reason to distrust the other. What arrives is bounded before
anything is allocated, decoded by exact type, and never unpickled. The other end can return wrong values, and nothing
worse.

What crosses by value: None, bool, int, float, complex, str, bytes, list, tuple, dict, set, slice, range, Fraction,
NumPy's scalars, arrays of numbers, text or such values, random generators. Subclasses arrive as these base values.
Functions, iterators and other objects of the other end are stand-ins.
"""

from __future__ import annotations

import array
import builtins
import math
import re
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from autograder.engine.randomness import ImpossibleState, advance, generator_state, make_generator, same_state

MAX_FRAME = 64 * 2**20  # bytes in one message
MAX_NODES = 200_000  # values in one message, containers included
MAX_VALUES = 4_000_000  # values in all messages until the next deadline is set
MAX_DEPTH = 100
MAX_INT_BYTES = 512
MAX_DIGEST = 4_000  # characters of an exception's message
MAX_LENT, MAX_LENT_BYTES = 1000, 2**16  # what a call back returns is watched, up to so many objects of that size
MAX_ORIGINS = 16  # arguments that an object made from them may change later
_ARRAY_KINDS = "biufcU"
_UINT32, _DOUBLE, _COMPLEX = struct.Struct("<I"), struct.Struct("<d"), struct.Struct("<dd")
_SHAPE = [struct.Struct(f"<B{ndim}Q") for ndim in range(65)]  # NumPy's arrays have 64 axes at most
# made once: a call here and there passes thousands of values
_ARRAY_LIKE = (np.ndarray, array.array, bytearray, memoryview)
_NUMBERS_AND_TEXT = (float, int, str)
_CHANGEABLE = (np.ndarray, np.random.Generator)
_EXACT = {np.ndarray, list, tuple, dict}  # kinds that no student has written


class ChannelError(BaseException):
    """The other end is gone, late, or breaks the rules. No `except Exception` in a test can swallow it.

    `kind` is the outcome it stands for: "timeout", "crashed" or "violation".
    """

    def __init__(self, kind: str, message: str):
        super().__init__(message)
        self.kind = kind


class Handle:
    """Names an object that lives at the other end."""

    __slots__ = ("kind", "name", "number")

    def __init__(self, number: int, kind: str, name: str):
        self.number, self.kind, self.name = number, kind, name


class Channel:
    """Length-prefixed frames on a stream socket, with one absolute deadline for both directions."""

    def __init__(self, sock: socket.socket):
        self.sock = sock
        self.deadline = float("inf")
        self.received = 0  # bytes since the deadline was set
        self.budget = float("inf")
        self.values = 0  # decoded since the deadline was set
        self._unread = b""  # what has arrived of a message that has not been asked for yet
        self._arrivals, self._room = select.poll(), select.poll()
        self._arrivals.register(sock, select.POLLIN)
        self._room.register(sock, select.POLLOUT)
        sock.setblocking(False)

    def limit(self, seconds: float, budget: float = float("inf")) -> None:
        """Allow `seconds` from now, and `budget` bytes from the other end, for all that follows."""
        self.deadline, self.budget = time.monotonic() + seconds, budget
        self.received = self.values = 0

    def _wait(self, events: select.poll) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0 or not events.poll(None if left == float("inf") else left * 1000):
            raise ChannelError("timeout", "no answer in time")

    def send(self, body: bytes) -> None:
        message = _UINT32.pack(len(body)) + body
        sent = 0
        while sent < len(message):
            try:
                sent += self.sock.send(memoryview(message)[sent:])
            except BlockingIOError:
                self._wait(self._room)
            except OSError as error:
                raise ChannelError("crashed", "the process ended") from error

    def receive(self) -> bytes:
        if time.monotonic() > self.deadline:  # a flood never has to be waited for
            raise ChannelError("timeout", "no answer in time")
        self._read_until(4)
        (size,) = _UINT32.unpack_from(self._unread)
        if size > MAX_FRAME:
            raise ChannelError("violation", f"a message of {size} bytes; the limit is {MAX_FRAME}")
        self.received += size
        if self.received > self.budget:
            raise ChannelError("violation", f"more than {self.budget:.0f} bytes in one test")
        self._read_until(4 + size)
        body, self._unread = self._unread[4 : 4 + size], self._unread[4 + size :]
        return body

    def is_quiet(self) -> bool:
        """Whether nothing has arrived unasked, the end of the other side included."""
        return not self._unread and not self._arrivals.poll(0)

    def has_ended(self) -> bool:
        """Whether the other side has hung up, and left nothing to read."""
        try:
            return not self._unread and not self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _read_until(self, size: int) -> None:
        """Read until that many bytes are at hand."""
        parts, missing = [self._unread], size - len(self._unread)
        while missing > 0:
            self._wait(self._arrivals)
            try:
                part = self.sock.recv(min(max(missing, 2**16), 2**20))
            except BlockingIOError:
                continue
            except OSError as error:
                raise ChannelError("crashed", "the process ended") from error
            if not part:
                raise ChannelError("crashed", "the process ended")
            parts.append(part)
            missing -= len(part)
        if len(parts) > 1:
            self._unread = b"".join(parts)

    def close(self) -> None:
        self.sock.close()


class Peer:
    """One end of a conversation: calls the other end and answers its calls, until one of them hangs up.

    `lookup(name)` finds what the other end may call by name. `adopt(peer, handle)` makes a stand-in for an object that
    lives there; whatever has an attribute `_handle` is such a stand-in, and goes back as what it stands for.
    `class_name(value)` names the class of the exercise that an object belongs to: such an object is never copied.
    Where an end is not `trusting`, the other may call the functions and advance the iterators that it was passed, and
    nothing else: an attribute of a function leads to everything (`__globals__`).
    """

    def __init__(
        self,
        channel: Channel,
        lookup: Callable[[str], object],
        adopt: Callable[[Peer, Handle], object],
        *,
        trusting: bool = False,
        class_name: Callable[[object], str | None] = lambda value: None,
    ):
        self.channel, self.lookup, self.adopt, self.trusting = channel, lookup, adopt, trusting
        self.class_name = class_name
        self.lock = threading.RLock()  # a student's function may call back from several threads
        self.own: list[object] = []  # objects of this end that the other end has handles of
        self.numbers: dict[int, int] = {}
        self.sent: list[object] = []  # what the last call passed, which its reply may refer to
        self.changes: list[tuple] = []  # what the last call changed in its arguments
        # What calls back have returned, for each call that is under way, the innermost last. The end that was called
        # may change them, like arguments; it notes what they held.
        self.lent: list[list[object]] = []
        self.borrowed: list[list[tuple[object, _Snapshot | None]]] = []
        # What an object was made from, by number: a generator may change its arguments long after it was called.
        self.made_from: dict[int, list[object]] = {}  # objects of this end
        self.adopted_from: dict[int, list[object]] = {}  # objects of the other end
        self.snapshots: dict[int, object] = {}  # of what is in made_from, by id

    # What one end asks of the other. A target is a name or a Handle.
    def call(self, target, *args, **kwargs):
        """Call a function of the other end; changes that it makes to arguments are made here too."""
        return self._ask("call", target, args, kwargs)

    def operate(self, operation: str, handle: Handle, *args):
        """`operation` is "get", "set", "iter" or the name of a special method."""
        return self._ask(operation, handle, args, {})

    def _ask(self, verb: str, target, args: tuple, kwargs: dict):
        with self.lock:
            return self._ask_alone(verb, target, args, kwargs)

    def begin(self, target, *args, **kwargs) -> None:
        """Call a function of the other end, and leave the answer for `await_reply`."""
        with self.lock:
            self._send("call", target, args, kwargs)

    def _ask_alone(self, verb: str, target, args: tuple, kwargs: dict):
        self.lent.append([])
        try:
            self._send(verb, target, args, kwargs)
            return self.await_reply()
        finally:
            self.lent.pop()

    def _send(self, verb: str, target, args: tuple, kwargs: dict) -> None:
        if not self.channel.is_quiet():
            raise ChannelError("violation", "a message that nobody asked for")
        encoder = Encoder(self)
        encoder.value([verb, target if isinstance(target, str) else _Ours(target), list(args), kwargs])
        self.channel.send(encoder.bytes())
        origins = self.adopted_from.get(target.number, []) if isinstance(target, Handle) else []
        self.sent, self.changes, self.verb = encoder.memo_objects + origins, [], verb

    def await_reply(self):
        """The reply to the last call, answering the other end's calls on the way. May be repeated after a timeout."""
        sent, verb = self.sent, self.verb
        while True:
            decoder = Decoder(self.channel.receive(), self, known=None)
            kind = decoder.head()
            if kind == "?":
                self._answer(decoder)
                continue
            decoder.known = sent + (self.lent[-1] if self.lent else [])
            return self._finish(kind, decoder, sent, verb)

    def _finish(self, kind: str, decoder: Decoder, sent: list, verb: str):
        if kind == "!":
            error = make_exception(decoder.value(), decoder.value())
            decoder.end()
            if isinstance(error, StopIteration | StopAsyncIteration) and verb != "__next__":
                # it would end a loop over the calls, and with it the test
                raise RuntimeError(f"{type(error).__name__}: {error}".removesuffix(": "))
            raise error
        if kind != "=":
            raise ChannelError("violation", "a reply of no known kind")
        result = decoder.value()
        changes = decoder.value()
        decoder.end()
        if type(changes) is not list:
            raise ChannelError("violation", "a reply without a list of changes")
        for change in changes:
            if type(change) is not tuple or len(change) != 2 or type(change[0]) is not int:
                raise ChannelError("violation", "a change of no known form")
            index, new = change
            if not 0 <= index < len(decoder.known):
                raise ChannelError("violation", "a change of something that was not passed")
            _apply(decoder.known[index], new)
        self.changes = changes
        if self.borrowed:
            lent = _lendable(decoder.memo_objects, len(self.borrowed[-1]))
            self.borrowed[-1] += [(one, _snapshot(one)) for one in lent]
        origins = _changeable(sent)
        if origins:
            for number in decoder.adopted:
                self.adopted_from.setdefault(number, origins)
        return result

    def serve(self) -> None:
        """Answer calls until the other end hangs up."""
        while True:
            decoder = Decoder(self.channel.receive(), self, known=None)
            if decoder.head() != "?":
                raise ChannelError("violation", "expected a call")
            self._answer(decoder)

    def _answer(self, decoder: Decoder) -> None:
        request = decoder.value()
        decoder.end()
        if (
            type(request) is not list
            or len(request) != 4
            or type(request[2]) is not list
            or type(request[3]) is not dict
        ):
            raise ChannelError("violation", "a call of no known form")
        verb, target, args, kwargs = request
        watched = decoder.memo_objects + self.made_from.get(self.numbers.get(id(target), -1), [])
        before = [
            # nobody but this method sees the call itself
            None if one is request or one is args or one is kwargs else self.snapshots.get(id(one)) or _snapshot(one)
            for one in watched
        ]
        encoder = Encoder(self, head="=")
        self.borrowed.append([])
        try:
            result = self._perform(verb, target, args, kwargs)
            borrowed = self.borrowed[-1]
            encoder.seed(watched)
            encoder.seed([one for one, _ in borrowed])
            encoder.value(result)
            changes = [
                (index, _contents(one))
                for index, (one, old) in enumerate([*zip(watched, before, strict=True), *borrowed])
                if old is not None and _changed(one, old.contents)
            ]
            encoder.changes(changes)
            origins = _changeable(watched) if encoder.exported else []
            for number in encoder.exported if origins else ():
                self.made_from[number] = origins
            for one in [watched[index] for index, _ in changes if index < len(watched)] + origins:
                if id(one) in self.snapshots or any(one is origin for origin in origins):
                    self.snapshots[id(one)] = _snapshot(one)
            if self.lent:
                returned = encoder.memo_objects[len(watched) + len(borrowed) :]
                self.lent[-1] += _lendable(returned, len(self.lent[-1]))
        except ChannelError:
            raise
        except BaseException as error:
            encoder = Encoder(self, head="!")
            encoder.value(exception_name(error))
            encoder.value(_message(error))
        finally:
            self.borrowed.pop()
        self.channel.send(encoder.bytes())

    def _perform(self, verb, target, args, kwargs):
        if type(verb) is not str:
            raise ChannelError("violation", "a call without a verb")
        subject = self.lookup(target) if type(target) is str else target
        if not self.trusting and (verb, _kind(subject)) not in (("call", "function"), ("__next__", "iterator")):
            raise ChannelError("violation", f"a request for {verb} of something that was passed")
        if verb == "call":
            return subject(*args, **kwargs)
        if verb == "get":
            return getattr(subject, args[0])
        if verb == "set":
            return setattr(subject, args[0], args[1])
        if verb == "iter":
            return iter(subject)
        method = getattr(type(subject), verb, None)
        if method is None:
            raise TypeError(f"{type(subject).__name__!r} objects have no {verb}")
        return method(subject, *args)

    def export(self, value: object) -> tuple[int, bool]:
        """The number by which the other end may ask for an object, and whether it is new."""
        number = self.numbers.get(id(value))
        if number is not None:
            return number, False
        number = self.numbers[id(value)] = len(self.own)
        self.own.append(value)  # kept alive, so that its id stays its own
        return number, True


class _Ours:
    """Marks a handle that is to be sent as itself."""

    def __init__(self, handle: Handle):
        self._handle = handle


class Encoder:
    """Values to bytes. Lists, dicts, arrays and generators that occur twice are sent once, so identity survives."""

    def __init__(self, peer: Peer, head: str = "?"):
        self.peer = peer
        self.parts: list[bytes] = [head.encode()]
        self.memo: dict[int, int] = {}
        self.memo_objects: list[object] = []
        self.exported: list[int] = []  # numbers of objects that the other end hears of for the first time
        self.depth = 0

    def bytes(self) -> bytes:
        return b"".join(self.parts)

    def seed(self, objects: list[object]) -> None:
        """Let references to `objects`, which the other end has already, be sent as their places in that list."""
        for one in objects:
            self._remember(one)

    def _remember(self, value: object) -> None:
        self.memo[id(value)] = len(self.memo_objects)
        self.memo_objects.append(value)

    def _number(self, tag: bytes, number: int) -> None:
        self.parts.append(tag + _UINT32.pack(number))

    def _text(self, tag: bytes, text: str) -> None:
        raw = text.encode("utf-8", "replace")
        self.parts.append(tag + _UINT32.pack(len(raw)) + raw)

    def changes(self, changes: list[tuple[int, object]]) -> None:
        """The new contents of changed arguments; sent as they are, not as references to themselves."""
        self._number(b"l", len(changes))
        self.memo_objects.append(None)  # the decoder counts this list
        for index, contents in changes:
            self._number(b"t", 2)
            self.value(index)
            self.value(contents)

    def value(self, value: object) -> None:
        kind = type(value)
        if kind is float:
            self.parts.append(b"d" + _DOUBLE.pack(value))
        elif kind is int:
            raw = value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)
            if len(raw) > MAX_INT_BYTES:
                raise OverflowError("an integer of more than 4000 bits cannot be passed")
            self.parts.append(b"i" + _UINT32.pack(len(raw)) + raw)
        elif kind is str:
            self._text(b"s", value)
        elif value is None:
            self.parts.append(b"N")
        elif kind is bool:
            self.parts.append(b"T" if value else b"F")
        elif kind is complex:
            self.parts.append(b"c" + _COMPLEX.pack(value.real, value.imag))
        elif kind is bytes:
            self._number(b"b", len(value))
            self.parts.append(value)
        elif id(value) in self.memo:
            self._number(b"@", self.memo[id(value)])
        else:
            self._composite(value, kind)

    def _composite(self, value: object, kind: type) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise RecursionError("values nested more than 100 deep cannot be passed")
        class_name = None if kind in _EXACT else self.peer.class_name(value)
        if class_name is not None:
            self._handle(value, "object", class_name)
        elif kind is list:
            self._remember(value)
            self._number(b"l", len(value))
            for one in value:
                self.value(one)
        elif isinstance(value, _ARRAY_LIKE):
            self._remember(value)
            self._array(b"a", np.asarray(value))
        elif isinstance(value, tuple):
            self._number(b"t", len(value))
            for one in value:
                self.value(one)
        elif isinstance(value, np.generic) and value.dtype.kind in _ARRAY_KINDS:
            self._array(b"g", np.asarray(value))
        elif isinstance(value, dict) and getattr(value, "_handle", None) is None:  # Counter and its kin arrive as dicts
            self._remember(value)
            self._number(b"m", len(value))
            for key, one in value.items():
                self.value(key)
                self.value(one)
        elif kind in (set, frozenset):
            self._number(b"S" if kind is set else b"Z", len(value))
            for one in value:
                self.value(one)
        elif kind is slice or kind is range:
            self.parts.append(b"x" if kind is slice else b"r")
            for one in (value.start, value.stop, value.step):
                self.value(one)
        elif value is Ellipsis:
            self.parts.append(b"E")
        elif isinstance(value, np.random.Generator):
            self._remember(value)
            self.parts.append(b"R")
            self.value(generator_state(value))
        elif getattr(value, "_handle", None).__class__ is Handle:
            self._number(b"H", value._handle.number)
        elif isinstance(value, _NUMBERS_AND_TEXT):  # a subclass arrives as its base value
            self.value(next(base for base in kind.__mro__ if base in _NUMBERS_AND_TEXT)(value))
        elif isinstance(value, Fraction):
            self.parts.append(b"q")
            self.value(value.numerator)
            self.value(value.denominator)
        else:
            self._handle(value, _kind(value), type(value).__name__)
        self.depth -= 1

    def _handle(self, value: object, kind: str, name: str) -> None:
        self._remember(value)
        number, is_new = self.peer.export(value)
        if is_new:
            self.exported.append(number)
        self._number(b"h", number)
        self._text(b"s", kind)
        self._text(b"s", name)

    def _array(self, tag: bytes, array: np.ndarray) -> None:
        if array.dtype.kind == "O":
            self.parts.append(b"o" + _shape(array))
            for one in array.ravel().tolist():
                self.value(one)
            return
        if array.dtype.kind not in _ARRAY_KINDS:
            raise TypeError(f"an array of {array.dtype} cannot be passed")
        if array.dtype.byteorder == ">":
            array = array.astype(array.dtype.newbyteorder("<"))
        if array.nbytes > MAX_FRAME // 2:
            raise MemoryError("an array of more than 32 MB cannot be passed")
        self._text(tag, array.dtype.str)
        self.parts.append(_shape(array))
        if array.dtype.kind == "U":
            codes = np.frombuffer(array.tobytes(), "<u4")
            array = np.where(_is_half(codes), ord("?"), codes).astype("<u4")  # as in any other text
        self.parts.append(array.tobytes())


def _is_half(codes: np.ndarray) -> np.ndarray:
    """Which of these code points are surrogates: halves of a pair, and no characters by themselves."""
    return codes >> 11 == 0xD800 >> 11


def _shape(array: np.ndarray) -> bytes:
    return _SHAPE[array.ndim].pack(array.ndim, *array.shape)


class Decoder:
    """Bytes to values, bounded. Raises ChannelError("violation") for anything that the encoder would not write."""

    def __init__(self, body: bytes, peer: Peer, known: list[object] | None):
        self.body, self.at, self.peer = body, 0, peer
        self.memo_objects: list[object] = []
        self.known = known
        self.adopted: list[int] = []  # numbers of the other end's objects
        self.nodes = self.depth = 0
        self.repeated = 0  # of the nodes: met again by reference, not decoded again
        self.open: set[int] = set()  # containers that are being read
        self.weights: dict[int, int] = {}  # how many values each container holds, all the way down

    def head(self) -> str:
        return chr(self._take(1)[0])

    def end(self) -> None:
        if self.at != len(self.body):
            raise ChannelError("violation", "a message that is longer than its contents")
        self.peer.channel.values += self.nodes - self.repeated
        if self.peer.channel.values > MAX_VALUES:
            raise ChannelError("violation", "too many values")

    def _take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.body):
            raise ChannelError("violation", "a message that ends too soon")
        part, self.at = self.body[self.at : end], end
        return part

    def _number(self) -> int:
        (number,) = _UINT32.unpack_from(self.body, self.at)
        self.at += 4
        return number

    def _count(self) -> int:
        count = self._number()
        if count > len(self.body) - self.at:  # each value takes a byte or more
            raise ChannelError("violation", "a header that promises more than it carries")
        return count

    def _text(self) -> str:
        return self._take(self._number()).decode("utf-8")

    def _tagged_text(self) -> str:
        if self._take(1) != b"s":
            raise ChannelError("violation", "expected text")
        return self._text()

    def value(self) -> object:
        self.nodes += 1
        self.depth += 1
        if self.nodes > MAX_NODES or self.depth > MAX_DEPTH + 5:
            raise ChannelError("violation", "too many values")
        try:
            tag = self.body[self.at]
            self.at += 1
            value = _READ[tag](self)
        except (ValueError, TypeError, ArithmeticError, LookupError, struct.error, RecursionError) as error:
            raise ChannelError("violation", f"a value that cannot be read: {error}") from error
        self.depth -= 1
        return value

    def _constant(self) -> object:
        return _CONSTANTS[self.body[self.at - 1]]

    def _integer(self) -> int:
        size = self._number()
        if size > MAX_INT_BYTES:
            raise ChannelError("violation", "an integer of too many digits")
        return int.from_bytes(self._take(size), "little", signed=True)

    def _float(self) -> float:
        (number,) = _DOUBLE.unpack_from(self.body, self.at)
        self.at += 8
        return number

    def _complex(self) -> complex:
        return complex(*_COMPLEX.unpack(self._take(16)))

    def _bytes(self) -> bytes:
        return self._take(self._number())

    def _reference(self) -> object:
        number, known = self._number(), self.known or []
        if number >= len(known) + len(self.memo_objects):
            raise ChannelError("violation", "a reference to nothing")
        if number < len(known):
            return known[number]
        number -= len(known)
        if number in self.open:
            raise ChannelError("violation", "a value that contains itself")
        weight = self.weights.get(number, 0)
        self.nodes += weight  # whoever walks through the value meets it again
        self.repeated += weight
        return self.memo_objects[number]

    def _fraction(self) -> Fraction:
        parts = self.value(), self.value()
        if not all(type(one) is int for one in parts):
            raise ChannelError("violation", "a fraction of something else than whole numbers")
        return Fraction(*parts)

    def _list(self) -> list:
        items: list = []
        place, before = self._begin(items)
        for _ in range(self._count()):
            items.append(self.value())
        self._end(place, before)
        return items

    def _tuple(self) -> tuple:
        return tuple([self.value() for _ in range(self._count())])

    def _mapping(self) -> dict:
        mapping: dict = {}
        place, before = self._begin(mapping)
        for _ in range(self._count()):
            key = self.value()
            mapping[key] = self.value()
        self._end(place, before)
        return mapping

    def _set(self) -> set:
        members: set = set()
        for _ in range(self._count()):
            members.add(self.value())  # one by one, so that an alarm can ring between two that collide
        return members

    def _frozenset(self) -> frozenset:
        return frozenset(self._set())

    def _slice(self) -> slice:
        return slice(self.value(), self.value(), self.value())

    def _range(self) -> range:
        numbers = range(self.value(), self.value(), self.value())
        if (numbers.stop - numbers.start) // numbers.step > MAX_NODES:
            raise ChannelError("violation", f"a range of more than {MAX_NODES} numbers")
        return numbers

    def _generator(self) -> np.random.Generator:
        place, _ = self._begin(None)
        try:
            generator = self.memo_objects[place] = make_generator(self.value())
        except ImpossibleState as error:
            raise ChannelError("violation", str(error)) from error
        self.open.remove(place)
        return generator

    def _own(self) -> object:
        number = self._number()
        if number >= len(self.peer.own):
            raise ChannelError("violation", "a handle of nothing")
        return self.peer.own[number]

    def _stand_in(self) -> object:
        place = len(self.memo_objects)
        self.memo_objects.append(None)
        handle = Handle(self._number(), self._tagged_text(), self._tagged_text())
        self.adopted.append(handle.number)
        stand_in = self.memo_objects[place] = self.peer.adopt(self.peer, handle)
        return stand_in

    def _begin(self, container: object) -> tuple[int, int]:
        """Note a container whose contents are still to be read; returns its place, and the nodes before it."""
        place = len(self.memo_objects)
        self.memo_objects.append(container)
        self.open.add(place)
        return place, self.nodes

    def _end(self, place: int, before: int) -> None:
        self.open.remove(place)
        self.weights[place] = self.nodes - before

    def _numbers(self) -> np.ndarray:
        numbers = self._array()
        self.memo_objects.append(numbers)
        return numbers

    def _scalar(self) -> np.generic:
        scalar = self._array()
        if scalar.ndim:
            raise ChannelError("violation", "a scalar with a shape")
        return scalar[()]

    def _array(self) -> np.ndarray:
        name = self._take(self._number())
        dtype = _DTYPES.get(name)
        if dtype is None and re.fullmatch(rb"<U[0-9]{1,8}", name):
            dtype = np.dtype(name.decode())
        if dtype is None or not dtype.itemsize:
            raise ChannelError("violation", "an array of no known kind")
        shape = self._shape()
        raw = self._take(math.prod(shape, start=dtype.itemsize))
        numbers = np.frombuffer(raw, dtype=dtype).reshape(shape)
        if dtype.kind == "U":
            codes = np.frombuffer(raw, "<u4")
            if (_is_half(codes) | (codes > 0x10FFFF)).any():
                raise ChannelError("violation", "an array of text that holds something else")
        # a byte that is neither 0 nor 1 would be a bool that is not equal to itself
        return np.asarray(numbers.view(np.uint8) != 0) if dtype.kind == "b" else numbers.copy()

    def _array_of_values(self) -> np.ndarray:
        place, _ = self._begin(None)
        shape = self._shape()
        size = math.prod(shape)
        if size > len(self.body) - self.at:
            raise ChannelError("violation", "a header that promises more than it carries")
        values = [self.value() for _ in range(size)]
        filled = np.empty(size, dtype=object)
        filled[:] = values
        self.open.remove(place)
        filled = self.memo_objects[place] = filled.reshape(shape)
        return filled

    def _shape(self) -> tuple[int, ...]:
        (ndim,) = self._take(1)
        if ndim >= len(_SHAPE):
            raise ChannelError("violation", "an array of too many axes")
        self.at -= 1
        return _SHAPE[ndim].unpack(self._take(_SHAPE[ndim].size))[1:]


_CONSTANTS = {ord("N"): None, ord("T"): True, ord("F"): False, ord("E"): Ellipsis}
_DTYPES = {
    dtype.str.encode(): dtype
    for dtype in (
        np.dtype(code).newbyteorder("<") for code in "?" + np.typecodes["AllInteger"] + np.typecodes["AllFloat"]
    )
}
_READ = dict.fromkeys(_CONSTANTS, Decoder._constant) | {
    ord("i"): Decoder._integer,
    ord("d"): Decoder._float,
    ord("c"): Decoder._complex,
    ord("s"): Decoder._text,
    ord("b"): Decoder._bytes,
    ord("@"): Decoder._reference,
    ord("a"): Decoder._numbers,
    ord("o"): Decoder._array_of_values,
    ord("g"): Decoder._scalar,
    ord("q"): Decoder._fraction,
    ord("l"): Decoder._list,
    ord("t"): Decoder._tuple,
    ord("m"): Decoder._mapping,
    ord("S"): Decoder._set,
    ord("Z"): Decoder._frozenset,
    ord("x"): Decoder._slice,
    ord("r"): Decoder._range,
    ord("R"): Decoder._generator,
    ord("H"): Decoder._own,
    ord("h"): Decoder._stand_in,
}


def exception_name(error: BaseException) -> str:
    """The first built-in exception in the line of an exception's classes: what the other end will see."""
    for kind in type(error).__mro__:
        if kind is np.linalg.LinAlgError:
            return "LinAlgError"
        if kind.__module__ == "builtins" and issubclass(kind, Exception):
            return kind.__name__
    return "RuntimeError"  # SystemExit, KeyboardInterrupt and the like end nothing here


def make_exception(name: object, message: object) -> Exception:
    """The built-in exception of that name; raises ChannelError for anything else."""
    if type(name) is not str or type(message) is not str:
        raise ChannelError("violation", "an exception without a name or a message")
    kind = np.linalg.LinAlgError if name == "LinAlgError" else getattr(builtins, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        raise ChannelError("violation", "an exception of no known kind")
    text = message[:MAX_DIGEST]
    try:
        return kind(text)
    except TypeError:  # UnicodeDecodeError and its like want more arguments
        return ValueError(text)


def _message(error: BaseException) -> str:
    try:
        return str(error)[:MAX_DIGEST]
    except BaseException:
        return type(error).__name__


def _kind(value: object) -> str:
    kind = type(value)
    if hasattr(kind, "__next__") and hasattr(kind, "__iter__"):
        return "iterator"
    if callable(value):
        return "function"
    if hasattr(kind, "__len__") and hasattr(kind, "__getitem__"):
        return "sequence"
    return "iterable" if hasattr(kind, "__iter__") else "object"


class _Snapshot:
    """What a mutable argument held; wrapped, so that it is true."""

    __slots__ = ("contents",)

    def __init__(self, contents: object):
        self.contents = contents


def _is_changeable(value: object) -> bool:
    return type(value) in (list, dict) or isinstance(value, _CHANGEABLE)


def _changeable(values: list[object]) -> list[object]:
    """What of `values` an object that was made from them may change later."""
    return [one for one in values if _is_changeable(one)][:MAX_ORIGINS]


def _lendable(returned: list[object], before: int) -> list[object]:
    """What a call back has returned, None in the place of what is not watched. Both ends leave out the same."""
    return [
        None if isinstance(one, np.ndarray) and one.nbytes > MAX_LENT_BYTES else one
        for one in returned[: max(0, MAX_LENT - before)]
    ]


def _snapshot(value: object) -> _Snapshot | None:
    """What is needed to see later whether an argument has changed; None for what cannot."""
    return _Snapshot(_contents(value)) if _is_changeable(value) else None


def _changed(value: object, old: object) -> bool:
    if isinstance(value, np.ndarray):
        return not _identical(value, old)
    if type(value) is list:
        return len(value) != len(old) or any(a is not b for a, b in zip(value, old, strict=True))
    if type(value) is dict:
        return list(value) != list(old) or any(value[key] is not old[key] for key in old)
    return not same_state(generator_state(value), old)


def _identical(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays hold the same bytes: NaN is NaN, and 0.0 is not -0.0."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind in "OU":
        return all(x is y or (type(x) is str and x == y) for x, y in zip(a.ravel(), b.ravel(), strict=True))
    if a.nbytes <= 4096:
        return a.tobytes() == b.tobytes()
    return np.array_equal(a.reshape(-1).view(np.uint8), b.reshape(-1).view(np.uint8))


def _contents(value: object):
    """A copy of the contents of a changed argument, which is encoded as a new object."""
    return generator_state(value) if isinstance(value, np.random.Generator) else value.copy()


def _apply(target: object, new: object) -> None:
    """Make a change that the other end made to its copy of an argument; only to what is mutable, and only in kind."""
    if isinstance(target, np.ndarray):
        if not isinstance(new, np.ndarray) or new.dtype != target.dtype or new.shape != target.shape:
            raise ChannelError("violation", "a change of an array's shape or type")
        if target.flags.writeable:
            target[...] = new
    elif type(target) is list and type(new) is list:
        target[:] = new
    elif type(target) is dict and type(new) is dict:
        target.clear()
        target.update(new)
    elif isinstance(target, np.random.Generator):
        try:
            advance(target, new)
        except ImpossibleState as error:
            raise ChannelError("violation", str(error)) from error
    else:
        raise ChannelError("violation", "a change of something that cannot change")
