# SPDX-License-Identifier: Apache-2.0
"""What the far ends of vector stores keep: documents with a vector, in memory, and who is nearest."""


class Collection:
    def __init__(self):
        self.documents = {}

    def put(self, key, vector, document):
        self.documents[key] = (vector, document)

    def nearest(self, vector, count):
        """[(score, key, document)], the best first."""
        scored = [(sum(a * b for a, b in zip(vector, at)), key, document)
                  for key, (at, document) in self.documents.items()]
        return sorted(scored, key=lambda entry: -entry[0])[:count]
