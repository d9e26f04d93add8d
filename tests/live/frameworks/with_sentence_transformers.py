# SPDX-License-Identifier: Apache-2.0
import sys

from sentence_transformers import SentenceTransformer

from delay import delay

model = SentenceTransformer(sys.argv[1])
model[0].register_forward_pre_hook(lambda *_: delay("inference"))
model.encode(["where does the time go"])
