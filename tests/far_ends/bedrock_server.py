#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the Bedrock runtime: converse, converse-stream and invoke, in its true wire format,
streams as AWS event-stream frames. Signatures are not checked."""

import struct
import zlib

import far_end
from words import answer_to, count_prompt, embed, split_tokens

SIZE = 512


def frame(kind, document):
    """Two lengths and their checksum, headers, payload, the checksum of it all."""
    def header(name, value):
        return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()

    headers = (header(":event-type", kind) + header(":content-type", "application/json")
               + header(":message-type", "event"))
    payload = far_end.encode(document)
    lengths = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    whole = lengths + struct.pack(">I", zlib.crc32(lengths)) + headers + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


class Bedrock(far_end.RoutedHandler):
    routes = [
        ("POST", "/model/([^/]+)/converse", "converse"),
        ("POST", "/model/([^/]+)/converse-stream", "converse_stream"),
        ("POST", "/model/([^/]+)/invoke", "invoke"),
    ]

    def answer(self, body):
        limit = (body.get("inferenceConfig") or {}).get("maxTokens") or 400
        tokens, finish = answer_to(body["messages"], limit)
        prompt = count_prompt(body["messages"])
        self.count(prompt, len(tokens))
        usage = {"inputTokens": prompt, "outputTokens": len(tokens), "totalTokens": prompt + len(tokens)}
        return tokens, "max_tokens" if finish == "length" else "end_turn", usage

    def converse(self, body, _):
        tokens, stop, usage = self.answer(body)
        self.wait("first_token_ms")
        message = {"role": "assistant", "content": [{"text": "".join(tokens)}]}
        self.send_json(200, {"output": {"message": message}, "stopReason": stop, "usage": usage,
                             "metrics": {"latencyMs": 30}})

    def converse_stream(self, body, _):
        tokens, stop, usage = self.answer(body)
        self.wait("headers_ms")
        self.begin_stream(content_type="application/vnd.amazon.eventstream")
        self.send_chunk(frame("messageStart", {"role": "assistant"}))
        for token in self.paced(tokens):
            self.send_chunk(frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": token}}))
        self.send_chunk(frame("contentBlockStop", {"contentBlockIndex": 0}))
        self.send_chunk(frame("messageStop", {"stopReason": stop}))
        self.send_chunk(frame("metadata", {"usage": usage, "metrics": {"latencyMs": 30}}))
        self.end_stream()

    def invoke(self, body, _):
        """Titan's embeddings: other models' bodies are not spoken here."""
        tokens = len(split_tokens(body["inputText"]))
        self.entry["usage"] = {"prompt_tokens": tokens}
        self.send_json(200, {"embedding": embed(body["inputText"], SIZE), "inputTextTokenCount": tokens},
                       [("x-amzn-bedrock-input-token-count", str(tokens))])


if __name__ == "__main__":
    far_end.serve(Bedrock, "stand-in for the Bedrock runtime (no model behind it)", far_end.LLM_DELAYS)
