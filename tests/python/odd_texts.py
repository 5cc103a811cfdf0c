"""Seeded random captions of the kinds that tokenizers trip over."""

import html.entities
import random

WORDS = (
    "a the photo of two dogs running next to red car in rain man woman's it's I'm they've we'll I'd "
    "close-up stock image 1920x1080 2024 don't O'Neill café naïve Zürich façade jalapeño Ærø straße "
    "ΟΔΥΣΣΕΥΣ ΣΑΣ Σ ὈΔΥΣΣΕΎΣ όσος İstanbul ISPARTA ıI ﬁne ﬂow ﬃ ŉ Ǆ ǈ ĳ ｆｕｌｌ ﾊﾝｶｸ ＡＢＣ１２３ ｶﾞ 한국어 각 각 "
    "日本語 中文字 Москва ночь Ёлка עברית العربية हिन्दी தமிழ் ภาษาไทย ½ ² № ℃ ™ © ® … – — ‘ ’ “ ” „ « » ‹ › "
    "<start_of_text> <end_of_text> <|startoftext|> <|endoftext|> <START_OF_TEXT> <ſtart_of_text> 'ſ 'RE </w> "
    "à Ã Â â€™ â€œ â€� Ã© Ã± Ã la Ã  Ã quele dâ€™été RÃ©sumÃ© ï¿½ Ð¿Ñ€Ð¸Ð²ÐµÑ‚ ÐŸ вЂ™ Г© Рё Ω ≈ √† "
    "&amp; &lt; &gt; &quot; &#39; &nbsp; &eacute; &EACUTE; &NTILDE; &hellip; &copy &notit; &amp;amp; "
    "&#x2019; &#8217; &#0; &#128; &#x110000; &#xD800; &;  &bogus; &#59; &lt;b&gt; <b> < > & "
    "😂 👩‍👩‍👧 🇩🇪 👍🏽 ❤️ ♥ ☃ ° ¬ ¦ ¨ ¯ ´ ¸ ª º ± × ÷ ŸŠ œuvre Œ"
).split(" ")
CONTROLS = [chr(c) for c in [*range(0x20), 0x7F, *range(0x80, 0xA0)]]
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x1f", "\x85", "\xa0",
          "\u1680", "\u2003", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\u200b", "\ufeff"]
MARKS = [chr(c) for c in [*range(0x300, 0x345), 0x345, 0x5B0, 0x64B, 0x93C, 0xE48, 0x1AB0, 0x20D0,
                          0x302A, 0x3099, 0x309A, 0xFE20, 0x1D165, 0x1E94A]]
ENCODINGS = ["latin-1", "cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "cp1257", "iso-8859-2",
             "mac-roman", "cp437"]
ENTITIES = sorted(html.entities.html5)
BLOCKS = [(0x20, 0x7F), (0x80, 0x250), (0x250, 0x600), (0x600, 0x1200), (0x1100, 0x1200),
          (0x1200, 0x2000), (0x2000, 0x2C00), (0x2C00, 0x3100), (0x3000, 0xA000), (0xA000, 0xAC00),
          (0xAC00, 0xD7B0), (0xF900, 0x10000), (0x10000, 0x20000), (0x1F300, 0x1FA00),
          (0x20000, 0x30000), (0xE0000, 0xE0200), (0x30000, 0x110000)]


def _random_char(rng: random.Random) -> str:
    first, last = rng.choice(BLOCKS)
    return chr(rng.randrange(first, last))


def _garbled(rng: random.Random, text: str) -> str:
    """`text` as UTF-8 that was read in some single-byte encoding, perhaps with bytes lost."""
    data = text.encode("utf-8", "surrogatepass")
    encoding = rng.choice(ENCODINGS)
    read = []
    for byte in data:
        char = bytes([byte]).decode(encoding, "replace")
        if char == "\ufffd" and rng.random() < 0.8:
            char = chr(byte)
        read.append(char)
    if rng.random() < 0.3:
        read = [" " if c == "\xa0" else "\ufffd" if rng.random() < 0.05 else
                "?" if rng.random() < 0.02 else c for c in read]
    return "".join(read)


def _word(rng: random.Random) -> str:
    kind = rng.randrange(16)
    if kind < 6:
        return rng.choice(WORDS)
    if kind == 6:
        return "".join(_random_char(rng) for _ in range(rng.randrange(1, 6)))
    if kind == 7:
        return _garbled(rng, rng.choice(WORDS))
    if kind == 8:
        return _garbled(rng, _garbled(rng, rng.choice(WORDS)))
    if kind == 9:
        name = rng.choice(ENTITIES)
        return "&" + rng.choice([name, name.upper(), name.lower(), name[:-1], name + "x"])
    if kind == 10:
        return rng.choice(["&#%d;", "&#%d", "&#x%x;", "&#X%X", "&#0%d;"]) % rng.choice(
            [rng.randrange(0x200), rng.randrange(0x3000), rng.randrange(0x120000), 10**20])
    if kind == 11:
        return rng.choice(WORDS) + "".join(rng.choice(MARKS) for _ in range(rng.randrange(1, 4)))
    if kind == 12:
        return rng.choice(CONTROLS) + rng.choice(["", "[", "[0;31m", "[1m", "x"])
    if kind == 13:
        return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randrange(1, 12)))
    if kind == 14:
        return "".join(chr(rng.randrange(0x80, 0x180)) for _ in range(rng.randrange(1, 5)))
    return rng.choice(WORDS).upper() + rng.choice("!?.,;:'\"()[]{}<>#%^*+=~`|\\/-_@$&0123456789")


def odd_text(rng: random.Random) -> str:
    text = "".join(
        _word(rng) + (rng.choice(SPACES) if rng.random() < 0.15 else "" if rng.random() < 0.2 else " ")
        for _ in range(rng.randrange(0, 14))
    )
    if rng.random() < 0.15:
        text = _garbled(rng, text)
    # Halves of surrogate pairs are no text.
    return "".join(c for c in text if not 0xD800 <= ord(c) < 0xE000)


def odd_texts(count: int, seed: int):
    rng = random.Random(seed)
    for _ in range(count):
        yield odd_text(rng)
