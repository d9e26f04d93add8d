# SPDX-License-Identifier: Apache-2.0
"""torch.compile, whose compiler takes the evaluation of frames for itself (PEP 523): compiled functions, a break of
the graph, a function called from a compiled one, exceptions, threads; prints results and what was compiled."""
import threading

import torch
import torch._dynamo as dynamo

torch.manual_seed(1)
graphs = []


def backend(graph, inputs):
    graphs.append(len(list(graph.graph.nodes)))
    return graph.forward


def helper(x):
    return torch.sin(x) + 1


def breaks(x):
    y = helper(x)
    print("in the middle")
    return y * 2


def fails(x):
    if x.sum() > 0:
        raise ValueError("as planned")
    return x


@torch.compile(backend=backend)
def whole(x):
    return helper(x) * 3


@torch.compile(backend=backend)
def branched(x):
    return breaks(x) if x.shape[0] > 2 else x


def main():
    ones = torch.ones(4)
    print(whole(ones).sum().item(), branched(ones).sum().item(), branched(torch.ones(2)).sum().item())
    try:
        torch.compile(fails, backend=backend)(ones)
    except ValueError as error:
        print(error)
    model = torch.compile(torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU()), backend=backend)
    print(round(model(ones).sum().item(), 4))
    results = []
    threads = [threading.Thread(target=lambda n=n: results.append(whole(torch.full((n,), 0.0)).sum().item())) for n in range(3, 6)]
    for thread in threads:
        thread.start()
        thread.join()
    print(results, [helper(torch.zeros(2)).sum().item() for _ in range(3)])


main()
dynamo.reset()
main()
print(graphs)
