# SPDX-License-Identifier: Apache-2.0
"""What the far ends answer with: no model, but words that are the same at every run.

Embeddings are hashed bags of words: texts that share words lie close together. Answers quote the
context of the prompt and say that no model wrote them.
"""

import hashlib
import math
import re
import struct

COMMON = frozenset("a an and are as at be by for from how in into is it its of on or that the this to what when with".split())
NOTICE = "This is a local stand-in, no language model wrote this."


def split_tokens(text):
    """About what a tokenizer would make of it: short words whole, long ones in pieces."""
    return re.findall(r"\s?[^\s\w]|\s?\w{1,6}|\s", text)


def embed(text, size):
    """A unit vector by feature hashing of words and word pairs."""
    words = [word for word in re.findall(r"\w+", text.lower()) if word not in COMMON]
    words = [word[:-1] if word.endswith("s") and len(word) > 3 else word for word in words]
    vector = [0.0] * size
    for feature in words + [" ".join(pair) for pair in zip(words, words[1:])]:
        digest = hashlib.blake2b(feature.encode(), digest_size=8).digest()
        place, sign = struct.unpack("<Ii", digest)
        vector[place % size] += 1.0 if sign >= 0 else -1.0
    norm = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / norm for value in vector]


def message_text(message):
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content if isinstance(part, dict))


def answer_to(messages, limit):
    """An answer made of the prompt itself: the notice, then the sentences nearest to the question."""
    question = message_text(messages[-1]) if messages else ""
    context = " ".join(message_text(message) for message in messages[:-1])
    sentences = re.findall(r"[^.!?\n]{20,}[.!?]", context)
    wanted = embed(question, 256)
    sentences.sort(key=lambda text: -sum(a * b for a, b in zip(wanted, embed(text, 256))))
    text = " ".join([NOTICE, "The documents say:", *(s.strip() for s in sentences[:3])]) if sentences else NOTICE
    tokens = split_tokens(text)
    return tokens[:limit], "length" if len(tokens) > limit else "stop"


def count_prompt(messages):
    """A few tokens a message for its role and its ends, as services count."""
    return sum(len(split_tokens(message_text(message))) + 4 for message in messages)
