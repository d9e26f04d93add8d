# SPDX-License-Identifier: Apache-2.0
"""The rows of docs/python-libraries.md: for each case of tests/programs/t_libraries.py its packages, and the
functions that the trace must tell of: package and name, class, how often. No fewer, and no others."""

LOAD, EMBED, RERANK, SEARCH = "model_load", "embedding_generation", "reranking", "vector_search"
GENERATE, RETRIEVE, TOOL, POST = "llm_generation", "retrieval", "tool_call", "post_process"


def of(package, *names, **counted):
    """names: once, without a class; counted: as name__in__class=(class, how often), with __ for dots"""
    wanted = {f"{package} {name}": (None, 1) for name in names}
    wanted.update({f"{package} {name.replace('__', '.', 1)}": what for name, what in counted.items()})
    return wanted


CASES = {
    "openai": ("openai", of("openai", "Responses.create", "Embeddings.create", Completions__create=(None, 2))),
    "openai_async": ("openai", of("openai", "AsyncEmbeddings.create", AsyncCompletions__create=(None, 2))),
    "anthropic": ("anthropic", of("anthropic", "Messages.create", "Messages.stream")),
    "anthropic_async": ("anthropic", of("anthropic", "AsyncMessages.create")),
    "tiktoken": ("tiktoken", of("tiktoken", "Encoding.decode", "Encoding.encode_batch", Encoding__encode=(None, 5))),
    "langchain": ("langchain-core langchain-openai", {
        **of("langchain_core", "DeterministicFakeEmbedding.embed_documents", "DeterministicFakeEmbedding.embed_query",
             "BaseChatModel.invoke", "BasePromptTemplate.invoke", "RunnableLambda.invoke", "RunnableParallel.invoke",
             BaseOutputParser__invoke=(POST, 1), BaseRetriever__invoke=(RETRIEVE, 1), BaseTool__invoke=(TOOL, 1),
             RunnableSequence__invoke=(None, 2), InMemoryVectorStore__similarity_search=(SEARCH, 1),
             InMemoryVectorStore__similarity_search_with_score=(SEARCH, 1),
             InMemoryVectorStore__similarity_search_with_score_by_vector=(SEARCH, 1)),
        **of("openai", "Completions.create")}),
    "langchain_async": ("langchain-core langchain-openai", {
        **of("langchain_core", "BaseChatModel.astream", "Runnable.astream", "RunnableSequence.astream",
             BaseChatModel__ainvoke=(None, 2), BaseOutputParser__ainvoke=(POST, 2), BasePromptTemplate__ainvoke=(None, 3),
             RunnableSequence__ainvoke=(None, 2)),
        **of("openai", AsyncCompletions__create=(None, 3))}),
    "langgraph": ("langgraph", of("langgraph", "Pregel.invoke", "Pregel.stream", "Pregel.ainvoke", "Pregel.astream")),
    "llama_index": ("llama-index-core", {
        **of("llama_index", "BaseQueryEngine.query", "BaseEmbedding.get_text_embedding_batch", "BaseIndex.from_documents",
             "MockLLM.complete", "BaseSynthesizer.synthesize", BaseEmbedding__get_query_embedding=(None, 2),
             BaseRetriever__retrieve=(RETRIEVE, 2), RetrieverQueryEngine__retrieve=(RETRIEVE, 1),
             SimpleVectorStore__query=(SEARCH, 2)),
        **of("tiktoken", Encoding__encode=(None, 14), load_tiktoken_bpe=(LOAD, 1))}),
    "haystack": ("haystack-ai", of("haystack", "PromptBuilder.run", "Pipeline.run", InMemoryBM25Retriever__run=(RETRIEVE, 1))),
    "chromadb": ("chromadb", of("chromadb", "Collection.add", "Collection.upsert", "Collection.get", "Collection.delete",
                                Collection__query=(SEARCH, 1))),
    "qdrant": ("qdrant-client", of("qdrant_client", "QdrantClient.create_collection", "QdrantClient.upsert",
                                   "QdrantClient.retrieve", "QdrantClient.delete", "QdrantClient.close",
                                   QdrantClient__query_points=(SEARCH, 1))),
    "qdrant_async": ("qdrant-client", of("qdrant_client", "AsyncQdrantClient.create_collection", "AsyncQdrantClient.upsert",
                                         AsyncQdrantClient__query_points=(SEARCH, 1))),
    "milvus": ("pymilvus milvus-lite", of("pymilvus", "MilvusClient.insert", "MilvusClient.upsert", "MilvusClient.query",
                                          "MilvusClient.get", "MilvusClient.delete", MilvusClient__search=(SEARCH, 1))),
    "pinecone": ("pinecone", of("pinecone", "Index.query", "Index.upsert", "Index.fetch")),
    "faiss": ("faiss-cpu", of("faiss", "replacement_add", replacement_search=(None, 2))),
    "torch": ("torch safetensors", {**of("torch", load=(LOAD, 1), Module__load_state_dict=(LOAD, 2)),
                                    **of("safetensors", load_file=(LOAD, 1))}),
    "onnxruntime": ("onnxruntime", of("onnxruntime", InferenceSession____init__=(LOAD, 1), Session__run=(EMBED, 2))),
    "transformers": ("transformers", of(
        "transformers", GenerationConfig__from_pretrained=(LOAD, 1), PreTrainedModel__from_pretrained=(LOAD, 1),
        _BaseAutoModelClass__from_pretrained=(LOAD, 1), AutoConfig__from_pretrained=(LOAD, 2), AutoTokenizer__from_pretrained=(LOAD, 1),
        PreTrainedTokenizerBase__from_pretrained=(LOAD, 1), PreTrainedTokenizerBase____call__=(None, 2),
        GenerationMixin__generate=(GENERATE, 2))),
    "pipeline": ("transformers", of("transformers", "Pipeline.__call__", "PreTrainedTokenizerBase.__call__",
                                    GenerationMixin__generate=(GENERATE, 1))),
    "sentence_transformers": ("sentence-transformers", {
        **of("sentence_transformers", SentenceTransformer____init__=(LOAD, 2), SentenceTransformer__encode=(EMBED, 3),
             SentenceTransformer__encode_query=(EMBED, 1)),
        **of("transformers", PreTrainedModel__from_pretrained=(LOAD, 2), _BaseAutoModelClass__from_pretrained=(LOAD, 2),
             AutoConfig__from_pretrained=(LOAD, 6), AutoProcessor__from_pretrained=(LOAD, 2), AutoTokenizer__from_pretrained=(LOAD, 2),
             PreTrainedTokenizerBase____call__=(None, 3), PreTrainedTokenizerBase__from_pretrained=(LOAD, 2))}),
    "cross_encoder": ("sentence-transformers", {
        **of("sentence_transformers", CrossEncoder____init__=(LOAD, 1), CrossEncoder__predict=(RERANK, 2), CrossEncoder__rank=(RERANK, 1)),
        **of("transformers", PreTrainedModel__from_pretrained=(LOAD, 1), _BaseAutoModelClass__from_pretrained=(LOAD, 1),
             AutoConfig__from_pretrained=(LOAD, 4), AutoProcessor__from_pretrained=(LOAD, 1), AutoTokenizer__from_pretrained=(LOAD, 1),
             PreTrainedTokenizerBase____call__=(None, 2), PreTrainedTokenizerBase__from_pretrained=(LOAD, 1))}),
}
