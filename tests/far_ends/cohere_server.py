#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the Cohere API, version 2: chat (whole and streamed), embed, rerank, in its true
wire format."""

import far_end
from words import answer_to, count_prompt, embed, split_tokens

SIZE = 256


class Cohere(far_end.RoutedHandler):
    routes = [("POST", "/v2/chat", "chat"), ("POST", "/v2/embed", "embed_all"), ("POST", "/v2/rerank", "rerank")]

    def chat(self, body):
        tokens, finish = answer_to(body["messages"], body.get("max_tokens") or 400)
        prompt = count_prompt(body["messages"])
        self.count(prompt, len(tokens))
        counts = {"input_tokens": prompt, "output_tokens": len(tokens)}
        usage = {"billed_units": counts, "tokens": counts}
        reason = "MAX_TOKENS" if finish == "length" else "COMPLETE"
        if body.get("stream"):
            self.stream(tokens, {"finish_reason": reason, "usage": usage})
            return
        self.wait("first_token_ms")
        message = {"role": "assistant", "content": [{"type": "text", "text": "".join(tokens)}]}
        self.send_json(200, {"id": "standin", "finish_reason": reason, "message": message, "usage": usage})

    def event(self, kind, **more):
        self.send_chunk(b"event: %s\ndata: %s\n\n" % (kind.encode(), far_end.encode({"type": kind, **more})))

    def stream(self, tokens, end):
        self.wait("headers_ms")
        self.begin_stream(content_type="text/event-stream")
        message = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        self.event("message-start", id="standin", delta={"message": message})
        self.event("content-start", index=0, delta={"message": {"content": {"type": "text", "text": ""}}})
        for token in self.paced(tokens):
            self.event("content-delta", index=0, delta={"message": {"content": {"text": token}}})
        self.event("content-end", index=0)
        self.event("message-end", id="standin", delta=end)
        self.send_chunk(b"data: [DONE]\n\n")
        self.end_stream()

    def embed_all(self, body):
        texts = body["texts"]
        tokens = sum(len(split_tokens(text)) for text in texts)
        self.entry["usage"] = {"prompt_tokens": tokens}
        meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": tokens}}
        vectors = {"float": [embed(text, SIZE) for text in texts]}
        self.send_json(200, {"id": "standin", "embeddings": vectors, "texts": texts, "meta": meta,
                             "response_type": "embeddings_by_type"})

    def rerank(self, body):
        wanted = embed(body["query"], SIZE)
        scores = [max(sum(a * b for a, b in zip(wanted, embed(text, SIZE))), 0.0) for text in body["documents"]]
        order = sorted(range(len(scores)), key=lambda index: -scores[index])[: body.get("top_n") or len(scores)]
        results = [{"index": index, "relevance_score": scores[index]} for index in order]
        self.send_json(200, {"id": "standin", "results": results,
                             "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}})


if __name__ == "__main__":
    far_end.serve(Cohere, "stand-in for the Cohere API (no model behind it)", far_end.LLM_DELAYS)
