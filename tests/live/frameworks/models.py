# SPDX-License-Identifier: Apache-2.0
"""models.py FOLDER: small models of random weights, in the formats of six frameworks."""
import os
import sys

import gguf
import numpy
import onnx
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertModel, BertTokenizerFast

WIDTH, LAYERS, HEADS, INNER, WORDS = 256, 4, 4, 1024, 2000
folder = sys.argv[1]
numpy.random.seed(0)
torch.manual_seed(0)


def noise(*shape):
    return (numpy.random.rand(*shape).astype(numpy.float32) - 0.5) * 0.1


def make_tensors():
    tensors = {f"{i}.weight": torch.randn(1024, 1024) for i in range(4)}
    torch.save(tensors, f"{folder}/model.pt")
    save_file(tensors, f"{folder}/model.safetensors")


def make_onnx():
    helper = onnx.helper
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "product",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 1024])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 4096])],
        [onnx.numpy_helper.from_array(noise(1024, 4096), "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=10), f"{folder}/model.onnx")


def make_bert():
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"w{i}" for i in range(WORDS)]
    with open(f"{folder}/vocab.txt", "w") as file:
        file.write("\n".join(words))
    BertTokenizerFast(vocab_file=f"{folder}/vocab.txt").save_pretrained(f"{folder}/bert")
    BertModel(BertConfig(vocab_size=len(words), hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
                         intermediate_size=INNER)).save_pretrained(f"{folder}/bert")


def make_llama():
    writer = gguf.GGUFWriter(f"{folder}/model.gguf", "llama")
    writer.add_context_length(256)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(WORDS)
    writer.add_tokenizer_model("llama")
    own = [f"<0x{i:02X}>".encode() for i in range(256)]
    plain = [f"\u2581w{i}".encode() for i in range(WORDS - 3 - len(own))]
    writer.add_token_list([b"<unk>", b"<s>", b"</s>"] + own + plain)
    writer.add_token_scores([0.0] * WORDS)
    writer.add_token_types([2, 3, 3] + [6] * len(own) + [1] * len(plain))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    for name in ("token_embd", "output"):
        writer.add_tensor(f"{name}.weight", noise(WORDS, WIDTH))
    writer.add_tensor("output_norm.weight", numpy.ones(WIDTH, numpy.float32))
    for layer in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", noise(WIDTH, WIDTH))
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", numpy.ones(WIDTH, numpy.float32))
        for name, shape in (("ffn_gate", (INNER, WIDTH)), ("ffn_up", (INNER, WIDTH)), ("ffn_down", (WIDTH, INNER))):
            writer.add_tensor(f"blk.{layer}.{name}.weight", noise(*shape))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


os.makedirs(folder, exist_ok=True)
make_tensors()
make_onnx()
make_bert()
make_llama()
