#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ragtime attach` and TLS: real clients of the OpenAI API, attached to while they wait for a word. Every
call is there once, with its tokens, near the times that the client saw; none is anybody else's."""
import json
import os
import shutil
import statistics
import subprocess

from attached import Attached, info_of, skip_unless_allowed
from far_ends import KEY, StandIn, TESTS, certificate, number_of, python_of, requests_of
from runs import FULL, TMP, check, finish, wait_until

NEAR_NS = 3_000_000
WAIT = ("import ssl, sys, runpy; sys.stdin.readline(); sys.argv = sys.argv[1:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')")
LATE = "import sys, runpy; sys.stdin.readline(); sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
NODE = """
process.stdin.once('data', async () => {
  for (let i = 0; i < 5; i++) {
    const body = JSON.stringify({model: 'gpt-4o-mini', messages: [{role: 'user', content: 'word '.repeat(i + 1)}]});
    await new Promise((done, failed) => {
      const ask = require('https').request(process.env.OPENAI_BASE_URL + '/chat/completions',
        {method: 'POST', headers: {authorization: 'Bearer ' + process.env.OPENAI_API_KEY,
          'content-type': 'application/json', 'content-length': Buffer.byteLength(body)}},
        (answer) => answer.on('data', () => {}).on('end', done));
      ask.on('error', failed);
      ask.end(body);
    });
  }
  process.exit(0);
});
"""
GO = """
package main
import ("bufio"; "bytes"; "crypto/tls"; "crypto/x509"; "fmt"; "io"; "net/http"; "os"; "strings"; "sync")
func ask(client *http.Client, words int) {
	body := fmt.Sprintf(`{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "%s"}]}`,
		strings.Repeat("word ", words))
	request, _ := http.NewRequest("POST", os.Getenv("OPENAI_BASE_URL")+"/chat/completions", bytes.NewBufferString(body))
	request.Header.Set("authorization", "Bearer "+os.Getenv("OPENAI_API_KEY"))
	request.Header.Set("content-type", "application/json")
	answer, err := client.Do(request)
	if err != nil { panic(err) }
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
}
func main() {
	roots := x509.NewCertPool()
	text, _ := os.ReadFile(os.Getenv("NODE_EXTRA_CA_CERTS"))
	roots.AppendCertsFromPEM(text)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	bufio.NewReader(os.Stdin).ReadString('\\n')
	var all sync.WaitGroup
	for task := 0; task < 4; task++ {
		all.Add(1)
		go func() { for i := 0; i < 5; i++ { ask(client, i+1) }; all.Done() }()
	}
	all.Wait()
}
"""


def build_go():
    source, program = os.path.join(TMP, "client.go"), os.path.join(TMP, "go-client")
    with open(source, "w") as file:
        file.write(GO)
    subprocess.run(["go", "build", "-o", program, source], check=True, timeout=600)
    return program


def waits(pid):
    with open(f"/proc/{pid}/syscall") as file:
        # read, epoll_wait and its kin; the first thread of Go sleeps in futex
        return file.read().split()[0] in ("0", "202", "232", "281", "441")


def calls_of(path, label):
    """Of the client's side, by the number of the request at the far end."""
    spans = {}
    for span in requests_of(path):
        if span["attrs"].get("ragtime.side") == "client" and "gen_ai.operation.name" in span["attrs"]:
            check(number_of(span) not in spans, f"{label}: request {number_of(span)} is there twice")
            spans[number_of(span)] = span
    return spans


def run(label, far, *command, options=()):
    before = set(far.log())
    target = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                              env={**far.environment(), "NODE_EXTRA_CA_CERTS": certificate()})
    wait_until(lambda: waits(target.pid))
    with Attached(*options, target.pid, name=label + ".rtrace") as traced:
        target.communicate("go\n", timeout=120)
        check(wait_until(lambda: traced.process.poll() is not None), f"{label}: ends with its target")
    check(target.returncode == 0, f"{label}: status {target.returncode}")
    log = {number: entry for number, entry in far.log().items() if number not in before}
    spans = calls_of(traced.path, label)
    check(set(spans) == set(log) and log, f"{label}: {len(spans)} requests in the trace, {len(log)} in the log")
    for number in set(spans) & set(log):
        attrs, usage = spans[number]["attrs"], log[number]["usage"]
        told = attrs.get("gen_ai.usage.input_tokens"), attrs.get("gen_ai.usage.output_tokens")
        wanted = usage["prompt_tokens"], usage.get("completion_tokens")
        check(told == wanted, f"{label}: request {number}: {told} tokens, not {wanted}")
    lost = [loss for loss in info_of(traced.path)["lost"] if loss["reason"] != "sealed"]
    check(not lost, f"{label}: {lost}")
    with open(traced.path, "rb") as file:
        check(KEY.encode() not in file.read(), f"{label}: the key is in the trace")
    return spans


def check_client(client, far, start=WAIT, options=()):
    label = client + "".join(options)
    seen_path = os.path.join(TMP, label + ".seen")
    spans = run(label, far, PYTHON, "-c", start, str(TESTS / "programs/t_clients.py"), client, seen_path,
                options=options)
    with open(seen_path) as file:
        seen = {entry["request"]: entry for entry in map(json.loads, file)}
    off = [abs(spans[number]["start_ns"] + spans[number]["attrs"].get("ragtime.first_token_ns", 0) - entry["first_ns"])
           for number, entry in seen.items() if entry["label"] == "stream" and number in spans]
    check(off and statistics.median(off) < NEAR_NS, f"{label}: first tokens are off by {sorted(off)} ns")
    inside = sum(spans[number]["start_ns"] >= entry["start_ns"] and spans[number]["end_ns"] <= entry["end_ns"] + NEAR_NS
                 for number, entry in seen.items() if number in spans)
    check(inside * 10 >= len(seen) * 9, f"{label}: {inside} of {len(seen)} requests lie within their calls")


skip_unless_allowed()
PYTHON = python_of("clients")
with StandIn() as stand_in:
    check_client("async", stand_in)
    check_client("openai", stand_in, LATE)  # libssl is loaded after the attach
    check_client("openai", stand_in, options=("--inject",))
    if FULL:
        check_client("async", stand_in, options=("--inject",))
        check_client("httpx", stand_in)
        check_client("requests", stand_in)
    if shutil.which("node"):
        run("node", stand_in, "node", "-e", NODE)
    if FULL and shutil.which("go"):
        run("go", stand_in, build_go())
finish()
