# SPDX-License-Identifier: Apache-2.0
import sys

import torch
from transformers import AutoModel, AutoTokenizer

from delay import delay

tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
model = AutoModel.from_pretrained(sys.argv[1])
model.embeddings.register_forward_pre_hook(lambda *_: delay("inference"))
with torch.no_grad():
    model(**tokenizer("w1 w2 w3", return_tensors="pt"))
