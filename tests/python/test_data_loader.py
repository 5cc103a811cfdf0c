"""DataLoader as a Python training loop sees it."""

import json
import resource
import subprocess
import sys
import threading

import pytest
import torch

import millrace

RAW = {"key": millrace.raw("__key__"), "n": millrace.number("json:n", dtype="int64")}


def numbers(loader) -> list[int]:
    return [n for batch in loader for n in batch["n"].tolist()]


def test_batches_have_the_columns_dtypes_and_shapes_that_were_asked_for(spec):
    columns = {**millrace.clip_columns(64), **RAW, "data": millrace.raw("jpg")}
    loader = millrace.DataLoader(spec, batch_size=32, columns=columns)
    assert len(loader) == 4
    batches = list(loader)
    assert [len(batch["key"]) for batch in batches] == [32, 32, 32, 24]
    batch = batches[0]
    assert list(batch) == list(columns)
    assert batch["image"].dtype == torch.float32 and batch["image"].shape == (32, 3, 64, 64)
    assert batch["text"].dtype == torch.int64 and batch["text"].shape == (32, 77)
    assert batch["n"].dtype == torch.int64 and batch["n"].tolist() == list(range(32))
    assert batch["key"][:2] == ["000000", "000001"]
    assert batch["data"][0][:2] == b"\xff\xd8"


def test_a_batch_holds_what_the_transforms_give_on_their_own(spec):
    columns = {**millrace.clip_columns(96), "data": millrace.raw("jpg"), "txt": millrace.raw("txt")}
    tokenizer = millrace.ClipTokenizer()
    transform = millrace.clip_transform(96)
    for batch in millrace.DataLoader(spec, batch_size=50, columns=columns, threads=3):
        assert torch.equal(batch["text"], tokenizer(batch["txt"]))
        for image, data in zip(batch["image"], batch["data"]):
            assert torch.equal(image, transform(millrace.decode_image(data)))


def test_the_order_is_a_function_of_the_seed_and_not_of_the_threads(spec):
    def order(**options):
        return numbers(millrace.DataLoader(spec, batch_size=7, columns=RAW, shuffle=True, **options))

    reference = order(seed=7, threads=1)
    assert sorted(reference) == list(range(120)) and reference != list(range(120))
    assert order(seed=7, threads=4, prefetch_batches=8) == reference
    assert order(seed=8) != reference


def test_epochs_differ_and_can_be_chosen(spec):
    loader = millrace.DataLoader(spec, batch_size=16, columns=RAW, shuffle=True)
    first, second = numbers(loader), numbers(loader)
    assert first != second and loader.epoch == 2
    loader.set_epoch(1)
    assert numbers(loader) == second


def test_ranks_come_from_the_environment(spec, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    parts = []
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        parts += numbers(millrace.DataLoader(spec, batch_size=10, columns=RAW))
    assert sorted(parts) == list(range(120))


def test_rank_and_world_size_default_each_on_its_own(spec, monkeypatch):
    monkeypatch.setenv("RANK", "2")
    loader = millrace.DataLoader(spec, batch_size=10, columns=RAW, world_size=4)
    assert numbers(loader)[:3] == [2, 6, 10]
    monkeypatch.setenv("WORLD_SIZE", "many")
    with pytest.raises(ValueError, match="WORLD_SIZE = many"):
        millrace.DataLoader(spec, columns=RAW)


def test_a_negative_epoch_is_refused(spec):
    loader = millrace.DataLoader(spec, columns=RAW)
    with pytest.raises(ValueError, match="epoch = -1"):
        loader.set_epoch(-1)
    with pytest.raises(ValueError, match="epoch"):
        loader.load_state_dict({**loader.state_dict(), "epoch": -1})


def test_a_state_is_plain_json_and_goes_on_where_it_stood(spec):
    options = dict(columns=RAW, shuffle=True, seed=3)
    expected = numbers(millrace.DataLoader(spec, batch_size=12, **options))
    loader = millrace.DataLoader(spec, batch_size=12, **options)
    got = []
    for batch in loader:
        got += batch["n"].tolist()
        if len(got) >= 60:
            break
    state = json.loads(json.dumps(loader.state_dict()))
    resumed = millrace.DataLoader(spec, batch_size=5, threads=1, **options)
    resumed.load_state_dict(state)
    assert got + numbers(resumed) == expected


def test_the_state_goes_through_torch_save(spec, tmp_path):
    loader = millrace.DataLoader(spec, batch_size=12, columns=RAW)
    next(iter(loader))
    torch.save({"loader": loader.state_dict()}, tmp_path / "checkpoint.pt")
    resumed = millrace.DataLoader(spec, batch_size=12, columns=RAW)
    resumed.load_state_dict(torch.load(tmp_path / "checkpoint.pt")["loader"])
    assert numbers(resumed)[0] == 12


def test_a_state_of_other_options_is_refused_by_name(spec):
    state = millrace.DataLoader(spec, columns=RAW, shuffle=True, seed=3).state_dict()
    loader = millrace.DataLoader(spec, columns=RAW, shuffle=True, seed=4)
    with pytest.raises(ValueError, match="seed was 3 and is 4"):
        loader.load_state_dict(state)


def test_the_ledger_and_the_statistics_are_mappings(spec):
    loader = millrace.DataLoader(spec, batch_size=32, columns=millrace.clip_columns(32))
    numbers_of_batches = sum(1 for _ in loader)
    ledger, stats = loader.ledger(), loader.stats()
    assert numbers_of_batches == 4
    assert ledger["expected"] == ledger["delivered"] == 120
    assert ledger["substituted"] == 0 and ledger["skipped"] == {}
    assert stats["samples"] == 120 and stats["stages"]["decode"]["items"] == 120
    assert isinstance(stats["bottleneck"], str) and stats["waiting_seconds"] >= 0


def test_a_tensor_outlives_its_loader(spec):
    loader = millrace.DataLoader(spec, batch_size=120, columns=RAW)
    tensor = next(iter(loader))["n"]
    del loader
    assert tensor.tolist() == list(range(120))


def test_a_second_loop_ends_the_first_loudly(spec):
    loader = millrace.DataLoader(spec, batch_size=10, columns=RAW)
    first = iter(loader)
    next(first)
    next(iter(loader))
    with pytest.raises(RuntimeError, match="another loop"):
        next(first)


def test_other_python_threads_run_while_a_batch_is_waited_for(spec):
    ticks = 0
    stop = threading.Event()

    def tick():
        nonlocal ticks
        while not stop.is_set():
            ticks += 1

    thread = threading.Thread(target=tick)
    thread.start()
    for _ in range(3):
        for _ in millrace.DataLoader(spec, batch_size=60, columns=millrace.clip_columns(224)):
            pass
    stop.set()
    thread.join()
    assert ticks > 1000


@pytest.mark.parametrize(
    "options, message",
    [
        ({"batch_size": 0}, "batch_size = 0"),
        ({"batchsize": 3}, "nearest known one is"),
        ({"columns": {"x": {"type": "sound"}}}, "columns.x.type"),
        ({"rank": 3, "world_size": 2}, "rank = 3"),
        ({"on_bad_sample": "ignore"}, "on_bad_sample"),
    ],
)
def test_a_wrong_option_is_a_value_error_that_names_it(spec, options, message):
    with pytest.raises(ValueError, match=message):
        millrace.DataLoader(spec, **options)


NAN = float("nan")


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"temperature": NAN}, ValueError, "^temperature = nan: must be finite"),
        ({"mixture": [{"weight": 1}, {"weight": NAN}]}, ValueError, r"^mixture\[1\].weight = nan"),
        ({"read": {"keys": object()}}, TypeError, "^read.keys = "),
        ({"columns": {"i": millrace.clip_transform(24)}}, TypeError, r"millrace.image\(transform=...\)"),
        ({"columns": {"t": millrace.ClipTokenizer()}}, TypeError, r"millrace.text\(tokenizer=...\)"),
        ({"columns": {"t": "txt"}}, TypeError, "columns.t = 'txt': must be a column"),
    ],
)
def test_what_no_json_has_is_an_error_that_names_it(spec, options, error, message):
    with pytest.raises(error, match=message):
        millrace.DataLoader(spec, **options)


def test_columns_take_transforms_and_tokenizers_of_millrace_alone():
    for transform in (lambda image: image, millrace.ClipTokenizer(), millrace.clip_transform):
        with pytest.raises(TypeError, match="transform = .*: must be a transform"):
            millrace.image(transform=transform)
    with pytest.raises(TypeError, match="tokenizer = 'clip': must be a tokenizer"):
        millrace.text(tokenizer="clip")


def test_an_interrupt_reaches_a_loop_that_waits(spec):
    program = (
        "import sys, threading, os, signal, millrace\n"
        # Where the tests run in the background of a shell, interrupts are ignored from birth.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"loader = millrace.DataLoader({spec!r}, batch_size=8, columns=millrace.clip_columns(64))\n"
        "threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "try:\n"
        "    while True:\n"
        "        for batch in loader: pass\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "interrupted\n", done.stderr


def test_an_epoch_that_cannot_begin_says_so_as_a_batch_would(spec, tmp_path):
    path = tmp_path / "ledger.jsonl"
    loader = millrace.DataLoader(
        spec, batch_size=16, columns=RAW, samples_per_epoch=1000, ledger_path=str(path)
    )
    with pytest.raises(ValueError, match="more than 2"):
        loader.set_epoch(2**62)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, limits[1]))
    try:
        for _ in range(2):
            with pytest.raises(millrace.LoaderError, match="ledger_path: cannot write") as caught:
                next(iter(loader))
            assert caught.value.reason == "io_error"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_stream_can_be_asked_for(spec):
    loader = millrace.DataLoader(spec, batch_size=16, columns=RAW, streaming=True, shuffle=True)
    assert sorted(numbers(loader)) == list(range(120)) and loader.samples is None
    command = f"pipe:cat {spec}"
    with pytest.raises(millrace.LoaderError, match="allow_commands"):
        millrace.DataLoader(command, columns=RAW)
    allowed = millrace.DataLoader(command, batch_size=16, columns=RAW, allow_commands=True)
    assert numbers(allowed) == list(range(120))
