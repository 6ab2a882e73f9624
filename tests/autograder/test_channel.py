"""What passes between the processes: every value arrives as it was, and bytes of any kind do no harm."""

import contextlib
import math
import socket
import threading
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from autograder.engine import channel
from autograder.engine.channel import Channel, ChannelError, Decoder, Encoder, Handle, Peer

PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
    | st.just(...)
    | st.fractions()
    | st.builds(slice, st.none() | st.integers(-9, 9), st.integers(-9, 9))
    | st.builds(range, st.integers(-99, 99), st.integers(-99, 99), st.integers(1, 9))
)
ARRAYS = arrays.arrays(
    st.sampled_from(["?", "i1", "u8", "i4", ">i4", "f2", "f4", "f8", ">f8", "c8", "c16", "U3", ">U2"]),
    arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    elements=None,
)
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=3) | st.integers() | st.booleans()
VALUES = st.recursive(
    PLAIN | ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.frozensets(KEYS, max_size=4)
        | st.sets(KEYS, max_size=4)
    ),
    max_leaves=12,
)


class StandIn:
    def __init__(self, handle):
        self._handle = handle


@pytest.fixture(scope="module")
def peer():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Peer(Channel(ours), {}.__getitem__, lambda peer, handle: StandIn(handle))


def encoded(peer, value) -> bytes:
    encoder = Encoder(peer, head="=")
    encoder.value(value)
    return encoder.bytes()


def decoded(peer, body: bytes, known=None):
    peer.channel.values = 0
    decoder = Decoder(body, peer, known)
    decoder.head()
    value = decoder.value()
    decoder.end()
    return value


def same(a, b) -> bool:
    if isinstance(a, np.ndarray):
        return (
            type(b) is np.ndarray
            and a.shape == b.shape
            and a.dtype == b.dtype.newbyteorder(a.dtype.byteorder)
            and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
        )
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, float):
        return a == b and math.copysign(1, a) == math.copysign(1, b) if a == a else b != b
    return a == b


@given(VALUES)
def test_a_value_arrives_as_it_was(peer, value):
    assert same(value, decoded(peer, encoded(peer, value)))


@pytest.mark.parametrize(
    "sent, expected",
    [
        (np.float32(1.5), np.float32(1.5)),
        (np.bool_(True), np.bool_(True)),
        (np.str_("a"), np.str_("a")),
        (np.array(["", ""], dtype="U7"), np.array(["", ""], dtype="U7")),
        (np.array(["a\ud800"]), np.array(["a?"])),
        (np.arange(6.0).reshape(2, 3)[:, ::2], np.array([[0.0, 2.0], [3.0, 5.0]])),
        (np.array([1, "a", None], dtype=object), np.array([1, "a", None], dtype=object)),
        (Fraction(1, 3), Fraction(1, 3)),
        (memoryview(b"ab"), np.array([97, 98], dtype=np.uint8)),
        (type("Kind", (float,), {})(2.0), 2.0),
        (type("Kind", (dict,), {})(a=1), {"a": 1}),
        (type("Kind", (np.ndarray,), {"__eq__": lambda a, b: True})((2,), buffer=bytes(16)), np.zeros(2)),
    ],
)
def test_what_is_more_than_a_value_arrives_as_one(peer, sent, expected):
    assert same(expected, decoded(peer, encoded(peer, sent)))


def test_what_occurs_twice_arrives_as_one_object(peer):
    one = [1.0]
    first, second, inner = decoded(peer, encoded(peer, [one, one, {"a": one}]))
    assert first is second is inner["a"]


def test_bools_are_true_or_false(peer):
    (odd,) = (decoded(peer, encoded(peer, np.array([2, 255, 0, 1], np.uint8).view(bool))),)
    assert odd.view(np.uint8).tolist() == [1, 1, 0, 1]


# ---- bytes that nobody would send

CHANGES = st.lists(
    st.tuples(st.sampled_from(["set", "insert", "delete", "cut"]), st.integers(0, 400), st.integers(0, 255)),
    min_size=1,
    max_size=5,
)


def mutated(body: bytes, changes) -> bytes:
    body = bytearray(body)
    for what, place, byte in changes:
        place %= len(body) + 1
        if what == "insert":
            body.insert(place, byte)
        elif what == "cut":
            del body[place:]
        elif place < len(body):
            if what == "set":
                body[place] = byte
            else:
                del body[place]
    return bytes(body)


def harmless(peer, body: bytes, known=None) -> None:
    """Decoding gives a value or a ChannelError, and the value can be walked through."""
    try:
        value = decoded(peer, body, known)
    except ChannelError as error:
        assert error.kind == "violation" and str(error)
    else:
        repr(value)


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_random_bytes_do_no_harm(peer, body):
    harmless(peer, b"=" + body)


@settings(max_examples=500)
@given(VALUES, CHANGES)
def test_mutated_messages_do_no_harm(peer, value, changes):
    harmless(peer, mutated(encoded(peer, value), changes), known=[np.zeros(2), [1]])


WORDS = [bytes([one]) for one in b"NTFEidcsb@aoglqtmSZxrRHh\0\1\2\3\xff"] + [b"\1\0\0\0", b"<f8", b"<U9"]


@settings(max_examples=500)
@given(st.lists(st.sampled_from(WORDS)))
def test_mutated_grammar_does_no_harm(peer, parts):
    harmless(peer, b"=" + b"".join(parts), known=[np.zeros(2)])


@pytest.mark.parametrize(
    "body",
    [
        b"=l\xff\xff\xff\x7f",
        b"=a\3\0\0\0<f8\x40" + b"\xff" * 512,
        b"=a\3\0\0\0<f8\2" + b"\0\0\0\0\0\0\0\x80" * 2,
        b"=i\xff\xff\0\0" + bytes(65535),
        b"=" + b"l\1\0\0\0" * 5000 + b"N",
        b"=l\2\0\0\0l\1\0\0\0@\1\0\0\0N",
        b"=rNNN",
        b"=ri\1\0\0\0\0i\x09\0\0\0" + b"\xff" * 8 + b"\0i\1\0\0\0\1",
        b"=H\0\0\0\0",
        b"=q" + b"i\1\0\0\0\1" + b"i\1\0\0\0\0",
        b"=Rm\0\0\0\0",
        b"=a\3\0\0\0<U1\0\xff\xff\xff\xff",
        b"=a\3\0\0\0<U1\0\0\xd8\0\0",
        b"=a\3\0\0\0<U0\1" + b"\xff" * 8,
        b"=a\7\0\0\0<f8,<f8\0" + bytes(16),
        b"=s\2\0\0\0\xff\xff",
        b"=?",
        b"=" + b"N" * 9,
    ],
)
def test_known_bad_messages_are_violations(peer, body):
    with pytest.raises(ChannelError) as caught:
        decoded(peer, body)
    assert caught.value.kind == "violation"


def test_values_that_multiply_are_counted_as_often_as_they_are_met(peer):
    body = b"=" + b"l\x1a\0\0\0" + b"l\1\0\0\0N"
    for place in range(1, 26):  # each list holds the one before it twice
        body += b"l\2\0\0\0" + 2 * (b"@" + place.to_bytes(4, "little"))
    with pytest.raises(ChannelError, match="too many values"):
        decoded(peer, body)


# ---- conversations


@pytest.fixture
def talk():
    """`talk(names)`: a trusting end that serves those functions, and the other end, which asks."""
    ends, threads = [], []

    def begin(names: dict, class_name=lambda value: None) -> Peer:
        ours, theirs = socket.socketpair()
        other = Peer(Channel(theirs), names.__getitem__, serve_stand_in, trusting=True, class_name=class_name)

        def serve():
            with contextlib.suppress(ChannelError):
                other.serve()

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        asking = Peer(Channel(ours), {}.__getitem__, lambda peer, handle: StandIn(handle))
        asking.channel.limit(10.0)
        ends.append(ours)
        return asking

    def serve_stand_in(peer, handle):
        def function(*args):
            return peer.call(handle, *args)

        function._handle = handle
        return function

    yield begin
    for end in ends:
        end.close()
    for thread in threads:
        thread.join(5)


def test_changes_of_arguments_come_back(talk):
    def change(a, b, c):
        a[0], b["x"] = 7.0, [1]
        c.append(a)
        return a

    a, b, c = np.zeros(2), {}, []
    assert talk({"change": change}).call("change", a, b, c) is a
    assert a[0] == 7.0 and b == {"x": [1]} and c[0] is a


def test_changes_by_a_generator_come_back_when_they_are_made(talk):
    def lazy(a):
        for step in range(3):
            a[0] = step
            yield step

    a = np.full(1, 9.0)
    peer = talk({"lazy": lazy})
    generator = peer.call("lazy", a)
    assert a[0] == 9.0
    for step in range(3):
        assert peer.operate("__next__", generator._handle) == step and a[0] == step


def test_changes_by_an_object_come_back_when_they_are_made(talk):
    class Optimiser:
        def __init__(self, w):
            self.w = w

        def step(self):
            self.w -= 1

    w = np.zeros(2)
    peer = talk({"Optimiser": Optimiser})
    optimiser = peer.call("Optimiser", w)
    step = peer.operate("get", optimiser._handle, "step")
    assert peer.call(step._handle) is None and w.tolist() == [-1, -1]
    assert peer.call(step._handle) is None and w.tolist() == [-2, -2]


def test_changes_of_what_a_call_back_returned_come_back(talk):
    slopes = [np.array([3.0, 4.0]), np.array([1.0, 2.0]), np.zeros(2**13 + 1)]
    left = iter(slopes)

    def clip(slope_of):
        first, second, large = (slope_of() for _ in range(3))
        first *= 2
        large += 1  # too large to be watched
        return second

    assert talk({"clip": clip}).call("clip", lambda: next(left)) is slopes[1]
    assert [one.tolist() for one in slopes[:2]] == [[6.0, 8.0], [1.0, 2.0]] and not slopes[2].any()


def test_a_call_back_that_fails_leaves_the_others_watched(talk):
    slopes = [np.zeros(1), np.ones(1)]

    def bold(slope_of):
        for index in (0, 5, 1):
            with contextlib.suppress(IndexError):
                slope_of(index)[0] = 7.0

    assert talk({"bold": bold}).call("bold", slopes.__getitem__) is None
    assert [one.item() for one in slopes] == [7.0, 7.0]


@pytest.mark.parametrize("error", [StopIteration, StopAsyncIteration])
def test_no_call_ends_a_loop_of_the_test(talk, error):
    def stop(x):
        raise error("now")

    peer = talk({"stop": stop})
    with pytest.raises(RuntimeError, match="now"):
        list(map(lambda x: peer.call("stop", x), [1, 2]))


@pytest.mark.parametrize("verb", ["get", "set", "iter", "__getattribute__", "__call__", "__reduce__", "__eq__"])
def test_a_function_that_was_passed_can_be_called_and_nothing_else(talk, verb):
    seen = []

    def nosy(f):
        seen.append(f(1))
        return None

    peer = talk({"nosy": nosy})
    assert peer.call("nosy", lambda x: x + 1) is None and seen == [2]
    number = peer.numbers[next(iter(peer.numbers))]
    with pytest.raises(ChannelError, match="request"):
        peer._perform(verb, peer.own[number], ["__globals__"], {})


@settings(max_examples=200)
@given(VALUES, st.lists(st.tuples(st.integers(-1, 3), VALUES), max_size=3), CHANGES | st.just([]))
def test_any_reply_leaves_arguments_of_their_kind(value, changes, mutations):
    """The other end answers with changes of its own making, their bytes mutated."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        peer = Peer(Channel(ours), {}.__getitem__, lambda peer, handle: StandIn(handle))
        peer.channel.limit(5.0)
        encoder = Encoder(peer, head="=")
        encoder.value(value)
        encoder.value(changes)
        body = mutated(encoder.bytes(), mutations)
        reply = threading.Thread(target=theirs.sendall, args=(len(body).to_bytes(4, "little") + body,))
        array, mapping, rng = np.zeros(2), {"a": 1}, np.random.default_rng(3)
        theirs_first = rng.bit_generator.state["state"]["inc"]

        class Late(Peer):  # answers after it was asked
            def await_reply(self):
                reply.start()
                return super().await_reply()

        peer.__class__ = Late
        try:
            peer.call("f", array, mapping, rng)
        except ChannelError:
            pass
        except Exception as error:
            assert type(error).__module__ in ("builtins", "numpy.linalg")
        reply.join(5)
        assert array.dtype == float and array.shape == (2,) and type(mapping) is dict
        assert rng.bit_generator.state["state"]["inc"] == theirs_first


def test_a_flood_is_a_timeout_or_a_violation():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        peer = Peer(Channel(ours), {}.__getitem__, lambda peer, handle: StandIn(handle))
        peer.channel.limit(0.5, budget=10_000)
        ask = b"?l\4\0\0\0s\4\0\0\0calls\1\0\0\0xl\0\0\0\0m\0\0\0\0"
        flood = threading.Thread(target=lambda: _send_until_closed(theirs, len(ask).to_bytes(4, "little") + ask))
        threading.Timer(0.05, flood.start).start()
        with pytest.raises(ChannelError) as caught:
            peer.call("f")
        assert caught.value.kind in ("violation", "timeout")
        ours.shutdown(socket.SHUT_RDWR)
        flood.join(5)


def _send_until_closed(sock, body):
    try:
        while True:
            sock.sendall(body)
    except OSError:
        pass


@pytest.mark.parametrize("size", [channel.MAX_FRAME + 1, 2**32 - 1])
def test_a_frame_too_long_is_refused_before_it_is_read(size):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        receiving = Channel(ours)
        receiving.limit(5.0)
        theirs.sendall(size.to_bytes(4, "little"))
        with pytest.raises(ChannelError, match="the limit is"):
            receiving.receive()


def test_handles_name_and_hold(peer):
    handle = decoded(peer, b"=h\7\0\0\0s\6\0\0\0objects\3\0\0\0Foo")._handle
    assert isinstance(handle, Handle) and (handle.number, handle.kind, handle.name) == (7, "object", "Foo")
