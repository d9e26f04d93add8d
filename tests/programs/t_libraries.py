# SPDX-License-Identifier: Apache-2.0
"""t_libraries.py CASE: a few public calls of one RAG library, made twice each where that costs little.

What a case needs is made by itself, in the folder TMP: no weights and no vocabulary are fetched.
"""
import asyncio
import os
import sys

TMP = os.environ.get("TMP", "/tmp")
CHAT, CLAUDE = "gpt-4o-mini", "claude-sonnet-4-5"
EMBED = "stand-in-384"
TALK = [{"role": "user", "content": "What does the keeper write?"}]
TEXTS = ["a lamp in the tower", "ships pass at night", "the keeper sleeps"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted({word for text in TEXTS for word in text.split()})]


def path(name):
    return os.path.join(TMP, name)


def vectors(count=32, size=8):
    import numpy
    return numpy.random.default_rng(1).random((count, size), dtype="float32")


# ---- models behind an API ----

def openai_calls():
    import openai
    client = openai.OpenAI()
    client.chat.completions.create(model=CHAT, messages=TALK)
    for _ in client.chat.completions.create(model=CHAT, messages=TALK, stream=True):
        pass
    client.responses.create(model=CHAT, input="What does the keeper write?")
    client.embeddings.create(model=EMBED, input=TEXTS)


async def openai_async_calls():
    import openai
    async with openai.AsyncOpenAI() as client:
        await asyncio.gather(*(client.chat.completions.create(model=CHAT, messages=TALK) for _ in range(2)))
        await client.embeddings.create(model=EMBED, input=TEXTS)


def anthropic_calls():
    import anthropic
    client = anthropic.Anthropic(base_url=os.environ["FAR_ANTHROPIC"])
    client.messages.create(model=CLAUDE, max_tokens=100, messages=TALK)
    with client.messages.stream(model=CLAUDE, max_tokens=100, messages=TALK) as stream:
        stream.get_final_message()


async def anthropic_async_calls():
    import anthropic
    async with anthropic.AsyncAnthropic(base_url=os.environ["FAR_ANTHROPIC"]) as client:
        await client.messages.create(model=CLAUDE, max_tokens=100, messages=TALK)


def tiktoken_calls():
    import tiktoken
    ranks = {bytes([byte]): byte for byte in range(256)}
    encoding = tiktoken.Encoding("made", pat_str=r"\S+|\s+", mergeable_ranks=ranks, special_tokens={})
    encoding.encode(TEXTS[0])
    encoding.decode(encoding.encode(TEXTS[1]))
    encoding.encode_batch(TEXTS)


# ---- frameworks ----

def stand_in_vectors():
    from langchain_core.embeddings import DeterministicFakeEmbedding
    from langchain_core.vectorstores import InMemoryVectorStore
    return InMemoryVectorStore.from_texts(TEXTS, DeterministicFakeEmbedding(size=8))


def langchain_calls():
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.runnables import RunnableLambda, RunnablePassthrough
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI

    @tool
    def look_up(name: str) -> str:
        """Looks a word up."""
        return name.upper()

    retriever = stand_in_vectors().as_retriever(search_kwargs={"k": 2})
    prompt = ChatPromptTemplate.from_template("{context}\n{question}")
    joined = RunnableLambda(lambda found: " ".join(document.page_content for document in found))
    chain = ({"context": retriever | joined, "question": RunnablePassthrough()} | prompt | ChatOpenAI(model=CHAT)
             | StrOutputParser())
    chain.invoke("What does the keeper write?")
    look_up.invoke({"name": "lamp"})


async def langchain_async_calls():
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_openai import ChatOpenAI
    chain = ChatPromptTemplate.from_template("{question}") | ChatOpenAI(model=CHAT) | StrOutputParser()
    await asyncio.gather(*(chain.ainvoke({"question": "What?"}) for _ in range(2)))
    async for _ in chain.astream({"question": "What?"}):
        pass


def langgraph_calls():
    import typing
    from langgraph.graph import END, START, StateGraph

    class State(typing.TypedDict):
        text: str

    graph = StateGraph(State)
    graph.add_node("upper", lambda state: {"text": state["text"].upper()})
    graph.add_edge(START, "upper")
    graph.add_edge("upper", END)
    compiled = graph.compile()
    compiled.invoke({"text": "lamp"})
    asyncio.run(compiled.ainvoke({"text": "lamp"}))


def llama_index_calls():
    from llama_index.core import Document, MockEmbedding, Settings, VectorStoreIndex
    from llama_index.core.llms import MockLLM
    Settings.llm, Settings.embed_model = MockLLM(max_tokens=8), MockEmbedding(embed_dim=8)
    index = VectorStoreIndex.from_documents([Document(text=text) for text in TEXTS])
    index.as_retriever(similarity_top_k=2).retrieve("lamp")
    index.as_query_engine(similarity_top_k=2).query("What of the lamp?")


def haystack_calls():
    from haystack import Document, Pipeline
    from haystack.components.builders import PromptBuilder
    from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    store = InMemoryDocumentStore()
    store.write_documents([Document(content=text) for text in TEXTS])
    pipeline = Pipeline()
    pipeline.add_component("retriever", InMemoryBM25Retriever(store, top_k=2))
    pipeline.add_component("prompt", PromptBuilder("{{documents}} {{question}}", required_variables=["question"]))
    pipeline.connect("retriever.documents", "prompt.documents")
    pipeline.run({"retriever": {"query": "lamp"}, "prompt": {"question": "What?"}})


# ---- vector stores ----

def chromadb_calls():
    import chromadb
    collection = chromadb.EphemeralClient().create_collection("notes")
    rows = vectors(3).tolist()
    collection.add(ids=["a", "b", "c"], embeddings=rows, documents=TEXTS)
    collection.upsert(ids=["c"], embeddings=rows[:1], documents=TEXTS[:1])
    collection.query(query_embeddings=rows[:2], n_results=2)
    collection.get(ids=["a"])
    collection.delete(ids=["a"])


def qdrant_calls():
    from qdrant_client import QdrantClient, models
    client = QdrantClient(":memory:")
    client.create_collection("notes", vectors_config=models.VectorParams(size=8, distance=models.Distance.COSINE))
    rows = vectors(3).tolist()
    client.upsert("notes", [models.PointStruct(id=i, vector=row, payload={"i": i}) for i, row in enumerate(rows)])
    client.query_points("notes", query=rows[0], limit=2)
    client.retrieve("notes", ids=[1])
    client.delete("notes", points_selector=[1])


async def qdrant_async_calls():
    from qdrant_client import AsyncQdrantClient, models
    client = AsyncQdrantClient(":memory:")
    await client.create_collection("notes", vectors_config=models.VectorParams(size=8, distance=models.Distance.COSINE))
    await client.upsert("notes", [models.PointStruct(id=1, vector=vectors(1)[0].tolist())])
    await client.query_points("notes", query=vectors(1)[0].tolist(), limit=2)


def milvus_calls():
    from pymilvus import MilvusClient
    client = MilvusClient(path("notes.db"))
    client.create_collection("notes", dimension=8)
    rows = vectors(3).tolist()
    client.insert("notes", [{"id": i, "vector": row} for i, row in enumerate(rows)])
    client.upsert("notes", [{"id": 1, "vector": rows[0]}])
    client.search("notes", data=rows[:1], limit=2)
    client.query("notes", filter="id >= 0")
    client.get("notes", ids=[1])
    client.delete("notes", ids=[1])
    client.close()


def failing(call):
    try:
        call()
    except Exception as error:
        print(f"{type(error).__name__}", file=sys.stderr)


def pinecone_calls():
    from pinecone import Pinecone
    index = Pinecone(api_key="none").Index(host=os.environ["FAR_NOBODY"])
    failing(lambda: index.query(vector=[0.1] * 8, top_k=2))
    failing(lambda: index.upsert(vectors=[("a", [0.1] * 8)]))
    failing(lambda: index.fetch(ids=["a"]))


def faiss_calls():
    import faiss
    index = faiss.IndexFlatL2(8)
    index.add(vectors())
    index.search(vectors(2), 3)
    faiss.write_index(index, path("notes.faiss"))
    faiss.read_index(path("notes.faiss")).search(vectors(1), 3)


# ---- models in the process ----

def tiny_tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
                                   sep_token="[SEP]", mask_token="[MASK]")


def transformers_calls():
    from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel
    config = GPT2Config(vocab_size=len(WORDS), n_positions=64, n_embd=16, n_layer=1, n_head=2, bos_token_id=2, eos_token_id=3)
    GPT2LMHeadModel(config).save_pretrained(path("gpt"))
    tiny_tokenizer().save_pretrained(path("gpt"))
    model, tokenizer = AutoModelForCausalLM.from_pretrained(path("gpt")), AutoTokenizer.from_pretrained(path("gpt"))
    for text in TEXTS[:2]:
        model.generate(**tokenizer(text, return_tensors="pt"), max_new_tokens=4, do_sample=False, pad_token_id=0)


def pipeline_calls():
    from transformers import GPT2Config, GPT2LMHeadModel, pipeline
    config = GPT2Config(vocab_size=len(WORDS), n_positions=64, n_embd=16, n_layer=1, n_head=2, bos_token_id=2, eos_token_id=3)
    pipe = pipeline("text-generation", model=GPT2LMHeadModel(config), tokenizer=tiny_tokenizer())
    pipe(TEXTS[0], max_new_tokens=4)


def tiny_bert(cls):
    from transformers import BertConfig
    return cls(BertConfig(vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                          intermediate_size=32, max_position_embeddings=64, num_labels=1))


def sentence_transformers_calls():
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertModel
    tiny_bert(BertModel).save_pretrained(path("bert"))
    tiny_tokenizer().save_pretrained(path("bert"))
    words = Transformer(path("bert"))
    SentenceTransformer(modules=[words, Pooling(16)]).save(path("embedder"))
    model = SentenceTransformer(path("embedder"), device="cpu")
    model.encode(TEXTS)
    model.encode_query("lamp")


def cross_encoder_calls():
    from sentence_transformers import CrossEncoder
    from transformers import BertForSequenceClassification
    tiny_bert(BertForSequenceClassification).save_pretrained(path("ranker"))
    tiny_tokenizer().save_pretrained(path("ranker"))
    model = CrossEncoder(path("ranker"), device="cpu")
    model.predict([("lamp", text) for text in TEXTS])
    model.rank("lamp", TEXTS)


def torch_calls():
    import torch
    layer = torch.nn.Linear(4, 4)
    torch.save(layer.state_dict(), path("layer.pt"))
    layer.load_state_dict(torch.load(path("layer.pt")))
    from safetensors.torch import load_file, save_file
    save_file(layer.state_dict(), path("layer.safetensors"))
    layer.load_state_dict(load_file(path("layer.safetensors")))


def onnxruntime_calls():
    import numpy
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper
    node = helper.make_node("Relu", ["x"], ["y"])
    kind = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 2]) for name in "xy"]
    model = helper.make_model(helper.make_graph([node], "made", kind[:1], kind[1:]),
                              opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path("made.onnx"))
    session = onnxruntime.InferenceSession(path("made.onnx"))
    for _ in range(2):
        session.run(None, {"x": numpy.ones((2, 2), dtype="float32")})


case = globals()[sys.argv[1] + "_calls"]
if asyncio.iscoroutinefunction(case):
    asyncio.run(case())
else:
    case()
