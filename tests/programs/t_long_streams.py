# SPDX-License-Identifier: Apache-2.0
"""Asks the far end at the first argument's port for a long stream each way, and says for each how many
bytes its body had when it was unpacked."""
import sys

import httpx

ASK = {"model": "gpt-4o", "stream": True, "stream_options": {"include_usage": True},
       "messages": [{"role": "user", "content": "at length, please"}]}
URL = f"https://localhost:{sys.argv[1]}/v1/chat/completions"

for is_http2, encoding in ((False, "gzip"), (True, "identity"), (True, "gzip"), (True, "br")):
    headers = {"accept-encoding": encoding, "authorization": "Bearer none"}
    with httpx.Client(http2=is_http2, timeout=120) as client:
        with client.stream("POST", URL, json=ASK, headers=headers) as answer:
            print(answer.http_version, encoding, sum(map(len, answer.iter_bytes())), flush=True)
