"""Parts of networks: one layer, one file, to be put together in a sentence.

A network for pairs is a molecule encoder and a protein encoder, an interaction that meets their vectors, and a head
that scores what comes of it. Distinct molecules and proteins are encoded once per step; pairs are two columns of row
numbers into their vectors.

* `batch` holds what is read: `MoleculeBatch`, atoms and edges of all molecules in flat tables, and `ProteinBatch`, one
  row per protein. `batch.molecule_batch` cuts molecules out of stored graphs.
* `molecule.MoleculeEncoder` is **fields** (`fields`: codes of atoms and bonds to vectors), a **core** (`gine`,
  `attentive_fp`, `gps`, `dmpnn`: message passing, from float vectors to states of the atoms, as `core.Core` says) and a
  **readout** (`readout`: states to one vector per molecule). It gives the states and the vectors.
* `segments` and `dropout` are what these are made of.

A drug-like molecule has few kinds of atoms and fewer kinds of bonds, so codes are embedded once per kind, and a core
is given one vector per kind of bond with the kind of each edge. Every core is held to its original, of
torch_geometric or chemprop, on equal weights.

Examples
--------
>>> from chem.graph_encode import encode_graphs
>>> from models.parts.batch import molecule_batch
>>> from models.parts.gine import GINE
>>> from models.parts.molecule import MoleculeEncoder, MoleculeFields
>>> from models.parts.readout import PooledReadout
>>> graphs = encode_graphs(["CCO", "c1ccccc1"])
>>> fields = MoleculeFields(graphs.node_cardinalities, graphs.edge_cardinalities, dim=16)
>>> encoder = MoleculeEncoder(fields, GINE(dim=16, edge_dim=16), PooledReadout(16, 8))
>>> states, vectors = encoder(molecule_batch(graphs, [0, 1]))
>>> states.shape, vectors.shape
(torch.Size([9, 16]), torch.Size([2, 8]))
"""
