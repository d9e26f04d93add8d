# SPDX-License-Identifier: Apache-2.0
import sys

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.n_ctx = 64
parameters.n_gpu_layers = 0
parameters.warmup = False
server = xllamacpp.Server(parameters)
server.handle_completions({"prompt": "w1 w2", "max_tokens": 2})
